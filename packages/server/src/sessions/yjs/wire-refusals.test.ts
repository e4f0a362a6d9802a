import { describe, expect, test } from 'bun:test'
import type { LimitReading } from '../../ports/limit-engine.ts'
import { refuseByLimit } from '../../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import {
  holdMsOf,
  isHeldBack,
  REASON_BYTES_MAX,
  type Refused,
  YJS_REFUSALS,
  yjsFarewell,
} from './wire-refusals.ts'

const CODES = Object.keys(REFUSALS) as RefusalCode[]

const reading = (name: string, quota: number, windowMs: number): LimitReading => ({
  rule: { name, quota, windowMs, isShadow: false, onOutage: 'local' },
  subject: 'app',
  used: quota,
  remaining: 0,
  resetMs: 1_000,
})

describe('every refusal of the server', () => {
  test.each(CODES)('%s has close codes and a reason that fit a close frame', (refusal) => {
    for (const style of ['wiresocket', 'http'] as const) {
      const { code, reason } = yjsFarewell({ refusal }, style)
      const isStandard = [1001, 1003, 1007, 1008, 1009, 1011, 1012, 1013].includes(code)
      expect(isStandard || (code >= 4001 && code <= 4009) || (code >= 4400 && code < 4500)).toBe(
        true,
      )
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(REASON_BYTES_MAX)
      expect(reason).not.toBe('')
    }
  })

  test('keeps its code in the other style, or becomes the status that says the same', () => {
    const pairs = Object.values(YJS_REFUSALS).filter(({ wiresocket, http }) => wiresocket !== http)
    const seen = new Map(pairs.map(({ wiresocket, http }) => [wiresocket, http] as const))
    expect([...seen].sort(([one], [other]) => one - other)).toEqual([
      [4001, 4401],
      [4002, 4401],
      [4003, 4403],
      [4004, 4429],
      [4005, 4429],
      [4006, 4429],
      [4007, 4400],
      [4008, 4429],
    ])
  })
})

describe('the reason', () => {
  test.each<[string, Refused, number]>([
    [
      'Connection limit exceeded: 100',
      { refusal: 'connections_full', about: { limit: 100 } },
      4004,
    ],
    [
      'Connection limit exceeded: 7',
      {
        refusal: 'connections_full',
        limited: refuseByLimit(reading('connections.app', 7, 0), 'connections_full'),
      },
      4004,
    ],
    [
      'Document limit exceeded: 10 (active: 12)',
      { refusal: 'documents_full', about: { limit: 10, active: 12 } },
      4005,
    ],
    [
      'Rate limit exceeded: 500 ops/min',
      {
        refusal: 'rate_limited',
        limited: refuseByLimit(reading('publish.app', 500, 60_000)),
      },
      4006,
    ],
    [
      'Document user limit exceeded: 3',
      { refusal: 'document_users_full', about: { limit: 3 } },
      4008,
    ],
    [
      'REDIRECT:wss://eu.host/doc',
      { refusal: 'document_elsewhere', about: { redirect: 'wss://eu.host' } },
      4009,
    ],
  ])('%s', (reason, refused, code) => {
    expect(yjsFarewell(refused, 'wiresocket', 'doc')).toEqual({ code, reason })
  })

  test('of a redirection leaves a name out that does not fit', () => {
    const about = { redirect: 'wss://eu-central-1.ws.example.org' }
    const refused = { refusal: 'document_elsewhere', about } as const
    const room = REASON_BYTES_MAX - `REDIRECT:${about.redirect}/`.length
    const reasonFor = (name: string) => yjsFarewell(refused, 'wiresocket', name).reason
    expect(reasonFor('n'.repeat(room))).toBe(`REDIRECT:${about.redirect}/${'n'.repeat(room)}`)
    expect(reasonFor('n'.repeat(room + 1))).toBe(`REDIRECT:${about.redirect}`)
  })
})

test('clients that would come back at once are held, those that are sent on are not', () => {
  expect([4001, 4002, 4008, 4401, 4429, 1009].every(isHeldBack)).toBe(true)
  expect([4009, 1007, 1012, 1013].some(isHeldBack)).toBe(false)
  for (const draw of [0, 1, 999, 1_000, 2 ** 32 - 1]) {
    expect(holdMsOf(draw)).toBeGreaterThanOrEqual(1_000)
    expect(holdMsOf(draw)).toBeLessThan(2_000)
  }
})
