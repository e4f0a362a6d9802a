/**
 * Time for what is due: like the wall clock, but it never goes back. A clock that is set back must
 * not hold deliveries up; one that is set forward is followed, but by what throws something away.
 */
import type { Clock } from '../../ports/clock.ts'

/** Ordinary corrections of a clock are far less. */
const LEAP_MS_MAX = 3_600_000

export class SteadyTime {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #startMonotonicMs: number
  #atMs: number
  #monotonicMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.nowMs()
    this.#startMonotonicMs = clock.monotonicMs()
    this.#atMs = this.#startMs
    this.#monotonicMs = this.#startMonotonicMs
  }

  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs()
    const passedMs = this.#atMs + (monotonicMs - this.#monotonicMs)
    this.#atMs = Math.max(passedMs, this.#clock.nowMs())
    this.#monotonicMs = monotonicMs
    return Math.floor(this.#atMs)
  }

  /**
   * For what can never be had back: at most an hour ahead of what has passed since the start, so
   * that a clock which leaps by mistake ages nothing. Behind where the machine has slept.
   */
  unhurriedMs(): number {
    const passedMs = this.#clock.monotonicMs() - this.#startMonotonicMs
    return Math.floor(Math.min(this.nowMs(), this.#startMs + passedMs + LEAP_MS_MAX))
  }
}
