/**
 * Messages of channels that are kept, over maps. Every call is carried out at once, as a whole.
 * Bounded: over {@link MEMORY_HISTORY_BYTES_MAX} nothing is added until something is removed.
 */
import {
  type ChannelTail,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  type HistoryUsage,
  type HistoryWrite,
  type StoredLastEvent,
  type StoredMessage,
  storedMessageBytes,
} from '../../ports/history-store.ts'
import { Outage } from '../../ports/outage.ts'
import { KeptChannel } from './kept-channel.ts'

/** Our bound on what one region keeps, names of channels and last events too. */
export const MEMORY_HISTORY_BYTES_MAX = 256 * 1024 * 1024
/** About what a channel or a last event costs beside its texts. */
const ENTRY_BYTES = 256

interface KeptApp {
  readonly channels: Map<string, KeptChannel>
  readonly lastEvents: Map<string, StoredLastEvent>
  messageCount: number
  byteCount: number
  /** Of channels and last events. */
  entryBytes: number
  newestMs: number
}

export class MemoryHistoryStore implements HistoryStore {
  readonly #assertOpen: () => void
  readonly #bytesMax: number
  readonly #apps = new Map<string, KeptApp>()

  /** @param assertOpen throws an outage once the store is closed. */
  constructor(assertOpen: () => void, bytesMax = MEMORY_HISTORY_BYTES_MAX) {
    this.#assertOpen = assertOpen
    this.#bytesMax = bytesMax
  }

  async apply(writes: readonly HistoryWrite[]): Promise<void> {
    this.#assertOpen()
    this.#assertRoom(writes)
    for (const write of writes) this.#apply(write)
  }

  async tail(appId: string, channel: string): Promise<ChannelTail> {
    this.#assertOpen()
    return (this.#apps.get(appId)?.channels.get(channel) ?? new KeptChannel()).tail
  }

  async newest(): Promise<ReadonlyMap<string, number>> {
    this.#assertOpen()
    const known = [...this.#apps].filter(([, { newestMs }]) => newestMs > 0)
    return new Map(known.map(([appId, { newestMs }]) => [appId, newestMs]))
  }

  async page(query: HistoryQuery): Promise<HistoryPage> {
    this.#assertOpen()
    const channel = this.#apps.get(query.appId)?.channels.get(query.channel)
    return channel?.page(query) ?? { messages: [], hasMore: false }
  }

  async lastEvents(nowMs: number): Promise<readonly StoredLastEvent[]> {
    this.#assertOpen()
    for (const app of this.#apps.values()) {
      for (const last of app.lastEvents.values()) {
        if (last.expiresAtMs <= nowMs) forget(app, last.channel)
      }
    }
    const kept = [...this.#apps.values()].flatMap(({ lastEvents }) => [...lastEvents.values()])
    return kept.map((last) => ({ ...last })).sort(byPlace)
  }

  async usage(appId: string): Promise<HistoryUsage> {
    this.#assertOpen()
    const { messageCount, byteCount } = this.#apps.get(appId) ?? emptyApp()
    return { messageCount, byteCount }
  }

  async channels(page: Parameters<HistoryStore['channels']>[0]) {
    this.#assertOpen()
    const { appId, after, countMax } = page
    const kept = [...(this.#apps.get(appId)?.channels ?? [])].flatMap(([channel, { tail }]) => {
      const { oldestTimestampMs } = tail
      return oldestTimestampMs === undefined ? [] : [{ channel, oldestTimestampMs }]
    })
    return kept
      .filter(({ channel }) => after === undefined || compare(channel, after) > 0)
      .sort((a, b) => compare(a.channel, b.channel))
      .slice(0, countMax)
  }

  async prune(of: Parameters<HistoryStore['prune']>[0]): Promise<number> {
    this.#assertOpen()
    const app = this.#apps.get(of.appId)
    if (app === undefined) return 0
    const named = of.channel === undefined ? undefined : app.channels.get(of.channel)
    const channels = of.channel === undefined ? [...app.channels.values()] : named ? [named] : []
    const oldest = channels
      .flatMap((channel) =>
        channel.oldest(of.beforeMs, of.countMax).map((message) => ({ channel, message })),
      )
      .sort((a, b) => a.message.timestampMs - b.message.timestampMs)
      .slice(0, of.countMax)
    const counts = new Map<KeptChannel, number>()
    for (const { channel, message } of oldest) {
      counts.set(channel, (counts.get(channel) ?? 0) + 1)
      app.messageCount--
      app.byteCount -= storedMessageBytes(message)
    }
    for (const [channel, count] of counts) channel.dropOldest(count)
    return oldest.length
  }

  #apply(write: HistoryWrite): void {
    switch (write.kind) {
      case 'message':
        return this.#keep(write.message)
      case 'advanced': {
        const app = this.#app(write.appId)
        channelOf(app, write.channel).advance(write.sequence, write.timestampMs)
        app.newestMs = Math.max(app.newestMs, write.timestampMs)
        return
      }
      case 'last_event': {
        const { last } = write
        const app = this.#app(last.appId)
        forget(app, last.channel)
        app.lastEvents.set(last.channel, { ...last })
        app.entryBytes += lastEventBytes(last)
        return
      }
      case 'last_event_gone': {
        const app = this.#apps.get(write.appId)
        return app && forget(app, write.channel)
      }
      case 'app_removed':
        return void this.#apps.delete(write.appId)
    }
  }

  #keep(message: StoredMessage): void {
    const app = this.#app(message.appId)
    app.newestMs = Math.max(app.newestMs, message.timestampMs)
    if (!channelOf(app, message.channel).add(message)) return
    app.messageCount++
    app.byteCount += storedMessageBytes(message)
  }

  #app(appId: string): KeptApp {
    const known = this.#apps.get(appId)
    if (known !== undefined) return known
    const app = emptyApp()
    this.#apps.set(appId, app)
    return app
  }

  /** What only removes is always carried out. @throws Outage before anything is written. */
  #assertRoom(writes: readonly HistoryWrite[]): void {
    const added = writes.reduce((sum, write) => sum + bytesOf(write), 0)
    if (added === 0) return
    const apps = [...this.#apps.values()]
    const kept = apps.reduce((sum, app) => sum + app.byteCount + app.entryBytes, 0)
    if (kept + added <= this.#bytesMax) return
    const text = 'the history in memory is full: shorten retention, or use a store on disk'
    throw new Outage('store_full', text, { port: 'store' })
  }
}

function emptyApp(): KeptApp {
  const counts = { messageCount: 0, byteCount: 0, entryBytes: 0, newestMs: 0 }
  return { channels: new Map(), lastEvents: new Map(), ...counts }
}

function channelOf(app: KeptApp, name: string): KeptChannel {
  const known = app.channels.get(name)
  if (known !== undefined) return known
  const channel = new KeptChannel()
  app.channels.set(name, channel)
  app.entryBytes += entryBytes(name)
  return channel
}

function forget(app: KeptApp, channel: string): void {
  const last = app.lastEvents.get(channel)
  if (last === undefined) return
  app.lastEvents.delete(channel)
  app.entryBytes -= lastEventBytes(last)
}

/** At most what a write adds. */
function bytesOf(write: HistoryWrite): number {
  switch (write.kind) {
    case 'message':
      return storedMessageBytes(write.message) + entryBytes(write.message.channel)
    case 'advanced':
      return entryBytes(write.channel)
    case 'last_event':
      return lastEventBytes(write.last)
    case 'last_event_gone':
    case 'app_removed':
      return 0
  }
}

function lastEventBytes({ channel, event, data }: StoredLastEvent): number {
  return entryBytes(channel) + Buffer.byteLength(event) + Buffer.byteLength(data)
}

function entryBytes(name: string): number {
  return ENTRY_BYTES + Buffer.byteLength(name)
}

function byPlace(a: StoredLastEvent, b: StoredLastEvent): number {
  return compare(a.appId, b.appId) || compare(a.channel, b.channel)
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
