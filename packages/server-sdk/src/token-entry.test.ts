import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { EntryCodec, isToken, TOKEN_CHARACTERS_MAX, type TokenEntry } from './token-entry.ts'

const KEYS = [btoa('a'.repeat(32)), btoa('b'.repeat(32))]
const ENTRY: TokenEntry = {
  accessToken: 'at',
  refreshToken: 'rt',
  generation: 3,
  obtainedAtMs: 1_000,
  expiresAtMs: 2_000,
}

const token = fc
  .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 1, maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes))
const entry = fc.record({
  accessToken: token,
  refreshToken: token,
  generation: fc.nat(),
  obtainedAtMs: fc.maxSafeInteger(),
  expiresAtMs: fc.maxSafeInteger(),
})

describe.each([
  ['in clear', []],
  ['sealed', KEYS],
])('an entry %s', (_, keys) => {
  test('comes back as it was', async () => {
    const codec = new EntryCodec(keys)
    await fc.assert(
      fc.asyncProperty(entry, async (given) => {
        expect(await codec.decode(await codec.encode(given, 'place'), 'place')).toEqual(given)
      }),
    )
  })

  test.each(['/=', '==', 'a=', 'abc', 'a===', 'ab=='])(
    'base64 that no entry has, such as %p, opens as nothing',
    async (text) => {
      // Padding that fills no group of four made the runtime's own decoder throw.
      const codec = new EntryCodec(keys)
      expect(await codec.decode(`sealed1:${text}`, 'place')).toBeUndefined()
    },
  )

  test('no text makes decoding throw', async () => {
    const codec = new EntryCodec(keys)
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((text) => `sealed1:${text}`),
      fc
        .uint8Array({ maxLength: 80 })
        .map((each) => `sealed1:${Buffer.from(each).toString('base64')}`),
      fc.json(),
    )
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect(await codec.decode(text, 'place')).toBeUndefined()
      }),
    )
  })
})

test('a sealed entry is new each time, and opens with any of the keys, at its place only', async () => {
  const old = new EntryCodec([KEYS[1] ?? ''])
  const [first, second] = [await old.encode(ENTRY, 'place'), await old.encode(ENTRY, 'place')]
  expect(first).not.toBe(second)
  expect(await new EntryCodec(KEYS).decode(first, 'place')).toEqual(ENTRY)
  expect(await new EntryCodec(KEYS).decode(first, 'elsewhere')).toBeUndefined()
  expect(await new EntryCodec([KEYS[0] ?? '']).decode(first, 'place')).toBeUndefined()
})

test('a sealed entry does not open after any change of a byte', async () => {
  const codec = new EntryCodec(KEYS)
  const sealed = await codec.encode(ENTRY, 'place')
  const bytes = Buffer.from(sealed.slice('sealed1:'.length), 'base64')
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    const text = `sealed1:${changed.toString('base64')}`
    expect(await codec.decode(text, 'place')).toBeUndefined()
  }
})

test('an entry in clear is not believed where entries are sealed, nor the other way round', async () => {
  const [clear, sealing] = [new EntryCodec([]), new EntryCodec(KEYS)]
  expect(await sealing.decode(await clear.encode(ENTRY, 'p'), 'p')).toBeUndefined()
  expect(await clear.decode(await sealing.encode(ENTRY, 'p'), 'p')).toBeUndefined()
})

test('an entry with a field missing, of another kind or out of bounds is none', async () => {
  const codec = new EntryCodec([])
  const bad: object[] = (Object.keys(ENTRY) as (keyof TokenEntry)[]).flatMap((field) => [
    { ...ENTRY, [field]: undefined },
    { ...ENTRY, [field]: {} },
    { ...ENTRY, [field]: 0.5 },
    { ...ENTRY, [field]: '' },
  ])
  for (const each of bad) {
    expect(await codec.decode(JSON.stringify(each), 'p')).toBeUndefined()
  }
  const long = { ...ENTRY, accessToken: 'x'.repeat(TOKEN_CHARACTERS_MAX + 1) }
  expect(await codec.decode(JSON.stringify(long), 'p')).toBeUndefined()
})

test('a token is visible ASCII, so that it cannot break a header', () => {
  expect(isToken('abc.DEF-_~+/=')).toBe(true)
  for (const bad of ['', 'a b', 'a\r\nb', 'ä', 7, undefined, null]) expect(isToken(bad)).toBe(false)
})

test('cache keys of another length are refused when the codec is made', () => {
  for (const key of ['', 'x', btoa('a'.repeat(31)), btoa('a'.repeat(33)), '!'.repeat(44)]) {
    expect(() => new EntryCodec([key])).toThrow(TypeError)
  }
  expect(() => new EntryCodec([Buffer.alloc(32, 0xfb).toString('base64url')])).not.toThrow()
})
