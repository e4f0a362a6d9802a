import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { refreshAtMs } from './refresh-time.ts'

const NOW_MS = 1_790_000_000_000
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

test.each([
  // As the page shows it: six minutes before the end of an hour.
  [60 * MINUTE_MS, 54 * MINUTE_MS],
  [15 * MINUTE_MS, 13.5 * MINUTE_MS],
  [10 * MINUTE_MS, 9 * MINUTE_MS],
  [2 * MINUTE_MS, MINUTE_MS],
  [MINUTE_MS, MINUTE_MS / 2],
  [DAY_MS, 0.9 * DAY_MS],
  [30 * DAY_MS, 24 * DAY_MS],
])('%p ms are refreshed after %p', (lifeMs, afterMs) => {
  expect(refreshAtMs(NOW_MS + lifeMs, NOW_MS) - NOW_MS).toBe(afterMs)
})

test('the time is always to come, before the end, and within what a browser timer can wait', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 400 * DAY_MS }), (lifeMs) => {
      const at = refreshAtMs(NOW_MS + lifeMs, NOW_MS)
      expect(at).toBeGreaterThan(NOW_MS)
      expect(at).toBeLessThan(NOW_MS + lifeMs)
      expect(at - NOW_MS).toBeLessThan(2 ** 31 - 1)
      if (lifeMs >= MINUTE_MS) expect(at - NOW_MS).toBeGreaterThanOrEqual(MINUTE_MS / 2)
    }),
  )
})
