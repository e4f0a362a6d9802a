/** A cache inside one process: for a service that lives long, and for tests. */
import { SYSTEM } from './system.ts'
import type { CacheChange, TokenCache } from './token-cache.ts'

/** Our bound; the entry that was written longest ago makes room. */
export const MEMORY_ENTRY_COUNT_MAX = 1_000

export class MemoryCache implements TokenCache {
  readonly #entries = new Map<string, { readonly value: string; readonly untilMs: number }>()
  readonly #now: () => number

  constructor(now: () => number = SYSTEM.now) {
    this.#now = now
  }

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#read(key))
  }

  compareAndSet(key: string, { expected, value, ttlMs }: CacheChange): Promise<boolean> {
    if (this.#read(key) !== expected) return Promise.resolve(false)
    this.#entries.delete(key)
    if (value !== undefined) {
      for (const oldest of this.#entries.keys()) {
        if (this.#entries.size < MEMORY_ENTRY_COUNT_MAX) break
        this.#entries.delete(oldest)
      }
      this.#entries.set(key, { value, untilMs: this.#now() + ttlMs })
    }
    return Promise.resolve(true)
  }

  #read(key: string): string | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && this.#now() < entry.untilMs ? entry.value : undefined
  }
}
