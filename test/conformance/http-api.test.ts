/** The HTTP API through the unmodified `pusher` library. */
import assert from 'node:assert/strict'
import type PusherServer from 'pusher'
import { library, subscribed } from '../support/clients.ts'
import { post } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { nextEvent } from '../support/wait.ts'
import { dataOf, Wire } from '../support/wire.ts'

const APP = app('api', {
  moreKeys: [{ key: 'api-second', secret: 'second-secret-0123456789' }],
})
const LARGE = app('large', { eventDataBytesMax: 20_480 })
const OTHER = app('other')

const it = serving({ apps: [APP, LARGE, OTHER] })

function backend(pair?: { readonly key: string; readonly secret: string }): PusherServer {
  return library(it.server, APP, pair)
}

async function joined(...channels: string[]): Promise<Wire> {
  const wire = await Wire.open(it.server, APP)
  for (const channel of channels) {
    const isPresence = channel.startsWith('presence-')
    await wire.join(APP, channel, isPresence ? '{"user_id":"1"}' : undefined)
  }
  return wire
}

/** What the library throws for a refused call. */
async function statusOf(promise: Promise<unknown>): Promise<number | undefined> {
  try {
    await promise
    return 200
  } catch (error) {
    return (error as PusherServer.RequestError).status
  }
}

test('trigger, triggerBatch and terminateUserConnections answer exactly {}', async () => {
  const answers = [
    await backend().trigger('news', 'e', { a: 1 }),
    await backend().triggerBatch([{ channel: 'news', name: 'e', data: { a: 1 } }]),
    await backend().terminateUserConnections('nobody'),
    await backend().sendToUser('nobody', 'e', {}),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal(await answer.text(), '{}')
  }
})

test('an event arrives with the data string exactly as published', async () => {
  const wire = await joined('strings')
  const texts = ['plain', '', '{"a":  1}', '"quoted"', '\u0000\u001f"\\/\u2028é✓😀', '[1,2', '0']
  for (const data of texts) {
    await backend().trigger('strings', 'e', data)
    assert.deepEqual(await wire.next('e'), { event: 'e', channel: 'strings', data })
  }
  await wire.close()
})

test('one call reaches a hundred channels, each with its own name; 101 are refused', async () => {
  const channels = Array.from({ length: 100 }, (_none, index) => `wide-${index}`)
  const wire = await joined('wide-0', 'wide-57', 'wide-99')
  await backend().trigger(channels, 'e', 'x')
  const heard = [await wire.next('e'), await wire.next('e'), await wire.next('e')]
  assert.deepEqual(
    heard.map(({ channel }) => channel),
    ['wide-0', 'wide-57', 'wide-99'],
  )
  const body = { name: 'refused', data: 'x', channels: [...channels, 'wide-100'] }
  assert.equal((await post(it.server, APP, ['/events', body])).status, 400)
  await wire.fence()
  assert.equal(wire.all('refused').length, 0)
  await wire.close()
})

test('a batch of 10 is delivered in order, one of 11 not at all', async () => {
  const wire = await joined('batch')
  const batch = (count: number, name: string): PusherServer.BatchEvent[] =>
    Array.from({ length: count }, (_none, index) => ({ channel: 'batch', name, data: `${index}` }))
  await backend().triggerBatch(batch(10, 'ten'))
  for (let index = 0; index < 10; index++) assert.equal((await wire.next('ten')).data, `${index}`)
  assert.equal(await statusOf(backend().triggerBatch(batch(11, 'eleven'))), 400)
  assert.equal((await post(it.server, APP, ['/batch_events', { batch: [] }])).status < 500, true)
  await wire.fence()
  assert.equal(wire.all('eleven').length, 0)
  await wire.close()
})

test('a batch with one bad event publishes none of its events', async () => {
  const wire = await joined('atomic')
  const batch = [
    { channel: 'atomic', name: 'good', data: 'x' },
    { channel: 'not a channel', name: 'bad', data: 'x' },
  ]
  assert.equal((await post(it.server, APP, ['/batch_events', { batch }])).status, 400)
  await wire.fence()
  assert.equal(wire.all('good').length, 0)
  await wire.close()
})

test('data of 10,240 bytes pass and 10,241 get 413, counted in bytes', async () => {
  const wire = await joined('size')
  const fits = ['x'.repeat(10_240), 'é'.repeat(5_120), '"'.repeat(10_240)]
  for (const data of fits) {
    assert.equal(await statusOf(backend().trigger('size', 'e', data)), 200)
    assert.equal((await wire.next('e')).data, data)
  }
  for (const data of ['x'.repeat(10_241), `${'é'.repeat(5_120)}x`]) {
    assert.equal(await statusOf(backend().trigger('size', 'over', data)), 413)
    const batch = [{ channel: 'size', name: 'over', data }]
    assert.equal(await statusOf(backend().triggerBatch(batch)), 413)
  }
  await wire.fence()
  assert.equal(wire.all('over').length, 0)
  await wire.close()
})

test('the data limit is a setting of the app', async () => {
  const large = library(it.server, LARGE)
  assert.equal(await statusOf(large.trigger('size', 'e', 'x'.repeat(20_480))), 200)
  assert.equal(await statusOf(large.trigger('size', 'e', 'x'.repeat(20_481))), 413)
})

test('the socket named in socket_id is the only one left out', async () => {
  const [author, reader] = [await joined('edit', 'edit-2'), await joined('edit', 'edit-2')]
  await backend().trigger(['edit', 'edit-2'], 'changed', 'x', { socket_id: author.socketId })
  await reader.next('changed', 'edit')
  await reader.next('changed', 'edit-2')
  const batch = [{ channel: 'edit', name: 'batched', data: 'x', socket_id: author.socketId }]
  await backend().triggerBatch(batch)
  await reader.next('batched')
  await author.fence()
  assert.equal(author.all('changed').length + author.all('batched').length, 0)
  const gone = { name: 'e', data: 'x', channel: 'edit', socket_id: '1.1' }
  assert.equal((await post(it.server, APP, ['/events', gone])).status, 200)
  for (const socketId of ['abc', '1', '', 7]) {
    const answer = await post(it.server, APP, ['/events', { ...gone, socket_id: socketId }])
    assert.equal(answer.status, 400, `socket_id ${socketId}`)
  }
  await Promise.all([author.close(), reader.close()])
})

test('info on a publish tells counts per channel', async () => {
  const wires = [await joined('counted', 'presence-counted'), await joined('counted')]
  const params = { info: 'subscription_count' }
  const one = await backend().trigger('counted', 'e', 'x', params)
  assert.deepEqual(await one.json(), { channels: { counted: { subscription_count: 2 } } })
  const both = await backend().trigger('presence-counted', 'e', 'x', {
    info: 'user_count,subscription_count',
  })
  assert.deepEqual(await both.json(), {
    channels: { 'presence-counted': { user_count: 1, subscription_count: 1 } },
  })
  const batch = await backend().triggerBatch([
    { channel: 'counted', name: 'e', data: 'x', ...params },
    { channel: 'counted', name: 'e', data: 'x' },
  ])
  assert.deepEqual(await batch.json(), { batch: [{ subscription_count: 2 }, {}] })
  await Promise.all(wires.map((wire) => wire.close()))
})

test('GET /channels lists what is occupied now, by prefix and with user counts', async () => {
  const wire = await joined('list-public', 'private-list', 'presence-list')
  const all = await backend().get({ path: '/channels' })
  const { channels } = (await all.json()) as { channels: Record<string, unknown> }
  assert.deepEqual(channels['list-public'], {})
  assert.ok('private-list' in channels && 'presence-list' in channels)
  const present = await backend().get({
    path: '/channels',
    params: { filter_by_prefix: 'presence-l', info: 'user_count' },
  })
  assert.deepEqual(await present.json(), { channels: { 'presence-list': { user_count: 1 } } })
  const counts = { path: '/channels', params: { info: 'user_count' } }
  assert.equal(await statusOf(backend().get(counts)), 400)
  const wrong = { info: 'user_count', filter_by_prefix: 'private-' }
  assert.equal(await statusOf(backend().get({ path: '/channels', params: wrong })), 400)
  await wire.close()
  const after = await backend().get({ path: '/channels', params: { filter_by_prefix: 'list-' } })
  assert.deepEqual(await after.json(), { channels: {} })
})

test('GET /channels/x tells occupancy and the counts asked for', async () => {
  const wire = await joined('single', 'presence-single')
  const read = async (path: string, info?: string): Promise<unknown> =>
    (await backend().get({ path, params: info === undefined ? {} : { info } })).json()
  assert.deepEqual(await read('/channels/single'), { occupied: true })
  assert.deepEqual(await read('/channels/single', 'subscription_count'), {
    occupied: true,
    subscription_count: 1,
  })
  assert.deepEqual(await read('/channels/presence-single', 'user_count,subscription_count'), {
    occupied: true,
    user_count: 1,
    subscription_count: 1,
  })
  assert.equal(((await read('/channels/empty')) as { occupied: boolean }).occupied, false)
  const wrong = { path: '/channels/single', params: { info: 'user_count' } }
  assert.equal(await statusOf(backend().get(wrong)), 400)
  assert.ok([400, 404].includes((await statusOf(backend().get({ path: '/channels/a%20b' }))) ?? 0))
  await wire.close()
})

test('GET users lists the members of a presence channel and refuses other kinds', async () => {
  const wire = await joined('presence-users', 'private-users')
  const users = await backend().get({ path: '/channels/presence-users/users' })
  assert.deepEqual(await users.json(), { users: [{ id: '1' }] })
  assert.equal(await statusOf(backend().get({ path: '/channels/private-users/users' })), 400)
  assert.equal(await statusOf(backend().get({ path: '/channels/public/users' })), 400)
  const nobody = await backend().get({ path: '/channels/presence-empty/users' })
  assert.deepEqual(await nobody.json(), { users: [] })
  await wire.close()
})

test('an encrypted event is readable by pusher-js and by nobody in between', async () => {
  const name = 'private-encrypted-safe'
  const client = await it.clients.connected(APP)
  const wire = await joined(name)
  const channel = await subscribed(client, name)
  const heard = nextEvent<unknown>(channel, 'secret')
  await backend().trigger(name, 'secret', { pin: '4711 ✓' })
  assert.deepEqual(await heard, { pin: '4711 ✓' })
  const raw = dataOf(await wire.next('secret')) as { nonce: string; ciphertext: string }
  assert.deepEqual(Object.keys(raw).sort(), ['ciphertext', 'nonce'])
  const batched = nextEvent<unknown>(channel, 'batched')
  await backend().triggerBatch([{ channel: name, name: 'batched', data: { pin: '0815' } }])
  assert.deepEqual(await batched, { pin: '0815' })
  client.disconnect()
  await wire.close()
})

test('every key of the app signs calls; a key of another app signs none', async () => {
  const second = APP.moreKeys?.[0]
  assert.equal(await statusOf(backend(second).trigger('keys', 'e', 'x')), 200)
  assert.equal(await statusOf(backend(OTHER).trigger('keys', 'e', 'x')), 401)
  const mixed = { key: APP.key, secret: second?.secret ?? '' }
  assert.equal(await statusOf(backend(mixed).trigger('keys', 'e', 'x')), 401)
})
