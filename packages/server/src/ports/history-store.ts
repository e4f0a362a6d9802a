/**
 * Messages of channels that are kept: wSocket history, and the last event of Pusher's cache
 * channels. One of these per region, in a file of its own beside the region's, because it is
 * written far more often than credentials are. It survives `kill -9`, not by itself the loss of
 * power (`synchronous=NORMAL`). Adapters: memory and SQLite; the contract suite is
 * `test/contract/history-store.ts`.
 */

export interface StoredMessage {
  readonly appId: string
  readonly channel: string
  /** Unique in the recent messages of its channel. */
  readonly id: string
  /** JSON text. */
  readonly data: string
  /** Client id of who published it, or id of its key; may be empty. */
  readonly publisherId: string
  /** Epoch; strictly rising in its app, so it names the message. */
  readonly timestampMs: number
  /** Rises by 1 in its channel. */
  readonly sequence: number
}

/** About what a message costs beside its texts: numbers, and its places in indexes. */
export const STORED_MESSAGE_OVERHEAD_BYTES = 64

/** What a message is counted as, everywhere: UTF-8 bytes of its texts, and the overhead. */
export function storedMessageBytes({
  id,
  data,
  publisherId,
}: Pick<StoredMessage, 'id' | 'data' | 'publisherId'>): number {
  const texts = Buffer.byteLength(id) + Buffer.byteLength(data) + Buffer.byteLength(publisherId)
  return texts + STORED_MESSAGE_OVERHEAD_BYTES
}

/** How far a channel has come; survives the messages themselves. */
export interface ChannelTail {
  /** 0: nothing was ever published. */
  readonly lastSequence: number
  readonly lastTimestampMs: number
  /** Of the oldest message that is still there; undefined: there is none. */
  readonly oldestTimestampMs: number | undefined
}

export interface HistoryQuery {
  readonly appId: string
  readonly channel: string
  /** `forward`: oldest first. */
  readonly direction: 'forward' | 'backward'
  /** Both exclusive, epoch. */
  readonly beforeMs: number | undefined
  readonly afterMs: number | undefined
  readonly countMax: number
  /**
   * Pages end earlier where their messages are large, by {@link storedMessageBytes}; at least one
   * message is on a page.
   */
  readonly byteCountMax: number
}

export interface HistoryPage {
  /** In the direction of the query. */
  readonly messages: readonly StoredMessage[]
  /** Whether there are more in that direction. */
  readonly hasMore: boolean
}

/** The last event of a cache channel. */
export interface StoredLastEvent {
  readonly appId: string
  readonly channel: string
  readonly event: string
  readonly data: string
  /** Epoch. */
  readonly expiresAtMs: number
}

export type HistoryWrite =
  /** One whose sequence or timestamp is not beyond its channel's tail is a repetition. */
  | { readonly kind: 'message'; readonly message: StoredMessage }
  /** The channel has come further without keeping anything: its numbers do not go back. */
  | {
      readonly kind: 'advanced'
      readonly appId: string
      readonly channel: string
      readonly sequence: number
      readonly timestampMs: number
    }
  /** Replaces what is kept for the channel. */
  | { readonly kind: 'last_event'; readonly last: StoredLastEvent }
  | { readonly kind: 'last_event_gone'; readonly appId: string; readonly channel: string }
  | { readonly kind: 'app_removed'; readonly appId: string }

export interface HistoryUsage {
  readonly messageCount: number
  /** By {@link storedMessageBytes}. */
  readonly byteCount: number
}

export interface HistoryStore {
  /**
   * All in order, or none. Calls are carried out in the order they were made, and those that wait
   * together share a commit. Repeating a call changes nothing.
   * @returns once they survive `kill -9`. @throws Outage when nothing was written.
   */
  apply(writes: readonly HistoryWrite[]): Promise<void>
  /** @throws Outage */
  tail(appId: string, channel: string): Promise<ChannelTail>
  /** @returns the newest timestamp of each app; asked before the server is ready. @throws Outage */
  newest(): Promise<ReadonlyMap<string, number>>
  /** All that was applied before is seen. @throws Outage */
  page(query: HistoryQuery): Promise<HistoryPage>
  /** @returns what has not expired; asked before the server is ready. @throws Outage */
  lastEvents(nowMs: number): Promise<readonly StoredLastEvent[]>
  /** @throws Outage */
  usage(appId: string): Promise<HistoryUsage>
  /** Channels of an app that keep messages, after `after`, by name. @throws Outage */
  channels(page: {
    readonly appId: string
    readonly after: string | undefined
    readonly countMax: number
  }): Promise<readonly { readonly channel: string; readonly oldestTimestampMs: number }[]>
  /**
   * Deletes at most `countMax` of the oldest: of one channel, or of the whole app.
   * @param beforeMs exclusive, epoch; undefined: whatever their age.
   * @returns how many. @throws Outage
   */
  prune(of: {
    readonly appId: string
    readonly channel: string | undefined
    readonly beforeMs: number | undefined
    readonly countMax: number
  }): Promise<number>
}
