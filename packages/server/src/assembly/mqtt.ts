/** Puts the MQTT broker together: topics, sessions, their store, who clients are, what they may. */
import type { Config } from '../config/config.ts'
import type { AppSpace } from '../core/app-space.ts'
import type { Bridging } from '../core/bridges/bridging.ts'
import type { Hub } from '../core/hub.ts'
import type { LiveEvents } from '../core/live-events.ts'
import type { Tally } from '../core/tally.ts'
import { TopicHub } from '../core/topics/topic-hub.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import type { Bearers } from '../credentials/bearers.ts'
import { CredentialDoor, type TokenPasswords } from '../credentials/mqtt/mqtt-door.ts'
import type { Broker } from '../ports/broker.ts'
import type { Log } from '../ports/log.ts'
import { Outage } from '../ports/outage.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { RegionDatabase } from '../ports/store.ts'
import type { Turns } from '../ports/turns.ts'
import { Arrivals } from '../sessions/mqtt/arrivals.ts'
import type { MqttDeps } from '../sessions/mqtt/mqtt-deps.ts'
import { MqttFigures } from '../sessions/mqtt/mqtt-figures.ts'
import { PartialPackets } from '../sessions/mqtt/partial-packets.ts'
import { PublishFrames } from '../sessions/mqtt/publish-frames.ts'
import { RuleChanges } from '../core/rules/rule-changes.ts'
import { ClientStates } from '../sessions/mqtt/state/client-states.ts'
import { SessionFigures } from '../sessions/mqtt/state/session-figures.ts'
import type { SessionRegion } from '../sessions/mqtt/state/session-home.ts'
import { SessionJournal } from '../sessions/mqtt/state/session-journal.ts'
import { Wills } from '../sessions/mqtt/wills.ts'
import { connectBridges } from './bridging.ts'
import type { CredentialCore } from './credential-core.ts'
import type { Guarding } from './guarding.ts'

const TICK_MS = 1_000

export interface MqttPorts extends Pick<Guarding, 'guard' | 'limitBook'> {
  readonly hub: Hub
  readonly bearers: Bearers
  readonly tokens: TokenPasswords
  readonly broker: Broker
  readonly events: LiveEvents
  readonly bridging: Bridging
  readonly isOverloaded: MqttDeps['isOverloaded']
  readonly tally: Tally
  readonly turns: Turns
  readonly log: Log
}

export interface MqttBroker {
  readonly deps: MqttDeps
  /** For who publishes without a session. */
  readonly publishing: {
    readonly topics: TopicHub
    readonly rules: CredentialCore['ruleBook']
    readonly writesOf: (space: AppSpace) => SessionJournal
  }
  /**
   * Of events that bridges may have carried to sessions: when they are durable; undefined where
   * nothing has to be waited for. @throws Outage
   */
  readonly settle: (appId: string) => Promise<void> | undefined
  readonly tasks: readonly UpkeepTask[]
  readonly metrics: () => readonly MetricDefinitions[]
}

/**
 * Reads every session that is kept; called before the server is ready.
 * @throws Outage
 */
export async function openMqtt(
  config: Pick<Config, 'mqtt' | 'limits'>,
  core: CredentialCore,
  ports: MqttPorts,
): Promise<MqttBroker> {
  const { hub, guard, limitBook, tally, turns, log, isOverloaded } = ports
  const { authority, administration, recordUse, recordDenial, ruleBook } = core
  const { clock, random, store } = administration
  const directory = authority.apps
  const sessionFigures = new SessionFigures()
  const regions = openRegions(store.regions.values(), { clock, log })
  /** Apps that have something of MQTT; what they have goes with them. */
  const spaces = new Map<string, AppSpace>()
  const topics: TopicHub = new TopicHub({
    ...ports,
    spaces: hub,
    clock,
    onRetained: (space, change) => states.retained(space, change),
  })
  connectBridges(ports.bridging, core, { hub, topics, log })
  const figures = new MqttFigures()
  const wills = new Wills({ topics, directory, rules: ruleBook, figures, clock, log })
  const sessionsOf = ({ app }: AppSpace) => regionIn(regions, authority.regionOf(app))
  const states: ClientStates = new ClientStates({
    clock,
    random,
    turns,
    topics,
    figures: sessionFigures,
    settings: config.mqtt,
    regionOf(space) {
      spaces.set(space.app.id, space)
      return sessionsOf(space)
    },
    publishWill: (space, message, author) => wills.publish(space, message, author),
  })
  const spaceOf = (appId: string) => {
    const loaded = directory.findById(appId)
    return loaded && hub.space(loaded.app)
  }
  for (const region of regions.values()) await states.load(region, spaceOf)
  forgetDeleted(authority, spaces, (space) => {
    states.removeApp(space)
    topics.forget(space)
  })
  const credentials = { apps: directory, tenants: authority.tenants, check: core.check, clock }
  const { bearers, tokens } = ports
  const shared = { guard, recordUse, recordDenial }
  const door = new CredentialDoor({ ...credentials, ...shared, bearers, tokens })
  const deps: MqttDeps = {
    ...{ hub, topics, states, wills, door, directory, limitBook, figures, tally, clock, random },
    ...{ guard, turns, log, recordDenial, isOverloaded, rules: ruleBook },
    arrivals: new Arrivals(),
    ...{ partials: new PartialPackets(), frames: new PublishFrames() },
    settings: config.mqtt,
    subscriptionCountMax: config.limits.subscriptionCountMax,
  }
  const changes = new RuleChanges({ hub, turns })
  ruleBook.onChange((tenantId) => changes.changed(tenantId))
  return {
    deps,
    publishing: { topics, rules: ruleBook, writesOf: (space) => sessionsOf(space).journal },
    settle(appId) {
      const loaded = directory.findById(appId)
      if (loaded === undefined || loaded.app.settings.bridges.length === 0) return undefined
      return settled(regionIn(regions, authority.regionOf(loaded.app)).journal)
    },
    tasks: tasksOf(topics, states),
    metrics: () => [figures.metrics(), sessionFigures.metrics(), ports.bridging.figures.metrics()],
  }
}

/** @param spaces by id of the app; those that are deleted leave it. */
function forgetDeleted(
  authority: CredentialCore['authority'],
  spaces: Map<string, AppSpace>,
  forget: (space: AppSpace) => void,
): void {
  authority.onChange((change) => {
    if (change.kind !== 'app' || authority.apps.findById(change.appId) !== undefined) return
    const space = spaces.get(change.appId)
    if (space === undefined) return
    spaces.delete(change.appId)
    forget(space)
  })
}

function tasksOf(topics: TopicHub, states: ClientStates): readonly UpkeepTask[] {
  return [
    {
      name: 'mqtt',
      everyMs: TICK_MS,
      run: async () => {
        states.tick()
        topics.tick()
      },
      finish: async () => {
        await states.finish()
        topics.close()
      },
    },
  ]
}

function settled(journal: SessionJournal): Promise<void> | undefined {
  if (journal.isSettled) return undefined
  return journal.settled().then((isDurable) => {
    if (isDurable) return
    throw new Outage('store_unavailable', 'Sessions cannot be written. See the log.', {
      port: 'store',
    })
  })
}

function openRegions(
  databases: Iterable<RegionDatabase>,
  ports: Pick<ConstructorParameters<typeof SessionJournal>[0], 'clock' | 'log'>,
): ReadonlyMap<RegionDatabase, SessionRegion> {
  return new Map(
    [...databases].map((database) => {
      const store = database.sessions
      return [database, { store, journal: new SessionJournal({ ...ports, store }) }]
    }),
  )
}

function regionIn(
  regions: ReadonlyMap<RegionDatabase, SessionRegion>,
  database: RegionDatabase,
): SessionRegion {
  const region = regions.get(database)
  if (region === undefined) throw new Error(`the region ${database.region} keeps no sessions`)
  return region
}
