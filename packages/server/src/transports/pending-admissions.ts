/**
 * Upgrades whose protocol has to ask somebody first. How many wait and how long is bounded, so that
 * a store that answers late costs neither memory nor the sockets of those who are connected.
 */
import type { Admission } from '../sessions/session.ts'

/** Our bound: each holds a request and a socket without a session. */
export const PENDING_COUNT_MAX = 4_096
/** Less than the runtime waits for an answer of ours. */
export const PENDING_MS_MAX = 8_000

interface Pending {
  readonly untilMs: number
  readonly giveUp: () => void
}

export class PendingAdmissions {
  readonly #pending = new Set<Pending>()

  get isFull(): boolean {
    return this.#pending.size >= PENDING_COUNT_MAX
  }

  /**
   * @returns what was decided; undefined after {@link PENDING_MS_MAX}: what is decided later is
   * abandoned, and a failure is nobody's.
   */
  async wait<T extends Admission>(deciding: Promise<T>, nowMs: number): Promise<T | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>()
    const pending = { untilMs: nowMs + PENDING_MS_MAX, giveUp: () => resolve(undefined) }
    this.#pending.add(pending)
    try {
      return await Promise.race([deciding, late])
    } finally {
      if (!this.#pending.delete(pending)) deciding.then(abandon, () => {})
    }
  }

  /** Called about once a second. */
  tick(nowMs: number): void {
    // The oldest are the first.
    for (const pending of this.#pending) {
      if (pending.untilMs > nowMs) return
      this.#pending.delete(pending)
      pending.giveUp()
    }
  }
}

/** There is no connection for it: what was taken for one is given back. */
export function abandon(admission: Admission): void {
  if (admission.kind === 'session') admission.abandoned?.()
}
