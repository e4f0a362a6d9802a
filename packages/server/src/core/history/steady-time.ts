/**
 * Epoch time that never goes back, for timestamps that have to rise: where the wall clock is set
 * back it goes on from where it was, as fast as the monotonic clock.
 */
import type { Clock } from '../../ports/clock.ts'

export class SteadyTime {
  readonly #clock: Clock
  /** From the monotonic clock to the epoch; only grows. */
  #offsetMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nowMs(): number {
    const runningMs = this.#clock.monotonicMs()
    this.#offsetMs = Math.max(this.#offsetMs, this.#clock.nowMs() - runningMs)
    return Math.floor(runningMs + this.#offsetMs)
  }

  /** Somebody has used `timestampMs`: time is not before it. */
  saw(timestampMs: number): void {
    this.#offsetMs = Math.max(this.#offsetMs, timestampMs - this.#clock.monotonicMs())
  }
}
