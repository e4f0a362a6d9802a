import { describe, expect, test } from 'bun:test'
import { handSystem } from '../../../test/support/hand-system.ts'
import { ClientError } from './client-error.ts'
import { TokenService } from './token-service.ts'
import { type TokenLogin, tokenSource } from './token-source.ts'

const TOKEN = {
  expires_in: 3_600,
  expires_at: '2026-03-27T14:00:00Z',
  refresh_recommended_at: '2026-03-27T13:54:00Z',
  mqtt_credentials: { username: 'abc@org_1', password: 'tkn_1' },
  token_id: 'id-1',
}

/** A source over HTTP answers that a test decides; each call is kept. */
function opened(login: TokenLogin, answers: (() => Response | Promise<Response>)[]) {
  const calls: { path: string; body: unknown }[] = []
  const { system } = handSystem((url, init) => {
    calls.push({ path: new URL(url).pathname, body: JSON.parse(init.body as string) })
    const answer = answers.shift() ?? (() => Response.json(TOKEN))
    return Promise.resolve(answer())
  })
  const service = new TokenService('https://rt.example.com', system)
  return { calls, source: tokenSource(login, service, system) }
}

const refusal =
  (status: number, error: string, headers = {}) =>
  () =>
    Response.json({ error, error_description: `${error} it is` }, { status, headers })
const codeOf = (work: Promise<unknown>) =>
  work.catch((error: unknown) => (error instanceof ClientError ? error.code : error))

const BY_KEY = { organizationId: 'org_1', secretKey: 'sk_1', userEmail: 'a@example.com' }

describe('a login', () => {
  test('by key creates, by a foreign token exchanges, and both refresh', async () => {
    const byKey = opened({ ...BY_KEY, ttl: 900, acl: { publish: [] } }, [])
    const grant = await byKey.source.first()
    await byKey.source.next(grant)
    expect(byKey.calls).toEqual([
      {
        path: '/v2/tokens/create',
        body: {
          organization_id: 'org_1',
          secret_key: 'sk_1',
          user_email: 'a@example.com',
          replace_existing: true,
          ttl: 900,
          acl: { publish: [] },
        },
      },
      {
        path: '/v2/tokens/refresh',
        body: { token_id: 'id-1', current_token_password: 'tkn_1' },
      },
    ])
    const foreign = opened({ organizationId: 'org_1', externalToken: () => 'a.b.c' }, [])
    await foreign.source.first()
    expect(foreign.calls).toEqual([
      { path: '/v2/tokens/exchange', body: { organization_id: 'org_1', token: 'a.b.c' } },
    ])
  })

  test('begins anew where the life of its token cannot be made longer', async () => {
    const answers = [() => Response.json(TOKEN), refusal(401, 'token_expired')]
    const { calls, source } = opened(BY_KEY, answers)
    await source.next(await source.first())
    expect(calls.map(({ path }) => path.split('/').at(-1))).toEqual(['create', 'refresh', 'create'])
  })

  test('by an endpoint of the application refreshes at the service, or there alone', async () => {
    for (const [renewBy, asked] of [
      ['service', 1],
      ['endpoint', 2],
    ] as const) {
      let count = 0
      const fetchToken = () => {
        count += 1
        return Promise.resolve(TOKEN)
      }
      const { source } = opened({ fetchToken, renewBy }, [])
      await source.next(await source.first())
      expect(count).toBe(asked)
    }
  })

  test('that names nothing to sign in with is refused before anything is sent', () => {
    const wrong = [{ organizationId: '' }, { organizationId: 'o' }, { ...BY_KEY, userEmail: '' }]
    for (const login of wrong) {
      expect(() => opened(login as TokenLogin, [])).toThrow(/The options cannot work/)
    }
  })
})

describe('an error', () => {
  test('has the code of what is the case', async () => {
    const cases = [
      [401, 'token_expired', 'token_expired'],
      [401, 'invalid_token', 'auth_failed'],
      [403, 'insufficient_scope', 'auth_failed'],
      [404, 'provider_not_found', 'provider_not_found'],
      [404, 'organization_not_found', 'organization_not_found'],
      [422, 'invalid_request', 'request_refused'],
      [429, 'rate_limited', 'rate_limited'],
      [503, 'unavailable', 'network_error'],
    ] as const
    for (const [status, error, code] of cases) {
      const { source } = opened(BY_KEY, [refusal(status, error)])
      expect(await codeOf(source.first())).toBe(code)
    }
  })

  test('says what the server said and how long to wait, and never what was sent', async () => {
    const { source } = opened(BY_KEY, [refusal(429, 'rate_limited', { 'retry-after': '7' })])
    const error = await source.first().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ status: 429, retryAfterMs: 7_000, isTemporary: true })
    expect(String(error)).toContain('rate_limited it is')
    expect(JSON.stringify(error) + String(error)).not.toContain('sk_1')
  })

  test('of the network, and of what is no token service, are told apart', async () => {
    const failing = () => Promise.reject(new TypeError('connect ECONNREFUSED sk_1'))
    expect(await codeOf(opened(BY_KEY, [failing]).source.first())).toBe('network_error')
    const page = () => new Response('<html>')
    expect(await codeOf(opened(BY_KEY, [page]).source.first())).toBe('answer_unexpected')
    const other = () => Response.json({ hello: 'world' })
    expect(await codeOf(opened(BY_KEY, [other]).source.first())).toBe('answer_unexpected')
    const broken = () => Promise.reject(new RangeError('secret text'))
    const error = await opened({ fetchToken: broken }, [])
      .source.first()
      .catch((reason: unknown) => reason)
    expect(String(error)).toContain('RangeError')
    expect(String(error)).not.toContain('secret text')
  })
})
