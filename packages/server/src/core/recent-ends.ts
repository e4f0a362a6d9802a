/**
 * What was ended a moment ago. A connection that has proved who it is, and waits for something
 * before it is in the hub, is not found by what ends it meanwhile: it asks here when it goes on.
 */
import type { Reliance } from './reliance.ts'

/** Longer than anybody is kept waiting at the door. */
const KEPT_MS = 120_000
/** Our bound; over it the oldest are forgotten, and who has waited since then comes again. */
export const RECENT_END_COUNT_MAX = 50_000

export class RecentEnds {
  /** When each was ended last, on the clock that only rises; oldest first. */
  readonly #ends = new Map<Reliance, number>()
  #forgottenUntilMs = Number.NEGATIVE_INFINITY

  add(reliance: Reliance, nowMs: number): void {
    this.#ends.delete(reliance)
    this.#ends.set(reliance, nowMs)
    this.#forget(nowMs)
  }

  /** @returns whether one of them was ended at `sinceMs` or later, or nobody can tell any more. */
  hasEnded(reliances: readonly Reliance[], sinceMs: number): boolean {
    if (sinceMs <= this.#forgottenUntilMs) return true
    return reliances.some((each) => (this.#ends.get(each) ?? Number.NEGATIVE_INFINITY) >= sinceMs)
  }

  get size(): number {
    return this.#ends.size
  }

  #forget(nowMs: number): void {
    for (const [reliance, endedAtMs] of this.#ends) {
      const isOver = this.#ends.size > RECENT_END_COUNT_MAX
      if (!isOver && nowMs - endedAtMs <= KEPT_MS) return
      this.#ends.delete(reliance)
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, endedAtMs)
    }
  }
}
