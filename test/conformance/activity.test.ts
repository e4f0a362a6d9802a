/** Pings, pongs and the end of silent sockets. */
import assert from 'node:assert/strict'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { dataOf, Wire } from '../support/wire.ts'

const APP = app('activity')

const it = serving({
  apps: [APP],
  config: { limits: { activityTimeoutMs: 1000, pongTimeoutMs: 1000 } },
})

/** A socket that answers nothing, not even a control ping. */
function openSilent(): Promise<Wire> {
  return Wire.open(it.server, APP, { autoPong: false })
}

test('a ping is answered with a pong', async () => {
  const wire = await Wire.open(it.server, APP)
  for (const frame of ['{"event":"pusher:ping"}', { event: 'pusher:ping', data: '{}' }]) {
    wire.send(frame)
    const pong = await wire.next('pusher:pong')
    assert.deepEqual(Object.keys(pong).sort(), ['data', 'event'])
    assert.deepEqual(pong.data, {})
  }
  await wire.close()
})

test('the first frame tells the configured activity timeout in seconds', async () => {
  const wire = await openSilent()
  const [first] = wire.frames
  assert.ok(first)
  assert.equal((dataOf(first) as { activity_timeout: number }).activity_timeout, 1)
  wire.cut()
})

test('a silent socket is pinged, then closed with 4201', async () => {
  const wire = await openSilent()
  await wire.next('pusher:ping')
  assert.equal((await wire.closure()).code, 4201)
})

test('a socket that answers pings stays while silent ones go', async () => {
  const answering = await openSilent()
  answering.socket.on('message', (data: Buffer) => {
    if (data.toString().includes('pusher:ping"')) answering.send({ event: 'pusher:pong', data: {} })
  })
  const client = await it.clients.connected(APP)
  const socketId = client.connection.socket_id
  for (let round = 0; round < 2; round++) {
    const silent = await openSilent()
    assert.equal((await silent.closure()).code, 4201)
  }
  assert.ok(answering.all('pusher:ping').length >= 2)
  await answering.fence()
  assert.equal(client.connection.state, 'connected')
  assert.equal(client.connection.socket_id, socketId)
  await answering.close()
})

test('a control ping is answered and counts as activity', async () => {
  const wire = await openSilent()
  let pongs = 0
  wire.socket.on('pong', () => pongs++)
  const beat = setInterval(() => wire.socket.ping(), 200)
  try {
    for (let round = 0; round < 2; round++) {
      const silent = await openSilent()
      assert.equal((await silent.closure()).code, 4201)
    }
    assert.ok(wire.isOpen)
    assert.ok(pongs > 0)
  } finally {
    clearInterval(beat)
    wire.cut()
  }
})

test('a client that pings on its own is not pinged back', async () => {
  const wire = await openSilent()
  const beat = setInterval(() => wire.isOpen && wire.send({ event: 'pusher:ping', data: {} }), 100)
  try {
    const silent = await openSilent()
    assert.equal((await silent.closure()).code, 4201)
    assert.ok(wire.isOpen)
    assert.equal(wire.all('pusher:ping').length, 0)
  } finally {
    clearInterval(beat)
    wire.cut()
  }
})
