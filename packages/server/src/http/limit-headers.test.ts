import { describe, expect, test } from 'bun:test'
import { readRateLimit } from '../../../../test/support/rate-limit-fields.ts'
import { refuseByLimit } from '../core/limits/limit-refusal.ts'
import type { LimitReading } from '../ports/limit-engine.ts'
import { limitedAnswer } from './answers.ts'
import { limitHeaders, POLICY_COUNT_MAX, refusedHeaders } from './limit-headers.ts'

function reading(name: string, more: Partial<LimitReading> = {}, windowMs = 60_000): LimitReading {
  const rule = { name, quota: 10, windowMs, isShadow: false, onOutage: 'local' as const }
  return { rule, subject: 'app', used: 4, remaining: 6, resetMs: 1_500, ...more }
}

describe('the fields of an answer', () => {
  test('name each policy with its quota and window, and what is left until when', () => {
    const fields = readRateLimit(
      limitHeaders([reading('publish.app'), reading('publish.user', { remaining: 1 }, 500)]),
    )
    expect(fields.policies).toEqual([
      { name: 'publish.user', q: 10, w: 1 },
      { name: 'publish.app', q: 10, w: 60 },
    ])
    expect(fields.limits).toEqual([
      { name: 'publish.user', r: 1, t: 2 },
      { name: 'publish.app', r: 6, t: 2 },
    ])
  })

  test('say what is counted where it is bytes', () => {
    const { policies } = readRateLimit(limitHeaders([reading('message_bytes.app')]))
    expect(policies).toEqual([{ name: 'message_bytes.app', q: 10, w: 60, qu: 'content-bytes' }])
  })

  test('leave out what is in shadow and what has no window', () => {
    const shadow = reading('publish.app')
    const inShadow = { ...shadow, rule: { ...shadow.rule, isShadow: true } }
    expect(limitHeaders([inShadow, reading('connections.app', {}, 0)])).toEqual({})
  })

  test('are the scarcest ones where there are many', () => {
    const many = Array.from({ length: 40 }, (_, at) => reading('publish.app', { remaining: at }))
    const { limits } = readRateLimit(limitHeaders(many))
    expect(limits.map(({ r }) => r)).toEqual(
      Array.from({ length: POLICY_COUNT_MAX }, (_, at) => at),
    )
  })

  test('never hold a number a structured field cannot', () => {
    const huge = reading('publish.app', { remaining: 2 ** 60, resetMs: 0.2 })
    expect(readRateLimit(limitHeaders([huge])).limits).toEqual([
      { name: 'publish.app', r: 999_999_999_999_999, t: 1 },
    ])
  })

  test('of a refusal say when to come back', () => {
    expect(refusedHeaders(reading('publish.app', { resetMs: 400 }))['retry-after']).toBe('1')
    expect(refusedHeaders(reading('publish.app', { resetMs: 4_001 }))['retry-after']).toBe('5')
  })
})

test('a refused request is told all of it in the body as well', async () => {
  const answer = limitedAnswer(refuseByLimit(reading('publish.app', { used: 10, remaining: 0 })))
  expect(answer.status).toBe(429)
  expect(await answer.json()).toEqual({
    error: 'publish.app allows 10 in any 60 seconds. Try again in 1500 ms.',
    code: 'rate_limited',
    status: 429,
    limit: 'publish.app',
    scope: 'app',
    used: 10,
    quota: 10,
    window_ms: 60_000,
    reset_ms: 1_500,
  })
  expect(answer.headers.get('retry-after')).toBe('2')
})
