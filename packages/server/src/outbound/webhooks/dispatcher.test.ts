import { describe, expect, test } from 'bun:test'
import {
  openDeliveryWorld,
  pusherEndpoint,
  standardEndpoint,
} from '../../../../../test/support/delivery-world.ts'
import { answer } from '../../../../../test/support/scripted-sender.ts'
import type { SendResult } from '../../ports/webhook-sender.ts'
import { IN_FLIGHT_MAX } from './dispatcher.ts'
import { LANE_HELD_MAX, LANE_IN_FLIGHT_MAX } from './lane.ts'
import { STANDARD_DELAYS_MS } from './schedule.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** A receiver that answers when it is told to. */
function gate() {
  const waiting: ((result: SendResult) => void)[] = []
  const receive = () => new Promise<SendResult>((resolve) => void waiting.push(resolve))
  return {
    receive,
    waiting,
    open: (result: SendResult) => {
      for (const resolve of waiting.splice(0)) resolve(result)
    },
  }
}

describe('a delivery', () => {
  test('is sent as it was given, once it is durable, and then it is gone', async () => {
    const world = await openDeliveryWorld()
    await world.add('whe_1', '{"a":"ü"}')
    await world.settle()
    expect(world.sent.map(({ body }) => body)).toEqual(['{"a":"ü"}'])
    expect(world.sent[0]?.headers).toMatchObject({ 'content-type': 'application/json' })
    expect(await world.rows('whe_1')).toEqual({ waiting: [], dead: [] })
    expect(world.counts('deliveries_total')).toEqual({ delivered: 1 })
    expect(world.metric('waiting')).toBe(0)
    expect(world.errors).toEqual([])
  })

  test('keeps its id over all attempts of the schedule, and is a dead letter after them', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', () => answer(500))
    await world.add('whe_1', 'x')
    await world.settle()
    for (const [index, delayMs] of STANDARD_DELAYS_MS.entries()) {
      expect(world.sent).toHaveLength(index + 1)
      await world.leap(delayMs - 1_000)
      expect(world.sent, `${index}`).toHaveLength(index + 1)
      // Jitter: up to a quarter more, and a breaker that has opened.
      await world.leap(delayMs / 4 + 1_000)
      if (world.sent.length === index + 1) await world.leap(2.5 * MINUTE_MS)
    }
    expect(world.sent).toHaveLength(STANDARD_DELAYS_MS.length + 1)
    expect(new Set(world.sent.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    const { waiting, dead } = await world.rows('whe_1')
    expect(waiting).toEqual([])
    expect(dead).toMatchObject([{ attemptCount: 7, lastOutcome: '500', body: 'x' }])
    expect(world.givenUp).toEqual([['whe_1', 'failing']])
    expect(world.failures().at(-1)).toMatchObject({ attempt: 7, outcome: '500', isDead: true })
    expect(world.failures()).toHaveLength(7)
  })

  test('that its receiver never takes costs the endpoint nothing while others arrive', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', ({ body }) => answer(body === 'odd' ? 400 : 200))
    await world.add('whe_1', 'odd')
    await world.settle()
    for (const delayMs of STANDARD_DELAYS_MS) {
      await world.leap(1.25 * delayMs + 1_000)
      await world.add('whe_1', 'usual')
      await world.settle()
    }
    expect((await world.rows('whe_1')).dead).toMatchObject([{ body: 'odd', lastOutcome: '400' }])
    expect(world.sent.filter(({ body }) => body === 'usual')).toHaveLength(6)
    expect(world.givenUp).toEqual([])
  })

  test('of Pusher`s form is tried for five minutes, whatever the status, and no endpoint goes', async () => {
    const world = await openDeliveryWorld({ endpoints: [pusherEndpoint('whe_p')] })
    world.receivers.set('whe_p', () => answer(410))
    await world.add('whe_p', 'x')
    await world.settle()
    await world.wait(4 * MINUTE_MS)
    expect((await world.rows('whe_p')).waiting).toHaveLength(1)
    expect(world.sent.length).toBeGreaterThan(4)
    // The last attempt may wait for a breaker.
    await world.wait(4 * MINUTE_MS)
    expect(await world.rows('whe_p')).toMatchObject({ waiting: [], dead: [{ lastOutcome: '410' }] })
    expect(world.givenUp).toEqual([])
    expect(world.sent[0]?.headers).toMatchObject({ 'x-pusher-key': 'key' })
  })

  test('that is answered 410 is dead at once, and its endpoint with it', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', () => answer(410))
    await world.add('whe_1', 'x')
    await world.settle()
    expect((await world.rows('whe_1')).dead).toMatchObject([{ attemptCount: 1 }])
    expect(world.givenUp).toEqual([['whe_1', 'gone']])
  })

  test('that a receiver answers after its endpoint has moved says nothing of the next one', async () => {
    const world = await openDeliveryWorld()
    const { receive, open } = gate()
    world.receivers.set('whe_1', receive)
    await world.add('whe_1', 'x')
    await world.settle()
    world.change('whe_1', { url: 'http://127.0.0.1:9/moved' })
    world.receivers.delete('whe_1')
    open(answer(410))
    await world.settle()
    await world.wait(2_000)
    expect(world.givenUp).toEqual([])
    expect(world.failures()).toEqual([])
    expect(world.sent.map(({ url }) => new URL(url).pathname)).toEqual(['/hooks', '/moved'])
    expect(await world.rows('whe_1')).toEqual({ waiting: [], dead: [] })
  })

  test('waits while its endpoint is disabled, and goes once it is enabled', async () => {
    const world = await openDeliveryWorld()
    world.change('whe_1', { disabled: { reason: 'operator', atMs: 1 } })
    await world.add('whe_1', 'x')
    await world.wait(5_000)
    expect(world.sent).toEqual([])
    world.change('whe_1', { disabled: undefined })
    await world.wait(1_000)
    expect(world.sent).toHaveLength(1)
  })

  test('waits while nothing can sign, and is not counted as tried', async () => {
    const world = await openDeliveryWorld({
      endpoints: [standardEndpoint('whe_1', { credentialId: 'cred_gone' })],
    })
    await world.add('whe_1', 'x')
    await world.wait(40_000)
    expect(world.sent).toEqual([])
    expect((await world.rows('whe_1')).waiting).toMatchObject([{ attemptCount: 0 }])
    world.change('whe_1', { credentialId: 'cred_hook' })
    await world.wait(40_000)
    expect(world.sent).toHaveLength(1)
  })

  test('is retried only where the limit of retries allows it', async () => {
    let waitMs = 0
    const world = await openDeliveryWorld({ askRetry: () => waitMs })
    world.receivers.set('whe_1', () => answer(500))
    waitMs = 60_000
    await world.add('whe_1', 'x')
    await world.wait(30_000)
    expect(world.sent).toHaveLength(1)
    waitMs = 0
    world.receivers.set('whe_1', () => answer(200))
    await world.wait(60_000)
    expect(world.sent).toHaveLength(2)
  })

  test('is told live when it fails, and the endpoint`s health with every attempt', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', () => ({ kind: 'failed', failure: 'too_slow' }))
    await world.add('whe_1', 'x')
    await world.settle()
    const deliveryId = (await world.rows('whe_1')).waiting[0]?.id
    expect(world.failures()).toEqual([
      {
        endpointId: 'whe_1',
        deliveryId: deliveryId ?? '',
        attempt: 1,
        outcome: 'too_slow',
        isDead: false,
      },
    ])
    world.receivers.delete('whe_1')
    await world.wait(10_000)
    expect(world.notes).toEqual([
      ['whe_1', false],
      ['whe_1', true],
    ])
    expect(world.counts('attempts_total')).toEqual({ '2xx': 1, too_slow: 1 })
  })
})

describe('an endpoint that fails', () => {
  test('gets nothing while its breaker is open, one delivery as a trial, and all after it', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', () => answer(503))
    await world.add('whe_1', ...Array.from({ length: 50 }, (_, index) => String(index)))
    await world.settle()
    expect(world.sent).toHaveLength(5)
    expect(world.counts('breakers')).toEqual({ closed: 0, open: 1, half_open: 0 })
    expect(world.metric('held')).toBe(0)
    await world.wait(4_000)
    expect(world.sent).toHaveLength(5)
    await world.wait(3_000)
    expect(world.sent).toHaveLength(6)
    world.receivers.delete('whe_1')
    await world.wait(2 * MINUTE_MS)
    expect(world.sent.length).toBe(56)
    expect((await world.rows('whe_1')).waiting).toEqual([])
    expect(world.counts('breakers')).toMatchObject({ closed: 1 })
  })

  test.each([
    [429, undefined, 10_000],
    [502, undefined, 10_000],
    [504, undefined, 10_000],
    [503, '20', 20_000],
    [429, '20', 20_000],
  ])(
    'with %i and Retry-After %p is left alone for a while',
    async (status, retryAfter, pauseMs) => {
      const world = await openDeliveryWorld()
      world.receivers.set('whe_1', () => answer(status, retryAfter))
      await world.add('whe_1', 'x')
      await world.settle()
      world.receivers.delete('whe_1')
      await world.add('whe_1', 'y')
      await world.wait(pauseMs - 1_000)
      expect(world.sent).toHaveLength(1)
      await world.wait(20_000)
      expect(world.sent).toHaveLength(3)
    },
  )

  test('for longer than the whole schedule is given up, whichever delivery it is', async () => {
    const world = await openDeliveryWorld()
    world.receivers.set('whe_1', () => answer(500))
    for (let hour = 0; hour < 12 && world.givenUp.length === 0; hour++) {
      await world.add('whe_1', 'x')
      await world.leap(HOUR_MS)
    }
    expect(world.givenUp).toEqual([['whe_1', 'failing']])
  })

  test('and hangs holds up no other, nor more than it has shown to be good for', async () => {
    const endpoints = ['whe_1', 'whe_2'].map((id) => standardEndpoint(id))
    const world = await openDeliveryWorld({ endpoints })
    const { receive, waiting } = gate()
    world.receivers.set('whe_1', receive)
    const bodies = Array.from({ length: 300 }, (_, index) => String(index))
    await world.add('whe_1', ...bodies)
    await world.add('whe_2', ...bodies)
    await world.settle()
    await world.settle()
    expect(waiting).toHaveLength(2)
    expect(world.sent.filter(({ connectionKey }) => connectionKey === 'whe_2')).toHaveLength(300)
  })
})

describe('many deliveries', () => {
  test('are under way side by side, up to the bound of a lane that has proved itself', async () => {
    const world = await openDeliveryWorld()
    await world.add('whe_1', ...Array.from({ length: 100 }, () => 'x'))
    await world.settle()
    const { receive, waiting, open } = gate()
    world.receivers.set('whe_1', receive)
    await world.add('whe_1', ...Array.from({ length: 100 }, () => 'x'))
    await world.settle()
    expect(waiting).toHaveLength(LANE_IN_FLIGHT_MAX)
    expect(world.metric('in_flight')).toBe(LANE_IN_FLIGHT_MAX)
    world.receivers.delete('whe_1')
    open(answer(200))
    await world.settle()
    expect(world.metric('waiting')).toBe(0)
  })

  test('to many endpoints stay inside the bound on all of them', async () => {
    const endpoints = Array.from({ length: 300 }, (_, index) => {
      const owner = `tenant_${index % 100}`
      return standardEndpoint(`whe_${index}`, { tenantId: owner, appId: owner })
    })
    const world = await openDeliveryWorld({ endpoints })
    const { receive, waiting } = gate()
    for (const { id } of endpoints) world.receivers.set(id, receive)
    const each = endpoints.flatMap(({ id }) => [world.outgoing(id), world.outgoing(id)])
    await world.service.outbox.add(each)
    await world.settle()
    expect(waiting).toHaveLength(IN_FLIGHT_MAX)
  })

  test('that found no room in memory go at once where there is some when they are durable', async () => {
    const world = await openDeliveryWorld()
    const { receive, open } = gate()
    world.receivers.set('whe_1', receive)
    await world.add('whe_1', ...Array.from({ length: LANE_HELD_MAX }, () => 'x'))
    const { promise: isSlow, resolve } = Promise.withResolvers<void>()
    const add = world.database.addDeliveries.bind(world.database)
    world.database.addDeliveries = (deliveries) => isSlow.then(() => add(deliveries))
    const adding = world.add('whe_1', 'late')
    world.receivers.delete('whe_1')
    open(answer(200))
    await world.settle()
    expect(world.sent).toHaveLength(LANE_HELD_MAX)
    resolve()
    await adding
    await world.settle()
    expect(world.sent.at(-1)?.body).toBe('late')
  })

  test('that become durable while the database is read are not forgotten by it', async () => {
    const world = await openDeliveryWorld()
    const disabled = { reason: 'operator', atMs: 1 } as const
    world.change('whe_1', { disabled })
    await world.add('whe_1', 'first')
    world.change('whe_1', { disabled: undefined })
    const { promise: isSlow, resolve } = Promise.withResolvers<void>()
    const take = world.database.takeDueDeliveries.bind(world.database)
    world.database.takeDueDeliveries = async (order) => {
      const taken = await take(order)
      await isSlow
      return taken
    }
    world.service.tick()
    await world.settle()
    world.change('whe_1', { disabled })
    await world.add('whe_1', 'second')
    world.change('whe_1', { disabled: undefined })
    resolve()
    await world.settle()
    expect(world.sent.map(({ body }) => body)).toEqual(['first', 'second'])
  })

  test('beyond what is kept in memory are read from the database, and none is lost', async () => {
    const world = await openDeliveryWorld()
    const { receive, open } = gate()
    world.receivers.set('whe_1', receive)
    const bodies = Array.from({ length: 3 * LANE_HELD_MAX }, (_, index) => String(index))
    await world.add('whe_1', ...bodies)
    expect(world.metric('held')).toBe(LANE_HELD_MAX)
    world.receivers.delete('whe_1')
    open(answer(200))
    for (let turn = 0; turn < 40; turn++) await world.wait(1_000)
    expect(new Set(world.sent.map(({ body }) => body)).size).toBe(bodies.length)
    expect(await world.rows('whe_1')).toEqual({ waiting: [], dead: [] })
    expect(world.metric('waiting')).toBe(0)
  })
})
