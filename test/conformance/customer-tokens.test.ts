/** Tokens that a customer's own backend signs, here with jose, let callers of the HTTP API in. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { exportJWK, exportSPKI, generateKeyPair, importSPKI, SignJWT } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import { send } from '../support/http.ts'
import { type CustomerKey, customerKey, KeyServer } from '../support/key-server.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { postForm } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const CLIENT = { clientId: 'chat-client', clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' }
const DECLARED = 'Zr8-declared-secret-of-a-backend-0123456789-abcdefghij'
const ROLES = ['announcer publish:news-*', 'reader inspect']
const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

const keyServer = new KeyServer()
const unreachable = new KeyServer()
let declaredKey: CustomerKey
let dataDir = ''
let server: LiveServer
let strict: LiveServer
const administration = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

before(async () => {
  await keyServer.start()
  await unreachable.start()
  declaredKey = await customerKey('EdDSA', 'declared-key')
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-tokens-'))
  const jwtSecrets = [
    { value: DECLARED, kid: '2030-01', issuer: 'https://backend.example', audience: ['lockgate'] },
    { jwk: JSON.stringify(declaredKey.publicJwk) },
  ]
  server = await startServer({
    apps: [
      app('chat', { ...CLIENT, jwtSecrets, jwtRoles: ROLES, jwtTtlMaxMs: 3_600_000 }),
      app('other'),
    ],
    dataDir,
    config: { outbound: { allowedNetworks: ['127.0.0.0/8'] } },
  })
  strict = await startServer({
    apps: [app('chat', { jwtSecrets: [{ jwksUrl: unreachable.url }] })],
  })
})
after(async () => {
  keyServer.stop()
  unreachable.stop()
  await server.stop()
  await strict.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

interface Minting {
  readonly key: Uint8Array | CryptoKey
  readonly alg?: string
  readonly kid?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly life?: string
  readonly user?: string
}

/** As the page about customers' tokens shows it. */
function mint(minting: Minting): Promise<string> {
  const { key, alg = 'HS256', kid, claims = {}, life = '10m', user = 'user-7' } = minting
  return new SignJWT({ app: 'chat', channels: { 'room-*': ['publish'] }, ...claims })
    .setProtectedHeader({ alg, typ: 'JWT', ...(kid === undefined ? {} : { kid }) })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(life)
    .sign(key)
}

const bytes = (secret: string | undefined) => new TextEncoder().encode(secret)

interface Place {
  readonly channel?: string
  readonly appId?: string
  readonly where?: LiveServer
}

async function publish(token: string, place: Place = {}) {
  const { channel = 'room-1', appId = 'chat', where = server } = place
  const { status, body } = await send(where.http, {
    method: 'POST',
    target: `/apps/${appId}/events`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'said', channel, data: 'hello' }),
  })
  return { status, code: (JSON.parse(body) as { code?: string }).code }
}

const statusOf = async (...given: Parameters<typeof publish>) => (await publish(...given)).status

function register(body: Readonly<Record<string, unknown>>) {
  const whole = { kind: 'jwt_secret', name: 'backend', ...body }
  return administration.done('credentials.create', { parameters: { appId: 'chat' }, body: whole })
}

test('a token publishes exactly where it may', async () => {
  const { value } = await register({ name: 'where' })
  const key = bytes(value)
  const token = await mint({ key })
  assert.equal(await statusOf(token, { channel: 'room-1' }), 200)
  assert.equal(await statusOf(token, { channel: 'room-a' }), 200)
  assert.deepEqual(await publish(token, { channel: 'news' }), {
    status: 403,
    code: 'operation_denied',
  })
  assert.equal(await statusOf(token, { channel: 'private-room-1' }), 403)
  assert.equal(await statusOf(token, { appId: 'other' }), 401)
  const list = { permissions: [{ channel: 'a', actions: ['publish'] }], channels: undefined }
  assert.equal(await statusOf(await mint({ key, claims: list }), { channel: 'a' }), 200)
  const role = { role: 'announcer', channels: undefined }
  assert.equal(await statusOf(await mint({ key, claims: role }), { channel: 'news-1' }), 200)
  assert.equal(await statusOf(await mint({ key, claims: role }), { channel: 'room-1' }), 403)
  assert.equal(await statusOf(await mint({ key, claims: { role: 'owner' } })), 401)
  assert.equal(await statusOf(await mint({ key, claims: { channels: undefined } })), 403)
})

test('a token reads the channels of the app only where it may look', async () => {
  const { value } = await register({ name: 'reading' })
  const channels = async (claims: Readonly<Record<string, unknown>>) => {
    const token = await mint({ key: bytes(value), claims })
    const headers = { authorization: `Bearer ${token}` }
    return (await send(server.http, { method: 'GET', target: '/apps/chat/channels', headers }))
      .status
  }
  assert.equal(await channels({ role: 'reader' }), 200)
  assert.equal(await channels({}), 403)
  assert.equal(await channels({ channels: { '*': ['inspect'] } }), 403)
})

test('tokens go on during a rotation with overlap, and end with what signed them', async () => {
  const { value, credential } = await register({ name: 'rotating' })
  const parameters = { credentialId: credential.id }
  const old = await mint({ key: bytes(value) })
  assert.equal(await statusOf(old), 200)
  const rotated = await administration.done('credentials.rotate', {
    parameters,
    body: { overlapSeconds: 3_600 },
  })
  const fresh = await mint({ key: bytes(rotated.value) })
  const late = await mint({ key: bytes(value), kid: 'rotating' })
  for (const each of [old, fresh, late]) assert.equal(await statusOf(each), 200)
  const readiness = await administration.done('credentials.readiness', { parameters })
  assert.equal(readiness.canDisable, false)
  assert.deepEqual(
    readiness.versions.map(({ state, useCount }) => [state, useCount]),
    [
      ['previous', 3],
      ['current', 1],
    ],
  )
  const [previous] = readiness.versions
  const disabled = { versionId: previous?.versionId, force: true, reason: 'rotated' }
  await administration.done('credentials.disable', { parameters, body: disabled })
  for (const each of [old, late]) {
    assert.deepEqual(await publish(each), { status: 401, code: 'credential_invalid' })
  }
  assert.equal(await statusOf(fresh), 200)
  const { missed } = await administration.done('credentials.readiness', { parameters })
  assert.equal(missed.length, 1)
  const body = { reason: 'leaked' }
  await administration.done('credentials.revoke', { parameters, body })
  assert.deepEqual(await publish(fresh), { status: 401, code: 'credential_invalid' })
})

test('a revoked user stays out with every token made before', async () => {
  const { value } = await register({ name: 'users' })
  const token = await mint({ key: bytes(value), claims: { clientId: 'x' }, user: 'leaver' })
  assert.equal(await statusOf(token), 200)
  const body = { kind: 'user', appId: 'chat', userId: 'leaver', reason: 'left' }
  await administration.done('revocations.create', { body })
  assert.deepEqual(await publish(token), { status: 401, code: 'credential_revoked' })
  assert.equal(await statusOf(await mint({ key: bytes(value) })), 200)
})

test('one token ends by the id its backend gave it, and the others go on', async () => {
  const { value } = await register({ name: 'ids' })
  const tokens = await Promise.all(
    ['first', 'second'].map((jti) => mint({ key: bytes(value), claims: { jti } })),
  )
  const revoke = async (appId: string) =>
    administration.done('tokens.revoke', {
      parameters: { appId },
      body: { tokenId: 'first', reason: 'lost' },
    })
  await revoke('other') // There it is the id of another token.
  for (const each of tokens) assert.equal(await statusOf(each), 200)
  await revoke('chat')
  const answers = await Promise.all(tokens.map((each) => statusOf(each)))
  assert.deepEqual(answers, [401, 200])
})

for (const alg of ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256']) {
  test(`a registered public key verifies ${alg}, and is no secret`, async () => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const pem = await exportSPKI(publicKey)
    const { credential, value } = await register({ name: `pem-${alg}`, publicKeyPem: pem })
    assert.equal(value, undefined)
    assert.deepEqual(await importSPKI(pem, alg).then(exportJWK), credential.versions[0]?.jwk)
    assert.equal(await statusOf(await mint({ key: privateKey, alg })), 200)
    const stranger = await generateKeyPair(alg)
    assert.equal(await statusOf(await mint({ key: stranger.privateKey, alg })), 401)
    for (const secret of [pem, pem.trim(), JSON.stringify(credential.versions[0]?.jwk)]) {
      for (const kid of [undefined, credential.id, `pem-${alg}`]) {
        const named = kid === undefined ? {} : { kid }
        assert.equal(await statusOf(await mint({ key: bytes(secret), ...named })), 401)
      }
    }
  })
}

test('keys at a URL rotate without a refused token, and are fetched rarely', async () => {
  const first = await customerKey('ES256', 'first')
  const second = await customerKey('RS256', 'second')
  keyServer.keys = [first.publicJwk, second.publicJwk] // Published before it is used.
  const { credential } = await register({ name: 'remote', jwksUrl: keyServer.url })
  assert.equal(credential.versions[0]?.jwksUrl, keyServer.url)
  const token = await mint({ key: first.privateKey, alg: 'ES256', kid: 'first' })
  for (let count = 0; count < 20; count++) assert.equal(await statusOf(token), 200)
  const next = await mint({ key: second.privateKey, alg: 'RS256', kid: 'second' })
  for (const each of [next, token]) assert.equal(await statusOf(each), 200)
  const stranger = await customerKey('ES256', 'first')
  const forged = await mint({ key: stranger.privateKey, alg: 'ES256', kid: 'first' })
  assert.equal(await statusOf(forged), 401)
  for (let count = 0; count < 20; count++) {
    const unknown = await mint({ key: stranger.privateKey, alg: 'ES256', kid: `made-up-${count}` })
    assert.equal(await statusOf(unknown), 401)
  }
  assert.equal(keyServer.requestCount, 1, 'tokens became calls')
  const jwksUrl = `${keyServer.url}?v=2`
  const parameters = { credentialId: credential.id }
  const rotation = { parameters, body: { jwksUrl, overlapSeconds: 0 } }
  keyServer.keys = [second.publicJwk]
  await administration.done('credentials.rotate', rotation)
  assert.equal(await statusOf(next), 200)
  assert.equal(await statusOf(token), 401)
  assert.equal(keyServer.requestCount, 2)
})

test('a key set inside the own network is never asked for unless it is allowed', async () => {
  const { privateKey } = await generateKeyPair('ES256')
  const token = await mint({ key: privateKey, alg: 'ES256' })
  const refused = await publish(token, { where: strict })
  assert.deepEqual(refused, { status: 503, code: 'unavailable' })
  assert.equal(unreachable.requestCount, 0)
  await until('the operator is told', () => strict.stderr.includes('key_set_unavailable'))
})

test('declared secrets and keys are held to their issuer and audience', async () => {
  const key = bytes(DECLARED)
  const held = { iss: 'https://backend.example', aud: 'lockgate' }
  const hasStatus = async (status: number, minting: Omit<Minting, 'key'>) =>
    assert.equal(await statusOf(await mint({ key, ...minting })), status)
  await hasStatus(200, { claims: held })
  await hasStatus(200, { claims: held, kid: '2030-01' })
  await hasStatus(401, { claims: held, kid: '2030-02' })
  await hasStatus(401, { claims: { ...held, aud: 'other' } })
  await hasStatus(401, { claims: { ...held, iss: 'https://other.example' } })
  await hasStatus(401, {})
  const { privateKey } = declaredKey
  assert.equal(await statusOf(await mint({ key: privateKey, alg: 'EdDSA' })), 200)
  const named = await mint({ key: privateKey, alg: 'EdDSA', kid: 'declared-key' })
  assert.equal(await statusOf(named), 200)
})

test('a token lives no longer than the app allows', async () => {
  const { value } = await register({ name: 'life' })
  const key = bytes(value)
  assert.equal(await statusOf(await mint({ key, life: '1h' })), 200)
  assert.equal(await statusOf(await mint({ key, life: '61m' })), 401)
  assert.equal(await statusOf(await mint({ key, life: '-1m' })), 401)
})

test('introspection tells of a token of the app, and of no other', async () => {
  const { value, credential } = await register({ name: 'introspected' })
  const token = await mint({ key: bytes(value) })
  const introspect = async (each: string) => {
    const form = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, token: each }
    return (await postForm(server, '/oauth/introspect', form)).body
  }
  const active = await introspect(token)
  assert.deepEqual([active.active, active.app], [true, 'chat'])
  const parameters = { credentialId: credential.id }
  await administration.done('credentials.revoke', { parameters, body: { reason: 'leaked' } })
  assert.deepEqual(await introspect(token), { active: false })
})

test('a private key is refused, and is in no answer, log or file', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  const answer = await administration.call('credentials.create', {
    parameters: { appId: 'chat' },
    body: { kind: 'jwt_secret', name: 'private', jwk },
  })
  assert.deepEqual([answer.status, answer.code], [400, 'input_invalid'])
  const files = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name), 'latin1'))
  for (const text of [JSON.stringify(answer.body), server.stdout, server.stderr, ...files]) {
    assert.ok(!text.includes(String(jwk.d)), 'the private part was left behind')
  }
})

test('what does not fit together is refused with a reason', async () => {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const refused = async (body: Readonly<Record<string, unknown>>) =>
    administration.refused('credentials.create', {
      parameters: { appId: 'chat' },
      body: { kind: 'jwt_secret', name: 'unfit', ...body },
    })
  const invalid = [400, 'input_invalid']
  assert.deepEqual(await refused({ jwk, jwksUrl: 'https://keys.example/' }), invalid)
  assert.deepEqual(await refused({ jwk, value: DECLARED }), invalid)
  assert.deepEqual(await refused({ jwk, algorithms: ['RS256'] }), invalid)
  assert.deepEqual(await refused({ jwk, algorithms: ['HS256'] }), invalid)
  assert.deepEqual(await refused({ algorithms: ['ES256'] }), invalid)
  assert.deepEqual(await refused({ jwk, kind: 'api_key' }), invalid)
  assert.deepEqual(await refused({ kind: 'api_key', issuer: 'x' }), invalid)
  assert.deepEqual(await refused({ publicKeyPem: 'x' }), invalid)
  const { credential } = await register({ name: 'fixed', jwk })
  const rotation = { parameters: { credentialId: credential.id }, body: {} }
  assert.deepEqual(await administration.refused('credentials.rotate', rotation), invalid)
})

test('the tokens of one tenant are nothing to the admin interface', async () => {
  const { value } = await register({ name: 'no-operator' })
  const token = await mint({ key: bytes(value), claims: { role: 'reader', tenantId: TENANT_ID } })
  const { status } = await send(server.http, {
    method: 'GET',
    target: '/admin/v1/whoami',
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(status, 401)
})
