import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { KeyedHash } from './keyed-hash.ts'

const KEY = { key0: 0x03020100, key1: 0x07060504 }

/** The same function after its paper, word by word and without care for speed. */
function plainHash(family: number, text: string): { low: number; high: number } {
  const rotated = (word: number, by: number) => ((word << by) | (word >>> (32 - by))) >>> 0
  const v = [KEY.key0, KEY.key1 ^ 0xee, KEY.key0 ^ 0x6c796765, KEY.key1 ^ 0x74656462]
  const at = (index: number) => v[index] ?? 0
  const mix = (one: number, other: number, by: number) => {
    v[one] = (at(one) + at(other)) >>> 0
    v[other] = (rotated(at(other), by) ^ at(one)) >>> 0
  }
  const round = () => {
    mix(0, 1, 5)
    v[0] = rotated(at(0), 16)
    mix(2, 3, 8)
    mix(0, 3, 7)
    mix(2, 1, 13)
    v[2] = rotated(at(2), 16)
  }
  const words = [family]
  for (let unit = 0; unit + 1 < text.length; unit += 2) {
    words.push(text.charCodeAt(unit) + text.charCodeAt(unit + 1) * 0x10000)
  }
  const odd = text.length % 2 === 1 ? text.charCodeAt(text.length - 1) : 0
  words.push((odd | (text.length << 24)) >>> 0)
  for (const word of words) {
    v[3] = (at(3) ^ word) >>> 0
    round()
    v[0] = (at(0) ^ word) >>> 0
  }
  v[2] = (at(2) ^ 0xee) >>> 0
  for (let left = 3; left > 0; left--) round()
  const low = (at(1) ^ at(3)) >>> 0
  v[1] = (at(1) ^ 0xdd) >>> 0
  for (let left = 3; left > 0; left--) round()
  return { low, high: (at(1) ^ at(3)) >>> 0 }
}

test('it is HalfSipHash-1-3 over the family and the units of the text', () => {
  const hash = new KeyedHash(KEY)
  fc.assert(
    fc.property(fc.nat(511), fc.string({ maxLength: 50, unit: 'binary' }), (family, text) => {
      hash.hash(family, text, 200)
      expect({ low: hash.low, high: hash.high }).toEqual(plainHash(family, text))
    }),
    { numRuns: 1_000 },
  )
})

describe('what differs is apart', () => {
  const hashed = (family: number, text: string, key = KEY) => {
    const hash = new KeyedHash(key)
    hash.hash(family, text, 200)
    return `${hash.low} ${hash.high}`
  }

  test('texts, families and keys', () => {
    const all = new Set<string>()
    for (let index = 0; index < 20_000; index++) all.add(hashed(1, `subject ${index}`))
    for (const [family, text] of [
      [1, ''],
      [1, '\0'],
      [1, '\0\0'],
      [2, ''],
      [1, 'x'.repeat(199)],
      [1, 'x'.repeat(200)],
    ] as const) {
      all.add(hashed(family, text))
      all.add(hashed(family, text, { key0: 1, key1: 2 }))
    }
    expect(all.size).toBe(20_012)
  })

  test('units beyond the bound do not count', () => {
    expect(hashed(1, 'x'.repeat(10_000))).toBe(hashed(1, 'x'.repeat(200)))
  })
})

test('low bits, which choose the place, are even', () => {
  const hash = new KeyedHash(KEY)
  const counts = new Uint32Array(64)
  for (let index = 0; index < 64_000; index++) {
    hash.hash(3, `user ${index}`, 200)
    const place = hash.low & 63
    counts[place] = (counts[place] ?? 0) + 1
  }
  for (const count of counts) expect(count).toBeWithin(800, 1_200)
})
