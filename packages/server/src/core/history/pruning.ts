/**
 * Deletes messages that are too old, and the oldest of apps that keep too much; in small steps, so
 * that nobody waits for it. What is late here is given to nobody all the same: age is looked at
 * when messages are read.
 */
import type { AppRecord } from '../../ports/records/app.ts'
import type { History } from './history.ts'
import { keepMsOf } from './retention-rules.ts'

/** Calls of the store in one run; ours. */
export const PRUNE_CALL_COUNT_MAX = 20
/** Messages in one call: a commit of some milliseconds. */
export const PRUNE_COUNT_MAX = 1_000
const CHANNEL_PAGE_COUNT = 100
/** From here on messages may have gone that were not too old: who resumes is told so. */
const NEARLY_FULL = 0.8

export interface PruningPorts {
  readonly history: History
  /** @returns undefined for an app that does not exist. */
  readonly findApp: (appId: string) => AppRecord | undefined
}

/** Where the next run goes on. */
interface Place {
  readonly appId: string
  /** The last channel that was looked at; undefined: none yet. */
  readonly after: string | undefined
}

export class Pruning {
  readonly #ports: PruningPorts
  #waiting: Place[] = []

  constructor(ports: PruningPorts) {
    this.#ports = ports
  }

  /** Never at the same time twice. @throws Outage */
  async run(): Promise<void> {
    if (this.#waiting.length === 0) {
      this.#waiting = this.#ports.history.appIds().map((appId) => ({ appId, after: undefined }))
    }
    let callCount = 0
    while (callCount < PRUNE_CALL_COUNT_MAX) {
      const place = this.#waiting.shift()
      if (place === undefined) return
      const app = this.#ports.findApp(place.appId)
      if (app !== undefined) callCount += await this.#prune(app, place)
    }
  }

  /** @returns how many calls of the store it took. */
  async #prune(app: AppRecord, place: Place): Promise<number> {
    const ofSize = place.after === undefined ? await this.#pruneBySize(app) : 0
    const { store } = this.#ports.history.regionOf(app)
    const page = { appId: app.id, after: place.after, countMax: CHANNEL_PAGE_COUNT }
    const channels = await store.channels(page)
    let callCount = ofSize + 1
    for (const [index, { channel, oldestTimestampMs }] of channels.entries()) {
      const beforeMs = this.#ports.history.time.nowMs() - keepMsOf(app.settings, channel) + 1
      if (oldestTimestampMs >= beforeMs) continue
      const of = { appId: app.id, channel, beforeMs, countMax: PRUNE_COUNT_MAX }
      const count = await store.prune(of)
      callCount++
      if (count < PRUNE_COUNT_MAX && callCount < PRUNE_CALL_COUNT_MAX) continue
      // The rest of it comes in the next run, and the channels behind it.
      const after =
        count < PRUNE_COUNT_MAX ? channel : (channels[index - 1]?.channel ?? place.after)
      this.#waiting.unshift({ appId: app.id, after })
      return callCount
    }
    const last = channels.at(-1)?.channel
    if (channels.length === CHANNEL_PAGE_COUNT) {
      this.#waiting.unshift({ appId: app.id, after: last })
    }
    return callCount
  }

  /** @returns how many calls of the store it took. */
  async #pruneBySize(app: AppRecord): Promise<number> {
    const { history } = this.#ports
    const { store } = history.regionOf(app)
    const { historyBytesMax } = app.settings
    for (let callCount = 1; callCount < PRUNE_CALL_COUNT_MAX; callCount += 2) {
      const { byteCount } = await store.usage(app.id)
      if (byteCount > NEARLY_FULL * historyBytesMax) history.cut(app.id)
      if (byteCount <= historyBytesMax) return callCount
      const of = { appId: app.id, channel: undefined, beforeMs: undefined }
      const count = await store.prune({ ...of, countMax: PRUNE_COUNT_MAX })
      if (count === 0) return callCount + 1
    }
    return PRUNE_CALL_COUNT_MAX
  }
}
