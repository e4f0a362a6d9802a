import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isLongerThan, nestsDeeperThan, parseJsonObject, utf8Length } from './bytes.ts'

describe('nesting', () => {
  test('agrees with the depth of the parsed value for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 6 }), (value, depthMax) => {
        const text = JSON.stringify(value)
        expect(nestsDeeperThan(text, depthMax)).toBe(depthOf(JSON.parse(text)) > depthMax)
      }),
    )
  })

  test('does not count brackets inside strings or behind escaped quotes', () => {
    expect(nestsDeeperThan('{"a":"[[[[\\"[[["}', 1)).toBe(false)
    expect(nestsDeeperThan('{"a":"\\\\","b":[[]]}', 2)).toBe(true)
  })

  test('refuses a hundred thousand levels without parsing them', () => {
    expect(parseJsonObject(`{"a":${'['.repeat(100_000)}`, 32)).toBeUndefined()
  })
})

describe('parseJsonObject', () => {
  test('gives an object or undefined for any text, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        const value = parseJsonObject(text, 32)
        expect(value === undefined || (typeof value === 'object' && !Array.isArray(value))).toBe(
          true,
        )
      }),
    )
  })
})

describe('isLongerThan', () => {
  test('agrees with the UTF-8 length for any text and bound', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 60 }), (text, bytesMax) => {
        expect(isLongerThan(text, bytesMax)).toBe(utf8Length(text) > bytesMax)
      }),
    )
  })
})

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}
