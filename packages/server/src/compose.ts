/**
 * Puts a server together: the only file that names adapters. Everything that can fail at start does
 * so before an address is bound, and nothing half-started is left behind.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createMemoryBus } from './adapters/broker-memory/broker.ts'
import { loadDemoAssets } from './adapters/demo-assets/demo-assets.ts'
import { createPinoLog } from './adapters/log-pino/log.ts'
import { loadKeyFile } from './adapters/master-key-file/key-file.ts'
import { openMemoryStore } from './adapters/store-memory/store.ts'
import { CONTROL_DATABASE_FILE } from './adapters/store-sqlite/data-directory.ts'
import { openSqliteStore } from './adapters/store-sqlite/store.ts'
import { systemClock } from './adapters/system/clock.ts'
import { systemRandom } from './adapters/system/random.ts'
import { DEFAULT_APP_SETTINGS } from './config/app-schema.ts'
import type { Config } from './config/config.ts'
import { Hub } from './core/hub.ts'
import { Tally, tallyMetrics } from './core/tally.ts'
import { AppDirectory, type LoadedApp } from './credentials/app-directory.ts'
import {
  createDemoTenant,
  DEMO_TENANT_SHORT_ID,
  type DemoCredentials,
} from './credentials/demo-tenant.ts'
import {
  createMasterKeyFile,
  type MasterKey,
  parseMasterKey,
  parseMasterKeyFile,
} from './credentials/master-key.ts'
import { declareTenants } from './credentials/provision.ts'
import { loadSigningSecrets } from './credentials/signing-keys.ts'
import { DemoPage } from './http/demo/demo-page.ts'
import { publicRoute } from './http/public-route.ts'
import { ReplayMemory } from './http/pusher-api/replay-memory.ts'
import type { Log } from './ports/log.ts'
import type { MetricsExporter } from './ports/metrics.ts'
import type { Store } from './ports/store.ts'
import { type RunningServer, runServer } from './run-server.ts'
import { webSocketProtocols } from './sessions/registry.ts'
import { StartProblem } from './ports/start-problem.ts'
import { Pump } from './transports/pump.ts'
import { WebSockets } from './transports/websocket.ts'

export interface StartedServer extends RunningServer {
  /** Present at the first start only; the secret is shown once and kept sealed. */
  readonly demoCredentials: DemoCredentials | undefined
}

const clock = systemClock
const random = systemRandom

/**
 * Starts a server and resolves when it is ready.
 * @throws StartProblem or Outage: texts an operator can act on.
 */
export async function startServer(config: Config): Promise<StartedServer> {
  const log = createPinoLog({ level: config.logLevel })
  const masterKey = openMasterKey(config)
  const store =
    config.store === 'memory'
      ? openMemoryStore()
      : await openSqliteStore({ dataDir: config.dataDir })
  try {
    const { apps, demoCredentials } = await provision(config, store, masterKey)
    const server = await assemble(config, { store, log, apps })
    return Object.assign(server, { demoCredentials })
  } catch (error) {
    await store.close()
    throw error
  }
}

function openMasterKey(config: Config): MasterKey {
  if (config.masterKey !== undefined) return orStop(parseMasterKey(config.masterKey))
  // What is sealed in memory ends with the process, and so may its key.
  if (config.store === 'memory') return orStop(parseMasterKeyFile(createMasterKeyFile(random)))
  const path = join(config.dataDir, 'master.key')
  const file = orStop(loadKeyFile(path, () => makeMasterKey(config.dataDir, path)))
  return orStop(parseMasterKeyFile(file.text))
}

/** A new key beside old data would open nothing of it, so a lost key is said before one is made. */
function makeMasterKey(dataDir: string, path: string): string {
  if (existsSync(join(dataDir, CONTROL_DATABASE_FILE))) {
    throw new StartProblem(
      `${path} is missing, and the secrets in ${dataDir} open with nothing else. Put it back ` +
        'from your backup or give it as masterKey; to begin anew, move the data directory away.',
    )
  }
  return createMasterKeyFile(random)
}

async function provision(
  config: Config,
  store: Store,
  masterKey: MasterKey,
): Promise<{ apps: readonly LoadedApp[]; demoCredentials: DemoCredentials | undefined }> {
  const deps = { clock, random, masterKey }
  orStop(await declareTenants(store, config.tenants, deps))
  const demoSettings = { ...DEFAULT_APP_SETTINGS, clientMessages: true, watchlist: true }
  const demoCredentials = config.demo
    ? await createDemoTenant(store, { ...demoSettings, subscriptionCount: true }, deps)
    : undefined
  return { apps: orStop(await loadSigningSecrets(store, masterKey)), demoCredentials }
}

async function assemble(
  config: Config,
  parts: { readonly store: Store; readonly log: Log; readonly apps: readonly LoadedApp[] },
): Promise<RunningServer> {
  const { store, log, apps } = parts
  const { limits } = config
  const tally = new Tally()
  const directory = new AppDirectory()
  directory.replace(apps)
  const bus = createMemoryBus({ onError: (error, topic) => log.error('bus_bug', error, { topic }) })
  const broker = bus.connect()
  const pump = new Pump(limits.outboxBytesMax, { clock, tally })
  const hub = new Hub(limits, { fanout: pump, broker, clock, tally })
  const deps = { hub, directory, clock, tally, random, times: limits }
  const protocols = webSocketProtocols(deps)
  const webSockets = new WebSockets(limits, { pump, clock, tally, log, protocols })
  const demoApp = apps.find(({ tenant }) => tenant.shortId === DEMO_TENANT_SHORT_ID)
  const demo =
    config.demo && demoApp !== undefined
      ? new DemoPage({ app: demoApp, hub, clock, assets: await loadDemoAssets() })
      : undefined
  const replays = new ReplayMemory(limits.authTimestampWindowMs)
  const { authTimestampWindowMs } = limits
  const route = publicRoute({ hub, directory, clock, tally, replays, authTimestampWindowMs, demo })
  const metrics = () => exportMetrics(tally)
  return runServer(config, { route, metrics, webSockets, pump, hub, broker, store, tally, log })
}

/** The exporter is loaded when somebody asks: it is a sixth of what a start would take. */
async function exportMetrics(tally: Tally): Promise<MetricsExporter> {
  const { promMetrics } = await import('./adapters/metrics-prom/metrics-prom.ts')
  return promMetrics(tallyMetrics(tally))
}

/** @throws StartProblem with the detail of a refusal. */
function orStop<T>(
  result: { ok: true; value: T } | { ok: false; refusal: string; detail?: string },
): T {
  if (result.ok) return result.value
  throw new StartProblem(result.detail ?? result.refusal)
}
