/** What the node as a whole holds is bounded, and who comes over a bound is told so. */
import assert from 'node:assert/strict'
import { post, publish } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('bounded')
const NEIGHBOUR = app('neighbour')
const CONNECTIONS_MAX = 12
const CHANNELS_MAX = 30

const it = serving({
  apps: [APP, NEIGHBOUR],
  config: {
    limits: { connectionCountMax: CONNECTIONS_MAX, channelCountMax: CHANNELS_MAX },
    load: { connectionPercent: 100 },
  },
})

/** Whether a dial is let in; who is not is told to come back later, by status or by code. */
async function isAdmitted(): Promise<boolean> {
  const wire = new Wire(it.server.socketUrl(APP.key))
  await until('an answer', () => wire.frames.length > 0 || wire.closed)
  if (wire.frames[0]?.event === 'pusher:connection_established') {
    await wire.close()
    return true
  }
  const { code } = await wire.closure()
  assert.ok(wire.refusal?.status === 503 || code === 4100, `${wire.refusal?.status} ${code}`)
  return false
}

test('a connection over the capacity of the node is sent away until there is room', async () => {
  const wires: Wire[] = []
  for (let count = 0; count < CONNECTIONS_MAX; count++) {
    wires.push(await Wire.open(it.server, count % 2 === 0 ? APP : NEIGHBOUR))
  }
  for (let attempt = 0; attempt < 3; attempt++) assert.equal(await isAdmitted(), false)
  await Promise.all(wires.map((wire) => wire.fence()))
  await Promise.all(wires.map((wire) => wire.close()))
  await until('there is room', isAdmitted)
})

test('channels over the bound of the app are refused; left ones make room', async () => {
  const wire = await Wire.open(it.server, APP)
  for (let index = 0; index < CHANNELS_MAX; index++) await wire.join(APP, `channel-${index}`)
  wire.subscribe('channel-too-many')
  await wire.next('pusher:subscription_error', 'channel-too-many')
  await wire.join(APP, 'channel-0')
  const neighbour = await Wire.open(it.server, NEIGHBOUR)
  await neighbour.join(NEIGHBOUR, 'channel-too-many')
  wire.send({ event: 'pusher:unsubscribe', data: { channel: 'channel-0' } })
  await wire.join(APP, 'channel-too-many')
  await Promise.all([wire.close(), neighbour.close()])
})

test('publishing to thousands of cache channels neither fails the server nor its subscribers', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'private-witness')
  for (let index = 0; index < 3_000; index += 100) {
    const channels = Array.from({ length: 100 }, (_none, offset) => `cache-${index + offset}`)
    const answer = await post(it.server, APP, ['/events', { name: 'e', data: 'x', channels }])
    assert.ok(answer.status === 200 || answer.status === 400 || answer.status === 429, answer.body)
  }
  await publish(it.server, APP, { channel: 'private-witness', name: 'alive', data: '1' })
  await wire.next('alive')
  await wire.join(APP, 'cache-2999')
  await wire.fence()
  const answered = wire.all('e').length + wire.all('pusher:cache_miss').length
  assert.equal(answered, 1, 'either kept or missed, never neither')
  await wire.close()
})
