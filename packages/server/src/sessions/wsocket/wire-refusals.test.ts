import { describe, expect, test } from 'bun:test'
import { utf8Length } from '@lockgate/protocol/bytes'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import { farewell, WSOCKET_REFUSALS } from './wire-refusals.ts'

/** RFC 6455 §5.5: a control frame has 125 bytes, two of them the code. */
const CLOSE_REASON_BYTES_MAX = 123
const codes = Object.keys(REFUSALS) as RefusalCode[]

describe('every refusal', () => {
  test('has a text, and a code of letters', () => {
    for (const code of codes) {
      const { error, code: told } = WSOCKET_REFUSALS[code]
      expect(error).not.toBe('')
      expect(told).toMatch(/^[a-z_]+$/)
    }
  })

  test('closes with a code of the contract, told before in an error frame that fits', () => {
    const known = [1001, 1003, 1008, 1011, 4401, 4403, 4408, 4429]
    for (const code of codes) {
      const { code: closeCode, reason, frame } = farewell(code)
      expect(known).toContain(closeCode)
      expect(utf8Length(reason)).toBeLessThanOrEqual(CLOSE_REASON_BYTES_MAX)
      expect(JSON.parse(frame)).toMatchObject({ action: 'error', detail: REFUSALS[code].text })
    }
  })

  test.each<[RefusalCode, string, string]>([
    ['frame_malformed', 'Malformed message', 'invalid_frame'],
    ['action_unknown', 'Unknown action', 'unknown_action'],
    ['channel_invalid', 'Invalid channel name', 'invalid_channel'],
    ['message_large', 'Message too large', 'message_too_large'],
    ['rate_limited', 'Rate limit exceeded', 'rate_limited'],
    ['subscriptions_full', 'Channel limit reached', 'limit_exceeded'],
    ['connections_full', 'Connection limit reached', 'limit_exceeded'],
    ['history_off', 'History is disabled', 'history_disabled'],
    ['history_gap', 'Messages were missed', 'history_gap'],
    ['resume_failed', 'Resume failed', 'resume_failed'],
  ])('%s has the words of contract 3', (code, error, told) => {
    expect(WSOCKET_REFUSALS[code]).toMatchObject({ error, code: told })
  })

  test.each<[RefusalCode, number]>([
    ['draining', 1001],
    ['frames_malformed_repeatedly', 1008],
    ['internal', 1011],
    ['token_expired', 4401],
    ['credential_revoked', 4401],
    ['app_disabled', 4403],
    ['tenant_inactive', 4403],
    ['pong_missing', 4408],
    ['rate_limited', 4429],
  ])('%s closes with %i', (code, closeCode) => {
    expect(WSOCKET_REFUSALS[code].closeCode).toBe(closeCode)
  })
})
