/**
 * MQTT beside other brokers: the same clients and the same messages of 60 bytes by MQTT 3.1.1 over
 * TCP, with clean sessions. Ours checks tokens, rules and limits; the others let anybody do anything.
 */
import { writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Token } from '../test/support/token-driver.ts'
import { generate, type LoadOptions, type MqttOpenResult, type MqttResult } from './generator.ts'
import { makeOrdinary } from './machine.ts'
import { connectionCount, contentionOf, perItem, type Reading, type Settings } from './measure.ts'
import {
  accountsFile,
  KeyOfMinting,
  OWN_TOPIC,
  TRAFFIC_TOPIC,
  writeAccounts,
} from './mqtt-accounts.ts'
import { type Broker, type MqttServer, startBroker } from './mqtt-servers.ts'
import type { Column, Scenario } from './scenarios.ts'
import { type Installation, makeInstallation } from './servers.ts'

const PAIR_COUNT = 100
const RENEWAL_COUNT = 1_000
/** Refreshed at a time. */
const REFRESHING_COUNT = 4
/** Of each pair, while tokens are renewed. */
const RENEWAL_WINDOW = 4

/** Of servers with idle connections; made by the first, removed at the end. */
let idle: Installation | undefined
process.on('exit', () => idle?.remove())

const CPU = { key: 'cpuUs', title: 'CPU us', digits: 3 }
const USER = { key: 'userUs', title: 'user us', digits: 3 }
const RATE = { key: 'wallRate', title: 'per second', digits: 0 }
const CORE_RATE = { key: 'coreRate', title: 'per second and core', digits: 0 }
const P50 = { key: 'p50Us', title: 'p50 us', digits: 1 }
const P99 = { key: 'p99Us', title: 'p99 us', digits: 1 }
const TRAFFIC: readonly Column[] = [CPU, USER, RATE, P50, P99]

export const MQTT_SCENARIOS: readonly Scenario[] = [
  fanOut(1),
  fanOut(16),
  pairs(1),
  pairs(16),
  {
    name: 'mqtt-connect',
    title: 'MQTT connect, ours with a token of our token service, per connection',
    columns: [CPU, USER, CORE_RATE, RATE],
    servers: ['lockgate', 'mosquitto', 'aedes'],
    async run(server, settings) {
      const count = connectionCount(settings)
      const warmup = Math.floor(count / 5)
      const shape = { count, 'warmup-count': warmup }
      const known = await accounts(server, settings, { count: count + warmup + 1, use: 'new' })
      return withBroker(server, settings, async (one) => {
        const { connect } = await open(one, settings, { ...shape, ...known })
        return { values: perItem(connect, count), ...contentionOf(connect) }
      })
    },
  },
  {
    name: 'mqtt-idle',
    title: 'Idle MQTT connections, each subscribed to a topic of its own',
    columns: [
      { key: 'connections', title: 'connections', digits: 0 },
      { key: 'kilobytes', title: 'KB RSS per connection', digits: 2 },
      { key: 'megabytes', title: 'MB RSS in all', digits: 1 },
      { key: 'idleCpu', title: 'CPU % while idle', digits: 2 },
    ],
    servers: ['lockgate', 'mosquitto', 'aedes'],
    async run(server, settings) {
      const count = connectionCount(settings)
      const shape = { count, subscribe: 1, hold: 2 }
      // With these tokens alone: reading many more at its start leaves a server with room to fill.
      idle ??= makeInstallation()
      const own = { ...settings, installation: idle }
      const known = await accounts(server, own, { count: count + 1, use: 'known' })
      return withBroker(server, own, async (one) => {
        const { connect, hold } = await open(one, settings, { ...shape, ...known })
        return {
          values: {
            connections: count,
            kilobytes: (hold.rssBytesAfter - connect.rssBytesBefore) / count / 1024,
            megabytes: hold.rssBytesAfter / 2 ** 20,
            idleCpu: ((hold.userSeconds + hold.systemSeconds) / hold.seconds) * 100,
          },
        }
      })
    },
  },
  {
    name: 'mqtt-renewal',
    title: 'Tokens renewed in place (AUTH) on 200 connections, while 100 pairs exchange QoS 1',
    columns: [
      { key: 'renewals', title: 'renewals', digits: 0 },
      { key: 'messages', title: 'messages meanwhile', digits: 0 },
      { key: 'wrong', title: 'lost or doubled', digits: 0 },
      { key: 'renewalP50Us', title: 'renewal p50 us', digits: 0 },
      { key: 'renewalP99Us', title: 'renewal p99 us', digits: 0 },
    ],
    servers: ['lockgate'],
    run: (server, settings) => withBroker(server, settings, (one) => renewal(one, settings)),
  },
]

function fanOut(window: number): Scenario {
  return {
    name: `mqtt-fanout-${window}`,
    title: `MQTT QoS 0 to 1,000 subscribers, ${window} in flight, per delivery`,
    columns: TRAFFIC,
    servers: ['lockgate', 'mosquitto', 'aedes'],
    run: (server, settings) =>
      exchange(server, settings, {
        groups: 1,
        count: settings.isQuick ? 100 : 1000,
        window,
        qos: 0,
      }),
  }
}

function pairs(window: number): Scenario {
  return {
    name: `mqtt-pairs-${window}`,
    title: `MQTT QoS 1 one to one, 100 pairs with ${window} in flight each, per message`,
    columns: TRAFFIC,
    servers: ['lockgate', 'mosquitto', 'aedes'],
    run: (server, settings) =>
      exchange(server, settings, { groups: PAIR_COUNT, count: 1, window, qos: 1 }),
  }
}

async function withBroker(
  name: string,
  settings: Settings,
  measure: (server: MqttServer) => Promise<Reading>,
): Promise<Reading> {
  const server = await startBroker(name as Broker, settings.installation)
  try {
    return await measure(server)
  } finally {
    await server.stop()
  }
}

async function exchange(
  name: string,
  settings: Settings,
  shape: {
    readonly groups: number
    readonly count: number
    readonly window: number
    readonly qos: number
  },
): Promise<Reading> {
  const count = shape.groups * (shape.count + 1)
  const known = await accounts(name, settings, { count, use: 'known' })
  return withBroker(name, settings, async ({ port, pid }) => {
    const { traffic, deliveries, latencyUs } = await generate<MqttResult>({
      program: settings.programs.load,
      mode: 'mqtt',
      options: {
        port,
        pid,
        channel: TRAFFIC_TOPIC,
        ...shape,
        ...known,
        warmup: settings.warmupSeconds,
        seconds: settings.seconds,
      },
    })
    return {
      values: { ...perItem(traffic, deliveries), p50Us: latencyUs.p50, p99Us: latencyUs.p99 },
      ...contentionOf(traffic),
    }
  })
}

function open(
  { port, pid }: MqttServer,
  { programs }: Settings,
  shape: LoadOptions,
): Promise<MqttOpenResult> {
  const options = { port, pid, channel: OWN_TOPIC, ...shape }
  return generate<MqttOpenResult>({ program: programs.load, mode: 'mqtt-open', options })
}

/** Minted before the measurement begins; the others ask for none. */
async function accounts(
  name: string,
  { installation }: Settings,
  { count, use }: { readonly count: number; readonly use: 'new' | 'known' },
) {
  return name === 'lockgate' ? { accounts: await accountsFile(installation, count, use) } : {}
}

/** Refreshes tokens by HTTP and hands them to the generator, which shows them on its connections. */
async function renewal(server: MqttServer, settings: Settings): Promise<Reading> {
  const { installation, programs } = settings
  const clientCount = PAIR_COUNT * 2
  const renewalCount = settings.isQuick ? 100 : RENEWAL_COUNT
  const keys = await KeyOfMinting.of(installation)
  const tokens = await keys.mint(clientCount, 'r')
  const [first, next] = ['renewed-accounts', 'renewals'].map((name) =>
    join(installation.folder, name),
  ) as [string, string]
  writeAccounts(first, tokens, 'r')
  writeFileSync(next, '', { mode: 0o600 })
  // Tokens are written by threads and the kernel, who would wait for both for ever.
  makeOrdinary(server.pid)
  const running = generate<MqttResult>({
    isOrdinary: true,
    program: programs.load,
    mode: 'mqtt',
    options: {
      port: server.port,
      pid: server.pid,
      channel: TRAFFIC_TOPIC,
      level: 5,
      groups: PAIR_COUNT,
      count: 1,
      window: RENEWAL_WINDOW,
      qos: 1,
      accounts: first,
      renewals: next,
      messages: renewalCount,
      warmup: settings.warmupSeconds,
      seconds: settings.seconds,
    },
  })
  await Bun.sleep(settings.warmupSeconds * 1000)
  const [result] = await Promise.all([
    running,
    refreshAll({ keys, tokens, path: next, count: renewalCount }),
  ])
  const { messages, lost, repeated, renewed, renewalUs } = result
  return {
    values: {
      renewals: renewed,
      messages,
      wrong: lost + repeated,
      renewalP50Us: renewalUs.p50,
      renewalP99Us: renewalUs.p99,
    },
  }
}

/** Each client in its turn, again and again. */
async function refreshAll({
  keys,
  tokens,
  path,
  count,
}: {
  readonly keys: KeyOfMinting
  readonly tokens: Token[]
  readonly path: string
  readonly count: number
}): Promise<void> {
  let next = 0
  const refreshOn = async () => {
    for (let at = next++; at < count; at = next++) {
      const index = at % tokens.length
      const token = tokens[index]
      if (token === undefined) return
      const renewed = await keys.driver.refresh(token)
      tokens[index] = renewed
      await appendFile(path, `${index} ${renewed.access_token}\n`)
    }
  }
  await Promise.all(Array.from({ length: REFRESHING_COUNT }, refreshOn))
}
