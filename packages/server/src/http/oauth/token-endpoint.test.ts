import { beforeEach, describe, expect, spyOn, test } from 'bun:test'
import {
  basic,
  type CallInit,
  callOauth,
  claimsOf,
  clientIdOf,
  credentialsForm,
  openTokenWorld,
  refreshForm,
  secretOf,
  TENANT_ID,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'
import { readUses } from '../../credentials/administration/readiness.ts'
import { Outage } from '../../ports/outage.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'

let world: TokenWorld
beforeEach(async () => {
  world = await openTokenWorld()
})

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

async function tokens(appId = 'app') {
  const { status, body } = await world.call('/connect/token', { form: credentialsForm(appId) })
  expect(status).toBe(200)
  return body as { access_token: string; refresh_token: string }
}

const refresh = (token: string, changes: Record<string, string> = {}) =>
  world.call('/connect/token', { form: refreshForm('app', token, changes) })

async function secretCredential(appId = 'app'): Promise<string> {
  const found = world
    .loaded(appId)
    .credentials.find(({ record }) => record.kind === 'client_secret')
  if (found === undefined) throw new Error('there is no client secret')
  return found.record.id
}

describe('client credentials', () => {
  test.each(['/connect/token', '/token', '/oauth/token'])('are traded at %s', async (path) => {
    const form = credentialsForm('app', { scope: 'WireSocket.API' })
    const { status, body, headers } = await world.call(path, { form })
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'WireSocket.API',
    })
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('give the claims that WireSocket clients and RFC 9068 expect', async () => {
    const { access_token: token, refresh_token: refreshToken } = await tokens()
    const nowSeconds = Math.floor(world.time.ms / 1000)
    expect(claimsOf(token)).toMatchObject({
      iss: `https://tokens.example/${TENANT_ID}`,
      sub: 'client-app',
      client_id: 'client-app',
      aud: 'WireSocket.API',
      scope: 'WireSocket.API offline_access',
      tenantid: TENANT_ID,
      appId: 'app',
      licenseRegionCode: 'local',
      dbCode: 'local',
      allowed_domain_1: 'app.example',
      allowed_domain_2: 'app.example:8443',
      limits: { maxConnections: 100, maxDocuments: 500, maxUsersPerDoc: 50, opsPerMinute: 10_000 },
      iat: nowSeconds,
      exp: nowSeconds + 900,
      jti: expect.stringMatching(/^[\w-]{22}$/),
    })
    expect(claimsOf(token)).not.toHaveProperty('allowed_domain_3')
    const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
    expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
    expect(refreshToken).toMatch(/^rt_[\w.-]+$/)
  })

  test.each<[string, CallInit]>([
    ['Basic', { headers: basic('client-app', secretOf('app')), form: grant() }],
    ['Basic and the same client_id', withBasic(grant({ client_id: 'client-app' }))],
    ['Basic and the same of both', withBasic(credentialsForm('app'))],
    ['the body', { form: credentialsForm('app') }],
    ['JSON', { json: JSON.stringify(credentialsForm('app')) }],
    ['JSON with what nobody knows', { json: JSON.stringify({ ...credentialsForm('app'), x: [] }) }],
    ['a form with what nobody knows', { form: credentialsForm('app', { audience: 'x' }) }],
  ])('are taken by %s', async (_name, init) => {
    expect((await world.call('/connect/token', init)).status).toBe(200)
  })

  test('are read as a form encodes them (RFC 6749 §2.3.1)', async () => {
    const value = 'vX:9%+ &q=Zt/3mK2f8 Lw0cUe5RgHs7'
    const credentialId = await secretCredential()
    const rotated = await world.core.changes.rotate({ credentialId, value }, CALLER)
    expect(rotated).toMatchObject({ ok: true })
    const asHeader = await world.call('/connect/token', {
      headers: basic('client-app', value),
      form: grant(),
    })
    const asBody = await world.call('/connect/token', {
      form: credentialsForm('app', { client_secret: value }),
    })
    expect([asHeader.status, asBody.status]).toEqual([200, 200])
  })

  test.each<[string, number, string, CallInit]>([
    ['no grant', 400, 'invalid_request', { form: { client_id: 'client-app' } }],
    ['no client', 400, 'invalid_request', { form: { grant_type: 'client_credentials' } }],
    [
      'an empty client',
      400,
      'invalid_request',
      { form: credentialsForm('app', { client_id: '' }) },
    ],
    ['the password grant', 400, 'unsupported_grant_type', { form: grantOf('password') }],
    ['the implicit grant', 400, 'unsupported_grant_type', { form: grantOf('implicit') }],
    ['no scope', 400, 'invalid_scope', { form: credentialsForm('app', { scope: '' }) }],
    ['another scope', 400, 'invalid_scope', { form: credentialsForm('app', { scope: 'admin' }) }],
    ['more scope', 400, 'invalid_scope', { form: scoped('WireSocket.API admin') }],
    ['half a scope', 400, 'invalid_scope', { form: scoped('offline_access') }],
    ['a parameter twice', 400, 'invalid_request', { form: `${text()}&scope=WireSocket.API` }],
    ['an unknown one twice', 400, 'invalid_request', { form: `${text()}&x=1&x=1` }],
    ['a member twice', 400, 'invalid_request', { json: `{"scope":"a",${json().slice(1)}` }],
    ['a broken encoding', 400, 'invalid_request', { form: `${text()}&x=%zz` }],
    ['what is no UTF-8', 400, 'invalid_request', { form: `${text()}&x=%ff` }],
    ['JSON that is none', 400, 'invalid_request', { json: '{' }],
    ['JSON of a list', 400, 'invalid_request', { json: '[]' }],
    ['JSON that nests deep', 400, 'invalid_request', { json: `{"x":${'['.repeat(99)}` }],
    ['a number as the client', 400, 'invalid_request', { json: '{"client_id":1}' }],
    ['a large body', 413, 'invalid_request', { form: `${text()}&x=${'y'.repeat(20_000)}` }],
    ['two clients', 400, 'invalid_request', withBasic(grant({ client_id: 'client-sibling' }))],
    ['two secrets', 400, 'invalid_request', withBasic(grant({ client_secret: 'other' }))],
    ['another type of body', 415, 'invalid_request', { form: text(), headers: plainText() }],
    ['no secret', 401, 'invalid_client', { form: credentialsForm('app', { client_secret: '' }) }],
    ['a wrong secret', 401, 'invalid_client', { form: wrong('app') }],
    ['an unknown client', 401, 'invalid_client', { form: wrong('nobody') }],
    ['the secret of another app', 401, 'invalid_client', { form: foreign() }],
    ['a public client', 401, 'invalid_client', { form: credentialsForm('page') }],
    ['a broken header', 401, 'invalid_client', { headers: broken(), form: grant() }],
  ])('with %s are refused: %i %s', async (...row) => {
    const [, status, error, init] = row
    const answer = await world.call('/connect/token', init)
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status, error })
    expect(answer.body.error_description).toEqual(expect.any(String))
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('in the URL are refused: logs would keep them', async () => {
    const form = credentialsForm('app')
    const query = new URLSearchParams(form).toString()
    const answer = await world.call(`/connect/token?${query}`, { form })
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
  })

  test('unknown client, wrong secret, public client: one answer after the same work', async () => {
    const { check } = world.core
    const { guard } = world.oauth
    const spies = [spyOn(check, 'match'), spyOn(check, 'confirm'), spyOn(guard, 'charge')]
    const denied = spyOn(world.core.denials, 'deny')
    const outcomes = []
    for (const appId of ['app', 'nobody', 'page', 'foreign']) {
      for (const asHeader of [false, true]) {
        for (const spy of [...spies, denied]) spy.mockClear()
        const init = asHeader
          ? { headers: basic(clientIdOf(appId), 'guess'), form: grant() }
          : { form: wrong(appId) }
        const answer = await world.call('/connect/token', init)
        const headers = [...answer.headers]
        const work = [...spies, denied].map((spy) => spy.mock.calls.length)
        outcomes.push({ asHeader, status: answer.status, text: answer.text, headers, work })
      }
    }
    for (const outcome of outcomes) {
      expect(outcome).toEqual(outcomes[outcome.asHeader ? 1 : 0] as typeof outcome)
    }
    expect(outcomes[0]?.work).toEqual([1, 0, 1, 1])
    expect(outcomes[0]?.headers.map(([name]) => name)).not.toContain('www-authenticate')
    expect(outcomes[1]?.headers.map(([name]) => name)).toContain('www-authenticate')
  })

  test('of a tenant or app that may not be used answer 403', async () => {
    const { store, authority } = { ...world, ...world.core }
    const region = authority.regionOf(world.loaded('app').app)
    const { app } = world.loaded('app')
    for (const changes of [
      { subscription: undefined },
      { settings: { ...app.settings, enabled: false } },
    ]) {
      await region.transaction((each) => each.saveApp({ ...app, ...changes }))
      await authority.changed({ kind: 'app', region: 'local', appId: 'app' })
      const answer = await world.call('/connect/token', { form: credentialsForm('app') })
      expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
    }
    await region.transaction((each) => each.saveApp(app))
    await authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    await store.control.transaction(async (each) => {
      const tenant = await each.findTenant(TENANT_ID)
      if (tenant !== undefined) await each.saveTenant({ ...tenant, state: 'suspended' })
    })
    await authority.changed({ kind: 'tenant', tenantId: TENANT_ID })
    const answer = await world.call('/connect/token', { form: credentialsForm('app') })
    expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
    // Whoever does not hold the secret learns nothing of it.
    expect((await world.call('/connect/token', { form: wrong('app') })).status).toBe(401)
  })

  test('that fail too often get 429, and the right ones still pass', async () => {
    let answer = await world.call('/connect/token', { form: wrong('app') })
    for (let count = 0; answer.status === 401; count++) {
      expect(count).toBeLessThan(1_000)
      answer = await world.call('/connect/token', { form: wrong('app') })
    }
    expect([answer.status, answer.body.error]).toEqual([429, 'slow_down'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await world.call('/connect/token', { form: credentialsForm('app') })).status).toBe(200)
  })
})

describe('a refresh', () => {
  test('of a family that ended says so, however often strangers fail as its client', async () => {
    const { refresh_token: token } = await tokens()
    const request = { credentialId: await secretCredential(), overlapMs: 0 }
    await world.core.changes.rotate(request, CALLER)
    for (let count = 0; count < 200; count++) {
      const ip = `198.51.100.${count}`
      await world.call('/connect/token', { form: refreshForm('app', 'rt_x'), ip })
    }
    const stranger = { form: refreshForm('app', 'rt_x'), ip: '203.0.113.1' }
    expect((await world.call('/connect/token', stranger)).status).toBe(429)
    const { status, body } = await refresh(token)
    expect([status, body.error]).toEqual([401, 'invalid_grant'])
  })

  test('gives a new pair without the secret, with the limits of today', async () => {
    const first = await tokens()
    world.time.ms += HOUR_MS
    const { app } = world.loaded('app')
    const onFree = { ...app, subscription: { ...subscription(), plan: 'free' } }
    await world.core.authority.regionOf(app).transaction((each) => each.saveApp(onFree))
    await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    const { status, body } = await refresh(first.refresh_token)
    expect(status).toBe(200)
    expect(body.refresh_token).not.toBe(first.refresh_token)
    expect(claimsOf(body.access_token)).toMatchObject({ limits: { maxConnections: 40 } })
    const family = claimsOf(first.access_token)['family']
    expect(claimsOf(body.access_token)['family']).toBe(family)
  })

  test('that is repeated after a lost reply gives the same successor, never a fork', async () => {
    const { refresh_token: first } = await tokens()
    const answers = await Promise.all([refresh(first), refresh(first), refresh(first)])
    world.time.ms += 9_000
    answers.push(await refresh(first))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
    expect((await refresh(answers[0]?.body.refresh_token)).status).toBe(200)
  })

  test('that comes again after the leeway ends the family and is written down', async () => {
    const denied = spyOn(world.core.denials, 'deny')
    const { refresh_token: first } = await tokens()
    const { body } = await refresh(first)
    world.time.ms += 10_000
    const reused = await refresh(first)
    expect([reused.status, reused.body.error]).toEqual([401, 'invalid_grant'])
    expect((await refresh(body.refresh_token)).status).toBe(401)
    const actions = denied.mock.calls.map(([{ action }]) => action)
    expect(actions.filter((action) => action === 'auth.refresh_reused')).toHaveLength(1)
    const rows = await world.store.regions
      .get('local')
      ?.transaction((each) => each.listAudit({ tenantId: TENANT_ID, afterSeq: 0, countMax: 200 }))
    expect(rows?.some(({ entry }) => entry.includes('used twice'))).toBe(true)
  })

  test('lives for a week after its last use, without an end', async () => {
    let token = (await tokens()).refresh_token
    for (let week = 0; week < 4; week++) {
      world.time.ms += 7 * DAY_MS - 1
      const { status, body } = await refresh(token)
      expect(status).toBe(200)
      token = body.refresh_token
    }
    world.time.ms += 7 * DAY_MS
    expect((await refresh(token)).status).toBe(401)
  })

  test('ends with its family where that has an end', async () => {
    world = await openTokenWorld({ times: { refreshFamilyMs: 10 * DAY_MS } })
    const { refresh_token: first } = await tokens()
    world.time.ms += 6 * DAY_MS
    const { body } = await refresh(first)
    world.time.ms += 4 * DAY_MS
    expect((await refresh(body.refresh_token)).status).toBe(401)
  })

  test('with the secret regenerated is refused at once (seed 000)', async () => {
    const { refresh_token: old } = await tokens()
    const credentialId = await secretCredential()
    const rotated = await world.core.changes.rotate({ credentialId, overlapMs: 0 }, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    expect((await refresh(old)).status).toBe(401)
    expect((await world.call('/token', { form: credentialsForm('app') })).status).toBe(401)
    const form = credentialsForm('app', { client_secret: rotated.value.value ?? '' })
    const { body } = await world.call('/token', { form })
    expect((await refresh(body.refresh_token)).status).toBe(200)
  })

  test('lives through a rotation for as long as its secret does', async () => {
    const { refresh_token: first } = await tokens()
    const credentialId = await secretCredential()
    await world.core.changes.rotate({ credentialId, overlapMs: HOUR_MS }, CALLER)
    world.time.ms += HOUR_MS - 1
    const { status, body } = await refresh(first)
    expect(status).toBe(200)
    world.time.ms += 1
    expect((await refresh(body.refresh_token)).status).toBe(401)
  })

  test('names who still lives on the old secret', async () => {
    const { refresh_token: first } = await tokens()
    const credentialId = await secretCredential()
    await world.core.changes.rotate({ credentialId, overlapMs: 7 * DAY_MS }, CALLER)
    world.time.ms += 2 * DAY_MS
    const blockers = async () => {
      const record = world.core.authority.findCredential(credentialId)
      if (record === undefined) throw new Error('there is no credential')
      return (await readUses(record, world.core.useReport)).blockers()
    }
    expect(await blockers()).toEqual([])
    await refresh(first)
    expect(await blockers()).toEqual([expect.stringContaining('used version 1 over oauth')])
  })

  test('that is refused for the plan is as good as before once there is one', async () => {
    const { refresh_token: first } = await tokens()
    const { app } = world.loaded('app')
    const region = world.core.authority.regionOf(app)
    const change = async (subscriptionNow: typeof app.subscription) => {
      await region.transaction((each) => each.saveApp({ ...app, subscription: subscriptionNow }))
      await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    }
    await change(undefined)
    expect((await refresh(first)).status).toBe(403)
    world.time.ms += HOUR_MS
    await change(app.subscription)
    expect((await refresh(first)).status).toBe(200)
  })

  test.each<[string, number, string, Record<string, string>]>([
    ['without a token', 400, 'invalid_request', { refresh_token: '' }],
    ['of nobody', 400, 'invalid_request', { client_id: '' }],
    ['of another client', 401, 'invalid_grant', { client_id: 'client-sibling' }],
    ['of a client of another tenant', 401, 'invalid_grant', { client_id: 'client-foreign' }],
    ['of an unknown client', 401, 'invalid_grant', { client_id: 'nobody' }],
    ['with a wrong secret', 401, 'invalid_client', { client_secret: 'guess' }],
    ['for more scope', 400, 'invalid_scope', { scope: 'WireSocket.API admin' }],
  ])('%s is refused: %i %s', async (...row) => {
    const [, status, error, changes] = row
    const { refresh_token: token } = await tokens()
    const answer = await refresh(token, changes)
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status, error })
    expect((await refresh(token)).status).toBe(200)
  })

  test('with garbage reads nothing', async () => {
    const { refresh_token: token } = await tokens()
    const region = world.store.regions.get('local')
    if (region === undefined) throw new Error('there is no region')
    const spies = [spyOn(region, 'advanceFamily'), spyOn(region, 'transaction')]
    const [body = '', mac = ''] = token.split('.')
    const garbage = [
      'x',
      `${token}x`,
      token.slice(0, -1),
      `${body}x.${mac}`,
      'a.b.c',
      token.repeat(9),
    ]
    for (const each of garbage) expect((await refresh(each)).status).toBe(401)
    expect(spies.map((spy) => spy.mock.calls.length)).toEqual([0, 0])
  })
})

test('an outage of the store is 503, and never a wrong client or token', async () => {
  const { refresh_token: token } = await tokens()
  const region = world.store.regions.get('local')
  if (region === undefined) throw new Error('there is no region')
  const full = () => Promise.reject(new Outage('store_full', 'the disk is full', { port: 'store' }))
  spyOn(region, 'startFamily').mockImplementation(full)
  spyOn(region, 'advanceFamily').mockImplementation(full)
  const logged: string[] = []
  const log = { ...world.oauth.log, error: (event: string) => void logged.push(event) }
  for (const form of [credentialsForm('app'), refreshForm('app', token)]) {
    const answer = await callOauth({ ...world.oauth, log }, '/token', { form })
    expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.text).not.toContain('disk')
  }
  expect(logged).toEqual(['oauth_outage', 'oauth_outage'])
  // Who needs no family needs no store.
  expect((await world.call('/token', { form: scoped('WireSocket.API') })).status).toBe(200)
})

test('families are made only so fast', async () => {
  let status = 200
  for (let count = 0; status === 200 && count < 1_300; count++) {
    status = (await world.call('/connect/token', { form: credentialsForm('app') })).status
  }
  expect(status).toBe(429)
  const form = scoped('WireSocket.API')
  expect((await world.call('/connect/token', { form })).status).toBe(200)
})

test('only POST is answered', async () => {
  const answer = await world.call('/connect/token')
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
})

function grant(changes: Record<string, string> = {}): Record<string, string> {
  return { grant_type: 'client_credentials', scope: 'WireSocket.API', ...changes }
}

function withBasic(form: Readonly<Record<string, string>>): CallInit {
  return { headers: basic('client-app', secretOf('app')), form }
}

function grantOf(name: string) {
  return credentialsForm('app', { grant_type: name })
}

function scoped(scope: string) {
  return credentialsForm('app', { scope })
}

function wrong(appId: string) {
  return credentialsForm(appId, { client_secret: 'guess' })
}

function foreign() {
  return credentialsForm('app', { client_secret: secretOf('sibling') })
}

function text(): string {
  return new URLSearchParams(credentialsForm('app')).toString()
}

function json(): string {
  return JSON.stringify(credentialsForm('app'))
}

function plainText() {
  return { 'content-type': 'text/plain' }
}

function broken() {
  return { authorization: 'Basic !' }
}

function subscription() {
  return { plan: 'unlimited', state: 'active' as const, sinceMs: 0, endsAtMs: undefined }
}
