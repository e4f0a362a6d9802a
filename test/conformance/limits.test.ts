/** Limits as those meet them who run into one: pusher-js, the `pusher` library, programs on HTTP. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { SignJWT } from 'jose'
import type PusherServer from 'pusher'
import { Administration, ownerKey } from '../support/administration.ts'
import { Clients, library, subscribed } from '../support/clients.ts'
import { type Answer, post, send } from '../support/http.ts'
import { readRateLimit } from '../support/rate-limit-fields.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { Wire } from '../support/wire.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const JWT_SECRET = 'a-secret-of-a-backend-0123456789abcdef'
const ROOM = 'private-room'
const CHATTY = { clientMessages: true, clientEventsPerSecondMax: 1_000 }
const CHAT = app('chat', { ...CHATTY, limits: ['publish.user 5/1m'] })
const PAID = app('paid', { limits: ['publish.app 4/1m', 'http_publish.app 100/1m'] })
const TOKENS = app('tokens', {
  clientId: 'tokens-client',
  clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa',
  jwtSecrets: [{ value: JWT_SECRET, kid: 'backend' }],
})
const SEEN = app('seen', { ...CHATTY, limits: ['publish.user 1/1h', 'publish.app 9/1m shadow'] })
const TIERS = ['app', 'channel', 'user'].map((tier) =>
  app(`by-${tier}`, { ...CHATTY, limits: [`publish.${tier} 3/1h`] }),
)
const FEW = app('few', { limits: ['connections.user 1'] })
const CLOSED = app('closed', { limits: ['http_publish.app 0/1s', 'connections.app 0'] })

let dataDir = ''
let server: LiveServer
const clients = new Clients(() => server)
const administration = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-limits-'))
  server = await startServer({ apps: [CHAT, PAID, TOKENS, SEEN, FEW, CLOSED, ...TIERS], dataDir })
})
after(async () => {
  clients.closeAll()
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const fieldsOf = ({ headers }: Answer) =>
  readRateLimit({
    'ratelimit-policy': String(headers['ratelimit-policy'] ?? ''),
    ratelimit: String(headers['ratelimit'] ?? ''),
  })

test('a pusher-js client that floods learns the limit and its reset, and stays; others go on', async () => {
  const flooding = await clients.connected(CHAT)
  const neighbour = await clients.connected(CHAT)
  const warnings: Record<string, unknown>[] = []
  const errors: { readonly data: Record<string, unknown> }[] = []
  flooding.bind('pusher:limit_warning', (data: Record<string, unknown>) => warnings.push(data))
  flooding.connection.bind('error', (error: (typeof errors)[number]) => errors.push(error))
  const channel = await subscribed(flooding, ROOM)
  const other = await subscribed(neighbour, ROOM)
  const heard: unknown[] = []
  other.bind('client-said', (data: unknown) => heard.push(data))
  for (let count = 0; count < 200; count++) channel.trigger('client-said', { count })
  await until('the error is there', () => errors.length > 0)
  const { data } = errors[0] ?? assert.fail('nothing was told')
  const { code, limit, scope, used, quota, window_ms: windowMs, reset_ms: resetMs } = data
  assert.deepEqual(
    { code, limit, scope, used, quota, windowMs },
    { code: 4301, limit: 'publish.user', scope: 'user', used: 5, quota: 5, windowMs: 60_000 },
  )
  assert.ok(Number(resetMs) > 0 && Number(resetMs) <= 60_000)
  assert.match(String(data['message']), /^publish\.user allows 5 in any 60 seconds/)
  assert.equal(warnings[0]?.['limit'], 'publish.user')
  const answered: unknown[] = []
  channel.bind('client-answer', (text: unknown) => answered.push(text))
  other.trigger('client-answer', 'I go on')
  await until('the neighbour is heard', () => answered.length > 0)
  assert.equal(heard.length, 5)
  assert.equal(flooding.connection.state, 'connected')
  // 195 events were refused, and a flood is not answered with one.
  assert.ok(errors.length <= 2, `${errors.length} errors`)
})

test('the pusher library gets 429 with everything about the limit, and fields before', async () => {
  const backend = library(server, PAID)
  const first = await backend.trigger('a', 'e', {})
  const fields = readRateLimit({
    'ratelimit-policy': first.headers.get('ratelimit-policy'),
    ratelimit: first.headers.get('ratelimit'),
  })
  assert.deepEqual(
    fields.policies.map(({ name, q, w }) => [name, q, w]),
    [
      ['publish.app', 4, 60],
      ['http_publish.app', 100, 60],
    ],
  )
  assert.deepEqual(
    fields.limits.map(({ name, r }) => [name, r]),
    [
      ['publish.app', 3],
      ['http_publish.app', 99],
    ],
  )
  await assert.rejects(backend.trigger(['b', 'c', 'd', 'e'], 'e', {}), (error: unknown) => {
    const { status, body } = error as PusherServer.RequestError
    assert.equal(status, 429)
    const { code, limit, scope, used, quota } = JSON.parse(String(body))
    assert.deepEqual(
      [code, limit, scope, used, quota],
      ['rate_limited', 'publish.app', 'app', 1, 4],
    )
    return true
  })
  // What was refused has published and used up nothing.
  await backend.trigger(['b', 'c', 'd'], 'e', {})
  const refused = await post(server, PAID, ['/events', { name: 'e', channel: 'a', data: 'x' }])
  assert.equal(refused.status, 429)
  const { limits } = fieldsOf(refused)
  assert.deepEqual(
    limits.map(({ name, r }) => [name, r]),
    [['publish.app', 0]],
  )
  const retryAfter = Number(refused.headers['retry-after'])
  assert.equal(retryAfter, limits[0]?.['t'])
  assert.ok(retryAfter >= 1 && retryAfter <= 60)
})

test('app, channel and user are limits of their own, and each refuses alone', async () => {
  // The app's is used up by everybody, a channel's by all who are on it, a user's on all channels.
  const reached: Record<string, readonly unknown[]> = {}
  for (const target of TIERS) {
    const told: unknown[] = []
    const people = ['ann', 'bob'].map((id) => clients.signedIn(target, { user: { id } }))
    const [ann, bob] = await Promise.all(people)
    if (ann === undefined || bob === undefined) throw new Error('both are signed in')
    for (const person of [ann, bob]) {
      person.connection.bind('error', ({ data }: { data: unknown }) => told.push(data))
    }
    const [room, hall] = [await subscribed(ann, ROOM), await subscribed(ann, 'private-hall')]
    const [bobs, bobsHall] = [await subscribed(bob, ROOM), await subscribed(bob, 'private-hall')]
    const heard: string[] = []
    for (const channel of [room, bobs, hall, bobsHall]) {
      channel.bind('client-said', (text: string) => heard.push(text))
    }
    for (const text of ['ann 1', 'ann 2', 'ann 3']) room.trigger('client-said', text)
    await until('three are heard', () => heard.length === 3)
    hall.trigger('client-said', 'ann in the hall')
    bobs.trigger('client-said', 'bob')
    bobsHall.trigger('client-said', 'bob in the hall')
    const expected = { 'by-app': 3, 'by-channel': 5, 'by-user': 5 }[target.id] ?? 0
    await until('what may pass has', () => heard.length >= expected)
    await until('somebody is told', () => told.length > 0)
    reached[target.id] = heard.slice(3).toSorted()
  }
  assert.deepEqual(reached, {
    'by-app': [],
    'by-channel': ['ann in the hall', 'bob in the hall'],
    'by-user': ['bob', 'bob in the hall'],
  })
})

test('one user has only so many connections, and is told with 4004', async () => {
  const identity = { user: { id: 'ann' } }
  const first = await clients.signedIn(FEW, identity)
  const second = await clients.connected(FEW, identity)
  const errors: unknown[] = []
  second.connection.bind('error', (error: unknown) => errors.push(error))
  second.signin()
  await until('the second is sent away', () => second.connection.state === 'disconnected')
  const told = JSON.stringify(errors)
  assert.match(told, /"code":4004/)
  assert.match(told, /"limit":"connections\.user"/)
  assert.equal(first.connection.state, 'connected')
  first.disconnect()
  const { items } = await administration.done('limits.list', {
    parameters: { appId: FEW.id, userId: 'ann' },
  })
  assert.ok(items.some(({ limit }) => limit === 'connections.user 1'))
})

test('wrong proofs and tokens are counted by address, and who is right still gets through', async () => {
  const guard = { limits: ['auth.ip 3/1m'] }
  const counted = await startServer({ apps: [TOKENS], config: { guard } })
  const publish = (secret: string) => {
    const body = { name: 'e', channel: 'a', data: 'x' }
    return post(counted, { ...TOKENS, secret }, ['/events', body])
  }
  try {
    const statuses: number[] = []
    for (let count = 0; count < 4; count++) statuses.push((await publish('wrong')).status)
    assert.deepEqual(statuses, [401, 401, 401, 429])
    assert.equal((await publish(TOKENS.secret)).status, 200)
    const asked = await send(counted.http, {
      method: 'POST',
      target: '/connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    })
    assert.deepEqual([asked.status, JSON.parse(asked.body).error], [429, 'slow_down'])
    assert.deepEqual(
      fieldsOf(asked).limits.map(({ name, r }) => [name, r]),
      [['auth.ip', 0]],
    )
  } finally {
    await counted.stop()
  }
})

test('a limit of zero lets nothing through and says that waiting does not help', async () => {
  const answer = await post(server, CLOSED, ['/events', { name: 'e', channel: 'a', data: 'x' }])
  assert.equal(answer.status, 429)
  assert.match(JSON.parse(answer.body).error, /allows nothing/)
  const wire = new Wire(server.socketUrl(CLOSED.key))
  assert.equal((await wire.closure()).code, 4004)
})

const publishAs = (token: string) =>
  send(server.http, {
    method: 'POST',
    target: `/apps/${TOKENS.id}/events`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'said', channel: 'room', data: 'x' }),
  })

function mint(subject: string, limits?: unknown): Promise<string> {
  const own = limits === undefined ? {} : { limits }
  return new SignJWT({ app: TOKENS.id, channels: { '**': ['publish'] }, jti: subject, ...own })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: 'backend' })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(JWT_SECRET))
}

test("a customer's token narrows what its holder may do, and nobody else", async () => {
  const narrow = await mint('ann', ['publish.user 2/1m'])
  const answers = [await publishAs(narrow), await publishAs(narrow), await publishAs(narrow)]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 429],
  )
  assert.equal(JSON.parse(answers[2]?.body ?? '').limit, 'publish.user')
  assert.equal((await publishAs(await mint('bob'))).status, 200)
  assert.equal((await publishAs(await mint('eve', ['publish.app 1/1m']))).status, 200)
  assert.equal((await publishAs(await mint('joe', ['publish.app 1/1m']))).status, 200)
})

test('what a token says of limits and cannot be read refuses it', async () => {
  const unreadable = [
    'publish.user 2/1m',
    [1],
    ['publish.everything 1/1s'],
    ['connect.ip 1/1s'],
    ['publish.user 1/1s', 'publish.user 2/1s'],
    Array.from({ length: 51 }, (_, at) => `publish.user 1/${at + 1}s`),
  ]
  for (const limits of unreadable) {
    const { status } = await publishAs(await mint('mallory', limits))
    assert.equal(status, 401, JSON.stringify(limits))
  }
})

test('an access token carries the limits of its app, and an app can be narrowed while it lives', async () => {
  const change = async (limits: readonly string[]) => {
    const parameters = { appId: TOKENS.id }
    await administration.done('apps.update', { parameters, body: { settings: { limits } } })
  }
  await change(['publish.channel 3/1m'])
  const { access } = await buyTokens(server, {
    clientId: TOKENS.clientId ?? '',
    clientSecret: TOKENS.clientSecret ?? '',
  })
  const claims = JSON.parse(Buffer.from(access.split('.')[1] ?? '', 'base64url').toString('utf8'))
  assert.ok(claims.limits.rateLimits.includes('publish.channel 3/1m'), JSON.stringify(claims))
  await change([])
  // The token was made under the narrower limit, and it holds for its holder.
  const statuses: number[] = []
  for (let count = 0; count < 4; count++) statuses.push((await publishAs(access)).status)
  assert.deepEqual(statuses, [200, 200, 200, 429])
  assert.equal((await publishAs(await mint('free'))).status, 200)
})

test('an API key has the limits it was made with', async () => {
  const parameters = { appId: TOKENS.id }
  const make = (limits: readonly string[]) =>
    administration.call('credentials.create', {
      parameters,
      body: { kind: 'api_key', name: 'narrow', limits },
    })
  for (const wrong of [['publish.user'], ['connect.ip 1/1s'], ['publish.user 1/1s', 'x 1']]) {
    assert.equal((await make(wrong)).code, 'input_invalid', wrong.join())
  }
  const made = (await make(['http_publish.app 1/1m'])).body as { readonly value: string }
  const statuses = [await publishAs(made.value), await publishAs(made.value)]
  assert.deepEqual(
    statuses.map(({ status }) => status),
    [200, 429],
  )
})

test('an operator sees each limit with its source and use, and resets it; the audit has both', async () => {
  const client = await clients.signedIn(SEEN, { user: { id: 'u42' } })
  const channel = await subscribed(client, ROOM)
  channel.trigger('client-said', {})
  channel.trigger('client-said', {})
  const parameters = { appId: SEEN.id, userId: 'u42' }
  const usedBy = async () => {
    const { items } = await administration.done('limits.list', { parameters })
    return items.find(({ name }) => name === 'publish.user')
  }
  await until('it is used', async () => (await usedBy())?.used === 1)
  const { items } = await administration.done('limits.list', { parameters })
  const lineOf = (limit: string) => items.find((each) => each.limit === limit)
  assert.deepEqual(
    ['publish.user 1/1h', 'publish.app 9/1m shadow', 'connections.app 100000'].map((limit) => {
      const { source, subject, used, remaining, isShadow } = lineOf(limit) ?? assert.fail(limit)
      return [source, subject, used, remaining, isShadow]
    }),
    [
      ['app', 'u42', 1, 0, false],
      ['app', SEEN.id, 1, 8, true],
      ['app', SEEN.id, 1, 99_999, false],
    ],
  )
  const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
  const words = ['limits', 'reset', SEEN.id, '--name', 'publish.user', '--user-id', 'u42']
  const env = {
    ...process.env,
    LOCKGATE_URL: server.http,
    LOCKGATE_OPERATOR_KEY_FILE: join(dataDir, 'operator.key'),
  }
  const ran = spawnSync(process.execPath, [bin, ...words], { encoding: 'utf8', env })
  assert.equal(ran.status, 0, ran.stderr)
  const ofAddresses = [bin, 'limits', 'reset', SEEN.id, '--name', 'connect.ip']
  const refused = spawnSync(process.execPath, ofAddresses, { encoding: 'utf8', env })
  assert.match(refused.stderr, /limits unblock/, 'says which command is for addresses')
  assert.match(ran.stdout, /publish\.user 1\/1h/)
  assert.equal((await usedBy())?.used, 0)
  const actions = async () => {
    const tenantId = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
    const { items: rows } = await administration.done('audit.list', {
      parameters: { tenantId, database: 'local', limit: 200 },
    })
    return rows.map(({ entry }) => entry['action'])
  }
  await until('both are in the audit', async () => {
    const all = await actions()
    return all.includes('limit.reset') && all.includes('limit.exceeded')
  })
})

test('refusals are counted by the name of the limit', async () => {
  const { body } = await send(server.ops, { method: 'GET', target: '/metrics' })
  assert.match(body, /^lockgate_limits_exceeded_total\{limit="publish\.app"\} [1-9]/m)
  assert.match(body, /^lockgate_limits_warned_total\{limit="publish\.user"\} [1-9]/m)
})

/** An upgrade of a path nobody serves, for documents have one segment: an attempt all the same. */
const knock = ({ http }: LiveServer, forwardedFor?: string) =>
  send(http, {
    method: 'GET',
    target: '/nowhere/at/all',
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }),
    },
  })

test('attempts to connect are counted by the address nobody can invent', async () => {
  const guard = { limits: ['connect.ip 3/1m'] }
  const direct = await startServer({ apps: [CHAT], config: { guard } })
  const behind = await startServer({
    apps: [CHAT],
    config: { guard, trustedProxies: ['127.0.0.1'] },
  })
  try {
    const spoofed = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
    const statusesOf = async (of: LiveServer, addresses: readonly string[]) => {
      const statuses: number[] = []
      for (const address of addresses) statuses.push((await knock(of, address)).status)
      return statuses
    }
    assert.deepEqual(await statusesOf(direct, spoofed), [404, 404, 404, 429])
    const refused = await knock(direct)
    assert.equal(JSON.parse(refused.body).limit, 'connect.ip')
    assert.deepEqual(
      fieldsOf(refused).limits.map(({ name, r }) => [name, r]),
      [['connect.ip', 0]],
    )
    assert.deepEqual(await statusesOf(behind, spoofed), [404, 404, 404, 404])
    // What the client wrote in front of what the proxy wrote changes nothing.
    const invented = spoofed.map((address) => `${address}, 198.51.100.7`)
    assert.deepEqual(await statusesOf(behind, invented), [404, 404, 404, 429])
    const neighbours = [
      '2001:db8:1:2::1',
      '2001:db8:1:2::2',
      '2001:db8:1:2:ffff::3',
      '2001:db8:1:2::4',
    ]
    assert.deepEqual(await statusesOf(behind, neighbours), [404, 404, 404, 429])
    assert.deepEqual(await statusesOf(behind, ['2001:db8:1:3::1']), [404])
  } finally {
    await direct.stop()
    await behind.stop()
  }
})
