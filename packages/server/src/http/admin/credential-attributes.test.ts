import { expect, test } from 'bun:test'
import { systemRandom } from '../../adapters/system/random.ts'
import { attributesOf } from './credential-attributes.ts'

test('an API key is for a server unless it says otherwise, and keeps its scopes', () => {
  expect(attributesOf({ kind: 'api_key' }, systemRandom)).toEqual({
    ok: true,
    value: { prefix: 'sk' },
  })
  const fields = { kind: 'api_key', prefix: 'rk', scopes: ['publish:news'] } as const
  expect(attributesOf(fields, systemRandom)).toMatchObject({
    value: { prefix: 'rk', scopes: ['publish:news'] },
  })
})

test('a prefix or scopes of another kind are refused, not kept without effect', () => {
  for (const more of [{ prefix: 'sk' }, { scopes: ['publish'] }]) {
    const refused = attributesOf({ kind: 'jwt_secret', ...more }, systemRandom)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
  }
})

test('an MQTT user keeps its rule set, which no other kind has', () => {
  const made = attributesOf({ kind: 'mqtt_user', ruleSet: 'sensors' }, systemRandom)
  expect(made).toEqual({ ok: true, value: { ruleSet: 'sensors' } })
  expect(attributesOf({ kind: 'mqtt_user' }, systemRandom)).toEqual({ ok: true, value: {} })
  for (const kind of ['api_key', 'jwt_secret', 'signing_secret', 'client_secret'] as const) {
    const refused = attributesOf({ kind, ruleSet: 'sensors' }, systemRandom)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
  }
})

test('a signing secret gets an app key of its own', () => {
  const made = Array.from({ length: 2 }, () =>
    attributesOf({ kind: 'signing_secret' }, systemRandom),
  )
  const keys = made.map((each) => (each.ok ? each.value.appKey : ''))
  for (const key of keys) expect(key).toMatch(/^[a-z2-9]{20}$/)
  expect(new Set(keys).size).toBe(2)
})

test('a secret verifies HMAC only, a key what it is for, and tokens are held to their terms', () => {
  const of = (fields: Parameters<typeof attributesOf>[0]) => attributesOf(fields, systemRandom)
  const jwk = { kty: 'EC' }
  const hmac = ['HS256', 'HS384', 'HS512']
  expect(of({ kind: 'jwt_secret' })).toEqual({ ok: true, value: { algorithms: hmac } })
  expect(of({ kind: 'jwt_secret', algorithms: ['HS512'] })).toMatchObject({ ok: true })
  expect(of({ kind: 'jwt_secret', jwk })).toEqual({ ok: true, value: {} })
  const terms = { issuer: 'https://a.example', audience: ['a'] }
  expect(of({ kind: 'jwt_secret', jwksUrl: 'x', algorithms: ['RS256'], ...terms })).toEqual({
    ok: true,
    value: { algorithms: ['RS256'], ...terms },
  })
  expect(of({ kind: 'client_secret', publicKeyPem: 'x' })).toEqual({ ok: true, value: {} })
})

test.each<Parameters<typeof attributesOf>[0]>([
  { kind: 'jwt_secret', algorithms: ['RS256'] },
  { kind: 'jwt_secret', algorithms: ['HS256', 'none'] },
  { kind: 'jwt_secret', jwk: {}, algorithms: ['HS256'] },
  { kind: 'jwt_secret', jwk: {}, algorithms: ['RS256', 'HS256'] },
  { kind: 'client_secret', algorithms: ['HS256'] },
  { kind: 'client_secret', jwk: {}, audience: ['a'] },
  { kind: 'signing_secret', algorithms: ['HS256'] },
  { kind: 'api_key', issuer: 'https://a.example' },
])('terms that would have no effect, or a dangerous one, are refused: %j', (fields) => {
  expect(attributesOf(fields, systemRandom)).toMatchObject({ refusal: 'input_invalid' })
})
