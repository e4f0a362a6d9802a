/** Cache channels: the last published event for whoever comes later. */
import assert from 'node:assert/strict'
import { library, subscribed } from '../support/clients.ts'
import { get, post, publish } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { collect, nextEvent, until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('cache', { clientMessages: true })
const BRIEF = app('brief', { cacheTtlMs: 1000 })

const it = serving({ apps: [APP, BRIEF] })

const KINDS = ['cache-', 'private-cache-', 'private-encrypted-cache-', 'presence-cache-']

/** Joins a channel on a new socket, with channel data where the kind wants them. */
async function joined(channel: string, target = APP): Promise<Wire> {
  const wire = await Wire.open(it.server, target)
  const member = channel.startsWith('presence-') ? '{"user_id":"m"}' : undefined
  await wire.join(target, channel, member)
  await wire.fence()
  return wire
}

for (const prefix of KINDS) {
  test(`"${prefix}x" says cache_miss while empty and replays the last event afterwards`, async () => {
    const channel = `${prefix}replay`
    const first = await joined(channel)
    const misses = first.all('pusher:cache_miss')
    assert.deepEqual(misses, [{ event: 'pusher:cache_miss', channel, data: '{}' }])

    await publish(it.server, APP, { channel, name: 'old', data: '"1"' })
    await publish(it.server, APP, { channel, name: 'new', data: '{"n": 2}' })
    const second = await joined(channel)
    const at = second.frames.findIndex(
      ({ event }) => event === 'pusher_internal:subscription_succeeded',
    )
    assert.deepEqual(second.frames[at + 1], { event: 'new', channel, data: '{"n": 2}' })
    assert.equal(second.all('pusher:cache_miss').length + second.all('old').length, 0)
    assert.equal(second.all('new').length, 1)
    await Promise.all([first.close(), second.close()])
  })
}

test('names that only contain "cache-" replay and miss nothing', async () => {
  for (const channel of ['mycache-x', 'private-mycache-x', 'private-encrypted-mycache-x']) {
    await publish(it.server, APP, { channel, name: 'lost', data: '{}' })
    const wire = await joined(channel)
    assert.equal(wire.all('lost').length + wire.all('pusher:cache_miss').length, 0, channel)
    await wire.close()
  }
})

test('pusher-js hears the replay and the miss on the channel', async () => {
  const client = await it.clients.connected(APP)
  const empty = client.subscribe('cache-library-empty')
  await nextEvent(empty, 'pusher:cache_miss')
  await library(it.server, APP).trigger('cache-library', 'last', { n: 1 })
  const channel = client.subscribe('cache-library')
  assert.deepEqual(await nextEvent(channel, 'last'), { n: 1 })
  client.disconnect()
})

test('pusher-js decrypts a replayed event of an encrypted cache channel', async () => {
  const name = 'private-encrypted-cache-library'
  await library(it.server, APP).trigger(name, 'secret', { n: 'κρυπτός' })
  const client = await it.clients.connected(APP)
  assert.deepEqual(await nextEvent(client.subscribe(name), 'secret'), { n: 'κρυπτός' })
  const answer = await get(it.server, APP, [`/channels/${name}`, { info: 'cache' }])
  assert.ok(!answer.body.includes('κρυπτός'))
  client.disconnect()
})

test('client events are not kept', async () => {
  const channel = 'private-cache-client'
  const sender = await joined(channel)
  const receiver = await joined(channel)
  sender.send({ event: 'client-x', channel, data: {} })
  await receiver.next('client-x')
  const late = await joined(channel)
  assert.equal(late.all('client-x').length, 0)
  assert.equal(late.all('pusher:cache_miss').length, 1)
  await Promise.all([sender.close(), receiver.close(), late.close()])
})

test('events of a batch, of many channels and with an excluded socket are kept too', async () => {
  const batch = [{ channel: 'cache-batch', name: 'in-batch', data: '1' }]
  assert.equal((await post(it.server, APP, ['/batch_events', { batch }])).status, 200)
  const excluded = await joined('cache-multi-1')
  const event = { name: 'multi', data: '2', socket_id: excluded.socketId }
  const channels = ['cache-multi-1', 'cache-multi-2']
  assert.equal((await post(it.server, APP, ['/events', { ...event, channels }])).status, 200)
  for (const [channel, name] of [
    ['cache-batch', 'in-batch'],
    ['cache-multi-1', 'multi'],
    ['cache-multi-2', 'multi'],
  ] as const) {
    const wire = await joined(channel)
    assert.equal(wire.all(name, channel).length, 1)
    await wire.close()
  }
  assert.equal(excluded.all('multi').length, 0)
  await excluded.close()
})

test('info=cache shows data and seconds left, or null', async () => {
  await publish(it.server, APP, { channel: 'cache-info', name: 'e', data: '{"shown":true}' })
  const full = await get(it.server, APP, ['/channels/cache-info', { info: 'cache' }])
  const { cache } = JSON.parse(full.body) as { cache: { data: string; ttl: number } }
  assert.equal(cache.data, '{"shown":true}')
  assert.ok(Number.isInteger(cache.ttl) && cache.ttl > 0, full.body)
  const empty = await get(it.server, APP, ['/channels/cache-nothing', { info: 'cache' }])
  assert.equal((JSON.parse(empty.body) as { cache: unknown }).cache, null)
})

test('a kept event is gone after its time', async () => {
  await publish(it.server, BRIEF, { channel: 'cache-brief', name: 'short', data: '1' })
  const early = await joined('cache-brief', BRIEF)
  assert.equal(early.all('short').length, 1)
  await early.close()
  await until('the event has expired', async () => {
    const wire = await joined('cache-brief', BRIEF)
    const isMissed = wire.all('pusher:cache_miss').length === 1
    assert.equal(wire.all('short').length, isMissed ? 0 : 1)
    await wire.close()
    return isMissed
  })
})

test('what one app keeps another never replays', async () => {
  await publish(it.server, APP, { channel: 'cache-own', name: 'mine', data: '1' })
  const wire = await joined('cache-own', BRIEF)
  assert.equal(wire.all('mine').length, 0)
  assert.equal(wire.all('pusher:cache_miss').length, 1)
  await wire.close()
})

test('a replayed event is followed by live ones, each once and in order', async () => {
  const client = await it.clients.connected(APP)
  await library(it.server, APP).trigger('cache-order', 'n', 0)
  const channel = client.subscribe('cache-order')
  const heard = collect<number>(channel, 'n')
  await subscribed(client, 'cache-order')
  for (let n = 1; n <= 20; n++) await library(it.server, APP).trigger('cache-order', 'n', n)
  await until('all events', () => heard.length >= 21)
  assert.deepEqual(
    heard,
    Array.from({ length: 21 }, (_none, n) => n),
  )
  client.disconnect()
})
