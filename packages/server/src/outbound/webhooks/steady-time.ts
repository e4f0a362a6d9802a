/**
 * Time for what is due: like the wall clock, but it never goes back. A clock that is set back must
 * not hold deliveries up; one that is set forward is followed.
 */
import type { Clock } from '../../ports/clock.ts'

export class SteadyTime {
  readonly #clock: Clock
  #atMs: number
  #monotonicMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#atMs = clock.nowMs()
    this.#monotonicMs = clock.monotonicMs()
  }

  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs()
    const passedMs = this.#atMs + (monotonicMs - this.#monotonicMs)
    this.#atMs = Math.max(passedMs, this.#clock.nowMs())
    this.#monotonicMs = monotonicMs
    return Math.floor(this.#atMs)
  }
}
