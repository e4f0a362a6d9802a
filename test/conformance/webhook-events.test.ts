/**
 * What webhooks tell, from unmodified clients on one side to a receiver with the libraries of the
 * peers on the other.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { Administration, ownerKey } from '../support/administration.ts'
import { Clients, library, subscribed } from '../support/clients.ts'
import { EventReceiver, type StandardBody } from '../support/event-receiver.ts'
import { post } from '../support/http.ts'
import { type AppConfig, app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const OPEN = { clientMessages: true, subscriptionCount: true }
const PUSHER = app('hooks-pusher', OPEN)
const STANDARD = app('hooks-standard', OPEN)
const DURABLE = app('hooks-durable', OPEN)
const LIMITED = app('hooks-limited', { limits: ['http_publish.app 3/60s'] })
const APPS = [PUSHER, STANDARD, DURABLE, LIMITED]
/** Receivers of the tests are on this machine. */
const CONFIG = { outbound: { allowedNetworks: ['127.0.0.0/8'] } }
const DELAY_MS = 3_000

const PUSHER_EVENTS = [
  'channel.occupied',
  'channel.vacated',
  'presence.enter',
  'presence.leave',
  'client_event',
  'cache_miss',
  'subscription_count',
]

let dataDir = ''
let server: LiveServer
let receiver: EventReceiver
const clients = new Clients(() => server)
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-hooks-'))
  server = await startServer({ apps: APPS, dataDir, config: CONFIG })
  receiver = await EventReceiver.open()
})
after(async () => {
  clients.closeAll()
  await server.stop()
  await receiver.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** @returns the secret of a Standard endpoint; empty for a Pusher one. */
async function endpoint(
  target: AppConfig,
  events: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const body = { name: `hooks ${events[0]}`, receiverUrl: receiver.url, events, ...more }
  const made = await admin.done('webhooks.create', { parameters: { appId: target.id }, body })
  return made.value ?? ''
}

const byText = (one: unknown, other: unknown) => String(one).localeCompare(String(other))

interface PusherEvent {
  readonly name: string
  readonly channel: string
  readonly [field: string]: unknown
}

/** Everything that came, each body verified by npm `pusher`. */
function pusherEvents(): PusherEvent[] {
  return receiver.all.flatMap(({ headers, rawBody }) => {
    const given = { headers: headers as Record<string, string>, rawBody }
    const webhook = library(server, PUSHER).webhook(given)
    assert.ok(webhook.isValid(), rawBody)
    assert.equal(headers['content-type'], 'application/json')
    return webhook.getEvents() as unknown as PusherEvent[]
  })
}

test('pusher-js makes all seven events, and npm pusher takes each of them', async () => {
  await endpoint(PUSHER, PUSHER_EVENTS, { format: 'pusher' })
  const identity = { member: { user_id: 'u7', user_info: { name: 'Ada' } } }
  const one = await clients.connected(PUSHER, identity)
  const presence = await subscribed(one, 'presence-room')
  await subscribed(one, 'cache-prices')
  presence.trigger('client-typing', { on: true })
  const socketId = one.connection.socket_id
  const room = { channel: 'presence-room' }
  await until('the client event is told', () =>
    pusherEvents().some(({ name }) => name === 'client_event'),
  )
  one.disconnect()
  const wanted: readonly PusherEvent[] = [
    { name: 'channel_occupied', ...room },
    { name: 'member_added', ...room, user_id: 'u7' },
    { name: 'channel_occupied', channel: 'cache-prices' },
    { name: 'cache_miss', channel: 'cache-prices' },
    { name: 'subscription_count', channel: 'cache-prices', subscription_count: 1 },
    {
      name: 'client_event',
      ...room,
      event: 'client-typing',
      data: '{"on":true}',
      socket_id: socketId,
      user_id: 'u7',
    },
    { name: 'subscription_count', channel: 'cache-prices', subscription_count: 0 },
    { name: 'member_removed', ...room, user_id: 'u7' },
    { name: 'channel_vacated', ...room },
    { name: 'channel_vacated', channel: 'cache-prices' },
  ]
  await until('everything arrived', () => pusherEvents().length >= wanted.length)
  const key = (event: PusherEvent) => JSON.stringify(event)
  assert.deepEqual(pusherEvents().map(key).toSorted(), wanted.map(key).toSorted())
})

test('of a page that is loaded again nothing is told', async () => {
  receiver.all.length = 0
  const identity = { member: { user_id: 'u8' } }
  const first = await clients.connected(PUSHER, identity)
  await subscribed(first, 'presence-reload')
  await until('the arrival is told', () => pusherEvents().length === 2)
  for (let round = 0; round < 3; round++) {
    first.disconnect()
    first.connect()
    await until('it is back', () => first.channel('presence-reload').subscribed)
  }
  await pause(DELAY_MS + 500)
  assert.deepEqual(
    pusherEvents().map(({ name }) => name),
    ['channel_occupied', 'member_added'],
  )
})

test('an endpoint of the Standard form is told what it asks for, verified by its library', async () => {
  receiver.all.length = 0
  const events = [
    'connection.opened',
    'connection.closed',
    'message.published',
    'auth.failed',
    'credential.changed',
    'credential.rotated',
  ]
  const secret = await endpoint(STANDARD, events)
  const client = await clients.connected(STANDARD)
  await library(server, STANDARD).trigger('news', 'article', { id: 1 })
  for (let index = 0; index < 5; index++) {
    const forged = { ...STANDARD, secret: 'not-the-secret-0123456789' }
    const answer = await post(server, forged, ['/events', { name: 'e', channel: 'c', data: '' }])
    assert.equal(answer.status, 401)
  }
  const { items } = await admin.done('credentials.list', { parameters: { appId: STANDARD.id } })
  const signing = items.find(({ kind }) => kind === 'signing_secret')
  assert.ok(signing !== undefined)
  const parameters = { credentialId: signing.id }
  const rotated = await admin.done('credentials.rotate', { parameters, body: {} })
  client.disconnect()
  const types = () => receiver.standard().map(({ type }) => type)
  await until('the end is told', () => types().includes('connection.closed'))
  await until('the rotation is told', () => types().includes('credential.rotated'))
  const webhook = new Webhook(secret)
  for (const { headers, rawBody } of receiver.all) {
    assert.ok(webhook.verify(rawBody, headers as Record<string, string>))
    for (const hidden of [STANDARD.secret, secret, rotated.value ?? 'none']) {
      assert.ok(!rawBody.includes(hidden), 'a secret in a body')
    }
  }
  const told = (type: string) => receiver.standard().filter((each) => each.type === type)
  assert.deepEqual(told('message.published')[0]?.data, {
    appId: STANDARD.id,
    channel: 'news',
    event: 'article',
    data: '{"id":1}',
  })
  // One now, the other four with the minute: a flood of failures is no flood of webhooks.
  assert.equal(told('auth.failed').length, 1)
  assert.equal(told('auth.failed')[0]?.data['count'], 1)
  assert.equal(told('credential.rotated')[0]?.data['credentialId'], signing.id)
  assert.equal(told('connection.opened').length, 1)
  assert.equal(told('connection.closed')[0]?.data['reason'], 'client')
  assert.equal(told('connection.closed')[0]?.data['ip'], '127.0.0.1')
})

test('who goes over a limit is told of in one webhook, however often', async () => {
  receiver.all.length = 0
  await endpoint(LIMITED, ['rate_limit.exceeded', 'rate_limit.warned'])
  const statuses: number[] = []
  for (let index = 0; index < 8; index++) {
    const answer = await post(server, LIMITED, ['/events', { name: 'e', channel: 'c', data: '' }])
    statuses.push(answer.status)
  }
  assert.deepEqual(statuses, [200, 200, 200, 429, 429, 429, 429, 429])
  await until('both are told', () => receiver.all.length >= 2)
  const told = receiver.standard().map(({ type, data }) => [type, data['limit'], data['count']])
  assert.deepEqual(told.toSorted(byText), [
    ['rate_limit.exceeded', 'http_publish.app', 1],
    ['rate_limit.warned', 'http_publish.app', 1],
  ])
})

test('an endpoint that is gone is disabled, and the others of its app are told', async () => {
  receiver.all.length = 0
  const gone = await EventReceiver.open()
  gone.status = 410
  try {
    await endpoint(PUSHER, ['webhook.disabled'])
    const body = { name: 'gone', receiverUrl: gone.url, events: ['message.published'] }
    const made = await admin.done('webhooks.create', { parameters: { appId: PUSHER.id }, body })
    await library(server, PUSHER).trigger('news', 'e', '1')
    const disabled = () =>
      receiver.all.filter(({ rawBody }) => rawBody.includes('webhook.disabled'))
    await until('it is told', () => disabled().length > 0)
    const { data } = JSON.parse(disabled()[0]?.rawBody ?? '') as StandardBody
    assert.deepEqual(data, { appId: PUSHER.id, endpointId: made.webhook.id, reason: 'gone' })
  } finally {
    await gone.close()
  }
})

test('an endpoint with a filter is told of its channels only', async () => {
  receiver.all.length = 0
  const filter = { channelPrefix: 'shop-', channelSuffix: '-eu' }
  await endpoint(DURABLE, ['message.published'], filter)
  const backend = library(server, DURABLE)
  for (const channel of ['shop-1-us', 'news-eu', 'shop-1-eu']) {
    await backend.trigger(channel, 'e', channel)
  }
  await until('the one is told', () => receiver.all.length > 0)
  assert.deepEqual(
    receiver.standard().map(({ data }) => data['channel']),
    ['shop-1-eu'],
  )
})

test('what a publish was answered for is told, though the server is killed at once', async () => {
  receiver.all.length = 0
  const { url } = receiver
  const port = Number(new URL(url).port)
  await receiver.close()
  const backend = library(server, DURABLE)
  const channels = Array.from({ length: 20 }, (_, index) => `shop-${index}-eu`)
  await Promise.all(channels.map((channel) => backend.trigger(channel, 'kept', '1')))
  await server.killHard()
  receiver = await EventReceiver.open(port)
  server = await startServer({ apps: APPS, dataDir, config: CONFIG })
  // Others may come again: a server that was killed does not know what had arrived.
  const published = () => receiver.standard().filter(({ type }) => type === 'message.published')
  const heard = () => new Set(published().map(({ data }) => String(data['channel'])))
  await until('each is told', () => heard().size >= channels.length, 60_000)
  assert.deepEqual([...heard()].toSorted(), channels.toSorted())
})

test('a departure that waits when the server is asked to stop is told before it ends', async () => {
  receiver.all.length = 0
  await endpoint(DURABLE, ['channel.vacated'])
  const client = await clients.connected(DURABLE)
  await subscribed(client, 'leaving')
  client.disconnect()
  await server.stop()
  server = await startServer({ apps: APPS, dataDir, config: CONFIG })
  // Others may come again: a server that was killed does not know what had arrived.
  const vacated = () => receiver.standard().filter(({ type }) => type === 'channel.vacated')
  await until('it is told', () => vacated().length > 0)
  assert.deepEqual(
    vacated().map(({ data }) => data['channel']),
    ['leaving'],
  )
})
