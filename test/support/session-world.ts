/** MQTT sessions over the real hub and the memory store, on a clock that tests move. */
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import { MemorySessionStore } from '../../packages/server/src/adapters/store-memory/session-store.ts'
import { AppSpace } from '../../packages/server/src/core/app-space.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import { TopicHub } from '../../packages/server/src/core/topics/topic-hub.ts'
import type { TopicMessage } from '../../packages/server/src/core/topics/topic-message.ts'
import type {
  TopicDelivery,
  TopicGrant,
} from '../../packages/server/src/core/topics/topic-subscriber.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'
import type {
  SessionStore,
  SessionWrite,
  StoredDelivery,
  StoredSessions,
} from '../../packages/server/src/ports/session-store.ts'
import type {
  ClientLink,
  Sending,
} from '../../packages/server/src/sessions/mqtt/state/client-link.ts'
import type { ClientState } from '../../packages/server/src/sessions/mqtt/state/client-state.ts'
import { ClientStates } from '../../packages/server/src/sessions/mqtt/state/client-states.ts'
import type { WillAuthor } from '../../packages/server/src/sessions/mqtt/state/client-will.ts'
import type {
  Claimed,
  SessionClaim,
} from '../../packages/server/src/sessions/mqtt/state/session-claim.ts'
import { SessionFigures } from '../../packages/server/src/sessions/mqtt/state/session-figures.ts'
import { SessionJournal } from '../../packages/server/src/sessions/mqtt/state/session-journal.ts'
import type { SessionSettings } from '../../packages/server/src/sessions/mqtt/state/session-settings.ts'
import { HandClock } from './hand-clock.ts'
import { loadedApp } from './loaded-app.ts'
import { OPEN_SETTINGS } from './pusher-world.ts'
import { RecordingFanout } from './recording-fanout.ts'
import { grant, message } from './topic-world.ts'

export const SETTINGS: SessionSettings = {
  queueCountMax: 1_000,
  queueBytesMax: 1_000_000,
  appQueueBytesMax: 1_000_000_000,
  memoryQueueBytesMax: 1_000_000_000,
  queueDrops: 'oldest',
  sessionCountMax: 100,
  appSessionCountMax: 100,
  ownerSessionCountMax: 100,
  sessionExpirySecondsMax: 86_400,
}

/** Everything is allowed. */
export const ANYTHING = { maySubscribe: () => true }

const text = new TextEncoder()

/** One packet to a client, in words. */
export type Sent = string

/** A client that keeps what it is sent. */
export class TestLink implements ClientLink {
  receiveMaximum = 65_535
  hasRoom = true
  isTakenOver = false
  /** A payload that is longer is not taken. */
  payloadBytesMax = Number.POSITIVE_INFINITY
  publishes: { delivery: TopicDelivery; packetId: number; sending: Sending }[] = []
  #sent: Sent[] = []

  sendPublish(delivery: TopicDelivery, packetId: number, sending: Sending): boolean {
    const { payload } = delivery.message
    if (payload.length > this.payloadBytesMax) return false
    this.publishes.push({ delivery, packetId, sending })
    const again = sending.isDuplicate ? ' again' : ''
    const words = `${new TextDecoder().decode(payload)} qos${delivery.qos} #${packetId}${again}`
    this.#sent.push(words)
    return true
  }

  sendPubrel(packetId: number): void {
    this.#sent.push(`pubrel #${packetId}`)
  }

  takenOver(): void {
    this.isTakenOver = true
  }

  /** @returns what came since the last time. */
  take(): Sent[] {
    const taken = this.#sent
    this.#sent = []
    return taken
  }
}

/** The memory store, which can be out, or wait before it writes. */
export class ScriptedSessionStore implements SessionStore {
  readonly inner: SessionStore
  readonly commits: (readonly SessionWrite[])[] = []
  isOut = false
  /** A page may be shorter than was asked for. */
  pageCountMax = Number.POSITIVE_INFINITY
  /** Set: writes wait until it is called. */
  #gate: Promise<void> | undefined
  #open: (() => void) | undefined

  constructor(inner: SessionStore = new MemorySessionStore(() => undefined)) {
    this.inner = inner
  }

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  letGo(): void {
    this.#open?.()
    this.#gate = undefined
  }

  load(): Promise<StoredSessions> {
    this.#answer()
    return this.inner.load()
  }

  async apply(writes: readonly SessionWrite[]): Promise<void> {
    // What is written is what was given, even where the caller goes on adding.
    const given = [...writes]
    await this.#gate
    this.#answer()
    this.commits.push(given)
    await this.inner.apply(given)
  }

  async listQueued(page: Parameters<SessionStore['listQueued']>[0]) {
    await Promise.resolve()
    this.#answer()
    const countMax = Math.min(page.countMax, this.pageCountMax)
    return this.inner.listQueued({ ...page, countMax })
  }

  /** All of one session that is queued or in flight. */
  queueOf(sessionId: string): Promise<readonly StoredDelivery[]> {
    return this.inner.listQueued({ sessionId, afterSeq: 0, countMax: 1_000_000 })
  }

  #answer(): void {
    if (this.isOut) throw new Outage('store_full', 'The disk is full.', { port: 'store' })
  }
}

export class SessionWorld {
  readonly clock: HandClock
  readonly store: ScriptedSessionStore
  readonly figures = new SessionFigures()
  readonly settings: SessionSettings
  readonly errors: string[] = []
  readonly wills: { readonly message: TopicMessage; readonly author: WillAuthor }[] = []
  readonly journal: SessionJournal
  readonly hub: TopicHub
  readonly states: ClientStates
  readonly #spaces = new Map<string, AppSpace>()
  readonly #later: (() => void)[] = []
  #nextId = 0

  constructor(
    settings: Partial<SessionSettings> = {},
    before?: { readonly store: ScriptedSessionStore; readonly clock: HandClock },
  ) {
    this.settings = { ...SETTINGS, ...settings }
    this.clock = before?.clock ?? new HandClock()
    this.store = before?.store ?? new ScriptedSessionStore()
    const log = {
      debug() {},
      info() {},
      warn() {},
      error: (kind: string) => this.errors.push(kind),
    }
    this.journal = new SessionJournal({ store: this.store, clock: this.clock, log })
    this.hub = new TopicHub({
      spaces: { find: (id) => this.#spaces.get(id), spaces: () => this.#spaces.values() },
      broker: createMemoryBus().connect(),
      clock: this.clock,
      tally: new Tally(),
      events: new LiveEvents(),
      onRetained: (space, change) => this.states.retained(space, change),
    })
    this.states = new ClientStates({
      clock: this.clock,
      random: { bytes: (count) => this.#bytes(count), uint32: () => 0 },
      turns: { next: (work) => void this.#later.push(work) },
      topics: this.hub,
      figures: this.figures,
      settings: this.settings,
      regionOf: () => ({ store: this.store, journal: this.journal }),
      publishWill: (space, will, { clientId, owner }) => {
        this.wills.push({ message: will, author: { clientId, owner } })
        this.hub.publish(space, will)
      },
    })
  }

  turn(): void {
    for (const work of this.#later.splice(0)) work()
  }

  get space(): AppSpace {
    return this.spaceOf('app')
  }

  spaceOf(id: string): AppSpace {
    const known = this.#spaces.get(id)
    if (known !== undefined) return known
    const { app } = loadedApp({ settings: OPEN_SETTINGS, signingKeys: [] })
    const made = new AppSpace({ ...app, id }, new RecordingFanout())
    this.#spaces.set(id, made)
    return made
  }

  /** The process is killed: a new one over what the store has. */
  async restart(settings: Partial<SessionSettings> = this.settings): Promise<SessionWorld> {
    const inner = new ScriptedSessionStore(this.store.inner)
    const next = new SessionWorld(settings, { store: inner, clock: this.clock })
    const region = { store: next.store, journal: next.journal }
    await next.states.load(region, (id) => (id === 'gone' ? undefined : next.spaceOf(id)))
    return next
  }

  claim(claim: Partial<SessionClaim> = {}, link: ClientLink = new TestLink(), space = this.space) {
    const whole = {
      clientId: 'c',
      owner: 'user:1',
      cleanStart: false,
      expirySeconds: 0,
      will: undefined,
      ...claim,
    }
    return this.states.claim(space, whole, link)
  }

  /** Connects and is told so. */
  async connect(claim: Partial<SessionClaim> = {}, link = new TestLink()): Promise<TestClient> {
    const claimed = await this.claim(claim, link)
    if (!claimed.ok) throw new Error(claimed.refusal)
    claimed.value.state.resume(link, ANYTHING)
    return new TestClient(link, claimed.value)
  }

  publish(payload: string, options: Partial<TopicMessage> = {}): void {
    const { topic = 't', ...rest } = options
    this.hub.publish(this.space, message(topic, { qos: 1, payload: text.encode(payload), ...rest }))
  }

  async settle(): Promise<void> {
    await this.turns()
    await this.journal.settled()
    await this.turns()
  }

  /** What needs no more than its turn is done. */
  async turns(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }

  #bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    new DataView(bytes.buffer).setUint32(0, ++this.#nextId)
    bytes[4] = this.clock.runningMs & 0xff
    return bytes
  }
}

export class TestClient {
  readonly link: TestLink
  readonly state: ClientState
  readonly sessionPresent: boolean

  constructor(link: TestLink, { state, sessionPresent }: Claimed) {
    this.link = link
    this.state = state
    this.sessionPresent = sessionPresent
  }

  subscribe(filter: string, options: Partial<TopicGrant> = {}): this {
    const done = this.state.subscribe(grant(filter, { qos: 2, ...options }))
    if (!done.ok) throw new Error(done.refusal)
    return this
  }

  /** The network breaks. */
  lose(): void {
    this.state.detach(this.link, { isWillDue: true })
  }

  /** DISCONNECT. */
  leave(expirySeconds?: number): void {
    this.state.detach(this.link, { isWillDue: false, expirySeconds })
  }
}
