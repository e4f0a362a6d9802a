/**
 * Counts what may be done how often. Adapter: memory; a cluster will share one through Redis.
 * Contract suite: `test/contract/limiter.ts`.
 */
export interface LimitPolicy {
  /** Names the bucket family, so that policies never share a count. */
  readonly name: string
  /** At most this many ... */
  readonly countMax: number
  /** ... in any window of this length (sliding). */
  readonly windowMs: number
}

export interface LimitVerdict {
  readonly isAllowed: boolean
  /** How many more are allowed now. */
  readonly remaining: number
  /** When trying again can succeed; 0 when this one was allowed. */
  readonly retryAfterMs: number
}

export interface Limiter {
  /**
   * Takes one from the bucket of `policy` and `subject`. What is refused is not counted.
   * @param subject an address or credential id; at most 200 characters, never a secret.
   */
  take(policy: LimitPolicy, subject: string): LimitVerdict
}
