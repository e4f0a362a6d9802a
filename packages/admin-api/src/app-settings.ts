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
})
