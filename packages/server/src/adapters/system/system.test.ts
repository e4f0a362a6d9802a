import { expect, test } from 'bun:test'
import { systemClock } from './clock.ts'
import { systemRandom } from './random.ts'

test('the monotonic clock never goes back and both clocks count milliseconds', () => {
  const readings = Array.from({ length: 1_000 }, () => systemClock.monotonicMs())
  expect(readings).toEqual(readings.toSorted((a, b) => a - b))
  const [before, between, after] = [Date.now(), systemClock.nowMs(), Date.now()]
  expect(between).toBeWithin(before, after + 1)
})

test.each([0, 1, 16, 255, 256, 257, 8_192, 10_000])(
  '%d bytes asked are %d bytes given',
  (count) => {
    for (let round = 0; round < 10; round++) expect(systemRandom.bytes(count)).toHaveLength(count)
  },
)

test('no bytes are given twice, across pages of the pool', () => {
  const given = Array.from({ length: 20_000 }, () =>
    Buffer.from(systemRandom.bytes(16)).toString('hex'),
  )
  expect(new Set(given).size).toBe(given.length)
})

test('the given bytes are the own ones of the caller, with nothing of the pool behind them', () => {
  const bytes = systemRandom.bytes(16)
  expect(bytes.buffer.byteLength).toBe(16)
  const before = Buffer.from(bytes).toString('hex')
  systemRandom.bytes(256).fill(7)
  expect(Buffer.from(bytes).toString('hex')).toBe(before)
})

test('every bit of an integer is fair', () => {
  const count = 20_000
  const ones = Array.from({ length: 32 }, () => 0)
  for (let round = 0; round < count; round++) {
    const value = systemRandom.uint32()
    expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true)
    for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] ?? 0) + ((value >>> bit) & 1)
  }
  // Eight standard deviations: a fair generator fails this once in 10^13 runs.
  const tolerance = 8 * Math.sqrt(count / 4)
  for (const each of ones) expect(Math.abs(each - count / 2)).toBeLessThan(tolerance)
})

test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%p is no count of bytes', (count) => {
  expect(() => systemRandom.bytes(count)).toThrow(RangeError)
})
