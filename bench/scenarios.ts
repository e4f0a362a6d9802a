/**
 * What is measured on which servers. A scenario is a table: one row per server, the same columns.
 */
import {
  measureConnect,
  measureIdle,
  measurePublish,
  measureTraffic,
  type Reading,
  type Settings,
  timeBareBun,
  timeLockgate,
} from './measure.ts'
import { measureDrill } from './drill.ts'
import { measureFlood } from './flood.ts'
import { measureInside } from './inside.ts'
import { INSIDE_SCENARIOS } from './inside-scenarios.ts'
import { LIMIT_SCENARIOS } from './limit-scenarios.ts'
import { MQTT_SCENARIOS } from './mqtt-scenarios.ts'
import { WSOCKET_SCENARIOS } from './wsocket-scenarios.ts'
import { YJS_SCENARIOS } from './yjs-scenarios.ts'
import { measureRefreshes, measureTokens } from './requests.ts'
import { measureAppRevocation, measureVersionRevocation } from './revocation.ts'
import {
  APP,
  GUARDED_APP,
  type Server,
  startBareBun,
  startFloor,
  startLockgate,
  startWs,
} from './servers.ts'

export type ServerName =
  | 'lockgate'
  | 'floor'
  | 'ws'
  | 'bare'
  | 'sign'
  | 'commit'
  | 'packet'
  | 'post'
  | 'map'
  | 'naive'
  | 'list'
  | 'row'
  | 'untiered'
  | 'mosquitto'
  | 'aedes'
  | 'hocuspocus'
  | 'y-websocket'

export const SERVER_TITLES: Record<ServerName, string> = {
  lockgate: 'Lockgate',
  floor: 'C floor',
  ws: 'ws (Node)',
  bare: 'bare Bun',
  sign: 'bare ES256',
  commit: 'bare SQLite',
  post: 'bare POST loop',
  packet: 'mqtt-packet',
  map: 'bare Map',
  naive: 'rules one by one',
  list: 'bare list',
  row: 'bare SQLite rows',
  untiered: 'Lockgate, no tiers',
  mosquitto: 'mosquitto',
  aedes: 'aedes (Node)',
  hocuspocus: 'Hocuspocus (Node)',
  'y-websocket': 'y-websocket server (Node)',
}

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** Over the runs: the largest instead of the median. */
  readonly isWorst?: boolean
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly columns: readonly Column[]
  readonly servers: readonly ServerName[]
  /** Where one long run says more than several. */
  readonly runCount?: 1
  run(server: ServerName, settings: Settings): Promise<Reading>
}

const CPU = { key: 'cpuUs', title: 'CPU us', digits: 3 }
const USER = { key: 'userUs', title: 'user us', digits: 3 }
const P50 = { key: 'p50Us', title: 'p50 us', digits: 1 }
const P99 = { key: 'p99Us', title: 'p99 us', digits: 1 }

const RATE = { key: 'wallRate', title: 'per second', digits: 0 }
const CORE_RATE = { key: 'coreRate', title: 'per second and core', digits: 0 }

export const SCENARIOS: readonly Scenario[] = [
  fanOut(1),
  fanOut(16),
  fanOut(256),
  {
    name: 'echo',
    title: 'One publisher to one subscriber, 1 in flight, per message',
    columns: [CPU, USER, RATE, P50, P99],
    servers: ['lockgate', 'floor', 'ws'],
    run: (server, settings) =>
      withServer(server, settings, (one) => measureTraffic(one, settings, { count: 1, window: 1 })),
  },
  {
    name: 'idle',
    title: 'Idle connections, each subscribed to one private channel',
    columns: [
      { key: 'connections', title: 'connections', digits: 0 },
      { key: 'kilobytes', title: 'KB RSS per connection', digits: 2 },
      { key: 'megabytes', title: 'MB RSS in all', digits: 1 },
      { key: 'idleCpu', title: 'CPU % while idle', digits: 2 },
    ],
    servers: ['lockgate', 'ws', 'bare'],
    run: (server, settings) => withServer(server, settings, (one) => measureIdle(one, settings)),
  },
  {
    name: 'connect',
    title: 'Connect and subscribe to a private channel with signature, per connection',
    columns: [CPU, USER, CORE_RATE, RATE],
    servers: ['lockgate', 'ws', 'bare'],
    run: (server, settings) => withServer(server, settings, (one) => measureConnect(one, settings)),
  },
  {
    name: 'handshake-flood',
    title: 'Bad handshakes from one range at half the bare accept rate, beside 100 subscribers',
    columns: [
      { key: 'quietP99Us', title: 'p99 us without', digits: 0 },
      { key: 'floodP99Us', title: 'p99 us with', digits: 0 },
      { key: 'growth', title: 'times', digits: 2 },
      { key: 'bareRate', title: 'bare accepts per second', digits: 0 },
      { key: 'offeredRate', title: 'offered per second', digits: 0 },
      { key: 'answeredShare', title: 'answered %', digits: 1 },
    ],
    servers: ['lockgate'],
    run: (_server, settings) => measureFlood(settings),
  },
  {
    name: 'publish',
    title: 'Signed HTTP publish without a subscriber, 32 connections, per request',
    columns: [CPU, USER, CORE_RATE, RATE, P50, P99],
    servers: ['lockgate', 'bare'],
    run: (server, settings) => withServer(server, settings, (one) => measurePublish(one, settings)),
  },
  {
    name: 'token',
    title: 'Access token for client credentials, ES256, 32 connections, per request',
    columns: [CPU, USER, CORE_RATE, RATE, P50, P99],
    servers: ['lockgate', 'sign', 'bare'],
    run: (server, settings) =>
      server === 'sign'
        ? measureInside('es256', settings)
        : withServer(server, settings, (one) => measureTokens(one, settings)),
  },
  {
    name: 'refresh',
    title: 'Refresh, durable, 32 families each with one request in flight, per request',
    columns: [CPU, USER, CORE_RATE, RATE, P50, P99],
    servers: ['lockgate', 'commit', 'bare'],
    run: (server, settings) =>
      server === 'commit'
        ? measureInside('sqlite-commit', settings)
        : withServer(server, settings, (one) => measureRefreshes(one, settings)),
  },
  guardCost(1),
  guardCost(100),
  ...LIMIT_SCENARIOS,
  ...INSIDE_SCENARIOS,
  ...MQTT_SCENARIOS,
  ...WSOCKET_SCENARIOS,
  ...YJS_SCENARIOS,
  revoke('app', measureAppRevocation),
  revoke('version', measureVersionRevocation),
  {
    name: 'drill',
    title: 'Rotation drill: mixed load for 60 s while every kind of secret rotates with overlap',
    columns: [
      { key: 'requests', title: 'requests', digits: 0 },
      { key: 'failed', title: 'failed', digits: 0 },
      { key: 'deliveries', title: 'deliveries', digits: 0 },
      { key: 'wrong', title: 'lost or doubled', digits: 0 },
      { key: 'closed', title: 'connections closed', digits: 0 },
      { key: 'rotations', title: 'rotations', digits: 0 },
    ],
    servers: ['lockgate'],
    runCount: 1,
    run: (server, settings) => withServer(server, settings, (one) => measureDrill(one, settings)),
  },
  {
    name: 'start',
    title: 'Start with an existing data directory, until ready',
    columns: [
      { key: 'readyMs', title: 'ms', digits: 0 },
      { key: 'cpuMs', title: 'CPU ms', digits: 0 },
    ],
    servers: ['lockgate', 'bare'],
    run: (server, settings) => (server === 'lockgate' ? timeLockgate(settings) : timeBareBun()),
  },
]

function revoke(
  kind: 'app' | 'version',
  measure: (server: Server, settings: Settings) => Promise<Reading>,
): Scenario {
  const titles = {
    app: 'Revocation of an app with 10,000 connections, until the last close frame, 20 trials',
    version: 'Revocation of a version that authorized 10,000 subscriptions, spread, 20 trials',
  }
  return {
    name: `revoke-${kind}`,
    title: titles[kind],
    columns: [
      { key: 'lastMs', title: 'median ms', digits: 0 },
      { key: 'worstMs', title: 'worst ms', digits: 0, isWorst: true },
      { key: 'halfMs', title: 'half of them ms', digits: 0 },
      { key: 'cpuMs', title: 'CPU ms', digits: 0 },
      { key: 'connections', title: 'connections', digits: 0 },
    ],
    servers: ['lockgate', 'bare'],
    run: (name, settings) =>
      withServer(name === 'bare' ? 'closing' : name, settings, (one) => measure(one, settings)),
  }
}

function fanOut(window: number): Scenario {
  return {
    name: `fan-out-${window}`,
    title: `Fan-out to 1,000 subscribers, ${window} in flight, per delivery`,
    columns: [CPU, USER, RATE, P50, P99],
    servers: ['lockgate', 'floor', 'ws'],
    run: (server, settings) =>
      withServer(server, settings, (one) =>
        measureTraffic(one, settings, { count: settings.isQuick ? 100 : 1000, window }),
      ),
  }
}

/** The same server and the same messages, of an app with three tiers and of one without. */
function guardCost(count: number): Scenario {
  return {
    name: `guard-cost-${count}`,
    title: `Client events of a limited app to ${count} subscribers, 16 in flight, per delivery`,
    columns: [CPU, USER, RATE, P50, P99],
    servers: ['lockgate', 'untiered'],
    run: (server, settings) =>
      withServer('lockgate', settings, (one) => {
        const { key, secret } = server === 'untiered' ? APP : GUARDED_APP
        return measureTraffic(one, settings, { count, window: 16, key, secret })
      }),
  }
}

async function withServer(
  name: ServerName | 'closing',
  settings: Settings,
  measure: (server: Server) => Promise<Reading>,
): Promise<Reading> {
  const server = await startServer(name, settings)
  try {
    return await measure(server)
  } finally {
    await server.stop()
  }
}

function startServer(name: ServerName | 'closing', settings: Settings): Promise<Server> {
  switch (name) {
    case 'lockgate':
      return startLockgate(settings.installation)
    case 'floor':
      return startFloor(settings.programs)
    case 'ws':
      return startWs()
    case 'bare':
      return startBareBun()
    case 'closing':
      return startBareBun('closing')
    default:
      throw new Error(`${SERVER_TITLES[name]} is no server of these`)
  }
}
