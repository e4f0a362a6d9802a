import { afterEach, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import Pusher from 'pusher'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import {
  publicTextOf,
  pusherWebhook,
  type SentWebhook,
  type StandardParts,
  standardWebhook,
} from '../../../test/support/signed-webhooks.ts'
import { MemoryReplayStore } from './replay-store.ts'
import type { WebhookKey } from './webhook-keys.ts'
import type { WebhookRefusal } from './webhook-refusal.ts'
import { PUSHER_RETRY_MS, WEBHOOK_TOLERANCE_MS, WebhookVerifier } from './webhook-verifier.ts'

const NOW_MS = Date.now()
const SECRET = `whsec_${Buffer.alloc(36, 1).toString('base64')}`
const NEW_SECRET = `whsec_${Buffer.alloc(36, 2).toString('base64')}`
const TOKEN = { key: 'app-key', secret: 'hush-hush-secret' }
const NEW_TOKEN = { key: 'app-key', secret: 'newer-hush-secret' }
const PAIR = generateKeyPairSync('ed25519').privateKey
const PUBLIC_KEY = publicTextOf(PAIR)
const BODY = JSON.stringify({
  type: 'channel.occupied',
  timestamp: new Date(NOW_MS).toISOString(),
  data: { appId: 'app', channel: 'private-ä' },
})
const PUSHER_BODY = JSON.stringify({
  time_ms: NOW_MS,
  events: [{ name: 'channel_occupied', channel: 'private-a' }],
})

function standard(parts: Partial<StandardParts> = {}): SentWebhook {
  return standardWebhook({ atMs: NOW_MS, body: BODY, keys: [SECRET], ...parts })
}

function verifier(keys: readonly WebhookKey[] = [SECRET, TOKEN], nowMs = NOW_MS) {
  return new WebhookVerifier({ keys, now: () => nowMs })
}

/** Asks both ways and holds them to the same answer. */
async function verdict(sent: unknown, keys?: readonly WebhookKey[], nowMs?: number) {
  const request = sent as SentWebhook
  const now = verifier(keys, nowMs).webhook(request)
  const isValid = now.isValid()
  const later = await verifier(keys, nowMs).webhook(request).verify()
  expect(later.ok).toBe(isValid)
  const refusal: WebhookRefusal | undefined = later.ok ? undefined : later.refusal
  expect(now.refusal?.refusal).toBe(refusal)
  return refusal ?? 'valid'
}

function withHeaders(sent: SentWebhook, headers: Readonly<Record<string, unknown>>) {
  return { ...sent, headers: { ...sent.headers, ...headers } }
}

describe('a webhook of the Standard form', () => {
  test('is valid, and then tells what is in it', () => {
    const webhook = verifier().webhook(standard())
    expect(webhook.isValid()).toBe(true)
    expect([webhook.form, webhook.id, webhook.type]).toEqual([
      'standard',
      'msg_1',
      'channel.occupied',
    ])
    expect(webhook.data).toEqual({ appId: 'app', channel: 'private-ä' })
    expect(webhook.timestamp.getTime()).toBe(NOW_MS)
    expect(webhook.events).toHaveLength(1)
    expect(webhook.refusal).toBeUndefined()
  })

  test('tells nothing before it is known to be valid', () => {
    for (const webhook of [verifier().webhook(standard()), verifier([TOKEN]).webhook(standard())]) {
      for (const name of ['id', 'form', 'type', 'data', 'events', 'timestamp'] as const) {
        expect(() => webhook[name]).toThrow('before isValid() or verify() accepted it')
      }
      webhook.isValid()
    }
    const refused = verifier([TOKEN]).webhook(standard())
    refused.isValid()
    expect(() => refused.data).toThrow(TypeError)
  })

  test('that standardwebhooks or svix signed is valid here, and the other way round', async () => {
    const at = new Date(NOW_MS)
    for (const library of [new StandardWebhook(SECRET), new SvixWebhook(SECRET)]) {
      const signature = library.sign('msg_1', at, BODY)
      const sent = withHeaders(standard(), { 'webhook-signature': signature })
      expect(await verdict(sent)).toBe('valid')
      const both = { ...standard({ keys: [NEW_SECRET, SECRET] }).headers }
      expect(() => library.verify(BODY, both)).not.toThrow()
      const other = { ...standard({ keys: [NEW_SECRET] }).headers }
      expect(() => library.verify(BODY, other)).toThrow('No matching signature')
    }
  })

  test('is verified by the old and the new secret while one replaces the other', async () => {
    for (const [signers, known, expected] of [
      [[SECRET], [SECRET, NEW_SECRET], 'valid'],
      [[NEW_SECRET], [SECRET, NEW_SECRET], 'valid'],
      [[NEW_SECRET, SECRET], [SECRET], 'valid'],
      [[NEW_SECRET, SECRET], [NEW_SECRET], 'valid'],
      [[SECRET], [NEW_SECRET], 'signature_invalid'],
      [[NEW_SECRET], [SECRET], 'signature_invalid'],
    ] as const) {
      expect(await verdict(standard({ keys: signers }), known)).toBe(expected)
    }
    expect(
      verifier([SECRET])
        .webhook(standard({ keys: [NEW_SECRET] }))
        .isValid(NEW_SECRET),
    ).toBe(true)
    const webhook = verifier([SECRET]).webhook(standard({ keys: [NEW_SECRET] }))
    expect(webhook.isValid()).toBe(false)
    expect(webhook.isValid([PUBLIC_KEY, NEW_SECRET])).toBe(true)
  })

  test('is verified by an Ed25519 public key, alone or beside a secret', async () => {
    const other = publicTextOf(generateKeyPairSync('ed25519').privateKey)
    expect(await verdict(standard({ keys: [PAIR] }), [PUBLIC_KEY])).toBe('valid')
    expect(await verdict(standard({ keys: [SECRET, PAIR] }), [other, PUBLIC_KEY])).toBe('valid')
    expect(await verdict(standard({ keys: [PAIR] }), [other])).toBe('signature_invalid')
    expect(await verdict(standard({ keys: [SECRET] }), [PUBLIC_KEY])).toBe('signature_invalid')
    // The public key is public: as an HMAC secret it proves nothing.
    const forged = standard({ keys: [`whsec_${PUBLIC_KEY.slice('whpk_'.length)}`] })
    expect(await verdict(forged, [PUBLIC_KEY])).toBe('signature_invalid')
    const short = withHeaders(standard(), { 'webhook-signature': 'v1a,AAAA v1a,' })
    expect(await verdict(short, [PUBLIC_KEY])).toBe('signature_invalid')
  })

  test('is refused when one byte, its id or its time is another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.from(BODY)
        const index = at % bytes.length
        bytes[index] = (bytes[index] ?? 0) ^ flip
        expect(await verdict({ ...standard(), rawBody: bytes })).toBe('signature_invalid')
      }),
    )
    for (const header of [{ 'webhook-id': 'msg_2' }, { 'webhook-timestamp': '1' }]) {
      const sent = withHeaders(standard(), header)
      expect(await verdict(sent)).toBe(
        'webhook-id' in header ? 'signature_invalid' : 'timestamp_outside',
      )
    }
    const written = JSON.stringify(JSON.parse(BODY), undefined, 1)
    expect(await verdict({ ...standard(), rawBody: written })).toBe('signature_invalid')
  })

  test('of any content is valid as text, bytes and buffer', async () => {
    const event = fc.record({ type: fc.string(), data: fc.dictionary(fc.string(), fc.jsonValue()) })
    await fc.assert(
      fc.asyncProperty(event, async (content) => {
        const body = JSON.stringify({ ...content, timestamp: new Date(NOW_MS).toISOString() })
        const sent = standard({ body })
        const bytes = Buffer.from(body)
        for (const rawBody of [body, bytes, new Uint8Array(bytes).buffer]) {
          expect(await verdict({ ...sent, rawBody })).toBe('valid')
        }
      }),
    )
  })

  test('is refused when it is older than the window or ahead of it, to the millisecond', async () => {
    const signedMs = Math.floor(NOW_MS / 1000) * 1000
    for (const [offsetMs, expected] of [
      [WEBHOOK_TOLERANCE_MS, 'valid'],
      [WEBHOOK_TOLERANCE_MS + 1, 'timestamp_outside'],
      [-WEBHOOK_TOLERANCE_MS, 'valid'],
      [-WEBHOOK_TOLERANCE_MS - 1, 'timestamp_outside'],
    ] as const) {
      expect(await verdict(standard(), undefined, signedMs + offsetMs)).toBe(expected)
    }
    const strict = new WebhookVerifier({ keys: SECRET, toleranceMs: 10, now: () => signedMs + 11 })
    expect(strict.webhook(standard()).isValid()).toBe(false)
    expect(() => new WebhookVerifier({ keys: SECRET, toleranceMs: Number.NaN })).toThrow(TypeError)
  })

  test.each([
    ['an id with a dot', { 'webhook-id': 'msg.1' }],
    ['a long id', { 'webhook-id': 'x'.repeat(129) }],
    ['a time that is no whole number', { 'webhook-timestamp': '1e9' }],
    ['a time with a space', { 'webhook-timestamp': ' 1' }],
    ['a long signature', { 'webhook-signature': `v1,${'A'.repeat(4096)}` }],
    ['a time that is a number', { 'webhook-timestamp': 17 }],
    ['an id that is nothing', { 'webhook-id': null }],
    ['many signatures', { 'webhook-signature': Array(9).fill('v1,AAAA').join(' ') }],
  ] as const)('is refused for %s', async (_name, headers) => {
    expect(await verdict(withHeaders(standard(), headers))).toBe('header_malformed')
  })

  test('passes over signatures that are not of its versions or no base64', async () => {
    const real = standard().headers['webhook-signature'] ?? ''
    const many = `v2,AAAA v1a,???? v1 ${real} nonsense`
    expect(await verdict(withHeaders(standard(), { 'webhook-signature': many }))).toBe('valid')
    const versions = real.replace('v1,', 'v2,')
    const other = withHeaders(standard(), { 'webhook-signature': versions })
    expect(await verdict(other)).toBe('signature_invalid')
  })
})

describe('a webhook of the Pusher form', () => {
  const library = new Pusher({ appId: '1', cluster: 'x', ...TOKEN })

  test('is valid exactly when the pusher library says so', async () => {
    const body = fc.oneof(
      fc.constant(PUSHER_BODY),
      fc.constant(JSON.stringify({ time_ms: NOW_MS, events: [] })),
    )
    const type = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/json')
    const signer = fc.constantFrom(TOKEN, NEW_TOKEN, { key: 'other-key', secret: TOKEN.secret })
    const extra = fc.constantFrom(undefined, NEW_TOKEN, { key: 'other-key', secret: 'x' })
    const parts = fc.record({ rawBody: body, contentType: type, token: signer, more: extra })
    await fc.assert(
      fc.asyncProperty(parts, async ({ rawBody, contentType, token, more }) => {
        const sent = withHeaders(pusherWebhook(rawBody, token), { 'content-type': contentType })
        const theirs = library
          .webhook({ headers: sent.headers, rawBody })
          .isValid(more === undefined ? [] : [more])
        const request = sent as SentWebhook
        expect(verifier([TOKEN]).webhook(request).isValid(more)).toBe(theirs)
        expect((await verifier([TOKEN]).webhook(request).verify(more)).ok).toBe(theirs)
      }),
    )
  })

  test('tells its events and when it was made', () => {
    const webhook = verifier().webhook(pusherWebhook(PUSHER_BODY, TOKEN))
    expect(webhook.isValid()).toBe(true)
    expect(webhook.events).toEqual([{ name: 'channel_occupied', channel: 'private-a' }])
    expect([webhook.timestamp.getTime(), webhook.type, webhook.data]).toEqual([
      NOW_MS,
      undefined,
      undefined,
    ])
    expect(webhook.id).toMatch(/^pusher_[0-9a-f]{32}$/)
  })

  test('is late only after the time its sender tries', async () => {
    const sent = pusherWebhook(PUSHER_BODY, TOKEN)
    const latestMs = NOW_MS + WEBHOOK_TOLERANCE_MS + PUSHER_RETRY_MS
    expect(await verdict(sent, undefined, latestMs)).toBe('valid')
    expect(await verdict(sent, undefined, latestMs + 1)).toBe('timestamp_outside')
    const early = NOW_MS - WEBHOOK_TOLERANCE_MS
    expect(await verdict(sent, undefined, early)).toBe('valid')
    expect(await verdict(sent, undefined, early - 1)).toBe('timestamp_outside')
  })

  test.each([
    ['cut off', '{"time_ms":1'],
    ['with a time as text', '{"time_ms":"1","events":[]}'],
    ['without a list of events', `{"time_ms":${NOW_MS},"events":{}}`],
    ['with an event that is none', `{"time_ms":${NOW_MS},"events":[1]}`],
    ['beyond all time', '{"time_ms":9e15,"events":[]}'],
    ['deep', `{"time_ms":${NOW_MS},"events":[],"a":${'['.repeat(99)}${']'.repeat(99)}}`],
  ] as const)('is refused when what is signed is %s', async (_name, body) => {
    expect(await verdict(pusherWebhook(body, TOKEN))).toBe('body_malformed')
  })

  test('is refused when it names no key, a signature of another form, or another type', async () => {
    const sent = pusherWebhook(PUSHER_BODY, TOKEN)
    const upper = (sent.headers['x-pusher-signature'] ?? '').toUpperCase()
    for (const [headers, expected] of [
      [{ 'x-pusher-key': undefined }, 'headers_missing'],
      [{ 'x-pusher-signature': upper }, 'header_malformed'],
      [{ 'content-type': undefined }, 'content_type_unexpected'],
      [{ 'x-pusher-key': 'unknown' }, 'signature_invalid'],
    ] as const) {
      expect(await verdict(withHeaders(sent, headers))).toBe(expected)
    }
  })
})

describe('what arrives', () => {
  test('is looked up in Headers, in what Node has, and in any spelling of the names', async () => {
    const sent = standard()
    const spelled = Object.fromEntries(
      Object.entries(sent.headers).map(([name, value]) => [name.toUpperCase(), value]),
    )
    const lists = Object.fromEntries(
      Object.entries(sent.headers).map(([name, value]) => [name, [value]]),
    )
    for (const headers of [new Headers(sent.headers), spelled, lists]) {
      expect(await verdict({ ...sent, headers })).toBe('valid')
    }
  })

  test('is refused when a header of the signature came twice, however the platform tells', async () => {
    const sent = standard()
    for (const [name, value] of Object.entries(sent.headers)) {
      const appended = new Headers(sent.headers)
      appended.append(name, value)
      for (const headers of [
        appended,
        { ...sent.headers, [name]: [value, value] },
        { ...sent.headers, [name]: [] },
        { ...sent.headers, [name.toUpperCase()]: value },
      ]) {
        expect(await verdict({ ...sent, headers })).toBe('header_repeated')
      }
    }
  })

  test('is refused without a signature, and with those of both forms', async () => {
    const both = withHeaders(standard(), pusherWebhook(BODY, TOKEN).headers)
    expect(await verdict(both)).toBe('headers_missing')
    expect(await verdict({ ...standard(), headers: {} })).toBe('headers_missing')
    const noId = withHeaders(standard(), { 'webhook-id': undefined })
    expect(await verdict(noId)).toBe('headers_missing')
  })

  test('is refused when there is no key for its form', async () => {
    expect(await verdict(standard(), [TOKEN])).toBe('key_missing')
    expect(await verdict(pusherWebhook(PUSHER_BODY, TOKEN), [SECRET])).toBe('key_missing')
  })

  test('is refused without a body, and beyond the bound, told before anything is computed', async () => {
    for (const rawBody of [undefined, null, '', new Uint8Array(), {}]) {
      expect(await verdict({ ...standard(), rawBody })).toBe('body_missing')
    }
    for (const rawBody of ['xxxxx', 'ääää', new Uint8Array(5)]) {
      const small = new WebhookVerifier({ keys: SECRET, bodyBytesMax: 4 })
      const webhook = small.webhook({ rawBody, headers: {} })
      expect(webhook.isValid()).toBe(false)
      expect(webhook.refusal?.refusal).toBe('body_too_large')
    }
  })

  test('is a mistake of the program when a parser was there before, which the error explains', async () => {
    for (const rawBody of [JSON.parse(BODY), [], 7, true]) {
      const request = { ...standard(), rawBody: rawBody as string }
      expect(() => verifier().webhook(request).isValid()).toThrow(/express\.raw\(/)
      const failure = await verifier()
        .webhook(request)
        .verify()
        .catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(TypeError)
    }
  })

  test('can be anything: no bytes and no headers make it throw or pass', async () => {
    const name = fc.constantFrom(...Object.keys(standard().headers), 'x-pusher-key', 'x-other')
    const headers = fc.dictionary(
      name,
      fc.oneof(fc.string(), fc.constantFrom('msg_1', '17', 'v1,')),
    )
    await fc.assert(
      fc.asyncProperty(headers, fc.uint8Array(), async (given, rawBody) => {
        expect(await verdict({ headers: given, rawBody })).not.toBe('valid')
      }),
    )
  })
})

describe('a delivery that came already', () => {
  const signedOnce = standard()
  const nextAttempt = standard({ atMs: NOW_MS + 5_000 })

  test('is refused, asked either way; the same webhook object stays valid', async () => {
    const lockgate = verifier()
    const first = lockgate.webhook(signedOnce)
    expect([first.isValid(), first.isValid(), (await first.verify()).ok]).toEqual([
      true,
      true,
      true,
    ])
    expect(lockgate.webhook(signedOnce).isValid()).toBe(false)
    const again = await lockgate.webhook(signedOnce).verify()
    expect(again).toMatchObject({ ok: false, refusal: 'replayed' })
  })

  test('is not one that the sender signed anew, because the first was not answered', () => {
    const lockgate = verifier()
    expect(lockgate.webhook(signedOnce).isValid()).toBe(true)
    expect(lockgate.webhook(nextAttempt).isValid()).toBe(true)
    expect(lockgate.webhook(nextAttempt).isValid()).toBe(false)
  })

  test('stays refused as long as it would be fresh', () => {
    let nowMs = NOW_MS - WEBHOOK_TOLERANCE_MS
    const lockgate = new WebhookVerifier({ keys: SECRET, now: () => nowMs })
    expect(lockgate.webhook(standard()).isValid()).toBe(true)
    nowMs = Math.floor(NOW_MS / 1000) * 1000 + WEBHOOK_TOLERANCE_MS
    const last = lockgate.webhook(standard())
    expect([last.isValid(), last.refusal?.refusal]).toEqual([false, 'replayed'])
  })

  test('does not use up its place when it was forged', () => {
    const lockgate = verifier()
    const forged = withHeaders(signedOnce, { 'webhook-signature': 'v1,AAAA' }) as SentWebhook
    expect(lockgate.webhook(forged).isValid()).toBe(false)
    expect(lockgate.webhook(signedOnce).isValid()).toBe(true)
  })

  test('is taken again once it was released', async () => {
    const lockgate = verifier()
    const webhook = lockgate.webhook(signedOnce)
    await webhook.verify()
    await webhook.release()
    expect(lockgate.webhook(signedOnce).isValid()).toBe(true)
    const unknown = await lockgate
      .webhook(signedOnce)
      .release()
      .catch((error: unknown) => error)
    expect(unknown).toBeInstanceOf(TypeError)
  })

  test('of the Pusher form is refused where a store was given, since its sender repeats itself', () => {
    const sent = pusherWebhook(PUSHER_BODY, TOKEN)
    const lenient = verifier()
    expect([1, 2].map(() => lenient.webhook(sent).isValid())).toEqual([true, true])
    const replay = new MemoryReplayStore()
    const strict = new WebhookVerifier({ keys: [TOKEN], replay, now: () => NOW_MS })
    expect([1, 2].map(() => strict.webhook(sent).isValid())).toEqual([true, false])
  })

  test('is not looked for where that is switched off', () => {
    const lockgate = new WebhookVerifier({ keys: SECRET, replay: 'off', now: () => NOW_MS })
    expect([1, 2].map(() => lockgate.webhook(signedOnce).isValid())).toEqual([true, true])
  })

  test('is not let through because the store is full', async () => {
    const replay = new MemoryReplayStore({ entryCountMax: 1 })
    const lockgate = new WebhookVerifier({ keys: SECRET, replay, now: () => NOW_MS })
    expect(lockgate.webhook(signedOnce).isValid()).toBe(true)
    const second = await lockgate.webhook(nextAttempt).verify()
    expect(second).toMatchObject({ ok: false, refusal: 'replay_store_full' })
  })

  test('is an outage where the store cannot be asked, and isValid() says that it has to wait', async () => {
    const fail = () => Promise.reject(new Error('redis is gone'))
    const replay = { take: fail, finish: fail, release: fail }
    const lockgate = new WebhookVerifier({ keys: SECRET, replay, now: () => NOW_MS })
    expect(() => lockgate.webhook(signedOnce).isValid()).toThrow('await webhook.verify()')
    const failure = await lockgate
      .webhook(signedOnce)
      .verify()
      .catch((error: unknown) => error)
    expect(failure).toEqual(new Error('redis is gone'))
  })
})

describe('a runtime', () => {
  const original = Object.getOwnPropertyDescriptor(process, 'getBuiltinModule') ?? {}
  afterEach(() => void Object.defineProperty(process, 'getBuiltinModule', original))

  test('without a crypto module of its own is told to verify, which works there', async () => {
    Object.defineProperty(process, 'getBuiltinModule', { ...original, value: undefined })
    const keys = [SECRET, PUBLIC_KEY]
    for (const sent of [standard(), standard({ keys: [PAIR] })]) {
      expect(() => verifier(keys).webhook(sent).isValid()).toThrow('await webhook.verify()')
      expect((await verifier(keys).webhook(sent).verify()).ok).toBe(true)
    }
  })
})

describe('keys', () => {
  test.each([
    ['whsec_', /24 to 64 bytes/],
    [`whsec_${Buffer.alloc(23).toString('base64')}`, /24 to 64 bytes/],
    [`whsec_${Buffer.alloc(65).toString('base64')}`, /24 to 64 bytes/],
    ['whsec_!!!', /24 to 64 bytes/],
    ['too-short-to-be-a-secret', /at least 32/],
    [`whsk_${Buffer.alloc(64).toString('base64')}`, /give its whpk_/],
    ['whpk_AAAA', /32 bytes/],
    [{ key: '', secret: 's' }, /\{ key, secret \}/],
    [{ key: 'k', secret: '' }, /\{ key, secret \}/],
    [{ key: 'k' } as never, /\{ key, secret \}/],
  ])('%j is none, and the error repeats nothing of it', (key, text) => {
    const attempt = (): unknown => new WebhookVerifier({ keys: [key] })
    expect(attempt).toThrow(text)
    expect(attempt).toThrow(TypeError)
    const value = typeof key === 'string' ? key.slice(6) : key.secret
    if (value !== undefined && value.length > 3) expect(attempt).not.toThrow(value)
  })

  test('that were brought are used as the server uses them: base64, or text as it is', async () => {
    const brought = 'my own secret, brought from elsewhere'
    const base64 = Buffer.alloc(32, 7).toString('base64')
    const asWhsec = (bytes: Buffer) => `whsec_${bytes.toString('base64')}`
    expect(await verdict(standard({ keys: [asWhsec(Buffer.from(brought))] }), [brought])).toBe(
      'valid',
    )
    expect(await verdict(standard({ keys: [`whsec_${base64}`] }), [base64])).toBe('valid')
  })

  test('are at most eight', () => {
    expect(() => verifier(Array.from({ length: 9 }, () => SECRET))).toThrow('At most 8')
    expect(() => verifier([]).webhook(standard()).isValid(Array(9).fill(SECRET))).toThrow(
      'At most 8',
    )
  })

  test('are in no refusal, and a near miss reads like any other', async () => {
    const near = `${NEW_TOKEN.secret.slice(0, -1)}!`
    const attempts = [
      pusherWebhook(PUSHER_BODY, { key: TOKEN.key, secret: near }),
      pusherWebhook(PUSHER_BODY, { key: 'unknown', secret: TOKEN.secret }),
      pusherWebhook(PUSHER_BODY, { key: TOKEN.key, secret: 'far' }),
    ]
    const answers = await Promise.all(
      attempts.map((sent) => verifier([TOKEN, NEW_TOKEN]).webhook(sent).verify()),
    )
    expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1)
    expect(JSON.stringify(answers)).not.toContain('hush')
  })
})
