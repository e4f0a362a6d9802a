import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  DELAY_MS_MAX,
  nextDelayMs,
  pauseMs,
  PUSHER_WINDOW_MS,
  readRetryAfterMs,
  STANDARD_DELAYS_MS,
} from './schedule.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const NOW_MS = Date.UTC(2026, 10, 27, 12)
const randomOf = (uint32: number) => ({ uint32: () => uint32, bytes: () => new Uint8Array() })
const LEAST = randomOf(0)
const MOST = randomOf(2 ** 32 - 1)

const standard = (attemptCount: number, retryAfterMs?: number) =>
  ({ format: 'standard', attemptCount, ageMs: 0, retryAfterMs }) as const
const pusher = (attemptCount: number, ageMs: number, retryAfterMs?: number) =>
  ({ format: 'pusher', attemptCount, ageMs, retryAfterMs }) as const

test('the Standard form waits 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, then gives up', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7].map((each) => nextDelayMs(standard(each), LEAST))
  expect(delays).toEqual([...STANDARD_DELAYS_MS, undefined])
  expect(delays.slice(0, 6)).toEqual([5_000, 30_000, 120_000, 600_000, HOUR_MS, 6 * HOUR_MS])
})

test('jitter adds up to a quarter, so that what fails together does not come back together', () => {
  expect(nextDelayMs(standard(1), MOST)).toBe(6_250)
  expect(nextDelayMs(standard(6), MOST)).toBe(7.5 * HOUR_MS)
})

test('Pusher`s form doubles from a second to a minute, and its last attempt ends the window', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((each) => nextDelayMs(pusher(each, 0), LEAST))
  expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, MINUTE_MS, MINUTE_MS])
  expect(nextDelayMs(pusher(9, PUSHER_WINDOW_MS - 10_000), LEAST)).toBe(10_000)
  expect(nextDelayMs(pusher(9, PUSHER_WINDOW_MS), LEAST)).toBeUndefined()
})

test('a receiver may ask for more time, and not for less, nor for longer than its form lasts', () => {
  expect(nextDelayMs(standard(1, MINUTE_MS), LEAST)).toBe(MINUTE_MS)
  expect(nextDelayMs(standard(3, 1_000), LEAST)).toBe(120_000)
  expect(nextDelayMs(pusher(1, 0, HOUR_MS), LEAST)).toBe(PUSHER_WINDOW_MS)
})

test.each([
  ['30', 30_000],
  [' 7 ', 7_000],
  ['0', 1_000],
  ['9999999', HOUR_MS],
  [new Date(NOW_MS + 90_000).toUTCString(), 90_000],
  [new Date(NOW_MS - 90_000).toUTCString(), 1_000],
  ['soon', undefined],
  ['-5 seconds or so', undefined],
  ['', undefined],
  ['1e9999', undefined],
])('Retry-After %p is read inside our bounds', (text, ms) => {
  expect(readRetryAfterMs(text, NOW_MS)).toBe(ms as number)
})

test('429, 502 and 504 slow an endpoint down; others only where they say for how long', () => {
  for (const status of [429, 502, 504]) expect(pauseMs(status, undefined)).toBeGreaterThan(0)
  for (const status of [0, 400, 410, 500, 503]) expect(pauseMs(status, undefined)).toBe(0)
  expect(pauseMs(503, 2_000)).toBe(2_000)
})

test('no delay is negative, or longer than the bound that a start relies on', () => {
  const attempt = fc.record({
    format: fc.constantFrom('standard' as const, 'pusher' as const),
    attemptCount: fc.integer({ min: 1, max: 1_000 }),
    ageMs: fc.integer({ min: -HOUR_MS, max: 100 * HOUR_MS }),
    retryAfterMs: fc.option(fc.integer({ min: 1_000, max: HOUR_MS }), { nil: undefined }),
  })
  const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  fc.assert(
    fc.property(attempt, uint32, fc.string(), (failed, random, text) => {
      const delayMs = nextDelayMs(failed, randomOf(random)) ?? 0
      expect(delayMs).toBeGreaterThanOrEqual(0)
      expect(delayMs).toBeLessThanOrEqual(DELAY_MS_MAX)
      expect(readRetryAfterMs(text, NOW_MS) ?? HOUR_MS).toBeLessThanOrEqual(HOUR_MS)
    }),
  )
})
