/** What MQTT 5.0 added, as both versions of MQTT.js and bare packets meet it. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { IClientOptions } from 'mqtt'
import {
  ALICE,
  BOB,
  connect,
  type LibraryVersion,
  LIBRARIES,
  loginOf,
  type TestClient,
  USERS,
} from '../support/mqtt-clients.ts'
import { MqttPeer } from '../support/mqtt-peer.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const SETTINGS = { keepAliveSecondsMax: 300, sessionExpirySecondsMax: 3_600 }
const it = serving({ apps: [app('five', USERS)], config: { mqtt: SETTINGS } })
let count = 0

function fresh(name: string): string {
  count++
  return `${name}-${count}`
}

/** What a client is told with the message at `index`. */
function propertiesOf(client: TestClient, index: number): Record<string, unknown> {
  return (client.received[index]?.properties ?? {}) as Record<string, unknown>
}

for (const library of Object.keys(LIBRARIES) as LibraryVersion[]) {
  const open = (options: IClientOptions = {}, who = ALICE) =>
    connect(
      it.server.mqtt,
      { protocolVersion: 5, clientId: fresh('c'), ...loginOf(who), ...options },
      library,
    )
  const promise = (text: string, work: () => Promise<void>) =>
    test(`MQTT.js ${library}: ${text}`, work)

  promise(
    'a will with a delay waits, and is not sent when its client is back in time',
    async () => {
      const root = fresh('wills')
      const watcher = await open()
      await watcher.client.subscribeAsync(`${root}/#`, { qos: 1 })
      const leaving = (name: string, willDelayInterval: number): IClientOptions => ({
        clientId: `${root}-${name}`,
        properties: { sessionExpiryInterval: 60 },
        will: {
          topic: `${root}/${name}`,
          payload: name,
          qos: 1,
          properties: { willDelayInterval, userProperties: { from: name }, contentType: 'text/x' },
        },
      })
      const back = await open(leaving('back', 1))
      back.client.stream.destroy()
      await pause(100)
      const again = await open({ ...leaving('back', 1), clean: false })
      assert.equal(again.connack.sessionPresent, true)
      const gone = await open(leaving('gone', 2))
      gone.client.stream.destroy()
      await until('the will', () => watcher.received.length > 0)
      assert.deepEqual(watcher.texts(), ['gone'])
      assert.equal(propertiesOf(watcher, 0)['contentType'], 'text/x')
      assert.deepEqual(
        { ...(propertiesOf(watcher, 0)['userProperties'] as object) },
        { from: 'gone' },
      )
      // Reason 0x04 leaves the will, once the session ends with its connection (§3.14.2.1).
      await again.client.endAsync(false, {
        reasonCode: 4,
        properties: { sessionExpiryInterval: 0 },
      })
      await until('the second will', () => watcher.received.length > 1)
      assert.deepEqual(watcher.texts(), ['gone', 'back'])
      await watcher.end()
    },
  )

  promise(
    'sessions and messages end in their time, and the rest is told what is left',
    async () => {
      const [topic, clientId] = [fresh('mail'), fresh('kept')]
      const more = (sessionExpiryInterval: number) =>
        ({ clientId, clean: false, properties: { sessionExpiryInterval } }) as const
      const first = await open(more(60))
      await first.client.subscribeAsync(topic, { qos: 1 })
      await first.end()
      const publisher = await open()
      const send = (text: string, messageExpiryInterval: number) =>
        publisher.client.publishAsync(topic, text, {
          qos: 1,
          properties: { messageExpiryInterval },
        })
      await send('short', 1)
      await send('long', 100)
      await publisher.client.publishAsync(topic, 'kept', { qos: 1, retain: true })
      await pause(2_100)
      const second = await open(more(60))
      await until('two', () => second.received.length === 2)
      assert.deepEqual(second.texts(), ['long', 'kept'])
      const left = Number(propertiesOf(second, 0)['messageExpiryInterval'])
      assert.ok(left > 0 && left <= 98, `left: ${left}`)
      await second.client.endAsync(false, { properties: { sessionExpiryInterval: 1 } })
      await pause(1_500)
      const third = await open(more(100_000))
      assert.equal(third.connack.sessionPresent, false)
      assert.equal(third.connack.properties?.sessionExpiryInterval, 3_600)
      await third.client.endAsync(false, { properties: { sessionExpiryInterval: 0 } })
      await publisher.client.publishAsync(topic, '', { qos: 1, retain: true })
      await publisher.end()
    },
  )

  promise('options of a subscription are kept: own messages, flag, retained ones', async () => {
    const root = fresh('options')
    const publisher = await open()
    await publisher.client.publishAsync(`${root}/a`, 'old', { qos: 1, retain: true })
    const client = await open()
    const again = (options: object) =>
      client.client.subscribeAsync(`${root}/a`, { qos: 1, ...options })
    await again({ rh: 2 })
    await again({ rh: 1 }) // not new: nothing (§3.8.3.1)
    await again({ nl: true, rap: true, rh: 2 })
    await client.client.publishAsync(`${root}/a`, 'mine', { qos: 1 })
    await publisher.client.publishAsync(`${root}/a`, 'new', { qos: 1, retain: true })
    await until('the new one', () => client.received.length > 0)
    assert.deepEqual(
      client.received.map(({ text, retain }) => [text, retain]),
      [['new', true]],
    )
    await again({ rh: 0 })
    await until('it again', () => client.received.length > 1)
    assert.deepEqual([client.received[1]?.text, client.received[1]?.retain], ['new', true])
    await publisher.client.publishAsync(`${root}/a`, 'plain', { qos: 1, retain: true })
    await until('without the flag', () => client.received.length > 2)
    assert.equal(client.received[2]?.retain, false)
    await publisher.client.publishAsync(`${root}/a`, '', { qos: 1, retain: true })
    await Promise.all([publisher.end(), client.end()])
  })

  promise('each message names the subscriptions it came by, also when it was queued', async () => {
    const root = fresh('ids')
    const kept = { clientId: fresh('kept'), properties: { sessionExpiryInterval: 60 } }
    const client = await open(kept)
    for (const [filter, subscriptionIdentifier] of [
      [`${root}/#`, 7],
      [`${root}/+`, 268_435_455],
    ] as const) {
      const options = { qos: 1, properties: { subscriptionIdentifier } } as const
      await client.client.subscribeAsync(filter, options)
    }
    const publisher = await open()
    const idsOf = (each: TestClient) =>
      each.received.flatMap((_, index) => propertiesOf(each, index)['subscriptionIdentifier'])
    const sorted = (ids: unknown[]) => ids.map(Number).sort((a, b) => a - b)
    await publisher.client.publishAsync(`${root}/a`, 'x', { qos: 1 })
    await publisher.client.publishAsync(`${root}/a/b`, 'deep', { qos: 1 })
    await until('both', () => client.texts().includes('deep'))
    const live = sorted(idsOf(client))
    assert.deepEqual(live.slice(0, 1), [7])
    assert.ok(live.includes(268_435_455))
    assert.equal(live.length, 3)
    await client.end()
    await publisher.client.publishAsync(`${root}/a`, 'queued', { qos: 1 })
    const later = await open({ ...kept, clean: false })
    await until('the queued one', () => later.texts().includes('queued'))
    assert.deepEqual(sorted(idsOf(later)), [7, 268_435_455])
    await Promise.all([later.end(), publisher.end()])
  })

  promise('topic aliases shorten topics both ways', async () => {
    const topic = `${fresh('a-rather-long-topic')}/with/levels`
    const subscriber = await open({ properties: { topicAliasMaximum: 4 } })
    const heard: { topic: string; alias: number | undefined }[] = []
    subscriber.client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'publish') return
      heard.push({ topic: packet.topic, alias: packet.properties?.topicAlias })
    })
    await subscriber.client.subscribeAsync(`${topic}/#`)
    const publisher = await open({ autoAssignTopicAlias: true })
    assert.equal(publisher.connack.properties?.topicAliasMaximum, 16)
    for (let n = 0; n < 60; n++) {
      await publisher.client.publishAsync(`${topic}/${n % 20}`, String(n), { qos: 1 })
    }
    await until('all', () => subscriber.received.length === 60)
    assert.deepEqual(
      subscriber.received.map(({ topic: each, text }) => [each, text]),
      Array.from({ length: 60 }, (_, n) => [`${topic}/${n % 20}`, String(n)]),
    )
    assert.ok(heard.some(({ alias }) => alias !== undefined))
    assert.ok(heard.some((each) => each.topic === '' && each.alias !== undefined))
    assert.ok(heard.every(({ alias }) => alias === undefined || (alias >= 1 && alias <= 4)))
    await Promise.all([publisher.end(), subscriber.end()])
  })

  promise('a request is answered with everything that came with it', async () => {
    const root = fresh('requests')
    const server = await open({}, BOB)
    await server.client.subscribeAsync(`${root}/time`, { qos: 1 })
    const asking = await open({ properties: { requestResponseInformation: true } })
    const responseTopic = asking.connack.properties?.responseInformation ?? ''
    assert.match(responseTopic, /^response\/c-/)
    await asking.client.subscribeAsync(responseTopic, { qos: 1 })
    const userProperties = { correlationId: 'req_0001', tag: ['a', 'b'] }
    const correlationData = Buffer.from([0, 255, 1])
    await asking.client.publishAsync(`${root}/time`, 'what time?', {
      qos: 1,
      properties: {
        payloadFormatIndicator: true,
        contentType: 'text/plain',
        responseTopic,
        correlationData,
        userProperties,
        messageExpiryInterval: 60,
      },
    })
    await until('the request', () => server.received.length > 0)
    const got = propertiesOf(server, 0)
    assert.equal(got['responseTopic'], responseTopic)
    assert.equal(got['payloadFormatIndicator'], true)
    assert.equal(got['contentType'], 'text/plain')
    assert.deepEqual(got['correlationData'], correlationData)
    assert.deepEqual({ ...(got['userProperties'] as object) }, userProperties)
    await server.client.publishAsync(responseTopic, 'late', {
      qos: 1,
      properties: { correlationData },
    })
    await until('the response', () => asking.received.length > 0)
    assert.deepEqual(propertiesOf(asking, 0)['correlationData'], correlationData)
    await Promise.all([server.end(), asking.end()])
  })

  promise('a client id is assigned, a keep alive is set, and a takeover is told', async () => {
    const named = await open({ clientId: '', keepalive: 0 })
    assert.match(named.connack.properties?.assignedClientIdentifier ?? '', /^auto-[0-9a-f]{24}$/)
    assert.equal(named.connack.properties?.serverKeepAlive, 300)
    await named.end()
    const clientId = fresh('twice')
    const first = await open({ clientId })
    let reason: number | undefined
    first.client.on('disconnect', (packet) => {
      reason = packet.reasonCode
    })
    const second = await open({ clientId })
    await until('the first one is told', () => reason !== undefined)
    assert.equal(reason, 0x8e)
    await assert.rejects(open({ clientId }, BOB), /Client Identifier not valid/)
    await second.client.publishAsync('still/here', 'x', { qos: 1 })
    await second.end()
  })

  promise('one message is for one member of a shared subscription', async () => {
    const root = fresh('work')
    const members = await Promise.all([open(), open(), open({}, BOB)])
    for (const { client } of members) {
      await client.subscribeAsync(`$share/workers/${root}/#`, { qos: 1 })
    }
    const alone = await open()
    await alone.client.subscribeAsync(`$share/others/${root}/#`, { qos: 1 })
    const publisher = await open()
    const send = (n: number) => publisher.client.publishAsync(`${root}/job`, `j${n}`, { qos: 1 })
    for (let n = 0; n < 30; n++) await send(n)
    const all = () => members.flatMap((member) => member.texts())
    await until('all of both groups', () => all().length === 30 && alone.received.length === 30)
    assert.equal(new Set(all()).size, 30)
    for (const member of members) assert.ok(member.received.length > 0)
    await members[0]?.end()
    for (let n = 30; n < 50; n++) await send(n)
    await until('the rest', () => new Set(all()).size === 50)
    assert.equal(all().length, 50)
    await Promise.all([...members.slice(1), alone, publisher].map((each) => each.end()))
  })

  promise('clients of 3.1.1 share, and get of a request what their packets can hold', async () => {
    const root = fresh('older')
    const [first, second] = [await open({ protocolVersion: 4 }), await open({ protocolVersion: 4 })]
    for (const { client } of [first, second]) {
      await client.subscribeAsync(`$share/pool/${root}/job`, { qos: 2 })
    }
    await first.client.subscribeAsync(`${root}/ask`, { qos: 1 })
    const newer = await open()
    for (let n = 0; n < 20; n++) {
      await newer.client.publishAsync(`${root}/job`, String(n), { qos: 2 })
    }
    await until('each job', () => first.received.length + second.received.length >= 20)
    for (const { received } of [first, second]) assert.ok(received.length > 0)
    const properties = { responseTopic: `${root}/answer`, correlationData: Buffer.from('1') }
    const body = JSON.stringify({ correlationId: 'req_0001' })
    await newer.client.subscribeAsync(`${root}/answer`, { qos: 1 })
    await newer.client.publishAsync(`${root}/ask`, body, { qos: 1, properties })
    await until('the request', () => first.texts().includes(body))
    assert.equal(first.received.at(-1)?.properties, undefined)
    await first.client.publishAsync(`${root}/answer`, body, { qos: 1 })
    await until('the answer', () => newer.texts().includes(body))
    const jobs = [...first.texts(), ...second.texts()].filter((text) => text !== body)
    assert.equal(new Set(jobs).size, 20)
    assert.equal(jobs.length, 20)
    await Promise.all([first, second, newer].map((each) => each.end()))
  })

  promise(
    'a large message arrives whole, and no client gets a larger one than it takes',
    async () => {
      const topic = fresh('large')
      const large = 'x'.repeat(262_144)
      const subscriber = await open()
      const small = await open({ properties: { maximumPacketSize: 1_000 } })
      await subscriber.client.subscribeAsync(topic, { qos: 1 })
      await small.client.subscribeAsync(topic, { qos: 1 })
      const publisher = await open()
      assert.equal(publisher.connack.properties?.maximumPacketSize, 1_048_576)
      await publisher.client.publishAsync(topic, large, { qos: 1 })
      await publisher.client.publishAsync(topic, 'small', { qos: 1 })
      await until('both', () => subscriber.received.length === 2)
      assert.equal(subscriber.received[0]?.text, large)
      await until('the small one', () => small.received.length > 0)
      assert.deepEqual(small.texts(), ['small'])
      // More than the app takes, and told so: nothing is cut.
      const tooLarge = publisher.client.publishAsync(topic, `${large}x`, { qos: 1 })
      await assert.rejects(tooLarge, /Quota exceeded/)
      await Promise.all([subscriber.end(), small.end(), publisher.end()])
    },
  )
}

test('user properties keep their order and their repetitions', async () => {
  const topic = fresh('order')
  const subscriber = await MqttPeer.open(it.server)
  await subscriber.subscribe(topic)
  const publisher = await MqttPeer.open(it.server)
  const text = (value: string) =>
    Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const pair = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0x26]), text(name), text(value)])
  const pairs = Buffer.concat([pair('b', '1'), pair('a', '2'), pair('b', '3'), pair('', '')])
  const body = Buffer.concat([text(topic), Buffer.from([pairs.length]), pairs, Buffer.from('hi')])
  publisher.write(Buffer.concat([Buffer.from([0x30, body.length]), body]))
  await subscriber.next('publish')
  assert.ok(subscriber.bytes.includes(pairs))
  for (const each of [publisher, subscriber]) each.destroy()
})

test('no more is in flight than the client takes, and each acknowledgement makes room', async () => {
  const topic = fresh('window')
  const peer = await MqttPeer.open(it.server, { properties: { receiveMaximum: 3 } })
  await peer.subscribe(topic, 2)
  const publisher = await connect(it.server.mqtt, { protocolVersion: 5, ...loginOf(ALICE) })
  for (let n = 0; n < 8; n++) {
    await publisher.client.publishAsync(topic, String(n), { qos: n % 2 === 0 ? 1 : 2 })
  }
  await peer.answers()
  assert.equal(peer.all('publish').length, 3)
  const order: string[] = []
  for (let n = 0; n < 8; n++) {
    const packet = await peer.next('publish')
    order.push(packet.payload.toString())
    const messageId = packet.messageId ?? 0
    if (packet.qos === 1) peer.send({ cmd: 'puback', messageId, reasonCode: 0 })
    else {
      peer.send({ cmd: 'pubrec', messageId, reasonCode: 0 })
      await peer.next('pubrel')
      await peer.answers()
      assert.ok(peer.all('publish').length <= 2, 'PUBREC alone makes no room')
      peer.send({ cmd: 'pubcomp', messageId, reasonCode: 0 })
    }
    await peer.answers()
    assert.ok(peer.all('publish').length <= 3)
  }
  assert.deepEqual(
    order,
    Array.from({ length: 8 }, (_, n) => String(n)),
  )
  peer.destroy()
  await publisher.end()
})

test('reason codes say what became of each packet', async () => {
  const topic = fresh('codes')
  const peer = await MqttPeer.open(it.server)
  const publish = (qos: 1 | 2, messageId: number) =>
    peer.send({ cmd: 'publish', topic, payload: 'x', qos, messageId, dup: false, retain: false })
  publish(1, 1)
  assert.equal((await peer.next('puback')).reasonCode, 0x10)
  publish(2, 2)
  assert.equal((await peer.next('pubrec')).reasonCode, 0x10)
  publish(2, 2) // A repetition of one that is taken.
  assert.equal((await peer.next('pubrec')).reasonCode, 0)
  peer.send({ cmd: 'pubrel', messageId: 2, reasonCode: 0 })
  assert.equal((await peer.next('pubcomp')).reasonCode, 0)
  peer.send({ cmd: 'pubrel', messageId: 2, reasonCode: 0 })
  assert.equal((await peer.next('pubcomp')).reasonCode, 0x92)
  peer.send({ cmd: 'pubrec', messageId: 77, reasonCode: 0 })
  assert.equal((await peer.next('pubrel')).reasonCode, 0x92)
  assert.deepEqual((await peer.subscribe(topic, 2, 9)).granted, [2])
  peer.send({ cmd: 'unsubscribe', messageId: 10, unsubscriptions: [topic, `${topic}/none`] })
  assert.deepEqual((await peer.next('unsuback')).granted, [0, 0x11])
  peer.destroy()
})

test('a PUBREL that is said again after a reconnect is answered as the first', async () => {
  const kept = { clientId: fresh('kept'), properties: { sessionExpiryInterval: 60 } }
  const first = await MqttPeer.open(it.server, kept)
  const fixed = { payload: 'x', dup: false, retain: false } as const
  first.send({ cmd: 'publish', topic: fresh('once'), qos: 2, messageId: 5, ...fixed })
  await first.next('pubrec')
  first.send({ cmd: 'pubrel', messageId: 5, reasonCode: 0 })
  await first.next('pubcomp')
  first.destroy()
  const again = await MqttPeer.open(it.server, { ...kept, clean: false })
  again.send({ cmd: 'pubrel', messageId: 5, reasonCode: 0 })
  assert.equal((await again.next('pubcomp')).reasonCode, 0)
  again.destroy()
})

test('who is silent for one and a half keep alives is told and closed', async () => {
  const five = await MqttPeer.open(it.server, { keepalive: 1 })
  const four = await MqttPeer.open(it.server, { keepalive: 1, protocolVersion: 4 })
  const lively = await MqttPeer.open(it.server, { keepalive: 1 })
  for (let n = 0; n < 5; n++) {
    await lively.answers()
    await pause(500)
  }
  assert.equal((await five.next('disconnect')).reasonCode, 0x8d)
  await Promise.all([five.closed(), four.closed()])
  assert.deepEqual(four.packets, [])
  assert.equal(lively.isClosed, false)
  lively.destroy()
})
