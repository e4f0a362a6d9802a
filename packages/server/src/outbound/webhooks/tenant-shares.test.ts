import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { TenantShares } from './tenant-shares.ts'

test('one tenant gets three quarters, and each other one a sixteenth of all that is left', () => {
  const shares = new TenantShares(160)
  shares.add('a', shares.roomFor('a'))
  expect(shares.total).toBe(120)
  for (const tenantId of ['b', 'c', 'd', 'e']) {
    expect(shares.roomFor(tenantId)).toBe(10)
    shares.add(tenantId, 10)
    expect(shares.roomFor(tenantId)).toBe(0)
  }
  expect(shares.roomFor('f')).toBe(0)
  shares.remove('a', 50)
  expect(shares.roomFor('f')).toBe(10)
})

test('whatever comes and goes inside its room, the bound holds and a newcomer finds a place', () => {
  const step = fc.record({
    tenantId: fc.constantFrom('a', 'b', 'c'),
    part: fc.integer({ min: -100, max: 100 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const shares = new TenantShares(320)
      const counts = new Map<string, number>()
      for (const { tenantId, part } of steps) {
        const have = counts.get(tenantId) ?? 0
        const most = part < 0 ? -have : shares.roomFor(tenantId)
        const count = Math.trunc((most * Math.abs(part)) / 100)
        shares.add(tenantId, count)
        counts.set(tenantId, have + count)
        const sum = [...counts.values()].reduce((before, each) => before + each, 0)
        expect(shares.total).toBe(sum)
        expect(sum).toBeLessThanOrEqual(320)
        expect(shares.roomFor('newcomer')).toBeGreaterThanOrEqual(20)
      }
    }),
  )
})
