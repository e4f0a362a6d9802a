/** The queue of webhook deliveries: a part of the store contract. */
import { describe, expect, test } from 'bun:test'
import type {
  DeliveryOutcome,
  EndpointPlace,
} from '../../packages/server/src/ports/delivery-queue.ts'
import { Conflict } from '../../packages/server/src/ports/store.ts'
import { A, APP_ID, B, deliveryOf, idOf, LEASE_MS, queueOf } from './delivery-bench.ts'
import { testDeliveryModel } from './delivery-model.ts'
import { appOf, endpointOf } from './records.ts'
import type { StoreBench } from './store-bench.ts'

const NO_DEAD = { places: [], deadCountMax: 10 }
const NUMBERS = [1, 2, 3]

export function testStoreDeliveries(bench: StoreBench): void {
  describe('the queue of deliveries', () => {
    testTaking(bench)
    testDeadLetters(bench)
    testDeliveryModel(bench)
  })
}

function dies(number: number, atMs: number): DeliveryOutcome {
  return { kind: 'dead', id: idOf(number), attemptCount: 7, atMs, lastOutcome: '500' }
}

function testTaking(bench: StoreBench): void {
  test('what is added comes back when it is due, field for field, and not before', async () => {
    const { queue, take } = queueOf(bench)
    await queue.addDeliveries([deliveryOf(5)])
    expect(await take(4)).toEqual({ deliveries: [], nextDueAtMs: [5, undefined] })
    const { isTaken: _isTaken, ...record } = deliveryOf(5, { dueAtMs: 5 + LEASE_MS })
    const nextDueAtMs = [5 + LEASE_MS, undefined]
    expect(await take(5)).toEqual({ deliveries: [record], nextDueAtMs })
  })

  test('what is taken is due again when its lease ends, and not before', async () => {
    const { queue, takeIds } = queueOf(bench)
    await queue.addDeliveries([deliveryOf(1), deliveryOf(2, { isTaken: true, dueAtMs: 50 })])
    expect(await takeIds(1)).toEqual([idOf(1)])
    expect(await takeIds(50)).toEqual([idOf(2)])
    expect(await takeIds(LEASE_MS)).toEqual([])
    expect(await takeIds(1 + LEASE_MS)).toEqual([idOf(1)])
  })

  test('of each endpoint the first that are due are taken, and no more than wanted', async () => {
    const { queue, takeIds } = queueOf(bench)
    const later = [deliveryOf(7, { dueAtMs: 1 }), deliveryOf(8), deliveryOf(9, B)]
    await queue.addDeliveries([...NUMBERS.map((each) => deliveryOf(each)), ...later])
    expect(await takeIds(9, [A], 2)).toEqual([idOf(1), idOf(7)])
    expect(await takeIds(9, [A, B], 2)).toEqual([idOf(2), idOf(3), idOf(9)])
    expect(await takeIds(9, [{ ...A, appId: 'other' }])).toEqual([])
  })

  test('an id is taken once, and then nothing of its batch is kept', async () => {
    const { queue, find } = queueOf(bench)
    await queue.addDeliveries([deliveryOf(1)])
    const again = queue.addDeliveries([deliveryOf(2), deliveryOf(1)])
    expect(await again.catch((error: unknown) => error)).toBeInstanceOf(Conflict)
    expect(await find(idOf(2))).toBeUndefined()
  })

  test('outcomes are written in one go, and those of what is gone change nothing', async () => {
    const { queue, takeIds, find } = queueOf(bench)
    await queue.addDeliveries([1, 2, 3, 4].map((each) => deliveryOf(each)))
    await takeIds(4)
    const tried = { attemptCount: 1, lastOutcome: '503' }
    await queue.finishDeliveries(
      [
        { kind: 'delivered', id: idOf(1) },
        { kind: 'retry', id: idOf(2), dueAtMs: 20, ...tried },
        { kind: 'released', id: idOf(3), dueAtMs: 30 },
        dies(4, 40),
        { kind: 'retry', id: idOf(9), dueAtMs: 20, ...tried },
      ],
      { places: [A], deadCountMax: 10 },
    )
    expect(await find(idOf(1))).toBeUndefined()
    expect(await find(idOf(2))).toMatchObject({ ...tried, dueAtMs: 20, state: 'waiting' })
    expect(await find(idOf(3))).toMatchObject({ attemptCount: 0, dueAtMs: 30 })
    expect(await find(idOf(4))).toMatchObject({ attemptCount: 7, dueAtMs: 40, state: 'dead' })
    expect(await find(idOf(9))).toBeUndefined()
    // A dead letter stays one, whatever a taker whose lease had ended says of it.
    await queue.finishDeliveries([{ kind: 'released', id: idOf(4), dueAtMs: 1 }], NO_DEAD)
    expect(await find(idOf(4))).toMatchObject({ state: 'dead' })
    expect(await takeIds(30)).toEqual([idOf(2), idOf(3)])
  })

  test('at a start every lease ends, and so does a wait that no clock could have set', async () => {
    const { queue, takeIds } = queueOf(bench)
    const times = [deliveryOf(2, { dueAtMs: 900 }), deliveryOf(3, { dueAtMs: 90_000 })]
    await queue.addDeliveries([deliveryOf(1, { isTaken: true, dueAtMs: 800 }), ...times])
    await queue.releaseDeliveries(10, 1_000)
    expect(await takeIds(10)).toEqual([idOf(1), idOf(3)])
    expect(await takeIds(900)).toContain(idOf(2))
  })

  test('counts are of each endpoint, with what is due first and what is oldest', async () => {
    const { queue, takeIds } = queueOf(bench)
    expect(await queue.countDeliveries()).toEqual([])
    await queue.addDeliveries([...NUMBERS.map((each) => deliveryOf(each)), deliveryOf(4, B)])
    await takeIds(4, [B])
    await queue.finishDeliveries([dies(1, 9), dies(4, 9)], { places: [A, B], deadCountMax: 9 })
    expect(await queue.countDeliveries()).toEqual([
      { ...A, waitingCount: 2, deadCount: 1, nextDueAtMs: 2, oldestAtMs: 2 },
      { ...B, waitingCount: 0, deadCount: 1, nextDueAtMs: undefined, oldestAtMs: undefined },
    ])
  })
}

function testDeadLetters(bench: StoreBench): void {
  const kill = async (numbers: readonly number[], place: EndpointPlace = A) => {
    const { queue } = queueOf(bench)
    await queue.addDeliveries(numbers.map((each) => deliveryOf(each, place)))
    const bound = { places: [place], deadCountMax: 3 }
    return queue.finishDeliveries(
      numbers.map((each) => dies(each, each)),
      bound,
    )
  }

  test('dead letters are listed page by page, as they were made', async () => {
    const { dead } = queueOf(bench)
    await kill(NUMBERS)
    const first = await dead(A)
    expect(first.map(({ id }) => id)).toEqual([idOf(1), idOf(2)])
    expect((await dead(A, idOf(2))).map(({ id }) => id)).toEqual([idOf(3)])
    expect(await dead(B)).toEqual([])
  })

  test('of too many the oldest go, and how many is told', async () => {
    const { dead } = queueOf(bench)
    expect(await kill(NUMBERS)).toBe(0)
    expect(await kill([4, 5])).toBe(2)
    expect((await dead(A)).map(({ id }) => id)).toEqual([idOf(3), idOf(4)])
  })

  test('a replay keeps the id, forgets the attempts, and is of one or of all', async () => {
    const { queue, take, find } = queueOf(bench)
    await kill(NUMBERS)
    const replay = (id: string | undefined, place = A) =>
      queue.transaction((each) => each.replayDeliveries(place, { id, countMax: 9, dueAtMs: 50 }))
    expect(await replay(idOf(2), B)).toEqual([])
    expect(await replay(idOf(2))).toEqual([idOf(2)])
    expect(await replay(idOf(2))).toEqual([])
    expect(await find(idOf(2))).toMatchObject({
      attemptCount: 0,
      state: 'waiting',
      dueAtMs: 50,
      createdAtMs: 50,
    })
    expect(await replay(undefined)).toEqual([idOf(1), idOf(3)])
    expect((await take(50)).deliveries).toHaveLength(3)
  })

  test('a discard is of one or of all, and leaves what waits', async () => {
    const { queue, find } = queueOf(bench)
    await kill(NUMBERS)
    await queue.addDeliveries([deliveryOf(4)])
    const discard = (id: string | undefined) =>
      queue.transaction((each) => each.discardDeliveries(A, { id, countMax: 9 }))
    expect(await discard(idOf(4))).toBe(0)
    expect(await discard(idOf(1))).toBe(1)
    expect(await discard(undefined)).toBe(2)
    expect(await find(idOf(4))).toBeDefined()
  })

  test('a sweep removes old dead letters, and gives up what has waited too long', async () => {
    const { queue, find } = queueOf(bench)
    await kill([1, 2])
    await queue.addDeliveries([deliveryOf(3), deliveryOf(4), deliveryOf(5, B)])
    const times = { nowMs: 60, deadBeforeMs: 2, waitingBeforeMs: 4, lastOutcome: 'expired' }
    await queue.transaction((each) => each.sweepDeliveries(A, times))
    expect(await find(idOf(1))).toBeUndefined()
    expect(await find(idOf(2))).toMatchObject({ state: 'dead', lastOutcome: '500' })
    const given = { state: 'dead', lastOutcome: 'expired', dueAtMs: 60 } as const
    expect(await find(idOf(3))).toMatchObject(given)
    expect(await find(idOf(4))).toMatchObject({ state: 'waiting' })
    expect(await find(idOf(5))).toMatchObject({ state: 'waiting' })
  })

  test('nothing of an endpoint or an app is left once that is removed', async () => {
    const { queue } = queueOf(bench)
    await kill([1])
    const other = { appId: appOf(2).id, endpointId: 'whe_c' }
    await queue.addDeliveries([deliveryOf(2), deliveryOf(3, B), deliveryOf(4, other)])
    const endpoints = async () =>
      (await queue.countDeliveries()).map(({ appId, endpointId }) => [appId, endpointId])
    const endpoint = endpointOf(1, { id: A.endpointId, appId: APP_ID })
    await queue.transaction((each) => each.saveWebhookEndpoint(endpoint))
    await queue.transaction((each) => each.removeWebhookEndpoint(A.endpointId))
    expect(await endpoints()).toEqual([
      [APP_ID, B.endpointId],
      [other.appId, other.endpointId],
    ])
    await queue.transaction((each) => each.removeApp(APP_ID))
    expect(await endpoints()).toEqual([[other.appId, other.endpointId]])
  })
}
