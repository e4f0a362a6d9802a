import { createHmac, createPublicKey, verify } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import vectors from '../../../../test/vectors/webhooks.json'
import {
  parseStandardHeaders,
  STANDARD_SIGNATURE_COUNT_MAX,
  standardSignatureHeader,
  standardStringToSign,
  standardWebhookBody,
} from './standard.ts'

const { secret, webhooks, ed25519 } = vectors.standard
const KEY = Buffer.from(secret.slice('whsec_'.length), 'base64')

/** RFC 8410 §4: what stands before the 32 bytes of a public key. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

describe('what is signed', () => {
  test('is what the vectors say', () => {
    for (const { id, timestampS, body, signature } of webhooks) {
      const text = standardStringToSign(id, timestampS, body)
      const mac = createHmac('sha256', KEY).update(text).digest('base64')
      expect(standardSignatureHeader([{ version: 'v1', text: mac }])).toBe(signature)
    }
  })

  test('is what npm standardwebhooks signs, of any body', () => {
    const oracle = new Webhook(secret)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(2 ** 31), (body, timestampS) => {
        const text = standardStringToSign('msg_1', timestampS, body)
        const mac = createHmac('sha256', KEY).update(text).digest('base64')
        expect(`v1,${mac}`).toBe(oracle.sign('msg_1', new Date(timestampS * 1000), body))
      }),
    )
  })

  test('verifies with the public key of the Ed25519 vector', () => {
    const { id, timestampS, body, publicKey, signature } = ed25519
    const bytes = Buffer.concat([SPKI_HEAD, Buffer.from(publicKey.slice(5), 'base64')])
    const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    const parsed = parseStandardHeaders({ id, timestamp: String(timestampS), signature })
    const [given] = parsed.ok ? parsed.value.signatures : []
    expect(given?.version).toBe('v1a')
    const text = Buffer.from(standardStringToSign(id, timestampS, body))
    expect(verify(null, text, key, Buffer.from(given?.text ?? '', 'base64'))).toBe(true)
  })
})

test('a body says type, time and data, and leaves out what is undefined', () => {
  const data = { appId: 'app', channel: 'news', userId: undefined }
  const body = standardWebhookBody({ type: 'channel.occupied', atMs: 1_674_087_231_000, data })
  expect(body).toBe(webhooks[0]?.body ?? '')
})

describe('headers', () => {
  const whole = { id: 'msg_1', timestamp: '1674087231', signature: 'v1,YQ==' }

  test('give every signature of a rotation, and none of a version that is not known', () => {
    const signature = 'v1,YQ== v1,Yg== v1a,Yw== v2,ZA=='
    expect(parseStandardHeaders({ ...whole, signature })).toEqual({
      ok: true,
      value: {
        id: 'msg_1',
        timestampS: 1_674_087_231,
        signatures: [
          { version: 'v1', text: 'YQ==' },
          { version: 'v1', text: 'Yg==' },
          { version: 'v1a', text: 'Yw==' },
        ],
      },
    })
  })

  test('are read as they were written', () => {
    const version = fc.constantFrom('v1' as const, 'v1a' as const)
    const text = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => {
      return Buffer.from(bytes).toString('base64')
    })
    const signatures = fc.array(fc.record({ version, text }), {
      minLength: 1,
      maxLength: STANDARD_SIGNATURE_COUNT_MAX,
    })
    fc.assert(
      fc.property(signatures, (given) => {
        const signature = standardSignatureHeader(given)
        const parsed = parseStandardHeaders({ ...whole, signature })
        expect(parsed.ok ? parsed.value.signatures : parsed.refusal).toEqual(given)
      }),
    )
  })

  test('of any text never throw, and are bounded', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (id, timestamp, signature) => {
        parseStandardHeaders({ id, timestamp, signature })
      }),
    )
    const many = Array.from({ length: STANDARD_SIGNATURE_COUNT_MAX + 1 }, () => 'v1,YQ==')
    expect(parseStandardHeaders({ ...whole, signature: many.join(' ') }).ok).toBe(false)
    const long = parseStandardHeaders({ ...whole, signature: `v1,${'A'.repeat(1_000)}` })
    expect(long.ok && long.value.signatures).toEqual([])
  })

  test.each([
    ['id', 'a.b'],
    ['id', ''],
    ['timestamp', '1e3'],
    ['timestamp', '-1'],
    ['timestamp', ' 1'],
  ] as const)('with the %s %p are refused', (name, value) => {
    expect(parseStandardHeaders({ ...whole, [name]: value })).toMatchObject({
      refusal: 'header_malformed',
    })
  })

  test('that are not all there are refused', () => {
    for (const name of ['id', 'timestamp', 'signature'] as const) {
      expect(parseStandardHeaders({ ...whole, [name]: undefined })).toMatchObject({
        refusal: 'headers_missing',
      })
    }
  })
})
