import { describe, expect, test } from 'bun:test'
import { ISSUER, TOKEN_URL, TokenAuthority } from '../../../test/support/token-authority.ts'
import { type GrantOutcome, TokenEndpoint } from './token-endpoint.ts'

const GOOD = { access_token: 'at', refresh_token: 'rt', token_type: 'Bearer', expires_in: 900 }
const GRANT = { kind: 'client_credentials', secret: 'secret-one' } as const

async function outcomeOf(answer: Response | Error): Promise<GrantOutcome> {
  const world = new TokenAuthority()
  world.events.push(answer)
  const options = { tokenUrl: TOKEN_URL, clientId: 'c', scope: 's', system: world.system() }
  return new TokenEndpoint(options).exchange(GRANT, 1_000)
}

async function discovery(metadata: Response, given = {}) {
  const world = new TokenAuthority()
  world.events.push(metadata)
  const options = { issuer: ISSUER, clientId: 'c', scope: 's', system: world.system(), ...given }
  const endpoint = new TokenEndpoint(options)
  return { world, first: await endpoint.exchange(GRANT, 1_000) }
}

describe('an answer', () => {
  test('with tokens is read whole, and its expiry has a bound', async () => {
    expect(await outcomeOf(Response.json(GOOD))).toEqual({
      kind: 'tokens',
      accessToken: 'at',
      refreshToken: 'rt',
      expiresInMs: 900_000,
    })
    const long = await outcomeOf(Response.json({ ...GOOD, expires_in: 1e300 }))
    expect(long).toMatchObject({ kind: 'tokens', expiresInMs: 366 * 24 * 3_600_000 })
  })

  const unexpected: [string, string | Uint8Array<ArrayBuffer>][] = [
    ['no JSON', '<html>'],
    ['an array', '[]'],
    ['nothing', ''],
    ['no access token', JSON.stringify({ ...GOOD, access_token: undefined })],
    ['an access token with a line break', JSON.stringify({ ...GOOD, access_token: 'a\r\nb' })],
    ['a refresh token that is none', JSON.stringify({ ...GOOD, refresh_token: 7 })],
    ['another token type', JSON.stringify({ ...GOOD, token_type: 'mac' })],
    ['no token type', JSON.stringify({ ...GOOD, token_type: undefined })],
    ['no expiry', JSON.stringify({ ...GOOD, expires_in: undefined })],
    ['an expiry as text', JSON.stringify({ ...GOOD, expires_in: '900' })],
    ['an expiry that has passed', JSON.stringify({ ...GOOD, expires_in: 0 })],
    ['a body without end', JSON.stringify({ ...GOOD, more: 'x'.repeat(70_000) })],
    ['bytes that are no text', Uint8Array.of(0x7b, 0xff, 0x7d)],
    ['a depth without end', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`],
  ]
  test.each(unexpected)('of 200 with %s is not taken', async (_, body) => {
    expect(await outcomeOf(new Response(body))).toEqual({ kind: 'unexpected', status: 200 })
  })

  test('that asks to come later says for how long, where it can be read', async () => {
    const at = (status: number, value?: string) =>
      outcomeOf(
        new Response('', { status, headers: value === undefined ? {} : { 'retry-after': value } }),
      )
    expect(await at(429, '7')).toEqual({ kind: 'later', status: 429, retryAfterMs: 7_000 })
    expect(await at(503)).toEqual({ kind: 'later', status: 503 })
    expect(await at(502, 'soon')).toEqual({ kind: 'later', status: 502 })
    expect(await at(408, '-5')).toMatchObject({ kind: 'later', status: 408 })
    const past = await at(503, 'Thu, 01 Jan 1970 00:00:00 GMT')
    expect(past).toEqual({ kind: 'later', status: 503, retryAfterMs: 0 })
  })

  test('that never came names the failure and not its text', async () => {
    const failure = Object.assign(new TypeError('secret-one'), {
      cause: Object.assign(new Error('secret-one'), { code: 'ECONNREFUSED' }),
    })
    const outcome = await outcomeOf(failure)
    expect(outcome).toEqual({ kind: 'later', reason: 'TypeError (ECONNREFUSED)' })
  })
})

describe('metadata', () => {
  const good = { issuer: ISSUER, token_endpoint: TOKEN_URL }

  test('name the endpoint that is asked', async () => {
    const { world, first } = await discovery(Response.json(good), { clientId: 'prod:client 1' })
    expect(first).toMatchObject({ kind: 'refused', oauthError: 'invalid_scope' })
    expect(world.seen).toHaveLength(1)
  })

  const bad: [string, Response][] = [
    ['of another issuer', Response.json({ ...good, issuer: `${ISSUER}x` })],
    ['without an endpoint', Response.json({ issuer: ISSUER })],
    [
      'with an endpoint without TLS',
      Response.json({ ...good, token_endpoint: 'http://a.example/' }),
    ],
    ['with an endpoint that is no address', Response.json({ ...good, token_endpoint: '/token' })],
    ['that are none', new Response('<html>')],
    ['that are elsewhere', new Response('', { status: 302, headers: { location: TOKEN_URL } })],
    ['that are not found', new Response('', { status: 404 })],
  ]
  test.each(bad)('%s: no secret is sent', async (_, metadata) => {
    const { world, first } = await discovery(metadata)
    expect(first.kind).toBe('unexpected')
    expect(world.seen).toHaveLength(0)
  })

  test('that cannot be had now are asked for later', async () => {
    const { first } = await discovery(new Response('', { status: 503 }))
    expect(first).toEqual({ kind: 'later', status: 503 })
  })
})
