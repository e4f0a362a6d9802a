import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { constantTimeEqual } from './constant-time.ts'

const text = fc.string({ unit: 'binary', maxLength: 40 })
const utf8 = (value: string) => new TextEncoder().encode(value)

test('texts are equal exactly when their bytes are', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(constantTimeEqual(a, b)).toBe(Buffer.from(utf8(a)).equals(utf8(b)))
      expect(constantTimeEqual(a, a)).toBe(true)
    }),
  )
})

test('text and bytes are compared alike', () => {
  expect(constantTimeEqual('łü€', utf8('łü€'))).toBe(true)
  expect(constantTimeEqual(utf8('abc'), 'abd')).toBe(false)
})

test('a prefix, a longer text and an empty one are different', () => {
  expect(constantTimeEqual('abc', 'abcd')).toBe(false)
  expect(constantTimeEqual('abcd', 'abc')).toBe(false)
  expect(constantTimeEqual('', 'a')).toBe(false)
  expect(constantTimeEqual('a', '')).toBe(false)
  expect(constantTimeEqual('', '')).toBe(true)
})

test('lengths that differ by a multiple of 256 are told apart', () => {
  expect(constantTimeEqual('', '\0'.repeat(256))).toBe(false)
  expect(constantTimeEqual('\0'.repeat(256), '')).toBe(false)
})

test('each single changed bit is seen', () => {
  const wanted = new Uint8Array(32).fill(0xa5)
  for (let bit = 0; bit < 256; bit++) {
    const given = wanted.slice()
    given[bit >> 3] = (given[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(constantTimeEqual(given, wanted)).toBe(false)
  }
})
