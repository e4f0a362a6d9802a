/**
 * Secrets stay where they belong. Every kind is planted, used, guessed wrongly and misplaced; then
 * all that a server says and leaves behind is searched for them.
 */
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey, type KeyPrefix } from '../../packages/server/src/credentials/key-format.ts'
import { newWebhookSecret } from '../../packages/server/src/credentials/webhook-secret.ts'
import { type AdminCall, Administration, type ResultOf } from '../support/administration.ts'
import { Canary } from '../support/canary.ts'
import { library } from '../support/clients.ts'
import { type Answer, send, type SendOptions } from '../support/http.ts'
import { type AppConfig, app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP_ID = 'kept'
const CLIENT_ID = 'client-kept'
const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const KEY_PREFIXES: readonly KeyPrefix[] = ['sk', 'pk', 'rk', 'op', 'cls', 'mqu']
const KINDS = [
  'api_key',
  'client_secret',
  'jwt_secret',
  'signing_secret',
  'webhook_secret',
] as const
const HOOK = { name: 'declared', url: 'https://127.0.0.1:9/', events: ['message.published'] }
/** Found wherever it is: what is no secret shows that the search sees the place. */
const LEAK = `visible-${randomBytes(12).toString('hex')}`

const fresh = () => randomBytes(24).toString('base64url')
const keyOf = (prefix: KeyPrefix) => generateKey(prefix, systemRandom).value

interface Place {
  readonly canary: Canary
  readonly server: LiveServer
  readonly dataDir: string
  readonly admin: Administration
  readonly ownerKey: string
}

/** Sends a request; nothing of its answer may hold a secret. */
async function ask({ canary, server }: Place, options: SendOptions): Promise<Answer> {
  const answer = await send(server.http, options)
  const where = `the answer to ${options.method} ${options.target.slice(0, 40)}`
  canary.look(where, `${JSON.stringify(answer.headers)} ${answer.body}`)
  return answer
}

/** Calls the administration; the answer must hold nothing that was planted before. */
async function tell({ admin, canary }: Place, ...call: Parameters<Administration['call']>) {
  const answer = await admin.call(...call)
  canary.look(`the answer of ${call[0]}`, JSON.stringify([answer.headers, answer.body]))
  return answer
}

/** A change whose answer gives a value out: that value is planted after the answer was searched. */
async function issue(
  place: Place,
  name: 'credentials.create' | 'credentials.rotate' | 'credentials.fetch',
  call: AdminCall,
) {
  const answer = await tell(place, name, call)
  assert.ok(answer.status < 300, JSON.stringify(answer.body))
  const body = answer.body as {
    readonly value: string
    readonly versionId: string
    readonly credential: { readonly id: string; readonly kind: string }
  }
  place.canary.plant(`${body.credential.kind} of ${name}`, body.value)
  return { ...body, id: body.credential.id }
}

/** Every kind, generated and of people's own: made, rotated, fetched. */
async function useEveryKind(place: Place): Promise<void> {
  const { canary } = place
  for (const kind of KINDS) {
    const headers = { 'idempotency-key': `make-${kind}` }
    const body = { kind, name: `${LEAK} ${kind}` }
    const { id } = await issue(place, 'credentials.create', {
      parameters: { appId: APP_ID },
      body,
      headers,
    })
    const parameters = { credentialId: id }
    await issue(place, 'credentials.rotate', { parameters, body: { overlapSeconds: 0 } })
    const waiting = await tell(place, 'credentials.stage', { parameters, body: { deliver: true } })
    const { versionId } = waiting.body as { readonly versionId: string }
    await issue(place, 'credentials.fetch', { parameters: { ...parameters, versionId } })
    await tell(place, 'credentials.revoke', { parameters, body: { reason: 'tested' } })
  }
  for (const kind of ['client_secret', 'jwt_secret', 'provider_credential'] as const) {
    const value = canary.plant(`an own ${kind}`, `${fresh()}-${fresh()}`)
    const body = { kind, name: 'own', value }
    // The answer that makes a version shows its value, whoever chose it.
    await place.admin.done('credentials.create', { parameters: { appId: APP_ID }, body })
  }
  const weak = canary.plant('a refused own value', `password-${'a'.repeat(20)}-${LEAK.length}`)
  const body = { kind: 'jwt_secret', name: 'weak', value: weak }
  await tell(place, 'credentials.create', { parameters: { appId: APP_ID }, body })
}

/** Endpoints of both algorithms: made, asked, rotated, delivered to, removed. */
async function useWebhooks(place: Place, declared: AppConfig): Promise<void> {
  const { canary, server } = place
  // The store has it, because the receiver has to be called with it.
  const homes = ['region-local.db', 'region-local.db-wal']
  const query = canary.plant('the query of a receiver', fresh(), homes)
  for (const algorithm of ['hmac-sha256', 'ed25519']) {
    const receiverUrl = `https://127.0.0.1:9/hooks?token=${query}`
    const terms = { name: `${LEAK} ${algorithm}`, receiverUrl, events: ['message.published'] }
    const body = { ...terms, algorithm }
    const made = await tell(place, 'webhooks.create', { parameters: { appId: APP_ID }, body })
    const { webhook, value } = made.body as ResultOf<'webhooks.create'>
    if (value !== undefined) canary.plant('a webhook secret', value)
    const parameters = { endpointId: webhook.id }
    await library(server, declared).trigger('news', 'e', {})
    await tell(place, 'webhooks.probe', { parameters })
    const rotated = await tell(place, 'webhooks.rotate', { parameters, body: {} })
    const after = rotated.body as ResultOf<'webhooks.rotate'>
    if (after.value !== undefined) canary.plant('a rotated webhook secret', after.value)
    for (const name of ['webhooks.get', 'webhooks.probe', 'deliveries.list'] as const) {
      assert.equal((await tell(place, name, { parameters })).status, 200)
    }
    const list = await tell(place, 'webhooks.list', { parameters: { appId: APP_ID } })
    assert.equal(list.status, 200)
  }
}

const form = (fields: Readonly<Record<string, string>>) => new URLSearchParams(fields).toString()
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Access and refresh tokens of ours: given out, used, refreshed, reused, revoked. */
async function useTokens(place: Place, clientSecret: string): Promise<void> {
  const { canary } = place
  const client = { client_id: CLIENT_ID, client_secret: clientSecret }
  const grant = async (fields: Readonly<Record<string, string>>) => {
    const body = form({ ...client, ...fields })
    const options = { method: 'POST', target: '/connect/token', headers: FORM, body }
    const answer = await ask(place, options)
    assert.equal(answer.status, 200, answer.body)
    const tokens = JSON.parse(answer.body) as {
      readonly access_token: string
      readonly refresh_token: string
    }
    // The signature is what makes it one: header and claims are no secret.
    canary.plant('the signature of an access token', tokens.access_token.split('.')[2])
    canary.plant('a refresh token', tokens.refresh_token.slice(-LEAK.length))
    return tokens
  }
  const first = await grant({
    grant_type: 'client_credentials',
    scope: 'WireSocket.API offline_access',
  })
  const again = { grant_type: 'refresh_token', refresh_token: first.refresh_token }
  const second = await grant(again)
  await grant({ grant_type: 'refresh_token', refresh_token: second.refresh_token })
  for (const target of ['/connect/introspect', '/connect/revocation', '/connect/token']) {
    const body = form({ ...client, ...again, token: second.access_token })
    await ask(place, { method: 'POST', target, headers: FORM, body })
    await ask(place, { method: 'POST', target: `${target}?${body}`, headers: FORM, body: '' })
  }
  await publish(place, second.access_token)
}

async function publish(place: Place, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ name: 'e', channel: 'news', data: 'd' })
  const target = `/apps/${APP_ID}/events`
  return (await ask(place, { method: 'POST', target, headers, body })).status
}

/** A token that a customer's backend signed. */
function customerToken(secret: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const nowSeconds = Math.floor(performance.timeOrigin / 1_000)
  const claims = { app: APP_ID, sub: 'u', iat: nowSeconds, exp: nowSeconds + 3_000 }
  const channels = { news: ['publish'] }
  const content = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, channels })}`
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
}

/** Guesses and misplaced secrets, wherever somebody could put one. */
async function misplace(place: Place, appKey: string): Promise<void> {
  const { canary, server } = place
  const paths = ['/connect/token', '/connect/introspect', `/apps/${APP_ID}/events`, '/elsewhere']
  const admin = ['/admin/v1/whoami', '/admin/v1/credentials/x', '/admin/v1/revocations']
  for (const target of [...paths, ...admin]) {
    for (const prefix of KEY_PREFIXES) {
      const guess = canary.plant(`a guessed ${prefix}`, keyOf(prefix))
      const mistyped = canary.plant(`a mistyped ${prefix}`, `${keyOf(prefix).slice(0, -1)}-`)
      for (const value of [guess, mistyped]) {
        const basic = Buffer.from(`${CLIENT_ID}:${value}`).toString('base64')
        const method = 'POST'
        const json = { 'content-type': 'application/json' }
        const query = `${target}?token=${value}&client_secret=${value}&auth_key=${value}`
        await ask(place, { method: 'GET', target: query })
        await ask(place, { method, target, headers: { authorization: `Bearer ${value}` } })
        await ask(place, { method, target, headers: { authorization: `Basic ${basic}`, ...FORM } })
        await ask(place, { method, target, headers: { 'x-api-key': value, cookie: `a=${value}` } })
        const body = JSON.stringify({ client_secret: value, value, name: value, [value]: value })
        await ask(place, { method, target, headers: json, body })
        // Cut in the middle: no parser may quote what it stumbled over.
        await ask(place, { method, target, headers: json, body: body.slice(0, -3) })
        await ask(place, { method, target, headers: FORM, body: `client_secret=${value}&%zz` })
      }
    }
  }
  const inPath = canary.plant('a secret in a path', fresh())
  for (const target of [`/${inPath}`, `/apps/${inPath}/events`, `/admin/v1/${inPath}`]) {
    await ask(place, { method: 'GET', target })
  }
  const target = `/admin/v1/credentials/${inPath}`
  await ask(place, {
    method: 'GET',
    target,
    headers: { authorization: `Bearer ${place.ownerKey}` },
  })
  const wire = await Wire.open(server, { key: appKey, secret: '' })
  const auth = `${appKey}:${canary.plant('a wrong signature', randomBytes(32).toString('hex'))}`
  const misplaced = canary.plant('a secret in a frame', fresh())
  wire.send({ event: 'pusher:subscribe', data: { channel: 'private-a', auth } })
  wire.send({ event: 'pusher:subscribe', data: { channel: 'private-b', auth: misplaced } })
  wire.send({ event: misplaced, data: { [misplaced]: misplaced } })
  wire.send({ event: 'pusher:signin', data: { auth, user_data: '{}' } })
  canary.look('a close frame', JSON.stringify(await wire.closure()))
  canary.look('frames', JSON.stringify(wire.frames))
  const stranger = canary.plant('a secret in place of an app key', fresh())
  const socket = new Wire(server.socketUrl(stranger))
  canary.look('a close frame', JSON.stringify([await socket.closure(), socket.frames]))
}

/** Everything the server tells those who may ask. */
async function readAll(place: Place): Promise<void> {
  const { canary, server, ownerKey } = place
  const headers = { authorization: `Bearer ${ownerKey}` }
  const logs = [`tenantId=${TENANT_ID}&database=local`, 'database=control', 'limit=200']
  const lists = ['credentials/report?limit=200', `apps/${APP_ID}/credentials`, 'operators', 'apps']
  const targets = [...logs.map((query) => `audit?${query}`), ...lists, 'tenants', 'openapi.json']
  for (const target of targets) {
    await ask(place, { method: 'GET', target: `/admin/v1/${target}`, headers })
  }
  const streams = [`audit/export?tenantId=${TENANT_ID}`, 'audit/export']
  for (const target of streams) {
    await ask(place, { method: 'GET', target: `/admin/v1/${target}`, headers })
  }
  const metrics = await send(server.ops, { method: 'GET', target: '/metrics' })
  canary.look('/metrics', metrics.body)
  canary.lookAtProcess(server.processId())
  canary.lookInFiles(place.dataDir)
}

test('no secret of any kind is in a log, answer, metric, audit row, file or argument', async () => {
  const canary = new Canary()
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-canary-'))
  const masterKey = canary.plant('the master key', randomBytes(32).toString('base64'))
  const signing = canary.plant('a declared signing secret', fresh())
  const clientSecret = canary.plant('a declared client secret', fresh())
  const jwtSecret = canary.plant('a declared JWT secret', fresh())
  const apiKey = canary.plant('a declared API key', keyOf('sk'))
  const hook = canary.plant('a declared webhook secret', newWebhookSecret(systemRandom))
  const operator = canary.plant('a declared operator key', keyOf('op'))
  const declared = app(APP_ID, {
    secret: signing,
    clientId: CLIENT_ID,
    clientSecret,
    apiKeys: [{ value: apiKey }],
    jwtSecrets: [{ value: jwtSecret }],
    webhooks: [{ ...HOOK, secret: hook }],
  })
  const ownerKey = canary.plant('the key of an owner', keyOf('op'))
  const operatorKeys = [
    { value: ownerKey, role: 'owner' },
    { value: operator, role: 'viewer' },
  ]
  const config = { logLevel: 'debug', masterKey, operatorKeys }
  const server = await startServer({ apps: [declared], dataDir, config })
  try {
    const admin = new Administration(
      () => server,
      () => ownerKey,
    )
    const place = { canary, server, dataDir, admin, ownerKey }
    const signed = await library(server, declared).trigger('news', 'e', { some: 'data' })
    canary.look('a signed publish', await signed.text())
    assert.equal(await publish(place, apiKey), 200)
    const token = customerToken(jwtSecret)
    canary.plant("the signature of a customer's token", token.split('.')[2])
    assert.equal(await publish(place, token), 200)
    await admin.as(operator).done('whoami')
    await useEveryKind(place)
    await useWebhooks(place, declared)
    await useTokens(place, clientSecret)
    await misplace(place, declared.key)
    await admin.done('master-key.status')
    // Denials and uses are written in batches.
    await until('denials are in the log', async () => {
      const answer = await admin.call('audit.list', {
        parameters: { tenantId: TENANT_ID, database: 'local', limit: 200 },
      })
      return JSON.stringify(answer.body).includes('auth.')
    })
    await readAll(place)
  } finally {
    await server.stop()
  }
  // What is written at the end, and what the files hold once their journals are in them.
  canary.look('the log', server.stderr)
  canary.look('standard output', server.stdout)
  canary.lookInFiles(dataDir)
  rmSync(dataDir, { recursive: true, force: true })
  assert.ok(server.stderr.includes('"event":"listening"'), 'the log was looked at')
  assert.ok(canary.plantedCount > 100 && canary.lookedAtCount > 500)
  assert.deepEqual(canary.leaks, [])
})

test('the search finds what is there: in each form, and in each kind of place', async () => {
  const secret = 'k7Q+2vXw9/ZrT4mB8nLp3sYd6hFj1cGa'
  const bytes = Buffer.from(secret)
  const leaks: Readonly<Record<string, string>> = {
    plain: `x${secret}x`,
    url: `?token=${encodeURIComponent(secret)}`,
    hex: bytes.toString('hex'),
    base64: Buffer.from(`Basic client:${secret}`).toString('base64'),
    base64url: Buffer.from(`ab${secret}`).toString('base64url'),
    json: JSON.stringify(JSON.stringify({ a: secret })),
    reversed: secret.split('').toReversed().join(''),
  }
  for (const [where, text] of Object.entries(leaks)) {
    const canary = new Canary()
    canary.plant('it', secret)
    canary.look(where, 'nothing of it')
    assert.deepEqual(canary.leaks, [])
    canary.look(where, text)
    assert.deepEqual(canary.leaks, [`it in ${where}`])
  }
  // A text that is no secret, put where secrets could leak to, is found in all of these places.
  const canary = new Canary()
  canary.plant('a visible text', LEAK)
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-seen-'))
  const server = await startServer({ apps: [app(APP_ID)], dataDir })
  try {
    const ownerKey = readFileSync(join(dataDir, 'operator.key'), 'utf8').trim()
    const admin = new Administration(
      () => server,
      () => ownerKey,
    )
    const place = { canary, server, dataDir, admin, ownerKey }
    const body = { kind: 'api_key', name: LEAK }
    await tell(place, 'credentials.create', { parameters: { appId: APP_ID }, body })
    const query = `audit?tenantId=${TENANT_ID}&database=local`
    const headers = { authorization: `Bearer ${ownerKey}` }
    await ask(place, { method: 'GET', target: `/admin/v1/${query}`, headers })
    canary.lookInFiles(dataDir)
  } finally {
    await server.stop()
  }
  rmSync(dataDir, { recursive: true, force: true })
  const found = canary.leaks.join('\n')
  assert.match(found, /in the answer of credentials\.create/)
  assert.match(found, /in the answer to GET \/admin\/v1\/audit/)
  assert.match(found, /in the file region-local\.db-wal/)
})
