/**
 * What of a channel is given again: to new subscribers before live messages, and page by page. The
 * time something may be kept is decided here, whatever the store still has.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { HistoryPage, HistoryQuery, StoredMessage } from '../../ports/history-store.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import { type ChannelLog, isBegun, type RecentWish } from './channel-log.ts'
import type { History } from './history.ts'
import {
  HISTORY_PAGE_BYTES_MAX,
  REPLAY_ROUND_COUNT_MAX,
  REWIND_COUNT_MAX,
} from './history-limits.ts'
import { keepMsOf } from './retention-rules.ts'

/** The last so many, or what is later. */
export type ReplayOf =
  | { readonly kind: 'rewind'; readonly count: number }
  | { readonly kind: 'after'; readonly timestampMs: number }

export interface Replayed {
  /** Oldest first. */
  readonly messages: readonly StoredMessage[]
  /** False: some that were missed are not among them. */
  readonly isComplete: boolean
}

export interface ReplayRequest {
  readonly app: AppRecord
  readonly channel: string
  readonly replay: ReplayOf
}

type Later<T> = T | Promise<T>
type PageQuery = Omit<HistoryQuery, 'appId' | 'byteCountMax'>

interface Wish extends RecentWish {
  /** What the client had last; undefined where it only looks back. */
  readonly knownMs: number | undefined
  /** Messages up to here may have been deleted for their age. */
  readonly deletedMs: number
}

export class Replays {
  readonly #history: History

  constructor(history: History) {
    this.#history = history
  }

  /**
   * Runs `hand` at a moment when what it is given ends where the channel is: whatever is published
   * afterwards comes later. At once where nothing has to be read.
   * @throws Outage
   */
  run<T>(request: ReplayRequest, hand: (replayed: Replayed) => T): Later<Result<T, 'overloaded'>> {
    const { app, channel } = request
    const quick = this.#history.use(app, channel, (log) => {
      const replayed = this.#fromMemory(log, this.#wishOf(request))
      return replayed === undefined ? undefined : { handed: hand(replayed) }
    })
    if (quick instanceof Promise) return quick.then((tried) => this.#orRead(tried, request, hand))
    return this.#orRead(quick, request, hand)
  }

  /** @throws Outage */
  async page(
    app: AppRecord,
    query: PageQuery,
  ): Promise<Result<HistoryPage, 'history_off' | 'overloaded'>> {
    const keepMs = keepMsOf(app.settings, query.channel)
    if (keepMs === 0) return refuse('history_off')
    const afterMs = Math.max(query.afterMs ?? 0, this.#history.time.nowMs() - keepMs)
    await this.#history.find(app.id, query.channel)?.written
    return this.#read(app, { ...query, afterMs }, HISTORY_PAGE_BYTES_MAX)
  }

  #orRead<T>(
    tried: Result<{ readonly handed: T } | undefined, 'overloaded'>,
    request: ReplayRequest,
    hand: (replayed: Replayed) => T,
  ): Later<Result<T, 'overloaded'>> {
    if (!tried.ok) return tried
    return tried.value === undefined ? this.#fromStore(request, hand) : ok(tried.value.handed)
  }

  #wishOf({ app, channel, replay }: ReplayRequest): Wish {
    const { settings } = app
    const nowMs = this.#history.time.nowMs()
    const bytesMax = this.#history.limits.replayBytesMax
    const deletedMs = nowMs - keepMsOf(settings, channel)
    if (replay.kind === 'rewind') {
      const countMax = Math.min(replay.count, REWIND_COUNT_MAX)
      return { knownMs: undefined, floorMs: deletedMs, deletedMs, countMax, bytesMax }
    }
    const { timestampMs: knownMs } = replay
    const floorMs = Math.max(knownMs, deletedMs, nowMs - settings.resumeWindowMs)
    return { knownMs, floorMs, deletedMs, countMax: settings.resumeMessageCountMax, bytesMax }
  }

  /** @returns undefined where the store has to be asked. */
  #fromMemory(log: ChannelLog, wish: Wish): Replayed | undefined {
    const { knownMs } = wish
    const mayLack = knownMs !== undefined && this.#history.isCut(log.appId, knownMs)
    if (knownMs !== undefined && log.lastTimestampMs <= knownMs) return NOTHING_MISSED
    const found = log.recent(wish)
    if (knownMs === undefined) return found && { messages: found.messages, isComplete: true }
    if (mayLack && !log.beginsBy(knownMs)) return undefined
    const isLost = knownMs < wish.deletedMs
    const missed = isLost ? undefined : log.recent({ ...wish, floorMs: knownMs })
    if (found === undefined || (missed === undefined && !isLost)) return undefined
    const isComplete = missed?.isCut === false && missed.messages.length === found.messages.length
    return { messages: found.messages, isComplete }
  }

  /** Again, where more came meanwhile than is kept in memory. */
  async #fromStore<T>(
    request: ReplayRequest,
    hand: (replayed: Replayed) => T,
  ): Promise<Result<T, 'overloaded'>> {
    const { app, channel } = request
    for (let round = 0; round < REPLAY_ROUND_COUNT_MAX; round++) {
      const used = await this.#history.use(app, channel, (log) => ({
        log,
        written: log.written,
      }))
      if (!used.ok) return used
      const { log, written } = used.value
      // What is on its way to the store is not found there yet.
      await written
      const { savedSequence } = log
      const wish = this.#wishOf(request)
      const whole = await this.#isWhole(request, wish)
      if (!whole.ok) return whole
      const query = { channel, direction: 'backward', beforeMs: undefined } as const
      const read = await this.#read(
        app,
        { ...query, afterMs: wish.floorMs, countMax: Math.max(1, wish.countMax) },
        wish.bytesMax,
      )
      if (!read.ok) return read
      const { messages: newest, hasMore } = read.value
      const from = Math.max(savedSequence, newest[0]?.sequence ?? 0)
      const since = log.keptSince(from)
      // A log that was let go meanwhile hears of nothing any more.
      if (since === undefined || this.#history.find(app.id, channel) !== log) continue
      const all = [...newest.toReversed(), ...since]
      const messages = all.slice(Math.max(0, all.length - wish.countMax))
      const isCut = hasMore || messages.length < all.length
      const isComplete = wish.knownMs === undefined || (whole.value && !isCut)
      return ok(hand({ messages, isComplete }))
    }
    return refuse('overloaded')
  }

  /** Whether all that was kept after what the client knows is later than the floor. */
  async #isWhole(
    { app, channel }: ReplayRequest,
    { knownMs, floorMs, deletedMs }: Wish,
  ): Promise<Result<boolean, 'overloaded'>> {
    if (knownMs === undefined) return ok(true)
    if (knownMs < deletedMs) return ok(false)
    if (this.#history.isCut(app.id, knownMs)) {
      const all = { beforeMs: undefined, afterMs: undefined }
      const query = { channel, direction: 'forward', countMax: 1, ...all } as const
      const first = await this.#read(app, query, 1)
      if (!first.ok) return first
      const [oldest] = first.value.messages
      if (oldest === undefined || !isBegun(oldest, knownMs)) return ok(false)
    }
    if (floorMs <= knownMs) return ok(true)
    const between = { afterMs: knownMs, beforeMs: floorMs + 1 }
    const query = { channel, direction: 'forward', countMax: 1, ...between } as const
    const read = await this.#read(app, query, 1)
    return read.ok ? ok(read.value.messages.length === 0) : read
  }

  #read(
    app: AppRecord,
    query: PageQuery,
    byteCountMax: number,
  ): Promise<Result<HistoryPage, 'overloaded'>> {
    const { store } = this.#history.regionOf(app)
    return this.#history.slots.run(() => store.page({ ...query, appId: app.id, byteCountMax }))
  }
}

const NOTHING_MISSED: Replayed = { messages: [], isComplete: true }
