/** One app and MQTT sessions without sockets, on a clock that tests move. */
import { ok, refuse, type Result } from '../../packages/protocol/src/result.ts'
import { MemorySessionStore } from '../../packages/server/src/adapters/store-memory/session-store.ts'
import type { AppSpace } from '../../packages/server/src/core/app-space.ts'
import { Hub } from '../../packages/server/src/core/hub.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import type { RefusalCode } from '../../packages/server/src/core/refusals.ts'
import type { Reliance } from '../../packages/server/src/core/reliance.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import { TopicHub } from '../../packages/server/src/core/topics/topic-hub.ts'
import { AppDirectory } from '../../packages/server/src/credentials/app-directory.ts'
import type { DeniedAttempt } from '../../packages/server/src/credentials/audit/denied-access.ts'
import type { Change } from '../../packages/server/src/credentials/authority.ts'
import type {
  MqttCredentials,
  MqttIdentity,
} from '../../packages/server/src/credentials/mqtt/mqtt-identity.ts'
import { RuleBook } from '../../packages/server/src/credentials/rules/rule-book.ts'
import { TenantDirectory } from '../../packages/server/src/credentials/tenant-directory.ts'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import type { RuleRecord } from '../../packages/server/src/ports/records/rule-set.ts'
import type { SessionStore } from '../../packages/server/src/ports/session-store.ts'
import { Arrivals } from '../../packages/server/src/sessions/mqtt/arrivals.ts'
import type { MqttDeps } from '../../packages/server/src/sessions/mqtt/mqtt-deps.ts'
import { MqttFigures } from '../../packages/server/src/sessions/mqtt/mqtt-figures.ts'
import type { MqttSettings } from '../../packages/server/src/sessions/mqtt/mqtt-settings.ts'
import { PartialPackets } from '../../packages/server/src/sessions/mqtt/partial-packets.ts'
import { PublishFrames } from '../../packages/server/src/sessions/mqtt/publish-frames.ts'
import { RuleChanges } from '../../packages/server/src/core/rules/rule-changes.ts'
import { ClientStates } from '../../packages/server/src/sessions/mqtt/state/client-states.ts'
import { SessionFigures } from '../../packages/server/src/sessions/mqtt/state/session-figures.ts'
import { SessionJournal } from '../../packages/server/src/sessions/mqtt/state/session-journal.ts'
import { Wills } from '../../packages/server/src/sessions/mqtt/wills.ts'
import { guardWorld } from './guard-world.ts'
import { loadedApp } from './loaded-app.ts'
import { type ConnectOptions, Wire } from './mqtt-wire.ts'
import { OPEN_SETTINGS } from './pusher-world.ts'
import { RecordingFanout } from './recording-fanout.ts'

export const MQTT_SETTINGS: MqttSettings = {
  packetBytesMax: 65_536,
  keepAliveSecondsMax: 600,
  topicAliasCountMax: 4,
  connectTimeoutMs: 10_000,
  sessionExpirySecondsMax: 3_600,
  sessionCountMax: 100,
  appSessionCountMax: 100,
  ownerSessionCountMax: 100,
  queueCountMax: 100,
  queueBytesMax: 1_000_000,
  appQueueBytesMax: 1_000_000_000,
  memoryQueueBytesMax: 1_000_000_000,
  queueDrops: 'oldest',
}

const IDLE_BROKER = {
  publish() {},
  hasListeners: () => false,
  subscribe: () => () => {},
  close: () => Promise.resolve(),
}

export interface MqttWorldOptions {
  readonly settings?: Partial<AppSettings>
  readonly mqtt?: Partial<MqttSettings>
  readonly guardTexts?: readonly string[]
  readonly subscriptionCountMax?: number
  readonly store?: SessionStore
}

/** What the door of the tests knows of somebody, by user name. */
export interface Known {
  readonly refusal?: RefusalCode
  readonly userId?: string
  readonly owner?: string
  readonly expiresAtMs?: number
  readonly renewableUntilMs?: number
  readonly reliances?: readonly string[]
  readonly acl?: MqttIdentity['acl']
}

export class MqttWorld {
  readonly time = { ms: 1_700_000_000_000 }
  readonly clock = { nowMs: () => this.time.ms, monotonicMs: () => this.time.ms }
  readonly tally = new Tally()
  readonly events = new LiveEvents()
  readonly figures = new MqttFigures()
  readonly sessionFigures = new SessionFigures()
  readonly denials: DeniedAttempt[] = []
  readonly errors: string[] = []
  /** By user name; those who are not here are let in as they are called. */
  readonly known = new Map<string, Known>()
  readonly shown: MqttCredentials[] = []
  readonly hub: Hub
  readonly topics: TopicHub
  readonly states: ClientStates
  readonly space: AppSpace
  readonly rules: RuleBook
  readonly deps: MqttDeps
  isOverloaded = false
  /** Answers of the door wait until a test lets them go. */
  waiting: (() => void)[] | undefined
  /** Work for later turns; run by {@link turn}. */
  readonly #later: (() => void)[] = []
  readonly #tenants = new TenantDirectory()
  readonly #loaded
  #listen: (change: Change) => void = () => {}
  #count = 0

  constructor(options: MqttWorldOptions = {}) {
    const { clock, tally, events, time } = this
    const fanout = new RecordingFanout()
    const hubLimits = { subscriptionCountMax: 20, channelCountMax: 50 }
    this.hub = new Hub(hubLimits, { fanout, broker: IDLE_BROKER, clock, tally, events })
    this.#loaded = loadedApp({
      settings: { ...OPEN_SETTINGS, ...options.settings },
      signingKeys: [],
    })
    const directory = new AppDirectory()
    directory.put(this.#loaded)
    this.space = this.hub.space(this.#loaded.app)
    this.rules = new RuleBook({
      tenants: this.#tenants,
      apps: directory,
      onChange: (listen) => {
        this.#listen = listen
      },
    })
    this.setRules(undefined)
    const log = {
      debug() {},
      info() {},
      warn() {},
      error: (event: string) => void this.errors.push(event),
    }
    this.topics = new TopicHub({
      spaces: this.hub,
      broker: IDLE_BROKER,
      clock,
      tally,
      events,
      onRetained: (space, change) => this.states.retained(space, change),
    })
    const store = options.store ?? new MemorySessionStore(() => {})
    const region = { store, journal: new SessionJournal({ store, clock, log }) }
    const settings = { ...MQTT_SETTINGS, ...options.mqtt }
    const asked = { topics: this.topics, directory, rules: this.rules, figures: this.figures }
    const wills = new Wills({ ...asked, clock, log })
    let random = 0
    const randomness = {
      bytes: (count: number) => new Uint8Array(count).fill(++random),
      uint32: () => ++random,
    }
    const turns = { next: (work: () => void) => void this.#later.push(work) }
    this.states = new ClientStates({
      clock,
      random: randomness,
      turns,
      topics: this.topics,
      figures: this.sessionFigures,
      settings,
      regionOf: () => region,
      publishWill: (space, message, author) => wills.publish(space, message, author),
    })
    const { guard, limitBook } = guardWorld(clock, options.guardTexts ?? [], events)
    this.deps = {
      ...{ hub: this.hub, topics: this.topics, states: this.states, wills, directory },
      ...{ guard, limitBook, rules: this.rules, settings, tally, clock, random: randomness },
      ...{ turns, log, figures: this.figures, frames: new PublishFrames() },
      arrivals: new Arrivals(),
      partials: new PartialPackets(),
      subscriptionCountMax: options.subscriptionCountMax ?? 100,
      door: { authenticate: (credentials) => this.#authenticate(credentials) },
      recordDenial: (attempt) => void this.denials.push(attempt),
      isOverloaded: () => this.isOverloaded,
    }
    const changes = new RuleChanges({ hub: this.hub, turns })
    this.rules.onChange((tenantId) => changes.changed(tenantId))
    time.ms += 1
  }

  /** Replaces the rules of the organization; undefined: it has said nothing. */
  setRules(rules: readonly RuleRecord[] | undefined): void {
    const record = {
      tenantId: this.#loaded.tenant.id,
      name: 'default',
      revision: ++this.#count,
      createdAtMs: 0,
      updatedAtMs: 0,
    }
    const ruleSets = rules === undefined ? [] : [{ ...record, rules }]
    const { tenant } = this.#loaded
    this.#tenants.put({ tenant, members: [], credentials: [], ruleSets, integrations: [] })
    this.#listen({ kind: 'tenant', tenantId: tenant.id })
  }

  /** Runs what was put off to a later turn, and what that puts off. */
  turn(): void {
    for (let work = this.#later.shift(); work !== undefined; work = this.#later.shift()) work()
  }

  /** A connection that has sent nothing yet. */
  open(): Wire {
    return new Wire(this.deps)
  }

  /** A client that was let in, unless its CONNECT is refused. */
  connect(clientId: string, options: ConnectOptions = {}): Wire {
    const wire = this.open()
    wire.connect(clientId, options)
    return wire
  }

  /** The same, where the session is kept: that is written first. */
  async connectKept(clientId: string, options: ConnectOptions = {}): Promise<Wire> {
    const wire = this.connect(clientId, options)
    await wire.settled()
    return wire
  }

  /** Moves the clock and lets every connection look at it. */
  pass(ms: number, wires: readonly Wire[]): void {
    this.time.ms += ms
    for (const wire of wires) wire.session.tick(this.time.ms)
  }

  #authenticate(
    credentials: MqttCredentials,
  ): Result<MqttIdentity, RefusalCode> | Promise<Result<MqttIdentity, RefusalCode>> {
    this.shown.push(credentials)
    const decide = () => this.#identityOf(credentials)
    if (this.waiting === undefined) return decide()
    return new Promise((resolve) => this.waiting?.push(() => resolve(decide())))
  }

  #identityOf({ username = '', password }: MqttCredentials): Result<MqttIdentity, RefusalCode> {
    const text = password === undefined ? undefined : new TextDecoder().decode(password)
    const known = this.known.get(text ?? '') ?? this.known.get(username) ?? {}
    if (known.refusal !== undefined) return refuse(known.refusal)
    return ok({
      loaded: this.#loaded,
      owner: known.owner ?? `user:${username}`,
      username,
      userId: known.userId,
      email: undefined,
      claims: undefined,
      integration: undefined,
      ruleSet: undefined,
      acl: known.acl,
      mayPublish: true,
      maySubscribe: true,
      reliances: (known.reliances ?? []) as readonly Reliance[],
      expiresAtMs: () => known.expiresAtMs,
      renewableUntilMs: known.renewableUntilMs,
      limits: undefined,
    })
  }
}
