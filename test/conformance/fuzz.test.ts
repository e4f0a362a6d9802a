/** Random and mutated input by the thousand: the process lives and nobody else notices. */
import assert from 'node:assert/strict'
import { subscribed } from '../support/clients.ts'
import { publish } from '../support/http.ts'
import { frameBytes, RawSocket, upgradeRequest } from '../support/raw-socket.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { nextEvent, until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('fuzz', { clientMessages: true, watchlist: true, subscriptionCount: true })
const FRAME_COUNT = 5_000
const RAW_FRAME_COUNT = 1_500
const GARBAGE_COUNT = 10_000
const GARBAGE_AT_ONCE = 100

// Garbage is to reach what reads it: the limits of one address would keep most of it out.
const guard = {
  limits: ['connect.ip 1000000/1m', 'connect.range 1000000/1m', 'auth.ip 1000000/1m'],
}
const it = serving({ apps: [APP], config: { guard } })

const TEMPLATES: readonly unknown[] = [
  { event: 'pusher:ping', data: {} },
  { event: 'pusher:pong', data: {} },
  { event: 'pusher:subscribe', data: { channel: 'fuzzed', auth: '' } },
  { event: 'pusher:subscribe', data: { channel: 'private-fuzzed', auth: `${APP.key}:abc` } },
  { event: 'pusher:subscribe', data: '{"channel":"cache-fuzzed"}' },
  {
    event: 'pusher:subscribe',
    data: { channel: 'presence-fuzzed', auth: `${APP.key}:0`, channel_data: '{"user_id":"1"}' },
  },
  { event: 'pusher:unsubscribe', data: { channel: 'fuzzed' } },
  { event: 'pusher:signin', data: { auth: `${APP.key}:0`, user_data: '{"id":"1"}' } },
  { event: 'client-x', channel: 'private-fuzzed', data: { a: [1, 'x', null] } },
  { event: 'pusher_internal:member_added', channel: 'presence-fuzzed', data: '{}' },
]
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -0.5,
  1e308,
  '',
  '\u0000',
  '__proto__',
  'private-',
  '#server-to-user-1',
  '\ud800',
  [],
  {},
  [[[[[]]]]],
  { __proto__: { channel: 'x' } },
  { toString: 1, valueOf: null, length: -1 },
  'x'.repeat(300),
]

/** A structural change of a frame, or of its text. */
function mutated(random: Seeded): string {
  const frame = structuredClone(random.pick(TEMPLATES)) as Record<string, unknown>
  const inner = frame['data']
  const target = random.below(2) === 0 && isRecord(inner) ? inner : frame
  const key = random.pick(['event', 'data', 'channel', 'auth', 'channel_data', 'user_data', 'more'])
  if (random.below(4) === 0) Reflect.deleteProperty(target, key)
  else target[key] = random.pick(ODD_VALUES)
  const text = JSON.stringify(frame)
  const at = random.below(text.length + 1)
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return (
        text.slice(0, at) + random.bytes(1 + random.below(4)).toString('latin1') + text.slice(at)
      )
    case 2:
      return text.slice(0, at) + text
    case 3:
      return random.bytes(random.below(200)).toString('latin1')
    default:
      return text
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

test('thousands of mutated frames end nobody else and leave a working server', async (context) => {
  const random = seeded()
  context.diagnostic(`seed ${random.seed}`)
  const processId = it.server.processId()
  const witness = await Wire.open(it.server, APP)
  await witness.join(APP, 'witness')
  let wire = await Wire.open(it.server, APP)
  for (let index = 0; index < FRAME_COUNT; index++) {
    if (!wire.isOpen) wire = await Wire.open(it.server, APP)
    wire.send(mutated(random))
    if (index % 250 === 249) {
      const { length } = wire.frames
      wire.send({ event: 'pusher:ping', data: {} })
      await until(
        'the socket answers or is closed',
        () => wire.frames.length > length || wire.closed,
      )
      await publish(it.server, APP, { channel: 'witness', name: 'beat', data: `${index}` })
      assert.equal((await witness.next('beat')).data, `${index}`, `seed ${random.seed}`)
    }
  }
  wire.cut()
  await witness.fence()
  assert.equal(witness.all('pusher:error').length, 0, `seed ${random.seed}`)
  assert.equal(await it.server.metric('lockgate_bugs_total'), 0, `seed ${random.seed}`)
  assert.equal(it.server.processId(), processId)
  await witness.close()
})

test('random bytes as WebSocket frames never harm another connection', async (context) => {
  const random = seeded()
  context.diagnostic(`seed ${random.seed}`)
  const witness = await Wire.open(it.server, APP)
  let raw = new RawSocket(it.server.port)
  await raw.upgrade(`/app/${APP.key}?protocol=7`)
  for (let index = 0; index < RAW_FRAME_COUNT; index++) {
    if (raw.isClosed) {
      raw = new RawSocket(it.server.port)
      await raw.upgrade(`/app/${APP.key}?protocol=7`)
    }
    const good = frameBytes({ opcode: 1, payload: mutated(random) })
    const at = random.below(good.length)
    const bent = Buffer.concat([good.subarray(0, at), random.bytes(2), good.subarray(at + 2)])
    raw.write(random.pick([good, bent, random.bytes(random.below(64))]))
    if (index % 50 === 49) await witness.fence()
  }
  raw.destroy()
  await witness.fence()
  assert.equal(await it.server.metric('lockgate_bugs_total'), 0, `seed ${random.seed}`)
  await witness.close()
})

/** One connection of a peer that means no good, ended by itself or by the server. */
async function garbage(random: Seeded): Promise<void> {
  const raw = new RawSocket(it.server.port)
  const target = `/app/${APP.key}?protocol=7`
  const whole = upgradeRequest(target)
  const answered = [
    upgradeRequest(`/app/nobody-${random.below(1e6)}?protocol=7`),
    upgradeRequest(`/app/${APP.key}?protocol=${random.below(1000) + 100}`),
    upgradeRequest(`/${random.bytes(12).toString('hex')}`),
    `${random.bytes(60).toString('latin1')}\r\n\r\n`,
    `POST /apps/${APP.id}/events?auth_key=${APP.key} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`,
    `GET / HTTP/9.9\r\n\r\n`,
  ]
  const unfinished = [
    '',
    whole.slice(0, random.below(whole.length - 1)),
    '\x16\x03\x01\x02\x00\x01',
  ]
  const isAnswered = random.below(3) > 0
  raw.write(random.pick(isAnswered ? answered : unfinished))
  if (isAnswered) await until('an answer or the end', () => raw.isClosed || raw.text !== '')
  else await until('the connection is open', () => !raw.socket.connecting || raw.isClosed)
  raw.destroy()
  await until('the connection is gone', () => raw.isClosed)
}

test('ten thousand garbage connections leave no connection and no damage behind', async (context) => {
  const random = seeded()
  context.diagnostic(`seed ${random.seed}`)
  const witness = await Wire.open(it.server, APP)
  await until('only the witness is left', async () => {
    return (await it.server.metric('lockgate_connections_open')) === 1
  })
  for (let done = 0; done < GARBAGE_COUNT; done += GARBAGE_AT_ONCE) {
    await Promise.all(Array.from({ length: GARBAGE_AT_ONCE }, () => garbage(random)))
  }
  await until('the gauge is back', async () => {
    return (await it.server.metric('lockgate_connections_open')) === 1
  })
  await witness.fence()
  const client = await it.clients.connected(APP)
  const channel = await subscribed(client, 'private-after')
  const heard = nextEvent<unknown>(channel, 'e')
  await publish(it.server, APP, { channel: 'private-after', name: 'e', data: '{"still":"here"}' })
  assert.deepEqual(await heard, { still: 'here' })
  assert.equal(await it.server.metric('lockgate_bugs_total'), 0, `seed ${random.seed}`)
  await witness.close()
})
