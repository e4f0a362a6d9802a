/**
 * What is known in memory of one channel: how far it has come, its recent messages and ids. The
 * store has the rest. State only.
 */
import type { ChannelTail, HistoryPage, StoredMessage } from '../../ports/history-store.ts'
import type { HistoryLimits } from './history-limits.ts'
import { RecentIds, type RecentUse } from './recent-ids.ts'

interface Entry {
  readonly message: StoredMessage
  readonly isKept: boolean
}

/** What a subscriber is to get. */
export interface RecentWish {
  /** Exclusive. */
  readonly floorMs: number
  readonly countMax: number
  readonly bytesMax: number
}

export interface RecentMessages {
  /** Oldest first; the newest ones where the bounds cut. */
  readonly messages: readonly StoredMessage[]
  readonly isCut: boolean
}

type LogLimits = Pick<HistoryLimits, 'recentCountMax' | 'recentBytesMax'>

/** A log, its maps and its name. */
const LOG_BYTES = 600
const MESSAGE_BYTES = 200

export class ChannelLog {
  readonly appId: string
  readonly channel: string
  readonly ids = new RecentIds()
  lastSequence = 0
  lastTimestampMs = 0
  /** Resolves when the newest write is done, well or not; undefined: nothing is under way. */
  written: Promise<void> | undefined
  /** A write of how far it has come is on its way. */
  isAdvancing = false
  /** So far the store knows. */
  savedSequence = 0
  /** Kept messages later than this are all here. */
  #coveredAfterMs = 0
  #coveredAfterSequence = 0
  /** What is read of the store now may be older, and deleted since. */
  #deletedBeforeMs = 0
  readonly #limits: LogLimits
  #entries: Entry[] = []
  #entryBytes = 0

  constructor(of: { readonly appId: string; readonly channel: string }, limits: LogLimits) {
    this.appId = of.appId
    this.channel = of.channel
    this.#limits = limits
  }

  /** Whether the store knows how far it has come. */
  get isSaved(): boolean {
    return this.savedSequence >= this.lastSequence
  }

  /** Estimated. */
  get byteCount(): number {
    return LOG_BYTES + 2 * this.channel.length + this.#entryBytes + this.ids.byteCount
  }

  /**
   * What the store has is known now.
   * @param recent backward; what came from other nodes meanwhile is newer.
   */
  open(tail: ChannelTail, recent: HistoryPage): void {
    const first = this.#entries[0]?.message.sequence ?? Number.POSITIVE_INFINITY
    const isOlder = ({ sequence, timestampMs }: StoredMessage) =>
      sequence < first && timestampMs >= this.#deletedBeforeMs
    const older = recent.messages.filter(isOlder).toReversed()
    const oldestMs = recent.messages.at(-1)?.timestampMs ?? Number.POSITIVE_INFINITY
    const isCut = recent.hasMore || oldestMs < this.#deletedBeforeMs
    const entries = older.map((message) => ({ message, isKept: true }))
    this.#entries = [...entries, ...this.#entries]
    for (const { message } of entries) this.#entryBytes += bytesOf(message)
    for (const message of older) this.ids.add(message.id, useOf(message))
    const oldest = older[0]
    if (oldest === undefined) this.#isMissing(tail.lastTimestampMs, tail.lastSequence)
    else if (isCut) this.#isMissing(oldest.timestampMs - 1, oldest.sequence - 1)
    this.#advance(tail.lastTimestampMs, tail.lastSequence)
    // What other nodes told meanwhile they have saved themselves.
    this.saved(this.lastSequence)
    this.#trim()
  }

  /** @param message with the next sequence, or one from another node. */
  append(message: StoredMessage, isKept: boolean): void {
    this.#entries.push({ message, isKept })
    this.#entryBytes += bytesOf(message)
    this.#advance(message.timestampMs, message.sequence)
    this.#trim()
  }

  /** @returns undefined where not all of it is here. */
  recent({ floorMs, countMax, bytesMax }: RecentWish): RecentMessages | undefined {
    const messages: StoredMessage[] = []
    let bytes = 0
    for (const { message, isKept } of this.#entries.toReversed()) {
      if (message.timestampMs <= floorMs) break
      if (!isKept) continue
      bytes += bytesOf(message)
      const isOver = messages.length >= countMax || (bytes > bytesMax && messages.length > 0)
      if (isOver) return { messages: messages.toReversed(), isCut: true }
      messages.push(message)
    }
    if (this.#coveredAfterMs > floorMs) return undefined
    return { messages: messages.toReversed(), isCut: false }
  }

  /** Whether it has something of that time or before, or the first message there ever was. */
  beginsBy(timestampMs: number): boolean {
    const first = this.#entries[0]?.message
    return first !== undefined && isBegun(first, timestampMs)
  }

  /** @returns kept messages later than `sequence`, oldest first; undefined: some are gone. */
  keptSince(sequence: number): readonly StoredMessage[] | undefined {
    if (this.#coveredAfterSequence > sequence) return undefined
    return this.#entries
      .filter(({ message, isKept }) => isKept && message.sequence > sequence)
      .map(({ message }) => message)
  }

  /** Messages before `beforeMs` are being deleted: nobody gets them from here any more. */
  forget(beforeMs: number): void {
    this.#deletedBeforeMs = Math.max(this.#deletedBeforeMs, beforeMs)
    // Those of other nodes need not be in the order of time.
    const isLeft = ({ message }: Entry) => message.timestampMs >= beforeMs
    const gone = this.#entries.filter((entry) => !isLeft(entry))
    if (gone.length === 0) return
    this.#entries = this.#entries.filter(isLeft)
    this.#areGone(gone)
  }

  saved(sequence: number): void {
    this.savedSequence = Math.max(this.savedSequence, sequence)
  }

  /** A write of all up to `sequence` was begun. */
  isWriting(durable: Promise<void>, sequence: number): void {
    const written: Promise<void> = durable.then(() => this.saved(sequence), stillWritten)
    this.written = written
    void written.then(() => {
      if (this.written === written) this.written = undefined
    })
  }

  #advance(timestampMs: number, sequence: number): void {
    this.lastTimestampMs = Math.max(this.lastTimestampMs, timestampMs)
    this.lastSequence = Math.max(this.lastSequence, sequence)
  }

  #isMissing(timestampMs: number, sequence: number): void {
    this.#coveredAfterMs = Math.max(this.#coveredAfterMs, timestampMs)
    this.#coveredAfterSequence = Math.max(this.#coveredAfterSequence, sequence)
  }

  #trim(): void {
    const { recentCountMax, recentBytesMax } = this.#limits
    let count = 0
    let bytes = this.#entryBytes
    while (
      this.#entries.length - count > recentCountMax ||
      (bytes > recentBytesMax && this.#entries.length - count > 1)
    ) {
      const entry = this.#entries[count++]
      if (entry === undefined) break
      bytes -= bytesOf(entry.message)
    }
    if (count > 0) this.#areGone(this.#entries.splice(0, count))
  }

  #areGone(entries: readonly Entry[]): void {
    for (const { message, isKept } of entries) {
      this.#entryBytes -= bytesOf(message)
      if (isKept) this.#isMissing(message.timestampMs, message.sequence)
    }
  }
}

/** The oldest go first: where `oldest` is left, nothing later than `timestampMs` has gone. */
export function isBegun(oldest: StoredMessage, timestampMs: number): boolean {
  return oldest.timestampMs <= timestampMs || oldest.sequence === 1
}

/** It is written later, and known when a later one is. */
function stillWritten(): void {}

function useOf(message: StoredMessage): RecentUse {
  const { publisherId, timestampMs, sequence } = message
  return { publisherKey: undefined, publisherId, timestampMs, sequence, durable: undefined }
}

/** Estimated; text of Latin-1 takes one byte a character, so this is on the safe side. */
export function bytesOf({ id, data, publisherId }: StoredMessage): number {
  return MESSAGE_BYTES + 2 * (id.length + data.length + publisherId.length)
}
