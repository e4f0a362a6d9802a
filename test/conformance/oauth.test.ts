/** Unmodified OAuth clients against the started server: oauth4webapi, openid-client, jose. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { createRemoteJWKSet, customFetch, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { Administration, ownerKey } from '../support/administration.ts'
import { Clients } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { buyTokens, postForm, publishWith, refresh } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa'
const CLIENT = { clientId: 'oauth-client', clientSecret: SECRET }
const APP = app('oauth', { ...CLIENT, plan: 'free', allowedDomains: ['shop.example:8443'] })
const OTHER = app('oauth-other', { clientId: 'other-client', clientSecret: `${SECRET}x` })
const API = 'WireSocket.API'
const OFFLINE = `${API} offline_access`
/** What clients call the server by; strict ones take https only. */
const PUBLIC_URL = 'https://tokens.example'

/** Carries what is for the public name to where the server listens, as a proxy would. */
function proxied(url: string, init: object): Promise<Response> {
  assert.ok(url.startsWith(`${PUBLIC_URL}/`), url)
  return fetch(server.http + url.slice(PUBLIC_URL.length), init)
}

const PROXIED = { [oauth.customFetch]: proxied }

let dataDir = ''
let server: LiveServer
const clients = new Clients(() => server)
const administration = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-oauth-'))
  const config = { publicUrl: PUBLIC_URL }
  server = await startServer({ apps: [APP, OTHER], dataDir, config })
})
after(async () => {
  clients.closeAll()
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const issuer = () => new URL(`${PUBLIC_URL}/${TENANT_ID}`)

async function discover(algorithm: 'oidc' | 'oauth2'): Promise<oauth.AuthorizationServer> {
  const response = await oauth.discoveryRequest(issuer(), { algorithm, ...PROXIED })
  return oauth.processDiscoveryResponse(issuer(), response)
}

/** A request to a resource server that carries the token. */
const carrying = (token: string) =>
  new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })

for (const algorithm of ['oidc', 'oauth2'] as const) {
  for (const [name, authentication] of [
    ['client_secret_basic', oauth.ClientSecretBasic(SECRET)],
    ['client_secret_post', oauth.ClientSecretPost(SECRET)],
  ] as const) {
    test(`oauth4webapi finds everything by ${algorithm} and lives by ${name}`, async () => {
      const as = await discover(algorithm)
      const client = { client_id: CLIENT.clientId }
      const parameters = { scope: OFFLINE }
      const bought = await oauth.processClientCredentialsResponse(
        as,
        client,
        await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, PROXIED),
      )
      assert.equal(bought.expires_in, 900)
      const claims = await oauth.validateJwtAccessToken(
        as,
        carrying(bought.access_token),
        API,
        PROXIED,
      )
      assert.equal(claims.client_id, CLIENT.clientId)
      assert.equal(claims['allowed_domain_1'], 'shop.example:8443')
      assert.deepEqual(claims['limits'], {
        maxConnections: 40,
        maxDocuments: 10,
        maxUsersPerDoc: 3,
        opsPerMinute: 500,
      })
      const none = oauth.None()
      const token = bought.refresh_token ?? ''
      const refreshed = await oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, none, token, PROXIED),
      )
      assert.notEqual(refreshed.refresh_token, bought.refresh_token)
      const introspect = async (each: string) =>
        oauth.processIntrospectionResponse(
          as,
          client,
          await oauth.introspectionRequest(as, client, authentication, each, PROXIED),
        )
      const active = await introspect(refreshed.access_token)
      assert.deepEqual([active.active, active['appId']], [true, APP.id])
      const next = refreshed.refresh_token ?? ''
      const revoked = await oauth.revocationRequest(as, client, none, next, PROXIED)
      await oauth.processRevocationResponse(revoked)
      for (const each of [refreshed.access_token, bought.access_token, next]) {
        assert.equal((await introspect(each)).active, false)
      }
    })
  }
}

test('openid-client does the same', async () => {
  const config = await openid.discovery(
    issuer(),
    CLIENT.clientId,
    undefined,
    openid.ClientSecretBasic(SECRET),
    { [openid.customFetch]: proxied, algorithm: 'oauth2' },
  )
  const bought = await openid.clientCredentialsGrant(config, { scope: OFFLINE })
  const refreshed = await openid.refreshTokenGrant(config, bought.refresh_token ?? '')
  assert.equal((await openid.tokenIntrospection(config, refreshed.access_token)).active, true)
  await openid.tokenRevocation(config, refreshed.access_token)
  assert.equal((await openid.tokenIntrospection(config, refreshed.access_token)).active, false)
  const wrong = await openid.discovery(
    issuer(),
    CLIENT.clientId,
    undefined,
    openid.ClientSecretPost('guess'),
    { [openid.customFetch]: proxied },
  )
  await assert.rejects(
    openid.clientCredentialsGrant(wrong, { scope: API }),
    (error: unknown) =>
      error instanceof openid.ResponseBodyError &&
      error.error === 'invalid_client' &&
      error.status === 401,
  )
})

test('an access token publishes in its own app only, and until it is revoked', async () => {
  const { access } = await buyTokens(server, CLIENT)
  assert.equal(await publishWith(server, APP.id, access), 200)
  assert.equal(await publishWith(server, OTHER.id, access), 401)
  const form = { client_id: CLIENT.clientId, token: access }
  assert.equal((await postForm(server, '/oauth/revoke', form)).status, 200)
  assert.equal(await publishWith(server, APP.id, access), 401)
})

test('a regenerated secret ends the old one and its refresh tokens with 401 (seed 000)', async () => {
  const other = { clientId: 'other-client', clientSecret: `${SECRET}x` }
  const old = await buyTokens(server, other)
  const parameters = { appId: OTHER.id }
  const made = await administration.done('apps.regenerate-secret', { parameters })
  assert.equal(made.clientId, other.clientId)
  assert.equal(made.receipt?.familyCount, 1)
  const withOld = {
    grant_type: 'client_credentials',
    client_id: other.clientId,
    client_secret: other.clientSecret,
    scope: API,
  }
  const refused = await postForm(server, '/token', withOld)
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client'])
  const late = await refresh(server, other.clientId, old.refresh)
  assert.deepEqual([late.status, late.body.error], [401, 'invalid_grant'])
  const fresh = await buyTokens(server, { ...other, clientSecret: made.value ?? '' })
  assert.equal((await refresh(server, other.clientId, fresh.refresh)).status, 200)
  const listed = await administration.done('tokens.families', { parameters })
  const states = listed.items.map(({ state, generation }) => `${state} ${generation}`)
  assert.deepEqual(states.toSorted(), ['active 2', 'revoked 1'])
})

test('jose verifies by the key set before, during and after a rotation', async () => {
  // Verifiers of our own: each asks the server again at once, where others wait for the cache.
  const keys = () =>
    createRemoteJWKSet(new URL(`${issuer().href}/.well-known/jwks`), {
      [customFetch]: proxied,
    })
  const verify = (token: string) =>
    jwtVerify(token, keys(), { issuer: issuer().href, audience: API, typ: 'at+jwt' })
  const early = (await buyTokens(server, CLIENT)).access
  await verify(early)
  const parameters = { tenantId: TENANT_ID }
  const staged = await administration.done('signing-keys.rotate', { parameters })
  assert.deepEqual(
    staged.items.map(({ state }) => state),
    ['current', 'pending'],
  )
  const during = (await buyTokens(server, CLIENT)).access
  await verify(during)
  assert.equal(decodeProtectedHeader(during).kid, staged.items[0]?.kid)
  // What the schedule does six minutes later.
  await administration.done('credentials.promote', {
    parameters: { credentialId: staged.items[0]?.credentialId ?? '' },
    body: { overlapSeconds: 86_400 },
  })
  const late = (await buyTokens(server, CLIENT)).access
  assert.equal(decodeProtectedHeader(late).kid, staged.items[1]?.kid)
  for (const token of [early, during, late]) await verify(token)
  for (const token of [early, late]) {
    assert.equal(await publishWith(server, APP.id, token), 200)
  }
})

test('in an emergency the keys are gone, a new one signs, and everybody is closed', async () => {
  const { access, refresh: token } = await buyTokens(server, CLIENT)
  const client = await clients.connected(APP)
  const revoked = await administration.done('signing-keys.revoke', {
    parameters: { tenantId: TENANT_ID },
    body: { reason: 'the key leaked' },
  })
  assert.equal(revoked.items.length, 1)
  assert.equal(revoked.receipt.closedCount, 1)
  assert.ok(revoked.receipt.familyCount >= 1)
  await until('the client is told', () => client.connection.state !== 'connected')
  assert.equal(await publishWith(server, APP.id, access), 401)
  assert.equal((await refresh(server, CLIENT.clientId, token)).status, 401)
  const fresh = (await buyTokens(server, CLIENT)).access
  assert.equal(decodeProtectedHeader(fresh).kid, revoked.items[0]?.kid)
  assert.equal(await publishWith(server, APP.id, fresh), 200)
})

test('without a public URL the issuer is where the server listens, whatever a Host says', async () => {
  const other = await startServer({ apps: [APP], config: { pathPrefix: '/edge' } })
  try {
    const answer = await send(other.http, {
      method: 'POST',
      target: '/edge/token',
      headers: { host: 'evil.example', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: CLIENT.clientId,
        client_secret: SECRET,
        scope: API,
      }).toString(),
    })
    const { iss } = decodeJwt(JSON.parse(answer.body).access_token)
    assert.equal(iss, `${other.http}/edge/${TENANT_ID}`)
    const target = `/edge/${TENANT_ID}/.well-known/openid-configuration`
    const headers = { host: 'evil.example' }
    const metadata = await send(other.http, { method: 'GET', target, headers })
    assert.equal(JSON.parse(metadata.body).issuer, iss)
    assert.doesNotMatch(metadata.body, /evil/)
  } finally {
    await other.stop()
  }
})

test('the key set is given 20 times in 10 minutes, then 429 with Retry-After', async () => {
  const target = `/${TENANT_ID}/.well-known/jwks`
  const get = () => send(server.http, { method: 'GET', target })
  let answer = await get()
  for (let count = 1; answer.status === 200; count++) {
    assert.ok(count <= 20, 'more than 20 were given')
    answer = await get()
  }
  assert.equal(answer.status, 429)
  assert.ok(Number(answer.headers['retry-after']) > 0)
  const unknown = await send(server.http, { method: 'GET', target: `/x${target}` })
  assert.equal(unknown.status, 404)
})
