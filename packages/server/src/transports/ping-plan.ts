/**
 * When one socket is pinged by the transport, and whether its peer still answers (RFC 6455
 * §5.5.2). Plans begin at different times, so that thousands of sockets that came together are not
 * pinged together.
 */

/** Contract wSocket, part 1: every 25 to 30 s. The second that a turn may be late is left. */
const PING_MS_MIN = 25_000
const PING_MS_SPREAD = 4_000
/** Contract wSocket, part 1: who leaves two unanswered has gone. */
const UNANSWERED_COUNT_MAX = 2
/** The part of the golden ratio: multiples of it, without what is before the point, lie apart. */
const SPREAD = 0.618_033_988_749_895

export class PingPlan {
  dueAtMs: number
  readonly #everyMs: number
  readonly #isAnswerAwaited: boolean
  #unansweredCount = 0

  constructor(start: { dueAtMs: number; everyMs: number; isAnswerAwaited: boolean }) {
    this.dueAtMs = start.dueAtMs
    this.#everyMs = start.everyMs
    this.#isAnswerAwaited = start.isAnswerAwaited
  }

  /** The peer said something: a message, a ping or a pong. */
  heard(): void {
    this.#unansweredCount = 0
  }

  /** A ping is due now. @returns `gone`: it did not answer those before. */
  next(nowMs: number): 'ping' | 'gone' {
    if (this.#isAnswerAwaited && this.#unansweredCount >= UNANSWERED_COUNT_MAX) return 'gone'
    this.#unansweredCount++
    this.dueAtMs = nowMs + this.#everyMs
    return 'ping'
  }

  /** Nothing is read of this socket now, so no answer could be seen either. */
  postpone(nowMs: number): void {
    this.heard()
    this.dueAtMs = nowMs + this.#everyMs
  }
}

export class PingPlans {
  #count = 0

  /** Of a socket whose peer has to answer. */
  awaited(nowMs: number): PingPlan {
    const part = this.#nextPart()
    const everyMs = PING_MS_MIN + part * PING_MS_SPREAD
    return new PingPlan({ dueAtMs: nowMs + part * everyMs, everyMs, isAnswerAwaited: true })
  }

  /**
   * Of a socket whose protocol looks after its peer itself, and lets it be silent for longer than
   * the runtime does without a pong.
   */
  unawaited(nowMs: number, everyMs: number): PingPlan {
    const dueAtMs = nowMs + this.#nextPart() * everyMs
    return new PingPlan({ dueAtMs, everyMs, isAnswerAwaited: false })
  }

  /** @returns more than 0 and at most 1. */
  #nextPart(): number {
    this.#count++
    return 1 - ((this.#count * SPREAD) % 1)
  }
}
