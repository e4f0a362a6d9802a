import { describe, expect, test } from 'bun:test'
import { handSystem } from '../../../test/support/hand-system.ts'
import { ClientError } from './client-error.ts'
import type { TokenGrant } from './token-grant.ts'
import { TokenRenewal } from './token-renewal.ts'

const LIFE_MS = 60_000

/** A source whose answers a test decides, counted. */
function opened(settings: Partial<ConstructorParameters<typeof TokenRenewal>[1]> = {}) {
  const system = handSystem()
  const calls: string[] = []
  const told: string[] = []
  const script: (ClientError | Error | 'ok' | Promise<void>)[] = []
  let count = 0
  const grant = (): TokenGrant => {
    count += 1
    const expiresAtMs = system.nowMs() + LIFE_MS
    return {
      username: 'a@org_1',
      password: `tkn_${count}`,
      tokenId: 'id',
      expiresAtMs,
      refreshAtMs: expiresAtMs - LIFE_MS / 2,
    }
  }
  const source = {
    first: () => {
      calls.push('first')
      return Promise.resolve(grant())
    },
    next: async (before: TokenGrant) => {
      calls.push(before.password)
      const step = script.shift() ?? 'ok'
      if (step instanceof Promise) await step
      else if (step !== 'ok') throw step
      return grant()
    },
  }
  const events = {
    renewed: ({ password }: TokenGrant) => void told.push(password),
    failed: ({ code }: ClientError) => void told.push(code),
  }
  const renewal = new TokenRenewal(
    source,
    { autoRefresh: true, refreshBufferMs: 60_000, maxRefreshRetries: 3, ...settings },
    { events, system: system.system },
  )
  return { system, calls, told, script, renewal }
}

const offline = () => new ClientError('network_error')

describe('a token', () => {
  test('of 60 s is renewed by its timer, again and again, each time with the newest', async () => {
    const { system, calls, told, renewal } = opened()
    await renewal.begin()
    for (let round = 0; round < 10; round += 1) await system.advance(30_000)
    expect(calls).toEqual(['first', ...Array.from({ length: 10 }, (_, at) => `tkn_${at + 1}`)])
    expect(told).toHaveLength(10)
    expect(renewal.grant?.password).toBe('tkn_11')
  })

  test('is not renewed by itself where the application said so, but when it is asked', async () => {
    const { system, calls, renewal } = opened({ autoRefresh: false })
    await renewal.begin()
    await system.advance(10 * LIFE_MS)
    expect(calls).toEqual(['first'])
    expect((await renewal.renew()).password).toBe('tkn_2')
  })

  test('is renewed once for all who ask meanwhile', async () => {
    const { calls, renewal } = opened()
    await renewal.begin()
    const both = await Promise.all([renewal.renew(), renewal.renew()])
    expect(both[0]).toBe(both[1])
    expect(calls).toEqual(['first', 'tkn_1'])
  })
})

describe('a renewal that fails', () => {
  test('is tried again after waits that grow, and nobody is told of one that works', async () => {
    const { system, told, script, renewal } = opened()
    await renewal.begin()
    script.push(offline(), offline(), 'ok')
    const renewed = renewal.renew()
    await system.settle()
    expect(system.waits().toSorted((a, b) => a - b)[0]).toBe(1_000)
    await system.advance(1_000)
    expect(system.waits().toSorted((a, b) => a - b)[0]).toBe(1_600)
    await system.advance(1_600)
    expect((await renewed).password).toBe('tkn_2')
    expect(told).toEqual(['tkn_2'])
  })

  test('is tried 1 + maxRefreshRetries times, told once, and begun anew while it lives', async () => {
    const { system, calls, told, script, renewal } = opened({ maxRefreshRetries: 2 })
    await renewal.begin()
    script.push(offline(), offline(), offline())
    const failed = renewal.renew().catch((error: unknown) => error)
    for (let at = 0; at < 5; at += 1) await system.advance(2_000)
    expect(await failed).toMatchObject({ code: 'refresh_failed' })
    expect(calls).toHaveLength(4)
    expect(told).toEqual(['refresh_failed'])
    await system.advance(LIFE_MS / 2)
    expect(told).toEqual(['refresh_failed', 'tkn_2'])
  })

  test('waits as long as the service asks for', async () => {
    const { system, calls, script, renewal } = opened()
    await renewal.begin()
    script.push(new ClientError('rate_limited', { retryAfterMs: 9_000 }))
    const renewed = renewal.renew()
    await system.settle()
    await system.advance(8_000)
    expect(calls).toHaveLength(2)
    await system.advance(1_000)
    await renewed
    expect(calls).toHaveLength(3)
  })

  test('for a reason that time does not mend is told at once, with that reason', async () => {
    const { calls, told, script, renewal } = opened()
    await renewal.begin()
    script.push(new ClientError('auth_failed', { status: 401, reason: 'revoked' }))
    const error = await renewal.renew().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'auth_failed', status: 401 })
    expect([calls.length, told]).toEqual([2, ['auth_failed']])
  })

  test('says of foreign errors their name and nothing else', async () => {
    const { script, renewal } = opened()
    await renewal.begin()
    script.push(new RangeError('tkn_1 leaked'))
    const error = await renewal.renew().catch((reason: unknown) => reason)
    expect(String(error)).toContain('RangeError')
    expect(String(error)).not.toContain('tkn_1')
  })
})

describe('after stop', () => {
  test('no timer is left and nothing is asked', async () => {
    const { system, calls, renewal } = opened()
    await renewal.begin()
    renewal.stop()
    expect(system.waits()).toEqual([])
    await system.advance(10 * LIFE_MS)
    expect(calls).toEqual(['first'])
  })

  test('an answer that was on its way is kept by nobody', async () => {
    const { told, script, renewal } = opened()
    await renewal.begin()
    let answer = (): void => undefined
    script.push(
      new Promise((resolve) => {
        answer = resolve
      }),
    )
    const renewed = renewal.renew().catch((error: unknown) => error)
    renewal.stop()
    answer()
    expect(await renewed).toMatchObject({ code: 'destroyed' })
    expect(told).toEqual([])
    expect(renewal.grant?.password).toBe('tkn_1')
  })

  test('a wait between tries ends', async () => {
    const { system, script, renewal } = opened()
    await renewal.begin()
    script.push(offline(), offline())
    const renewed = renewal.renew().catch((error: unknown) => error)
    await system.settle()
    renewal.stop()
    expect(await renewed).toMatchObject({ code: 'destroyed' })
    expect(system.waits()).toEqual([])
  })
})
