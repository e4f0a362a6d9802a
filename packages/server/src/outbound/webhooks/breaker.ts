/**
 * Whether an endpoint gets anything now. After so many failures in a row nothing is sent for a
 * while, then one delivery as a trial; while trials fail the wait doubles. Pure but for the random
 * port.
 */
import type { Random } from '../../ports/random.ts'
import { withJitter } from './schedule.ts'

/** Our choices. */
const FAILURES_TO_OPEN = 5
const OPEN_MS_MIN = 5_000
const OPEN_MS_MAX = 60_000

export type BreakerState = 'closed' | 'open' | 'half_open'

export class Breaker {
  readonly #random: Random
  #failureCount = 0
  #openMs = 0
  /** Closed: undefined. */
  #openUntilMs: number | undefined
  #isTrying = false

  constructor(random: Random) {
    this.#random = random
  }

  /** @param nowMs of a clock that never goes back. */
  stateAt(nowMs: number): BreakerState {
    if (this.#openUntilMs === undefined) return 'closed'
    return nowMs < this.#openUntilMs ? 'open' : 'half_open'
  }

  /** When the next trial may begin; 0 for a closed one. */
  get opensAgainAtMs(): number {
    return this.#openUntilMs ?? 0
  }

  /** Whether one more may be sent now. */
  mayBegin(nowMs: number): boolean {
    const state = this.stateAt(nowMs)
    return state === 'closed' || (state === 'half_open' && !this.#isTrying)
  }

  /** To be told of everything that is sent. */
  began(nowMs: number): void {
    if (this.stateAt(nowMs) === 'half_open') this.#isTrying = true
  }

  succeeded(): void {
    this.#failureCount = 0
    this.#openMs = 0
    this.#openUntilMs = undefined
    this.#isTrying = false
  }

  /** What began before it opened and fails afterwards changes nothing. */
  failed(nowMs: number): void {
    const state = this.stateAt(nowMs)
    this.#failureCount++
    const isTrialOver = state === 'half_open' && this.#isTrying
    if (state === 'closed' ? this.#failureCount < FAILURES_TO_OPEN : !isTrialOver) return
    this.#isTrying = false
    this.#openMs = Math.min(Math.max(2 * this.#openMs, OPEN_MS_MIN), OPEN_MS_MAX)
    this.#openUntilMs = nowMs + withJitter(this.#openMs, this.#random)
  }

  /** Nothing was learned: what began was not sent. */
  cancelled(): void {
    this.#isTrying = false
  }
}
