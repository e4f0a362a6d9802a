/** Credentials over the administration, felt by unmodified clients on real sockets. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Clients, library, subscribed } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { nextEvent, until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('admin')
const OTHER = app('admin-other')
const HOUR_SECONDS = 3_600

interface Issued {
  readonly value: string
  readonly versionId: string
  readonly credential: { readonly id: string; readonly versions: readonly { id: string }[] }
  readonly receipt?: { readonly closedCount: number }
}

let dataDir = ''
let server: LiveServer
const clients = new Clients(() => server)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-admin-'))
  server = await startServer({ apps: [APP, OTHER], dataDir })
})
after(async () => {
  clients.closeAll()
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const operatorKey = () => readFileSync(join(dataDir, 'operator.key'), 'utf8').trim()

function call(method: string, path: string, body?: unknown) {
  return callAs(operatorKey(), { method, path, body })
}

async function callAs(
  key: string,
  { method, path, body }: { method: string; path: string; body?: unknown },
) {
  const answer = await send(server.http, {
    method,
    target: `/admin/v1${path}`,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: JSON.parse(answer.body), headers: answer.headers }
}

async function issue(body: Record<string, unknown>): Promise<Issued> {
  const answer = await call('POST', `/apps/${APP.id}/credentials`, body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}

async function signingCredential(appId = APP.id): Promise<string> {
  const { body } = await call('GET', `/apps/${appId}/credentials`)
  return body.items.find(({ kind }: { kind: string }) => kind === 'signing_secret').id
}

async function publishWith(token: string, appId = APP.id): Promise<number> {
  const answer = await send(server.http, {
    method: 'POST',
    target: `/apps/${appId}/events`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'e', channel: 'news', data: 'd' }),
  })
  return answer.status
}

test('the first start leaves an owner key that only its owner can read', async () => {
  assert.equal(statSync(join(dataDir, 'operator.key')).mode & 0o777, 0o600)
  const { status, body, headers } = await call('GET', '/whoami')
  assert.equal(status, 200)
  assert.equal(body.role, 'owner')
  assert.equal(headers['cache-control'], 'no-store')
  assert.match(String(headers['lockgate-request-id']), /^[0-9a-f-]{36}$/)
})

test('every wrong operator key gets the same 401, and none gets 401 too', async () => {
  const key = operatorKey()
  const wrong = [`${key.slice(0, -1)}x`, key.toUpperCase(), 'op_x', 'x', `${key}x`, 'a.b.c']
  const answers = await Promise.all(
    wrong.map((each) => callAs(each, { method: 'GET', path: '/whoami' })),
  )
  for (const { status, body } of answers) {
    assert.equal(status, 401)
    assert.deepEqual(body, answers[0]?.body)
  }
})

test('an API key publishes in its own app only, through a rotation, until it is revoked', async () => {
  const first = await issue({ kind: 'api_key', name: 'backend' })
  assert.equal(await publishWith(first.value), 200)
  assert.equal(await publishWith(first.value, OTHER.id), 401)
  const path = `/credentials/${first.credential.id}`
  const rotated = await call('POST', `${path}/rotate`, { overlapSeconds: HOUR_SECONDS })
  assert.equal(rotated.status, 200)
  for (const value of [first.value, rotated.body.value]) assert.equal(await publishWith(value), 200)
  const readiness = await call('GET', `${path}/readiness`)
  assert.equal(readiness.body.canDisable, false)
  assert.match(readiness.body.blockers[0], /127\.0\.0\.1 .*used version 1 over http/)
  const refused = await call('POST', `${path}/disable`, { versionId: first.versionId })
  assert.deepEqual([refused.status, refused.body.code], [409, 'still_in_use'])
  const forced = { versionId: first.versionId, force: true, reason: 'tested' }
  assert.equal((await call('POST', `${path}/disable`, forced)).status, 200)
  assert.equal(await publishWith(first.value), 401)
  assert.equal(await publishWith(rotated.body.value), 200)
  const missed = await call('GET', `${path}/readiness`)
  assert.match(missed.body.missed[0], /used version 1/)
  assert.equal((await call('POST', `${path}/revoke`, { reason: 'leaked' })).status, 200)
  assert.equal(await publishWith(rotated.body.value), 401)
})

test('a scope narrows a key', async () => {
  const reader = await issue({ kind: 'api_key', name: 'reader', prefix: 'rk', scopes: ['inspect'] })
  assert.equal(await publishWith(reader.value), 403)
  const news = await issue({ kind: 'api_key', name: 'news', scopes: ['publish:news'] })
  assert.equal(await publishWith(news.value), 200)
  const other = await issue({ kind: 'api_key', name: 'other', scopes: ['publish:other'] })
  assert.equal(await publishWith(other.value), 403)
})

test('a signing secret rotates while pusher-js and both backends go on', async () => {
  const pusher = await clients.connected(APP)
  const channel = await subscribed(pusher, 'private-rotating')
  const id = await signingCredential()
  const { body } = await call('POST', `/credentials/${id}/rotate`, { overlapSeconds: HOUR_SECONDS })
  const renewed = { ...APP, secret: String(body.value) }
  for (const pair of [APP, renewed]) {
    const arrives = nextEvent(channel, 'e')
    assert.equal(
      (await library(server, APP, pair).trigger('private-rotating', 'e', {})).status,
      200,
    )
    await arrives
  }
  assert.equal(pusher.connection.state, 'connected')
  // The old version goes: what it authorized is closed with a code that brings clients back.
  const [old] = body.credential.versions
  const reason = 'rotated'
  const disabled = { versionId: old.id, force: true, reason }
  // Bound before: the client may be back before anybody looks.
  const told = nextEvent<{ current: string }>(pusher.connection, 'state_change')
  assert.equal((await call('POST', `/credentials/${id}/disable`, disabled)).status, 200)
  assert.notEqual((await told).current, 'connected')
  await assert.rejects(library(server, APP).trigger('private-rotating', 'e', {}))
  pusher.disconnect()
})

test('revoking an app key closes pusher-js for good, and the receipt says so', async () => {
  const pusher = await clients.connected(OTHER)
  await subscribed(pusher, 'public')
  const wire = await Wire.open(server, OTHER)
  const id = await signingCredential(OTHER.id)
  const { status, body } = await call('POST', `/credentials/${id}/revoke`, { reason: 'leaked' })
  assert.equal(status, 200)
  assert.equal(body.receipt.closedCount, 2)
  assert.deepEqual(body.receipt.nodes[0].closed, { pusher: 2 })
  assert.equal((await wire.closure()).code, 4009)
  await until('pusher-js is told', () => pusher.connection.state !== 'connected')
  pusher.disconnect()
})

test('a change of nothing is refused, and a scope that allows nothing too', async () => {
  const made = await issue({ kind: 'api_key', name: 'scoped', scopes: ['publish:news', 'inspect'] })
  const key = `/credentials/${made.credential.id}`
  const refused = async (method: string, path: string, body: object) => {
    const answer = await call(method, path, body)
    assert.deepEqual([answer.status, answer.body.code], [400, 'input_invalid'])
  }
  for (const body of [{}, { reason: 'r' }]) await refused('PATCH', key, body)
  for (const body of [{}, { settings: {} }]) await refused('PATCH', `/apps/${APP.id}`, body)
  for (const scope of ['publsih', 'publish:', 'Publish', 'room:read', '*']) {
    const scopes = ['publish', scope]
    await refused('PATCH', key, { scopes })
    await refused('POST', `/apps/${APP.id}/credentials`, { kind: 'api_key', name: 'x', scopes })
  }
})

test('input that does not fit names each field, and what is not there is not found', async () => {
  const bad = { kind: 'api_key', extra: 1, scopes: 'publish' }
  const refused = await call('POST', `/apps/${APP.id}/credentials`, bad)
  assert.equal(refused.status, 400)
  assert.equal(refused.headers['content-type'], 'application/problem+json')
  const fields = refused.body.errors.map(({ path }: { path: string }) => path)
  for (const field of ['body.name', 'body.scopes']) assert.ok(fields.includes(field), fields.join())
  assert.equal((await call('GET', '/credentials/cred_none')).status, 404)
  assert.equal((await call('GET', '/nothing')).status, 404)
  assert.equal((await call('DELETE', '/whoami')).headers['allow'], 'GET')
  const large = await call('POST', '/revocations', { reason: 'x'.repeat(70_000) })
  assert.equal(large.status, 413)
})

test('the document of all operations is open to read', async () => {
  const document = await send(server.http, { method: 'GET', target: '/admin/v1/openapi.json' })
  assert.equal(JSON.parse(document.body).openapi, '3.1.0')
})

test('what was answered survives kill -9, and no value is in any file or log', async () => {
  const issued = await issue({ kind: 'api_key', name: 'durable' })
  const path = `/credentials/${issued.credential.id}/rotate`
  const rotated = await call('POST', path, { overlapSeconds: HOUR_SECONDS })
  const key = operatorKey()
  const log = () => server.stdout + server.stderr
  const earlier = log()
  await server.killHard()
  server = await startServer({ apps: [APP, OTHER], dataDir })
  for (const value of [issued.value, rotated.body.value])
    assert.equal(await publishWith(value), 200)
  const files = readdirSync(dataDir).filter((name) => name !== 'operator.key')
  const texts = [
    earlier,
    log(),
    ...files.map((name) => readFileSync(join(dataDir, name), 'latin1')),
  ]
  for (const value of [issued.value, rotated.body.value, key]) {
    const secret = String(value).split('_')[2] ?? ''
    for (const text of texts) assert.ok(!text.includes(secret), 'a value was left behind')
  }
})

test('the master key rotates under a running server without a refused request', async () => {
  const issued = await issue({ kind: 'api_key', name: 'during' })
  const rotation = { isOver: false }
  const statuses: number[] = []
  const publishing = (async () => {
    while (!rotation.isOver) statuses.push(await publishWith(issued.value))
  })()
  const { status, body } = await call('POST', '/master-key/rotate', {})
  rotation.isOver = true
  await publishing
  assert.equal(status, 200)
  assert.deepEqual([body.currentVersion, body.outdatedCount], [2, 0])
  assert.ok(statuses.length > 0)
  assert.deepEqual([...new Set(statuses)], [200])
})
