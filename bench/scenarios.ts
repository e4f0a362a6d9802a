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
import { type Server, startBareBun, startFloor, startLockgate, startWs } from './servers.ts'

export type ServerName = 'lockgate' | 'floor' | 'ws' | 'bare'

export const SERVER_TITLES: Record<ServerName, string> = {
  lockgate: 'Lockgate',
  floor: 'C floor',
  ws: 'ws (Node)',
  bare: 'bare Bun',
}

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly columns: readonly Column[]
  readonly servers: readonly ServerName[]
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
    name: 'publish',
    title: 'Signed HTTP publish without a subscriber, 32 connections, per request',
    columns: [CPU, USER, CORE_RATE, RATE, P50, P99],
    servers: ['lockgate', 'bare'],
    run: (server, settings) => withServer(server, settings, (one) => measurePublish(one, settings)),
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

async function withServer(
  name: ServerName,
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

function startServer(name: ServerName, settings: Settings): Promise<Server> {
  switch (name) {
    case 'lockgate':
      return startLockgate(settings.installation)
    case 'floor':
      return startFloor(settings.programs)
    case 'ws':
      return startWs()
    case 'bare':
      return startBareBun()
  }
}
