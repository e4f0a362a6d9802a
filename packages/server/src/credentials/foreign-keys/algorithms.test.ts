import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { CompactSign } from 'jose'
import { ecPair, ecToken } from '../../../../../test/support/foreign-world.ts'
import {
  HMAC_ALGORITHMS,
  isHmac,
  isMacValid,
  isSignatureValid,
  parseAlgorithm,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
} from './algorithms.ts'
import { readSignedToken } from './signed-token.ts'

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const PAIRS = {
  RS256: rsa,
  PS256: rsa,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: generateKeyPairSync('ed25519'),
  Ed25519: generateKeyPairSync('ed25519'),
} as const satisfies Record<SignatureAlgorithm, unknown>

/** Signed by jose, so that its reading of the RFCs is the judge of ours. */
async function signedBy(alg: string, key: KeyObject | Uint8Array) {
  const text = await new CompactSign(Buffer.from('{"app":"app"}'))
    .setProtectedHeader({ alg })
    .sign(key)
  const signed = readSignedToken(text)
  if (signed === undefined) throw new Error('it was not read')
  return signed
}

describe.each(SIGNATURE_ALGORITHMS)('%s', (algorithm) => {
  const { publicKey, privateKey } = PAIRS[algorithm]

  test('verifies what jose signs, and nothing that was changed', async () => {
    const signed = await signedBy(algorithm, privateKey)
    expect(signed.algorithm).toBe(algorithm)
    expect(isSignatureValid(algorithm, publicKey, signed)).toBe(true)
    const { input, signature } = signed
    expect(isSignatureValid(algorithm, publicKey, { input: `${input}A`, signature })).toBe(false)
    for (const at of [0, signature.length >> 1, signature.length - 1]) {
      const changed = Uint8Array.from(signature)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(isSignatureValid(algorithm, publicKey, { input, signature: changed })).toBe(false)
    }
  })

  test('takes no signature of another length', async () => {
    const { input, signature } = await signedBy(algorithm, privateKey)
    const lengths = [0, 1, signature.length - 1, signature.length + 1, 1_000]
    for (const length of lengths) {
      const other = Buffer.concat([signature, Buffer.alloc(1_000)]).subarray(0, length)
      expect(isSignatureValid(algorithm, publicKey, { input, signature: other })).toBe(false)
    }
  })
})

test('RSA with one padding is not RSA with the other', async () => {
  const [plain, salted] = [
    await signedBy('RS256', rsa.privateKey),
    await signedBy('PS256', rsa.privateKey),
  ]
  expect(isSignatureValid('PS256', rsa.publicKey, plain)).toBe(false)
  expect(isSignatureValid('RS256', rsa.publicKey, salted)).toBe(false)
})

test('zeros are no signature of a curve (CVE-2022-21449)', () => {
  const { publicKey } = PAIRS.ES256
  const signature = new Uint8Array(64)
  expect(isSignatureValid('ES256', publicKey, { input: 'a.b', signature })).toBe(false)
})

describe.each(HMAC_ALGORITHMS)('%s', (algorithm) => {
  const secret = Buffer.alloc(64, 'secret')

  test('verifies what jose signs, and nothing that was changed', async () => {
    const signed = await signedBy(algorithm, secret)
    expect(isMacValid(algorithm, secret, signed)).toBe(true)
    expect(isMacValid(algorithm, Buffer.alloc(64, 'Secret'), signed)).toBe(false)
    const { input, signature } = signed
    expect(isMacValid(algorithm, secret, { input: `${input}A`, signature })).toBe(false)
    for (const length of [0, signature.length - 1]) {
      const short = signature.subarray(0, length)
      expect(isMacValid(algorithm, secret, { input, signature: short })).toBe(false)
    }
  })

  test('asks for a secret as long as its hash (RFC 7518 §3.2)', () => {
    const bits = Number(algorithm.slice(2))
    for (const [byteCount, isTaken] of [
      [bits / 8, true],
      [bits / 8 - 1, false],
      [0, false],
    ] as const) {
      const short = secret.subarray(0, byteCount)
      const signature = createHmac(`sha${bits}`, short).update('a.b').digest()
      expect(isMacValid(algorithm, short, { input: 'a.b', signature })).toBe(isTaken)
    }
  })
})

test('an algorithm is one of these, spelled like this', () => {
  for (const each of [...HMAC_ALGORITHMS, ...SIGNATURE_ALGORITHMS]) {
    expect(parseAlgorithm(each)).toBe(each)
    expect(isHmac(each)).toBe(each.startsWith('HS'))
    expect(parseAlgorithm(each.toLowerCase())).toBeUndefined()
  }
  for (const each of ['none', 'None', '', 'HS1', 'RS1', 'ES256K', 'toString', null, 1, ['HS256']]) {
    expect(parseAlgorithm(each)).toBeUndefined()
  }
})

test('a signature has one spelling', () => {
  const text = ecToken(ecPair(), {})
  expect(readSignedToken(text)).toBeDefined()
  // 64 bytes leave four bits in the last character that mean nothing.
  const last = text.at(-1) ?? ''
  const others = Array.from(BASE64URL)
  const taken = others.filter((each) => readSignedToken(text.slice(0, -1) + each) !== undefined)
  expect(taken).toContain(last)
  expect(taken).toHaveLength(4)
})
