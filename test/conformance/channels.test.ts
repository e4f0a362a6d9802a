/** Every kind of channel with pusher-js 8, and every way to be refused one. */
import assert from 'node:assert/strict'
import { library, subscribed } from '../support/clients.ts'
import { get, publish } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { channelAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { collect, nextEvent, until } from '../support/wait.ts'
import { dataOf, Wire } from '../support/wire.ts'

const APP = app('channels')
const COUNTING = app('counting', { subscriptionCount: true })
const OTHER = app('other')
const SUBSCRIPTIONS_MAX = 40

const it = serving({
  apps: [APP, COUNTING, OTHER],
  config: { limits: { subscriptionCountMax: SUBSCRIPTIONS_MAX } },
})

const AUTHORIZED_PREFIXES = [
  'private-',
  'private-cache-',
  'private-encrypted-',
  'private-encrypted-cache-',
  'presence-',
  'presence-cache-',
  'private-mycache-',
  'private-cache-cache-',
  'presence-mycache-',
  'private-encrypted-mycache-',
]
const KINDS = ['', 'cache-', ...AUTHORIZED_PREFIXES]
const MEMBER = { user_id: 'u1', user_info: { name: 'One' } }

for (const prefix of KINDS) {
  test(`pusher-js receives an event on "${prefix}x" and nothing after it unsubscribed`, async () => {
    const client = await it.clients.connected(APP, { member: MEMBER })
    const name = `${prefix}kinds`
    const channel = await subscribed(client, name)
    const heard = collect<unknown>(channel, 'greeting')
    await library(it.server, APP).trigger(name, 'greeting', { text: 'hello ✓', n: 1 })
    await until('the event', () => heard.length > 0)
    assert.deepEqual(heard, [{ text: 'hello ✓', n: 1 }])

    client.unsubscribe(name)
    await until('the channel is vacated', async () => {
      const answer = await get(it.server, APP, [`/channels/${name}`])
      return !(JSON.parse(answer.body) as { occupied: boolean }).occupied
    })
    await library(it.server, APP).trigger(name, 'greeting', { text: 'too late' })
    await subscribed(client, 'after-it') // arrives after whatever was sent before
    assert.equal(heard.length, 1)
    client.disconnect()
  })
}

for (const prefix of AUTHORIZED_PREFIXES) {
  test(`a wrong signature on "${prefix}x" reaches the channel as subscription_error`, async () => {
    const channelData = prefix.startsWith('presence-') ? JSON.stringify(MEMBER) : undefined
    const client = await it.clients.connected(APP, {
      options: {
        channelAuthorization: {
          customHandler: (_params, callback) => {
            const auth = `${APP.key}:${'0'.repeat(64)}`
            const shared = { shared_secret: 'nlr49ISQHz91yS3cy/yWmW8wFMNeTnNL5tNHnbPJcLQ=' }
            const data = channelData === undefined ? {} : { channel_data: channelData }
            callback(null, { auth, ...shared, ...data })
          },
        },
      },
    })
    const socketId = client.connection.socket_id
    const channel = client.subscribe(`${prefix}forged`)
    const heard = collect<unknown>(channel, 'secret')
    const error = await nextEvent<{ type: string; status: number }>(
      channel,
      'pusher:subscription_error',
    )
    assert.equal(error.type, 'AuthError')
    assert.equal(error.status, 401)
    assert.equal(channel.subscribed, false)
    await publish(it.server, APP, { channel: `${prefix}forged`, name: 'secret', data: '{}' })
    await subscribed(client, 'after-the-secret')
    assert.deepEqual(heard, [])
    assert.equal(client.connection.socket_id, socketId, 'the socket stays')
    client.disconnect()
  })
}

test('no damaged, borrowed or missing signature joins a channel, and the socket stays', async () => {
  const wire = await Wire.open(it.server, APP)
  const stranger = await Wire.open(it.server, APP)
  for (const prefix of AUTHORIZED_PREFIXES) {
    const name = `${prefix}strict`
    const data = prefix.startsWith('presence-') ? JSON.stringify(MEMBER) : undefined
    const signed = data === undefined ? [name] : [name, data]
    const good = channelAuth(APP, wire.socketId, ...signed)
    const attempts = [
      undefined,
      '',
      ':',
      good.slice(0, -1),
      `${good}0`,
      good.replace(`${APP.key}:`, ''),
      good.replace(APP.key, OTHER.key),
      good.replace(APP.key, 'no-such-key'),
      channelAuth(APP, stranger.socketId, ...signed),
      channelAuth(APP, wire.socketId, `${name}2`, ...signed.slice(1)),
      channelAuth(OTHER, wire.socketId, ...signed),
      channelAuth({ key: APP.key, secret: OTHER.secret }, wire.socketId, ...signed),
      channelAuth(APP, wire.socketId, name, '{"user_id":"somebody else"}'),
      `${APP.key}:${'\u0000'.repeat(64)}`,
      'x'.repeat(5000),
    ]
    for (const auth of attempts) {
      wire.subscribe(name, auth, data)
      const error = await wire.next('pusher:subscription_error', name)
      assert.equal((error.data as { status: number }).status, 401, JSON.stringify(error))
    }
    assert.equal(wire.all('pusher_internal:subscription_succeeded', name).length, 0)
    wire.subscribe(name, good, data)
    await wire.next('pusher_internal:subscription_succeeded', name)
  }
  await Promise.all([wire.close(), stranger.close()])
})

test('a private channel with channel_data is joined when the data are signed too', async () => {
  const wire = await Wire.open(it.server, APP)
  for (const prefix of ['private-', 'private-cache-', 'private-encrypted-']) {
    const name = `${prefix}data`
    const data = '{"user_id":"7", "spaces":  "kept"}'
    wire.subscribe(name, channelAuth(APP, wire.socketId, name), data)
    await wire.next('pusher:subscription_error', name)
    wire.subscribe(name, channelAuth(APP, wire.socketId, name, data), data)
    await wire.next('pusher_internal:subscription_succeeded', name)
  }
  await wire.close()
})

test('names outside the alphabet are refused even with a good signature', async () => {
  const names = [
    'with space',
    'private-a:b',
    'private-a/b',
    'private-é',
    'room#users',
    '#else',
    '[meta]private-a',
    '*',
    'private-*',
    ':user::{"id":"victim"}',
    'private-a\n',
    'x'.repeat(201),
    `private-${'x'.repeat(193)}`,
  ]
  const wire = await Wire.open(it.server, APP)
  for (const name of names) {
    wire.subscribe(name, channelAuth(APP, wire.socketId, name))
    await wire.next('pusher:subscription_error', name)
  }
  const longest = `private-${'x'.repeat(192)}`
  await wire.join(APP, longest)
  await wire.join(APP, 'AZaz09_-=@,.;')
  await wire.fence()
  await wire.close()
})

test('subscribing twice answers twice and counts once', async () => {
  const wire = await Wire.open(it.server, APP)
  const witness = await Wire.open(it.server, APP)
  for (const channel of ['twice', 'private-twice']) {
    await witness.join(APP, channel)
    await wire.join(APP, channel)
    await wire.join(APP, channel)
    const answer = await get(it.server, APP, [
      `/channels/${channel}`,
      { info: 'subscription_count' },
    ])
    assert.equal((JSON.parse(answer.body) as { subscription_count: number }).subscription_count, 2)
    await publish(it.server, APP, { channel, name: 'once', data: '1' })
    await wire.next('once', channel)
    await wire.fence()
    assert.equal(wire.all('once', channel).length, 1)

    wire.send({ event: 'pusher:unsubscribe', data: { channel } })
    await wire.fence()
    await publish(it.server, APP, { channel, name: 'gone', data: '1' })
    await witness.next('gone', channel)
    await wire.fence()
    assert.equal(wire.all('gone', channel).length, 0)
  }
  await Promise.all([wire.close(), witness.close()])
})

test('unsubscribing a hundred times over or from nowhere is harmless', async () => {
  const wire = await Wire.open(it.server, APP)
  for (let round = 0; round < 100; round++) {
    wire.subscribe('churn')
    wire.send({ event: 'pusher:unsubscribe', data: { channel: 'churn' } })
    wire.send({ event: 'pusher:unsubscribe', data: { channel: `never-${round}` } })
  }
  await wire.join(APP, 'churn')
  await publish(it.server, APP, { channel: 'churn', name: 'still-here', data: '1' })
  await wire.next('still-here', 'churn')
  await wire.close()
})

test('one socket holds the configured number of subscriptions and not one more', async () => {
  const wire = await Wire.open(it.server, APP)
  for (let index = 0; index < SUBSCRIPTIONS_MAX; index++) await wire.join(APP, `many-${index}`)
  wire.subscribe('one-too-many')
  await wire.next('pusher:subscription_error', 'one-too-many')
  wire.send({ event: 'pusher:unsubscribe', data: { channel: 'many-0' } })
  await wire.join(APP, 'one-too-many')
  await wire.close()
})

test('events of one app never reach the same channel of another', async () => {
  const mine = await Wire.open(it.server, APP)
  const theirs = await Wire.open(it.server, OTHER)
  await mine.join(APP, 'shared-name')
  await theirs.join(OTHER, 'shared-name')
  await publish(it.server, APP, { channel: 'shared-name', name: 'mine', data: '1' })
  await mine.next('mine')
  await publish(it.server, OTHER, { channel: 'shared-name', name: 'theirs', data: '1' })
  await theirs.next('theirs')
  await mine.fence()
  assert.equal(theirs.all('mine').length + mine.all('theirs').length, 0)
  await Promise.all([mine.close(), theirs.close()])
})

test('subscription_count tells every subscriber but those of presence channels', async () => {
  const client = await it.clients.connected(COUNTING)
  const channel = client.subscribe('counted')
  await until('a count of 1', () => Number(channel.subscriptionCount) === 1)
  const wire = await Wire.open(it.server, COUNTING)
  await wire.join(COUNTING, 'counted')
  const frame = await wire.next('pusher_internal:subscription_count', 'counted')
  assert.deepEqual(dataOf(frame), { subscription_count: 2 })
  await until('a count of 2', () => Number(channel.subscriptionCount) === 2)
  await wire.join(COUNTING, 'presence-counted', JSON.stringify(MEMBER))
  await wire.fence()
  assert.equal(wire.all('pusher_internal:subscription_count', 'presence-counted').length, 0)
  await wire.close()
  await until('a count of 1 again', () => Number(channel.subscriptionCount) === 1)
  client.disconnect()
})

test('without the switch nobody is told a subscription count', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'uncounted')
  await wire.fence()
  assert.equal(wire.all('pusher_internal:subscription_count').length, 0)
  await wire.close()
})
