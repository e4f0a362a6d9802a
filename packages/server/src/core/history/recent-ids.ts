/**
 * Ids that publishers used on one channel a moment ago: who sends the same again is told again that
 * it was taken. Bounded in time and in number; the oldest go first.
 */
import { DUPLICATE_WINDOW_MS, RECENT_ID_COUNT_MAX } from './history-limits.ts'

export interface RecentUse {
  /** Undefined: read from the store, which does not have it. */
  readonly publisherKey: string | undefined
  readonly publisherId: string
  readonly timestampMs: number
  readonly sequence: number
  /** Of a kept message: when it is durable. */
  readonly durable: Promise<void> | undefined
}

/** What an entry takes beside its id. */
const OVERHEAD_BYTES = 160

export class RecentIds {
  readonly #uses = new Map<string, RecentUse>()
  byteCount = 0

  /** @returns undefined: nobody used it, or too long ago. */
  find(id: string, nowMs: number): RecentUse | undefined {
    const use = this.#uses.get(id)
    return use !== undefined && nowMs - use.timestampMs < DUPLICATE_WINDOW_MS ? use : undefined
  }

  add(id: string, use: RecentUse): void {
    this.forget(id)
    this.#uses.set(id, use)
    this.byteCount += bytesOf(id)
    for (const [oldest, { timestampMs }] of this.#uses) {
      const isOver = this.#uses.size > RECENT_ID_COUNT_MAX
      if (!isOver && use.timestampMs - timestampMs < DUPLICATE_WINDOW_MS) return
      this.forget(oldest)
    }
  }

  forget(id: string): void {
    if (this.#uses.delete(id)) this.byteCount -= bytesOf(id)
  }
}

function bytesOf(id: string): number {
  return OVERHEAD_BYTES + 2 * id.length
}
