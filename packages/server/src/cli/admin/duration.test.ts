import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { durationText, parseDuration } from './duration.ts'

test.each([
  ['0', 0],
  ['90', 90],
  ['90s', 90],
  ['30m', 1_800],
  ['1h', 3_600],
  ['1h30m', 5_400],
  ['7d', 604_800],
  ['1d2h3m4s', 93_784],
] as const)('%s is %d seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
})

test.each(['', 'h', '1x', '-1h', '1.5h', '1h ', '1 h', '30m1h', '1h1h', '9'.repeat(30), '99999d'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)

test('what is shown can be typed again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (seconds) => {
      expect(parseDuration(durationText(seconds))).toBe(seconds)
    }),
  )
  expect([0, 60, 86_400, 5_400].map(durationText)).toEqual(['0s', '1m', '1d', '1h30m'])
})
