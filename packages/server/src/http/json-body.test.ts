import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { countMembers, parseJsonBody } from './json-body.ts'

const BOUNDS = { depthMax: 32, memberCountMax: 1_000 }
const encode = (text: string) => new TextEncoder().encode(text)
const parse = (text: string, bounds = BOUNDS) => parseJsonBody(encode(text), bounds)

function objects(): fc.Arbitrary<Record<string, unknown>> {
  const value = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown>
  return fc.dictionary(fc.string({ unit: 'grapheme' }), value, { noNullPrototype: true })
}

describe('a JSON body', () => {
  test('is what the platform reads from it', () => {
    fc.assert(
      fc.property(objects(), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        expect(parse(text, { depthMax: 100, memberCountMax: 100_000 })).toEqual({
          ok: true,
          value: JSON.parse(text) as Record<string, unknown>,
        })
      }),
    )
  })

  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"x":{"a":1,"a":2}}',
    '{"x":[1,{"b":{},"c":[],"b":3}]}',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\"":1,"a\\"":2}',
    '{"":1,"":1}',
  ])('with a name twice is refused: %s', (text) => {
    expect(parse(text)).toMatchObject({ refusal: 'request_malformed', detail: TWICE })
  })

  test.each(['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', '{"a:\\"b\\\\":"c:\\"d:\\\\","e":":"}'])(
    'with the same name in different objects, or colons in texts, is not: %s',
    (text) => {
      expect(parse(text).ok).toBe(true)
    },
  )

  test('has as many levels and names as its bounds say, and no more', () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    expect(parse(nested(4), { depthMax: 4, memberCountMax: 4 }).ok).toBe(true)
    expect(parse(nested(5), { depthMax: 4, memberCountMax: 9 })).toMatchObject({ ok: false })
    expect(parse(nested(5), { depthMax: 9, memberCountMax: 4 })).toMatchObject({ ok: false })
    const wide = (count: number) =>
      `{"x":[${Array.from({ length: count }, () => '{"a":1}').join(',')}]}`
    expect(parse(wide(9), { depthMax: 3, memberCountMax: 10 }).ok).toBe(true)
    expect(parse(wide(10), { depthMax: 3, memberCountMax: 10 }).ok).toBe(false)
  })

  test.each(['', '[]', '1', 'null', '"a"', '{', '{}}', '{"a":1}x', "{'a':1}", '{"a":NaN}', '\0'])(
    'that is no JSON object is refused: %p',
    (text) => {
      expect(parse(text)).toMatchObject({ ok: false, refusal: 'request_malformed' })
    },
  )

  test.each([[[0xff]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]]])(
    'that is no UTF-8 is refused: %p',
    (bytes) => {
      const body = new Uint8Array([...encode('{"a":"'), ...bytes, ...encode('"}')])
      expect(parseJsonBody(body, BOUNDS)).toMatchObject({
        ok: false,
        detail: 'The body is no UTF-8.',
      })
    },
  )

  test('may be any bytes: nothing throws', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.stringMatching(/^[{}[\]":,\\a]*$/),
    )
    fc.assert(
      fc.property(texts, fc.uint8Array(), (text, bytes) => {
        for (const body of [encode(text), bytes]) {
          const parsed = parseJsonBody(body, BOUNDS)
          if (!parsed.ok) expect(parsed.refusal).toBe('request_malformed')
        }
      }),
      { numRuns: 500 },
    )
  })

  test('costs one pass, whatever it is made of', () => {
    for (const text of ['"', '\\', '":', '\\"', ':', '""', '"a"', '[]'].map((each) =>
      each.repeat(500_000),
    )) {
      countMembers(text)
      countMembers(`"${text}`)
    }
  })
})

const TWICE = 'The JSON has a name twice in one object.'
