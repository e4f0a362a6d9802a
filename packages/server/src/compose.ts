/**
 * Puts a server together: the only file that names adapters. Everything that can fail at start does
 * so before an address is bound, and nothing half-started is left behind.
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { version } from '../package.json'
import { createMemoryBus } from './adapters/broker-memory/broker.ts'
import { loadDemoAssets } from './adapters/demo-assets/demo-assets.ts'
import { openMemoryLimitEngine } from './adapters/limit-engine-memory/limit-engine.ts'
import { createNodeFetcher } from './adapters/fetcher-node/fetcher.ts'
import { createNodeSender } from './adapters/fetcher-node/webhook-sender.ts'
import { createPinoLog } from './adapters/log-pino/log.ts'
import { smtpMailerOf } from './adapters/mailer-smtp/mailer.ts'
import { runMasterKeyCommand } from './adapters/master-key-file/key-command.ts'
import { loadKeyFile, replaceKeyFile } from './adapters/master-key-file/key-file.ts'
import {
  readOperatorKeyFile,
  writeOperatorKeyFile,
} from './adapters/operator-key-file/operator-key-file.ts'
import { openMemoryStore } from './adapters/store-memory/store.ts'
import { CONTROL_DATABASE_FILE } from './adapters/store-sqlite/file-names.ts'
import { openSqliteStore } from './adapters/store-sqlite/store.ts'
import { systemClock } from './adapters/system/clock.ts'
import { createPasswordHash } from './adapters/system/password-hash.ts'
import { systemRandom } from './adapters/system/random.ts'
import { systemTurns } from './adapters/system/turns.ts'
import { openFileWitness } from './adapters/witness-file/witness-file.ts'
import { openHttpWitness } from './adapters/witness-http/witness-http.ts'
import type { openAdministration } from './assembly/administration.ts'
import { WITNESS_NETWORKS } from './assembly/audit-core.ts'
import { type CredentialCore, openCredentialCore } from './assembly/credential-core.ts'
import { declarationsOf } from './assembly/declarations.ts'
import { figuresOf } from './assembly/figures.ts'
import { shareLimits } from './assembly/limits.ts'
import { masterKeySource } from './assembly/master-key.ts'
import { openMqtt } from './assembly/mqtt.ts'
import { createGuarding } from './assembly/guarding.ts'
import { warnOfOpenApps } from './assembly/open-apps.ts'
import { orStop } from './assembly/or-stop.ts'
import { openOauth } from './assembly/oauth-core.ts'
import { upkeepTasks } from './assembly/upkeep-tasks.ts'
import { openWatch, type Watch } from './assembly/watch.ts'
import { openWebhooks } from './assembly/webhooks.ts'
import { DEFAULT_APP_SETTINGS } from './config/app-schema.ts'
import type { Config } from './config/config.ts'
import { Bridging } from './core/bridges/bridging.ts'
import { Hub } from './core/hub.ts'
import { LiveEvents } from './core/live-events.ts'
import { Tally } from './core/tally.ts'
import { Upkeep } from './core/upkeep.ts'
import { applyDeclarations } from './credentials/declaration/declare.ts'
import {
  createDemoTenant,
  DEMO_TENANT_SHORT_ID,
  type DemoCredentials,
} from './credentials/demo-tenant.ts'
import { ensureFirstOperator } from './credentials/first-operator.ts'
import { parseMasterKey } from './credentials/master-key.ts'
import { MasterKeyRing } from './credentials/master-key-ring.ts'
import type { AdminDeps } from './http/admin/deps.ts'
import { Slots } from './http/admin/slots.ts'
import { TrustedProxies } from './http/client-address.ts'
import { type DemoDeps, DemoPage } from './http/demo/demo-page.ts'
import { ownHostsOf } from './http/own-hosts.ts'
import { loadAdministration, publicRoute } from './http/public-route.ts'
import { ReplayMemory } from './http/pusher-api/replay-memory.ts'
import type { Log } from './ports/log.ts'
import type { MetricDefinitions, MetricsExporter } from './ports/metrics.ts'
import type { Store } from './ports/store.ts'
import type { Witness } from './ports/witness.ts'
import { type RunningServer, runServer } from './run-server.ts'
import { mqttStreams } from './sessions/mqtt/protocol.ts'
import { webSocketProtocols } from './sessions/registry.ts'
import { createClosings } from './transports/closings.ts'
import { Pump } from './transports/pump.ts'
import { TurnWriter } from './transports/turn-writer.ts'
import { WebSockets } from './transports/websocket.ts'

export interface StartedServer extends RunningServer {
  /** Present at the first start only; the secret is shown once and kept sealed. */
  readonly demoCredentials: DemoCredentials | undefined
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
  const source = masterKeySource(config, {
    random,
    controlDatabaseFile: CONTROL_DATABASE_FILE,
    loadFile: loadKeyFile,
    replaceFile: replaceKeyFile,
    runCommand: runMasterKeyCommand,
  })
  const masterKey = new MasterKeyRing(orStop(parseMasterKey(await source.read())))
  const regions = config.regions.map(({ code, dbCode }) => ({ region: code, dbCode }))
  const store =
    config.store === 'memory'
      ? openMemoryStore(regions)
      : await openSqliteStore({
          dataDir: config.dataDir,
          regions,
          sessionDurability: config.mqtt.durability,
        })
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
  const { broker, pump, hub, closings, bridging } = openHub(config, { tally, events, log })
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
  const directory = authority.apps
  warnOfOpenApps(directory.apps(), log)
  const guarding = createGuarding(config, { engine: limitEngine, clock, events, recordDenial })
  const { guard, limitBook } = guarding
  const records = { recordUse, recordDenial, guard, limitBook }
  const deps = { hub, directory, clock, tally, random, times: limits, ...records }
  const opened = await openOauth(config, core, { ...guarding, tally, log, broker, hub })
  const { tokens, bearers, oauth, connectionTokens, tokenService } = opened
  const own = () => [guarding.metrics(), connectionTokens.metrics()]
  const figures = () => [...figuresOf(core, tally, limitEngine), ...own()]
  const doors = { bearers, tokens: connectionTokens.tokens, turns: systemTurns, bridging }
  const mqtt = await openMqtt(config, core, { ...parts, ...deps, ...doors, broker, events })
  const protocols = webSocketProtocols({ ...deps, mqtt: mqtt.deps })
  const carrying = { pump, writer: new TurnWriter(), guard, clock, tally }
  const webSockets = new WebSockets(config, { ...carrying, protocols })
  const replays = new ReplayMemory(limits.authTimestampWindowMs)
  const demo = await demoPage(config, core, { hub, guard })
  const mailer = smtpMailerOf(config.smtp)
  const sender = createNodeSender({ ...config.outbound, clock })
  const sending = { store, events, log, sender, pause, ...guarding }
  const outbound = await openWebhooks(config, core, sending)
  const { webhooks, webhookEvents, administration } = outbound
  const settle = (appId: string) => settleAll([webhookEvents.settle(appId), mqtt.settle(appId)])
  const { authTimestampWindowMs } = limits
  const api = { hub, directory, clock, tally, replays, authTimestampWindowMs, settle }
  const publisher = { ...api, ...records, bearers, random, log, ...mqtt.publishing }
  const served = { bearers, oauth, tokenService, publisher }
  const watch = openWatch(config, { ...deps, events, authority, log, mailer })
  const told = { tokens, tokenKeyChanges: connectionTokens.keyChanges, ...watch.shown, tally, log }
  const admin = { ...adminDeps(config, core, store), ...administration, ...records, ...told }
  const ownHosts = ownHostsOf(config)
  const { signingKeys } = tokens
  const kept = { signingKeys, connectionTokens, ...config.audit, webhooks, guard, mqtt }
  const upkept = { ...kept, watching: watch.tasks }
  const server = await runServer(config, {
    route: publicRoute({ ...api, ...records, ...served, demo, admin, ownHosts }),
    listening: (base) => tokens.issuer.fix(base),
    metrics: () => exportMetrics([figures, outbound.metrics, watch.metrics, mqtt.metrics]),
    warmUp: loadAdministration,
    webSockets,
    protocols: { stream: mqttStreams(mqtt.deps) },
    ...{ ...carrying, hub, broker, store, revoker, limitEngine, webhookEvents, log },
    trustedProxies: new TrustedProxies(config.trustedProxies),
    upkeep: new Upkeep(upkeepTasks(core, store, upkept), { clock, log }),
  })
  return Object.assign(server, { demoCredentials })
}

/** @returns undefined where nothing has to be waited for. */
function settleAll(waits: readonly (Promise<void> | undefined)[]): Promise<void> | undefined {
  const [first, ...others] = waits.filter((wait) => wait !== undefined)
  return others.length === 0 ? first : Promise.all([first, ...others]).then(() => {})
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
  const hub = new Hub(limits, { ...parts, bridging, fanout: pump, broker, clock })
  const closings = createClosings({ tally, log, departures: pump.departures })
  return { broker, pump, hub, closings, bridging }
}

/** What the routes of the administration get beside {@link adminDeps}. */
type Told =
  | 'tokens'
  | 'tokenKeyChanges'
  | keyof Watch['shown']
  | 'guard'
  | 'limitBook'
  | 'tally'
  | 'log'
type Later = 'adoption' | 'deliveryChanges' | Told

function adminDeps(
  config: Config,
  core: CredentialCore,
  store: Store,
): Omit<AdminDeps, keyof ReturnType<typeof openAdministration> | Later> {
  const { authority, changes, revocations, masterKeyChanges, useReport, check, uses } = core
  const { recordDenial, deliveries, keys, audit: trail, ruleBook } = core
  const audit = { keys, trail, slots: new Slots(AUDIT_READ_COUNT_MAX) }
  const { tenants } = authority
  const operators = { tenants, check, clock, uses, control: store.control, recordDenial }
  const rest = { store, authority, changes, revocations, masterKeyChanges, useReport }
  const { regions } = config
  const shown = { clock, random, regions, version }
  const more = { operators, audit, recordDenial, deliveries, ruleBook, ...shown }
  return { ...rest, ...more }
}

/** Our bound on exports and verifications at a time; each reads the whole log. */
const AUDIT_READ_COUNT_MAX = 4

/** The operator chose them, so they may well be inside. */
function witnessesOf({ audit }: Config): readonly Witness[] {
  const { witnessFile, witnessUrl } = audit
  const file = witnessFile === undefined ? [] : [openFileWitness(witnessFile)]
  if (witnessUrl === undefined) return file
  const fetcher = createNodeFetcher({ allowedNetworks: WITNESS_NETWORKS })
  return [...file, openHttpWitness(witnessUrl, fetcher)]
}

/** Brings in what the configuration declares, and at a first start what nobody else would make. */
async function provision(
  config: Config,
  core: CredentialCore,
): Promise<DemoCredentials | undefined> {
  const { administration, revocations } = core
  const deps = { administration, revocations }
  orStop(await applyDeclarations(declarationsOf(config), deps))
  if (config.store === 'sqlite') {
    const path = join(config.dataDir, 'operator.key')
    const place = {
      read: () => readOperatorKeyFile(path),
      write: (value: string) => writeOperatorKeyFile(path, value),
    }
    await ensureFirstOperator(place, administration)
  }
  const region = config.regions[0]?.code
  if (!config.demo || region === undefined) return undefined
  const settings = {
    ...DEFAULT_APP_SETTINGS,
    clientMessages: true,
    watchlist: true,
    subscriptionCount: true,
  }
  return createDemoTenant({ region, settings }, deps)
}

async function demoPage(
  config: Config,
  { authority }: CredentialCore,
  parts: Pick<DemoDeps, 'hub' | 'guard'>,
): Promise<DemoPage | undefined> {
  const apps = [...authority.apps.apps()]
  const app = apps.find(({ tenant }) => tenant.shortId === DEMO_TENANT_SHORT_ID)
  if (!config.demo || app === undefined) return undefined
  return new DemoPage({ app, ...parts, assets: await loadDemoAssets() })
}

/** The exporter is loaded when somebody asks: it is a sixth of what a start would take. */
async function exportMetrics(
  parts: readonly (() => readonly MetricDefinitions[])[],
): Promise<MetricsExporter> {
  const { promMetrics } = await import('./adapters/metrics-prom/metrics-prom.ts')
  const all = parts.flatMap((metrics) => metrics())
  const plain = all.flatMap((each) => each.plain)
  return promMetrics({ plain, labelled: all.flatMap((each) => each.labelled) })
}
