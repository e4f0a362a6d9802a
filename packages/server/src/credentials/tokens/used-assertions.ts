/**
 * Assertions that were used and may not have expired, so that none is used twice (RFC 7523 §3,
 * `jti`). In the memory of this node. Where it is full it takes no more: what cannot be remembered
 * could be used again.
 */
import { hash } from 'node:crypto'

/** Our bounds: of one app, so that it cannot keep others out, and in all. */
export const USED_OF_APP_COUNT_MAX = 10_000
export const USED_COUNT_MAX = 200_000

interface Use {
  readonly appId: string
  readonly endsAtMs: number
}

export class UsedAssertions {
  readonly #lifeMs: number
  /** By hash of app and id; the first to be forgotten first. */
  readonly #uses = new Map<string, Use>()
  readonly #counts = new Map<string, number>()

  /** @param lifeMs at least as long as an assertion can be good after its first use. */
  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs
  }

  /** @returns whether it is the first use, which is then remembered. */
  take(appId: string, jti: string, nowMs: number): boolean {
    for (const [oldest, use] of this.#uses) {
      if (nowMs < use.endsAtMs) break
      this.#uses.delete(oldest)
      this.#count(use.appId, -1)
    }
    const key = hash('sha256', `${appId}\n${jti}`, 'base64')
    const isFull =
      this.#uses.size >= USED_COUNT_MAX || (this.#counts.get(appId) ?? 0) >= USED_OF_APP_COUNT_MAX
    if (isFull || this.#uses.has(key)) return false
    this.#uses.set(key, { appId, endsAtMs: nowMs + this.#lifeMs })
    this.#count(appId, 1)
    return true
  }

  get size(): number {
    return this.#uses.size
  }

  #count(appId: string, change: number): void {
    const count = (this.#counts.get(appId) ?? 0) + change
    if (count === 0) this.#counts.delete(appId)
    else this.#counts.set(appId, count)
  }
}
