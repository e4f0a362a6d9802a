/**
 * One keeper's place in the cache: reads and writes its entry, and takes the lease that lets one
 * instance at a time ask the server. Each call has a bound; a cache that fails is an answer here,
 * so that the keeper goes on without it.
 */
import { before, nameFailure, type System } from './system.ts'
import type { TokenCache } from './token-cache.ts'
import { EntryCodec, type TokenEntry } from './token-entry.ts'
import type { TokenWarning } from './token-error.ts'

export interface StoreOptions {
  readonly cache: TokenCache
  readonly keysBase64: readonly string[]
  readonly system: System
  readonly warn: (warning: TokenWarning) => void
  /** What the entry belongs to: one for each family of tokens. */
  readonly name: string
}

export interface Reading {
  /** The cache could not be asked. */
  readonly isOut: boolean
  /** As it is kept. */
  readonly raw: string | undefined
  readonly entry: TokenEntry | undefined
}

/**
 * How long one instance may hold the others off. Longer than a refresh may take, and so short
 * that, when that instance died after the server had answered, the next one comes inside the leeway
 * (10 s) in which the server gives the same successor again.
 */
export const LEASE_MS = 7_000
/** As long as a refresh token that nobody uses lives; each renewal begins it anew. */
const ENTRY_MS = 7 * 24 * 3_600_000
const CACHE_MS_MAX = 1_000
const OWNER_BYTES = 16

export class TokenStore {
  readonly #options: StoreOptions
  readonly #codec: EntryCodec
  readonly #place: string

  constructor(options: StoreOptions) {
    this.#options = options
    this.#codec = new EntryCodec(options.keysBase64)
    this.#place = `token:${options.name}`
  }

  async read(): Promise<Reading> {
    const place = this.#place
    const raw = await this.#ask((cache) => cache.get(place))
    if (raw.isOut) return { isOut: true, raw: undefined, entry: undefined }
    if (raw.value === undefined) return { isOut: false, raw: undefined, entry: undefined }
    const entry = await this.#codec.decode(raw.value, place)
    if (entry === undefined) this.#options.warn({ code: 'cache_unreadable' })
    return { isOut: false, raw: raw.value, entry }
  }

  /** @returns whether the entry took the place of exactly what was read. */
  async write(entry: TokenEntry, read: Reading): Promise<boolean> {
    const place = this.#place
    const value = await this.#codec.encode(entry, place)
    const change = { expected: read.raw, value, ttlMs: ENTRY_MS }
    const stored = await this.#ask((cache) => cache.compareAndSet(place, change))
    return stored.value === true
  }

  /** @returns what gives the lease back; `busy` while another has it; `out` without a cache. */
  async lease(): Promise<(() => Promise<void>) | 'busy' | 'out'> {
    const place = `${this.#place}:lease`
    const owner = crypto.getRandomValues(new Uint8Array(OWNER_BYTES)).join('.')
    const take = { expected: undefined, value: owner, ttlMs: LEASE_MS }
    const taken = await this.#ask((cache) => cache.compareAndSet(place, take))
    if (taken.isOut) return 'out'
    if (!taken.value) return 'busy'
    const give = { expected: owner, value: undefined, ttlMs: LEASE_MS }
    return async () => {
      await this.#ask((cache) => cache.compareAndSet(place, give))
    }
  }

  async #ask<T>(
    question: (cache: TokenCache) => Promise<T>,
  ): Promise<{ isOut: true; value?: undefined } | { isOut: false; value: T }> {
    const { cache, system, warn } = this.#options
    try {
      return { isOut: false, value: await before(system.deadline(CACHE_MS_MAX), question(cache)) }
    } catch (error) {
      warn({ code: 'cache_unavailable', reason: nameFailure(error) })
      return { isOut: true }
    }
  }
}
