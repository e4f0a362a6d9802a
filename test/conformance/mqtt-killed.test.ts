/**
 * The server is killed in the middle of QoS 1 and QoS 2 flows, again and again: what it has
 * acknowledged arrives, QoS 2 exactly once, and everything in order.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALICE, BOB, ORGANIZATION, USERS } from '../support/mqtt-clients.ts'
import { WireClient } from '../support/mqtt-wire-client.ts'
import { seeded } from '../support/seeded.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { PACKET_ID_MAX } from '../support/session-model-client.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const KILL_COUNT = 4
/** Packets until a kill; at most so many. */
const PACKET_COUNT_MAX = 400

const wireLogin = ({ name, password }: typeof ALICE) => ({
  username: `${name}@${ORGANIZATION}`,
  password,
})

test('killed in the middle of flows, it keeps what it acknowledged, and QoS 2 once', async () => {
  const random = seeded()
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-killed-'))
  const start = () => startServer({ apps: [app('mqtt', USERS)], dataDir })
  const publisher = new WireClient('publisher', wireLogin(ALICE))
  const receiver = new WireClient('receiver', wireLogin(BOB))
  const names: string[] = []
  let isPublishing = true
  const publishMore = () => {
    if (!isPublishing) return
    while (publisher.isOnline && publisher.memory.flows.size < PACKET_ID_MAX) {
      const qos = random.below(3) === 0 ? 1 : 2
      const name = `qos${qos} ${String(names.length).padStart(6, '0')}`
      names.push(name)
      publisher.publish(name, qos)
    }
  }
  let server: LiveServer | undefined
  try {
    server = await start()
    assert.equal(await receiver.connect(server.mqtt), false)
    await receiver.subscribe('t/#')
    await publisher.connect(server.mqtt)
    for (let kill = 0; kill < KILL_COUNT; kill++) {
      let left = 20 + random.below(PACKET_COUNT_MAX)
      let isReceiverAway = false
      const count = () => {
        left--
        // Now and then the receiver is away, and its messages wait in the store.
        if (!isReceiverAway && random.below(300) === 0) {
          isReceiverAway = true
          receiver.drop()
        }
        publishMore()
      }
      publisher.onPacket = count
      receiver.onPacket = count
      publishMore()
      await until('enough packets', () => left <= 0)
      await server.killHard()
      publisher.drop()
      receiver.drop()
      server = await start()
      assert.equal(await receiver.connect(server.mqtt), true, 'the session of the receiver')
      assert.equal(await publisher.connect(server.mqtt), true, 'the session of the publisher')
    }
    isPublishing = false
    const got = (name: string) => receiver.memory.log.includes(name)
    await until('everything is acknowledged', () => publisher.memory.flows.size === 0)
    await until('and has arrived', () => names.every(got)).finally(() => {
      const lost = names.filter((name) => !got(name))
      assert.deepEqual(lost, [], `seed ${random.seed}`)
    })
    const twice = receiver.memory.log.filter((name) => name.startsWith('qos2'))
    const once = [...new Set(receiver.memory.log.filter((name) => name.startsWith('qos1')))]
    const ofQos = (qos: number) => names.filter((name) => name.startsWith(`qos${qos}`))
    assert.deepEqual(twice, ofQos(2), `seed ${random.seed}`)
    assert.deepEqual(once, ofQos(1), `seed ${random.seed}`)
    assert.ok(ofQos(2).length > KILL_COUNT * 3)
  } finally {
    publisher.drop()
    receiver.drop()
    await server?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
