/**
 * The token service of the started server, called by a driver that was written from the contract:
 * what a person's server and pages get, what they are refused, and what outlives a crash.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { SignJWT } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import { send } from '../support/http.ts'
import { type CustomerKey, customerKey, KeyServer } from '../support/key-server.ts'
import { type RawAnswer, rawAnswer, rawRequest } from '../support/raw-answer.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { kindOfError, type Token, TokenDriver } from '../support/token-driver.ts'

const ORGANIZATION = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const SHORT_ID = 'org_k7xm4pqr2n5t'
const PAGE = 'https://app.example.com'
const EMAIL = 'user@example.com'
const ISSUER = 'https://idp.example'

const home = mkdtempSync(join(tmpdir(), 'lockgate-tokens-'))
const dataDir = join(home, 'data')
const config = { outbound: { allowedNetworks: ['127.0.0.0/8'] } }
const apps = [app('chat', { allowedOrigins: [PAGE] })]
const start = () => startServer({ apps, dataDir, config })
const keyServer = new KeyServer()
let server: LiveServer
let secretKey = ''
let publicKey = ''

const administration = () =>
  new Administration(
    () => server,
    () => ownerKey(dataDir),
  )

before(async () => {
  server = await start()
  await keyServer.start()
  secretKey = await makeKey('sk')
  publicKey = await makeKey('pk')
})

after(async () => {
  await server.stop()
  keyServer.stop()
  rmSync(home, { recursive: true, force: true })
})

async function makeKey(prefix: string): Promise<string> {
  const body = { kind: 'api_key', name: `${prefix} key`, prefix }
  const made = await administration().done('credentials.create', {
    parameters: { appId: 'chat' },
    body,
  })
  return made.value ?? ''
}

const driver = (headers?: Readonly<Record<string, string>>) => new TokenDriver(server.http, headers)

const minting = (more: object = {}) => ({
  organization_id: SHORT_ID,
  secret_key: secretKey,
  user_email: EMAIL,
  ...more,
})

test('a server mints, under both ids of its organization and a base with a slash', async () => {
  const token = await driver().create(minting())
  assert.equal(token.expires_in, 3_600)
  assert.equal(token.provider, 'cloudsignal')
  assert.match(token.mqtt_credentials.username, /^[a-z0-9]+@org_k7xm4pqr2n5t$/)
  const slashed = new TokenDriver(`${server.http}/`)
  const short = await slashed.create(minting({ organization_id: ORGANIZATION, ttl: 60 }))
  assert.equal(short.expires_in, 60)
})

test('every kind of error is the one applications look for', async () => {
  const client = driver()
  const mint = (more: object) => kindOfError(client.create(minting(more)))
  assert.equal(await mint({ secret_key: `${secretKey}x` }), 'AUTH_FAILED')
  assert.equal(await mint({ organization_id: 'org_nobody' }), 'AUTH_FAILED')
  assert.equal(await mint({ secret_key: publicKey }), 'INVALID_RESPONSE')
  assert.equal(await mint({ user_email: 'nobody' }), 'INVALID_RESPONSE')
  assert.equal(await mint({ integration_id: 'nobody' }), 'INVALID_RESPONSE')
  const token = await client.create(minting())
  const forged = { ...token, access_token: `${token.access_token}x` }
  assert.equal(await kindOfError(client.refresh(forged)), 'AUTH_FAILED')
  const nobody = { organization_id: 'org_nobody', token: 'a.b.c' }
  assert.equal(await kindOfError(client.exchange(nobody)), 'ORG_NOT_FOUND')
  const unknown = { organization_id: SHORT_ID, token: 'a.b.c' }
  assert.equal(await kindOfError(client.exchange(unknown)), 'PROVIDER_NOT_FOUND')
  assert.equal(await kindOfError(client.providers('org_nobody')), 'ORG_NOT_FOUND')
})

test('a refresh keeps id and user name, and a lost answer is given again', async () => {
  const client = driver()
  const first = await client.create(minting({ ttl: 60 }))
  const second = await client.refresh(first)
  const again = await client.refresh(first)
  assert.equal(again.access_token, second.access_token)
  const third = await client.refresh(second)
  for (const each of [second, third]) {
    assert.equal(each.token_id, first.token_id)
    assert.equal(each.mqtt_credentials.username, first.mqtt_credentials.username)
    assert.deepEqual(Object.keys(each), Object.keys(first))
  }
  assert.equal(await kindOfError(client.refresh(first)), 'AUTH_FAILED')
})

test('what was answered outlives a server that is killed', async () => {
  const client = driver()
  const kept: Token[] = []
  for (let count = 0; count < 5; count++) {
    kept.push(await client.create(minting({ user_email: `user-${count}@example.com` })))
  }
  const [refreshed, revoked] = [await client.refresh(kept[0] as Token), kept[1] as Token]
  const authorization = `Bearer ${secretKey}`
  const ended = await post('/v2/tokens/revoke', { token_id: revoked.token_id }, { authorization })
  assert.deepEqual(JSON.parse(ended.body), { revoked: 1 })
  await server.killHard()
  server = await start()
  const later = driver()
  assert.ok(await later.refresh(refreshed))
  // The reply may have been lost with the server.
  assert.equal(await kindOfError(later.refresh(revoked)), 'AUTH_FAILED')
  for (const each of kept.slice(2)) assert.ok(await later.refresh(each))
  const listed = await send(server.http, {
    method: 'GET',
    target: '/v2/tokens?status=revoked',
    headers: { authorization },
  })
  const { tokens } = JSON.parse(listed.body)
  assert.deepEqual(
    tokens.map(({ token_id }: Token) => token_id),
    [revoked.token_id],
  )
  assert.ok(!listed.body.includes('tkn_'))
})

test('every answer is JSON with one date, also where nothing is served', async () => {
  const rows: readonly [string, string, string, number][] = [
    ['GET', '/v2/tokens/create', '', 405],
    ['PUT', '/v2/tokens', '{}', 405],
    ['POST', '/v2/tokens/nothing', '{}', 404],
    ['GET', '/v2/tokens/nothing/more', '', 404],
    ['POST', '/v2/tokens/create', '{', 422],
    ['POST', '/v2/tokens/create', `{"x":"${'x'.repeat(70_000)}"}`, 413],
    ['POST', '/v1/create', '{}', 422],
    ['DELETE', `/v2/tokens/${ORGANIZATION}`, '', 401],
    ['GET', '/v2/tokens', '', 401],
    ['POST', '/v2/tokens/introspect', '{}', 401],
    ['GET', '/v2/providers', '', 422],
    ['OPTIONS', '/v2/tokens/create', '', 200],
  ]
  for (const [method, path, body, status] of rows) {
    const answer = await raw(`${method} ${path}`, {}, body)
    assert.equal(answer.status, status, `${method} ${path}`)
    const parsed = JSON.parse(bodyOf(answer))
    if (status >= 400) {
      assert.equal(typeof parsed.error, 'string')
      assert.equal(parsed.detail, parsed.error_description)
    }
    assert.equal(header(answer, 'content-type'), 'application/json')
    assert.ok(Math.abs(Date.parse(header(answer, 'date') ?? '') - Date.now()) < 60_000)
    assert.equal(header(answer, 'cache-control'), 'no-store')
  }
  const typed = await raw('POST /v2/tokens/create', { 'Content-Type': 'text/plain' }, '{}')
  assert.equal(typed.status, 415)
})

test('pages of listed origins call it, others do not', async () => {
  const asked = { 'Access-Control-Request-Method': 'POST' }
  const wanted = { 'Access-Control-Request-Headers': 'content-type' }
  const answer = await raw('OPTIONS /v2/tokens/refresh', { Origin: PAGE, ...asked, ...wanted })
  assert.equal(answer.status, 200)
  assert.equal(header(answer, 'access-control-allow-origin'), PAGE)
  assert.equal(header(answer, 'access-control-allow-credentials'), undefined)
  assert.deepEqual(JSON.parse(bodyOf(answer)), {})
  const page = driver({ Origin: PAGE })
  const token = await page.create(minting())
  assert.ok(await page.refresh(token))
  const evil = { Origin: 'https://evil.example' }
  const refused = await raw('OPTIONS /v2/tokens/refresh', { ...evil, ...asked })
  assert.equal(refused.status, 403)
  assert.equal(header(refused, 'access-control-allow-origin'), undefined)
  assert.equal(await kindOfError(driver(evil).create(minting())), 'INVALID_RESPONSE')
})

test('tokens of an identity provider are exchanged, while its keys change too', async () => {
  const [one, two] = [await customerKey('ES256', 'one'), await customerKey('RS256', 'two')]
  keyServer.keys = [one.publicJwk]
  const provider = { type: 'oidc', issuer: ISSUER, jwksUrl: keyServer.url, audience: ['web'] }
  await administration().done('integrations.create', {
    parameters: { tenantId: ORGANIZATION },
    body: { name: 'idp', provider },
  })
  const client = driver({ Origin: PAGE })
  const exchange = async (key: CustomerKey, more: object = {}) => {
    const token = await signed(key, more)
    return client.exchange({ organization_id: ORGANIZATION, token })
  }
  const [tab, other] = [await exchange(one), await exchange(one)]
  assert.notEqual(tab.token_id, other.token_id)
  assert.equal(tab.provider, 'oidc')
  for (const each of [tab, other]) assert.ok(await client.refresh(each))
  assert.equal(keyServer.requestCount, 1)
  const past = Math.floor(Date.now() / 1_000) - 60
  assert.equal(await kindOfError(exchange(one, { exp: past })), 'TOKEN_EXPIRED')
  assert.equal(await kindOfError(exchange(one, { aud: 'other' })), 'AUTH_FAILED')
  assert.equal(await kindOfError(exchange(one, { iss: 'https://x.example' })), 'PROVIDER_NOT_FOUND')
  assert.equal(await kindOfError(exchange(one, { email: undefined })), 'INVALID_RESPONSE')
  assert.equal(await kindOfError(exchange(two)), 'AUTH_FAILED')
  assert.deepEqual(await client.providers(SHORT_ID), [
    { provider: 'oidc', name: 'idp', enabled: true, issuer: ISSUER, integration_id: 'idp' },
  ])
  await administration().done('integrations.disable', {
    parameters: { tenantId: ORGANIZATION, integration: 'idp' },
  })
  assert.equal(await kindOfError(exchange(one)), 'PROVIDER_NOT_FOUND')
  assert.equal(await kindOfError(client.refresh(tab)), 'AUTH_FAILED')
})

test('each mint is in the audit: who, for whom, from where, until when', async () => {
  const token = await new TokenDriver(server.http, { 'User-Agent': 'backend/1.0' }).create(
    minting(),
  )
  const listed = await administration().done('audit.list', {
    parameters: { tenantId: ORGANIZATION, database: 'local', order: 'newest', limit: 50 },
  })
  const text = JSON.stringify(listed)
  assert.ok(!text.includes(secretKey) && !text.includes(token.access_token))
  const rows = listed.items.map(({ entry }) => entry as unknown as MintRow)
  const row = rows.find(
    ({ action, target }) => action === 'connection_token.created' && target.id === token.token_id,
  )
  assert.ok(row !== undefined)
  assert.equal(row.outcome, 'success')
  assert.deepEqual(row.source, { ip: '127.0.0.1', agent: 'backend/1.0', protocol: 'tokens' })
  assert.equal(row.after['expiresAt'], token.expires_at)
  assert.ok(secretKey.includes(String(row.after['keyId'])))
})

interface MintRow {
  readonly action: string
  readonly target: { readonly id: string }
  readonly outcome: string
  readonly source: object
  readonly after: Readonly<Record<string, unknown>>
}

function signed({ privateKey, publicJwk: { alg, kid = '', kty } }: CustomerKey, more: object) {
  const claims = { sub: 'user-7', email: EMAIL, iss: ISSUER, aud: 'web', ...more }
  const signing = { alg: alg ?? (kty === 'EC' ? 'ES256' : 'RS256'), kid }
  const lasting = { exp: Math.floor(Date.now() / 1_000) + 300, ...claims }
  return new SignJWT(lasting).setProtectedHeader(signing).sign(privateKey)
}

function post(target: string, body: object, headers: Readonly<Record<string, string>>) {
  return send(server.http, { method: 'POST', target, body: JSON.stringify(body), headers })
}

function raw(line: string, headers: Readonly<Record<string, string>>, body = '') {
  const type = body === '' ? {} : { 'Content-Type': 'application/json' }
  return rawAnswer(server.http, rawRequest(line, { ...type, ...headers }, body))
}

function bodyOf({ text }: RawAnswer): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

function header({ headers }: RawAnswer, wanted: string): string | undefined {
  const found = headers.filter(([name]) => name.toLowerCase() === wanted)
  assert.ok(found.length < 2, `${wanted} twice`)
  return found[0]?.[1]
}
