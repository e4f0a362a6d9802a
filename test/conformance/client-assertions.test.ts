/** Unmodified OAuth clients that prove who they are with a key pair of their own. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { decodeJwt, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { Administration, ownerKey } from '../support/administration.ts'
import { type CustomerKey, customerKey, KeyServer } from '../support/key-server.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { postForm, publishWith } from '../support/tokens.ts'

const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const PUBLIC_URL = 'https://tokens.example'
const CLIENT_ID = 'key-client'
const SCOPE = 'WireSocket.API offline_access'
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const keyServer = new KeyServer()
let dataDir = ''
let server: LiveServer
let fixed: CustomerKey
let fixedId = ''
const administration = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

before(async () => {
  await keyServer.start()
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-assertions-'))
  server = await startServer({
    apps: [app('keyed', { clientId: CLIENT_ID }), app('other', { clientId: 'other-client' })],
    dataDir,
    config: { publicUrl: PUBLIC_URL, outbound: { allowedNetworks: ['127.0.0.0/8'] } },
  })
  fixed = await customerKey('ES256', 'fixed')
  const made = await register({ jwk: fixed.publicJwk })
  fixedId = made.credential.id
})
after(async () => {
  keyServer.stop()
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

function register(key: Readonly<Record<string, unknown>>) {
  const body = { kind: 'client_secret', name: 'key', ...key }
  return administration.done('credentials.create', { parameters: { appId: 'keyed' }, body })
}

/** Carries what is for the public name to where the server listens, as a proxy would. */
function proxied(url: string, init: object): Promise<Response> {
  assert.ok(url.startsWith(`${PUBLIC_URL}/`), url)
  return fetch(server.http + url.slice(PUBLIC_URL.length), init)
}

const issuer = () => new URL(`${PUBLIC_URL}/${TENANT_ID}`)

function clientOf({ privateKey, publicJwk }: CustomerKey) {
  const proof = openid.PrivateKeyJwt({ key: privateKey, kid: String(publicJwk.kid) })
  const options = { [openid.customFetch]: proxied, algorithm: 'oauth2' } as const
  return openid.discovery(issuer(), CLIENT_ID, undefined, proof, options)
}

for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA']) {
  test(`openid-client lives by private_key_jwt with ${alg}`, async () => {
    const key = await customerKey(alg, `key-${alg}`)
    await register({ name: alg, jwk: key.publicJwk })
    const config = await clientOf(key)
    const { token_endpoint_auth_methods_supported: methods } = config.serverMetadata()
    assert.ok(methods?.includes('private_key_jwt'))
    const bought = await openid.clientCredentialsGrant(config, { scope: SCOPE })
    assert.equal(decodeJwt(bought.access_token)['client_id'], CLIENT_ID)
    assert.equal(await publishWith(server, 'keyed', bought.access_token), 200)
    const refreshed = await openid.refreshTokenGrant(config, bought.refresh_token ?? '')
    const seen = await openid.tokenIntrospection(config, refreshed.access_token)
    assert.equal(seen.active, true)
    await openid.tokenRevocation(config, refreshed.access_token)
    assert.equal((await openid.tokenIntrospection(config, refreshed.access_token)).active, false)
  })
}

test('oauth4webapi does the same with keys at a URL', async () => {
  const key = await customerKey('ES256', 'published')
  keyServer.keys = [key.publicJwk]
  await register({ name: 'url', jwksUrl: keyServer.url })
  const options = { algorithm: 'oauth2', [oauth.customFetch]: proxied } as const
  const response = await oauth.discoveryRequest(issuer(), options)
  const as = await oauth.processDiscoveryResponse(issuer(), response)
  const client = { client_id: CLIENT_ID }
  const proof = oauth.PrivateKeyJwt({ key: key.privateKey, kid: 'published' })
  const parameters = { scope: SCOPE }
  const bought = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(as, client, proof, parameters, options),
  )
  assert.equal(await publishWith(server, 'keyed', bought.access_token), 200)
})

async function buy(proof: string, changes: Readonly<Record<string, string>> = {}) {
  const { status, body } = await postForm(server, '/connect/token', {
    grant_type: 'client_credentials',
    client_assertion_type: TYPE,
    client_assertion: proof,
    scope: 'WireSocket.API',
    ...changes,
  })
  return { status, error: body.error }
}

let count = 0
function assertion(changes: Readonly<Record<string, unknown>> = {}, key = fixed) {
  const names = { iss: CLIENT_ID, sub: CLIENT_ID, aud: `${PUBLIC_URL}/${TENANT_ID}` }
  return new SignJWT({ ...names, jti: `assertion-${count++}`, ...changes })
    .setProtectedHeader({ alg: 'ES256', kid: 'fixed' })
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key.privateKey)
}

const INVALID = { status: 401, error: 'invalid_client' }

test('an assertion works once, and is one answer with every other that does not hold', async () => {
  const first = await assertion()
  assert.equal((await buy(first)).status, 200)
  assert.deepEqual(await buy(first), INVALID)
  const stranger = await customerKey('ES256', 'fixed')
  for (const each of [
    assertion({}, stranger),
    assertion({ aud: `${PUBLIC_URL}/11111111-2d9e-4c3e-a1f1-3b2c99e6b111` }),
    assertion({ aud: 'https://other.example' }),
    assertion({ jti: undefined }),
    assertion({ iss: 'other-client', sub: 'other-client' }),
    assertion({ iss: 'nobody', sub: 'nobody' }),
  ]) {
    assert.deepEqual(await buy(await each), INVALID)
  }
  assert.deepEqual(await buy(await assertion(), { client_id: 'other-client' }), INVALID)
})

test('tokens bought with a key end when the key is revoked', async () => {
  const config = await clientOf(fixed)
  const bought = await openid.clientCredentialsGrant(config, { scope: SCOPE })
  assert.equal(await publishWith(server, 'keyed', bought.access_token), 200)
  const parameters = { credentialId: fixedId }
  await administration.done('credentials.revoke', { parameters, body: { reason: 'leaked' } })
  assert.equal(await publishWith(server, 'keyed', bought.access_token), 401)
  assert.deepEqual(await buy(await assertion()), INVALID)
  await assert.rejects(openid.refreshTokenGrant(config, bought.refresh_token ?? ''))
})
