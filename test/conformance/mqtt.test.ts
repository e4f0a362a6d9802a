/** MQTT.js against the broker: both levels, over TCP and WebSocket. */
import assert from 'node:assert/strict'
import {
  ALICE,
  BOB,
  connect,
  loginOf,
  type Transport,
  TRANSPORTS,
  USERS,
} from '../support/mqtt-clients.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const it = serving({ apps: [app('mqtt', USERS)] })

const LEVELS = [4, 5] as const
let count = 0

/** Topics and client ids of one test: nothing that another one keeps gets in its way. */
function fresh(name: string): string {
  count++
  return `${name}-${count}`
}

type Route = readonly [transport: Transport, level: 4 | 5]

async function open([transport, level]: Route, who = ALICE, more = {}) {
  const options = { protocolVersion: level, clientId: fresh('client'), ...loginOf(who), ...more }
  return connect(TRANSPORTS[transport](it.server), options)
}

for (const transport of ['tcp', 'websocket'] as const) {
  for (const level of LEVELS) {
    const route: Route = [transport, level]
    const name = `MQTT ${level === 4 ? '3.1.1' : '5.0'} over ${transport}`

    test(`${name}: messages arrive in order, with the quality of service of both sides`, async () => {
      const root = fresh('room')
      const subscriber = await open(route, BOB)
      const publisher = await open(route)
      const granted = await subscriber.client.subscribeAsync(`${root}/+/chat`, { qos: 1 })
      assert.equal(granted[0]?.qos, 1)
      for (const qos of [0, 1, 2] as const) {
        await publisher.client.publishAsync(`${root}/a/chat`, `m${qos}`, { qos })
      }
      await until('three messages', () => subscriber.received.length === 3)
      assert.deepEqual(subscriber.texts(), ['m0', 'm1', 'm2'])
      assert.deepEqual(
        subscriber.received.map(({ qos }) => qos),
        [0, 1, 1],
      )
      await Promise.all([publisher.end(), subscriber.end()])
    })

    test(`${name}: what is retained is given to who comes later, until it is removed`, async () => {
      const topic = `${fresh('state')}/light`
      const publisher = await open(route)
      await publisher.client.publishAsync(topic, 'on', { qos: 1, retain: true })
      const later = await open(route, BOB)
      await later.client.subscribeAsync(topic, { qos: 1 })
      const kept = await until('the retained one', () => later.received[0])
      assert.deepEqual([kept.text, kept.retain], ['on', true])
      await publisher.client.publishAsync(topic, '', { qos: 1, retain: true })
      const last = await open(route, BOB)
      await last.client.subscribeAsync(topic, { qos: 1 })
      await publisher.client.publishAsync(topic, 'live', { qos: 1 })
      await until('the live one', () => last.received.length > 0)
      assert.deepEqual(last.texts(), ['live'])
      await Promise.all([publisher.end(), later.end(), last.end()])
    })

    test(`${name}: a session that is kept gets what came while its client was away`, async () => {
      const topic = `${fresh('mail')}/box`
      const clientId = fresh('kept')
      const more = { clientId, clean: false, properties: { sessionExpiryInterval: 600 } }
      const first = await open(route, BOB, more)
      assert.equal(first.connack.sessionPresent, false)
      await first.client.subscribeAsync(topic, { qos: 2 })
      await first.end()
      const publisher = await open(route)
      for (const text of ['one', 'two', 'three']) {
        await publisher.client.publishAsync(topic, text, { qos: 1 })
      }
      const second = await open(route, BOB, more)
      assert.equal(second.connack.sessionPresent, true)
      await until('three messages', () => second.received.length === 3)
      assert.deepEqual(second.texts(), ['one', 'two', 'three'])
      await Promise.all([publisher.end(), second.end()])
    })

    test(`${name}: a will is published when its client breaks off, and not when it leaves`, async () => {
      const root = fresh('wills')
      const watcher = await open(route, BOB)
      await watcher.client.subscribeAsync(`${root}/#`)
      const will = (text: string) => ({ will: { topic: `${root}/${text}`, payload: text, qos: 1 } })
      const leaves = await open(route, ALICE, will('left'))
      await leaves.end()
      const breaks = await open(route, ALICE, will('broke'))
      breaks.client.stream.destroy()
      await until('the will', () => watcher.received.length > 0)
      assert.deepEqual(watcher.texts(), ['broke'])
      await watcher.end()
    })

    test(`${name}: wrong credentials get the text on which clients give up`, async () => {
      const text =
        level === 4
          ? 'Connection refused: Bad username or password'
          : 'Connection refused: Bad User Name or Password'
      const wrong = open(route, ALICE, { password: 'wrong-password-0123456789' })
      await assert.rejects(wrong, { message: text })
      await assert.rejects(open(route, ALICE, { password: undefined }), {
        message: text,
      })
    })
  }
}
