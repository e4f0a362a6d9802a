import { describe, expect, test } from 'bun:test'
import { callSignature, md5 } from '../../../test/support/signing.ts'
import { EncryptedChannels } from './encrypted-channels.ts'
import { createLockgate } from './lockgate.ts'
import { PublishError } from './publish-error.ts'
import { Publisher, type PublisherOptions } from './publisher.ts'
import { SYSTEM } from './system.ts'

const KEY = { appKey: 'app-key', secret: 'hush-hush-secret' }
const NOW_MS = 1_700_000_000_000
const MASTER_KEY = Buffer.alloc(32, 3).toString('base64')
const OLD_KEY = Buffer.alloc(32, 4).toString('base64')

interface Sent {
  readonly url: URL
  readonly body: Record<string, unknown>
  readonly raw: Buffer
  readonly headers: Headers
  readonly init: RequestInit
}

type Answer = Response | Error | (() => Response)

/** A server that answers from a list, the last one again and again. */
function publishing(answers: readonly Answer[] = [], more: Partial<PublisherOptions> = {}) {
  const sent: Sent[] = []
  const left = [...answers]
  const system = {
    ...SYSTEM,
    now: () => NOW_MS,
    fetch: async (url: string, init: RequestInit) => {
      const raw = Buffer.from(init.body as Uint8Array)
      const body = JSON.parse(raw.toString('utf8')) as Record<string, unknown>
      sent.push({ url: new URL(url), body, raw, headers: new Headers(init.headers), init })
      const answer = left.shift() ?? Response.json({})
      if (answer instanceof Error) throw answer
      return typeof answer === 'function' ? answer() : answer
    },
  }
  const keys = more.tokens === undefined ? { keys: KEY } : {}
  const publisher = new Publisher({
    url: 'https://realtime.example.com',
    appId: 'app-1',
    system,
    ...keys,
    ...more,
  })
  return { sent, publisher }
}

async function failureOf(attempt: Promise<void>): Promise<PublishError> {
  const failure: unknown = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(failure instanceof PublishError)) throw new Error(`no PublishError: ${String(failure)}`)
  return failure
}

const EVENT = { channel: 'news', name: 'headline', data: { text: 'schön' } }

describe('a signed call', () => {
  test('is signed over method, path and everything in its query, the digest of its body included', async () => {
    const { sent, publisher } = publishing([], { url: 'https://realtime.example.com/lockgate/' })
    await publisher.publish(EVENT)
    const { url, raw, headers } = sent[0] as Sent
    expect(url.pathname).toBe('/lockgate/apps/app-1/events')
    const { auth_signature: signature, ...params } = Object.fromEntries(url.searchParams)
    const call = { method: 'POST', path: url.pathname }
    expect(signature).toBe(callSignature(KEY.secret, call, params))
    expect(params).toMatchObject({
      auth_key: 'app-key',
      auth_timestamp: String(NOW_MS / 1_000),
      auth_version: '1.0',
      body_md5: md5(raw),
    })
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('authorization')).toBeNull()
  })

  test('is never the same as another one, even of an equal event in the same second', async () => {
    const { sent, publisher } = publishing()
    await Promise.all(Array.from({ length: 50 }, () => publisher.publish(EVENT)))
    expect(new Set(sent.map(({ url }) => url.searchParams.get('auth_signature'))).size).toBe(50)
  })

  test('follows no redirect and is bounded in time', async () => {
    const { sent, publisher } = publishing()
    await publisher.publish(EVENT)
    expect(sent[0]?.init.redirect).toBe('manual')
    expect(sent[0]?.init.signal).toBeInstanceOf(AbortSignal)
  })

  test('is signed by the newest key, asked for each time', async () => {
    const next = [
      { appKey: 'newest', secret: 'x' },
      { appKey: 'newer', secret: 'y' },
    ]
    const keys = () => [next.pop() ?? KEY, KEY]
    const { sent, publisher } = publishing([], { keys })
    for (let count = 0; count < 3; count++) await publisher.publish(EVENT)
    const named = sent.map(({ url }) => url.searchParams.get('auth_key'))
    expect(named).toEqual(['newer', 'newest', 'app-key'])
  })
})

describe('an event', () => {
  test('carries text as it is and anything else as JSON, to one channel or several', async () => {
    const { sent, publisher } = publishing()
    await publisher.publish({ ...EVENT, socketId: '1.2' })
    await publisher.publish({ channels: ['a', 'private-b'], name: 'n', data: 'as it is' })
    expect(sent.map(({ body }) => body)).toEqual([
      { name: 'headline', data: '{"text":"schön"}', channels: ['news'], socket_id: '1.2' },
      { name: 'n', data: 'as it is', channels: ['a', 'private-b'] },
    ])
  })

  test('of a batch has a channel of its own', async () => {
    const { sent, publisher } = publishing()
    await publisher.publishBatch([EVENT, { ...EVENT, channel: 'b', data: 1, socketId: '1.2' }])
    expect(sent[0]?.url.pathname).toBe('/apps/app-1/batch_events')
    expect(sent[0]?.body).toEqual({
      batch: [
        { name: 'headline', data: '{"text":"schön"}', channel: 'news' },
        { name: 'headline', data: '1', channel: 'b', socket_id: '1.2' },
      ],
    })
  })

  test.each([
    ['no channel', (it: Publisher) => it.publish({ ...EVENT, channels: [] })],
    ['101 channels', (it: Publisher) => it.publish({ name: 'n', data: 1, channels: many(101) })],
    ['an empty batch', (it: Publisher) => it.publishBatch([])],
    [
      'a batch of 11',
      (it: Publisher) => it.publishBatch(many(11).map((channel) => ({ ...EVENT, channel }))),
    ],
    [
      'two channels of which one is encrypted',
      (it: Publisher) => it.publish({ name: 'n', data: 1, channels: ['a', 'private-encrypted-b'] }),
    ],
    [
      'an encrypted channel and no key',
      (it: Publisher) => it.publish({ ...EVENT, channel: 'private-encrypted-b' }),
    ],
    [
      'an encrypted channel and no key in a batch',
      (it: Publisher) => it.publishBatch([EVENT, { ...EVENT, channel: 'private-encrypted-b' }]),
    ],
  ])('for %s is not sent, and the error says what to do', async (_name, attempt) => {
    const { sent, publisher } = publishing()
    const { code, reason } = await failureOf(attempt(publisher))
    expect(code).toBe('request_invalid')
    expect(reason?.length).toBeGreaterThan(10)
    expect(sent).toEqual([])
  })

  test('that JSON cannot hold is a mistake of the program', async () => {
    const { sent, publisher } = publishing()
    const failure: unknown = await publisher
      .publish({ ...EVENT, data: undefined })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TypeError)
    expect(sent).toEqual([])
  })
})

describe('encrypted channels', () => {
  const switchMs = NOW_MS + 60_000
  function encrypting() {
    const clock = { nowMs: NOW_MS, pausedMs: 0 }
    const encryptedChannels = new EncryptedChannels({
      masterKeyBase64: MASTER_KEY,
      previousMasterKeyBase64: OLD_KEY,
      switchAt: new Date(switchMs),
      system: {
        now: () => clock.nowMs,
        pause: async (ms) => {
          clock.nowMs += ms
          clock.pausedMs += ms
        },
      },
    })
    return { clock, encryptedChannels, ...publishing([], { encryptedChannels }) }
  }
  const opener = (masterKeyBase64: string) => new EncryptedChannels({ masterKeyBase64 })

  test('carry cipher text under the key that is in use, each event of a batch its own', async () => {
    const { clock, sent, publisher } = encrypting()
    const events = ['private-encrypted-a', 'news', 'private-encrypted-b'].map((channel) => ({
      channel,
      name: 'n',
      data: { of: channel },
    }))
    for (const [nowMs, key, other] of [
      [NOW_MS, OLD_KEY, MASTER_KEY],
      [switchMs, MASTER_KEY, OLD_KEY],
    ] as const) {
      clock.nowMs = nowMs
      await publisher.publishBatch(events)
      const batch = sent.at(-1)?.body['batch'] as { channel: string; data: string }[]
      for (const { channel, data } of batch) {
        if (channel === 'news') expect(data).toBe('{"of":"news"}')
        else {
          expect(await opener(key).decrypt(channel, data)).toEqual({ data: { of: channel } })
          expect(await opener(other).decrypt(channel, data)).toBeUndefined()
        }
      }
    }
    expect(clock.pausedMs).toBeGreaterThan(0)
  })

  test('wait for the switch, and other channels do not', async () => {
    const { clock, sent, publisher } = encrypting()
    clock.nowMs = switchMs - 1
    await publisher.publish(EVENT)
    expect(clock.pausedMs).toBe(0)
    await publisher.publish({ ...EVENT, channel: 'private-encrypted-a' })
    expect(clock.pausedMs).toBeGreaterThan(0)
    const data = sent.at(-1)?.body['data'] as string
    expect(await opener(MASTER_KEY).decrypt('private-encrypted-a', data)).toBeDefined()
  })
})

describe('an answer', () => {
  const refusing = (status: number, code: string, headers: Record<string, string> = {}) =>
    Response.json({ error: 'text', code, status }, { status, headers })

  test.each([
    [refusing(413, 'event_data_large'), 'refused event_data_large undefined'],
    [refusing(401, 'unauthenticated'), 'refused unauthenticated undefined'],
    [refusing(429, 'limited', { 'retry-after': '7' }), 'rate_limited limited 7000'],
    [refusing(503, 'overloaded', { 'retry-after': '1' }), 'unavailable overloaded 1000'],
    [new Response('<html>', { status: 502 }), 'unavailable undefined undefined'],
    [new Response('<html>', { status: 404 }), 'answer_unexpected undefined undefined'],
    [new Response('<html>', { status: 200 }), 'answer_unexpected undefined undefined'],
    [new Response('', { status: 302 }), 'answer_unexpected undefined undefined'],
    [refusing(400, 'x'.repeat(65)), 'answer_unexpected undefined undefined'],
    [new Response('x'.repeat(70_000)), 'answer_unexpected undefined undefined'],
    [new TypeError('fetch failed'), 'unavailable undefined undefined'],
  ] as const)('that is no 200 is an error with a code: %#', async (answer, expected) => {
    const { sent, publisher } = publishing([answer])
    const failure = await failureOf(publisher.publish(EVENT))
    const { code, refusal, retryAfterMs } = failure
    expect(`${code} ${refusal} ${retryAfterMs}`).toBe(expected)
    expect(sent).toHaveLength(1)
    const text = `${failure.message}${JSON.stringify(failure)}`
    expect(text).not.toMatch(/hush|[0-9a-f]{64}|schön/)
  })

  test('to a token that is refused brings another token, once', async () => {
    const refused = () => refusing(401, 'token_expired')
    for (const [answers, isPublished] of [
      [[refused, Response.json({})], true],
      [[refused, refused], false],
    ] as const) {
      const discarded: string[] = []
      let count = 0
      const tokens = {
        getToken: async () => `token-${++count}`,
        discard: (token: string) => void discarded.push(token),
      }
      const { sent, publisher } = publishing(answers, { tokens })
      const outcome = await publisher.publish(EVENT).then(
        () => true,
        (error: unknown) => !(error instanceof PublishError),
      )
      expect(outcome).toBe(isPublished)
      expect(discarded).toEqual(['token-1'])
      const authorizations = sent.map(({ headers }) => headers.get('authorization'))
      expect(authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
      expect(sent.map(({ url }) => url.search)).toEqual(['', ''])
    }
  })
})

describe('options', () => {
  const good = { url: 'https://realtime.example.com', appId: 'app-1', keys: KEY }
  test.each([
    [{ ...good, url: 'http://realtime.example.com' }, /https/],
    [{ ...good, url: 'nonsense' }, /absolute URL/],
    [{ ...good, appId: '../x' }, /appId/],
    [{ url: good.url, appId: 'a' }, /either keys or tokens/],
    [{ ...good, tokens: { getToken: async () => 't', discard: () => undefined } }, /either keys/],
  ] as readonly (readonly [PublisherOptions, RegExp])[])(
    'that cannot work are refused: %#',
    (options, text) => {
      expect(() => new Publisher(options)).toThrow(text)
    },
  )
})

test('one object publishes, signs and verifies for an app', async () => {
  const paths: string[] = []
  const encryptedChannels = new EncryptedChannels({ masterKeyBase64: MASTER_KEY })
  const lockgate = createLockgate({
    url: 'https://realtime.example.com',
    appId: 'app-1',
    keys: [KEY],
    encryptedChannels,
    webhookSecrets: [`whsec_${MASTER_KEY}`],
    system: {
      ...SYSTEM,
      fetch: async (url) => {
        paths.push(new URL(url).pathname)
        return Response.json({})
      },
    },
  })
  await lockgate.publish(EVENT)
  await lockgate.publishBatch([{ ...EVENT, channel: 'private-encrypted-a' }])
  expect(paths).toEqual(['/apps/app-1/events', '/apps/app-1/batch_events'])
  const request = { socketId: '1.1', channelName: 'private-encrypted-a' }
  const secret = await encryptedChannels.sharedSecret('private-encrypted-a')
  expect((await lockgate.authorizeChannel(request)).shared_secret).toBe(secret)
  const signedIn = await lockgate.authenticateUser({ socketId: '1.1', user: { id: 'ada' } })
  expect(signedIn.user_data).toBe('{"id":"ada"}')
  expect(lockgate.webhook({ rawBody: '{}', headers: {} }).isValid()).toBe(false)
})

function many(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${index}`)
}
