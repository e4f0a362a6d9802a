import { beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  basic,
  claimsOf,
  clientIdOf,
  credentialsForm,
  openTokenWorld,
  refreshForm,
  secretOf,
  TENANT_ID,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'
import { tokenIdOf } from '../../credentials/tokens/token-id.ts'

let world: TokenWorld
let tokens: { access_token: string; refresh_token: string }
beforeEach(async () => {
  world = await openTokenWorld()
  tokens = (await world.call('/connect/token', { form: credentialsForm('app') })).body
})

const INACTIVE = { active: false }

function ask(token: string, appId = 'app', path = '/oauth/introspect') {
  return world.call(path, { headers: basic(clientIdOf(appId), secretOf(appId)), form: { token } })
}

async function keyOf(appId: string, prefix: string, scopes?: readonly string[]) {
  const { tenant } = world.loaded(appId)
  const attributes = { prefix, ...(scopes === undefined ? {} : { scopes }) }
  const request = { tenantId: tenant.id, appId, kind: 'api_key' as const, name: 'k', attributes }
  const made = await world.core.changes.create(request, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  return { value: made.value.value ?? '', credentialId: made.value.credential.id }
}

const withKey = (key: string, token: string) =>
  world.call('/oauth/introspect', {
    headers: { authorization: `Bearer ${key}` },
    form: { token },
  })

describe('an app that asks about its own', () => {
  test.each(['/oauth/introspect', '/connect/introspect'])(
    'access token is told what it says, at %s',
    async (path) => {
      const { status, body, headers } = await ask(tokens.access_token, 'app', path)
      expect(status).toBe(200)
      expect(body).toEqual({
        ...claimsOf(tokens.access_token),
        active: true,
        token_type: 'Bearer',
      })
      expect(headers.get('cache-control')).toBe('no-store')
    },
  )

  test('refresh token is told how long it lives, until it was used', async () => {
    const nowSeconds = Math.floor(world.time.ms / 1000)
    expect((await ask(tokens.refresh_token)).body).toEqual({
      active: true,
      token_type: 'refresh_token',
      client_id: 'client-app',
      sub: 'client-app',
      scope: 'WireSocket.API offline_access',
      iat: nowSeconds,
      exp: nowSeconds + 604_800,
    })
    const form = refreshForm('app', tokens.refresh_token)
    const { body } = await world.call('/connect/token', { form })
    expect((await ask(tokens.refresh_token)).body).toEqual(INACTIVE)
    expect((await ask(body.refresh_token)).body).toMatchObject({ active: true })
    world.time.ms += 604_800_000
    expect((await ask(body.refresh_token)).body).toEqual(INACTIVE)
  })

  test('API key is told its scopes, which is no use of the key', async () => {
    const recorded = spyOn(world.core.uses, 'record')
    const { value, credentialId } = await keyOf('app', 'rk', ['publish:news'])
    expect((await ask(value)).body).toMatchObject({
      active: true,
      sub: credentialId,
      scope: 'publish:news',
      token_type: 'api_key',
    })
    const used = recorded.mock.calls.map(([use]) => use.credentialId)
    expect(used).not.toContain(credentialId)
    await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    expect((await ask(value)).body).toEqual(INACTIVE)
  })

  test('expired or revoked token is told no more than that', async () => {
    const tokenId = tokenIdOf('app', String(claimsOf(tokens.access_token)['jti']))
    const place = { tenantId: TENANT_ID, appId: 'app', reason: 'tested' }
    await world.core.revocations.revoke({ kind: 'token', tokenId }, place, CALLER)
    expect((await ask(tokens.access_token)).body).toEqual(INACTIVE)
    const other = (await world.call('/token', { form: credentialsForm('app') })).body.access_token
    world.time.ms += 900_000
    expect((await ask(other)).body).toEqual(INACTIVE)
  })

  test('refresh token of a secret that was regenerated is told no more than that', async () => {
    const credential = world
      .loaded('app')
      .credentials.find(({ record }) => record.kind === 'client_secret')
    const credentialId = credential?.record.id ?? ''
    const key = await keyOf('app', 'sk')
    await world.core.changes.rotate({ credentialId, overlapMs: 0 }, CALLER)
    expect((await withKey(key.value, tokens.refresh_token)).body).toEqual(INACTIVE)
  })
})

describe('nothing is told', () => {
  test('of the tokens of other apps, in the tenant or not', async () => {
    const key = await keyOf('app', 'sk')
    for (const appId of ['sibling', 'foreign']) {
      for (const token of [tokens.access_token, tokens.refresh_token, key.value]) {
        const { status, body } = await ask(token, appId)
        expect([status, body]).toEqual([200, INACTIVE])
      }
    }
  })

  test('of garbage', async () => {
    const { access_token: token, refresh_token: refresh } = tokens
    const garbage = ['x', 'a.b.c', `${token}x`, token.slice(0, -2), `${refresh}x`, 'sk_x']
    for (const each of [...garbage, 'x'.repeat(9_000)]) {
      expect((await ask(each)).body).toEqual(INACTIVE)
    }
  })

  test('to an app that may not be used', async () => {
    const { app } = world.loaded('app')
    const region = world.core.authority.regionOf(app)
    await region.transaction((each) => each.saveApp({ ...app, subscription: undefined }))
    await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    expect((await ask(tokens.access_token)).body).toEqual(INACTIVE)
  })
})

describe('who may ask:', () => {
  test('a server key of the app, and others with the scope', async () => {
    for (const [prefix, scopes] of [
      ['sk', undefined],
      ['rk', ['inspect']],
    ] as const) {
      const { value } = await keyOf('app', prefix, scopes)
      expect((await withKey(value, tokens.access_token)).body.active).toBe(true)
    }
  })

  test.each([
    ['pk', undefined],
    ['rk', ['publish']],
    ['rk', ['inspect:news']],
    ['rk', []],
  ])('not a key %s with scopes %p', async (prefix, scopes) => {
    const { value } = await keyOf('app', prefix, scopes)
    const { status, body } = await withKey(value, tokens.access_token)
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })

  test('not the holder of a token', async () => {
    const { status, headers } = await withKey(tokens.access_token, tokens.access_token)
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /)
  })

  test.each<[string, number, string, Readonly<Record<string, string>>]>([
    ['without a token', 400, 'invalid_request', {}],
    ['without a client', 400, 'invalid_request', { token: 'x' }],
    ['with a name only', 401, 'invalid_client', { token: 'x', client_id: 'client-app' }],
    ['with a guess', 401, 'invalid_client', { token: 'x', ...guess('client-app') }],
    ['with an unknown client', 401, 'invalid_client', { token: 'x', ...guess('nobody') }],
  ])('nobody %s: %i %s', async (...row) => {
    const [, status, error, form] = row
    const answer = await world.call('/oauth/introspect', { form })
    expect([answer.status, answer.body.error]).toEqual([status, error])
  })
})

function guess(clientId: string) {
  return { client_id: clientId, client_secret: 'guess' }
}
