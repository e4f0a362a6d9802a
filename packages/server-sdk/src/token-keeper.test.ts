import { describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import {
  CLIENT_ID,
  ISSUER,
  LIFE_SECONDS,
  refusal,
  TOKEN_URL,
  TokenAuthority,
  turn,
} from '../../../test/support/token-authority.ts'
import { MemoryCache } from './memory-cache.ts'
import type { CacheChange, TokenCache } from './token-cache.ts'
import type { TokenError, TokenWarning } from './token-error.ts'
import { TokenKeeper, type TokenKeeperOptions } from './token-keeper.ts'

const LIFE_MS = LIFE_SECONDS * 1_000
/** With random 0.5 a keeper renews after 0.75 of the life. */
const DUE_MS = LIFE_MS * 0.75

interface Given extends Partial<TokenKeeperOptions> {
  readonly random?: number
}

function keeping(world: TokenAuthority, { random, ...options }: Given = {}) {
  const warnings: TokenWarning[] = []
  let fetchCount = 0
  const keeper = new TokenKeeper({
    tokenUrl: TOKEN_URL,
    clientId: CLIENT_ID,
    onWarning: (warning) => warnings.push(warning),
    system: world.system(random),
    fetchSecrets: () => {
      fetchCount += 1
      return Promise.resolve(world.secrets)
    },
    ...options,
  })
  return {
    keeper,
    warnings,
    codes: () => warnings.map(({ code }) => code),
    fetchCount: () => fetchCount,
    get: () => keeper.getToken(),
  }
}

async function failureOf(attempt: Promise<unknown>): Promise<TokenError> {
  const error = await attempt.then(
    (value: unknown) => new Error(`it gave ${String(value)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error) || error.name !== 'TokenError') throw error
  return error as TokenError
}

/** A cache in memory that can be out of reach, or hang. */
class FlakyCache implements TokenCache {
  isOut: boolean | 'hanging' = false
  readonly #inner: MemoryCache

  constructor(world: TokenAuthority) {
    this.#inner = new MemoryCache(() => world.nowMs)
    this.#world = world
  }

  readonly #world: TokenAuthority

  get(key: string): Promise<string | undefined> {
    return this.#through(() => this.#inner.get(key))
  }

  compareAndSet(key: string, change: CacheChange): Promise<boolean> {
    return this.#through(() => this.#inner.compareAndSet(key, change))
  }

  async #through<T>(work: () => Promise<T>): Promise<T> {
    if (this.isOut === 'hanging') {
      void turn().then(() => this.#world.advance(1_000))
      return new Promise(() => undefined)
    }
    if (this.isOut) throw Object.assign(new Error('args: rt_secret'), { code: 'ECONNREFUSED' })
    return work()
  }
}

describe('the use-once pattern', () => {
  test('secrets are fetched at the cold start and never again while the family lives', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    for (let day = 0; day < 30; day += 1) {
      await it.get()
      world.advance(DUE_MS)
    }
    expect(it.fetchCount()).toBe(1)
    expect(world.grants()).toEqual(['client_credentials', ...Array(29).fill('refresh_token')])
    expect(world.seen.slice(1).every(({ secret }) => secret === undefined)).toBe(true)
    expect(it.warnings).toEqual([])
  })

  test('each refresh token is used once, and the newest one always', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    for (let count = 0; count < 5; count += 1) {
      await it.get()
      world.advance(DUE_MS)
    }
    const used = world.seen.flatMap(({ refreshToken }) => refreshToken ?? [])
    expect(new Set(used).size).toBe(4)
    expect(world.families).toHaveLength(1)
  })

  test('client id and secret are form-encoded in the Basic header, and only there', async () => {
    const world = new TokenAuthority()
    world.secrets = ['a secret: with % and + and ü']
    await keeping(world, { agent: 'orders' }).get()
    const headers = world.seen[0]?.headers
    expect(headers?.get('user-agent')).toBe('lockgate-server-sdk orders')
    expect(world.seen[0]?.secret).toBe('a secret: with % and + and ü')
  })

  test('a token is handed out until shortly before it expires, then renewed', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    const first = await it.get()
    world.advance(DUE_MS - 1)
    expect(await it.get()).toBe(first)
    expect(world.seen).toHaveLength(1)
    world.advance(1)
    expect(await it.get()).not.toBe(first)
    expect(world.seen).toHaveLength(2)
  })

  test('keepers of the same start renew at different times', async () => {
    const dues = await Promise.all(
      [0, 0.999].map(async (random) => {
        const world = new TokenAuthority()
        const it = keeping(world, { random })
        const first = await it.get()
        const start = world.nowMs
        while ((await it.get()) === first) world.advance(1_000)
        return (world.nowMs - start) / LIFE_MS
      }),
    )
    expect(dues[0]).toBeCloseTo(0.65, 2)
    expect(dues[1]).toBeCloseTo(0.85, 2)
  })

  test('calls at the same time share one request', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    const tokens = await Promise.all(Array.from({ length: 50 }, it.get))
    expect(new Set(tokens).size).toBe(1)
    expect(world.seen).toHaveLength(1)
    expect(it.fetchCount()).toBe(1)
  })

  test('while one call renews, the others use the old token without waiting', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    const first = await it.get()
    world.advance(DUE_MS)
    const { promise, resolve } = Promise.withResolvers<void>()
    world.gate = promise
    const renewing = it.get()
    await turn()
    expect(await it.get()).toBe(first)
    resolve()
    const second = await renewing
    expect(second).not.toBe(first)
    expect(await it.get()).toBe(second)
    expect(world.seen).toHaveLength(2)
  })

  test('a refused token is discarded and replaced; one that is replaced already is left', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    const first = await it.get()
    it.keeper.discard(first)
    const second = await it.get()
    expect(second).not.toBe(first)
    it.keeper.discard(first)
    expect(await it.get()).toBe(second)
    expect(world.grants()).toEqual(['client_credentials', 'refresh_token'])
  })

  test('an answer without a successor goes on with the refresh token there is', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    await it.get()
    const known = world.families[0]?.current
    world.advance(DUE_MS)
    world.events.push(
      Response.json({ access_token: 'at_x', token_type: 'bearer', expires_in: 900 }),
    )
    expect(await it.get()).toBe('at_x')
    world.advance(DUE_MS)
    await it.get()
    expect(world.seen.at(-1)?.refreshToken).toBe(known)
  })

  test('the address comes from the metadata of the issuer, asked once', async () => {
    const world = new TokenAuthority()
    const system = world.system()
    const urls: string[] = []
    const fetch = (url: string, init: RequestInit) => {
      urls.push(url)
      return system.fetch(url, init)
    }
    const { tokenUrl: _, ...rest } = { tokenUrl: undefined, issuer: ISSUER }
    const keeper = new TokenKeeper({
      ...rest,
      clientId: CLIENT_ID,
      fetchSecrets: () => Promise.resolve('secret-one'),
      system: { ...system, fetch },
    })
    await keeper.getToken()
    world.advance(DUE_MS)
    await keeper.getToken()
    expect(urls).toEqual([`${ISSUER}/.well-known/openid-configuration`, TOKEN_URL, TOKEN_URL])
  })
})

describe('when the family has ended', () => {
  test('secrets are fetched again, and the new family goes on', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    await it.get()
    world.rotate('secret-two')
    world.advance(DUE_MS)
    await it.get()
    world.advance(DUE_MS)
    await it.get()
    expect(it.fetchCount()).toBe(2)
    expect(it.codes()).toEqual(['family_ended'])
    expect(world.grants()).toEqual([
      'client_credentials',
      'refresh_token',
      'client_credentials',
      'refresh_token',
    ])
  })

  test('a status of 400 says the same', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    await it.get()
    world.advance(DUE_MS)
    world.events.push(refusal(400, 'invalid_grant'))
    await it.get()
    expect(it.fetchCount()).toBe(2)
  })

  test('no other refusal of a refresh fetches a secret', async () => {
    for (const answer of [
      refusal(403, 'access_denied'),
      refusal(401, 'invalid_client'),
      refusal(400, 'invalid_request'),
      new Response('<html>', { status: 401 }),
      new Response('moved', { status: 302, headers: { location: 'https://elsewhere.example' } }),
    ]) {
      const world = new TokenAuthority()
      const it = keeping(world)
      const first = await it.get()
      world.advance(DUE_MS)
      world.events.push(answer)
      expect(await it.get()).toBe(first)
      expect(it.codes()).toEqual(['renewal_failed'])
      expect(it.fetchCount()).toBe(1)
    }
  })
})

describe('several secrets', () => {
  test('the next one is tried on invalid_client, and that it was older is said', async () => {
    const world = new TokenAuthority()
    world.secrets = ['old']
    const it = keeping(world, { fetchSecrets: () => Promise.resolve(['new', 'newer?', 'old']) })
    expect(await it.get()).toStartWith('at_')
    expect(world.seen.map(({ secret }) => secret)).toEqual(['new', 'newer?', 'old'])
    expect(it.warnings).toEqual([{ code: 'older_secret_used', index: 2 }])
  })

  test('no other refusal and no outage moves to the next one', async () => {
    const answers: [Response | Error, string][] = [
      [refusal(403, 'access_denied'), 'access_denied'],
      [refusal(400, 'invalid_scope'), 'request_refused'],
      [refusal(401, 'invalid_grant'), 'request_refused'],
      [new Response('', { status: 401 }), 'answer_unexpected'],
      [new Response('{"error":"INVALID CLIENT"}', { status: 401 }), 'answer_unexpected'],
      [new Response('not found', { status: 404 }), 'answer_unexpected'],
      [new Response('{}', { status: 200 }), 'answer_unexpected'],
      [refusal(429, 'invalid_client', { 'retry-after': '60' }), 'unavailable'],
      [refusal(503, 'invalid_client', { 'retry-after': '60' }), 'unavailable'],
    ]
    for (const [answer, code] of answers) {
      const world = new TokenAuthority()
      const it = keeping(world, { fetchSecrets: () => Promise.resolve(['new', 'old']) })
      world.events.push(answer)
      expect((await failureOf(it.get())).code).toBe(code as TokenError['code'])
      expect(world.seen).toHaveLength(0)
    }
  })

  test('when the server knows none of them, it is asked about each once', async () => {
    const world = new TokenAuthority()
    const it = keeping(world, { fetchSecrets: () => Promise.resolve(['a', 'b']) })
    const error = await failureOf(it.get())
    expect(error).toMatchObject({
      code: 'invalid_client',
      status: 401,
      oauthError: 'invalid_client',
    })
    expect(world.seen).toHaveLength(2)
  })

  test('what is no secret, or no list of them, is not sent', async () => {
    const world = new TokenAuthority()
    const bad: unknown[] = [undefined, '', [], [''], ['a', 7], {}, 'x'.repeat(513)]
    bad.push(Array.from({ length: 9 }, (_, index) => `s${index}`))
    for (const given of bad) {
      const it = keeping(world, { fetchSecrets: () => Promise.resolve(given as string) })
      expect((await failureOf(it.get())).code).toBe('secrets_unavailable')
    }
    expect(world.seen).toHaveLength(0)
  })
})

describe('outages', () => {
  test('a reply that was lost is asked for again, and gives the same family', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    await it.get()
    world.advance(DUE_MS)
    world.events.push('lose the reply')
    await it.get()
    world.advance(DUE_MS)
    await it.get()
    expect(it.fetchCount()).toBe(1)
    expect(world.families).toHaveLength(1)
    const [, lost, again, next] = world.seen
    expect(again?.refreshToken).toBe(lost?.refreshToken ?? '')
    expect(next?.refreshToken).not.toBe(lost?.refreshToken ?? '')
  })

  test('an answer that never comes is given up and asked for again', async () => {
    const world = new TokenAuthority()
    world.events.push('hang')
    const started = world.nowMs
    expect(await keeping(world).get()).toStartWith('at_')
    expect(world.nowMs - started).toBeLessThan(7_000)
  })

  test('a short Retry-After is waited for, in whole and with a spread', async () => {
    const world = new TokenAuthority()
    world.events.push(refusal(429, 'slow_down', { 'retry-after': '2' }))
    await keeping(world).get()
    expect(world.pauses).toHaveLength(1)
    expect(world.pauses[0]).toBeGreaterThan(2_000)
    expect(world.pauses[0]).toBeLessThan(2_300)
  })

  test('a Retry-After given as a date is understood', async () => {
    const world = new TokenAuthority()
    const date = new Date(world.nowMs + 3_000).toUTCString()
    world.events.push(new Response('', { status: 503, headers: { 'retry-after': date } }))
    await keeping(world).get()
    expect(world.pauses[0]).toBeGreaterThan(3_000)
  })

  test('a long Retry-After fails at once and keeps the server in peace until then', async () => {
    const world = new TokenAuthority()
    world.events.push(refusal(429, 'slow_down', { 'retry-after': '120' }))
    const it = keeping(world)
    const error = await failureOf(it.get())
    expect(error).toMatchObject({ code: 'unavailable', status: 429, retryAfterMs: 120_000 })
    world.advance(60_000)
    expect(await failureOf(it.get())).toMatchObject({ code: 'unavailable', retryAfterMs: 60_000 })
    expect(world.seen).toHaveLength(0)
    expect(it.fetchCount()).toBe(1)
    world.advance(60_000)
    expect(await it.get()).toStartWith('at_')
  })

  test('a Retry-After without end has one', async () => {
    const world = new TokenAuthority()
    world.events.push(refusal(503, 'x', { 'retry-after': '9999999999' }))
    const it = keeping(world)
    expect((await failureOf(it.get())).retryAfterMs).toBe(600_000)
    world.advance(600_000)
    expect(await it.get()).toStartWith('at_')
  })

  test('a server that is down is asked a few times, then less and less often', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    const fail = () => new TypeError('fetch failed', { cause: { code: 'x' } })
    let attempts = 0
    const waits: number[] = []
    for (let round = 0; round < 10; round += 1) {
      world.events.push(...Array.from({ length: 10 }, fail))
      expect((await failureOf(it.get())).code).toBe('unavailable')
      attempts += 10 - world.events.length
      world.events.length = 0
      const { retryAfterMs = 0 } = await failureOf(it.get())
      waits.push(retryAfterMs)
      world.advance(retryAfterMs)
    }
    expect(attempts).toBe(40)
    expect(waits[0]).toBeLessThanOrEqual(1_000)
    expect(waits.at(-1)).toBe(45_000)
    expect(await it.get()).toStartWith('at_')
  })

  test('a refusal is not repeated to the server while it cannot have changed', async () => {
    const world = new TokenAuthority()
    world.denied = 'access_denied'
    const it = keeping(world)
    for (let count = 0; count < 100; count += 1) {
      expect((await failureOf(it.get())).code).toBe('access_denied')
    }
    expect(world.seen).toHaveLength(1)
    world.denied = undefined
    world.advance(10_000)
    expect(await it.get()).toStartWith('at_')
  })

  test('while the server is down the token in hand is used until it expires', async () => {
    const world = new TokenAuthority()
    const it = keeping(world)
    const first = await it.get()
    world.advance(DUE_MS)
    const isDown = () => world.events.push(...Array.from({ length: 4 }, () => new Error('down')))
    while (world.nowMs < Date.UTC(2026, 0, 1) + LIFE_MS - 70_000) {
      isDown()
      expect(await it.get()).toBe(first)
      world.events.length = 0
      world.advance(5_000)
    }
    expect(new Set(it.codes())).toEqual(new Set(['renewal_failed']))
    world.advance(10_000)
    isDown()
    expect((await failureOf(it.get())).code).toBe('unavailable')
  })

  test('secrets that cannot be fetched are an error that quotes nothing, and are asked for again', async () => {
    const world = new TokenAuthority()
    let isDown = true
    const it = keeping(world, {
      fetchSecrets: () => {
        if (isDown) throw new SyntaxError('Unexpected token in "hush-hush-secret"')
        return Promise.resolve('secret-one')
      },
    })
    const error = await failureOf(it.get())
    expect(error).toMatchObject({ code: 'secrets_unavailable', reason: 'SyntaxError' })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hush')
    isDown = false
    world.advance(10_000)
    expect(await it.get()).toStartWith('at_')
  })

  test('secrets that never come are given up', async () => {
    const world = new TokenAuthority()
    const it = keeping(world, { fetchSecrets: () => new Promise(() => undefined) })
    const attempt = failureOf(it.get())
    await turn()
    world.advance(15_000)
    expect((await attempt).code).toBe('secrets_unavailable')
  })

  test('a clock that jumps back or forth costs a renewal and nothing else', async () => {
    for (const jump of [-3_600_000, -61_000, 3_600_000]) {
      const world = new TokenAuthority()
      const it = keeping(world)
      const first = await it.get()
      world.advance(jump)
      expect(await it.get()).not.toBe(first)
      expect(world.grants()).toEqual(['client_credentials', 'refresh_token'])
    }
  })

  test('a clock set back does not make the pause after a failure endless', async () => {
    const world = new TokenAuthority()
    world.events.push(refusal(429, 'slow_down', { 'retry-after': '600' }))
    const it = keeping(world)
    await failureOf(it.get())
    world.advance(-3_600_000)
    expect(await it.get()).toStartWith('at_')
  })
})

describe('a shared cache', () => {
  test('a second keeper starts without a secret and with the same token', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    const token = await keeping(world, { cache }).get()
    const second = keeping(world, { cache })
    expect(await second.get()).toBe(token)
    expect(second.fetchCount()).toBe(0)
    expect(world.seen).toHaveLength(1)
  })

  test('a restart after days goes on with the refresh token', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    await keeping(world, { cache }).get()
    world.advance(6 * 24 * 3_600_000)
    const second = keeping(world, { cache })
    await second.get()
    expect(second.fetchCount()).toBe(0)
    expect(world.grants()).toEqual(['client_credentials', 'refresh_token'])
  })

  test('ten keepers that renew at one moment make one family and one request', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    const keepers = Array.from({ length: 10 }, () => keeping(world, { cache }))
    world.isTimeShared = true
    for (let round = 0; round < 3; round += 1) {
      const { promise, resolve } = Promise.withResolvers<void>()
      world.gate = promise
      const asked = Promise.all(keepers.map(({ get }) => get()))
      for (let count = 0; count < 30; count += 1) {
        await turn()
        world.advance(100)
        if (count === 20) resolve()
      }
      expect((await asked).every((token) => token.startsWith('at_'))).toBe(true)
      world.gate = undefined
      world.advance(2_000)
      const later = await Promise.all(keepers.map(({ get }) => get()))
      expect(new Set(later).size).toBe(1)
      world.advance(DUE_MS)
    }
    expect(world.families).toHaveLength(1)
    expect(world.families[0]?.isEnded).toBe(false)
    expect(world.grants()).toEqual(['client_credentials', 'refresh_token', 'refresh_token'])
  })

  test('a keeper that died while it held the lease holds the others up for seconds only', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    const dying = keeping(world, { cache })
    world.gate = new Promise(() => undefined)
    void dying.get()
    await turn()
    world.gate = undefined
    const started = world.nowMs
    expect(await keeping(world, { cache }).get()).toStartWith('at_')
    expect(world.nowMs - started).toBeLessThanOrEqual(8_000)
  })

  test('the successor is in the cache before the token is handed out', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    const order: string[] = []
    const spy: TokenCache = {
      get: (key) => cache.get(key),
      compareAndSet: async (key, change) => {
        const isStored = await cache.compareAndSet(key, change)
        if (change.value?.includes('refreshToken') === true) order.push('stored')
        return isStored
      },
    }
    const it = keeping(world, { cache: spy })
    await it.get().then(() => order.push('given'))
    world.advance(DUE_MS)
    await it.get().then(() => order.push('given'))
    expect(order).toEqual(['stored', 'given', 'stored', 'given'])
  })

  test('when a keeper dies after the server answered it, the next one gets the same successor', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    const dying = keeping(world, { cache })
    await dying.get()
    world.advance(DUE_MS)
    world.isTimeShared = true // it pauses after the lost reply, and is never woken in time
    world.events.push('lose the reply')
    void dying.get()
    await turn()
    const used = world.seen.at(-1)?.refreshToken
    world.isTimeShared = false
    world.gate = new Promise(() => undefined)
    world.advance(300)
    await turn()
    world.gate = undefined
    const other = keeping(world, { cache })
    expect(await other.get()).toStartWith('at_')
    expect(world.seen.at(-1)?.refreshToken).toBe(used ?? '')
    expect(other.fetchCount()).toBe(0)
    expect(world.families.map(({ isEnded }) => isEnded)).toEqual([false])
  })

  test('instances whose clocks differ by minutes share one family', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    const system = world.system()
    const ahead = keeping(world, { cache, system: { ...system, now: () => world.nowMs + 300_000 } })
    const right = keeping(world, { cache })
    for (let count = 0; count < 40; count += 1) {
      await ahead.get()
      await right.get()
      world.advance(60_000)
    }
    expect(world.families).toHaveLength(1)
    expect(world.families[0]?.isEnded).toBe(false)
  })

  test('keepers of another client, scope or server do not share', async () => {
    const world = new TokenAuthority()
    const cache = new MemoryCache(() => world.nowMs)
    await keeping(world, { cache }).get()
    const others = [
      keeping(world, { cache, scope: 'offline_access Other' }),
      keeping(world, { cache, clientId: 'another' }),
      keeping(world, { cache, tokenUrl: 'https://other.example/connect/token' }),
    ]
    for (const other of others) await failureOf(other.get())
    expect(others.map(({ fetchCount }) => fetchCount())).toEqual([1, 1, 1])
  })
})

describe('a cache that is out', () => {
  for (const outage of [true, 'hanging'] as const) {
    test(`is worked without (${outage === true ? 'refusing' : 'hanging'}), and that is said`, async () => {
      const world = new TokenAuthority()
      const cache = new FlakyCache(world)
      cache.isOut = outage
      const it = keeping(world, { cache })
      const first = await it.get()
      world.advance(DUE_MS)
      expect(await it.get()).not.toBe(first)
      expect(it.fetchCount()).toBe(1)
      expect(world.families).toHaveLength(1)
      expect(new Set(it.codes())).toEqual(new Set(['cache_unavailable']))
      expect(JSON.stringify(it.warnings)).not.toContain('rt_')
    })
  }

  test('is asked every few seconds, not for each token', async () => {
    const world = new TokenAuthority()
    const cache = new FlakyCache(world)
    cache.isOut = true
    const it = keeping(world, { cache })
    for (let count = 0; count < 50; count += 1) {
      await it.get()
      world.advance(100)
    }
    expect(it.warnings.length).toBeLessThan(6)
  })

  test('gets the newest token when it is back, and others go on with it', async () => {
    const world = new TokenAuthority()
    const cache = new FlakyCache(world)
    const it = keeping(world, { cache })
    await it.get()
    cache.isOut = true
    world.advance(DUE_MS)
    const token = await it.get()
    cache.isOut = false
    world.advance(5_000)
    expect(await it.get()).toBe(token)
    const other = keeping(world, { cache })
    expect(await other.get()).toBe(token)
    expect(other.fetchCount()).toBe(0)
    expect(world.families).toHaveLength(1)
  })

  test('leaves keepers with one family again once it is back', async () => {
    const world = new TokenAuthority()
    const cache = new FlakyCache(world)
    const [one, two] = [keeping(world, { cache }), keeping(world, { cache })]
    await one.get()
    await two.get()
    cache.isOut = true
    for (let count = 0; count < 4; count += 1) {
      world.advance(DUE_MS)
      await one.get()
      world.advance(20_000)
      await two.get()
    }
    cache.isOut = false
    world.advance(DUE_MS)
    await one.get()
    await two.get()
    world.advance(5_000)
    expect(await one.get()).toBe(await two.get())
  })

  test('an emptied one is filled again from memory, without a secret', async () => {
    const world = new TokenAuthority()
    const it = keeping(world, { cache: new MemoryCache(() => world.nowMs) })
    await it.get()
    world.advance(DUE_MS)
    const refilled = new MemoryCache(() => world.nowMs)
    let inner: TokenCache = refilled
    const moved = keeping(world, {
      cache: {
        get: (key) => inner.get(key),
        compareAndSet: (key, c) => inner.compareAndSet(key, c),
      },
    })
    await moved.get()
    inner = new MemoryCache(() => world.nowMs)
    world.advance(DUE_MS)
    await moved.get()
    expect(moved.fetchCount()).toBe(1)
    const heir = keeping(world, { cache: inner })
    await heir.get()
    expect(heir.fetchCount()).toBe(0)
  })
})

describe('a sealed cache', () => {
  const key = (byte: number) => btoa(String.fromCharCode(byte).repeat(32))
  const kept = (world: TokenAuthority) => {
    const cache = new MemoryCache(() => world.nowMs)
    const values: string[] = []
    const spy: TokenCache = {
      get: (name) => cache.get(name),
      compareAndSet: (name, change) => {
        values.push(`${name} ${change.value}`)
        return cache.compareAndSet(name, change)
      },
    }
    return { cache: spy, values }
  }

  test('holds no token in clear, and keys rotate', async () => {
    const world = new TokenAuthority()
    const { cache, values } = kept(world)
    const token = await keeping(world, { cache, cacheKeysBase64: [key(1)] }).get()
    expect(values.join('\n')).not.toMatch(/rt_|at_|secret-one/)
    const rotated = keeping(world, { cache, cacheKeysBase64: [key(2), key(1)] })
    expect(await rotated.get()).toBe(token)
    expect(rotated.warnings).toEqual([])
    world.advance(DUE_MS)
    const newest = await rotated.get()
    expect(await keeping(world, { cache, cacheKeysBase64: [key(2)] }).get()).toBe(newest)
    expect(world.families).toHaveLength(1)
  })

  test('that another key sealed, or that is in clear, is replaced and said', async () => {
    const world = new TokenAuthority()
    for (const [first, second] of [
      [[key(1)], [key(2)]],
      [[], [key(2)]],
      [[key(1)], []],
    ]) {
      const { cache } = kept(world)
      await keeping(world, { cache, cacheKeysBase64: first ?? [] }).get()
      const it = keeping(world, { cache, cacheKeysBase64: second ?? [] })
      await it.get()
      expect(new Set(it.codes())).toEqual(new Set(['cache_unreadable']))
      expect(it.fetchCount()).toBe(1)
    }
  })
})

describe('options', () => {
  const options = { clientId: 'c', fetchSecrets: () => Promise.resolve('s') }
  const bad: [string, Partial<TokenKeeperOptions>][] = [
    ['no address', {}],
    ['two addresses', { tokenUrl: TOKEN_URL, issuer: ISSUER }],
    ['plain http to another machine', { tokenUrl: 'http://lockgate.example/token' }],
    ['another scheme', { tokenUrl: 'ftp://lockgate.example/token' }],
    ['a user in the address', { tokenUrl: 'https://user:pass@lockgate.example/token' }],
    ['a relative address', { tokenUrl: '/token' }],
    ['no client id', { tokenUrl: TOKEN_URL, clientId: '' }],
    ['a scope without refresh tokens', { tokenUrl: TOKEN_URL, scope: 'WireSocket.API' }],
    ['an agent with a line break', { tokenUrl: TOKEN_URL, agent: 'a\r\nx: y' }],
    ['a short cache key', { tokenUrl: TOKEN_URL, cacheKeysBase64: [btoa('short')] }],
  ]
  test.each(bad)('%s is refused when the keeper is made', (_, given) => {
    expect(() => new TokenKeeper({ ...options, ...given })).toThrow(TypeError)
  })

  test('plain http is accepted on this machine, and elsewhere when it is said', () => {
    for (const host of ['localhost:8080', '127.0.0.1:8080', '127.1.2.3', '[::1]:8080']) {
      const keeper = new TokenKeeper({ ...options, tokenUrl: `http://${host}/token` })
      expect(keeper).toBeInstanceOf(TokenKeeper)
    }
    const given = { tokenUrl: 'http://inside/token', dangerousPlainHttp: true }
    expect(new TokenKeeper({ ...options, ...given })).toBeInstanceOf(TokenKeeper)
  })
})

test('neither a keeper nor its errors and warnings show a secret or a token', async () => {
  const world = new TokenAuthority()
  const it = keeping(world)
  await it.get()
  const shown = [inspect(it.keeper, { depth: 9, showHidden: true }), JSON.stringify(it.keeper)]
  shown.push(Bun.inspect(it.keeper))
  for (const event of [
    new Response('{"access_token":"at_leak', { status: 200 }),
    new Response('secret-one', { status: 401 }),
    refusal(400, 'rt_leak at_leak'),
    Object.assign(new TypeError('secret-one at_leak'), {
      code: 'rt_leak',
      cause: new Error('rt_leak'),
    }),
  ]) {
    const other = keeping(world)
    world.events.push(event, event, event, event)
    const error = await failureOf(other.get())
    shown.push(inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error))
    shown.push(JSON.stringify(other.warnings))
    world.events.length = 0
  }
  expect(shown.join('\n')).not.toMatch(/secret-one|at_\w|rt_\w/)
})
