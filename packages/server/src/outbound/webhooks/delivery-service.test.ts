/** What the queue promises through failures: of the store, of the clock, of the node itself. */
import { describe, expect, test } from 'bun:test'
import {
  openDeliveryWorld,
  pusherEndpoint,
  standardEndpoint,
} from '../../../../../test/support/delivery-world.ts'
import { answer } from '../../../../../test/support/scripted-sender.ts'
import { Outage } from '../../ports/outage.ts'
import type { SendResult } from '../../ports/webhook-sender.ts'
import { LANE_WAITING_MAX } from './lanes.ts'
import { DELIVERY_BODY_BYTES_MAX } from './outgoing.ts'
import { DEAD_KEPT_MS, WAITING_KEPT_MS } from './retention.ts'
import { PUSHER_WINDOW_MS } from './schedule.ts'

const HOUR_MS = 3_600_000
const never = () => new Promise<SendResult>(() => undefined)
const texts = (count: number) => Array.from({ length: count }, (_, index) => String(index))
const idsOf = (world: { readonly sent: readonly { readonly headers: object }[] }) =>
  world.sent.map(({ headers }) => (headers as Record<string, string>)['webhook-id'])

describe('after a restart', () => {
  test('what was accepted and not delivered is delivered, with the same id', async () => {
    const before = await openDeliveryWorld()
    before.receivers.set('whe_1', never)
    await before.add('whe_1', ...texts(20))
    await before.settle()
    // Nothing of that world runs on: it was killed.
    const after = await openDeliveryWorld({ store: before.store, startMs: before.time.wallMs })
    await after.wait(10_000)
    expect(after.sent.map(({ body }) => body).sort()).toEqual(texts(20).sort())
    expect(idsOf(after)).toEqual(expect.arrayContaining(idsOf(before)))
    expect(await after.rows('whe_1')).toEqual({ waiting: [], dead: [] })
  })

  test('with a clock set back by a day, nothing waits for a day', async () => {
    const before = await openDeliveryWorld()
    before.receivers.set('whe_1', () => answer(500))
    await before.add('whe_1', 'x')
    await before.settle()
    const startMs = before.time.wallMs - 24 * HOUR_MS
    const after = await openDeliveryWorld({ store: before.store, startMs })
    await after.wait(2_000)
    expect(after.sent).toHaveLength(1)
  })

  test('attempts go on where they were', async () => {
    const before = await openDeliveryWorld()
    before.receivers.set('whe_1', () => answer(500))
    await before.add('whe_1', 'x')
    await before.wait(10_000)
    expect(before.sent).toHaveLength(2)
    const after = await openDeliveryWorld({ store: before.store, startMs: before.time.wallMs })
    after.receivers.set('whe_1', () => answer(500))
    await after.wait(40_000)
    expect(after.failures()).toMatchObject([{ attempt: 3 }])
  })
})

test('a clock set back while it runs holds nothing up', async () => {
  const world = await openDeliveryWorld()
  world.receivers.set('whe_1', () => answer(500))
  await world.add('whe_1', 'x')
  await world.settle()
  world.time.wallMs -= 3 * HOUR_MS
  await world.wait(10_000)
  expect(world.sent).toHaveLength(2)
  // Receivers compare the time of the attempt with their own: that one is the wall clock's.
  const timestamp = Number(world.sent[1]?.headers['webhook-timestamp'])
  expect(timestamp).toBeLessThanOrEqual(world.time.wallMs / 1_000)
})

describe('a full queue', () => {
  test('refuses more for its endpoint, counted and told, and takes what is for others', async () => {
    const endpoints = ['whe_1', 'whe_2'].map((id) => standardEndpoint(id))
    const world = await openDeliveryWorld({ endpoints })
    world.receivers.set('whe_1', never)
    await world.add('whe_1', ...texts(LANE_WAITING_MAX))
    const both = [world.outgoing('whe_1', 'more'), world.outgoing('whe_2', 'other')]
    await world.service.outbox.add(both)
    await world.settle()
    expect(world.service.isFull('whe_1')).toBe(true)
    expect(world.metric('waiting')).toBe(LANE_WAITING_MAX)
    expect(world.counts('deliveries_total')).toEqual({ queue_full: 1, delivered: 1 })
    expect(world.failures()).toEqual([
      { endpointId: 'whe_1', deliveryId: '', attempt: 0, outcome: 'queue_full', isDead: true },
    ])
    expect(world.sent.at(-1)?.body).toBe('other')
  })

  test('a body over the bound is refused, counted and told', async () => {
    const world = await openDeliveryWorld()
    await world.add(
      'whe_1',
      'x'.repeat(DELIVERY_BODY_BYTES_MAX),
      'x'.repeat(DELIVERY_BODY_BYTES_MAX + 1),
    )
    await world.settle()
    expect(world.sent).toHaveLength(1)
    expect(world.failures()).toMatchObject([{ outcome: 'body_large', isDead: true }])
  })
})

describe('while the store is out', () => {
  const outage = new Outage('store_full', 'the disk is full', { port: 'store' })

  test('nothing is taken in, and nothing counts as waiting', async () => {
    const world = await openDeliveryWorld()
    const end = world.breakStore('addDeliveries', outage)
    expect(await world.add('whe_1', 'x').catch((error: unknown) => error)).toBe(outage)
    expect(world.metric('waiting')).toBe(0)
    end()
    await world.add('whe_1', 'y')
    await world.settle()
    expect(world.sent.map(({ body }) => body)).toEqual(['y'])
  })

  test('outcomes are kept and written later, and nothing is sent twice for it', async () => {
    const world = await openDeliveryWorld()
    const end = world.breakStore('finishDeliveries', outage)
    await world.add('whe_1', ...texts(10))
    await world.wait(5_000)
    expect(world.sent).toHaveLength(10)
    expect(world.metric('held')).toBe(10)
    end()
    await world.wait(90_000)
    expect(world.sent).toHaveLength(10)
    expect(world.metric('waiting')).toBe(0)
    expect((await world.rows('whe_1')).waiting).toEqual([])
    expect(world.errors.length).toBeGreaterThan(0)
  })
})

describe('at the end', () => {
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve))

  test('nothing more is sent, what is under way ends, and the rest is put back', async () => {
    const world = await openDeliveryWorld()
    const open: ((result: SendResult) => void)[] = []
    world.receivers.set('whe_1', () => new Promise((resolve) => void open.push(resolve)))
    await world.add('whe_1', ...texts(5))
    await world.settle()
    const stopped = world.service.stop(pause)
    await world.settle()
    for (const resolve of open) resolve(answer(200))
    await stopped
    expect(world.sent).toHaveLength(2)
    const { waiting } = await world.rows('whe_1')
    expect(waiting.map(({ body }) => body).sort()).toEqual(['2', '3', '4'])
    expect(waiting.every(({ dueAtMs }) => dueAtMs <= world.time.wallMs)).toBe(true)
    await world.add('whe_1', 'late')
    await world.settle()
    expect(world.sent).toHaveLength(2)
    expect((await world.rows('whe_1')).waiting).toHaveLength(4)
  })

  test('who hangs is not waited for without end', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', never)
    await world.add('whe_1', 'x')
    await world.settle()
    await world.service.stop(pause)
    expect((await world.rows('whe_1')).waiting).toHaveLength(1)
  })
})

describe('retention', () => {
  test('dead letters go after their time, and what waits too long becomes one', async () => {
    const world = await openDeliveryWorld()
    world.change('whe_1', { disabled: { reason: 'operator', atMs: 1 } })
    await world.add('whe_1', 'x')
    await world.leap(WAITING_KEPT_MS - HOUR_MS)
    await world.service.keep()
    expect((await world.rows('whe_1')).waiting).toHaveLength(1)
    await world.leap(2 * HOUR_MS)
    await world.service.keep()
    const { waiting, dead } = await world.rows('whe_1')
    expect([waiting.length, dead.length]).toEqual([0, 1])
    expect(dead[0]?.lastOutcome).toBe('expired')
    await world.service.keep()
    expect(world.metric('dead_letters')).toBe(1)
    await world.leap(DEAD_KEPT_MS + HOUR_MS)
    await world.service.keep()
    expect(await world.rows('whe_1')).toEqual({ waiting: [], dead: [] })
  })

  test('a clock that leaps ahead throws nothing away, whether or not it comes back', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', () => answer(410))
    await world.add('whe_1', 'x')
    await world.settle()
    world.change('whe_1', { disabled: { reason: 'operator', atMs: 1 } })
    await world.add('whe_1', 'y')
    expect((await world.rows('whe_1')).dead).toHaveLength(1)
    world.time.wallMs += 2 * DEAD_KEPT_MS
    await world.service.keep()
    world.time.wallMs -= 2 * DEAD_KEPT_MS
    await world.service.keep()
    const { waiting, dead } = await world.rows('whe_1')
    expect(dead).toMatchObject([{ body: 'x', lastOutcome: '410' }])
    expect(waiting).toMatchObject([{ body: 'y' }])
    // What has passed counts, as ever.
    await world.leap(WAITING_KEPT_MS + HOUR_MS)
    await world.service.keep()
    expect((await world.rows('whe_1')).waiting).toEqual([])
  })

  test('Pusher`s form ends with its window, whether or not it was tried', async () => {
    const world = await openDeliveryWorld({ endpoints: [pusherEndpoint('whe_p')] })
    world.change('whe_p', { disabled: { reason: 'operator', atMs: 1 } })
    await world.add('whe_p', 'x')
    await world.leap(PUSHER_WINDOW_MS)
    await world.service.keep()
    expect((await world.rows('whe_p')).waiting).toHaveLength(1)
    await world.leap(2 * 60_000)
    await world.service.keep()
    expect((await world.rows('whe_p')).dead).toHaveLength(1)
  })

  test('of an endpoint that is gone nothing is sent, and nothing is remembered', async () => {
    const world = await openDeliveryWorld()
    world.change('whe_1', { disabled: { reason: 'operator', atMs: 1 } })
    await world.add('whe_1', 'x')
    world.endpoints.delete('whe_1')
    world.show()
    const endpoint = standardEndpoint('whe_1')
    await world.database.transaction((each) => each.saveWebhookEndpoint(endpoint))
    await world.database.transaction((each) => each.removeWebhookEndpoint('whe_1'))
    await world.service.keep()
    await world.wait(2_000)
    expect(world.sent).toEqual([])
    expect(world.metric('waiting')).toBe(0)
    expect(world.counts('breakers')).toEqual({ closed: 0, open: 0, half_open: 0 })
  })
})

test('a replay goes out as soon as it is told of, with its id and a new schedule', async () => {
  const world = await openDeliveryWorld()
  world.receivers.set('whe_1', () => answer(410))
  await world.add('whe_1', 'x')
  await world.settle()
  world.receivers.delete('whe_1')
  world.change('whe_1', { disabled: undefined })
  await world.service.keep()
  const place = { appId: 'app', endpointId: 'whe_1' }
  const dueAtMs = world.time.wallMs
  await world.database.transaction((each) =>
    each.replayDeliveries(place, { id: undefined, countMax: 10, dueAtMs }),
  )
  await world.service.follow()
  await world.settle()
  expect(new Set(idsOf(world)).size).toBe(1)
  expect(world.sent).toHaveLength(2)
  expect(await world.rows('whe_1')).toEqual({ waiting: [], dead: [] })
})
