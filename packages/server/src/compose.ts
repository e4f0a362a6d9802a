/**
 * Puts a server together. Everything that can fail at start does so before an address is bound, and
 * nothing half-started is left behind. It and the files beside it alone name adapters.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { createMemoryBus } from './adapters/broker-memory/broker.ts'
import { YjsDocumentEngine } from './adapters/document-engine-yjs/engine.ts'
import { createMemoryPins } from './adapters/document-pins-memory/document-pins.ts'
import { openMemoryLimitEngine } from './adapters/limit-engine-memory/limit-engine.ts'
import { createNodeFetcher } from './adapters/fetcher-node/fetcher.ts'
import { createNodeSender } from './adapters/fetcher-node/webhook-sender.ts'
import { createPinoLog } from './adapters/log-pino/log.ts'
import { smtpMailerOf } from './adapters/mailer-smtp/mailer.ts'
import { systemClock } from './adapters/system/clock.ts'
import { openMachine } from './adapters/system/machine.ts'
import { createPasswordHash } from './adapters/system/password-hash.ts'
import { systemRandom } from './adapters/system/random.ts'
import { systemTurns } from './adapters/system/turns.ts'
import { openCredentialCore } from './assembly/credential-core.ts'
import { openDataPlane } from './assembly/data-plane.ts'
import { openDocuments } from './assembly/documents.ts'
import { figuresOf } from './assembly/figures.ts'
import { shareLimits } from './assembly/limits.ts'
import { openMessages } from './assembly/messages.ts'
import { openMqtt } from './assembly/mqtt.ts'
import { openWSocket } from './assembly/wsocket.ts'
import { createGuarding } from './assembly/guarding.ts'
import { warnOfOpenApps } from './assembly/open-apps.ts'
import { openOauth } from './assembly/oauth-core.ts'
import { upkeepTasks } from './assembly/upkeep-tasks.ts'
import { openWatch } from './assembly/watch.ts'
import { openWebhooks } from './assembly/webhooks.ts'
import { openYjs } from './assembly/yjs.ts'
import { adminDeps } from './compose-admin.ts'
import { exportMetrics, openStore, witnessesOf } from './compose-outside.ts'
import { masterKeySourceOf, readMasterKey } from './compose-outside.ts'
import type { Config } from './config/config.ts'
import { Bridging } from './core/bridges/bridging.ts'
import { Hub, type HubPorts } from './core/hub.ts'
import { KeptLastEvents } from './core/kept-last-events.ts'
import { LiveEvents } from './core/live-events.ts'
import { LoadMonitor } from './core/load/load-monitor.ts'
import { Tally } from './core/tally.ts'
import { Upkeep } from './core/upkeep.ts'
import type { DemoCredentials } from './credentials/demo-tenant.ts'
import { TrustedProxies } from './http/client-address.ts'
import { ownHostsOf } from './http/own-hosts.ts'
import { loadAdministration, publicRoute } from './http/public-route.ts'
import { ReplayMemory } from './http/pusher-api/replay-memory.ts'
import type { Log } from './ports/log.ts'
import type { Store } from './ports/store.ts'
import { demoPages, provision } from './provision.ts'
import { type RunningServer, runServer } from './run-server.ts'
import { mqttStreams } from './sessions/mqtt/protocol.ts'
import { type ProtocolDeps, upgradeRouter, webSocketProtocols } from './sessions/registry.ts'
import { createClosings } from './transports/closings.ts'
import { Pump } from './transports/pump.ts'
import { TurnWriter } from './transports/turn-writer.ts'
import { WebSockets } from './transports/websocket.ts'

export interface StartedServer extends RunningServer {
  /** Present at the first start only; the secret is shown once and kept sealed. */
  readonly demoCredentials: DemoCredentials | undefined
  /** Whether people find something at `/` and `/examples`. */
  readonly hasPages: boolean
}

const clock = systemClock
const random = systemRandom

/**
 * Starts a server and resolves when it is ready.
 * @param demoMade called once the demo app is durable: what fails later does not take it back.
 * @throws StartProblem or Outage: texts an operator can act on.
 */
export async function startServer(
  config: Config,
  demoMade?: (credentials: DemoCredentials) => void,
): Promise<StartedServer> {
  const log = createPinoLog({ level: config.logLevel })
  const source = masterKeySourceOf(config)
  const masterKey = await readMasterKey(source)
  const store = await openStore(config)
  try {
    return await assemble(config, { store, log, masterKey, masterKeySource: source, demoMade })
  } catch (error) {
    await store.close()
    throw error
  }
}

type Parts = {
  readonly store: Store
  readonly log: Log
  readonly demoMade?: ((credentials: DemoCredentials) => void) | undefined
} & Pick<Parameters<typeof openCredentialCore>[1], 'masterKey' | 'masterKeySource'>

async function assemble(config: Config, parts: Parts): Promise<StartedServer> {
  const { store, log } = parts
  const { limits } = config
  const tally = new Tally()
  const events = new LiveEvents()
  const hubs = openHub(config, { tally, events, log })
  const { broker, pump, hub, closings, bridging } = hubs
  const loadPorts = { machine: openMachine(), clock, random, tally, log }
  const load = new LoadMonitor(config.load, limits, loadPorts)
  const limitEngine = shareLimits(openMemoryLimitEngine({ clock }), { broker, clock, log, random })
  const core = await openCredentialCore(config, {
    ...{ ...parts, broker, clock, random, closings, hub, events },
    passwordHash: createPasswordHash(),
    fetcher: createNodeFetcher(config.outbound),
    witnesses: witnessesOf(config),
  })
  const demoCredentials = await provision(config, core)
  if (demoCredentials !== undefined) parts.demoMade?.(demoCredentials)
  await core.deadlines.start()
  const { authority, recordUse, recordDenial, revoker } = core
  warnOfOpenApps(authority.apps.apps(), log)
  const guarding = createGuarding(config, { engine: limitEngine, clock, events, recordDenial })
  const { guard, limitBook } = guarding
  const records = { recordUse, recordDenial, guard, limitBook }
  const deps = { hub, directory: authority.apps, clock, tally, random, times: limits, ...records }
  const opened = await openOauth(config, core, { ...guarding, tally, log, broker, hub })
  const { tokens, bearers, oauth, connectionTokens, tokenService } = opened
  const own = () => [guarding.metrics(), connectionTokens.metrics(), load.metrics()]
  const figures = () => [...figuresOf(core, tally, limitEngine), ...own()]
  const doors = { bearers, tokens: connectionTokens.tokens, turns: systemTurns, bridging }
  const entering = { broker, events, isOverloaded: () => load.refusal() !== undefined }
  const mqtt = await openMqtt(config, core, { ...parts, ...deps, ...doors, ...entering })
  const messaging = await openMessages(config, core, { ...deps, ...entering, ...hubs, log })
  const documents = openDocuments(config, core, documentPorts({ hub, fanout: pump, log }))
  const yjs = openYjs(config, { ...deps, bearers, documents, log })
  const wsocket = openWSocket(core, messaging, { ...deps, bearers, turns: systemTurns, log })
  const router = routerOf(config, { ...deps, mqtt: mqtt.deps, yjs, wsocket })
  const carrying = { pump, writer: new TurnWriter(), guard, clock, tally, load }
  const webSockets = new WebSockets(config, { ...carrying, log, router })
  const replays = new ReplayMemory(limits.authTimestampWindowMs)
  const pages = await demoPages(config, core, { hub, guard })
  const sender = createNodeSender({ ...config.outbound, clock })
  const sending = { store, events, log, sender, pause, ...guarding, messaging, documents }
  const outbound = await openWebhooks(config, core, sending)
  const { webhooks, webhookEvents, administration } = outbound
  const settle = settleAll([webhookEvents, mqtt, messaging])
  const api = { ...deps, ...limits, replays, settle }
  const publisher = { ...api, bearers, log, ...mqtt.publishing }
  const dataPlane = { ...deps, bearers, log, ...openDataPlane({ documents, store, load, clock }) }
  const served = { messaging, bearers, oauth, tokenService, publisher, dataPlane }
  const mailer = smtpMailerOf(config.smtp)
  const watch = openWatch(config, { ...deps, events, authority, log, mailer })
  const told = { tokens, tokenKeyChanges: connectionTokens.keyChanges, ...watch.shown, tally, log }
  const admin = { ...adminDeps(config, core, store), ...administration, ...records, ...told }
  const kept = { ...config.audit, signingKeys: tokens.signingKeys, connectionTokens, guard }
  const upkept = { ...kept, webhooks, mqtt, messaging, documents, watching: watch.tasks }
  const counting = [outbound, watch, mqtt, messaging, documents]
  const server = await runServer(config, {
    route: publicRoute({ ...api, ...served, ...pages, admin, ownHosts: ownHostsOf(config) }),
    listening: (base) => tokens.issuer.fix(base),
    metrics: () => exportMetrics([figures, ...counting.map((each) => each.metrics)]),
    warmUp: loadAdministration,
    webSockets,
    protocols: { stream: mqttStreams(mqtt.deps) },
    ...{ ...carrying, hub, broker, store, revoker, limitEngine, webhookEvents, log },
    trustedProxies: new TrustedProxies(config.trustedProxies),
    upkeep: new Upkeep(upkeepTasks(core, store, upkept), { clock, log }),
  })
  return Object.assign(server, { demoCredentials, hasPages: pages.demo !== undefined })
}

type Settle = (appId: string) => Promise<void> | undefined

/** @returns what says undefined where nothing has to be waited for. */
function settleAll(parts: readonly { readonly settle: Settle }[]): Settle {
  return (appId) => {
    const waits = parts.map((each) => each.settle(appId))
    const [first, ...others] = waits.filter((wait) => wait !== undefined)
    return others.length === 0 ? first : Promise.all([first, ...others]).then(() => {})
  }
}

/** The engine starts its Worker with the first document. */
function documentPorts(ports: Pick<Parts, 'log'> & { hub: Hub; fanout: Pump }) {
  const adapters = {
    engine: new YjsDocumentEngine({ clock }),
    pins: createMemoryPins({ clock }),
    turns: systemTurns,
  }
  return { ...ports, ...adapters }
}

function routerOf(config: Config, deps: ProtocolDeps) {
  return upgradeRouter(webSocketProtocols(deps), config.documents.prefixes)
}

function openHub(
  { limits }: Config,
  parts: Pick<Parts, 'log'> & { tally: Tally; events: LiveEvents },
) {
  const { tally, log } = parts
  const bridging = new Bridging()
  const bus = createMemoryBus({ onError: (error, topic) => log.error('bus_bug', error, { topic }) })
  const broker = bus.connect()
  const pump = new Pump(limits.outboxBytesMax, { clock, tally, log })
  const lastEvents = new KeptLastEvents()
  const onLastEvent: HubPorts['onLastEvent'] = (space, name) => lastEvents.changed(space, name)
  const hub = new Hub(limits, { ...parts, bridging, fanout: pump, broker, clock, onLastEvent })
  const closings = createClosings({ tally, log, departures: pump.departures })
  return { broker, pump, hub, closings, bridging, lastEvents }
}
