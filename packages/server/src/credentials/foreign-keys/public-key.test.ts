import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseKeySet, KEY_SET_COUNT_MAX } from './key-set.ts'
import { readJwk, readJwkText, readPem } from './public-key.ts'
import { readRegisteredKey } from './registered-key.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const ed = generateKeyPairSync('ed25519')
const PAIRS = [
  ['RSA', rsa, ['RS256', 'PS256']],
  ['P-256', ec, ['ES256']],
  ['P-384', p384, ['ES384']],
  ['Ed25519', ed, ['EdDSA', 'Ed25519']],
] as const

const jwkOf = ({ publicKey }: { readonly publicKey: typeof ec.publicKey }) =>
  publicKey.export({ format: 'jwk' }) as Record<string, unknown>

describe.each(PAIRS)('a key of type %s', (_type, pair, algorithms) => {
  const { publicKey, privateKey } = pair
  const pem = publicKey.export({ format: 'pem', type: 'spki' })

  test('is read as JWK and as PEM, for its algorithms only', () => {
    const read = readJwk(jwkOf(pair))
    expect(read).toMatchObject({ ok: true, value: { algorithms, kid: undefined } })
    const other = readPem(pem)
    if (!read.ok || !other.ok) throw new Error('refused')
    expect(other.value.jwk).toBe(read.value.jwk)
    expect(other.value.thumbprint).toBe(read.value.thumbprint)
    expect(readJwkText(read.value.jwk)).toMatchObject({ ok: true, value: { algorithms } })
  })

  test('that can sign is refused, and nothing of it is repeated', () => {
    const jwk = privateKey.export({ format: 'jwk' })
    const refused = readRegisteredKey({ jwk: jwk as Record<string, unknown> }, undefined)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
    expect(JSON.stringify(refused)).not.toContain(String(jwk.d))
    const text = privateKey.export({ format: 'pem', type: 'pkcs8' })
    const other = readRegisteredKey({ publicKeyPem: text }, undefined)
    expect(other).toMatchObject({ refusal: 'input_invalid' })
    expect(JSON.stringify(other)).not.toContain(text.split('\n')[1] ?? '')
  })

  test('keeps what counts and nothing else', () => {
    const read = readJwk({ ...jwkOf(pair), kid: 'k', use: 'sig', x5c: ['AA'], extra: 1 })
    const kept = read.ok ? Object.keys(JSON.parse(read.value.jwk)) : []
    expect(kept.filter((name) => !['kty', 'crv', 'x', 'y', 'n', 'e'].includes(name))).toEqual([
      'kid',
    ])
  })
})

test('an algorithm in the key narrows it, and one that does not fit is refused', () => {
  expect(readJwk({ ...jwkOf(rsa), alg: 'PS256' })).toMatchObject({
    value: { algorithms: ['PS256'] },
  })
  for (const alg of ['ES256', 'HS256', 'none', '', 1]) {
    expect(readJwk({ ...jwkOf(rsa), alg })).toMatchObject({ refusal: 'unsupported' })
  }
})

test.each<[string, Record<string, unknown>, string]>([
  ['a symmetric key', { kty: 'oct', k: 'AAAA' }, 'private'],
  ['a symmetric key without its value', { kty: 'oct' }, 'private'],
  ['a public key with a symmetric part', { ...jwkOf(ec), k: 'AAAA' }, 'private'],
  ['a part of the private key alone', { ...jwkOf(rsa), qi: 'AAAA' }, 'private'],
  ['for encrypting', { ...jwkOf(rsa), use: 'enc' }, 'unsupported'],
  ['for other operations', { ...jwkOf(rsa), key_ops: ['encrypt'] }, 'unsupported'],
  ['operations that are a text', { ...jwkOf(rsa), key_ops: 'verify' }, 'unsupported'],
  ['of no type', { ...jwkOf(ec), kty: undefined }, 'unsupported'],
  ['of another curve', { ...jwkOf(ec), crv: 'P-521' }, 'unsupported'],
  ['a point that is not on the curve', { ...jwkOf(ec), x: 'A'.repeat(43) }, 'malformed'],
  ['a point of another curve', { ...jwkOf(p384), crv: 'P-256' }, 'malformed'],
  ['without a coordinate', { ...jwkOf(ec), y: undefined }, 'malformed'],
  ['a coordinate that is a list', { ...jwkOf(ec), y: ['A'] }, 'malformed'],
  ['a kid that is a number', { ...jwkOf(ec), kid: 1 }, 'malformed'],
  ['a kid with a line end', { ...jwkOf(ec), kid: 'a\n' }, 'malformed'],
  ['a small exponent', { ...jwkOf(rsa), e: 'Aw' }, 'weak'],
  ['a modulus of 1024 bits', rsaOf(1_024), 'weak'],
  ['a modulus of 16384 bits', rsaOf(16_384), 'weak'],
])('a key is refused: %s', (_what, jwk, refusal) => {
  expect(readJwk(jwk)).toMatchObject({ refusal })
})

/** The runtime takes any odd number for a modulus. */
function rsaOf(bits: number) {
  const bytes = randomBytes(bits / 8)
  bytes[0] = 0xff
  bytes[bytes.length - 1] = 0x01
  return { kty: 'RSA', n: bytes.toString('base64url'), e: 'AQAB' }
}

test.each([
  ['empty', ''],
  ['no PEM', 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  ['an empty key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
  ['two labels', '-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
  ['too long', `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(9_000)}\n-----END PUBLIC KEY-----`],
])('PEM that is no public key is refused: %s', (_what, pem) => {
  expect(readPem(pem)).toMatchObject({ refusal: 'malformed' })
})

test('PKCS #1 is read too', () => {
  const pem = rsa.publicKey.export({ format: 'pem', type: 'pkcs1' })
  expect(readPem(pem)).toMatchObject({ ok: true, value: { algorithms: ['RS256', 'PS256'] } })
})

test('whatever a key is made of, nothing is thrown', () => {
  const names = fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', 'use', 'alg', 'kid')
  const values = fc.oneof(
    fc.constantFrom('RSA', 'EC', 'OKP', 'P-256', 'AQAB', 'sig'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(fc.dictionary(names, values), fc.string(), (jwk, text) => {
      expect(readJwk(jwk).ok).toBe(false)
      expect(readJwkText(text).ok).toBe(false)
      expect(readPem(text).ok).toBe(false)
    }),
  )
})

describe('a key set', () => {
  const parse = (document: unknown) => parseKeySet(Buffer.from(JSON.stringify(document)))

  test('gives its keys for verifying and leaves the others out', () => {
    const secret = ec.privateKey.export({ format: 'jwk' })
    const others = [
      { kty: 'oct', k: 'AA' },
      secret,
      { ...jwkOf(rsa), use: 'enc' },
      'x',
      null,
      [],
      {},
    ]
    const keys = parse({ keys: [...others, { ...jwkOf(ec), kid: 'a' }, jwkOf(ed)] })
    expect(keys?.map(({ kid, algorithms }) => [kid, algorithms[0]])).toEqual([
      ['a', 'ES256'],
      [undefined, 'EdDSA'],
    ])
  })

  test('is read up to the bound', () => {
    const many = Array.from({ length: KEY_SET_COUNT_MAX + 10 }, () => jwkOf(ec))
    expect(parse({ keys: many })).toHaveLength(KEY_SET_COUNT_MAX)
  })

  test.each([[{}], [{ keys: {} }], [[]], ['keys'], [null], [{ keys: null }]])(
    'is not %j',
    (each) => {
      expect(parse(each)).toBeUndefined()
    },
  )

  test('is not what nests deeply or is no JSON', () => {
    expect(parse({ keys: [[[[[[[1]]]]]]] })).toBeUndefined()
    expect(parseKeySet(Buffer.from('<html>'))).toBeUndefined()
    expect(parseKeySet(new Uint8Array([0xff, 0xfe]))).toBeUndefined()
  })
})

describe('what a customer registers', () => {
  test('is one thing, or nothing', () => {
    expect(readRegisteredKey({}, undefined)).toEqual({ ok: true, value: undefined })
    const two = { jwk: jwkOf(ec), jwksUrl: 'https://keys.example/' }
    expect(readRegisteredKey(two, undefined)).toMatchObject({ refusal: 'input_invalid' })
  })

  test('has to fit the algorithms that are asked for', () => {
    const jwk = jwkOf(ec)
    expect(readRegisteredKey({ jwk }, ['ES256', 'RS256'])).toMatchObject({ ok: true })
    expect(readRegisteredKey({ jwk }, ['RS256'])).toMatchObject({ refusal: 'input_invalid' })
  })

  test.each(['https://keys.example/.well-known/jwks.json?v=1', 'http://127.0.0.1:8080/jwks'])(
    'may be a URL: %s',
    (jwksUrl) => {
      const value = { storage: 'remote', jwksUrl } as const
      expect(readRegisteredKey({ jwksUrl }, undefined)).toEqual({ ok: true, value })
    },
  )

  test.each([
    '',
    'keys.example',
    'ftp://keys.example/',
    'https://user:secret@keys.example/',
    'https://keys.example/#x',
    'https://keys.example/ x',
    `https://keys.example/${'x'.repeat(2_000)}`,
  ])('is no such URL: %p', (jwksUrl) => {
    const refused = readRegisteredKey({ jwksUrl }, undefined)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
    expect(JSON.stringify(refused)).not.toContain('secret')
  })

  test('is told as weak where it is', () => {
    expect(readRegisteredKey({ jwk: rsaOf(1_024) }, undefined)).toMatchObject({
      refusal: 'weak_secret',
    })
  })
})
