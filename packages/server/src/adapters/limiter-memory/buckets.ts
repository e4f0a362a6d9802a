/**
 * The buckets of one policy by subject, the longest idle first. A list through the buckets keeps
 * the order: taking a key out of a large map and putting it back, at every call, has the map
 * rebuilt.
 */
import type { Count } from './counts.ts'

export interface Bucket {
  readonly count: Count
  /** When it last counted; a window later there is nothing in it. */
  lastMs: number
}

interface Link {
  readonly key: string
  readonly bucket: Bucket
  older: Link | undefined
  newer: Link | undefined
}

export class Buckets {
  readonly #links = new Map<string, Link>()
  #oldest: Link | undefined
  #newest: Link | undefined

  get oldest(): Bucket | undefined {
    return this.#oldest?.bucket
  }

  get(key: string): Bucket | undefined {
    return this.#links.get(key)?.bucket
  }

  /** @param key not there yet. */
  add(key: string, bucket: Bucket): void {
    const link: Link = { key, bucket, older: undefined, newer: undefined }
    this.#links.set(key, link)
    this.#append(link)
  }

  /** Makes it the last to become idle. */
  touch(key: string): void {
    const link = this.#links.get(key)
    if (link === undefined || link === this.#newest) return
    this.#detach(link)
    this.#append(link)
  }

  dropOldest(): void {
    const link = this.#oldest
    if (link === undefined) return
    this.#detach(link)
    this.#links.delete(link.key)
  }

  #append(link: Link): void {
    link.older = this.#newest
    link.newer = undefined
    if (this.#newest === undefined) this.#oldest = link
    else this.#newest.newer = link
    this.#newest = link
  }

  #detach({ older, newer }: Link): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }
}
