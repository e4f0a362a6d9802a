/**
 * The messages of one session that were not sent yet, in order, under seqs without a gap. Memory
 * holds the first of them and, of all, the size; the rest is in the store alone and comes back by
 * pages. Without a store everything is in memory. Pure; the owner keeps the bounds.
 */
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'

/** Our bounds on what memory holds of a queue that is in the store. */
export const MEMORY_COUNT_MAX = 64
export const MEMORY_BYTES_MAX = 256 * 1024

/** Removed entries at the head of a list are cut off when so many have gathered. */
const TRIM_COUNT = 64

export interface Waiting {
  readonly seq: number
  readonly bytes: number
}

export class WaitingMessages {
  /** Of all that wait. */
  bytes = 0
  /** Of the first one that waits, or of the next one. */
  #headSeq: number
  #memoryBytes = 0
  /** Both begin with the message of `#headSeq` at `#gone`; deliveries may be fewer. */
  readonly #sizes: number[] = []
  #deliveries: (TopicDelivery | undefined)[] = []
  /** Entries at the beginning of both that are no more. */
  #gone = 0

  /** @param nextSeq of the next message. */
  constructor(nextSeq: number) {
    this.#headSeq = nextSeq
  }

  get count(): number {
    return this.#sizes.length - this.#gone
  }

  get headSeq(): number {
    return this.#headSeq
  }

  /** How many of the first ones are in memory. */
  get loadedCount(): number {
    return Math.max(0, this.#deliveries.length - this.#gone)
  }

  /** Whether the next one has to be read from the store. */
  get isNextStored(): boolean {
    return this.count > 0 && this.loadedCount === 0
  }

  /** @returns the seq of a message that does not wait at all; only when none does. */
  pass(): number {
    return this.#headSeq++
  }

  /** @param delivery undefined: it is in the store alone. @returns its seq. */
  add(delivery: TopicDelivery | undefined, bytes: number): number {
    if (delivery !== undefined && this.loadedCount === this.count) {
      this.#deliveries.push(delivery)
      this.#memoryBytes += bytes
    }
    this.#sizes.push(bytes)
    this.bytes += bytes
    return this.#headSeq + this.count - 1
  }

  /** Whether one more may be in memory beside the store. */
  hasMemoryFor(bytes: number): boolean {
    if (this.loadedCount < this.count) return false
    return this.loadedCount < MEMORY_COUNT_MAX && this.#memoryBytes + bytes <= MEMORY_BYTES_MAX
  }

  /** @returns the first one, which stays; undefined when it is not in memory. */
  peek(): TopicDelivery | undefined {
    return this.#deliveries[this.#gone]
  }

  /** Takes the first one out, in memory or not. @returns undefined when none waits. */
  shift(): Waiting | undefined {
    const bytes = this.#sizes[this.#gone]
    if (bytes === undefined) return undefined
    if (this.#gone < this.#deliveries.length) {
      this.#deliveries[this.#gone] = undefined
      this.#memoryBytes -= bytes
    }
    this.bytes -= bytes
    this.#gone++
    if (this.#gone >= TRIM_COUNT || this.#gone === this.#sizes.length) this.#trim()
    return { seq: this.#headSeq++, bytes }
  }

  /**
   * Gives memory the delivery behind those it has.
   * @returns false when it is not the next one: it went meanwhile.
   */
  load(seq: number, delivery: TopicDelivery, bytes: number): boolean {
    const { loadedCount } = this
    if (seq !== this.#headSeq + loadedCount || loadedCount >= this.count) return false
    const at = this.#gone + loadedCount
    this.bytes += bytes - (this.#sizes[at] ?? 0)
    this.#memoryBytes += bytes
    this.#sizes[at] = bytes
    this.#deliveries[at] = delivery
    return true
  }

  /** After a start: `count` messages up to `lastSeq` are in the store, of `bytes` together. */
  restore(count: number, bytes: number): void {
    const each = Math.ceil(bytes / Math.max(1, count))
    for (let index = 0; index < count; index++) this.add(undefined, each)
  }

  /** Memory keeps the sizes only: the store has the rest. */
  unload(): void {
    this.#deliveries = []
    this.#memoryBytes = 0
    this.#trim()
  }

  #trim(): void {
    this.#sizes.splice(0, this.#gone)
    this.#deliveries.splice(0, this.#gone)
    this.#gone = 0
  }
}
