/**
 * Whatever the receivers of one tenant do, and however many it has: the webhooks of another tenant
 * go out in the same turn, and find a place in the queue.
 */
import { describe, expect, test } from 'bun:test'
import { openDeliveryWorld, standardEndpoint } from '../../../../../test/support/delivery-world.ts'
import { answer } from '../../../../../test/support/scripted-sender.ts'
import type { SendResult } from '../../ports/webhook-sender.ts'
import { IN_FLIGHT_MAX } from './dispatcher.ts'
import { LANE_HELD_MAX, LANE_IN_FLIGHT_MAX } from './lane.ts'
import { HELD_CHARACTERS_MAX, HELD_MAX } from './lanes.ts'
import { DELIVERY_BODY_BYTES_MAX } from './outgoing.ts'

const OTHER = standardEndpoint('whe_other', { tenantId: 'other', appId: 'other' })
const texts = (count: number, text = 'x') => Array.from({ length: count }, () => text)

/** A tenant with so many endpoints, and another one with one. */
function openTwoTenants(count: number) {
  const own = Array.from({ length: count }, (_, index) => standardEndpoint(`whe_${index}`))
  return openDeliveryWorld({ endpoints: [...own, OTHER] }).then((world) => ({ world, own }))
}

const never = () => new Promise<SendResult>(() => {})

describe('a tenant whose receivers are slow and answer 200 in the end', () => {
  const laneCount = Math.ceil(IN_FLIGHT_MAX / LANE_IN_FLIGHT_MAX) + 4

  test('has no more under way than leaves room for another', async () => {
    const { world, own } = await openTwoTenants(laneCount)
    // Each of its lanes has shown that it is good for as much as a lane may have.
    for (const { id } of own) await world.add(id, ...texts(2 * LANE_IN_FLIGHT_MAX))
    await world.settle()
    for (const { id } of own) world.receivers.set(id, never)
    for (const { id } of own) await world.add(id, ...texts(2 * LANE_IN_FLIGHT_MAX))
    await world.settle()
    await world.add('whe_other', ...texts(20, 'other'))
    await world.settle()
    expect(world.sent.filter(({ body }) => body === 'other')).toHaveLength(20)
    expect(world.counts('deliveries_total')['delivered']).toBe(
      laneCount * 2 * LANE_IN_FLIGHT_MAX + 20,
    )
  })

  test('loses nothing by it: what stood aside goes when something of it ends', async () => {
    const { world, own } = await openTwoTenants(laneCount)
    for (const { id } of own) await world.add(id, ...texts(2 * LANE_IN_FLIGHT_MAX))
    await world.settle()
    const waiting: ((result: SendResult) => void)[] = []
    const slow = () => new Promise<SendResult>((resolve) => void waiting.push(resolve))
    for (const { id } of own) world.receivers.set(id, slow)
    for (const { id } of own) await world.add(id, ...texts(2 * LANE_IN_FLIGHT_MAX))
    await world.settle()
    expect(waiting.length).toBeLessThan(IN_FLIGHT_MAX)
    for (const { id } of own) world.receivers.delete(id)
    for (const resolve of waiting) resolve(answer(200))
    await world.settle()
    expect(world.metric('waiting')).toBe(0)
  })

  test('fills no memory that another needs', async () => {
    const { world, own } = await openTwoTenants(HELD_MAX / LANE_HELD_MAX + 2)
    for (const { id } of own) world.receivers.set(id, never)
    for (const { id } of own) await world.add(id, ...texts(LANE_HELD_MAX))
    await world.settle()
    await world.add('whe_other', 'other')
    await world.settle()
    expect(world.sent.at(-1)?.body).toBe('other')
  })
})

test('what is read from the database is bounded in characters too', async () => {
  const { world, own } = await openTwoTenants(3)
  const large = 'x'.repeat(DELIVERY_BODY_BYTES_MAX)
  const disabled = { reason: 'operator', atMs: 1 } as const
  for (const { id } of own) world.change(id, { disabled })
  for (const { id } of own) await world.add(id, ...texts(LANE_HELD_MAX / 2, large))
  for (const { id } of own) {
    world.receivers.set(id, never)
    world.change(id, { disabled: undefined })
  }
  await world.wait(3_000)
  const held = Number(world.metric('held'))
  expect(held).toBeGreaterThan(0)
  expect(held * DELIVERY_BODY_BYTES_MAX).toBeLessThanOrEqual(HELD_CHARACTERS_MAX)
})
