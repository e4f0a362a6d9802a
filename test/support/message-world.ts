/** Connections, hubs and stores of messages with history, for tests. */
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import { MemoryHistoryStore } from '../../packages/server/src/adapters/store-memory/history-store.ts'
import { AppSpace } from '../../packages/server/src/core/app-space.ts'
import type { Subscription } from '../../packages/server/src/core/connection.ts'
import { History } from '../../packages/server/src/core/history/history.ts'
import { HistoryJournal } from '../../packages/server/src/core/history/history-journal.ts'
import {
  HISTORY_LIMITS,
  type HistoryLimits,
} from '../../packages/server/src/core/history/history-limits.ts'
import { type LiveEvent, LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { MessageHub } from '../../packages/server/src/core/messages/message-hub.ts'
import type {
  MessageConnection,
  MessageEncoder,
  PublishRequest,
} from '../../packages/server/src/core/messages/messages.ts'
import type { RefusalCode } from '../../packages/server/src/core/refusals.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import type { HistoryStore } from '../../packages/server/src/ports/history-store.ts'
import type { Log } from '../../packages/server/src/ports/log.ts'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import { HandClock } from './hand-clock.ts'
import { loadedApp } from './loaded-app.ts'
import { OPEN_SETTINGS } from './pusher-world.ts'
import { RecordingFanout, RecordingOutbox } from './recording-fanout.ts'

const encoder: MessageEncoder = {
  message: (message) => JSON.stringify({ is: 'message', ...message, appId: undefined }),
  presence: (change, channel, member) => JSON.stringify({ is: change, channel, ...member }),
}

let connectionCount = 0

/** One that keeps what it is sent. */
export class Listener implements MessageConnection {
  readonly id = `connection-${++connectionCount}`
  readonly protocol = 'test'
  readonly source = { ip: '192.0.2.1', agent: '', protocol: 'test' }
  readonly openedAtMs = 0
  endedBy: RefusalCode | undefined
  readonly openedBy = []
  readonly subscriptions: ReadonlyMap<string, Subscription> = new Map()
  user: undefined
  readonly encoder = encoder
  readonly outbox = new RecordingOutbox()
  readonly channels = new Set<string>()
  readonly clientId: string
  readonly ownerKey: string

  constructor(clientId = 'client', ownerKey = `owner of ${clientId}`) {
    this.clientId = clientId
    this.ownerKey = ownerKey
  }

  end(refusal: RefusalCode): boolean {
    if (this.endedBy !== undefined) return false
    this.endedBy = refusal
    return true
  }

  /** @returns what it was sent since the last time, without what every message has. */
  take(): Record<string, unknown>[] {
    return this.outbox.take()
  }

  /** @returns the data of messages, and what happened to whom. */
  heard(): string[] {
    return this.take().map(({ is, data, clientId }) =>
      is === 'message' ? JSON.stringify(data) : `${String(is)} ${String(clientId)}`,
    )
  }
}

/** Writes and reads wait, in order, until the test lets them go on. */
export class GatedStore implements HistoryStore {
  isOpen = true
  readonly #inner = new MemoryHistoryStore(() => {})
  readonly #waiting: (() => void)[] = []

  get waitingCount(): number {
    return this.#waiting.length
  }

  /** Lets so many calls go on. */
  release(count = Number.POSITIVE_INFINITY): void {
    for (const go of this.#waiting.splice(0, Math.min(count, this.#waiting.length))) go()
  }

  readonly apply: HistoryStore['apply'] = (writes) => this.#later(() => this.#inner.apply(writes))
  readonly tail: HistoryStore['tail'] = (...of) => this.#later(() => this.#inner.tail(...of))
  readonly newest: HistoryStore['newest'] = () => this.#inner.newest()
  readonly page: HistoryStore['page'] = (query) => this.#later(() => this.#inner.page(query))
  readonly lastEvents: HistoryStore['lastEvents'] = (nowMs) => this.#inner.lastEvents(nowMs)
  readonly usage: HistoryStore['usage'] = (appId) => this.#inner.usage(appId)
  readonly channels: HistoryStore['channels'] = (page) => this.#inner.channels(page)
  readonly prune: HistoryStore['prune'] = (of) => this.#inner.prune(of)

  async #later<T>(call: () => Promise<T>): Promise<T> {
    if (!this.isOpen) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    return call()
  }
}

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Nodes with a hub each on one bus and one store. */
export class MessageWorld {
  readonly bus = createMemoryBus()
  readonly clock = new HandClock()
  readonly store: HistoryStore

  constructor(store: HistoryStore = new MemoryHistoryStore(() => {})) {
    this.store = store
  }

  async node(limits: Partial<HistoryLimits> = {}) {
    const { clock, store } = this
    const spaces = new Map<string, AppSpace>()
    const broker = this.bus.connect()
    const tally = new Tally()
    const events = new LiveEvents()
    const fanout = new RecordingFanout()
    const journal = new HistoryJournal({ store, clock, log: quiet })
    const region = { store, journal }
    const ports = { regionOf: () => region, clock }
    const history = new History(ports, { ...HISTORY_LIMITS, ...limits })
    await history.load(store)
    let fresh = 0
    const random = {
      bytes: (count: number) => new Uint8Array(count).fill(++fresh),
      uint32: () => 0,
    }
    const known = { find: (id: string) => spaces.get(id), spaces: () => spaces.values() }
    const hub = new MessageHub(
      { ...{ spaces: known, history, fanout, broker, clock, random, tally, events } },
      { subscriptionCountMax: 3, channelCountMax: 5 },
    )
    const space = (settings: Partial<AppSettings> = {}, id = 'app'): AppSpace => {
      const of = loadedApp({ settings: { ...OPEN_SETTINGS, ...settings }, signingKeys: [] })
      const app = { ...of.app, id }
      const live = spaces.get(id) ?? new AppSpace(app, fanout)
      live.app = app
      spaces.set(id, live)
      return live
    }
    const told: LiveEvent[] = []
    events.listen({ wants: () => true, hear: (event) => void told.push(event) })
    return { hub, history, journal, space, tally, told, broker, fanout }
  }
}

export type MessageNode = Awaited<ReturnType<MessageWorld['node']>>

/** What somebody publishes where nothing else is said: kept, to channel `a`. */
export function publication(data: unknown, of: Partial<PublishRequest> = {}): PublishRequest {
  return {
    channel: 'a',
    id: undefined,
    data: JSON.stringify(data),
    publisherId: 'somebody',
    publisherKey: 'key of somebody',
    isKept: true,
    ...of,
  }
}
