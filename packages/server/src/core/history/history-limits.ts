/** How much of messages is held in memory and read at a time. All of these bounds are ours. */

const KIBI = 1024
const MEBI = 1024 * KIBI

/** The same id of the same publisher within this time is the same message (contract 3). */
export const DUPLICATE_WINDOW_MS = 120_000
/** Per channel: one that gets more in two minutes may see a late repetition twice. */
export const RECENT_ID_COUNT_MAX = 10_000
/**
 * How far timestamps may run ahead of the clock before publishers have to wait. No two messages of
 * an app share one, so an app publishes a thousand a second for long, and this much in a burst: a
 * second, as contract 3 proposes, is less than one channel delivers.
 */
export const TIMESTAMP_LEAD_MS_MAX = 60_000
/** Calls that wait for one channel to be read. */
export const OPENING_WAIT_COUNT_MAX = 1_000
/** Of ids and messages that are read when a channel is first used. */
export const OPENING_READ_COUNT = 100
export const OPENING_READ_BYTES = 64 * KIBI
/** A history page is one frame. */
export const HISTORY_PAGE_BYTES_MAX = MEBI
/** What a rewind asks for at the most, as a page of history. */
export const REWIND_COUNT_MAX = 1_000
/** Before a subscriber is told that the channel is too busy to be caught up with. */
export const REPLAY_ROUND_COUNT_MAX = 4

export interface HistoryLimits {
  /** Recent messages of one channel in memory. */
  readonly recentCountMax: number
  readonly recentBytesMax: number
  /** What the channels of one app, and of all, have in memory. */
  readonly appBytesMax: number
  readonly nodeBytesMax: number
  /** Of one replay: below what an outbox takes. */
  readonly replayBytesMax: number
  /** Reads of the store at a time, each up to the bytes above, and how many more wait. */
  readonly readCountMax: number
  readonly readWaitCountMax: number
}

export const HISTORY_LIMITS: HistoryLimits = {
  recentCountMax: 256,
  recentBytesMax: 256 * KIBI,
  appBytesMax: 64 * MEBI,
  nodeBytesMax: 512 * MEBI,
  replayBytesMax: 2 * MEBI,
  readCountMax: 16,
  readWaitCountMax: 20_000,
}
