/**
 * Where keepers keep the newest refresh token, so that a restart, or the next run of a serverless
 * function, goes on without the client secret. Two operations; the second makes everything else
 * possible: a lease, and a write that never replaces a newer token by an older one.
 */

export interface TokenCache {
  /**
   * @returns undefined when nothing is kept under the key, or its time is over.
   * @throws when the cache cannot be asked; never says `undefined` for that.
   */
  get(key: string): Promise<string | undefined>

  /**
   * Stores `value` for `ttlMs` if what is kept is exactly `expected`: one step that no other
   * keeper comes between.
   * @returns whether it was stored. After a throw it may have been.
   */
  compareAndSet(key: string, change: CacheChange): Promise<boolean>
}

export interface CacheChange {
  /** As `get` gave it; undefined: nothing is kept. */
  readonly expected: string | undefined
  /** Undefined removes what is kept. Never empty. */
  readonly value: string | undefined
  /** Whole milliseconds, more than 0. */
  readonly ttlMs: number
}
