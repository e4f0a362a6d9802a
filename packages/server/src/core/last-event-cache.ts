/**
 * The last event of each cache channel of one app, for new subscribers. Bounded in entries and
 * bytes; the event published longest ago goes first. Life is decided when read, never by a sweeper
 * alone.
 */

export interface LastEvent {
  readonly event: string
  readonly data: string
  readonly expiresAtMs: number
}

/** Our bounds, per app. */
export const CACHED_CHANNEL_COUNT_MAX = 100_000
export const CACHED_UNITS_MAX = 64 * 1024 * 1024

export class LastEventCache {
  /** Told of channels of which nothing is kept any more, for who wrote it down. */
  onGone: ((channel: string) => void) | undefined
  readonly #events = new Map<string, LastEvent>()
  #units = 0

  /** Keeps `last` as the newest event of `channel`. */
  keep(channel: string, last: LastEvent): void {
    this.#forget(channel)
    this.#events.set(channel, last)
    this.#units += sizeOf(channel, last)
    for (const oldest of this.#events.keys()) {
      if (this.#events.size <= CACHED_CHANNEL_COUNT_MAX && this.#units <= CACHED_UNITS_MAX) return
      this.#lose(oldest)
    }
  }

  /** @returns undefined when nothing is kept or its life is over at `nowMs`. */
  read(channel: string, nowMs: number): LastEvent | undefined {
    const last = this.#events.get(channel)
    if (last === undefined) return undefined
    if (nowMs < last.expiresAtMs) return last
    this.#lose(channel)
    return undefined
  }

  /** Frees what has expired; entries are in publish order and share one life, so it stops early. */
  sweep(nowMs: number): void {
    for (const [channel, last] of this.#events) {
      if (nowMs < last.expiresAtMs) return
      this.#lose(channel)
    }
  }

  #lose(channel: string): void {
    this.#forget(channel)
    this.onGone?.(channel)
  }

  #forget(channel: string): void {
    const last = this.#events.get(channel)
    if (last === undefined) return
    this.#events.delete(channel)
    this.#units -= sizeOf(channel, last)
  }
}

/** Upper estimate in UTF-16 units; strings take one or two bytes a unit. */
function sizeOf(channel: string, last: LastEvent): number {
  return channel.length + last.event.length + last.data.length + ENTRY_OVERHEAD_UNITS
}

const ENTRY_OVERHEAD_UNITS = 64
