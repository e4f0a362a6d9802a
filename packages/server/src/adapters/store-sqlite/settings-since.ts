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
  history: ['** 7d'],
  historyBytesMax: 1_073_741_824,
  messageBytesMax: 65_536,
  echo: true,
  presenceGraceMs: 10_000,
  resumeMessageCountMax: 1_000,
  resumeWindowMs: 120_000,
  resumeTokens: 'client',
  documentPersistence: false,
  documentRetentionDays: 0,
  documentBytesMax: 67_108_864,
  documentExpiry: 'handshake',
  documentCloseCodes: 'wiresocket',
  documentOriginRefusal: 'http',
} as const satisfies Partial<AppSettings>
