import { describe, expect, test } from 'bun:test'
import {
  type ConnectionTokenError,
  createTokenGenerator,
  generateToken,
  type TokenGeneratorOptions,
} from './connection-token.ts'
import type { System } from './system.ts'

const TOKEN = {
  access_token: 'tkn_1',
  token_type: 'Bearer',
  expires_in: 900,
  mqtt_credentials: { username: 'abc@org_1', password: 'tkn_1' },
  token_id: 'id-1',
  user_email: 'a@example.com',
  user_id: '7',
  provider: 'cloudsignal',
  expires_at: '2026-03-27T14:00:00Z',
  refresh_recommended_at: '2026-03-27T13:54:00Z',
}
const KEY = 'sk_secret'

function opened(
  answers: (() => Response | Promise<Response>)[],
  more: Partial<TokenGeneratorOptions> = {},
) {
  const calls: { url: string; body: unknown }[] = []
  const headers: Headers[] = []
  const pauses: number[] = []
  const system: System = {
    fetch: (url, init) => {
      calls.push({ url, body: JSON.parse(init.body as string) })
      headers.push(new Headers(init.headers))
      return Promise.resolve((answers.shift() ?? (() => Response.json(TOKEN)))())
    },
    now: () => 0,
    random: () => 0,
    pause: (ms) => {
      pauses.push(ms)
      return Promise.resolve()
    },
    deadline: () => new AbortController().signal,
  }
  const options = { url: 'https://rt.example.com/', organizationId: 'org_1', secretKey: KEY }
  return {
    calls,
    headers,
    pauses,
    generate: createTokenGenerator({ ...options, ...more, system }),
    system,
  }
}

const refusal =
  (status: number, error: string, headers = {}) =>
  () =>
    Response.json({ error, error_description: KEY }, { status, headers })
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as ConnectionTokenError,
  )

describe('a token is made', () => {
  test('with everything that was asked for, in both spellings, and answered whole', async () => {
    const acl = { publish: ['users/7/messages'], subscribe: ['users/7/#'] }
    const asked = { user_email: 'a@example.com', user_id: '7', integration_id: 'web' }
    const body = {
      organization_id: 'org_1',
      secret_key: KEY,
      ...asked,
      ttl: 900,
      acl,
      replace_existing: false,
    }
    const { calls, headers, generate } = opened([])
    const [, , token] = await Promise.all([
      generate({ ...asked, ttl: 900, acl }),
      generate({ userEmail: 'a@example.com', userId: '7', integrationId: 'web', ttl: 900, acl }),
      generate({ user_id: '9', acl }),
    ])
    expect(token).toEqual(TOKEN as typeof token)
    expect(calls[0]).toEqual({ url: 'https://rt.example.com/v2/tokens/create', body })
    expect(calls[1]).toEqual({ url: 'https://rt.example.com/v2/tokens/create', body })
    // Somebody without an address: the call that takes the key in a header.
    const bare = { organization_id: 'org_1', user_id: '9', acl }
    expect(calls[2]).toEqual({ url: 'https://rt.example.com/v2/tokens', body: bare })
    expect(headers[2]?.get('authorization')).toBe(`Bearer ${KEY}`)
  })

  test('with the key of the moment', async () => {
    const keys = ['sk_old', 'sk_new']
    const { calls, generate } = opened([], { secretKey: () => keys.shift() ?? '' })
    await generate({ userEmail: 'a@example.com' })
    await generate({ userEmail: 'a@example.com' })
    expect(calls.map(({ body }) => (body as { secret_key: string }).secret_key)).toEqual([
      'sk_old',
      'sk_new',
    ])
  })

  test('in one call, for who sets nothing up', async () => {
    const { calls, system } = opened([])
    const options = { url: 'https://rt.example.com', organizationId: 'org_1', secretKey: KEY }
    await generateToken({ ...options, system, userEmail: 'a@example.com' })
    expect(calls).toHaveLength(1)
  })
})

describe('what fails', () => {
  test('for now is tried again, with waits that grow, and then told', async () => {
    const { calls, pauses, generate } = opened([
      refusal(503, 'unavailable'),
      refusal(429, 'rate_limited', { 'retry-after': '2' }),
    ])
    await generate({ userEmail: 'a@example.com' })
    expect([calls.length, pauses]).toEqual([3, [300, 2_000]])
    const down = Array.from({ length: 9 }, () => refusal(503, 'unavailable'))
    const other = opened(down)
    expect((await failure(other.generate({ userEmail: 'a@example.com' })))?.code).toBe(
      'unavailable',
    )
    expect(other.calls).toHaveLength(3)
  })

  test('for longer than somebody waits is told at once', async () => {
    const { pauses, generate } = opened([refusal(429, 'rate_limited', { 'retry-after': '60' })])
    const error = await failure(generate({ userEmail: 'a@example.com' }))
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: 60_000 })
    expect(pauses).toEqual([])
  })

  test('for good is not tried again, and its error names it', async () => {
    const cases = [
      [401, 'invalid_secret_key', 'unauthenticated'],
      [403, 'insufficient_scope', 'refused'],
      [422, 'integration_not_found', 'refused'],
    ] as const
    for (const [status, error, code] of cases) {
      const { calls, generate } = opened([refusal(status, error)])
      const told = await failure(generate({ userEmail: 'a@example.com' }))
      expect(told).toMatchObject({ code, status, refusal: error })
      expect(calls).toHaveLength(1)
    }
  })

  test('holds neither key nor answer', async () => {
    const answers = [
      refusal(401, 'invalid_secret_key'),
      () => new Response(`<html>${KEY}`),
      () => Response.json({ hello: KEY }),
      () => Promise.reject(new TypeError(KEY)),
    ]
    for (const answer of answers) {
      const { generate } = opened([answer], { retries: 0 })
      const told = await failure(generate({ userEmail: 'a@example.com' }))
      expect(told).toBeInstanceOf(Error)
      expect(JSON.stringify(told) + String(told) + String(told?.stack)).not.toContain(KEY)
    }
  })

  test('without an address, or to one that is not encrypted, sends nothing', async () => {
    const { calls, generate } = opened([])
    expect((await failure(generate({})))?.code).toBe('request_invalid')
    expect(calls).toEqual([])
    expect(() => opened([], { url: 'http://rt.example.com' })).toThrow(/begins https/)
  })
})
