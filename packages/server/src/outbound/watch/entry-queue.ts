/** Entries of one lane of one tenant, oldest first. Taking from the front costs nothing. */
import type { LiveEvent } from '../../core/live-events.ts'

export interface JournalEntry {
  /** Of the whole journal, from 1. */
  readonly seq: number
  /** Among those of its tenant, from 1: who sees one tenant learns nothing of the others by it. */
  readonly ownSeq: number
  readonly event: LiveEvent
  /** It is no longer kept, and goes with the next clearing up. */
  isDropped: boolean
}

/** Places before the front are given back when they are so many and more than half. */
const SLACK_COUNT = 512

export class EntryQueue {
  #entries: (JournalEntry | undefined)[] = []
  #start = 0
  /** The newest that was taken from the front. */
  droppedThroughSeq = 0
  droppedThroughOwnSeq = 0

  get length(): number {
    return this.#entries.length - this.#start
  }

  push(entry: JournalEntry): void {
    this.#entries.push(entry)
  }

  /** Marks the oldest as dropped. */
  drop(): void {
    const entry = this.#entries[this.#start]
    if (entry === undefined) return
    this.#entries[this.#start++] = undefined
    entry.isDropped = true
    this.droppedThroughSeq = entry.seq
    this.droppedThroughOwnSeq = entry.ownSeq
    if (this.#start > SLACK_COUNT && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start)
      this.#start = 0
    }
  }
}
