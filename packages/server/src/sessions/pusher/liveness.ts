/**
 * When a Pusher connection is pinged and when it is over for lack of life, use or authorization.
 * Contract 1A.3, 1A.4 and 1D. All times are monotonic milliseconds.
 */
import type { RefusalCode } from '../../core/refusals.ts'
import type { AppSettings } from '../../ports/records/app.ts'

/** Pusher's: a connection on which nothing but pings passed for a day is closed with 4202. */
export const IDLE_MS_MAX = 24 * 60 * 60 * 1000

export interface PusherTimes {
  /** Told to the client, and after so much silence the server pings. */
  readonly activityTimeoutMs: number
  /** How long a ping may stay unanswered. */
  readonly pongTimeoutMs: number
}

export class Liveness {
  readonly #times: PusherTimes
  readonly #openedAtMs: number
  #heardAtMs: number
  #usedAtMs: number
  #pingedAtMs: number | undefined
  #isAuthorized = false

  constructor(times: PusherTimes, nowMs: number) {
    this.#times = times
    this.#openedAtMs = nowMs
    this.#heardAtMs = nowMs
    this.#usedAtMs = nowMs
  }

  /** Anything at all arrived. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#pingedAtMs = undefined
  }

  /** Something other than a ping or pong arrived. */
  used(nowMs: number): void {
    this.#usedAtMs = nowMs
  }

  /** The connection signed in or joined an authorized channel. */
  authorized(): void {
    this.#isAuthorized = true
  }

  /** @returns what is due now; `ping` is told once and then counts as sent. */
  check(nowMs: number, settings: AppSettings): 'ping' | RefusalCode | undefined {
    const isOverdue = nowMs - this.#openedAtMs >= settings.authorizationTimeoutMs
    if (settings.requireAuthorization && !this.#isAuthorized && isOverdue) {
      return 'authorization_overdue'
    }
    if (nowMs - this.#usedAtMs >= IDLE_MS_MAX) return 'idle'
    if (this.#pingedAtMs !== undefined) {
      return nowMs - this.#pingedAtMs >= this.#times.pongTimeoutMs ? 'pong_missing' : undefined
    }
    if (nowMs - this.#heardAtMs < this.#times.activityTimeoutMs) return undefined
    this.#pingedAtMs = nowMs
    return 'ping'
  }

  /**
   * @returns the earliest time at which {@link check} could say something new if nothing is heard.
   */
  nextCheckMs(settings: AppSettings): number {
    const { activityTimeoutMs, pongTimeoutMs } = this.#times
    const silentMs =
      this.#pingedAtMs === undefined
        ? this.#heardAtMs + activityTimeoutMs
        : this.#pingedAtMs + pongTimeoutMs
    const isBounded = settings.requireAuthorization && !this.#isAuthorized
    const overdueMs = isBounded
      ? this.#openedAtMs + settings.authorizationTimeoutMs
      : Number.POSITIVE_INFINITY
    return Math.min(silentMs, overdueMs, this.#usedAtMs + IDLE_MS_MAX)
  }
}
