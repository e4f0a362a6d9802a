import { describe, expect, test } from 'bun:test'
import { PingPlans } from './ping-plan.ts'

describe('a plan whose answers are awaited', () => {
  test('pings every 25 to 30 s, the first time at once or later', () => {
    const plans = new PingPlans()
    for (let count = 0; count < 1_000; count++) {
      const plan = plans.awaited(0)
      expect(plan.dueAtMs).toBeWithin(0, 30_000)
      expect(plan.next(100_000)).toBe('ping')
      expect(plan.dueAtMs - 100_000).toBeWithin(25_000, 29_001)
    }
  })

  test('gives a peer up that left two pings unanswered, and not one', () => {
    const plan = new PingPlans().awaited(0)
    expect([plan.next(1), plan.next(2), plan.next(3), plan.next(4)]).toEqual([
      'ping',
      'ping',
      'gone',
      'gone',
    ])
  })

  test('goes on for one that answers every second ping', () => {
    const plan = new PingPlans().awaited(0)
    for (let round = 0; round < 10; round++) {
      expect([plan.next(1), plan.next(2)]).toEqual(['ping', 'ping'])
      plan.heard()
    }
  })

  test('begins anew where nothing could be heard', () => {
    const plan = new PingPlans().awaited(0)
    plan.next(1)
    plan.next(2)
    plan.postpone(50_000)
    expect(plan.dueAtMs).toBeWithin(75_000, 79_001)
    expect(plan.next(80_000)).toBe('ping')
  })
})

test('a plan whose answers are not awaited never gives up', () => {
  const plan = new PingPlans().unawaited(0, 120_000)
  for (let round = 1; round <= 10; round++) expect(plan.next(round * 120_000)).toBe('ping')
  expect(plan.dueAtMs).toBe(11 * 120_000)
})

test('ten thousand sockets that came together are pinged apart', () => {
  const plans = new PingPlans()
  const all = Array.from({ length: 10_000 }, () => plans.awaited(0))
  const perSecond = Array.from({ length: 100 }, () => 0)
  for (let second = 1; second <= perSecond.length; second++) {
    for (const plan of all) {
      if (plan.dueAtMs > second * 1_000) continue
      plan.heard()
      plan.next(second * 1_000)
      perSecond[second - 1] = (perSecond[second - 1] ?? 0) + 1
    }
  }
  expect(Math.max(...perSecond)).toBeLessThan(1_000)
})
