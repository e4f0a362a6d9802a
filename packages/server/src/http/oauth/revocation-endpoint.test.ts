import { beforeEach, describe, expect, spyOn, test } from 'bun:test'
import {
  basic,
  clientIdOf,
  credentialsForm,
  openTokenWorld,
  refreshForm,
  secretOf,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'
import { generateKey } from '../../credentials/key-format.ts'
import { systemRandom } from '../../adapters/system/random.ts'

let world: TokenWorld
let tokens: { access_token: string; refresh_token: string }
beforeEach(async () => {
  world = await openTokenWorld()
  tokens = (await world.call('/connect/token', { form: credentialsForm('app') })).body
})

function revoke(token: string, appId = 'app', path = '/oauth/revoke') {
  const headers = basic(clientIdOf(appId), secretOf(appId))
  return world.call(path, { headers, form: { token, token_type_hint: 'whatever' } })
}

async function isActive(token: string): Promise<boolean> {
  const headers = basic('client-app', secretOf('app'))
  return (await world.call('/oauth/introspect', { headers, form: { token } })).body.active
}

const refreshStatus = async (token: string) =>
  (await world.call('/token', { form: refreshForm('app', token) })).status

describe('a client ends', () => {
  test.each(['/oauth/revoke', '/connect/revocation'])(
    'a refresh token, and with it what it gave out, at %s',
    async (path) => {
      const { status, headers } = await revoke(tokens.refresh_token, 'app', path)
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
      expect(await isActive(tokens.access_token)).toBe(false)
      expect(await refreshStatus(tokens.refresh_token)).toBe(401)
    },
  )

  test('an access token alone', async () => {
    expect((await revoke(tokens.access_token)).status).toBe(200)
    expect(await isActive(tokens.access_token)).toBe(false)
    expect(await refreshStatus(tokens.refresh_token)).toBe(200)
  })

  test('what it holds, without the secret it has forgotten (seed 000)', async () => {
    const form = { client_id: 'client-app', token: tokens.refresh_token }
    expect((await world.call('/oauth/revoke', { form })).status).toBe(200)
    expect(await refreshStatus(tokens.refresh_token)).toBe(401)
  })

  test('a family by any of its refresh tokens', async () => {
    const { body } = await world.call('/token', { form: refreshForm('app', tokens.refresh_token) })
    await revoke(tokens.refresh_token)
    expect(await refreshStatus(body.refresh_token)).toBe(401)
  })

  test('the same thing twice, and the second time nothing is written', async () => {
    await revoke(tokens.refresh_token)
    await revoke(tokens.access_token)
    const saved = spyOn(world.core.revocations, 'revoke')
    expect((await revoke(tokens.refresh_token)).status).toBe(200)
    expect((await revoke(tokens.access_token)).status).toBe(200)
    expect(saved).not.toHaveBeenCalled()
  })
})

test('an access token is remembered as revoked for as long as it would have lived', async () => {
  await revoke(tokens.access_token)
  const { revocations } = world.core.authority
  expect(revocations.size).toBe(1)
  world.time.ms += 900_000
  revocations.sweep(world.time.ms)
  expect(await isActive(tokens.access_token)).toBe(false)
  world.time.ms += 60_000
  revocations.sweep(world.time.ms)
  expect(revocations.size).toBe(0)
})

test('one app revokes only so fast, and nobody else uses that up', async () => {
  const garbage = { client_id: 'client-app', token: `${tokens.refresh_token}x` }
  const taken = spyOn(world.oauth.guard, 'charge')
  expect((await world.call('/oauth/revoke', { form: garbage })).status).toBe(200)
  expect(taken).not.toHaveBeenCalled()
  let isLeft = true
  const charge = { name: 'oauth_revocations.app', subject: 'app' } as const
  const source = () => ({ ip: '', agent: '', protocol: 'test' })
  while (isLeft) isLeft = world.oauth.guard.charge([charge], { owner: undefined, source }).isAllowed
  const refused = await revoke(tokens.access_token)
  expect([refused.status, refused.body.error]).toEqual([429, 'slow_down'])
  expect(await isActive(tokens.access_token)).toBe(true)
  const { body } = await world.call('/token', { form: credentialsForm('sibling') })
  expect((await revoke(body.access_token, 'sibling')).status).toBe(200)
})

describe('nothing ends', () => {
  test('for the client of another app, and it is not told so (RFC 7009 §2.2)', async () => {
    for (const appId of ['sibling', 'foreign']) {
      for (const token of [tokens.refresh_token, tokens.access_token]) {
        expect((await revoke(token, appId)).status).toBe(200)
        const form = { client_id: clientIdOf(appId), token }
        expect((await world.call('/oauth/revoke', { form })).status).toBe(200)
      }
    }
    expect(await isActive(tokens.access_token)).toBe(true)
    expect(await refreshStatus(tokens.refresh_token)).toBe(200)
  })

  test('with garbage, which is no error', async () => {
    for (const token of ['x', 'rt_x.y', `${tokens.refresh_token}x`, `${tokens.access_token}x`]) {
      expect((await revoke(token)).status).toBe(200)
    }
    const form = { client_id: 'nobody', token: tokens.refresh_token }
    expect((await world.call('/oauth/revoke', { form })).status).toBe(200)
  })

  test.each<[string, number, string, Readonly<Record<string, string>>]>([
    ['without a token', 400, 'invalid_request', { client_id: 'client-app' }],
    ['without a client', 400, 'invalid_request', { token: 'x' }],
    ['with a guess', 401, 'invalid_client', { token: 'x', ...guess('client-app') }],
    ['with an unknown client', 401, 'invalid_client', { token: 'x', ...guess('nobody') }],
    ['for an API key', 400, 'unsupported_token_type', named(generateKey('sk', systemRandom).value)],
    ['for a foreign token', 400, 'unsupported_token_type', named(foreignToken())],
  ])('%s: %i %s', async (...row) => {
    const [, status, error, form] = row
    const answer = await world.call('/oauth/revoke', { form })
    expect([answer.status, answer.body.error]).toEqual([status, error])
  })
})

function guess(clientId: string) {
  return { client_id: clientId, client_secret: 'guess' }
}

function named(token: string) {
  return { client_id: 'client-app', token }
}

function foreignToken(): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${encode({ alg: 'HS256' })}.${encode({ iss: 'https://customer.example' })}.AA`
}
