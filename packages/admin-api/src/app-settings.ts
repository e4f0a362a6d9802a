/**
 * The switches and bounds of an app, with the names and units of the configuration file. Each is
 * optional: what is left out keeps its value. `enabled` is missing here because ending all
 * connections of an app is an operation of its own.
 */
import { z } from 'zod'

const jwtRole = z
  .string()
  .max(1_024)
  .regex(/^[A-Za-z0-9_-]{1,64}(?: [!#-[\]-~]{1,128})+$/)
  .describe('A name and scopes, such as `editor publish:doc:* subscribe:doc:*`.')

const bridge = z
  .string()
  .min(1)
  .max(600)
  .describe(
    'A topic, an arrow, a channel and an event: `rooms/+/chat <-> private-room-$1 message`.',
  )

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
/** Ten years, as the configuration has it. */
const KEEP_MS_MAX = 3_650 * 86_400_000
const RETENTION = /^[!-~]{1,200} (?:off|([1-9]\d{0,9})([smhd]))$/

const retention = z
  .string()
  .max(300)
  .refine(isRetention, 'Write a pattern and a time, at most 3650d: `logs:** 1h`, `tmp:* off`.')
  .describe('A pattern of channels and how long their messages are kept, such as `logs:** 1h`.')

function isRetention(text: string): boolean {
  const match = RETENTION.exec(text)
  if (match === null) return false
  const [, count = '0', unit = 's'] = match
  return Number(count) * (UNIT_MS[unit] ?? 0) <= KEEP_MS_MAX
}

/** Their grammar is checked by the server, which knows the names. */
export const limitTexts = z
  .array(z.string().min(1).max(80))
  .max(50)
  .describe('Limits, such as `publish.user 10/1s` or `connections.user 20`.')

export const appSettings = z.strictObject({
  requireTls: z.boolean().optional(),
  clientMessages: z.boolean().optional(),
  subscriptionCount: z.boolean().optional(),
  watchlist: z.boolean().optional(),
  requireAuthorization: z.boolean().optional(),
  authorizationTimeoutMs: z.int().min(1_000).max(600_000).optional(),
  allowedOrigins: z.array(z.string().min(1).max(300)).max(100).optional(),
  dangerousAnyOrigin: z.boolean().optional(),
  missingOrigin: z.enum(['allow', 'deny']).optional(),
  originRefusal: z.enum(['http', 'close']).optional(),
  rejectReplays: z.boolean().optional(),
  connectionCountMax: z.int().min(1).max(10_000_000).optional(),
  clientEventsPerSecondMax: z.int().min(1).max(100_000).optional(),
  limits: limitTexts.optional(),
  eventDataBytesMax: z.int().min(1).max(102_400).optional(),
  presenceMemberCountMax: z.int().min(1).max(10_000).optional(),
  presenceMemberBytesMax: z.int().min(1).max(65_536).optional(),
  cacheTtlMs: z.int().min(1_000).max(604_800_000).optional(),
  jwtTtlMaxMs: z.int().min(1_000).max(86_400_000).optional(),
  jwtRoles: z.array(jwtRole).max(50).optional(),
  expiry: z.enum(['enforce', 'handshake']).optional(),
  mqttPayloadBytesMax: z.int().min(1).max(16_777_216).optional(),
  mqttDeniedPublish: z.enum(['drop', 'disconnect']).optional(),
  mqttLimitedPublish: z.enum(['drop', 'disconnect']).optional(),
  organizationDefault: z.boolean().optional(),
  mqttUsersInBrowsers: z.enum(['allow', 'deny']).optional(),
  tokenTtlMaxMs: z.int().min(60_000).max(86_400_000).optional(),
  tokenLineageMaxMs: z.int().min(60_000).max(2_592_000_000).optional(),
  tokenReplaceDisconnects: z.boolean().optional(),
  tokenReuseRevokes: z.boolean().optional(),
  bridges: z.array(bridge).max(20).optional(),
  history: z.array(retention).max(20).optional(),
  historyBytesMax: z.int().min(1_048_576).max(1_099_511_627_776).optional(),
  messageBytesMax: z.int().min(1).max(1_048_576).optional(),
  echo: z.boolean().optional(),
  presenceGraceMs: z.int().min(0).max(120_000).optional(),
  resumeMessageCountMax: z.int().min(0).max(10_000).optional(),
  resumeWindowMs: z.int().min(0).max(86_400_000).optional(),
  resumeTokens: z.enum(['client', 'server']).optional(),
  documentPersistence: z.boolean().optional(),
  documentRetentionDays: z.int().min(0).max(3_650).optional(),
  documentBytesMax: z.int().min(1_024).max(1_073_741_824).optional(),
  documentExpiry: z.enum(['enforce', 'handshake']).optional(),
  documentCloseCodes: z.enum(['wiresocket', 'http']).optional(),
  documentOriginRefusal: z.enum(['http', 'close']).optional(),
})
