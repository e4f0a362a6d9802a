import { beforeEach, describe, expect, test } from 'bun:test'
import {
  openTokenWorld,
  OTHER_TENANT_ID,
  TENANT_ID,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'

let world: TokenWorld
beforeEach(async () => {
  world = await openTokenWorld()
})

const UNKNOWN_ID = '99999999-2d9e-4c3e-a1f1-3b2c99e6b111'

describe('the key set of a tenant', () => {
  test.each(['jwks', 'jwks.json'])('is public at .well-known/%s', async (name) => {
    const { status, body, headers } = await world.call(`/${TENANT_ID}/.well-known/${name}`)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('public, max-age=300')
    const key = { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }
    expect(body).toEqual({ keys: [expect.objectContaining(key)] })
  })

  test('holds no private part', async () => {
    for (const algorithm of ['ES256', 'RS256'] as const) {
      world = await openTokenWorld({ algorithm })
      const { body } = await world.call(`/${TENANT_ID}/.well-known/jwks`)
      for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) {
        expect(body.keys[0]).not.toHaveProperty(name)
      }
    }
  })

  test('is another one for each tenant, and none for nobody', async () => {
    const of = async (id: string) => world.call(`/${id}/.well-known/jwks`)
    const [own, other] = [await of(TENANT_ID), await of(OTHER_TENANT_ID)]
    expect(own.body.keys[0].kid).not.toBe(other.body.keys[0].kid)
    for (const id of [UNKNOWN_ID, TENANT_ID.toUpperCase(), 'x', '../x']) {
      expect((await of(id)).status).toBe(404)
    }
  })

  test('is given 20 times in 10 minutes to one address', async () => {
    const path = `/${TENANT_ID}/.well-known/jwks`
    for (let count = 0; count < 20; count++) {
      expect((await world.call(path)).status).toBe(200)
    }
    const refused = await world.call(path)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 601)
    expect((await world.call(path, { ip: '192.0.2.2' })).status).toBe(200)
    world.time.ms += 600_000
    expect((await world.call(path)).status).toBe(200)
  })

  test('is given as often as the configuration says, in every window it names', async () => {
    world = await openTokenWorld({ guardTexts: ['jwks.ip 2/1s', 'jwks.ip 3/1h'] })
    const path = `/${TENANT_ID}/.well-known/jwks`
    const statuses = async (count: number) => {
      const answers = []
      while (answers.length < count) answers.push((await world.call(path)).status)
      return answers
    }
    expect(await statuses(3)).toEqual([200, 200, 429])
    world.time.ms += 2_000
    expect(await statuses(2)).toEqual([200, 429])
  })

  test('is only read', async () => {
    const path = `/${TENANT_ID}/.well-known/jwks`
    const { status, headers } = await world.call(path, { form: {} })
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

describe('metadata', () => {
  const paths = (id: string) => [
    `/${id}/.well-known/openid-configuration`,
    `/.well-known/oauth-authorization-server/${id}`,
  ]

  test('names what is served, the same at both places', async () => {
    for (const path of paths(TENANT_ID)) {
      const { status, body } = await world.call(path)
      expect(status).toBe(200)
      expect(body).toEqual({
        issuer: `https://tokens.example/${TENANT_ID}`,
        token_endpoint: 'https://tokens.example/connect/token',
        jwks_uri: `https://tokens.example/${TENANT_ID}/.well-known/jwks`,
        revocation_endpoint: 'https://tokens.example/oauth/revoke',
        introspection_endpoint: 'https://tokens.example/oauth/introspect',
        scopes_supported: ['WireSocket.API', 'offline_access'],
        response_types_supported: [],
        grant_types_supported: ['client_credentials', 'refresh_token'],
        token_endpoint_auth_methods_supported: [
          'client_secret_basic',
          'client_secret_post',
          'none',
        ],
        revocation_endpoint_auth_methods_supported: [
          'client_secret_basic',
          'client_secret_post',
          'none',
        ],
        introspection_endpoint_auth_methods_supported: [
          'client_secret_basic',
          'client_secret_post',
          'Bearer',
        ],
      })
    }
  })

  test('names only what answers', async () => {
    const { body } = await world.call(paths(TENANT_ID)[0] ?? '')
    const pathOf = (url: string) => url.slice('https://tokens.example'.length)
    for (const name of ['token_endpoint', 'revocation_endpoint', 'introspection_endpoint']) {
      expect((await world.call(pathOf(body[name]), { form: {} })).body.error).toBe(
        'invalid_request',
      )
    }
    expect((await world.call(pathOf(body.jwks_uri))).status).toBe(200)
  })

  test('is there for tenants that are', async () => {
    for (const path of paths(UNKNOWN_ID)) expect((await world.call(path)).status).toBe(404)
    expect((await world.call('/.well-known/oauth-authorization-server')).status).toBe(404)
    expect((await world.call('/.well-known/other')).status).toBe(404)
  })
})
