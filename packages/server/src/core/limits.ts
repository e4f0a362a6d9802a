/**
 * How much of something a principal may do. Time comes in as an argument; nothing here keeps a
 * timer.
 */

/** A token bucket that holds one second of `perSecondMax`: a burst of that many, then that rate. */
export class RateLimit {
  #tokens: number
  #updatedAtMs: number

  constructor(perSecondMax: number, nowMs: number) {
    this.#tokens = perSecondMax
    this.#updatedAtMs = nowMs
  }

  /**
   * @param nowMs monotonic; an earlier time than before adds nothing.
   * @returns false when nothing is left; nothing is charged then.
   */
  take(perSecondMax: number, nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs)
    this.#updatedAtMs = Math.max(nowMs, this.#updatedAtMs)
    this.#tokens = Math.min(perSecondMax, this.#tokens + (elapsedMs * perSecondMax) / 1000)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
