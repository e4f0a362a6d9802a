/** Frames on a plain WebSocket: the exact JSON that is sent, and what nonsense gets. */
import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { library } from '../support/clients.ts'
import { publish } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { channelAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { errorCode, Wire } from '../support/wire.ts'

const APP = app('frames', { clientMessages: true })
const FRAME_BYTES_MAX = 65_536

const it = serving({ apps: [APP], config: { limits: { webSocketFrameBytesMax: FRAME_BYTES_MAX } } })

test('the first frame is this text and no other', async () => {
  const wire = await Wire.open(it.server, APP)
  const [text] = wire.texts
  const expected = {
    event: 'pusher:connection_established',
    data: JSON.stringify({ socket_id: wire.socketId, activity_timeout: 120 }),
  }
  assert.deepEqual(JSON.parse(text ?? ''), expected)
  await wire.close()
})

test('success of a subscription carries the channel and the text {}', async () => {
  const wire = await Wire.open(it.server, APP)
  for (const channel of ['shape', 'private-shape', 'private-encrypted-shape', 'cache-shape']) {
    assert.deepEqual(await wire.join(APP, channel), {
      event: 'pusher_internal:subscription_succeeded',
      channel,
      data: '{}',
    })
  }
  await wire.close()
})

test('a refused subscription names channel, type, error and status', async () => {
  const wire = await Wire.open(it.server, APP)
  wire.subscribe('private-shape', `${APP.key}:${'0'.repeat(64)}`)
  const frame = await wire.next('pusher:subscription_error')
  assert.equal(frame.channel, 'private-shape')
  const data = frame.data as { type: string; error: string; status: number }
  assert.deepEqual([data.type, data.status], ['AuthError', 401])
  assert.equal(typeof data.error, 'string')
  assert.ok(!JSON.stringify(frame).includes(APP.secret))
  await wire.close()
})

test('an event has event, channel and the data string, nothing else', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'shape')
  await publish(it.server, APP, { channel: 'shape', name: 'e', data: '{"a":  1}' })
  const frame = await wire.next('e')
  assert.deepEqual(frame, { event: 'e', channel: 'shape', data: '{"a":  1}' })
  await wire.close()
})

test('the data of every pusher: event may be an object or its JSON text', async () => {
  const wire = await Wire.open(it.server, APP)
  const auth = channelAuth(APP, wire.socketId, 'private-text')
  const data = JSON.stringify({ channel: 'private-text', auth })
  wire.send({ event: 'pusher:subscribe', data })
  await wire.next('pusher_internal:subscription_succeeded', 'private-text')
  wire.send({
    event: 'pusher:subscribe',
    data: { channel: 'public', auth: '', channel_data: null },
  })
  await wire.next('pusher_internal:subscription_succeeded', 'public')
  wire.send({ event: 'pusher:unsubscribe', data: JSON.stringify({ channel: 'private-text' }) })
  await publish(it.server, APP, { channel: 'private-text', name: 'e', data: '1' })
  await wire.fence()
  assert.equal(wire.all('e').length, 0)
  await wire.close()
})

const MALFORMED: readonly string[] = [
  '',
  ' ',
  'x',
  '{',
  '}',
  'null',
  'true',
  '7',
  '"text"',
  '[]',
  '[{"event":"pusher:ping"}]',
  '{}',
  '{"event":null}',
  '{"event":7,"data":{}}',
  '{"event":{"a":1}}',
  '{"event":["pusher:ping"]}',
  '{"event":""}',
  `{"event":"${'x'.repeat(5000)}"}`,
  '{"data":{"channel":"a"}}',
  '{"event":"pusher:subscribe"}',
  '{"event":"pusher:subscribe","data":null}',
  '{"event":"pusher:subscribe","data":7}',
  '{"event":"pusher:subscribe","data":[]}',
  '{"event":"pusher:subscribe","data":"no json"}',
  '{"event":"pusher:subscribe","data":"\\"twice\\""}',
  '{"event":"pusher:subscribe","data":{}}',
  '{"event":"pusher:subscribe","data":{"channel":null}}',
  '{"event":"pusher:subscribe","data":{"channel":7}}',
  '{"event":"pusher:subscribe","data":{"channel":{"toString":"x"}}}',
  '{"event":"pusher:subscribe","data":{"channel":["private-a"]}}',
  '{"event":"pusher:subscribe","data":{"channel":"private-a","auth":{}}}',
  '{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"a:b","channel_data":{}}}',
  '{"event":"pusher:unsubscribe"}',
  '{"event":"pusher:unsubscribe","data":{"channel":7}}',
  '{"event":"pusher:signin"}',
  '{"event":"pusher:signin","data":{}}',
  '{"event":"pusher:signin","data":{"auth":7,"user_data":{}}}',
  '{"event":"pusher:signin","data":{"auth":"a:b","user_data":"{}"}}',
  '{"event":"pusher:nobody_knows","data":{}}',
  '{"event":"pusher_internal:subscription_succeeded","channel":"a","data":"{}"}',
  '{"event":"pusher:connection_established","data":"{}"}',
  '{"event":"pusher:error","data":{"code":4001}}',
  '{"event":"client-x"}',
  '{"event":"client-x","channel":7,"data":{}}',
  '{"event":"client-x","channel":null,"data":{}}',
  '{"event":"client-x","channel":"private-not-mine","data":{}}',
  '{"event":"__proto__","data":{"__proto__":{"channel":"a"}}}',
  '{"event":"constructor"}',
  '{"__proto__":{"event":"pusher:ping"}}',
  '{"event":"pusher:subscribe","data":{"__proto__":{"channel":"a"}}}',
  `{"event":"pusher:subscribe","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  `{"event":"pusher:subscribe","data":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`,
  `{"event":"client-x","channel":"private-a","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  '['.repeat(60_000),
  '{"event":"pusher:ping","data":{}}trailing',
  '{"event":"pusher:ping"\u0000}',
  '{"event":"\\ud800"}',
]

test('each malformed frame gets an error, keeps its socket and disturbs nobody', async () => {
  const witness = await Wire.open(it.server, APP)
  await witness.join(APP, 'witness')
  for (const text of MALFORMED) {
    const wire = await Wire.open(it.server, APP)
    wire.send(text)
    const answered = await until(`an answer to ${text.slice(0, 80)}`, () =>
      wire.frames.find(({ event }) => event.endsWith('error')),
    )
    if (answered.event === 'pusher:error') {
      const code = errorCode(answered)
      assert.ok(code === null || code === 4200 || code === 4009, `code ${String(code)} for ${text}`)
    }
    const isSignin = text.includes('pusher:signin') // a failed sign-in may also close
    if (!isSignin) await wire.fence()
    wire.cut()
  }
  await publish(it.server, APP, { channel: 'witness', name: 'alive', data: '1' })
  await witness.next('alive')
  await witness.fence()
  assert.equal(witness.all('pusher:error').length, 0)
  await witness.close()
})

test('odd but harmless frames are taken as what they say', async () => {
  const wire = await Wire.open(it.server, APP)
  const pings = [
    '{"event":"pusher:ping"}',
    '{"event":"pusher:ping","data":null}',
    '{"event":"pusher:ping","data":"x","channel":7,"more":[[]]}',
    ' \n\t{ "event" : "pusher:ping" } \n',
    '{"event":"pusher\\u003aping"}',
  ]
  for (const text of pings) {
    wire.send(text)
    await wire.next('pusher:pong')
  }
  wire.send('{"event":"pusher:pong","data":{}}')
  await wire.fence()
  assert.equal(wire.all('pusher:error').length, 0)
  await wire.close()
})

test('ten malformed frames are forgiven, the next one closes that socket only, with 4100', async () => {
  const witness = await Wire.open(it.server, APP)
  const wire = await Wire.open(it.server, APP)
  for (let round = 0; round < 10; round++) wire.send('nonsense')
  await wire.fence()
  assert.equal(wire.all('pusher:error').length, 10)
  for (let round = 0; round < 1000 && wire.isOpen; round++) wire.send('nonsense')
  assert.equal((await wire.closure()).code, 4100)
  await witness.fence()
  await witness.close()
})

test('a frame of the largest size is read, one byte more closes with 1009', async () => {
  const wire = await Wire.open(it.server, APP)
  const frame = '{"event":"pusher:ping"}'
  wire.send(frame + ' '.repeat(FRAME_BYTES_MAX - frame.length))
  await wire.next('pusher:pong')
  wire.send(frame + ' '.repeat(FRAME_BYTES_MAX - frame.length + 1))
  assert.equal((await wire.closure()).code, 1009)
})

test('a binary frame is refused and never taken for text', async () => {
  const wire = await Wire.open(it.server, APP)
  wire.socket.send(Buffer.from('{"event":"pusher:ping"}'), { binary: true })
  await until('an error or a close', () => wire.all('pusher:error').length > 0 || wire.closed)
  assert.equal(wire.all('pusher:pong').length, 0)
  wire.cut()
})

test('frames sent before the first answer are handled in order', async () => {
  const socket = new WebSocket(it.server.socketUrl(APP.key))
  const events: string[] = []
  socket.on('message', (data: Buffer) => {
    events.push((JSON.parse(data.toString()) as { event: string }).event)
  })
  socket.on('open', () => {
    socket.send('{"event":"pusher:subscribe","data":{"channel":"early"}}')
    socket.send('{"event":"pusher:ping","data":{}}')
  })
  await until('three answers', () => events.length === 3)
  assert.deepEqual(events, [
    'pusher:connection_established',
    'pusher_internal:subscription_succeeded',
    'pusher:pong',
  ])
  socket.terminate()
})

test('five hundred events published one after the other arrive in that order', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'order')
  const backend = library(it.server, APP)
  for (let index = 0; index < 50; index++) {
    const batch = Array.from({ length: 10 }, (_none, offset) => {
      return { channel: 'order', name: 'n', data: `${index * 10 + offset}` }
    })
    await backend.triggerBatch(batch)
  }
  await wire.fence()
  assert.deepEqual(
    wire.all('n').map(({ data }) => Number(data)),
    Array.from({ length: 500 }, (_none, index) => index),
  )
  await wire.close()
})
