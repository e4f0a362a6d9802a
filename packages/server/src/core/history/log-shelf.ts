/**
 * The logs that are in memory, by app. Bounded in bytes, for each app and for all: those that were
 * not used for longest go, and the app that holds most gives up first. State only.
 */
import type { Result } from '@lockgate/protocol/result'
import type { ChannelLog } from './channel-log.ts'
import type { HistoryLimits } from './history-limits.ts'

/** A channel that is being read. */
export interface Opening {
  readonly log: ChannelLog
  readonly opened: Promise<Result<true, 'overloaded'>>
  waitCount: number
}

/** Of one app; apps are bounded by their number. */
export interface AppHistory {
  lastTimestampMs: number
  /** Of its messages some were deleted to make room or by somebody, not for their age. */
  cutAtMs: number
  byteCount: number
  /** The least recently used first. */
  readonly logs: Map<string, ChannelLog>
  readonly openings: Map<string, Opening>
}

/** A log that could not be let go is passed over; so many are looked at for one that can be. */
const EVICTION_LOOK_COUNT_MAX = 64

export class LogShelf {
  readonly #limits: Pick<HistoryLimits, 'appBytesMax' | 'nodeBytesMax'>
  readonly #apps = new Map<string, AppHistory>()
  #byteCount = 0

  constructor(limits: Pick<HistoryLimits, 'appBytesMax' | 'nodeBytesMax'>) {
    this.#limits = limits
  }

  get byteCount(): number {
    return this.#byteCount
  }

  appIds(): string[] {
    return [...this.#apps.keys()]
  }

  known(appId: string): AppHistory | undefined {
    return this.#apps.get(appId)
  }

  of(appId: string): AppHistory {
    const known = this.#apps.get(appId)
    if (known !== undefined) return known
    const made: AppHistory = {
      ...{ lastTimestampMs: 0, cutAtMs: 0, byteCount: 0 },
      ...{ logs: new Map(), openings: new Map() },
    }
    this.#apps.set(appId, made)
    return made
  }

  /** @returns the log as the one that was used last. */
  take(appId: string, channel: string): ChannelLog | undefined {
    const logs = this.#apps.get(appId)?.logs
    const log = logs?.get(channel)
    if (logs === undefined || log === undefined) return undefined
    logs.delete(channel)
    logs.set(channel, log)
    return log
  }

  /** @param channel undefined: of every channel. @returns also those that are being read. */
  *logs(appId: string, channel: string | undefined): Iterable<ChannelLog> {
    const app = this.#apps.get(appId)
    if (app === undefined) return
    for (const log of app.logs.values()) if (isOf(log, channel)) yield log
    for (const { log } of app.openings.values()) if (isOf(log, channel)) yield log
  }

  put(log: ChannelLog): void {
    this.of(log.appId).logs.set(log.channel, log)
    this.charge(log.appId, log.byteCount)
  }

  remove(appId: string): void {
    this.#byteCount -= this.#apps.get(appId)?.byteCount ?? 0
    this.#apps.delete(appId)
  }

  /** @param byteCount by which a log has grown, or less than 0. */
  charge(appId: string, byteCount: number): void {
    const app = this.of(appId)
    app.byteCount += byteCount
    this.#byteCount += byteCount
    const { appBytesMax, nodeBytesMax } = this.#limits
    while (app.byteCount > appBytesMax) if (!this.#evictFrom(app)) break
    while (this.#byteCount > nodeBytesMax) if (!this.#evictFrom(this.#largest())) break
  }

  /** The one that holds most gives up first. */
  #largest(): AppHistory | undefined {
    let largest: AppHistory | undefined
    for (const app of this.#apps.values()) {
      if (app.byteCount > (largest?.byteCount ?? 0)) largest = app
    }
    return largest
  }

  /** Of what is let go the store knows all; the log that was used last stays. */
  #evictFrom(app: AppHistory | undefined): boolean {
    if (app === undefined || app.logs.size < 2) return false
    let lookCount = 0
    for (const [channel, log] of app.logs) {
      if (++lookCount > EVICTION_LOOK_COUNT_MAX || lookCount === app.logs.size) return false
      if (log.written !== undefined || !log.isSaved) continue
      app.logs.delete(channel)
      app.byteCount -= log.byteCount
      this.#byteCount -= log.byteCount
      return true
    }
    return false
  }
}

function isOf(log: ChannelLog, channel: string | undefined): boolean {
  return channel === undefined || log.channel === channel
}
