import { describe, expect, test } from 'bun:test'
import { createHmac, createPublicKey, createSecretKey, verify } from 'node:crypto'
import Pusher from 'pusher'
import { Webhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { systemRandom } from '../../adapters/system/random.ts'
import {
  newWebhookPair,
  newWebhookSecret,
  publicTextOf,
  webhookKeyOf,
} from '../../credentials/webhook-secret.ts'
import { signedHeaders } from './signed-headers.ts'
import type { StandardKey } from './signing-keys.ts'

const BODY =
  '{"type":"channel.occupied","timestamp":"2026-11-27T12:00:00.000Z","data":{"channel":"ü"}}'
const NOW_MS = Date.now()
const ID = 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W'

const keyOf = (value: string, versionId = 'ver_1'): StandardKey => ({
  versionId,
  ...webhookKeyOf(value),
})
const headersBy = (...keys: readonly StandardKey[]) =>
  signedHeaders({ format: 'standard', keys }, { id: ID, nowMs: NOW_MS, body: BODY })

describe('a delivery of the Standard form', () => {
  const [first, second] = [newWebhookSecret(systemRandom), newWebhookSecret(systemRandom)]
  const verifiers: [string, (secret: string) => Pick<Webhook, 'verify'>][] = [
    ['npm standardwebhooks', (secret) => new Webhook(secret)],
    ['npm svix', (secret) => new SvixWebhook(secret)],
  ]

  test.each(verifiers)('is verified by %s with either secret during a rotation', (_, open) => {
    const headers = headersBy(keyOf(second), keyOf(first))
    for (const secret of [first, second]) {
      expect(() => open(secret).verify(BODY, headers)).not.toThrow()
    }
  })

  test.each(verifiers)('is refused by %s under another secret, body, id or time', (_, open) => {
    const headers = headersBy(keyOf(first))
    const receiver = open(first)
    expect(() => open(second).verify(BODY, headers)).toThrow()
    expect(() => receiver.verify(`${BODY} `, headers)).toThrow()
    expect(() => receiver.verify(BODY, { ...headers, 'webhook-id': 'msg_other' })).toThrow()
    const timestamp = String(Math.floor(NOW_MS / 1_000) + 1)
    expect(() => receiver.verify(BODY, { ...headers, 'webhook-timestamp': timestamp })).toThrow()
  })

  test('carries the hexadecimal HMAC of its body by the newest secret', () => {
    const { key } = webhookKeyOf(second)
    const hex = createHmac('sha256', key).update(BODY).digest('hex')
    const headers = headersBy(keyOf(second), keyOf(first))
    expect(headers['x-wsocket-signature']).toBe(`sha256=${hex}`)
  })

  test('is signed as v1a by a pair, verified with its public text, and has no other header', () => {
    const pair = webhookKeyOf(newWebhookPair(systemRandom))
    const headers = headersBy({ versionId: 'ver_1', ...pair })
    const [version, text = ''] = headers['webhook-signature']?.split(',') ?? []
    expect(version).toBe('v1a')
    const bytes = Buffer.from(publicTextOf(pair)?.slice('whpk_'.length) ?? '', 'base64')
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }
    const signed = Buffer.from(`${ID}.${Math.floor(NOW_MS / 1_000)}.${BODY}`)
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    expect(verify(null, signed, key, Buffer.from(text, 'base64'))).toBe(true)
    const names = ['webhook-id', 'webhook-signature', 'webhook-timestamp']
    expect(Object.keys(headers).sort()).toEqual(names)
  })
})

test('a delivery of the Pusher form is verified by npm pusher with the old or the new token', () => {
  const body = '{"time_ms":1,"events":[{"name":"channel_occupied","channel":"news"}]}'
  const key = createSecretKey(Buffer.from('old secret'))
  const headers = signedHeaders(
    { format: 'pusher', appKey: 'app-key', versionId: 'ver_1', key },
    { id: ID, nowMs: NOW_MS, body },
  )
  const isValid = (secret: string, extra?: { key: string; secret: string }) =>
    new Pusher({ appId: 'app', key: 'app-key', secret, host: '127.0.0.1' })
      .webhook({ headers: { 'content-type': 'application/json', ...headers }, rawBody: body })
      .isValid(extra === undefined ? [] : [extra])
  expect(isValid('old secret')).toBe(true)
  expect(isValid('new secret')).toBe(false)
  expect(isValid('new secret', { key: 'app-key', secret: 'old secret' })).toBe(true)
})
