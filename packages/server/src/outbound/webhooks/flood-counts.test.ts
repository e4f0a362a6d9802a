import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  FLOOD_KIND_COUNT_MAX,
  FLOOD_WINDOW_MS,
  FloodCounts,
  type FloodEvent,
} from './flood-counts.ts'

function failed(reason: string, atMs = 0, appId = 'app'): FloodEvent {
  const target = { kind: 'key', id: 'k' }
  const details = { reason, ip: '192.0.2.1', protocol: 'http', target }
  return { type: 'auth.failed', atMs, tenantId: 'tenant', appId, details }
}

function exceeded(limit: string, isShadow = false): FloodEvent {
  const numbers = { used: 11, quota: 10, windowMs: 1_000, resetMs: 500, count: 1, isShadow }
  const details = { limit, scope: 'user', subject: 'u', ...numbers }
  return { type: 'rate_limit.exceeded', atMs: 0, tenantId: 'tenant', appId: 'app', details }
}

function counting() {
  const told: { readonly event: FloodEvent; readonly count: number }[] = []
  const floods = new FloodCounts((counted) => void told.push(counted))
  return { floods, take: () => told.splice(0) }
}

test('the first of a kind is told at once, the rest of its minute as one with their count', () => {
  const { floods, take } = counting()
  for (let nowMs = 0; nowMs < 1_000; nowMs++) floods.take(failed('wrong', nowMs), nowMs)
  expect(take()).toEqual([{ event: failed('wrong', 0), count: 1 }])
  floods.tick(FLOOD_WINDOW_MS - 1)
  expect(take()).toEqual([])
  floods.tick(FLOOD_WINDOW_MS)
  expect(take()).toEqual([{ event: failed('wrong', 1), count: 999 }])
  floods.take(failed('wrong', 5), FLOOD_WINDOW_MS + 1)
  expect(take()).toEqual([])
  floods.tick(3 * FLOOD_WINDOW_MS)
  expect(take()).toEqual([{ event: failed('wrong', 5), count: 1 }])
  floods.tick(5 * FLOOD_WINDOW_MS)
  floods.take(failed('wrong', 9), 5 * FLOOD_WINDOW_MS)
  expect(take()).toEqual([{ event: failed('wrong', 9), count: 1 }])
})

test('kinds are apps, types, reasons and limits, not who is behind them', () => {
  const { floods, take } = counting()
  floods.take(failed('wrong'), 0)
  floods.take({ ...failed('wrong'), type: 'auth.denied' } as FloodEvent, 0)
  floods.take(failed('revoked'), 0)
  floods.take(failed('wrong', 0, 'other'), 0)
  floods.take(exceeded('publish.user'), 0)
  floods.take(exceeded('publish.app'), 0)
  floods.take(exceeded('publish.app', true), 0)
  expect(take()).toHaveLength(7)
  floods.take(exceeded('publish.app'), 1)
  expect(take()).toHaveLength(0)
})

test('at the end everything that was counted is told', () => {
  const { floods, take } = counting()
  for (let index = 0; index < 5; index++) floods.take(failed('wrong'), index)
  take()
  floods.finish()
  expect(take().map(({ count }) => count)).toEqual([4])
})

test('kinds are bounded, and what finds no place is counted', () => {
  const { floods, take } = counting()
  for (let index = 0; index < FLOOD_KIND_COUNT_MAX; index++) floods.take(failed(`${index}`), 0)
  take()
  floods.take(failed('one more'), 0)
  expect(take()).toEqual([])
  expect(floods.lostCount).toBe(1)
  floods.tick(FLOOD_WINDOW_MS)
  floods.take(failed('one more'), FLOOD_WINDOW_MS)
  expect(take()).toHaveLength(1)
})

test('of any flood at most one a minute and kind is told, and every event is counted once', () => {
  const step = fc.record({ reason: fc.constantFrom('a', 'b'), waitMs: fc.nat(30_000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let nowMs = 0
      let sum = 0
      const toldAtMs = new Map<string, number>()
      const floods = new FloodCounts(({ event, count }) => {
        const kind = 'reason' in event.details ? event.details.reason : ''
        const before = toldAtMs.get(kind) ?? Number.NEGATIVE_INFINITY
        expect(nowMs - before).toBeGreaterThanOrEqual(FLOOD_WINDOW_MS)
        toldAtMs.set(kind, nowMs)
        sum += count
      })
      for (const { reason, waitMs } of steps) {
        nowMs += waitMs
        if (waitMs % 2 === 0) floods.tick(nowMs)
        floods.take(failed(reason), nowMs)
      }
      nowMs += FLOOD_WINDOW_MS
      floods.finish()
      expect(sum).toBe(steps.length)
    }),
  )
})
