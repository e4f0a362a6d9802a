/**
 * Channels with history over HTTP at the started server: what is published is numbered, read back,
 * and still there after a crash; every refusal, and whom it is told to.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { SignJWT } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import { type Answer, send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const PAGE = 'https://app.example.com'
const JWT_SECRET = 'jwt-secret-0123456789abcdef0123456789'

const home = mkdtempSync(join(tmpdir(), 'lockgate-messages-'))
const dataDir = join(home, 'data')
const apps = [
  app('chat', {
    allowedOrigins: [PAGE],
    messageBytesMax: 1_000,
    history: ['tmp:** off', '** 1d'],
    jwtSecrets: [{ value: JWT_SECRET }],
  }),
  app('other'),
  app('small', { limits: ['http_publish.app 2/1h'] }),
]
let server: LiveServer
const keys: Record<string, string> = {}

const administration = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

async function makeKey(name: string, body: object, appId = 'chat') {
  const made = await administration.done('credentials.create', {
    parameters: { appId },
    body: { kind: 'api_key', name, ...body },
  })
  keys[name] = made.value ?? ''
}

before(async () => {
  server = await startServer({ apps, dataDir })
  await makeKey('sk', { prefix: 'sk' })
  await makeKey('reader', { prefix: 'sk', scopes: ['subscribe:news:*', 'history:news:*'] })
  await makeKey('writer', { prefix: 'sk', scopes: ['publish:news:*'] })
  await makeKey('pk', { prefix: 'pk', scopes: ['publish:news:*'] })
  await makeKey('other', { prefix: 'sk' }, 'other')
  await makeKey('small', { prefix: 'sk' }, 'small')
})

after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

interface Asked {
  readonly key?: string
  readonly method?: string
  readonly body?: unknown
  readonly query?: string
  readonly appId?: string
  readonly resource?: string
  readonly headers?: Record<string, string>
}

function ask(channel: string, asked: Asked = {}): Promise<Answer> {
  const { body, appId = 'chat', resource = 'messages', query = '' } = asked
  const token = keys[asked.key ?? 'sk'] ?? asked.key ?? ''
  return send(server.http, {
    method: asked.method ?? (body === undefined ? 'GET' : 'POST'),
    target: `/api/apps/${appId}/channels/${encodeURIComponent(channel)}/${resource}${query}`,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...asked.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

const publish = (channel: string, body: unknown, asked: Asked = {}) =>
  ask(channel, { body, ...asked })

const parsed = ({ body }: Answer) => JSON.parse(body)

test('messages are numbered by channel, and read back in both directions and in pages', async () => {
  const answers: Record<string, number>[] = []
  for (const n of [1, 2, 3]) {
    const answer = await publish('news:a', { data: { n }, id: `id-${n}` })
    assert.equal(answer.status, 200, answer.body)
    answers.push(parsed(answer))
  }
  assert.deepEqual(
    answers.map(({ id, channel, sequence, repeated }) => [id, channel, sequence, repeated]),
    [1, 2, 3].map((n) => [`id-${n}`, 'news:a', n, false]),
  )
  const times = answers.map(({ timestamp = 0 }) => timestamp)
  assert.deepEqual(
    times,
    [...new Set(times)].toSorted((one, other) => one - other),
  )
  const newest = parsed(await ask('news:a', { query: '?limit=2' }))
  assert.deepEqual(
    newest.messages.map((each: { data: { n: number } }) => each.data.n),
    [3, 2],
  )
  assert.equal(newest.hasMore, true)
  const beforeMs = newest.messages.at(-1).timestamp
  const rest = parsed(await ask('news:a', { query: `?before=${beforeMs}&direction=forward` }))
  assert.equal(rest.hasMore, false)
  const [first] = rest.messages
  const publisherId = first.publisherId
  assert.match(publisherId, /./)
  assert.deepEqual(rest.messages, [
    {
      id: 'id-1',
      channel: 'news:a',
      publisherId,
      timestamp: times[0],
      sequence: 1,
      data: { n: 1 },
    },
  ])
})

test('the same id again is the same message, and numbers keep all their digits', async () => {
  const body = '{"id":"once","data":{"big":12345678901234567890}}'
  const first = parsed(await publish('news:b', body))
  const again = parsed(await publish('news:b', body))
  assert.deepEqual(again, { ...first, repeated: true })
  const { body: text } = await ask('news:b')
  assert.ok(text.includes('"data":{"big":12345678901234567890}'), text)
  assert.equal(JSON.parse(text).messages.length, 1)
})

test('what is not to be kept is not: persist false, and channels that are off', async () => {
  assert.equal((await publish('news:c', { data: 1, persist: false })).status, 200)
  assert.deepEqual(parsed(await ask('news:c')).messages, [])
  assert.equal(parsed(await publish('news:c', { data: 2 })).sequence, 2)
  assert.equal((await publish('tmp:a', { data: 1 })).status, 200)
  const off = await ask('tmp:a')
  assert.deepEqual([off.status, parsed(off).code], [403, 'history_off'])
})

test('nobody is there where nobody is', async () => {
  const answer = await ask('news:a', { resource: 'presence' })
  assert.deepEqual(parsed(answer), { channel: 'news:a', members: [] })
})

test('keys may do what their scopes say, in their app alone', async () => {
  const outcomes = await Promise.all([
    ask('news:a', { key: 'reader' }),
    ask('logs:a', { key: 'reader' }),
    publish('news:a', { data: 1 }, { key: 'reader' }),
    ask('news:a', { key: 'reader', resource: 'presence' }),
    publish('news:z', { data: 1 }, { key: 'writer' }),
    ask('news:z', { key: 'writer' }),
    ask('news:a', { key: 'other' }),
    ask('news:a', { key: 'other', appId: 'nowhere' }),
    ask('news:a', { key: '' }),
    ask('news:a', { key: 'sk_live_wrong' }),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [200, 403, 403, 403, 200, 403, 403, 403, 401, 401],
  )
})

test('a server says for whom it publishes, a page publishes as itself', async () => {
  await publish('news:d', { data: 1, clientId: 'anna' })
  assert.equal(parsed(await ask('news:d')).messages[0].publisherId, 'anna')
  const asPage = await publish('news:d', { data: 1, clientId: 'anna' }, { key: 'pk' })
  assert.equal(asPage.status, 403)
  assert.equal((await publish('news:d', { data: 1 }, { key: 'pk' })).status, 200)
})

test('a token publishes as its user, where its permissions say so', async () => {
  const permissions = [{ channel: 'news:*', actions: ['publish'] }]
  const token = await new SignJWT({ sub: 'bert', appId: 'chat', permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(JWT_SECRET))
  const answer = await publish('news:e', { data: 1 }, { key: token })
  assert.equal(answer.status, 200, answer.body)
  assert.equal(parsed(await ask('news:e')).messages[0].publisherId, 'bert')
  assert.equal((await publish('logs:e', { data: 1 }, { key: token })).status, 403)
  assert.equal((await publish('news:e', { data: 1, clientId: 'x' }, { key: token })).status, 403)
})

test('each wrong call is refused for what it is', async () => {
  const outcomes = await Promise.all([
    publish('a b', { data: 1 }),
    publish('news:a', '{"data":1'),
    publish('news:a', {}),
    publish('news:a', { data: 1, id: '' }),
    publish('news:a', { data: 1, persist: 'no' }),
    publish('news:a', { data: 'x'.repeat(1_000) }),
    publish('news:a', { data: 1 }, { headers: { 'content-type': 'text/plain' } }),
    ask('news:a', { method: 'DELETE' }),
    ask('news:a', { method: 'POST', resource: 'presence' }),
    ask('news:a', { query: '?limit=0' }),
    ask('news:a', { query: '?limit=1001' }),
    ask('news:a', { query: '?before=yesterday' }),
    ask('news:a', { query: '?direction=up' }),
  ])
  assert.deepEqual(
    outcomes.map(({ status, body }) => `${status} ${JSON.parse(body).code}`),
    [
      '400 channel_invalid',
      ...Array.from({ length: 4 }, () => '400 request_malformed'),
      '413 message_large',
      '415 media_type_unsupported',
      ...Array.from({ length: 2 }, () => '405 method_unknown'),
      ...Array.from({ length: 4 }, () => '400 request_malformed'),
    ],
  )
})

test('limits of the app hold, and pages of its origins may read', async () => {
  const small = () => publish('a', { data: 1 }, { key: 'small', appId: 'small' })
  const statuses = [(await small()).status, (await small()).status]
  const limited = await small()
  assert.deepEqual([...statuses, limited.status], [200, 200, 429])
  assert.equal(parsed(limited).code, 'rate_limited')
  const shared = await ask('news:a', { headers: { origin: PAGE } })
  assert.equal(shared.headers['access-control-allow-origin'], PAGE)
  const foreign = await ask('news:a', { headers: { origin: 'https://evil.example' } })
  assert.deepEqual([foreign.status, parsed(foreign).code], [403, 'origin_refused'])
})

test('what was answered survives a crash, and numbers go on', async () => {
  const answered = parsed(await publish('news:f', { data: 'kept', id: 'kept' }))
  await server.killHard()
  server = await startServer({ apps, dataDir })
  const [message] = parsed(await ask('news:f')).messages
  assert.deepEqual([message.id, message.data, message.sequence], ['kept', 'kept', 1])
  const next = parsed(await publish('news:f', { data: 'next' }))
  assert.equal(next.sequence, 2)
  assert.ok(next.timestamp > answered.timestamp)
  // Who did not hear the answer may send it again.
  assert.equal(parsed(await publish('news:f', { data: 'kept', id: 'kept' })).repeated, true)
})
