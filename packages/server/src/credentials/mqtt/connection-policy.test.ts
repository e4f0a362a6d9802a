import { describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import { ok, refuse } from '@lockgate/protocol/result'
import type { AppSettings } from '../../ports/records/app.ts'
import { checkConnection } from './connection-policy.ts'
import type { MqttCredentials } from './mqtt-identity.ts'

const OPEN: AppSettings = { ...SETTINGS, allowedOrigins: [], missingOrigin: 'allow' }
const PAGE = 'https://app.example.org'

const check = (
  more: Partial<MqttCredentials>,
  settings: Partial<AppSettings> = {},
  isPermanent = false,
) => {
  const over = { isWebSocket: false, isTls: false, origin: undefined, clientId: 'client' }
  const credentials = { ...over, username: 'a@b', password: new Uint8Array(1), ...more }
  return checkConnection({ ...OPEN, ...settings }, credentials, isPermanent)
}
const page = (origin: string | undefined) => ({ isWebSocket: true, origin })

describe('an app that asks for TLS', () => {
  test('takes no connection without it, of whatever kind', () => {
    for (const more of [{}, page(undefined), page(PAGE)]) {
      expect(check(more, { requireTls: true })).toEqual(refuse('tls_required'))
      expect(check({ ...more, isTls: true }, { requireTls: true })).toEqual(ok(true))
      expect(check(more)).toEqual(ok(true))
    }
  })
})

describe('an app with a list of origins', () => {
  const listed = { allowedOrigins: ['https://*.example.org'] }

  test('takes the pages it lists and no others', () => {
    expect(check(page(PAGE), listed)).toEqual(ok(true))
    for (const origin of ['https://example.com', 'https://example.org', 'null', '']) {
      expect(check(page(origin), listed)).toEqual(refuse('origin_refused'))
    }
  })

  test('asks nothing of clients over TCP, and of those without an origin what it says', () => {
    expect(check({}, { ...listed, missingOrigin: 'deny' })).toEqual(ok(true))
    expect(check(page(undefined), listed)).toEqual(ok(true))
    const strict = { ...listed, missingOrigin: 'deny' as const }
    expect(check(page(undefined), strict)).toEqual(refuse('origin_refused'))
  })
})

describe('what is permanent', () => {
  test('connects no page unless the app lets it, and everybody else', () => {
    expect(check(page(PAGE), {}, true)).toEqual(refuse('password_in_browser'))
    expect(check(page('null'), {}, true)).toEqual(refuse('password_in_browser'))
    expect(check(page(PAGE), { mqttUsersInBrowsers: 'allow' }, true)).toEqual(ok(true))
    expect(check(page(undefined), {}, true)).toEqual(ok(true))
    expect(check({}, {}, true)).toEqual(ok(true))
  })

  test('stays out of pages where an older record says nothing of it', () => {
    const { mqttUsersInBrowsers: _, ...older } = OPEN
    const credentials = { ...page(PAGE), isTls: true, username: 'a', password: undefined }
    const asked = { ...credentials, clientId: '' }
    expect(checkConnection(older as AppSettings, asked, true)).toEqual(
      refuse('password_in_browser'),
    )
  })

  test('is told of last: a page of another origin hears of that', () => {
    const settings = { allowedOrigins: [PAGE], requireTls: true }
    expect(check(page('https://example.com'), settings, true)).toEqual(refuse('tls_required'))
    const over = { ...page('https://example.com'), isTls: true }
    expect(check(over, settings, true)).toEqual(refuse('origin_refused'))
  })
})
