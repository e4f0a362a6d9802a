/**
 * What is acknowledged is kept: the started server is killed at random moments of QoS 1 and QoS 2
 * flows whose clients on both sides keep their sessions, and its disk stops taking anything.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { freePort } from '../support/free-port.ts'
import { ALICE, BOB, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { connectOf, MqttPeer } from '../support/mqtt-peer.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

/** How long servers are killed, and how often at least. */
const KILLING_MS = 10_000
const KILL_COUNT_MIN = 3
/** The longest a server lives. */
const LIFE_MS_MAX = 250
/** Messages on their way at a time. */
const FLIGHT_COUNT = 30

const home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-kill-'))
const kept: MqttClient[] = []
after(() => {
  for (const client of kept) client.end(true)
  rmSync(home, { recursive: true, force: true })
})

async function starting(name: string): Promise<() => Promise<LiveServer>> {
  const port = await freePort()
  return () =>
    startServer({
      apps: [app('kept', USERS)],
      dataDir: join(home, name),
      config: { listen: { http: '127.0.0.1:0', ops: '127.0.0.1:0', mqtt: `127.0.0.1:${port}` } },
    })
}

/** A client that keeps its session, and comes back by itself. */
async function keptClient(server: LiveServer, name: string): Promise<MqttClient> {
  const client = mqtt.connect(server.mqtt, {
    ...loginOf(ALICE),
    protocolVersion: 5,
    clientId: name,
    clean: false,
    reconnectPeriod: 50,
    properties: { sessionExpiryInterval: 3_600 },
  })
  kept.push(client)
  client.on('error', () => {}) // Nobody listens while a server starts.
  await until(`${name} is let in`, () => client.connected)
  return client
}

test('killed at any moment, the server loses nothing acknowledged and repeats no QoS 2', async () => {
  const start = await starting('flow')
  let server = await start()
  const subscriber = await keptClient(server, 'subscriber')
  const publisher = await keptClient(server, 'publisher')
  const lostSessions: string[] = []
  for (const [name, client] of Object.entries({ subscriber, publisher })) {
    client.on('connect', ({ sessionPresent }) => {
      if (!sessionPresent) lostSessions.push(name)
    })
  }
  const heard = new Map<string, number>()
  subscriber.on('message', (_topic, payload) => {
    const text = payload.toString()
    heard.set(text, (heard.get(text) ?? 0) + 1)
  })
  await subscriber.subscribeAsync('flow/#', { qos: 2 })

  const acknowledged: string[] = []
  const flow = { isOn: true }
  const flight = Array.from({ length: FLIGHT_COUNT }, async (_, lane) => {
    const qos = lane % 2 === 0 ? 1 : 2
    for (let n = 0; flow.isOn; n++) {
      const text = `q${qos}-${lane}-${n}`
      await publisher.publishAsync(`flow/${lane}`, text, { qos })
      acknowledged.push(text)
    }
  })
  const retained: string[] = []
  const endsAt = performance.now() + KILLING_MS
  let killCount = 0
  while (performance.now() < endsAt || killCount < KILL_COUNT_MIN) {
    await until('both are back', () => subscriber.connected && publisher.connected)
    await publisher.publishAsync(`state/${killCount}`, String(killCount), { qos: 1, retain: true })
    retained.push(String(killCount))
    await pause(Math.random() * LIFE_MS_MAX)
    await server.killHard()
    killCount++
    server = await start()
  }
  flow.isOn = false
  await Promise.all(flight)
  const missing = () => acknowledged.filter((text) => !heard.has(text))
  await until('everything acknowledged has arrived', () => missing().length === 0)
  assert.deepEqual(missing(), [], `after ${killCount} kills`)
  // Those on their way after PUBREC may still come a second time, if they do.
  await subscriber.publishAsync('flow/last', 'last', { qos: 2 })
  await until('the last one', () => heard.has('last'))
  const repeated = [...heard].filter(([text, count]) => text.startsWith('q2') && count > 1)
  assert.deepEqual(repeated, [], `after ${killCount} kills`)
  assert.deepEqual(lostSessions, [])
  assert.ok(acknowledged.length > 100, `${acknowledged.length} acknowledged`)
  const later = await connect(server.mqtt, { protocolVersion: 5, ...loginOf(BOB) })
  await later.client.subscribeAsync('state/#', { qos: 1 })
  await until('all retained', () => later.received.length === retained.length)
  assert.deepEqual(later.texts().sort(), retained.toSorted())
  await Promise.all([later.end(), subscriber.endAsync(), publisher.endAsync()])
  await server.stop()
})

test('what waits for who is away survives a kill, in order and with its subscriptions', async () => {
  const start = await starting('away')
  let server = await start()
  const away = { clientId: 'away', clean: false, ...loginOf(BOB) }
  const options = { ...away, protocolVersion: 4 } as const
  const first = await connect(server.mqtt, options)
  await first.client.subscribeAsync('mail/#', { qos: 1 })
  await first.client.subscribeAsync('old/#', { qos: 1 })
  await first.client.unsubscribeAsync('old/#')
  await first.end()
  const publisher = await connect(server.mqtt, { protocolVersion: 4, ...loginOf(ALICE) })
  const texts = Array.from({ length: 200 }, (_, n) => String(n))
  await publisher.client.publishAsync('old/news', 'none', { qos: 1 })
  await Promise.all(texts.map((text) => publisher.client.publishAsync('mail/in', text, { qos: 1 })))
  publisher.client.end(true)
  await server.killHard()
  server = await start()
  const second = await connect(server.mqtt, options)
  assert.equal(second.connack.sessionPresent, true)
  await until('all', () => second.received.length === texts.length)
  assert.deepEqual(second.texts(), texts)
  await second.end()
  await server.stop()
})

test('a store that takes nothing refuses what it would have to keep, and serves the rest', async () => {
  const server = await (await starting('full'))()
  const session = { clientId: 'kept', properties: { sessionExpiryInterval: 600 } }
  const before = await MqttPeer.open(server, session)
  await before.subscribe('box/#', 1)
  before.destroy()
  const publisher = await MqttPeer.open(server, { clientId: 'publisher' })
  const publish = (messageId: number, topic: string) => {
    const fixed = { cmd: 'publish', payload: String(messageId), dup: false, retain: false } as const
    publisher.send({ ...fixed, qos: 1, topic, messageId })
  }
  publish(1, 'box/1')
  assert.equal((await publisher.next('puback')).reasonCode, 0)
  fileSizeLimit(server, '4096')

  const fresh = new MqttPeer(server)
  fresh.send(connectOf({ clientId: 'new', properties: { sessionExpiryInterval: 600 } }))
  assert.equal((await fresh.next('connack')).reasonCode, 0x88)
  await fresh.closed()
  const four = new MqttPeer(server, { level: 4 })
  four.send(connectOf({ clientId: 'new-4', clean: false, protocolVersion: 4 }))
  assert.equal((await four.next('connack')).returnCode, 3)
  publish(2, 'box/2')
  await until('no', () => publisher.isClosed || publisher.all('puback').length > 0)
  const [answer] = publisher.all('puback')
  assert.ok(answer === undefined || Number(answer.reasonCode) >= 0x80)
  const clean = await connect(server.mqtt, { protocolVersion: 5, ...loginOf(BOB) })
  await clean.client.subscribeAsync('live', { qos: 2 })
  await clean.client.publishAsync('live', 'on', { qos: 2 })
  await until('a message among clean sessions', () => clean.texts().includes('on'))
  await clean.end()

  fileSizeLimit(server, 'unlimited')
  await until('new sessions are kept again', async () => {
    const peer = new MqttPeer(server)
    peer.send(connectOf({ clientId: 'new', properties: { sessionExpiryInterval: 600 } }))
    const { reasonCode } = await peer.next('connack')
    peer.destroy()
    return reasonCode === 0
  })
  const back = await MqttPeer.open(server, { ...session, clean: false })
  await until('what was acknowledged', () => back.all('publish').length > 0)
  assert.equal(back.all('publish')[0]?.payload.toString(), '1')
  for (const peer of [back, publisher]) peer.destroy()
  await server.stop()
})

/** Of every file the server writes: as a full disk, but for this process alone. */
function fileSizeLimit(server: LiveServer, soft: string): void {
  const pid = String(server.processId())
  execFileSync('prlimit', ['--pid', pid, `--fsize=${soft}:unlimited`])
}
