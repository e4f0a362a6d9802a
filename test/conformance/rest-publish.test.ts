/**
 * Publishing to topics over HTTP at the started server, received by MQTT.js: every path and header,
 * every refusal with its body, and what outlives a crash once it was answered.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { SignJWT } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import { type Answer, send } from '../support/http.ts'
import { ALICE, connect, loginOf, type TestClient, USERS } from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const PAGE = 'https://app.example.com'
const FOREIGN_PAGE = 'https://evil.example'
const JWT_SECRET = 'jwt-secret-0123456789abcdef0123456789'
const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

const home = mkdtempSync(join(tmpdir(), 'lockgate-publish-'))
const dataDir = join(home, 'data')
const apps = [
  app('chat', {
    ...USERS,
    allowedOrigins: [PAGE],
    mqttPayloadBytesMax: 1_000,
    jwtSecrets: [{ value: JWT_SECRET }],
  }),
  app('small', { allowedOrigins: [PAGE], limits: ['http_publish.app 2/1h'] }),
]
let server: LiveServer
const keys: Record<string, string> = {}

const administration = () =>
  new Administration(
    () => server,
    () => ownerKey(dataDir),
  )

async function makeKey(name: string, body: object, appId = 'chat') {
  const made = await administration().done('credentials.create', {
    parameters: { appId },
    body: { kind: 'api_key', name, ...body },
  })
  keys[name] = made.value ?? ''
}

before(async () => {
  server = await startServer({ apps, dataDir })
  await makeKey('sk', { prefix: 'sk' })
  await makeKey('pk', { prefix: 'pk' })
  await makeKey('rk', { prefix: 'rk' })
  await makeKey('pk-granted', { prefix: 'pk', scopes: ['publish'] })
  await makeKey('rk-granted', { prefix: 'rk', scopes: ['publish:news/#'] })
  await makeKey('sk-reading', { prefix: 'sk', scopes: ['subscribe'] })
  await makeKey('flood', { prefix: 'sk' })
  await makeKey('small', { prefix: 'sk' }, 'small')
})

after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

interface Published {
  readonly path?: string
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

function publish(body: unknown, published: Published = {}): Promise<Answer> {
  const { path = '/v1/publish', key = keys['sk'], headers = {}, method = 'POST' } = published
  const proof: Readonly<Record<string, string>> =
    key === undefined || key === '' ? {} : { authorization: `Bearer ${key}` }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return send(server.http, { method, target: path, body: text, headers: { ...proof, ...headers } })
}

/** Checks the whole shape of a refusal. */
async function refused(answering: Promise<Answer>, status: number, error: string) {
  const { status: got, headers, body } = await answering
  const parsed = JSON.parse(body)
  assert.deepEqual([got, parsed.error, parsed.success], [status, error, false], body)
  assert.equal(typeof parsed.error_description, 'string')
  assert.equal(parsed.detail, parsed.error_description)
  assert.match(String(headers['content-type']), /^application\/json/)
  for (const secret of Object.values(keys)) assert.ok(!body.includes(secret))
  return headers
}

async function listener(filter: string, more: object = {}): Promise<TestClient> {
  const client = await connect(server.mqtt, { ...loginOf(ALICE), protocolVersion: 5, ...more })
  await client.client.subscribeAsync(filter, { qos: 2 })
  return client
}

test('each path of the contract publishes, with its defaults', async () => {
  const client = await listener('news/#')
  const sent = [
    ['/v1/publish', { topic: 'news/1', payload: { a: [1, 'ü'] } }],
    ['/publish', { topic: 'news/2', payload: 'plain text', qos: 2 }],
    ['/v2/publish', { topic: 'news/3', payload: '{"already":"text"}', qos: 0 }],
    ['//v1/publish', { topic: 'news/4', payload: [1] }],
  ] as const
  for (const [path, body] of sent) {
    const answer = await publish(body, { path })
    assert.equal(answer.status, 200, answer.body)
    const { success, message_id: id } = JSON.parse(answer.body)
    assert.equal(success, true)
    assert.match(id, /^msg_[0-9A-Za-z]{22}$/)
  }
  const headers = { 'x-api-key': keys['sk'] ?? '' }
  const body = { topic: 'news/5', payload: 'x' }
  const byKey = await publish(body, { path: '/api/v1/publish', key: '', headers })
  assert.equal(byKey.status, 200, byKey.body)
  await until('all of them', () => client.received.length === 5 || undefined)
  assert.deepEqual(
    client.received
      .map(({ topic, text, qos }) => [topic, text, qos] as const)
      .sort(([one], [other]) => one.localeCompare(other)),
    [
      ['news/1', '{"a":[1,"ü"]}', 1],
      ['news/2', 'plain text', 2],
      ['news/3', '{"already":"text"}', 0],
      ['news/4', '[1]', 1],
      ['news/5', 'x', 0],
    ],
  )
  await client.end()
})

test('properties of MQTT 5 arrive, and what is retained is kept', async () => {
  const answer = await publish({
    topic: 'kept/one',
    payload: 'first',
    retain: true,
    content_type: 'text/plain',
    response_topic: 'answers/1',
    correlation_data: 'c-1',
    user_properties: { trace: 'abc' },
    message_expiry: 3_600,
  })
  assert.equal(answer.status, 200, answer.body)
  const client = await listener('kept/#')
  await until('the retained message', () => client.received.length === 1 || undefined)
  const [kept] = client.received
  const properties = kept?.properties as Record<string, unknown>
  assert.deepEqual([kept?.text, kept?.retain], ['first', true])
  assert.equal(properties['contentType'], 'text/plain')
  assert.equal(properties['responseTopic'], 'answers/1')
  assert.equal(String(properties['correlationData']), 'c-1')
  assert.equal((properties['userProperties'] as Record<string, string>)['trace'], 'abc')
  assert.equal((await publish({ topic: 'kept/one', payload: '', retain: true })).status, 200)
  await until('the empty one', () => client.received.length === 2 || undefined)
  const later = await listener('kept/#')
  await publish({ topic: 'kept/two', payload: 'x' })
  await until('the live one', () => later.received.length === 1 || undefined)
  assert.deepEqual(later.texts(), ['x'])
  await client.end()
  await later.end()
})

test('every answer to a key says what is left of its limit', async () => {
  const { headers } = await publish({ topic: 'news/x', payload: '' })
  assert.equal(headers['x-ratelimit-limit'], '200')
  assert.match(String(headers['x-ratelimit-remaining']), /^1\d\d$/)
  assert.match(String(headers['x-ratelimit-reset']), /^\d{10}$/)
  assert.match(String(headers['ratelimit']), /"rest_publish\.credential";r=\d+;t=\d+/)
  const refusal = await refused(publish({}), 400, 'request_malformed')
  assert.equal(refusal['x-ratelimit-limit'], '200')
})

test('what is wrong with a body is said', async () => {
  const of = (body: unknown) => publish(body)
  await refused(of({ payload: 'x' }), 400, 'request_malformed')
  await refused(of({ topic: 'a' }), 400, 'request_malformed')
  await refused(of('{"topic":"a"'), 400, 'request_malformed')
  await refused(of('{"topic":"a","topic":"b","payload":""}'), 400, 'request_malformed')
  await refused(of('[]'), 400, 'request_malformed')
  await refused(of({ topic: 'a', payload: '', qos: 3 }), 400, 'request_malformed')
  for (const topic of ['a/+', '#', '$SYS/x', '$share/g/a', 'x'.repeat(65_536)]) {
    await refused(of({ topic, payload: '' }), 400, 'topic_invalid')
  }
  await refused(of({ topic: 'a', payload: 'x'.repeat(1_001) }), 413, 'event_data_large')
  await refused(of({ topic: 'a', payload: 'x'.repeat(3_000_000) }), 413, 'body_large')
  const headers = { 'content-type': 'text/plain' }
  await refused(publish({ topic: 'a', payload: '' }, { headers }), 415, 'media_type_unsupported')
  const method = await refused(publish('', { method: 'PUT' }), 405, 'method_unknown')
  assert.equal(method['allow'], 'POST, OPTIONS')
})

test('who may not publish is told, and the audit knows', async () => {
  const body = { topic: 'news/1', payload: 'x' }
  const missing = await refused(publish(body, { key: '' }), 401, 'credential_missing')
  assert.match(String(missing['www-authenticate']), /^Bearer/)
  const wrong = (keys['sk'] ?? '').replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  await refused(publish(body, { key: wrong }), 401, 'credential_invalid')
  await refused(publish(body, { key: 'nonsense' }), 401, 'credential_invalid')
  await refused(publish(body, { key: keys['pk'] }), 403, 'operation_denied')
  await refused(publish(body, { key: keys['rk'] }), 403, 'operation_denied')
  await refused(publish(body, { key: keys['sk-reading'] }), 403, 'operation_denied')
  assert.equal((await publish(body, { key: keys['pk-granted'] })).status, 200)
  assert.equal((await publish(body, { key: keys['rk-granted'] })).status, 200)
  const elsewhere = { ...body, topic: 'other' }
  await refused(publish(elsewhere, { key: keys['rk-granted'] }), 403, 'operation_denied')
  const denials = async (action: string) => {
    const parameters = { tenantId: TENANT, database: 'local', order: 'newest' } as const
    const { items } = await administration().done('audit.list', { parameters })
    return items.filter(({ entry }) => {
      const { protocol } = entry['source'] as { protocol?: string }
      return entry['action'] === action && protocol === 'http'
    })
  }
  await until('the denials are in the log', async () => {
    const found = [await denials('auth.denied'), await denials('topic.denied')]
    return found.every((each) => each.length > 0) || undefined
  })
})

test('a signed token publishes what its permissions say', async () => {
  const token = (channels: Readonly<Record<string, readonly string[]>>) =>
    new SignJWT({ app: 'chat', channels })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject('ann')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(JWT_SECRET))
  const allowed = await token({ 'news:*': ['publish'] })
  const body = { topic: 'news/by/token', payload: 'x' }
  const answer = await publish(body, { key: allowed })
  assert.equal(answer.status, 200, answer.body)
  await refused(publish({ ...body, topic: 'else' }, { key: allowed }), 403, 'operation_denied')
  const reading = await token({ 'news:*': ['subscribe'] })
  await refused(publish(body, { key: reading }), 403, 'operation_denied')
})

test('rule sets of the organization hold, without a name for keys', async () => {
  const rules = [
    { effect: 'deny', actions: ['publish'], filter: 'locked/#' },
    { effect: 'allow', actions: ['publish'], filter: 'users/${username}/#' },
    { effect: 'allow', actions: ['publish', 'subscribe'], filter: 'news/#' },
  ] as const
  const admin = administration()
  const ofTenant = { tenantId: TENANT }
  const body = {
    name: 'default',
    rules: rules.map((rule) => ({ ...rule, actions: [...rule.actions] })),
  }
  await admin.done('rules.create', { parameters: ofTenant, body })
  try {
    await refused(publish({ topic: 'locked/a', payload: '' }), 403, 'operation_denied')
    await refused(publish({ topic: 'users//a', payload: '' }), 403, 'operation_denied')
    assert.equal((await publish({ topic: 'news/a', payload: '' })).status, 200)
  } finally {
    const parameters = { ...ofTenant, ruleSet: 'default' }
    await admin.done('rules.remove', { parameters, body: {} })
  }
})

test('limits refuse with the time to wait', async () => {
  const key = keys['flood']
  const body = { topic: 'news/flood', payload: '' }
  const answers = await Promise.all(Array.from({ length: 260 }, () => publish(body, { key })))
  const limited = answers.filter(({ status }) => status === 429)
  assert.ok(limited.length > 0 && limited.length < 61, `${limited.length} were refused`)
  const [first] = limited
  assert.match(String(first?.headers['retry-after']), /^[12]$/)
  assert.equal(first?.headers['x-ratelimit-remaining'], '0')
  assert.equal(JSON.parse(first?.body ?? '').error, 'rate_limited')
  const small = { key: keys['small'] }
  for (let count = 0; count < 2; count++) assert.equal((await publish(body, small)).status, 200)
  const headers = await refused(publish(body, small), 429, 'rate_limited')
  assert.ok(Number(headers['retry-after']) > 60)
})

test('pages of the app may publish with their own keys, and no others may', async () => {
  const body = { topic: 'news/page', payload: 'x' }
  const from = (origin: string) => ({ headers: { origin }, key: keys['pk-granted'] })
  const allowed = await publish(body, from(PAGE))
  assert.equal(allowed.status, 200, allowed.body)
  assert.equal(allowed.headers['access-control-allow-origin'], PAGE)
  assert.match(String(allowed.headers['access-control-expose-headers']), /X-RateLimit-Limit/)
  const foreign = await refused(publish(body, from(FOREIGN_PAGE)), 403, 'origin_refused')
  assert.equal(foreign['access-control-allow-origin'], undefined)
  const secret = { headers: { origin: PAGE } }
  await refused(publish(body, secret), 403, 'password_in_browser')
  const ask = (origin: string) =>
    send(server.http, {
      method: 'OPTIONS',
      target: '/v1/publish',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  const preflight = await ask(PAGE)
  assert.equal(preflight.status, 204)
  assert.match(String(preflight.headers['access-control-allow-headers']), /X-API-Key/)
  assert.equal((await ask(FOREIGN_PAGE)).status, 403)
})

test('what was answered outlives kill -9: a session that was away gets it', async () => {
  const session = {
    clientId: 'sleeper',
    clean: false,
    properties: { sessionExpiryInterval: 3_600 },
  }
  const away = await listener('jobs/#', session)
  await away.end()
  for (let count = 0; count < 20; count++) {
    const answer = await publish({ topic: `jobs/${count}`, payload: `${count}` })
    assert.equal(answer.status, 200, answer.body)
  }
  assert.equal((await publish({ topic: 'kept/hard', payload: 'kept', retain: true })).status, 200)
  await server.killHard()
  server = await startServer({ apps, dataDir })
  const client = await connect(server.mqtt, {
    ...loginOf(ALICE),
    protocolVersion: 5,
    ...session,
  })
  await until('all twenty', () => client.received.length >= 20 || undefined)
  assert.deepEqual(
    client.texts(),
    Array.from({ length: 20 }, (_, count) => `${count}`),
  )
  await client.end()
  const later = await listener('kept/hard')
  await until('the retained one', () => later.received.length === 1 || undefined)
  await later.end()
})
