import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readClientProof } from './client-proof.ts'
import { decodeFormText, parseForm, parseJson as parseJsonBytes } from './parameters.ts'

const parseJson = (text: string) => parseJsonBytes(new TextEncoder().encode(text))

const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const values = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const parameters = fc.uniqueArray(fc.tuple(names, values), {
  selector: ([name]) => name,
  maxLength: 8,
})

describe('parameters', () => {
  test('of a form are what the platform reads from it', () => {
    fc.assert(
      fc.property(parameters, (pairs) => {
        const form = new URLSearchParams(pairs)
        const parsed = parseForm(form.toString())
        expect(parsed).toEqual({ ok: true, value: new Map([...form]) })
      }),
    )
  })

  test('of JSON are its texts, and a name given twice is found wherever it stands', () => {
    fc.assert(
      fc.property(parameters, (pairs) => {
        const members = pairs.map((pair) => pair.map((each) => JSON.stringify(each)).join(':'))
        const text = `{${members.join(',')}}`
        expect(parseJson(text)).toEqual({ ok: true, value: new Map(pairs) })
        const [first] = members
        if (first === undefined) return
        const repeated = parseJson(`{${[...members, first].join(',')}}`)
        expect(repeated).toMatchObject({ ok: false, refusal: 'invalid_request' })
      }),
    )
  })

  test('of JSON are not confused by what looks like a name inside a value', () => {
    const nested = '{"a":"{\\"b\\":1}","x":{"a":1,"b":[{"a":2}]},"c":"\\\\"}'
    expect(parseJson(nested)).toEqual({
      ok: true,
      value: new Map([
        ['a', '{"b":1}'],
        ['c', '\\'],
      ]),
    })
  })

  test('count as absent where they are empty', () => {
    expect(parseForm('a=&b&c=1')).toEqual({ ok: true, value: new Map([['c', '1']]) })
    expect(parseForm('a=&a=1')).toMatchObject({ ok: false })
    expect(parseJson('{"a":"","c":"1"}')).toEqual({ ok: true, value: new Map([['c', '1']]) })
  })

  test('are at most 64', () => {
    const form = (count: number) => Array.from({ length: count }, (_, index) => `p${index}=1`)
    expect(parseForm(form(64).join('&')).ok).toBe(true)
    expect(parseForm(form(65).join('&')).ok).toBe(false)
    const json = (count: number) =>
      `{${Array.from({ length: count }, (_, index) => `"p${index}":"1"`).join(',')}}`
    expect(parseJson(json(64)).ok).toBe(true)
    expect(parseJson(json(65)).ok).toBe(false)
  })

  test('may be anything: nothing throws, and every refusal is one', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.json())
    fc.assert(
      fc.property(texts, (text) => {
        for (const parsed of [parseForm(text), parseJson(text)]) {
          if (!parsed.ok) expect(parsed.refusal).toBe('invalid_request')
        }
        decodeFormText(text)
      }),
      { numRuns: 500 },
    )
  })

  test('named like what every object has are parameters like others', () => {
    const parsed = parseJson('{"__proto__":"x","constructor":"y"}')
    expect(parsed).toMatchObject({ ok: true })
    expect(parseForm('__proto__=x&constructor=y').ok).toBe(true)
  })
})

describe('the proof of a client', () => {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
  const header = (id: string, secret: string) =>
    `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`

  test('in a header is read as it was encoded (RFC 6749 §2.3.1)', () => {
    fc.assert(
      fc.property(values, values, (clientId, secret) => {
        const proof = readClientProof(new Map(), header(clientId, secret))
        expect(proof).toEqual({ ok: true, value: { method: 'secret', clientId, secret } })
      }),
    )
  })

  test('takes the scheme in any case', () => {
    for (const scheme of ['basic', 'BASIC', 'bAsIc']) {
      const [, rest] = header('a', 'b').split(' ')
      expect(readClientProof(new Map(), `${scheme} ${rest}`).ok).toBe(true)
    }
  })

  test('is nobody where the header cannot be read', () => {
    const bare = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    for (const each of ['Basic ', 'Basic !', bare('a'), bare(':b'), bare('%zz:b'), bare('%ff:b')]) {
      expect(readClientProof(new Map([['client_id', 'a']]), each)).toMatchObject({
        refusal: 'invalid_client',
      })
    }
    expect(readClientProof(new Map(), bare(`${'a'.repeat(9_000)}:b`))).toMatchObject({
      refusal: 'invalid_client',
    })
  })

  test('may be any header: nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        readClientProof(new Map(), text)
        readClientProof(new Map(), `Basic ${text}`)
      }),
    )
  })
})
