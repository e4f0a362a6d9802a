import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { UNLIMITED } from '../../ports/records/plan.ts'
import { usageFigure } from './usage-figure.ts'

describe('how much of a limit is used', () => {
  test.each([
    [0, 100, 0, 'healthy'],
    [74, 100, 74, 'healthy'],
    [7_499, 10_000, 74.9, 'healthy'],
    [75, 100, 75, 'warning'],
    [89, 100, 89, 'warning'],
    [8_999, 10_000, 89.9, 'warning'],
    [90, 100, 90, 'critical'],
    [100, 100, 100, 'critical'],
    [110, 100, 110, 'critical'],
    [1, 3, 33.3, 'healthy'],
    [2, 3, 66.6, 'healthy'],
    [0, 0, 100, 'critical'],
    [5, UNLIMITED, 0, 'healthy'],
  ] as const)('%d of %d is %d percent: %s', (...row) => {
    const [current, limit, percent, status] = row
    expect(usageFigure(current, limit)).toEqual({ current, limit, percent, status })
  })

  test('has one decimal, and a status that its percent and the true share agree on', () => {
    const limits = fc.integer({ min: 1, max: 100_000 })
    fc.assert(
      fc.property(fc.nat({ max: 200_000 }), limits, (current, limit) => {
        const { percent, status } = usageFigure(current, limit)
        expect(percent).toBe(Number(percent.toFixed(1)))
        const statusAt = (share: number) =>
          share >= 90 ? 'critical' : share >= 75 ? 'warning' : 'healthy'
        expect(status).toBe(statusAt(percent))
        // In whole numbers: nothing is rounded on the way.
        expect(status).toBe(statusAt(Math.floor((current * 100) / limit)))
      }),
    )
  })
})
