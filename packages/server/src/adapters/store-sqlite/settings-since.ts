/**
 * What settings of apps are where a row is older than they are: the default of each. One that is
 * left out here reads as undefined, and a bound that is undefined bounds nothing.
 */
import type { AppSettings } from '../../ports/records/app.ts'

const DAY_MS = 86_400_000

/** Every setting that the first release did not have. */
export const SETTINGS_SINCE = {
  jwtTtlMaxMs: DAY_MS,
  jwtRoles: [],
  limits: [],
  expiry: 'enforce',
  mqttPayloadBytesMax: 262_144,
  mqttDeniedPublish: 'drop',
  mqttLimitedPublish: 'drop',
  organizationDefault: false,
  mqttUsersInBrowsers: 'deny',
  tokenTtlMaxMs: DAY_MS,
  tokenLineageMaxMs: DAY_MS,
  tokenReplaceDisconnects: false,
  tokenReuseRevokes: false,
  bridges: [],
} as const satisfies Partial<AppSettings>
