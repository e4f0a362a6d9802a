/**
 * Signatures of changing calls seen inside the timestamp window, for apps that refuse replays.
 * Bounded: when it is full, calls are refused rather than let through unchecked.
 */

/** About 20 MB at the most. */
export const REMEMBERED_SIGNATURE_COUNT_MAX = 100_000

export class ReplayMemory {
  readonly #expiries = new Map<string, number>()
  readonly #lifeMs: number

  /**
   * @param authTimestampWindowMs a signature is good from this long before to this long after its
   * time.
   */
  constructor(authTimestampWindowMs: number) {
    this.#lifeMs = authTimestampWindowMs * 2
  }

  /** Remembers a signature that held. */
  remember(signature: string, nowMs: number): 'new' | 'replayed' | 'replay_memory_full' {
    for (const [oldest, expiresAtMs] of this.#expiries) {
      if (nowMs < expiresAtMs) break
      this.#expiries.delete(oldest)
    }
    if (this.#expiries.has(signature)) return 'replayed'
    if (this.#expiries.size >= REMEMBERED_SIGNATURE_COUNT_MAX) return 'replay_memory_full'
    this.#expiries.set(signature, nowMs + this.#lifeMs)
    return 'new'
  }
}
