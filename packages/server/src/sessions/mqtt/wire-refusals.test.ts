import { describe, expect, test } from 'bun:test'
import { REASON, RETURN_CODE, returnCodeOf } from '@lockgate/protocol/mqtt/reason-codes'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import { MQTT_REFUSALS } from './wire-refusals.ts'

const CODES = Object.keys(REFUSALS) as RefusalCode[]

/** Table 3-1 of §3.2.2.2, without success. */
const IN_CONNACK = new Set<number>([
  0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99,
  0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
])
/** Table 3-10 of §3.14.2.1: what a server may say. */
const IN_DISCONNECT = new Set<number>([
  0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
  0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
])

describe('every refusal of the server', () => {
  test.each(CODES)('%s has a code that its packet may carry', (code) => {
    const { connack, disconnect } = MQTT_REFUSALS[code]
    expect(IN_CONNACK.has(connack)).toBe(true)
    expect(IN_DISCONNECT.has(disconnect)).toBe(true)
  })

  test.each(CODES.filter((code) => REFUSALS[code].retry === 'later'))(
    '%s passes by itself, so clients are not told to give up',
    (code) => {
      const { connack } = MQTT_REFUSALS[code]
      expect([REASON.badUserNameOrPassword, REASON.notAuthorized] as number[]).not.toContain(
        connack,
      )
      expect(returnCodeOf(connack)).toBe(RETURN_CODE.serverUnavailable)
    },
  )

  test.each(CODES.filter((code) => REFUSALS[code].retry === 'new_credentials'))(
    '%s makes clients give up and ask their application, unless it is of time',
    (code) => {
      const { connack, disconnect } = MQTT_REFUSALS[code]
      const isAuthError =
        connack === REASON.badUserNameOrPassword || connack === REASON.notAuthorized
      expect(isAuthError).toBe(true)
      expect(disconnect).toBe(REASON.notAuthorized)
    },
  )

  test('wrong credentials and forbidden ones are told apart, in both levels', () => {
    for (const code of ['credential_invalid', 'token_expired', 'credential_revoked'] as const) {
      expect(MQTT_REFUSALS[code].connack).toBe(REASON.badUserNameOrPassword)
      expect(returnCodeOf(MQTT_REFUSALS[code].connack)).toBe(RETURN_CODE.badUserNameOrPassword)
    }
    for (const code of [
      'app_disabled',
      'plan_missing',
      'origin_refused',
      'tls_required',
    ] as const) {
      expect(MQTT_REFUSALS[code].connack).toBe(REASON.notAuthorized)
      expect(returnCodeOf(MQTT_REFUSALS[code].connack)).toBe(RETURN_CODE.notAuthorized)
    }
  })

  test('what ends live connections has the code of its cause', () => {
    const disconnect = (code: RefusalCode) => MQTT_REFUSALS[code].disconnect
    expect(disconnect('session_taken_over')).toBe(REASON.sessionTakenOver)
    expect(disconnect('draining')).toBe(REASON.serverShuttingDown)
    expect(disconnect('user_terminated')).toBe(REASON.administrativeAction)
    expect(disconnect('keep_alive_missed')).toBe(REASON.keepAliveTimeout)
    expect(disconnect('token_expired')).toBe(REASON.notAuthorized)
    expect(disconnect('credential_revoked')).toBe(REASON.notAuthorized)
    expect(disconnect('authority_revoked')).toBe(REASON.notAuthorized)
  })
})
