/** One channel of the history store over memory: its tail, and its messages by time. */
import {
  type ChannelTail,
  type HistoryPage,
  type HistoryQuery,
  type StoredMessage,
  storedMessageBytes,
} from '../../ports/history-store.ts'

export class KeptChannel {
  #lastSequence = 0
  #lastTimestampMs = 0
  /** Timestamps rise. */
  readonly #messages: StoredMessage[] = []

  get tail(): ChannelTail {
    return {
      lastSequence: this.#lastSequence,
      lastTimestampMs: this.#lastTimestampMs,
      oldestTimestampMs: this.#messages[0]?.timestampMs,
    }
  }

  /** @returns false for a repetition. */
  add(message: StoredMessage): boolean {
    const { sequence, timestampMs } = message
    const isNew = sequence > this.#lastSequence && timestampMs > this.#lastTimestampMs
    if (isNew) this.#messages.push({ ...message })
    this.advance(sequence, timestampMs)
    return isNew
  }

  advance(sequence: number, timestampMs: number): void {
    this.#lastSequence = Math.max(this.#lastSequence, sequence)
    this.#lastTimestampMs = Math.max(this.#lastTimestampMs, timestampMs)
  }

  page({ direction, beforeMs, afterMs, countMax, byteCountMax }: HistoryQuery): HistoryPage {
    const start = afterMs === undefined ? 0 : this.#countUntil(afterMs + 1)
    const end = beforeMs === undefined ? this.#messages.length : this.#countUntil(beforeMs)
    const messages: StoredMessage[] = []
    let byteCount = 0
    for (let step = 0; step < end - start; step++) {
      const message = this.#messages[direction === 'forward' ? start + step : end - 1 - step]
      if (message === undefined) break
      byteCount += storedMessageBytes(message)
      const isFull = messages.length >= countMax || byteCount > byteCountMax
      if (isFull && messages.length > 0) return { messages, hasMore: true }
      messages.push({ ...message })
    }
    return { messages, hasMore: false }
  }

  /** The first `countMax` from before `beforeMs`. */
  oldest(beforeMs: number | undefined, countMax: number): readonly StoredMessage[] {
    const count = beforeMs === undefined ? this.#messages.length : this.#countUntil(beforeMs)
    return this.#messages.slice(0, Math.min(count, countMax))
  }

  dropOldest(count: number): void {
    this.#messages.splice(0, count)
  }

  /** How many are older than `timestampMs`: a binary search. */
  #countUntil(timestampMs: number): number {
    let [low, high] = [0, this.#messages.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#messages[middle]?.timestampMs ?? 0) < timestampMs) low = middle + 1
      else high = middle
    }
    return low
  }
}
