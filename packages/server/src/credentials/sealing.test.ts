import { describe, expect, test } from 'bun:test'
import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { systemRandom } from '../adapters/system/random.ts'
import type { MasterKey } from './master-key.ts'
import { openSecret, sealSecret } from './sealing.ts'

const CONTEXT = { purpose: 'signing-secret', owner: ['app-1', 'key-1'] } as const
const PLAIN = new TextEncoder().encode('the secret of the app')

function masterKeyOf(...versions: readonly number[]): MasterKey {
  return {
    currentVersion: Math.max(...versions),
    versions: new Map(
      versions.map((version) => [version, createSecretKey(new Uint8Array(32).fill(version))]),
    ),
  }
}

const one = masterKeyOf(1)
const seal = (plain: Uint8Array, masterKey = one) =>
  sealSecret(plain, CONTEXT, { masterKey, random: systemRandom })

test('any secret opens again in its own context', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (plain) => {
      expect(openSecret(seal(plain), CONTEXT, one)).toEqual({ ok: true, value: plain })
    }),
  )
})

test('the layout is format, key version, nonce, ciphertext, tag, as the database keeps it', () => {
  const random = { bytes: (count: number) => new Uint8Array(count).fill(0xab), uint32: () => 0 }
  const sealed = sealSecret(PLAIN, CONTEXT, { masterKey: masterKeyOf(1, 258), random })
  const hex = Buffer.from(sealed).toString('hex')
  expect(hex.slice(0, 34)).toBe(`0100000102${'ab'.repeat(12)}`)
  expect(sealed).toHaveLength(1 + 4 + 12 + PLAIN.length + 16)
})

test('a value recorded once opens for ever, so stored secrets outlive upgrades', () => {
  const sealed = Buffer.from(
    'AQAAAAGrq6urq6urq6urq6sD7p6wTvP8IenchPzhsbGRCPVqlJkOLLIUNg4RawyWdYQxIH7h',
    'base64',
  )
  expect(openSecret(sealed, CONTEXT, one)).toEqual({ ok: true, value: PLAIN })
})

test('the same secret sealed twice gives two values without the secret in them', () => {
  const [first, second] = [Buffer.from(seal(PLAIN)), Buffer.from(seal(PLAIN))]
  expect(first.equals(second)).toBe(false)
  expect(first.includes(PLAIN)).toBe(false)
})

describe('a sealed value does not open', () => {
  test.each<[string, { purpose: string; owner: string[] }]>([
    ['for another purpose', { purpose: 'webhook-secret', owner: ['app-1', 'key-1'] }],
    ['in the row of another app', { purpose: 'signing-secret', owner: ['app-2', 'key-1'] }],
    ['in the row of another key', { purpose: 'signing-secret', owner: ['app-1', 'key-2'] }],
    ['where ids are cut differently', { purpose: 'signing-secret', owner: ['app-1,key-1'] }],
    ['with fewer owners', { purpose: 'signing-secret', owner: ['app-1'] }],
    ['with its parts in other places', { purpose: 'app-1', owner: ['signing-secret', 'key-1'] }],
  ])('%s', (_, context) => {
    const refused = openSecret(seal(PLAIN), context, one)
    expect(refused).toEqual({ ok: false, refusal: 'not_authentic' })
  })

  test('after any change of any bit', () => {
    const sealed = seal(PLAIN)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(openSecret(changed, CONTEXT, one).ok).toBe(false)
    }
  })

  test('when cut anywhere or longer than it was', () => {
    const sealed = seal(PLAIN)
    for (let length = 0; length < sealed.length; length++)
      expect(openSecret(sealed.subarray(0, length), CONTEXT, one).ok).toBe(false)
    expect(openSecret(new Uint8Array([...sealed, 0]), CONTEXT, one).ok).toBe(false)
  })

  test('under another master key of the same version', () => {
    const other = { currentVersion: 1, versions: new Map([[1, createSecretKey(Buffer.alloc(32))]]) }
    expect(openSecret(seal(PLAIN), CONTEXT, other)).toMatchObject({ refusal: 'not_authentic' })
  })

  test('whatever bytes it is made of, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(openSecret(bytes, CONTEXT, one).ok).toBe(false)
      }),
    )
  })
})

test('after a rotation old values open, new ones are sealed under the new version', () => {
  const before = seal(PLAIN)
  const both = masterKeyOf(1, 2)
  expect(openSecret(before, CONTEXT, both)).toEqual({ ok: true, value: PLAIN })
  const after = seal(PLAIN, both)
  expect(openSecret(after, CONTEXT, masterKeyOf(2))).toEqual({ ok: true, value: PLAIN })
  expect(openSecret(before, CONTEXT, masterKeyOf(2))).toMatchObject({
    refusal: 'unknown_key_version',
  })
})
