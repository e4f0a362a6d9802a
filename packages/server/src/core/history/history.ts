/**
 * The messages of all channels of all apps: their numbers, what is recent in memory, and what goes
 * to the store. It decides nothing about who may have them. Bounded: logs of channels that nobody
 * used for long are let go, and read again when they are needed.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { Clock } from '../../ports/clock.ts'
import type { HistoryStore, HistoryWrite, StoredMessage } from '../../ports/history-store.ts'
import { Outage } from '../../ports/outage.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import { ChannelLog } from './channel-log.ts'
import {
  HISTORY_LIMITS,
  type HistoryLimits,
  OPENING_READ_BYTES,
  OPENING_READ_COUNT,
  OPENING_WAIT_COUNT_MAX,
  TIMESTAMP_LEAD_MS_MAX,
} from './history-limits.ts'
import { LogShelf, type Opening } from './log-shelf.ts'
import { ReadSlots } from './read-slots.ts'
import { SteadyTime } from './steady-time.ts'

/** Writes of one region on their way to the store. */
export interface HistoryWriter {
  /** Whether a message would be accepted now. */
  readonly isAccepting: boolean
  /**
   * In order. What is accepted is written, however long that takes; `durable` resolves once it
   * survives `kill -9`, and is rejected with the first outage.
   */
  write(
    write: HistoryWrite,
  ): { readonly accepted: true; readonly durable: Promise<void> } | { readonly accepted: false }
  /** @returns once all that was accepted is durable: true; false: the store fails. */
  settled(): Promise<boolean>
}

export interface HistoryRegion {
  readonly store: HistoryStore
  readonly journal: HistoryWriter
}

export interface HistoryPorts {
  readonly regionOf: (app: AppRecord) => HistoryRegion
  readonly clock: Clock
}

export interface Appended {
  readonly isKept: boolean
  readonly publisherKey: string
}

export class History {
  readonly limits: HistoryLimits
  readonly slots: ReadSlots
  readonly time: SteadyTime
  readonly #ports: HistoryPorts
  readonly #shelf: LogShelf

  constructor(ports: HistoryPorts, limits = HISTORY_LIMITS) {
    this.#ports = ports
    this.limits = limits
    this.slots = new ReadSlots(limits)
    this.time = new SteadyTime(ports.clock)
    this.#shelf = new LogShelf(limits)
  }

  /** Of the logs of all apps, estimated. */
  get byteCount(): number {
    return this.#shelf.byteCount
  }

  /** Timestamps go on from what a store has; awaited before the server is ready. @throws Outage */
  async load(store: Pick<HistoryStore, 'newest'>): Promise<void> {
    for (const [appId, timestampMs] of await store.newest()) this.#saw(appId, timestampMs)
    for (const appId of this.appIds()) this.cut(appId) // nobody knows what was deleted before
  }

  /** Of apps that have or had messages. */
  appIds(): string[] {
    return this.#shelf.appIds()
  }

  regionOf(app: AppRecord): HistoryRegion {
    return this.#ports.regionOf(app)
  }

  /** @returns 0 for an app without messages. */
  lastTimestampMs(appId: string): number {
    return this.#shelf.known(appId)?.lastTimestampMs ?? 0
  }

  /** What was published is not later, what will be is; in a quiet app it moves on with the time. */
  reachedMs(appId: string): number {
    return Math.max(this.lastTimestampMs(appId), this.time.nowMs() - TIMESTAMP_LEAD_MS_MAX)
  }

  /** @returns one that rises in the app; undefined: they would run ahead of the clock. */
  nextTimestampMs(appId: string): number | undefined {
    const app = this.#shelf.of(appId)
    const nowMs = this.time.nowMs()
    const nextMs = Math.max(nowMs, app.lastTimestampMs + 1)
    if (nextMs > nowMs + TIMESTAMP_LEAD_MS_MAX) return undefined
    app.lastTimestampMs = nextMs
    return nextMs
  }

  /** Whether of what is later than `sinceMs` some may have been deleted that is not too old. */
  isCut(appId: string, sinceMs: number): boolean {
    return sinceMs <= (this.#shelf.known(appId)?.cutAtMs ?? 0)
  }

  /** Messages of the app may be missing by now. */
  cut(appId: string): void {
    this.#shelf.of(appId).cutAtMs = this.time.nowMs()
  }

  /** @returns undefined where it is not in memory. */
  find(appId: string, channel: string): ChannelLog | undefined {
    return this.#shelf.known(appId)?.logs.get(channel)
  }

  /**
   * Works with the log of a channel, at once where it is in memory; else in the order of the calls,
   * once it is. `work` has the only log there is, for as long as it does not wait.
   * @throws Outage
   */
  use<T>(
    app: AppRecord,
    channel: string,
    work: (log: ChannelLog) => T,
  ): Result<T, 'overloaded'> | Promise<Result<T, 'overloaded'>> {
    const log = this.#shelf.take(app.id, channel)
    return log === undefined ? this.#useLater(app, channel, work) : ok(work(log))
  }

  /**
   * Takes a message in that was just numbered.
   * @returns when a kept one is durable; it is rejected with the first outage, and written later.
   * @throws Outage where no more can be kept, and then nothing has changed.
   */
  append(
    app: AppRecord,
    log: ChannelLog,
    { message, how }: { readonly message: StoredMessage; readonly how: Appended },
  ): Promise<void> | undefined {
    const durable = how.isKept ? this.#keep(app, log, message) : undefined
    const before = log.byteCount
    log.append(message, how.isKept)
    if (durable === undefined) this.#advance(app, log)
    const { publisherId, timestampMs, sequence } = message
    const { publisherKey } = how
    log.ids.add(message.id, { publisherKey, publisherId, timestampMs, sequence, durable })
    this.#shelf.charge(app.id, log.byteCount - before)
    return durable
  }

  /** Of a message that is repeated. @returns as {@link append}. */
  again(app: AppRecord, durable: Promise<void>): Promise<void> {
    const again = durable.catch(async () => {
      if (!(await this.regionOf(app).journal.settled())) throw full()
    })
    // Who repeated it may have gone: a rejection that nobody hears is no error.
    void again.then(isTrue, isFalse)
    return again
  }

  /** A message that another node numbered. */
  accept(appId: string, message: StoredMessage, isKept: boolean): void {
    this.#saw(appId, message.timestampMs)
    const app = this.#shelf.of(appId)
    const log = app.logs.get(message.channel)
    if (log === undefined) {
      app.openings.get(message.channel)?.log.append(message, isKept)
      return
    }
    const before = log.byteCount
    log.append(message, isKept)
    log.saved(message.sequence)
    this.#shelf.charge(appId, log.byteCount - before)
  }

  /** Messages of a channel, or of every one, are being deleted: nobody gets them from here. */
  forgetBefore(of: {
    readonly appId: string
    /** Undefined: every channel. */
    readonly channel: string | undefined
    /** Exclusive, epoch. */
    readonly beforeMs: number
  }): void {
    const { appId, channel, beforeMs } = of
    for (const log of this.#shelf.logs(appId, channel)) {
      const before = log.byteCount
      log.forget(beforeMs)
      // One that is being read is charged when it was.
      if (this.find(appId, log.channel) === log) this.#shelf.charge(appId, log.byteCount - before)
    }
    this.cut(appId)
  }

  /** Lets go of all of a deleted app, and removes it from `regions`. */
  forget(appId: string, regions: Iterable<Pick<HistoryRegion, 'journal'>>): void {
    this.#shelf.remove(appId)
    for (const { journal } of regions) journal.write({ kind: 'app_removed', appId })
  }

  async #useLater<T>(
    app: AppRecord,
    channel: string,
    work: (log: ChannelLog) => T,
  ): Promise<Result<T, 'overloaded'>> {
    for (;;) {
      const { openings } = this.#shelf.of(app.id)
      const opening = openings.get(channel) ?? this.#open(app, channel)
      if (opening.waitCount >= OPENING_WAIT_COUNT_MAX) return refuse('overloaded')
      opening.waitCount++
      const opened = await opening.opened
      if (!opened.ok) return opened
      // It may have been let go again, while others had their turn.
      if (this.find(app.id, channel) === opening.log) return ok(work(opening.log))
    }
  }

  #open(app: AppRecord, channel: string): Opening {
    const of = this.#shelf.of(app.id)
    const log = new ChannelLog({ appId: app.id, channel }, this.limits)
    const opened = this.#read(app, log).finally(() => of.openings.delete(channel))
    const opening: Opening = { log, opened, waitCount: 0 }
    of.openings.set(channel, opening)
    return opening
  }

  async #read(app: AppRecord, log: ChannelLog): Promise<Result<true, 'overloaded'>> {
    const { store } = this.regionOf(app)
    const { channel } = log
    const read = await this.slots.run(async () => {
      const tail = await store.tail(app.id, channel)
      if (tail.oldestTimestampMs === undefined) return { tail, page: NOTHING }
      const page = await store.page({
        ...{ appId: app.id, channel, direction: 'backward' },
        ...{ beforeMs: undefined, afterMs: undefined },
        ...{ countMax: OPENING_READ_COUNT, byteCountMax: OPENING_READ_BYTES },
      })
      return { tail, page }
    })
    if (!read.ok) return read
    // The app was deleted meanwhile.
    if (this.#shelf.known(app.id)?.openings.get(channel)?.log !== log) return refuse('overloaded')
    log.open(read.value.tail, read.value.page)
    this.#shelf.put(log)
    return ok(true)
  }

  #keep(app: AppRecord, log: ChannelLog, message: StoredMessage): Promise<void> {
    const written = this.regionOf(app).journal.write({ kind: 'message', message })
    if (!written.accepted) throw full()
    log.isWriting(written.durable, message.sequence)
    return written.durable
  }

  /** At most one such write of a channel is on its way, however many messages there are. */
  #advance(app: AppRecord, log: ChannelLog): void {
    if (log.isAdvancing) return
    const { appId, channel, lastSequence: sequence, lastTimestampMs: timestampMs } = log
    const write = { kind: 'advanced', appId, channel, sequence, timestampMs } as const
    const written = this.regionOf(app).journal.write(write)
    // The next message tries again.
    if (!written.accepted) return
    log.isAdvancing = true
    log.isWriting(written.durable, sequence)
    void written.durable.then(isTrue, isFalse).then((isDurable) => {
      log.isAdvancing = false
      if (isDurable && !log.isSaved) this.#advance(app, log)
    })
  }

  #saw(appId: string, timestampMs: number): void {
    const app = this.#shelf.of(appId)
    app.lastTimestampMs = Math.max(app.lastTimestampMs, timestampMs)
    this.time.saw(timestampMs)
  }
}

const NOTHING = { messages: [], hasMore: false }

function full(): Outage {
  return new Outage('store_unavailable', 'Messages cannot be kept now. See the log.', {
    port: 'store',
  })
}

function isTrue(): true {
  return true
}

function isFalse(): false {
  return false
}
