/**
 * Key sets that customers publish, fetched when a token needs one and kept. The URL comes from a
 * registered credential, never from a token (RFC 8725 §3.10). One fetch at a time for each URL, and
 * no more often than the cooldown, so that no stream of tokens becomes a stream of calls.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Fetcher } from '../../ports/fetcher.ts'
import type { Log } from '../../ports/log.ts'
import { Outage } from '../../ports/outage.ts'
import { parseKeySet } from './key-set.ts'
import type { PublicKey } from './public-key.ts'

/** Our bounds. Over this many URLs, the one that was fetched first is forgotten. */
export const REMOTE_SET_COUNT_MAX = 1_000
/** Older keys still verify while they are fetched again. */
export const FRESH_MS = 600_000
/** Older ones verify nothing: a key its owner has taken down is gone by then, whatever fails. */
export const STALE_MS_MAX = 3_600_000
/** Between two fetches of a URL, whether the first has worked or not. */
export const COOLDOWN_MS = 10_000
/** At a time, so that URLs which never answer leave room for the key sets of other tenants. */
export const FETCHES_OF_TENANT_MAX = 16

/** What is looked for, and who pays for the call. */
export interface KeyWish {
  /** Whether a key would do; if none would, the set is fetched anew unless it was lately. */
  readonly isWanted: (key: PublicKey) => boolean
  readonly tenantId: string
}

interface Entry {
  keys: readonly PublicKey[]
  /** Of the last fetch that gave keys; both on the clock that only rises. */
  fetchedAtMs: number
  triedAtMs: number
  fetching: Promise<void> | undefined
}

export class RemoteKeys {
  readonly #deps: { readonly fetcher: Fetcher; readonly clock: Clock; readonly log: Log }
  readonly #entries = new Map<string, Entry>()
  /** Calls that run, by tenant; only while some do. */
  readonly #running = new Map<string, number>()

  constructor(deps: { readonly fetcher: Fetcher; readonly clock: Clock; readonly log: Log }) {
    this.#deps = deps
  }

  /**
   * @returns the keys that are wanted; at once where they are known.
   * @throws Outage `fetch_unavailable` when there is no set to look into: the token may be good.
   */
  async find(url: string, { isWanted, tenantId }: KeyWish): Promise<readonly PublicKey[]> {
    const entry = this.#entryOf(url)
    const known = this.#usable(entry)?.filter(isWanted) ?? []
    if (known.length > 0) {
      if (this.#ageOf(entry) >= FRESH_MS) this.#refreshBehind(url, entry, tenantId)
      return known
    }
    await this.#refresh(url, entry, tenantId)
    const keys = this.#usable(entry)
    if (keys !== undefined) return keys.filter(isWanted)
    throw new Outage('fetch_unavailable', 'the key set of a customer cannot be had', {
      port: 'fetcher',
      retryAfterMs: COOLDOWN_MS,
    })
  }

  #entryOf(url: string): Entry {
    const known = this.#entries.get(url)
    if (known !== undefined) return known
    const never = Number.NEGATIVE_INFINITY
    const made: Entry = { keys: [], fetchedAtMs: never, triedAtMs: never, fetching: undefined }
    this.#entries.set(url, made)
    if (this.#entries.size > REMOTE_SET_COUNT_MAX) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    return made
  }

  #ageOf({ fetchedAtMs }: Entry): number {
    return this.#deps.clock.monotonicMs() - fetchedAtMs
  }

  #usable(entry: Entry): readonly PublicKey[] | undefined {
    return this.#ageOf(entry) < STALE_MS_MAX ? entry.keys : undefined
  }

  /** What is known stays good for its time, so nobody waits. */
  #refreshBehind(url: string, entry: Entry, tenantId: string): void {
    const { log } = this.#deps
    this.#refresh(url, entry, tenantId).catch((error: unknown) => log.error('key_set_bug', error))
  }

  /** What fails outside is logged, not thrown. */
  #refresh(url: string, entry: Entry, tenantId: string): Promise<void> {
    if (entry.fetching !== undefined) return entry.fetching
    const nowMs = this.#deps.clock.monotonicMs()
    if (nowMs - entry.triedAtMs < COOLDOWN_MS) return Promise.resolve()
    if ((this.#running.get(tenantId) ?? 0) >= FETCHES_OF_TENANT_MAX) return Promise.resolve()
    entry.triedAtMs = nowMs
    this.#count(tenantId, 1)
    entry.fetching = this.#fetch(url, entry).finally(() => {
      entry.fetching = undefined
      this.#count(tenantId, -1)
    })
    return entry.fetching
  }

  #count(tenantId: string, change: number): void {
    const count = (this.#running.get(tenantId) ?? 0) + change
    if (count === 0) this.#running.delete(tenantId)
    else this.#running.set(tenantId, count)
  }

  async #fetch(url: string, entry: Entry): Promise<void> {
    const read = await this.#read(url)
    if (typeof read === 'string') {
      // The URL itself is not logged: a query may hold something private.
      this.#deps.log.warn('key_set_unavailable', { host: URL.parse(url)?.host, reason: read })
      return
    }
    entry.keys = read
    entry.fetchedAtMs = this.#deps.clock.monotonicMs()
  }

  /** @returns the keys, or why there are none. */
  async #read(url: string): Promise<readonly PublicKey[] | string> {
    try {
      const got = await this.#deps.fetcher.get(url)
      if (!got.ok) return got.refusal
      if (got.value.status !== 200) return `status ${got.value.status}`
      return parseKeySet(got.value.body) ?? 'not a key set'
    } catch (error) {
      if (error instanceof Outage) return error.message
      throw error
    }
  }
}
