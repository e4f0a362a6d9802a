import { describe, expect, test } from 'bun:test'
import { pusherWorld } from '../../../../../test/support/pusher-world.ts'
import { webhookEndpoint } from '../../../../../test/support/webhook-endpoint.ts'
import { KeptWebhooks, queueOut } from '../../../../../test/support/webhook-outbox.ts'
import type { LiveEvent } from '../../core/live-events.ts'
import { Outage } from '../../ports/outage.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { DEPARTURE_DELAY_MS } from './delayed-departures.ts'
import { RETRY_MS } from './outgoing-buffer.ts'
import { WebhookRouter } from './webhook-router.ts'
import { TROUBLE_EVERY_MS } from './webhook-troubles.ts'

const PUSHER_EVENTS = [
  'channel.occupied',
  'channel.vacated',
  'presence.enter',
  'presence.leave',
  'client_event',
  'cache_miss',
  'subscription_count',
]
const pusher = webhookEndpoint({ id: 'whe_p', format: 'pusher', events: PUSHER_EVENTS })
const SERVER = { origin: 'server', userId: undefined, exceptConnectionId: undefined } as const

function routing(...endpoints: readonly WebhookEndpointRecord[]) {
  const world = pusherWorld()
  world.directory.put({ ...world.loaded, webhookEndpoints: endpoints })
  const outbox = new KeptWebhooks()
  const lines: string[] = []
  const line = (event: string) => void lines.push(event)
  const log = { debug: line, info: line, warn: line, error: line }
  const { directory: apps, events, clock } = world
  const router = new WebhookRouter({ apps, outbox, events, clock, log })
  events.listen(router)
  const turn = async (afterMs = 0) => {
    world.time.ms += afterMs
    router.tick()
    await Bun.sleep(0)
    return outbox.take()
  }
  const publish = (channel: string, data = '1') => {
    const address = { name: channel, kind: 'public' as const, isCache: false, ownerId: undefined }
    world.hub.publish(world.space, { ...SERVER, channel: address, event: 'e', data })
  }
  return { ...world, router, outbox, turn, publish, lines }
}

function told(details: Partial<LiveEvent>): LiveEvent {
  return { atMs: 1_000, tenantId: 'tenant', appId: 'app', ...details } as LiveEvent
}

describe('an endpoint of the Pusher form', () => {
  test('gets all seven events with the fields of the contract and no others', async () => {
    const { connect, turn, time } = routing(pusher)
    const [one, other] = [connect(), connect()]
    const events = (bodies: Awaited<ReturnType<typeof turn>>) =>
      bodies.flatMap(({ body }) => body['events'])
    one.subscribe('presence-a', '{"user_id":7}')
    const arrived = [
      { name: 'channel_occupied', channel: 'presence-a' },
      { name: 'member_added', channel: 'presence-a', user_id: '7' },
    ]
    expect(await turn()).toEqual([
      { endpointId: 'whe_p', body: { time_ms: time.ms, events: arrived } },
    ])
    one.subscribe('cache-a')
    expect(events(await turn())).toEqual([
      { name: 'channel_occupied', channel: 'cache-a' },
      { name: 'cache_miss', channel: 'cache-a' },
      { name: 'subscription_count', channel: 'cache-a', subscription_count: 1 },
    ])
    other.subscribe('private-b')
    await turn()
    other.send({ event: 'client-x', channel: 'private-b', data: { a: 1 } })
    one.send({ event: 'client-y', channel: 'presence-a', data: 'z' })
    const from = (client: typeof one) => ({ socket_id: client.session.id })
    expect(events(await turn())).toEqual([
      {
        name: 'client_event',
        channel: 'private-b',
        event: 'client-x',
        data: '{"a":1}',
        ...from(other),
      },
      {
        name: 'client_event',
        channel: 'presence-a',
        event: 'client-y',
        data: '"z"',
        ...from(one),
        user_id: '7',
      },
    ])
    one.session.closed()
    expect(events(await turn())).toEqual([
      { name: 'subscription_count', channel: 'cache-a', subscription_count: 0 },
    ])
    expect(await turn(DEPARTURE_DELAY_MS - 1)).toEqual([])
    expect(events(await turn(1))).toEqual([
      { name: 'member_removed', channel: 'presence-a', user_id: '7' },
      { name: 'channel_vacated', channel: 'presence-a' },
      { name: 'channel_vacated', channel: 'cache-a' },
    ])
  })

  test('hears neither of a page that is loaded again', async () => {
    const { connect, turn } = routing(pusher)
    const client = connect()
    client.subscribe('presence-a', '{"user_id":7}')
    await turn()
    client.session.closed()
    await turn(DEPARTURE_DELAY_MS / 2)
    connect().subscribe('presence-a', '{"user_id":7}')
    expect(await turn(10 * DEPARTURE_DELAY_MS)).toEqual([])
  })

  test('gets nothing of what that form cannot say, whatever it asks for', async () => {
    const events = ['message.published', 'connection.opened', 'auth.failed']
    const { connect, publish, turn } = routing(webhookEndpoint({ format: 'pusher', events }))
    connect()
    publish('news')
    expect(await turn()).toEqual([])
  })
})

describe('an endpoint of the Standard form', () => {
  test('gets one body for each event, with its type, time and details', async () => {
    const events = ['channel.vacated', 'connection.closed', 'message.published']
    const { connect, publish, turn, time } = routing(webhookEndpoint({ events }))
    const client = connect()
    client.subscribe('private-a')
    publish('news', '{"b":2}')
    const timestamp = new Date(time.ms).toISOString()
    expect(await turn()).toEqual([
      {
        endpointId: 'whe_1',
        body: {
          type: 'message.published',
          timestamp,
          data: { appId: 'app', channel: 'news', event: 'e', data: '{"b":2}' },
        },
      },
    ])
    client.session.closed()
    const later = await turn(DEPARTURE_DELAY_MS)
    expect(later.map(({ body }) => body['type'])).toEqual(['connection.closed', 'channel.vacated'])
    // When it happened, not when the wait was over.
    expect(later[1]?.body['timestamp']).toBe(timestamp)
  })

  test('gets floods as one a minute with a count', async () => {
    const { events, turn } = routing(webhookEndpoint({ events: ['auth.failed'] }))
    const target = { kind: 'key', id: 'k' }
    const details = { reason: 'unauthenticated', ip: '192.0.2.1', protocol: 'http', target }
    for (let index = 0; index < 1_000; index++) events.tell(told({ type: 'auth.failed', details }))
    const data = { appId: 'app', ...details }
    expect((await turn()).map(({ body }) => body['data'])).toEqual([{ ...data, count: 1 }])
    expect(await turn(59_999)).toEqual([])
    expect((await turn(1)).map(({ body }) => body['data'])).toEqual([{ ...data, count: 999 }])
  })

  test('can ask for rotations alone', async () => {
    const { events, turn } = routing(webhookEndpoint({ events: ['credential.rotated'] }))
    const of = { credentialId: 'cred_1', kind: 'api_key', versionId: 'ver_1' }
    for (const action of ['secret.staged', 'secret.promoted', 'secret.fetched']) {
      events.tell(told({ type: 'credential.changed', details: { ...of, action } }))
    }
    const bodies = await turn()
    expect(bodies.map(({ body }) => [body['type'], body['data']])).toEqual([
      ['credential.rotated', { appId: 'app', ...of, action: 'secret.promoted' }],
    ])
  })

  test('is not told that it was disabled itself, nor of failed deliveries', async () => {
    const one = webhookEndpoint({ events: ['webhook.disabled', 'webhook.failed'] })
    const { events, turn } = routing(one, { ...one, id: 'whe_2' })
    const details = { endpointId: 'whe_1', reason: 'gone' }
    events.tell(told({ type: 'webhook.disabled', details }))
    const delivery = { endpointId: 'whe_1', deliveryId: 'msg_1', attempt: 1 }
    const failed = { ...delivery, outcome: '500', isDead: false }
    events.tell(told({ type: 'webhook.failed', details: failed }))
    const bodies = await turn()
    expect(bodies.map(({ endpointId, body }) => [endpointId, body['type']])).toEqual([
      ['whe_2', 'webhook.disabled'],
    ])
  })

  test('gets its channels only, and events of its app only', async () => {
    const events = ['message.published', 'alert.raised']
    const {
      publish,
      turn,
      events: live,
    } = routing(webhookEndpoint({ events, channelPrefix: 'shop-', channelSuffix: '-eu' }))
    for (const channel of ['shop-1-eu', 'shop-1-us', 'news-eu']) publish(channel)
    const details = { rule: 'auth', subject: 'app', count: 5, threshold: 3, windowMs: 60_000 }
    live.tell(told({ type: 'alert.raised', details }))
    live.tell(told({ type: 'alert.raised', details, appId: 'other' }))
    live.tell(told({ type: 'alert.raised', details, appId: undefined }))
    const bodies = await turn()
    expect(bodies.map(({ body }) => body['type'])).toEqual(['message.published', 'alert.raised'])
  })
})

describe('a publish', () => {
  const published = webhookEndpoint({ events: ['message.published'], channelPrefix: 'news' })

  test('has nothing to wait for where nobody wants its webhook', async () => {
    const { router, publish } = routing(pusher)
    publish('news')
    expect(router.settle('app')).toBeUndefined()
    const other = routing(published)
    other.publish('other')
    expect(other.router.settle('app')).toBeUndefined()
  })

  test('waits until its webhook is durable', async () => {
    const { router, publish, outbox } = routing(published)
    const release = outbox.hold()
    publish('news')
    let isSettled = false
    const settled = router.settle('app')?.then(() => {
      isSettled = true
    })
    expect(settled).toBeDefined()
    await Bun.sleep(0)
    expect(isSettled).toBe(false)
    release()
    await settled
    expect(outbox.take()).toHaveLength(1)
    expect(router.settle('app')).toBeUndefined()
  })

  test('is told of an outage, its webhook is kept, and trouble is told now and then', async () => {
    const { router, publish, outbox, turn, events, lines } = routing(published)
    const failed: LiveEvent[] = []
    const wants = (type: string) => type === 'webhook.failed'
    events.listen({ wants, hear: (event) => void failed.push(event) })
    outbox.failure = queueOut()
    for (let index = 0; index < 3; index++) {
      publish('news')
      const outcome = await router.settle('app')?.then(
        () => 'taken',
        (error: unknown) => error,
      )
      expect(outcome).toBeInstanceOf(Outage)
    }
    expect(failed).toMatchObject([
      {
        appId: 'app',
        details: { endpointId: 'whe_1', outcome: 'queue_unavailable', isDead: false },
      },
    ])
    expect(lines).toEqual(['webhook_queue_out'])
    await turn(TROUBLE_EVERY_MS)
    expect(failed).toHaveLength(2)
    outbox.failure = undefined
    expect(await turn(RETRY_MS)).toHaveLength(3)
  })
})

test('at the end what waits is told at once: departures, counts and batches', async () => {
  const standard = webhookEndpoint({ events: ['channel.vacated', 'auth.failed'] })
  const { connect, router, outbox, events } = routing(pusher, standard)
  const client = connect()
  client.subscribe('private-a')
  client.session.closed()
  const details = { reason: 'r', ip: '', protocol: 'http', target: { kind: 'key', id: 'k' } }
  for (let index = 0; index < 3; index++) events.tell(told({ type: 'auth.failed', details }))
  await router.finish()
  const bodies = outbox.take().map(({ body }) => body)
  expect(bodies.flatMap(({ type }) => type ?? [])).toEqual([
    'auth.failed',
    'channel.vacated',
    'auth.failed',
  ])
  const names = bodies.flatMap(({ events: batch }) => (batch ?? []) as { name: string }[])
  expect(names.map(({ name }) => name)).toContain('channel_vacated')
})

test('what is counted is there for a scraper', async () => {
  const { router, publish, outbox } = routing(webhookEndpoint({ events: ['message.published'] }))
  outbox.hold()
  publish('news')
  const read = (name: string) =>
    router
      .metrics()
      .plain.find((each) => each.name === name)
      ?.read()
  expect(read('lockgate_webhook_bodies_total')).toBe(1)
  expect(read('lockgate_webhook_bodies_held')).toBe(1)
})
