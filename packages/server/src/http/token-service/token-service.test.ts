/** The rows of the token service's contract, at its door: what goes in and what comes out. */
import { beforeEach, describe, expect, test } from 'bun:test'
import {
  type ConnectionTokenWorld,
  type MadeKey,
  openConnectionTokenWorld,
  providerOf,
} from '../../../../../test/support/connection-token-world.ts'
import { ecPair, ecToken, type KeyPair } from '../../../../../test/support/foreign-world.ts'
import { ScriptedFetcher } from '../../../../../test/support/scripted-fetcher.ts'
import { OTHER_TENANT_ID, TENANT_ID } from '../../../../../test/support/token-world.ts'
import { openMemoryLimitEngine } from '../../adapters/limit-engine-memory/limit-engine.ts'
import { createForeignTokens } from '../../assembly/foreign-tokens.ts'
import { createGuarding } from '../../assembly/guarding.ts'
import { Bearers } from '../../credentials/bearers.ts'
import { TokenExchange } from '../../credentials/connection-tokens/token-exchange.ts'
import { Outage } from '../../ports/outage.ts'
import type { ProviderRecord } from '../../ports/records/rule-set.ts'
import type { TokenServiceDeps } from './deps.ts'
import { tokenServicePath } from './paths.ts'
import { BODY_BYTES_MAX, handleTokenService } from './router.ts'

const ISSUER = 'https://idp.example'
const PAGE = 'https://app.example.com'
const ANN = 'ann@example.com'

interface Asked {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: ReturnType<JSON['parse']>
}

let world: ConnectionTokenWorld
let deps: TokenServiceDeps
let key: MadeKey
let pair: KeyPair
let guardTexts: readonly string[] = []

beforeEach(async () => {
  guardTexts = []
  await open()
})

async function open() {
  const fetcher = new ScriptedFetcher()
  world = await openConnectionTokenWorld({ fetcher })
  key = await world.makeKey()
  const { core, events, tally } = world
  const { administration, authority, check, recordUse, recordDenial } = core
  const { clock } = administration
  const { apps, tenants } = authority
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const { remote, door } = createForeignTokens(core, log)
  const engine = openMemoryLimitEngine({ clock })
  const config = { guard: { limits: guardTexts } }
  const { guard } = createGuarding(config, { engine, clock, events, recordDenial })
  const bearers = new Bearers({ apps, check, clock, recordUse, recordDenial, doors: [door] })
  const exchange = new TokenExchange({ apps, tenants, remote, clock, recordUse, recordDenial })
  const connectionsOf = () => () => 0
  const parts = { apps, tenants, bearers, exchange, connectionsOf, guard, clock, tally, log }
  deps = { ...world, ...parts, recordDenial }
  pair = ecPair({ kid: 'one' })
  const keys = JSON.stringify({ keys: [pair.jwk] })
  fetcher.answers(`${ISSUER}/.well-known/jwks.json`, { status: 200, body: keys })
}

async function ask(path: string, { method, body, headers }: Asked = {}): Promise<Answer> {
  const isSent = body !== undefined
  const request = new Request(`https://lockgate.example${path}`, {
    method: method ?? (isSent ? 'POST' : 'GET'),
    headers: { ...(isSent ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(isSent ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
  })
  const [bare = '', query = ''] = path.split('?')
  const served = tokenServicePath(bare)
  if (served === undefined) throw new Error(`${bare} is not the token service's`)
  const source = () => ({ ip: '192.0.2.1', agent: 'test agent' })
  const target = { path: bare, fullPath: bare, query }
  const answer = await handleTokenService(request, target, { deps, source, path: served })
  // Every answer is JSON and says the time, whatever it says.
  const text = await answer.text()
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(Date.parse(answer.headers.get('date') ?? '')).toBe(world.time.ms - (world.time.ms % 1_000))
  const parsed = JSON.parse(text)
  if (answer.status >= 400) {
    expect(typeof parsed.error).toBe('string')
    expect(typeof parsed.error_description).toBe('string')
    expect(parsed.detail).toBe(parsed.error_description)
    expect(text).not.toContain(key.value)
  }
  return { status: answer.status, headers: answer.headers, body: parsed }
}

const creating = (more: object = {}) => ({
  organization_id: TENANT_ID,
  secret_key: key.value,
  user_email: ANN,
  ...more,
})

const create = (more?: object, path = '/v2/tokens/create') => ask(path, { body: creating(more) })

const refresh = ({ body }: Answer) => {
  const { token_id, access_token } = body
  return ask('/v2/tokens/refresh', { body: { token_id, current_token_password: access_token } })
}

const told = ({ status, body }: Answer) => `${status} ${body.error}`

function connect({ body }: Answer, clientId = 'tab') {
  const { username, password } = body.mqtt_credentials
  const at = username.lastIndexOf('@')
  return world.connect(password, {
    username: username.slice(0, at),
    organization: username.slice(at + 1),
    clientId,
  })
}

describe('create', () => {
  test('answers with every field, of its type', async () => {
    const answer = await create({ integration_id: undefined, replace_existing: true })
    expect(answer.status).toBe(200)
    const { body } = answer
    const { shortId } = world.loaded('app').tenant
    expect(body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 3_600,
      user_email: ANN,
      provider: 'cloudsignal',
      expires_at: new Date(world.time.ms + 3_600_000).toISOString(),
      refresh_recommended_at: new Date(world.time.ms + 54 * 60_000).toISOString(),
    })
    expect(body.access_token).toStartWith('tkn_')
    expect(body.mqtt_credentials.password).toBe(body.access_token)
    expect(body.mqtt_credentials.username).toMatch(new RegExp(`^[a-z0-9]+@${shortId}$`))
    expect(body.token_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(connect(answer).ok).toBe(true)
  })

  test('takes the short id, a doubled slash, ttl, acl and user_id', async () => {
    const { shortId } = world.loaded('app').tenant
    const more = { ttl: 900, acl: { publish: [], subscribe: ['a/#'] }, user_id: 'u-1' }
    const answer = await create({ organization_id: shortId, ...more }, '//v2/tokens/create')
    expect(answer.body.expires_in).toBe(900)
    const identity = connect(answer)
    if (!identity.ok) throw new Error(identity.refusal)
    expect(identity.value).toMatchObject({ userId: 'u-1', acl: more.acl })
  })

  test('rests on the key it was asked for with', async () => {
    const identity = connect(await create())
    if (!identity.ok) throw new Error(identity.refusal)
    expect(identity.value.reliances.join(' ')).toContain(key.versionId)
    expect(identity.value.reliances.join(' ')).toContain(key.credentialId)
  })

  test('shortens what is longer than the app allows', async () => {
    await world.change('app', { tokenTtlMaxMs: 120_000 })
    expect((await create({ ttl: 3_600 })).body.expires_in).toBe(120)
  })

  const bad: readonly [string, object][] = [
    ['no organization', { organization_id: undefined }],
    ['a number for one', { organization_id: 7 }],
    ['no secret', { secret_key: undefined }],
    ['an empty secret', { secret_key: '' }],
    ['no address', { user_email: undefined }],
    ['a bad address', { user_email: 'ann' }],
    ['an address with spaces', { user_email: 'a b@c.d' }],
    ['a ttl below a minute', { ttl: 59 }],
    ['a ttl above a day', { ttl: 86_401 }],
    ['a ttl in parts of seconds', { ttl: 90.5 }],
    ['a ttl as text', { ttl: '900' }],
    ['an acl that is a list', { acl: [] }],
    ['an acl of something else', { acl: { write: ['a'] } }],
    ['a filter that is none', { acl: { publish: ['a/#/b'] } }],
    ['too many filters', { acl: { publish: Array.from({ length: 51 }, () => 'a') } }],
    ['a user id with a line break', { user_id: 'a\nb' }],
    ['replace_existing as text', { replace_existing: 'yes' }],
    ['an integration that is a number', { integration_id: 5 }],
  ]
  test.each(bad)('refuses %s', async (_what, more) => {
    expect(told(await create(more))).toBe('422 invalid_request')
  })

  test('refuses an unknown organization as it does a wrong key', async () => {
    const last = key.value.endsWith('x') ? 'y' : 'x'
    const wrong = await create({ secret_key: `${key.value.slice(0, -1)}${last}` })
    const foreign = await create({ organization_id: OTHER_TENANT_ID })
    const nobody = await create({ organization_id: 'org_nobody' })
    for (const answer of [wrong, foreign, nobody]) {
      expect(told(answer)).toBe('401 invalid_secret_key')
      expect(answer.body).toEqual(wrong.body)
    }
  })

  test('is for server keys, and for others that have the scope', async () => {
    const rows = [
      ['pk', undefined, '403 insufficient_scope'],
      ['rk', undefined, '403 insufficient_scope'],
      ['rk', ['publish'], '403 insufficient_scope'],
      ['sk', ['publish'], '403 insufficient_scope'],
      ['rk', ['mint'], '200 undefined'],
      ['sk', ['publish', 'mint'], '200 undefined'],
    ] as const
    for (const [index, [prefix, scopes, expected]] of rows.entries()) {
      const app = index % 2 === 0 ? 'app' : 'sibling'
      const made = await world.makeKey(app, prefix, scopes)
      expect(told(await create({ secret_key: made.value }))).toBe(expected)
    }
  })

  test('needs the integration it names', async () => {
    await world.integrate({})
    await world.integrate({ name: 'off', isEnabled: false })
    await world.integrate({ name: 'elsewhere', appId: 'sibling' })
    expect((await create({ integration_id: 'web' })).status).toBe(200)
    for (const integration_id of ['off', 'elsewhere', 'nobody']) {
      expect(told(await create({ integration_id }))).toBe('422 integration_not_found')
    }
  })

  test('replaces, unless it is asked not to', async () => {
    const first = await create()
    const second = await create({ replace_existing: false })
    expect([connect(first).ok, connect(second).ok]).toEqual([true, true])
    const third = await create()
    expect([first, second, third].map((each) => connect(each).ok)).toEqual([false, false, true])
    expect(told(await refresh(first))).toBe('401 token_revoked')
  })

  test('says what is in the way of the organization', async () => {
    await world.change('app', { enabled: false })
    expect(told(await create())).toBe('403 organization_disabled')
  })

  test('has a first version that is a view of it', async () => {
    const { body } = await create({ replace_existing: false }, '/v1/create')
    const { shortId } = world.loaded('app').tenant
    expect(Object.keys(body).sort()).toEqual([
      'expires_at',
      'mqtt_username',
      'org_short_id',
      'refresh_recommended_at',
      'token_id',
      'token_password',
    ])
    for (const organization of [shortId, TENANT_ID]) {
      const use = { username: body.mqtt_username, organization, clientId: 'c' }
      expect(world.connect(body.token_password, use).ok).toBe(true)
    }
  })

  test('has a form with the key in a header', async () => {
    const headers = { authorization: `Bearer ${key.value}` }
    const body = { organization_id: TENANT_ID, user_id: 'u-1' }
    const narrowed = { ...body, permissions: ['subscribe'], topics: ['a/+'] }
    const answer = await ask('/v2/tokens', { body: narrowed, headers })
    expect(answer.body.token).toBe(answer.body.access_token)
    const identity = connect(answer)
    expect(identity.ok && identity.value.acl).toEqual({ publish: [], subscribe: ['a/+'] })
    const foreign = { ...body, organization_id: OTHER_TENANT_ID }
    expect(told(await ask('/v2/tokens', { body: foreign, headers }))).toBe('401 invalid_secret_key')
    expect(told(await ask('/v2/tokens', { body }))).toBe('401 unauthorized')
    const wrong = { ...body, permissions: ['all'] }
    expect(told(await ask('/v2/tokens', { body: wrong, headers }))).toBe('422 invalid_request')
  })
})

describe('refresh', () => {
  test('answers as create does, with the same user name', async () => {
    const first = await create({ ttl: 60 })
    world.time.ms += 30_000
    const second = await refresh(first)
    expect(second.status).toBe(200)
    expect(Object.keys(second.body)).toEqual(Object.keys(first.body))
    expect(second.body.token_id).toBe(first.body.token_id)
    expect(second.body.mqtt_credentials.username).toBe(first.body.mqtt_credentials.username)
    expect(Date.parse(second.body.expires_at)).toBe(world.time.ms + 60_000)
    expect(Date.parse(second.body.refresh_recommended_at)).toBeGreaterThan(world.time.ms)
  })

  test('twice, then the first password: for the client that was here only', async () => {
    const first = await create()
    connect(first, 'mine')
    const second = await refresh(first)
    await refresh(second)
    expect(connect(first, 'mine').ok).toBe(true)
    expect(connect(first, 'other').ok).toBe(false)
  })

  test('answers again when the answer was lost, and not for ever', async () => {
    const first = await create()
    const second = await refresh(first)
    world.time.ms += 15_000
    expect((await refresh(first)).body.access_token).toBe(second.body.access_token)
    world.time.ms += 60_000
    expect(told(await refresh(first))).toBe('401 invalid_token')
  })

  test('tells what is wrong in the words SDKs tell apart', async () => {
    const first = await create({ ttl: 60 })
    const { token_id, access_token } = first.body
    const wrong = { token_id, current_token_password: `${access_token}x` }
    expect(told(await ask('/v2/tokens/refresh', { body: wrong }))).toBe('401 invalid_token')
    const unknown = { token_id: OTHER_TENANT_ID, current_token_password: access_token }
    expect(told(await ask('/v2/tokens/refresh', { body: unknown }))).toBe('401 invalid_token')
    const empty = { token_id }
    expect(told(await ask('/v2/tokens/refresh', { body: empty }))).toBe('422 invalid_request')
    world.time.ms += 90_000
    expect(told(await refresh(first))).toBe('401 token_expired')
    const second = await create()
    await world.change('app', { enabled: false })
    expect(told(await refresh(second))).toBe('403 organization_disabled')
  })

  test('passes four times in 15 s, and has an end to how often', async () => {
    const first = await create()
    for (let count = 0; count < 20; count++) {
      expect((await refresh(first)).status).toBe(200)
      world.time.ms += 1_000
    }
    const answer = await refresh(first)
    expect(told(answer)).toBe('429 rate_limited')
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(answer.headers.get('ratelimit')).toContain('token_refresh.token')
  })

  test('of an old password uses up nothing of the newest one', async () => {
    const stolen = await create()
    const second = await refresh(stolen)
    const third = await refresh(second)
    for (let count = 0; count < 40; count++) {
      expect(told(await refresh(stolen))).toBe('401 invalid_token')
    }
    expect((await refresh(third)).status).toBe(200)
  })
})

describe('who is refused', () => {
  test('is in the audit of the app, where its key is good in another place', async () => {
    const publishable = await world.makeKey('app', 'pk')
    await create({ organization_id: OTHER_TENANT_ID })
    await create({ secret_key: publishable.value })
    const bearer = { authorization: `Bearer ${publishable.value}` }
    await ask('/v2/tokens', { headers: bearer })
    await world.core.denials.finish(world.store)
    const { app, tenant } = world.loaded('app')
    const page = { tenantId: tenant.id, afterSeq: 0, countMax: 1_000 }
    const region = world.core.authority.regionOf(app)
    const rows = await region.transaction((each) => each.listAudit(page))
    const denials = rows
      .map((row) => JSON.parse(row.entry))
      .filter(({ outcome }) => outcome === 'denied')
    expect(denials).toMatchObject([
      { action: 'auth.denied', reason: 'credential_invalid', target: { id: key.keyId } },
      { action: 'auth.denied', reason: 'operation_denied', target: { id: publishable.keyId } },
      { action: 'auth.denied', reason: 'operation_denied', target: { id: publishable.keyId } },
    ])
  })

  test('how a user is called proves no address', async () => {
    const body = { user_id: 'boss@example.com' }
    const headers = { authorization: `Bearer ${key.value}` }
    const called = connect(await ask('/v2/tokens', { body, headers }))
    expect(called.ok && [called.value.userId, called.value.email]).toEqual([
      'boss@example.com',
      undefined,
    ])
    const said = connect(
      await ask('/v2/tokens', { body: { ...body, user_email: 'Ann@example.com' }, headers }),
    )
    expect(said.ok && said.value.email).toBe(ANN)
  })
})

describe('exchange', () => {
  const claims = (more: object = {}) => ({
    iss: ISSUER,
    sub: 'user-7',
    email: ANN,
    exp: Math.floor(world.time.ms / 1_000) + 60,
    ...more,
  })
  const token = (more?: object) => ecToken(pair, claims(more), { kid: 'one' })
  const exchanging = (more?: object) => ({ organization_id: TENANT_ID, token: token(), ...more })
  const exchange = (more?: object, headers?: Readonly<Record<string, string>>) =>
    ask('/v2/tokens/exchange', {
      body: exchanging(more),
      ...(headers === undefined ? {} : { headers }),
    })
  const provide = (fields: Partial<ProviderRecord> = {}) =>
    world.integrate({ provider: providerOf(ISSUER, fields) })

  test('answers as create does, and two tabs both connect', async () => {
    await provide()
    const native = await create()
    const [one, two] = [await exchange(), await exchange()]
    expect(Object.keys(one.body)).toEqual(Object.keys(native.body))
    expect(one.body).toMatchObject({ provider: 'oidc', user_email: ANN, expires_in: 3_600 })
    expect(one.body.token_id).not.toBe(two.body.token_id)
    for (const each of [one, two, native]) expect(connect(each).ok).toBe(true)
    const identity = connect(one)
    expect(identity.ok && identity.value).toMatchObject({ integration: 'web', userId: 'user-7' })
  })

  test('ends with the token of the provider only where the integration wants it', async () => {
    await provide({ capToIdpExpiry: true })
    const more = { exp: Math.floor(world.time.ms / 1_000) + 120 }
    const capped = await exchange({ token: token(more) })
    expect(capped.body.expires_in).toBe(120)
    await provide()
    expect((await exchange({ token: token(more) })).body.expires_in).toBe(3_600)
  })

  test('tells every way in which it fails', async () => {
    expect(told(await exchange())).toBe('404 provider_not_found')
    await provide()
    const past = Math.floor(world.time.ms / 1_000) - 100
    const rows: readonly [object, string][] = [
      [{ token: token({ exp: past }) }, '401 token_expired'],
      [{ token: `${token().slice(0, -4)}AAAA` }, '401 invalid_token'],
      [{ token: 'abc' }, '422 invalid_request'],
      [{ token: undefined }, '422 invalid_request'],
      [{ token: token({ email: undefined }) }, '422 missing_claim'],
      [{ token: token({ iss: 'https://other.example' }) }, '404 provider_not_found'],
      [{ organization_id: 'org_nobody' }, '404 organization_not_found'],
      [{ organization_id: undefined }, '422 invalid_request'],
      [{ integration_id: 'nobody' }, '422 integration_not_found'],
    ]
    for (const [more, expected] of rows) expect(told(await exchange(more))).toBe(expected)
    const missing = await exchange({ token: token({ email: undefined }) })
    expect(missing.body.error_description).toContain('email')
    await provide({ jwksUrl: 'https://down.example/keys' })
    const down = await exchange()
    expect(told(down)).toBe('503 provider_unavailable')
    expect(down.headers.get('retry-after')).toBe('10')
    await world.change('app', { enabled: false })
    await provide()
    expect(told(await exchange())).toBe('403 organization_disabled')
  })

  test('has an older form with a key in a header', async () => {
    await provide()
    const headers = { authorization: `Bearer ${key.value}` }
    const body = { provider: 'custom', token: token(), ttl: 600 }
    const answer = await ask('/v2/tokens/exchange', { body, headers })
    const { shortId } = world.loaded('app').tenant
    expect(answer.body).toMatchObject({ expires_in: 600, provider: 'oidc', user_id: 'user-7' })
    expect(answer.body.mqtt_username).toEndWith(`@${shortId}`)
    const [username = ''] = answer.body.mqtt_username.split('@')
    expect(world.connect(answer.body.mqtt_password, { username }).ok).toBe(true)
    const pk = await world.makeKey('app', 'pk')
    const byPage = { authorization: `Bearer ${pk.value}` }
    expect((await ask('/v2/tokens/exchange', { body, headers: byPage })).status).toBe(200)
    const bad = { authorization: 'Bearer sk_wrong' }
    const refused = await ask('/v2/tokens/exchange', { body, headers: bad })
    expect(told(refused)).toBe('401 unauthorized')
    expect(typeof refused.body.message).toBe('string')
    // A key speaks for its own app.
    const sibling = await world.makeKey('sibling')
    const other = { authorization: `Bearer ${sibling.value}` }
    const elsewhere = await ask('/v2/tokens/exchange', { body, headers: other })
    expect(told(elsewhere)).toBe('404 provider_not_found')
  })

  test('providers are shown without what verifies their tokens', async () => {
    const path = `/v2/providers?organization_id=${TENANT_ID}`
    expect((await ask(path)).body).toEqual({ providers: [] })
    await provide({ jwtSecret: 'shared' })
    await world.integrate({ name: 'tag' })
    expect((await ask(path)).body).toEqual({
      providers: [
        { provider: 'oidc', name: 'web', enabled: true, issuer: ISSUER, integration_id: 'web' },
      ],
    })
    const nobody = await ask('/v2/providers?organization_id=org_nobody')
    expect(told(nobody)).toBe('404 organization_not_found')
    expect(told(await ask('/v2/providers'))).toBe('422 invalid_request')
  })
})

describe('managing', () => {
  const manager = () => ({ authorization: `Bearer ${key.value}` })

  test('ends one, a user, an integration, or what a password is of', async () => {
    await world.integrate({})
    const made = () => create({ replace_existing: false, integration_id: 'web' })
    const selectors = (answer: Answer) => [
      { token_id: answer.body.token_id },
      { user_email: ANN.toUpperCase() },
      { integration_id: 'web' },
      { token: answer.body.access_token },
    ]
    for (const index of [0, 1, 2, 3]) {
      const answer = await made()
      const body = selectors(answer)[index]
      expect(connect(answer).ok).toBe(true)
      const revoked = await ask('/v2/tokens/revoke', { body, headers: manager() })
      expect([revoked.status, revoked.body]).toEqual([200, { revoked: 1 }])
      expect(connect(answer)).toMatchObject({ refusal: 'credential_revoked' })
      const again = await ask('/v2/tokens/revoke', { body, headers: manager() })
      expect(again.body).toEqual({ revoked: 0 })
      expect(told(await refresh(answer))).toBe('401 token_revoked')
    }
  })

  test('ends one by its address', async () => {
    const answer = await create()
    const path = `/v2/tokens/${answer.body.token_id}`
    const asked = { method: 'DELETE', headers: manager() }
    expect((await ask(path, asked)).body).toEqual({ revoked: true })
    expect((await ask(path, asked)).body).toEqual({ revoked: true })
    expect(connect(answer).ok).toBe(false)
    expect(told(await ask(`/v2/tokens/${TENANT_ID}`, asked))).toBe('404 token_not_found')
  })

  test('reaches nothing of another app', async () => {
    const answer = await create()
    const { token_id, access_token } = answer.body
    const sibling = await world.makeKey('sibling')
    const headers = { authorization: `Bearer ${sibling.value}` }
    for (const body of [{ token_id }, { user_email: ANN }, { token: access_token }]) {
      const revoked = await ask('/v2/tokens/revoke', { body, headers })
      expect(revoked.body).toEqual({ revoked: 0 })
    }
    const removed = await ask(`/v2/tokens/${token_id}`, { method: 'DELETE', headers })
    expect(told(removed)).toBe('404 token_not_found')
    expect((await ask('/v2/tokens', { headers })).body.tokens).toEqual([])
    const body = { token: access_token }
    expect((await ask('/v2/tokens/introspect', { body, headers })).body).toEqual({ active: false })
    expect(connect(answer).ok).toBe(true)
  })

  test('lists what there is, without a secret', async () => {
    await world.integrate({})
    const one = await create({ integration_id: 'web' })
    const two = await create({ user_email: 'bob@example.com' })
    connect(two)
    const headers = manager()
    const list = async (query: string) => (await ask(`/v2/tokens${query}`, { headers })).body
    const all = await list('')
    expect(all.next_cursor).toBeNull()
    expect(all.tokens).toHaveLength(2)
    expect(all.tokens[0]).toEqual({
      token_id: one.body.token_id,
      user_email: ANN,
      user_id: ANN,
      username: one.body.mqtt_credentials.username,
      provider: 'cloudsignal',
      integration_id: 'web',
      created_at: new Date(world.time.ms).toISOString(),
      expires_at: one.body.expires_at,
      last_used_at: null,
      status: 'active',
      connections: 0,
    })
    expect(all.tokens[1].last_used_at).toBe(new Date(world.time.ms).toISOString())
    expect(JSON.stringify(all)).not.toContain('tkn_')
    expect((await list('?integration_id=web')).tokens).toHaveLength(1)
    expect((await list('?user_email=BOB@example.com')).tokens).toHaveLength(1)
    expect((await list('?status=revoked')).tokens).toHaveLength(0)
    const steps = Object.fromEntries(world.metrics().labelled[0]?.read() ?? [])
    expect(steps).toMatchObject({ created: 2, refreshed: 0 })
    expect(world.metrics().plain[0]?.read()).toBe(2)
    const first = await list('?limit=1')
    expect(first.next_cursor).toBe(first.tokens[0].token_id)
    const rest = await list(`?limit=1&cursor=${first.next_cursor}`)
    expect([rest.tokens[0].token_id, rest.next_cursor]).toEqual([two.body.token_id, null])
    for (const query of ['?limit=0', '?limit=x', '?status=lost']) {
      expect(told(await ask(`/v2/tokens${query}`, { headers }))).toBe('422 invalid_request')
    }
  })

  test('looks into a token: the newest password of a live one', async () => {
    const answer = await create()
    const look = async (token: string) =>
      (await ask('/v2/tokens/introspect', { body: { token }, headers: manager() })).body
    expect(await look(answer.body.access_token)).toMatchObject({
      active: true,
      sub: ANN,
      token_id: answer.body.token_id,
      exp: Math.floor(world.time.ms / 1_000) + 3_600,
    })
    await refresh(answer)
    expect(await look(answer.body.access_token)).toEqual({ active: false })
    expect(await look('tkn_x')).toEqual({ active: false })
  })

  test('needs a key that may mint', async () => {
    const pk = await world.makeKey('app', 'pk')
    const rows: readonly [Readonly<Record<string, string>>, string][] = [
      [{}, '401 unauthorized'],
      [{ authorization: 'Basic abc' }, '401 unauthorized'],
      [{ authorization: 'Bearer sk_x' }, '401 invalid_secret_key'],
      [{ authorization: `Bearer ${pk.value}` }, '403 insufficient_scope'],
    ]
    for (const [headers, expected] of rows) {
      for (const path of ['/v2/tokens/revoke', '/v2/tokens/introspect']) {
        expect(told(await ask(path, { body: { token: 'x' }, headers }))).toBe(expected)
      }
      expect(told(await ask('/v2/tokens', { headers }))).toBe(expected)
    }
    const byHeader = { 'x-api-key': key.value }
    expect((await ask('/v2/tokens', { headers: byHeader })).status).toBe(200)
  })
})

describe('what is not served', () => {
  test.each([
    ['GET', '/v2/tokens/create', undefined, '405 method_not_allowed'],
    ['PUT', '/v2/tokens', {}, '405 method_not_allowed'],
    ['POST', '/v2/providers', {}, '405 method_not_allowed'],
    ['POST', '/v2/tokens/nothing', {}, '404 not_found'],
    ['POST', '/v2/tokens/create/', {}, '404 not_found'],
    ['POST', '/v2/tokens/create', '[]', '422 invalid_request'],
    ['POST', '/v2/tokens/create', '{"a":1,"a":2}', '422 invalid_request'],
    ['POST', '/v2/tokens/create', '{', '422 invalid_request'],
    ['POST', '/v2/tokens/create', ' '.repeat(BODY_BYTES_MAX + 1), '413 body_large'],
  ] as const)('%s %s', async (method, path, ...[body, expected]) => {
    const answer = await ask(path, { method, ...(body === undefined ? {} : { body }) })
    expect(told(answer)).toBe(expected)
    if (answer.status === 405) expect(answer.headers.get('allow')).toContain('OPTIONS')
  })

  test('another type than JSON', async () => {
    const headers = { 'content-type': 'text/plain' }
    const answer = await ask('/v2/tokens/create', { body: creating(), headers })
    expect(told(answer)).toBe('415 media_type_unsupported')
  })

  test('too much from one address, and what cannot be had', async () => {
    const region = world.core.authority.regionOf(world.loaded('app').app)
    region.transaction = () => Promise.reject(new Outage('store_full', 'full', { port: 'store' }))
    const down = await create()
    expect([told(down), down.headers.get('retry-after')]).toEqual(['503 unavailable', '1'])
    region.transaction = () => Promise.reject(new Error('a bug'))
    expect(told(await create())).toBe('500 internal')
    guardTexts = ['auth.ip 3/1m']
    await open()
    for (const _ of [1, 2, 3]) expect((await create()).status).toBe(200)
    const limited = await create()
    expect(told(limited)).toBe('429 rate_limited')
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('pages', () => {
  const preflight = (origin: string) =>
    ask('/v2/tokens/exchange', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  const allowed = ({ headers }: Answer) => headers.get('access-control-allow-origin')

  async function listOrigins() {
    for (const id of ['app', 'sibling']) await world.change(id, { allowedOrigins: [PAGE] })
    await world.change('foreign', { allowedOrigins: ['https://foreign.example'] })
  }

  test('of listed origins may call, without credentials', async () => {
    await listOrigins()
    const answer = await preflight(PAGE)
    expect(answer.status).toBe(200)
    expect(allowed(answer)).toBe(PAGE)
    expect(answer.headers.get('access-control-allow-headers')).toContain('X-API-Key')
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH', 'OPTIONS']) {
      expect(answer.headers.get('access-control-allow-methods')).toContain(method)
    }
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    expect(answer.headers.get('vary')).toContain('Origin')
    const made = await ask('/v2/tokens/create', { body: creating(), headers: { origin: PAGE } })
    expect([made.status, allowed(made)]).toEqual([200, PAGE])
  })

  test('of others may not, and nothing is made for them', async () => {
    await listOrigins()
    for (const origin of ['https://evil.example', 'null', `${PAGE}.evil.example`]) {
      const asked = await preflight(origin)
      expect([told(asked), allowed(asked)]).toEqual(['403 origin_refused', null])
      const sent = await ask('/v2/tokens/create', { body: creating(), headers: { origin } })
      expect([told(sent), allowed(sent)]).toEqual(['403 origin_refused', null])
    }
    // One that another app lists is asked on, and refused once it is known whose call it is.
    const origin = 'https://foreign.example'
    const sent = await ask('/v2/tokens/create', { body: creating(), headers: { origin } })
    expect([told(sent), allowed(sent)]).toEqual(['403 origin_refused', null])
    expect(world.table.size).toBe(0)
  })

  test('read refusals too', async () => {
    await listOrigins()
    const headers = { origin: PAGE }
    const answers = [
      await ask('/v2/tokens/create', { body: {}, headers }),
      await ask('/v2/tokens/nothing', { body: {}, headers }),
      await ask('/v2/providers?organization_id=org_nobody', { headers }),
    ]
    for (const answer of answers) {
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(allowed(answer)).toBe(PAGE)
      expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After')
    }
  })

  test('of any origin where no list is given', async () => {
    await world.change('app', { allowedOrigins: [] })
    expect(allowed(await preflight('https://anything.example'))).toBe('https://anything.example')
  })
})
