import { describe, expect, test } from 'bun:test'
import type { LimitReading } from '../../ports/limit-engine.ts'
import { limitAnswer } from './limit-answers.ts'
import { limitFields, limitText, readingOf, refuseByLimit, waitSeconds } from './limit-refusal.ts'

function reading(name: string, more: Partial<LimitReading['rule']> = {}): LimitReading {
  const rule = { name, quota: 10, windowMs: 1_000, isShadow: false, onOutage: 'local', ...more }
  return { rule, subject: 'secret-user', used: 10, remaining: 0, resetMs: 250.4 } as LimitReading
}

describe('a limit that refuses', () => {
  test('keeps its reading in the refused arm', () => {
    const of = reading('publish.user')
    const refused = refuseByLimit(of)
    expect(refused).toMatchObject({ ok: false, refusal: 'rate_limited' })
    expect(readingOf(refused)).toBe(of)
    expect(readingOf({ ok: false, refusal: 'not_subscribed' })).toBeUndefined()
    expect(readingOf({ ok: true, value: true })).toBeUndefined()
  })

  test('says its name, scope, use, quota and reset, and never whose it is', () => {
    const of = reading('publish.user')
    expect(limitFields(of)).toEqual({
      limit: 'publish.user',
      scope: 'user',
      used: 10,
      quota: 10,
      window_ms: 1_000,
      reset_ms: 251,
    })
    expect(JSON.stringify([limitFields(of), limitAnswer(of)])).not.toContain('secret-user')
  })

  test('says what to do in one sentence', () => {
    expect(limitText(reading('publish.app', { windowMs: 60_000 }))).toBe(
      'publish.app allows 10 in any 60 seconds. Try again in 251 ms.',
    )
    expect(limitText(reading('publish.app', { quota: 0 }))).toBe(
      'publish.app allows nothing. Raise the limit to use this.',
    )
    expect(limitText(reading('connections.user', { windowMs: 0 }))).toBe(
      'connections.user allows 10 at a time and 10 are open. Close one first.',
    )
  })

  test('is told in whole seconds, at least one', () => {
    expect([0, 1, 1_000, 1_001].map((resetMs) => waitSeconds({ resetMs }))).toEqual([1, 1, 1, 2])
  })
})

describe('the words of each protocol', () => {
  test('are for Pusher an error of 4301', () => {
    const { pusher } = limitAnswer(reading('client_events.connection'))
    expect(pusher).toMatchObject({ errorCode: 4301, fields: { scope: 'connection' } })
  })

  test('are for wSocket the exact text with the tier and the seconds', () => {
    const tiers = ['publish.app', 'publish.channel', 'publish.user', 'client_events.connection']
    const answers = [...tiers, 'connect.ip'].map((name) => limitAnswer(reading(name)).wsocket)
    expect(answers.map(({ tier }) => tier)).toEqual(['app', 'channel', 'user', 'user', 'app'])
    for (const answer of answers) {
      expect(answer).toMatchObject({
        error: 'Rate limit exceeded',
        code: 'rate_limited',
        retryAfter: 1,
      })
    }
  })

  test('are for MQTT no authentication error, which clients would stop for', () => {
    const codeOf = (name: string) => limitAnswer(reading(name)).mqtt.reasonCode
    expect(codeOf('connect.ip')).toBe(0x9f)
    expect(codeOf('publish.user')).toBe(0x97)
    expect(limitAnswer(reading('connect.ip')).mqtt.connectReturnCode).toBe(3)
  })

  test('are for Yjs a close of 4006 with the limit in a minute', () => {
    expect(limitAnswer(reading('publish.app')).yjs).toEqual({
      closeCode: 4006,
      reason: 'Rate limit exceeded: 600 ops/min',
    })
    const full = limitAnswer(reading('connections.app', { windowMs: 0, quota: 40 }))
    expect(full.yjs).toEqual({ closeCode: 4004, reason: 'Connection limit exceeded: 40' })
  })

  test('are for HTTP 429 and how long to wait', () => {
    expect(limitAnswer(reading('publish.app')).http).toEqual({ status: 429, retryAfterSeconds: 1 })
  })
})
