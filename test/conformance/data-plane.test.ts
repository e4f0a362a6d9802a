/** The data plane of documents over HTTP: who may ask what, and what they are told. */
import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { type Answer, send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const PAGE = 'https://editor.example'
const SECRET = 'a-secret-of-the-editor-0123456789'
const EDITOR = app('editor', {
  clientId: 'editor-client',
  clientSecret: SECRET,
  allowedDomains: ['editor.example'],
})
const PLANS = [
  { name: 'small', maxConnections: 10, maxDocuments: 5, maxUsersPerDoc: 2, opsPerMinute: 600 },
]
const SMALL = app('small', { clientId: 'small-client', clientSecret: SECRET, plan: 'small' })
/** A proxy: each test asks from an address of its own, which has counts of its own. */
const PROXY = { trustedProxies: ['127.0.0.1'], plans: PLANS }

const it = serving({ apps: [EDITOR, SMALL], config: PROXY })

interface Asked {
  readonly token?: string
  readonly ip?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

function ask(target: string, { token, ip = '192.0.2.1', method = 'GET', headers }: Asked = {}) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const all = { 'x-forwarded-for': ip, ...authorization, ...headers }
  return send(it.server.http, { method, target, headers: all })
}

async function tokenOf(clientId: string): Promise<string> {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: SECRET }
  const answer = await fetch(`${it.server.http}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...form, scope: 'WireSocket.API' }),
  })
  const body: ReturnType<JSON['parse']> = await answer.json()
  return body.access_token
}

const bodyOf = ({ body }: Answer): ReturnType<JSON['parse']> => JSON.parse(body)

function requireRefused(answer: Answer, status: number, error: string): void {
  const body = bodyOf(answer)
  assert.deepEqual([answer.status, body.error, body.statusCode], [status, error, status])
  assert.equal(typeof body.message, 'string')
}

test('an app learns how much of its plan it uses, in words and in percent', async () => {
  const token = await tokenOf('small-client')
  const usage = async () => bodyOf(await ask('/usage', { token })).usage
  assert.deepEqual((await usage()).connections, {
    current: 0,
    limit: 10,
    percent: 0,
    status: 'healthy',
  })
  let open = 0
  for (const [count, percent, status] of [
    [7, 70, 'healthy'],
    [8, 80, 'warning'],
    [9, 90, 'critical'],
  ] as const) {
    for (; open < count; open++) await it.clients.connected(SMALL)
    const { connections } = await usage()
    assert.deepEqual(connections, { current: count, limit: 10, percent, status })
  }
})

test('a plan without limits is told as such, with the token in the query', async () => {
  const token = await tokenOf('editor-client')
  const answer = await ask(`/usage?token=${token}`)
  assert.equal(answer.status, 200)
  const { tenantId, appId, usage, timestamp } = bodyOf(answer)
  assert.deepEqual([tenantId, appId], [TENANT, 'editor'])
  const nothing = { current: 0, limit: 2_147_483_647, percent: 0, status: 'healthy' }
  assert.deepEqual(usage, { connections: nothing, documents: nothing })
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000)
})

test('a document that nobody has open is where it is asked for', async () => {
  const token = await tokenOf('editor-client')
  const headers = { host: 'docs.example' }
  const answer = await ask('/discovery?documentName=notes', { token, headers })
  assert.deepEqual(bodyOf(answer), {
    region: 'local',
    url: 'ws://docs.example/notes',
    isNew: true,
  })
  const secure = { ...headers, 'x-forwarded-proto': 'https' }
  const { url } = bodyOf(await ask('/discovery?documentName=notes', { token, headers: secure }))
  assert.equal(url, 'wss://docs.example/notes')
})

test('names that are none are refused with 400', async () => {
  const token = await tokenOf('editor-client')
  requireRefused(await ask('/discovery', { token }), 400, 'request_malformed')
  for (const name of ['', 'a/b', 'a%20b', '%2e%2e', 'a'.repeat(256)]) {
    const answer = await ask(`/discovery?documentName=${name}`, { token })
    requireRefused(answer, 400, 'document_name_invalid')
  }
})

test('whoever has no token, or none that counts, is refused with 401', async () => {
  const ip = '192.0.2.2'
  for (const path of ['/usage', '/discovery?documentName=a']) {
    const none = await ask(path, { ip })
    requireRefused(none, 401, 'credential_missing')
    assert.match(String(none.headers['www-authenticate']), /^Bearer/)
    for (const token of ['x', 'a.b.c', `${await tokenOf('editor-client')}x`]) {
      requireRefused(await ask(path, { ip, token }), 401, 'credential_invalid')
    }
    requireRefused(await ask(path, { ip, method: 'DELETE' }), 405, 'method_unknown')
  }
})

test('the thirteenth question for usage in a minute is refused, and no other question', async () => {
  const token = await tokenOf('editor-client')
  const ip = '192.0.2.3'
  for (let count = 0; count < 12; count++) {
    assert.equal((await ask('/usage', { ip, token })).status, 200)
  }
  const refused = await ask('/usage', { ip, token })
  requireRefused(refused, 429, 'rate_limited')
  assert.equal(refused.headers['retry-after'], '60')
  assert.equal((await ask('/discovery?documentName=a', { ip, token })).status, 200)
  assert.equal((await ask('/health', { ip })).status, 200)
  assert.equal((await ask('/usage', { ip: '192.0.2.4', token })).status, 200)
})

test('the sixty-first question for a document in a minute is refused', async () => {
  const token = await tokenOf('editor-client')
  const ip = '192.0.2.5'
  const where = () => ask('/discovery?documentName=a', { ip, token })
  for (let count = 0; count < 60; count++) assert.equal((await where()).status, 200)
  const refused = await where()
  requireRefused(refused, 429, 'rate_limited')
  assert.equal(refused.headers['retry-after'], '60')
})

test('pages of the app read the answers, and other pages may not use its token', async () => {
  const token = await tokenOf('editor-client')
  const ip = '192.0.2.6'
  const preflight = await ask('/usage', {
    ip,
    method: 'OPTIONS',
    headers: { origin: PAGE, 'access-control-request-method': 'GET' },
  })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers['access-control-allow-origin'], PAGE)
  assert.equal(preflight.headers['access-control-allow-headers'], 'Authorization')
  for (const path of ['/usage', '/discovery?documentName=a']) {
    const own = await ask(path, { ip, token, headers: { origin: PAGE } })
    assert.deepEqual([own.status, own.headers['access-control-allow-origin']], [200, PAGE])
    assert.equal(own.headers['access-control-allow-credentials'], undefined)
    assert.equal(own.headers['vary'], 'Origin')
    const foreign = await ask(path, { ip, token, headers: { origin: 'https://evil.example' } })
    requireRefused(foreign, 403, 'origin_refused')
    const expired = await ask(path, { ip, token: 'x', headers: { origin: PAGE } })
    assert.deepEqual([expired.status, expired.headers['access-control-allow-origin']], [401, PAGE])
  }
})

test('tokens of the query are in no log', async () => {
  const token = await tokenOf('editor-client')
  await ask(`/usage?token=${token}`, { ip: '192.0.2.7' })
  await ask(`/discovery?documentName=a/b&token=${token}`, { ip: '192.0.2.7' })
  await ask(`/usage?token=${token}x`, { ip: '192.0.2.7' })
  const said = it.server.stdout + it.server.stderr
  for (const part of token.split('.')) assert.ok(!said.includes(part))
})

test('the front path tells browsers and machines what each asks for', async () => {
  const machine = await ask('/')
  assert.equal(bodyOf(machine).status, 'healthy')
  const { status, timestamp } = bodyOf(await ask('/health'))
  assert.equal(status, 'healthy')
  assert.ok(Number.isFinite(Date.parse(timestamp)))
})

test('the names of WireSocket are among the metrics of the operations listener', async () => {
  const own = await it.server.metric('lockgate_connections_open')
  assert.equal(await it.server.metric('wiresocket_connections_total'), own)
  assert.equal(await it.server.metric('wiresocket_documents_active'), 0)
  assert.ok((await it.server.metric('nodejs_heap_size_used_bytes')) > 0)
  assert.equal((await ask('/metrics')).status, 404)
})

test('at 79 percent of its connections a node is healthy, at 81 it is overloaded', async () => {
  // What the machine itself has to do beside this test does not count here.
  const load = { shedding: false, memoryPercent: 100, cpuPercent: 100 }
  const limits = { connectionCountMax: 100 }
  const busy = app('busy')
  const server = await startServer({ apps: [busy], config: { limits, load } })
  const sockets: WebSocket[] = []
  const connect = async (count: number) => {
    while (sockets.length < count) sockets.push(await opened(server, busy.key))
  }
  try {
    await connect(79)
    await statusIs(server, 200, 'healthy')
    await connect(81)
    const answer = await statusIs(server, 503, 'overloaded')
    const seconds = Number(answer.headers['retry-after'])
    assert.ok(seconds >= 30 && seconds <= 40, `${seconds} s`)
    assert.ok(sockets.every(({ readyState }) => readyState === WebSocket.OPEN))
  } finally {
    for (const socket of sockets) socket.close()
    await server.stop()
  }
})

function opened(server: LiveServer, key: string): Promise<WebSocket> {
  const socket = new WebSocket(`${server.http.replace('http', 'ws')}/app/${key}?protocol=7`)
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Load is read once a second. */
function statusIs(server: LiveServer, status: number, word: string): Promise<Answer> {
  return until(`health ${word}`, async () => {
    const answer = await send(server.http, { method: 'GET', target: '/health' })
    return answer.status === status && bodyOf(answer).status === word && answer
  })
}
