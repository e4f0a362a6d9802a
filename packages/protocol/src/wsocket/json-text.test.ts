import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { memberText, namesMoreThan } from './json-text.ts'

/** Names and texts that look like what the scan looks for. */
const tricky = fc.oneof(
  fc.constantFrom('data', '"data":', '\\', '\\"', '{', '}', '[', ']', ':', ',', '', '\u2028'),
  fc.string(),
)
const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' })
const object = fc.dictionary(tricky, fc.oneof(value, tricky), { maxKeys: 8 })

describe('memberText', () => {
  test('finds for every name the text a parser reads as its value', () => {
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t'), (members, indent) => {
        const text = JSON.stringify(members, undefined, indent)
        for (const name of Object.keys(members)) {
          expect(JSON.parse(memberText(text, name) ?? '')).toEqual(JSON.parse(text)[name])
        }
      }),
    )
  })

  test('finds nothing where a parser has nothing', () => {
    fc.assert(
      fc.property(object, tricky, (members, name) => {
        fc.pre(!Object.hasOwn(members, name))
        expect(memberText(JSON.stringify(members), name)).toBeUndefined()
      }),
    )
  })

  test('gives the text as it was written', () => {
    expect(memberText('{ "data" : [1.0, 1e2 ]}', 'data')).toBe('[1.0, 1e2 ]')
    expect(memberText('{"data":-0}', 'data')).toBe('-0')
    expect(memberText('{"data":true ,"x":1}', 'data')).toBe('true')
  })
})

describe('namesMoreThan', () => {
  test('counts the names of all objects, and no colons of texts', () => {
    const text = JSON.stringify({ a: { b: ':'.repeat(50) }, c: [{ 'd:': '\\":' }] })
    expect(namesMoreThan(text, 4)).toBe(false)
    expect(namesMoreThan(text, 3)).toBe(true)
  })

  test('answers for any text', () => {
    fc.assert(
      fc.property(fc.oneof(tricky, fc.string({ unit: 'binary' })), (text) => {
        expect(typeof namesMoreThan(text, 0)).toBe('boolean')
      }),
    )
  })
})
