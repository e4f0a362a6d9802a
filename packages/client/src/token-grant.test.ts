import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readGrant, renewalDelayMs } from './token-grant.ts'

const NOW = Date.parse('2026-03-27T13:00:00Z')
const ANSWER = {
  access_token: 'tkn_x',
  expires_in: 3_600,
  mqtt_credentials: { username: 'abc@org_1', password: 'tkn_x' },
  token_id: 'id-1',
  expires_at: '2026-03-27T14:00:00Z',
  refresh_recommended_at: '2026-03-27T13:54:00Z',
}
const OWN = {
  username: 'abc@org_1',
  password: 'tkn_x',
  tokenId: 'id-1',
  expiresAt: ANSWER.expires_at,
  refreshAt: ANSWER.refresh_recommended_at,
}

describe('a token', () => {
  test('is the same from the service and from the endpoint of the page', () => {
    const wanted = {
      username: 'abc@org_1',
      password: 'tkn_x',
      tokenId: 'id-1',
      expiresAtMs: NOW + 3_600_000,
      refreshAtMs: NOW + 54 * 60_000,
    }
    expect(readGrant(ANSWER, NOW)).toEqual(wanted)
    expect(readGrant(OWN, NOW)).toEqual(wanted)
    expect(readGrant({ ...OWN, expiresAt: Date.parse(OWN.expiresAt) }, NOW)).toEqual(wanted)
  })

  test('lives as long as it says, whatever the clock of the browser shows', () => {
    const ahead = NOW + 10 * 3_600_000
    const { expiresAtMs, refreshAtMs } = readGrant(ANSWER, ahead)
    expect([expiresAtMs - ahead, refreshAtMs - ahead]).toEqual([3_600_000, 54 * 60_000])
    // Without a life in seconds, the least that a token lives.
    expect(readGrant(OWN, ahead).expiresAtMs - ahead).toBe(60_000)
  })

  test('without times, name or secret is none, and the text repeats nothing of it', () => {
    const wrong = [null, 'tkn_x', {}, { ...OWN, password: '' }, { ...OWN, expiresAt: 'soon' }]
    for (const answer of wrong) {
      expect(() => readGrant(answer, NOW)).toThrow(/What answered is no token service/)
      expect(() => readGrant(answer, NOW)).not.toThrow(/tkn_x/)
    }
  })
})

describe('a renewal is due', () => {
  const grant = readGrant(ANSWER, NOW)
  const at = (random: number, more = {}) =>
    renewalDelayMs(grant, { nowMs: NOW, bufferMs: 60_000, ...more }, () => random)

  test('at the recommended time, or the buffer before the end, whichever is earlier', () => {
    expect(at(0)).toBe(54 * 60_000)
    expect(at(0, { bufferMs: 600_000 })).toBe(50 * 60_000)
  })

  test('up to a tenth earlier, so that many clients are not one', () => {
    expect(at(0.999_999)).toBeCloseTo(54 * 60_000 * 0.9, -2)
  })

  test('of a token of 60 s after half of its life, as the buffer would leave nothing', () => {
    const short = readGrant(
      { ...ANSWER, expires_in: 60, refresh_recommended_at: '2026-03-27T13:59:30Z' },
      NOW,
    )
    expect(renewalDelayMs(short, { nowMs: NOW, bufferMs: 60_000 }, () => 0)).toBe(30_000)
  })

  test('never at once, never after the end, never beyond what a timer can wait', () => {
    fc.assert(
      fc.property(
        fc.record({
          leftMs: fc.integer({ min: -10_000, max: 10 ** 10 }),
          leadMs: fc.integer({ min: -10_000, max: 10 ** 10 }),
          bufferMs: fc.integer({ min: 0, max: 10 ** 9 }),
          random: fc.double({ min: 0, max: 0.999, noNaN: true }),
        }),
        ({ leftMs, leadMs, bufferMs, random }) => {
          const expiresAtMs = NOW + leftMs
          const token = { ...grant, expiresAtMs, refreshAtMs: expiresAtMs - leadMs }
          const delayMs = renewalDelayMs(token, { nowMs: NOW, bufferMs }, () => random)
          expect(delayMs).toBeGreaterThanOrEqual(1_000)
          expect(delayMs).toBeLessThan(2 ** 31)
          if (leadMs >= 0 && leftMs > 2_000) expect(delayMs).toBeLessThanOrEqual(leftMs)
        },
      ),
    )
  })
})
