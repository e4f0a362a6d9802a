import { describe, expect, test } from 'bun:test'
import { DEFAULT_APP_SETTINGS } from '../config/app-schema.ts'
import { DEMO_TENANT_SHORT_ID } from '../credentials/demo-tenant.ts'
import type { AppSettings } from '../ports/records/app.ts'
import type { LogFields } from '../ports/log.ts'
import { loadedApp } from '../../../../test/support/loaded-app.ts'
import { appRules } from './app-rules.ts'
import { NAMED_APP_COUNT_MAX, warnOfOpenApps } from './open-apps.ts'

const FEATURES = ['requireAuthorization', 'clientMessages', 'watchlist'] as const

/** What is logged at the start about apps of these settings. */
function warned(settings: readonly Partial<AppSettings>[], shortId?: string): LogFields[] {
  const told: LogFields[] = []
  const log = {
    debug() {},
    info() {},
    warn: (_event: string, fields: LogFields = {}) => void told.push(fields),
    error() {},
  }
  const apps = settings.map((changes) => {
    const tenant = shortId === undefined ? {} : { shortId }
    return loadedApp({ settings: { ...DEFAULT_APP_SETTINGS, ...changes }, signingKeys: [], tenant })
  })
  warnOfOpenApps(apps, log)
  return told
}

describe('an app open to any origin', () => {
  test.each(FEATURES)('with %s is named in a warning at the start', (feature) => {
    const [told] = warned([{ [feature]: true }, {}])
    expect(told?.['count']).toBe(1)
    expect(String(told?.['apps'])).toContain(feature)
    expect(warned([{ [feature]: true, dangerousAnyOrigin: true }])).toHaveLength(1)
  })

  test.each(FEATURES)('with %s is refused in production while the server runs', (feature) => {
    const production = appRules({ mode: 'production' })
    const open = { ...DEFAULT_APP_SETTINGS, dangerousAnyOrigin: true }
    expect(production.check(open).ok).toBe(true)
    expect(production.check({ ...open, [feature]: true })).toMatchObject({
      refusal: 'origins_missing',
    })
    const listed = { ...DEFAULT_APP_SETTINGS, allowedOrigins: ['https://app.example.com'] }
    expect(production.check({ ...listed, [feature]: true }).ok).toBe(true)
    expect(appRules({ mode: 'development' }).check({ ...open, [feature]: true }).ok).toBe(true)
  })

  test('with a list, without such a feature, or of the demo is not warned about', () => {
    expect(warned([{}, { dangerousAnyOrigin: true }])).toEqual([])
    const listed = { clientMessages: true, allowedOrigins: ['https://app.example.com'] }
    expect(warned([listed])).toEqual([])
    expect(warned([{ clientMessages: true }], DEMO_TENANT_SHORT_ID)).toEqual([])
  })

  test('is counted beside all others, of which some are named', () => {
    const count = NAMED_APP_COUNT_MAX + 5
    const [told] = warned(Array.from({ length: count }, () => ({ watchlist: true })))
    expect(told?.['count']).toBe(count)
    expect(told?.['apps']).toHaveLength(NAMED_APP_COUNT_MAX)
  })
})
