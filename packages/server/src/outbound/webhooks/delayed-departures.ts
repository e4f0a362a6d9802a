/**
 * Holds back that a channel is empty or a member gone, and tells neither that nor the return where
 * they are back in time: a page that is loaded again is no departure (contract Sockudo, 1H.1).
 * Knows no timer; time comes in with each call. Bounded: what finds no place is told at once.
 */
import type { LiveEvent } from '../../core/live-events.ts'

/** Pusher's. */
export const DEPARTURE_DELAY_MS = 3_000
/** Our bound on departures that wait, about 20 MB; more at one moment are told at once. */
export const DEPARTURE_WAITING_COUNT_MAX = 50_000
/** Our bound on those told in one turn, a few milliseconds of work: all may leave together. */
export const DEPARTURE_TOLD_COUNT_MAX = 2_000

export type Movement = Extract<
  LiveEvent,
  { type: 'channel.occupied' | 'channel.vacated' | 'presence.enter' | 'presence.leave' }
>

interface Waiting {
  readonly event: Movement
  /** Monotonic. */
  readonly dueAtMs: number
}

export class DelayedDepartures {
  /** By what departed; all wait equally long, so those in front are due first. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #tell: (event: Movement) => void
  /** How many were told at once for want of a place. */
  hurriedCount = 0

  constructor(tell: (event: Movement) => void) {
    this.#tell = tell
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /** @param nowMs monotonic. */
  take(event: Movement, nowMs: number): void {
    const key = keyOf(event)
    const departed = this.#waiting.get(key)
    this.#waiting.delete(key)
    // Its time has come, and its turn has not.
    const isDue = departed !== undefined && nowMs >= departed.dueAtMs
    if (isDue) this.#tell(departed.event)
    if (event.type === 'channel.occupied' || event.type === 'presence.enter') {
      if (departed === undefined || isDue) this.#tell(event)
      return
    }
    if (this.#waiting.size >= DEPARTURE_WAITING_COUNT_MAX) {
      this.hurriedCount++
      this.#tell(event)
      return
    }
    this.#waiting.set(key, { event, dueAtMs: nowMs + DEPARTURE_DELAY_MS })
  }

  /** Tells those whose time has come, within a bound. @param nowMs monotonic. */
  tick(nowMs: number): void {
    let toldCount = 0
    for (const [key, { event, dueAtMs }] of this.#waiting) {
      if (nowMs < dueAtMs || toldCount >= DEPARTURE_TOLD_COUNT_MAX) return
      toldCount++
      this.#waiting.delete(key)
      this.#tell(event)
    }
  }

  /** Tells all that wait: nobody comes back to a server that ends. */
  finish(): void {
    for (const { event } of this.#waiting.values()) this.#tell(event)
    this.#waiting.clear()
  }
}

/** Channel names hold no line feed, and neither do ids of apps. */
function keyOf({ appId = '', details }: Movement): string {
  const place = `${appId}\n${details.channel}`
  return 'userId' in details ? `${place}\n${details.userId}` : place
}
