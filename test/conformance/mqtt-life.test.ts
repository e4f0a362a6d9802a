/** How MQTT connections end, and what unmodified clients make of it. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import mqtt514, { type IClientOptions as Options514 } from 'mqtt-5.14'
import type { IDisconnectPacket } from 'mqtt'
import { ALICE, BOB, connect, loginOf, type TestClient, USERS } from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const PACKET_BYTES = 8_192
const REASON = { takenOver: 0x8e, shuttingDown: 0x8b, packetTooLarge: 0x95, notAuthorized: 0x87 }

let server: LiveServer
before(async () => {
  server = await startServer({
    apps: [app('life', USERS)],
    config: { mqtt: { packetBytesMax: PACKET_BYTES } },
  })
})
after(() => server.stop())

/** @returns what the server says at the end of a connection; undefined: it only closed it. */
function ending({ client }: TestClient): Promise<number | undefined> {
  return new Promise((resolve) => {
    let reason: number | undefined
    client.on('disconnect', (packet: IDisconnectPacket) => {
      reason = packet.reasonCode
    })
    client.on('close', () => resolve(reason))
  })
}

function open(protocolVersion: 4 | 5, clientId: string, more = {}) {
  return connect(server.mqtt, { protocolVersion, clientId, ...loginOf(ALICE), ...more })
}

test('a client id that connects again takes over: 0x8E in 5.0, a close in 3.1.1', async () => {
  for (const level of [4, 5] as const) {
    const first = await open(level, `twice-${level}`)
    const end = ending(first)
    const second = await open(level, `twice-${level}`)
    assert.equal(await end, level === 5 ? REASON.takenOver : undefined)
    await second.end()
  }
})

test('the same client id of somebody else is refused while the session is kept', async () => {
  const more = { clean: false, properties: { sessionExpiryInterval: 60 } }
  const owner = await open(5, 'mine', more)
  await assert.rejects(open(5, 'mine', { ...loginOf(BOB) }), /Client Identifier not valid/i)
  await owner.end()
})

test('a packet that is too large is told by its code', async () => {
  const client = await open(5, 'large')
  const end = ending(client)
  client.client.publish('a', Buffer.alloc(PACKET_BYTES))
  assert.equal(await end, REASON.packetTooLarge)
})

test('rules that deny: SUBACK and PUBACK say 0x87, the connection stays', async () => {
  const client = await open(5, 'denied')
  await assert.rejects(client.client.subscribeAsync('$SYS/#', { qos: 1 }), /Not authorized/i)
  await assert.rejects(client.client.publishAsync('$SYS/x', 'x', { qos: 1 }), /Not authorized/i)
  await assert.rejects(client.client.subscribeAsync('response/other'), /Not authorized/i)
  await client.client.subscribeAsync('response/denied', { qos: 1 })
  assert.equal(client.client.connected, true)
  await client.end()
})

test('MQTT.js 5.14 is never sent more than was announced, or it would end itself for good', async () => {
  const { username = '', password = '' } = loginOf(ALICE)
  const login: Options514 = { protocolVersion: 5, clientId: 'old-client', username, password }
  const client = mqtt514.connect(server.mqtt, { ...login, reconnectPeriod: 50 })
  const received: number[] = []
  client.on('message', (_topic, payload) => void received.push(payload.length))
  await until('the connection', () => client.connected)
  // It has taken what was announced into its own options, and shows that from now on.
  client.stream.destroy()
  await until('the next connection', () => !client.connected)
  await until('the next connection', () => client.connected)
  assert.equal(client.options.properties?.maximumPacketSize, PACKET_BYTES)
  await client.subscribeAsync('edge', {
    qos: 0,
    properties: { subscriptionIdentifier: 268_435_455 },
  })
  const publisher = await open(5, 'edge-publisher')
  // With the identifier of the subscription the first one is larger than that.
  const overhead = 3 + 2 + 'edge'.length + 1
  await publisher.client.publishAsync('edge', Buffer.alloc(PACKET_BYTES - overhead), { qos: 0 })
  await publisher.client.publishAsync('edge', Buffer.alloc(10), { qos: 0 })
  await until('the small one', () => received.length > 0)
  assert.deepEqual(received, [10])
  assert.equal(client.connected, true)
  await publisher.end()
  await client.endAsync()
})

test('requests and answers find each other between two clients', async () => {
  const responder = await open(5, 'responder', loginOf(BOB))
  await responder.client.subscribeAsync('service/sum', { qos: 1 })
  responder.client.on('message', (_topic, payload, { properties }) => {
    const { responseTopic = '', correlationData } = properties ?? {}
    const answer = { qos: 1 as const, ...(correlationData && { properties: { correlationData } }) }
    responder.client.publish(responseTopic, `sum of ${payload.toString()}`, answer)
  })
  const asker = await open(5, 'asker')
  await asker.client.subscribeAsync('response/asker', { qos: 1 })
  const correlationData = Buffer.from('req_0001_abc')
  const userProperties = { correlationId: 'req_0001_abc', senderId: 'asker' }
  await asker.client.publishAsync('service/sum', '1+1', {
    qos: 1,
    properties: { responseTopic: 'response/asker', correlationData, userProperties },
  })
  const answer = await until('the answer', () => asker.received[0])
  assert.equal(answer.text, 'sum of 1+1')
  const { correlationData: given } = answer.properties as { correlationData: Buffer }
  assert.equal(given.toString(), 'req_0001_abc')
  await Promise.all([responder.end(), asker.end()])
})

test('what connections count is in the metrics', async () => {
  assert.ok((await server.metric('lockgate_mqtt_connects_total')) > 0)
  assert.ok((await server.metric('lockgate_mqtt_publishes_total')) > 0)
  assert.ok((await server.metric('lockgate_mqtt_denied_subscriptions_total')) >= 2)
})

test('a server that stops says so: 0x8B in 5.0, a close in 3.1.1', async () => {
  const leaving = await startServer({ apps: [app('leaving', USERS)] })
  const login = loginOf(ALICE)
  const five = await connect(leaving.mqtt, { protocolVersion: 5, clientId: 'five', ...login })
  const four = await connect(leaving.mqtt, { protocolVersion: 4, clientId: 'four', ...login })
  const ends = [ending(five), ending(four)]
  await leaving.stop()
  assert.deepEqual(await Promise.all(ends), [REASON.shuttingDown, undefined])
})
