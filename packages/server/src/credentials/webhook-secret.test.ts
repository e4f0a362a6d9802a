import { describe, expect, test } from 'bun:test'
import { createHmac, createPublicKey, sign, verify } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { systemRandom } from '../adapters/system/random.ts'
import { KEY_SCANNER } from './key-format.ts'
import {
  checkWebhookSecret,
  isWebhookSecret,
  newWebhookPair,
  newWebhookSecret,
  publicTextOf,
  webhookKeyOf,
} from './webhook-secret.ts'

const ID = 'msg_1'
const AT = new Date()
const BODY = '{"type":"channel.occupied"}'
const CONTENT = `${ID}.${Math.floor(AT.getTime() / 1_000)}.${BODY}`

/** As a delivery is signed. */
function signatureBy(secret: string): string {
  const { key } = webhookKeyOf(secret)
  return `v1,${createHmac('sha256', key).update(CONTENT).digest('base64')}`
}

describe('a generated HMAC secret', () => {
  test('is whsec_ and the base64 of 36 bytes, of which 32 are random', () => {
    const values = Array.from({ length: 50 }, () => newWebhookSecret(systemRandom))
    expect(new Set(values).size).toBe(50)
    for (const value of values) {
      expect(value).toMatch(/^whsec_[0-9A-Za-z+/]{48}$/)
      const bytes = Buffer.from(value.slice('whsec_'.length), 'base64')
      expect(bytes).toHaveLength(36)
      expect(bytes.readUInt32BE(32)).toBe(crc32(bytes.subarray(0, 32)))
      expect(checkWebhookSecret(value, 'hmac-sha256').ok).toBe(true)
    }
  })

  test('signs what npm standardwebhooks verifies with the same text', () => {
    const value = newWebhookSecret(systemRandom)
    expect(new Webhook(value).sign(ID, AT, BODY)).toBe(signatureBy(value))
    const headers = {
      'webhook-id': ID,
      'webhook-timestamp': String(Math.floor(AT.getTime() / 1_000)),
      'webhook-signature': signatureBy(value),
    }
    expect(new Webhook(value).verify(BODY, headers)).toEqual(JSON.parse(BODY))
    const other = new Webhook(newWebhookSecret(systemRandom))
    expect(() => other.verify(BODY, headers)).toThrow('No matching signature')
  })

  test('is told from everything else offline, after any change of one character', () => {
    const value = newWebhookSecret(systemRandom)
    expect(isWebhookSecret(value)).toBe(true)
    for (let index = 0; index < value.length; index++) {
      const other = value[index] === 'x' ? 'y' : 'x'
      expect(isWebhookSecret(value.slice(0, index) + other + value.slice(index + 1))).toBe(false)
    }
    for (const text of [
      '',
      'whsec_',
      `${value}\n`,
      ` ${value}`,
      value.slice(0, -4),
      `${value}AAAA`,
    ])
      expect(isWebhookSecret(text)).toBe(false)
  })

  test('is found by the scanner in any text', () => {
    const values = Array.from({ length: 20 }, () => newWebhookSecret(systemRandom))
    const text = `secret="${values.join('", next: "')}" whsec_short whsec_${'a'.repeat(60)}`
    expect([...text.matchAll(KEY_SCANNER)].map(([found]) => found)).toEqual(values)
  })
})

describe('a value that somebody brings', () => {
  const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64')

  test.each([
    ['whsec_ and 24 bytes', `whsec_${base64(24)}`],
    ['whsec_ and 64 bytes', `whsec_${base64(64)}`],
    ['base64 alone', base64(32)],
  ])('%s signs as npm standardwebhooks verifies', (_, value) => {
    expect(checkWebhookSecret(value, 'hmac-sha256').ok).toBe(true)
    expect(new Webhook(value).sign(ID, AT, BODY)).toBe(signatureBy(value))
  })

  test('that is no base64 signs with its own bytes: the format `raw` of the libraries', () => {
    for (const value of ['k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa', 'whsec', '='.repeat(40)]) {
      const receiver = new Webhook(value, { format: 'raw' })
      expect(receiver.sign(ID, AT, BODY)).toBe(signatureBy(value))
    }
  })

  test.each([
    ['too short', `whsec_${base64(23)}`],
    ['too long', `whsec_${base64(65)}`],
    ['not base64', 'whsec_k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa'],
    ['without its padding', `whsec_${base64(25).replaceAll('=', '')}`],
    ['empty', 'whsec_'],
    ['a private key of Ed25519', newWebhookPair(systemRandom)],
    ['a public key of Ed25519', `whpk_${base64(32)}`],
  ])('%s after its prefix is refused, and not quoted', (_, value) => {
    const checked = checkWebhookSecret(value, 'hmac-sha256')
    expect(checked).toMatchObject({ ok: false, refusal: 'weak_secret' })
    if (checked.ok || value.length < 10) return
    expect(checked.detail).not.toContain(value.slice(6))
  })

  test('whatever text it is, opening it never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        for (const prefix of ['', 'whsec_', 'whsk_', 'whpk_']) {
          expect(webhookKeyOf(prefix + text).key.type).toBe('secret')
          checkWebhookSecret(prefix + text, 'hmac-sha256')
          expect(checkWebhookSecret(prefix + text, 'ed25519').ok).toBe(false)
        }
      }),
    )
  })
})

describe('an Ed25519 pair', () => {
  test('is whsk_ and 64 bytes; its public half is whpk_ and the last 32 of them', () => {
    const value = newWebhookPair(systemRandom)
    expect(value).toMatch(/^whsk_[0-9A-Za-z+/]{86}==$/)
    expect(checkWebhookSecret(value, 'ed25519').ok).toBe(true)
    const bytes = Buffer.from(value.slice('whsk_'.length), 'base64')
    const text = publicTextOf(webhookKeyOf(value))
    expect(text).toBe(`whpk_${bytes.subarray(32).toString('base64')}`)
  })

  test('signs what its public text verifies, and nothing else', () => {
    const opened = webhookKeyOf(newWebhookPair(systemRandom))
    const text = publicTextOf(opened) ?? ''
    const x = Buffer.from(text.slice('whpk_'.length), 'base64').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const signature = sign(null, Buffer.from(CONTENT), opened.key)
    expect(verify(null, Buffer.from(CONTENT), key, signature)).toBe(true)
    expect(verify(null, Buffer.from(`${CONTENT}x`), key, signature)).toBe(false)
  })

  test('whose halves do not belong together is refused', () => {
    const bytesOf = (value: string) => Buffer.from(value.slice('whsk_'.length), 'base64')
    const [first, second] = [newWebhookPair(systemRandom), newWebhookPair(systemRandom)]
    const mixed = Buffer.concat([bytesOf(first).subarray(0, 32), bytesOf(second).subarray(32)])
    const seed = bytesOf(first).subarray(0, 32)
    for (const bytes of [mixed, seed, Buffer.alloc(64)]) {
      const value = `whsk_${bytes.toString('base64')}`
      expect(checkWebhookSecret(value, 'ed25519')).toMatchObject({ refusal: 'weak_secret' })
    }
  })

  test('an HMAC secret has no public half', () => {
    expect(publicTextOf(webhookKeyOf(newWebhookSecret(systemRandom)))).toBeUndefined()
  })
})
