/**
 * MQTT clients that break the rules or use up what is there: each gets the answer of the
 * specification and is cut off by a limit that has a name, and who behaves notices nothing.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { generate, type Packet } from 'mqtt-packet'
import { ALICE, BOB, connect, loginOf, type TestClient, USERS } from '../support/mqtt-clients.ts'
import { connectOf, MqttPeer } from '../support/mqtt-peer.ts'
import { seeded } from '../support/seeded.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

interface Refused {
  readonly name: string
  readonly level: 4 | 5
  readonly hex: string
  readonly clause: string
  readonly refusal: string
}

const { refused: VECTORS } = JSON.parse(
  readFileSync(join(repositoryRoot(), 'test/vectors/mqtt.json'), 'utf8'),
) as { readonly refused: readonly Refused[] }

/** MQTT 5 §2.4 */
const CODES: Readonly<Record<string, number>> = {
  malformed: 0x81,
  protocol_error: 0x82,
  version_unsupported: 0x84,
  topic_filter_invalid: 0x8f,
  topic_name_invalid: 0x90,
  topic_alias_invalid: 0x94,
  packet_too_large: 0x95,
  too_many_properties: 0x97,
  payload_format_invalid: 0x99,
}

const LEVEL_5 = { protocolVersion: 5 }
const VECTORS_AT_A_TIME = 20
const SUBSCRIPTION_COUNT_MAX = 200
const PACKET_BYTES_MAX = 400_000
const it = serving({
  apps: [
    app('hostile', {
      ...USERS,
      limits: [`subscriptions.connection ${SUBSCRIPTION_COUNT_MAX}`, 'connections.app 60'],
    }),
  ],
  config: {
    mqtt: {
      packetBytesMax: PACKET_BYTES_MAX,
      connectTimeoutMs: 2_000,
      queueCountMax: 100,
      appSessionCountMax: 20,
    },
    limits: { outboxBytesMax: 1_048_576 },
    guard: { limits: ['auth.ip 300/1m'] },
  },
})

interface Witnesses {
  readonly hearing: TestClient
  readonly speaking: TestClient
}

let known: Promise<Witnesses> | undefined
let saidCount = 0
after(async () => {
  const { hearing, speaking } = await witnesses()
  await Promise.all([hearing.end(), speaking.end()])
})

/** Connected before anything happens, and to the end. */
function witnesses(): Promise<Witnesses> {
  known ??= (async () => {
    const options = { protocolVersion: 5, ...loginOf(BOB) } as const
    const hearing = await connect(it.server.mqtt, options)
    await hearing.client.subscribeAsync('witness/#', { qos: 1 })
    return { hearing, speaking: await connect(it.server.mqtt, options) }
  })()
  return known
}

/** Who behaves is served: one message goes through, on connections of before. */
async function othersAreServed(): Promise<void> {
  const { hearing, speaking } = await witnesses()
  const text = String(saidCount++)
  await speaking.client.publishAsync('witness/word', text, { qos: 1 })
  await until('the message of a witness', () => hearing.texts().includes(text))
}

/** How a connection ended: its code where one was told. */
async function endOf(peer: MqttPeer): Promise<number | undefined> {
  await peer.closed()
  const told = peer.packets.find(({ cmd }) => cmd === 'disconnect' || cmd === 'connack')
  peer.destroy()
  if (told?.cmd === 'disconnect') return told.reasonCode
  return told?.cmd === 'connack' ? (told.reasonCode ?? told.returnCode) : undefined
}

function publishOf(topic: string, more: object = {}): Packet {
  const packet = { cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false, ...more }
  return packet as Packet
}

async function refuses({ name, level, hex, clause, refusal }: Refused): Promise<void> {
  const isConnect = hex.startsWith('1')
  const peer = isConnect
    ? new MqttPeer(it.server, { level })
    : await MqttPeer.open(it.server, { protocolVersion: level })
  peer.write(Buffer.from(hex, 'hex'))
  const code = await endOf(peer)
  const label = `${name}, ${clause}`
  // What is not even MQTT is not answered (§3.1.2.1).
  if (name.startsWith('another protocol')) assert.equal(code, undefined)
  else if (level === 5) assert.equal(code, CODES[refusal], label)
  // 3.1.1 knows one code for all of them, and that in CONNACK alone (§3.2.2.3).
  else assert.equal(code, refusal === 'version_unsupported' ? 1 : undefined, label)
}

test('each packet that breaks the rules ends its connection, with its reason code in 5.0', async () => {
  await othersAreServed()
  for (let at = 0; at < VECTORS.length; at += VECTORS_AT_A_TIME) {
    await Promise.all(VECTORS.slice(at, at + VECTORS_AT_A_TIME).map(refuses))
  }
  await othersAreServed()
})

test('byte by byte, and all at once, packets are the same', async () => {
  const packets = [
    generate(connectOf({ clientId: 'slowly' }), { protocolVersion: 5 }),
    generate(
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'bytes/#', qos: 1 }] },
      { protocolVersion: 5 },
    ),
    generate(publishOf('bytes/one', { qos: 1, messageId: 2 }), { protocolVersion: 5 }),
    generate({ cmd: 'pingreq' }),
  ]
  const all = Buffer.concat(packets)
  const slow = new MqttPeer(it.server)
  for (const byte of all) {
    slow.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await slow.next('pingresp')
  slow.destroy()
  const quick = new MqttPeer(it.server)
  quick.write(all)
  await quick.next('pingresp')
  quick.destroy()
  for (const { packets: heard } of [slow, quick]) {
    assert.deepEqual(heard.map(({ cmd }) => cmd).sort(), ['connack', 'puback', 'publish', 'suback'])
  }
})

test('order is kept: CONNECT first and once, and nothing before it', async () => {
  const early = new MqttPeer(it.server)
  early.write(Buffer.from('c000', 'hex'))
  assert.equal(await endOf(early), undefined)
  const twice = await MqttPeer.open(it.server)
  twice.send(connectOf())
  assert.equal(await endOf(twice), 0x82)
  const backwards = await MqttPeer.open(it.server)
  backwards.write(Buffer.from('20030000 00'.replace(' ', ''), 'hex')) // A CONNACK is not a client's.
  assert.ok([0x81, 0x82].includes((await endOf(backwards)) ?? 0))
  const alias = await MqttPeer.open(it.server)
  alias.send(publishOf('', { properties: { topicAlias: 3 } }))
  assert.equal(await endOf(alias), 0x82)
  const high = await MqttPeer.open(it.server)
  high.send(publishOf('a', { properties: { topicAlias: 17 } }))
  assert.equal(await endOf(high), 0x94)
  const auth = await MqttPeer.open(it.server)
  auth.write(Buffer.from('f0021900', 'hex'))
  assert.equal(await endOf(auth), 0x82)
  await othersAreServed()
})

test('who says nothing, or half a CONNECT, is closed in time', async () => {
  const silent = new MqttPeer(it.server)
  const half = new MqttPeer(it.server)
  const connectBytes = generate(connectOf(), { protocolVersion: 5 })
  half.write(connectBytes.subarray(0, 20))
  const drip = new MqttPeer(it.server)
  const timer = setInterval(() => drip.write(Buffer.from([0x10, 0xff, 0x7f])), 200)
  await Promise.all([silent.closed(), half.closed(), drip.closed()])
  clearInterval(timer)
  assert.deepEqual([silent.packets, half.packets], [[], []])
  // CONNECT and then silence is a client like any other.
  const quiet = await MqttPeer.open(it.server, { keepalive: 60 })
  await quiet.answers()
  quiet.destroy()
})

test('a packet that is too large is refused by its header, before its bytes come', async () => {
  const peer = await MqttPeer.open(it.server)
  const header = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])
  peer.write(header)
  assert.equal(await endOf(peer), 0x95)
  const first = new MqttPeer(it.server)
  first.write(Buffer.from([0x10, 0xff, 0xff, 0x7f]))
  assert.equal(await endOf(first), undefined)
  const four = await MqttPeer.open(it.server, { protocolVersion: 4 })
  four.write(header)
  assert.equal(await endOf(four), undefined)
  await othersAreServed()
})

test('topics have up to 128 levels; 65,535 of them end the connection', async () => {
  const peer = await MqttPeer.open(it.server)
  const deepest = `${'/'.repeat(126)}x`
  assert.deepEqual((await peer.subscribe(deepest)).granted, [1])
  assert.deepEqual((await peer.subscribe(`deep/${'+/'.repeat(126)}+`, 1, 2)).granted, [1])
  const long = 'x'.repeat(65_535)
  assert.deepEqual((await peer.subscribe(long, 1, 3)).granted, [1])
  for (const topic of [deepest, long]) {
    peer.send(publishOf(topic))
    assert.equal((await peer.next('publish')).topic, topic)
  }
  peer.destroy()
  const deep = '/'.repeat(65_535)
  const reasons = [0x8f, 0x8f, 0x90]
  for (const [n, topic] of [deep, `${'+/'.repeat(32_767)}+`, deep].entries()) {
    const hostile = await MqttPeer.open(it.server)
    if (n === 2) hostile.send(publishOf(topic))
    else hostile.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] })
    assert.equal(await endOf(hostile), reasons[n])
  }
  await othersAreServed()
})

test('a connection has as many subscriptions as its limit says, in however many packets', async () => {
  const peer = await MqttPeer.open(it.server)
  const subscriptions = Array.from({ length: 5_000 }, (_, n) => ({ topic: `many/${n}`, qos: 0 }))
  for (const messageId of [1, 2]) {
    peer.send({ cmd: 'subscribe', messageId, subscriptions } as Packet)
    const { granted } = await peer.next('suback')
    assert.equal(granted.filter((code) => code === 0).length, SUBSCRIPTION_COUNT_MAX)
    assert.equal(granted.filter((code) => code === 0x97).length, 5_000 - SUBSCRIPTION_COUNT_MAX)
  }
  await peer.answers()
  const names = Array.from({ length: 5_000 }, (_, n) => ({ topic: `more/${n}`, qos: 0 }))
  for (let messageId = 3; !peer.isClosed && messageId < 20; messageId++) {
    peer.send({ cmd: 'subscribe', messageId, subscriptions: names } as Packet)
    await until('an answer', () => peer.all('suback').length > messageId - 3 || peer.isClosed)
  }
  assert.equal(await endOf(peer), 0x97)
  assert.match(await metrics(), /limit="subscriptions\.connection".* [1-9]/)
  await othersAreServed()
})

test('who never acknowledges gets what its window holds, and the queue stays within its bound', async () => {
  const peer = await MqttPeer.open(it.server, {
    clientId: 'deaf',
    properties: { receiveMaximum: 5, sessionExpiryInterval: 60 },
  })
  await peer.subscribe('deaf/#', 1)
  const { speaking } = await witnesses()
  for (let n = 0; n < 400; n++) {
    await speaking.client.publishAsync('deaf/n', String(n), { qos: 1 })
  }
  await peer.answers()
  assert.equal(peer.all('publish').length, 5)
  const dropped = (await metrics()).split('\n').filter((line) => /mqtt.*drop.* [1-9]/.test(line))
  assert.ok(dropped.length > 0, 'the metrics say that messages were dropped')
  peer.destroy()
  const again = await MqttPeer.open(it.server, {
    clientId: 'deaf',
    clean: false,
    properties: { sessionExpiryInterval: 0 },
  })
  // What was in flight, again; then the newest 100 that waited.
  await until('all of them', () => again.all('publish').length >= 105)
  await again.answers()
  assert.equal(again.all('publish').filter(({ dup }) => dup).length, 5)
  assert.equal(again.all('publish').length, 105)
  assert.equal(again.all('publish').at(-1)?.payload.toString(), '399')
  again.destroy()
})

test('who never reads is cut as a slow consumer, while others get everything', async () => {
  const cut = await it.server.metric('lockgate_slow_consumers_total')
  const peer = await MqttPeer.open(it.server, {}, false)
  peer.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'flood/#', qos: 0 }],
  })
  const reader = await connect(it.server.mqtt, { protocolVersion: 5, ...loginOf(BOB) })
  await reader.client.subscribeAsync('flood/#', { qos: 0 })
  const payload = 'x'.repeat(60_000)
  const { speaking } = await witnesses()
  let sentCount = 0
  await until(
    'the one that does not read is cut',
    async () => {
      for (let n = 0; n < 20; n++) {
        sentCount++
        await speaking.client.publishAsync('flood/n', payload, { qos: 1 })
      }
      return (await it.server.metric('lockgate_slow_consumers_total')) > cut
    },
    60_000,
  )
  await until('all for who reads', () => reader.received.length === sentCount)
  await reader.end()
  peer.destroy()
  await othersAreServed()
})

test('new client ids without end leave nothing behind', async () => {
  for (let round = 0; round < 10; round++) {
    const peers = Array.from({ length: 50 }, () => new MqttPeer(it.server))
    for (const peer of peers) peer.send(connectOf({ clientId: `storm-${Math.random()}` }))
    await Promise.all(peers.map((peer) => peer.next('connack')))
    for (const peer of peers) peer.destroy()
    await until('they are gone', async () => (await openCount()) <= 2)
  }
  await othersAreServed()
})

test('an app has as many connections as it may, whatever client ids they bring', async () => {
  const peers = Array.from({ length: 80 }, () => new MqttPeer(it.server))
  for (const [n, peer] of peers.entries()) peer.send(connectOf({ clientId: `many-${n}` }))
  const codes = await Promise.all(
    peers.map(async (peer) => (await peer.next('connack')).reasonCode),
  )
  const letIn = codes.filter((code) => code === 0).length
  assert.equal(letIn, 58) // and two that are witnesses
  assert.ok(codes.every((code) => code === 0 || code === 0x97))
  for (const peer of peers) peer.destroy()
  await until('they are gone', async () => (await openCount()) <= 2)
  await othersAreServed()
})

test('kept sessions are as many as an app may have; more are refused, and clean ones are not', async () => {
  const keptOf = (n: number, expiry = 60) =>
    connectOf({ clientId: `kept-${n}`, properties: { sessionExpiryInterval: expiry } })
  const codes: (number | undefined)[] = []
  for (let n = 0; n < 25; n++) {
    const peer = new MqttPeer(it.server)
    peer.send(keptOf(n))
    codes.push((await peer.next('connack')).reasonCode)
    peer.destroy()
  }
  assert.deepEqual(
    codes,
    Array.from({ length: 25 }, (_, n) => (n < 20 ? 0 : 0x97)),
  )
  const four = new MqttPeer(it.server, { level: 4 })
  four.send(connectOf({ protocolVersion: 4, clean: false, clientId: 'four' }))
  assert.equal((await four.next('connack')).returnCode, 3)
  const clean = await MqttPeer.open(it.server)
  await clean.answers()
  clean.destroy()
  for (let n = 0; n < 20; n++) (await MqttPeer.open(it.server, keptOf(n, 0))).destroy()
  await until('they are gone', async () => (await openCount()) <= 2)
})

test('packets with bits that are flipped, cut or repeated end at most their connection', async () => {
  const random = seeded()
  const packets = [
    generate(
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'f/#', qos: 2 }] },
      LEVEL_5,
    ),
    generate(publishOf('f/x', { qos: 2, messageId: 2, properties: { topicAlias: 1 } }), LEVEL_5),
    generate(publishOf('f/x', { retain: true, properties: { contentType: 'x' } }), LEVEL_5),
    generate({ cmd: 'pubrel', messageId: 2, reasonCode: 0 }, LEVEL_5),
    generate({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['f/#'] }, LEVEL_5),
    generate({ cmd: 'pingreq' }),
  ]
  const mutated = (): Buffer => {
    const chosen = Array.from({ length: 6 }, () => packets[random.below(packets.length)])
    const bytes = Buffer.concat(chosen.map((each) => each ?? Buffer.alloc(0)))
    for (let n = random.below(4); n > 0; n--) {
      const at = random.below(bytes.length)
      bytes[at] = random.below(256)
    }
    return bytes.subarray(0, bytes.length - random.below(3))
  }
  for (let round = 0; round < 15; round++) {
    const peers = await Promise.all(
      Array.from({ length: 30 }, () => MqttPeer.open(it.server, { keepalive: 1 })),
    )
    for (const peer of peers) peer.write(mutated())
    const first = await MqttPeer.open(it.server)
    await first.answers()
    for (const peer of [...peers, first]) peer.destroy()
  }
  assert.equal(await it.server.metric('lockgate_bugs_total'), 0, `seed ${random.seed}`)
  await othersAreServed()
})

async function metrics(): Promise<string> {
  return (await fetch(`${it.server.ops}/metrics`)).text()
}

function openCount(): Promise<number> {
  return it.server.metric('lockgate_connections_open')
}

test('a flood of wrong passwords is bounded, and the right one still passes', async () => {
  const codes = new Map<number | undefined, number>()
  for (let round = 0; round < 8; round++) {
    const peers = Array.from({ length: 100 }, () => new MqttPeer(it.server))
    for (const peer of peers) peer.send(connectOf({ password: Buffer.from('not-the-password') }))
    for (const peer of peers) {
      const code = await endOf(peer)
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  }
  // Wrong until the limit is reached, then told to slow down: nothing that ends a retry for good.
  assert.deepEqual(new Set(codes.keys()), new Set([0x86, 0x9f]))
  assert.ok((codes.get(0x86) ?? 0) <= 300)
  assert.match(await metrics(), /limit="auth\.ip".* [1-9]/)
  const right = await connect(it.server.mqtt, { protocolVersion: 5, ...loginOf(ALICE) })
  await right.end()
  await othersAreServed()
  assert.equal(await it.server.metric('lockgate_bugs_total'), 0)
})

test('a storm of new connections is cut off by its limit, and who is in stays', async () => {
  const server = await startServer({
    apps: [app('storm', USERS)],
    config: { guard: { limits: ['connect.ip 100/1m'] } },
  })
  try {
    const inside = await connect(server.mqtt, { protocolVersion: 5, ...loginOf(ALICE) })
    await inside.client.subscribeAsync('inside', { qos: 1 })
    let refusedCount = 0
    for (let round = 0; round < 10; round++) {
      const peers = Array.from({ length: 50 }, () => new MqttPeer(server))
      for (const peer of peers) peer.send(connectOf({ clientId: `s-${Math.random()}` }))
      await until('an answer for each', () =>
        peers.every(({ isClosed, packets }) => isClosed || packets.length > 0),
      )
      refusedCount += peers.filter(({ packets }) => packets.length === 0).length
      for (const peer of peers) peer.destroy()
    }
    assert.equal(refusedCount, 401)
    assert.match(await (await fetch(`${server.ops}/metrics`)).text(), /limit="connect\.ip".* [1-9]/)
    await inside.client.publishAsync('inside', 'still', { qos: 1 })
    await until('its message', () => inside.texts().includes('still'))
    await inside.end()
  } finally {
    await server.stop()
  }
})
