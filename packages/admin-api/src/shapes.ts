/** What operations take and give: shapes that several of them share. */
import { normalizeAllowedDomain } from '@lockgate/protocol/allowed-domain'
import { z } from 'zod'
import { appSettings, limitTexts } from './app-settings.ts'
import { ROLES } from './permissions.ts'

export const id = z.string().min(1).max(100)
export const reason = z.string().min(1).max(500).describe('Goes into the audit log.')
export const time = z.iso.datetime({ offset: true })
export const overlapSeconds = z
  .int()
  .min(0)
  .describe('How long the old version stays accepted; 0 ends it at once.')
export const scopes = z.array(z.string().min(1).max(200)).max(100)
export const apiKeyScopes = scopes.describe(
  'Of an API key: publish, subscribe, presence, history, inspect or terminate, each alone or ' +
    'with a channel, as publish:news; mint, to give out connection tokens. Left out: the ' +
    'first four.',
)
/** What is made for an app; keys of tenants and operators have operations of their own. */
export const APP_CREDENTIAL_KINDS = [
  ...(['api_key', 'client_secret', 'jwt_secret', 'mqtt_user', 'signing_secret'] as const),
  ...(['webhook_secret', 'provider_credential'] as const),
] as const
export const ruleSetName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'Use 1 to 64 of A-Z a-z 0-9 _ -.')
/** What is kept of it is bounded by its kind; only providers make long ones. */
export const ownValue = z.string().min(1).max(8_192).describe('A value of your own.')
/** A customer's own key: one of these in place of a value. */
export const key = {
  jwk: z.record(z.string(), z.unknown()).optional().describe('A public key, RFC 7517.'),
  publicKeyPem: z.string().max(8_192).optional().describe('The same as PEM.'),
  jwksUrl: z.string().max(2_048).optional().describe('Where you publish your keys; https.'),
}
/** What tokens that are signed with a key of yours are held to. */
export const tokenTerms = {
  algorithms: z.array(z.string().max(16)).min(1).max(8).optional(),
  issuer: z.string().min(1).max(500).optional().describe('What iss of its tokens must be.'),
  audience: z
    .array(z.string().min(1).max(500))
    .min(1)
    .max(16)
    .optional()
    .describe('One of these must be in aud of its tokens.'),
}
export const none = z.strictObject({})

export const version = z.object({
  id,
  number: z.int(),
  state: z.string().describe('As it counts now: pending, current, previous, disabled, ...'),
  hint: z.string().describe('The last characters of the value.'),
  origin: z.string(),
  jwk: z.record(z.string(), z.unknown()).optional().describe('A public key of yours.'),
  jwksUrl: z.string().optional(),
  createdAt: time,
  acceptUntil: time.optional(),
  expiresAt: time.optional(),
  fetch: z
    .object({ until: time, fetchedAt: time.optional() })
    .optional()
    .describe('Of a version whose value waits to be fetched once, or did.'),
})

/** How a credential is rotated; the configuration bounds it. */
export const policy = z.object({
  overlapDefaultSeconds: z.int().min(0).describe('Of a rotation that asks for none.'),
  overlapMaxSeconds: z.int().min(0),
  maxAgeDays: z.int().min(1).max(3_650).nullable().describe('null: never due.'),
  isAutomatic: z.boolean().describe('When it is due, a new version waits to be fetched once.'),
})

export const due = z
  .object({
    state: z.enum(['none', 'ok', 'due_soon', 'due', 'overdue']),
    at: time.optional(),
  })
  .describe('When it has to be rotated, by the greatest age of its policy.')

export const credential = z.object({
  id,
  kind: z.string(),
  tenantId: id.optional(),
  appId: id.optional(),
  name: z.string(),
  role: z.enum(ROLES).optional().describe('Of an operator key.'),
  scopes: z.array(z.string()).optional(),
  limits: z.array(z.string()).optional().describe('Of an API key: what it narrows of its app.'),
  ruleSet: z.string().optional().describe('Of an MQTT user: what narrows it.'),
  appKey: z.string().optional(),
  algorithms: z.array(z.string()).optional().describe('Absent: whatever the key fits.'),
  issuer: z.string().optional(),
  audience: z.array(z.string()).optional(),
  due,
  policy,
  versions: z.array(version),
})

export const issued = z.object({
  credential,
  versionId: id,
  value: z.string().optional().describe('Shown this once and kept nowhere in clear.'),
})

export const counts = z.record(z.string(), z.int())
export const receipt = z.object({
  closedCount: z.int(),
  narrowedCount: z.int(),
  familyCount: z.int(),
  silentNodeCount: z.int(),
  tookMs: z.number(),
  nodes: z.array(
    z.object({ node: z.string(), closed: counts, narrowed: counts, tookMs: z.number() }),
  ),
})

export const tenant = z.object({
  id,
  shortId: z.string(),
  name: z.string(),
  state: z.enum(['pending', 'active', 'suspended']),
  signingAlgorithm: z.enum(['ES256', 'RS256']),
  createdAt: time,
})

/** What people call a tenant, an app, a member: no control characters, something to see. */
export const label = z
  .string()
  .min(1)
  .max(100)
  .regex(/^(?=.*\S)[^\p{Cc}\p{Cs}]*$/u, 'Use 1 to 100 characters that can be seen.')

export const member = z.object({
  id,
  tenantId: id,
  email: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  createdAt: time,
})

export const region = z.object({ code: z.string(), label: z.string(), dbCode: z.string() })

/** The largest number stands for no bound: clients always read one. */
export const LIMIT_MAX = 2_147_483_647
const limit = z.int().min(0).max(LIMIT_MAX)
export const limits = z.object({
  maxConnections: limit,
  maxDocuments: limit,
  maxUsersPerDoc: limit,
  opsPerMinute: limit,
  rateLimits: limitTexts.optional(),
})

export const planName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'Use 1 to 64 of a-z 0-9 _ -, beginning with none of _ -.')

export const plan = z.object({
  name: z.string(),
  tenantId: id.optional().describe('Absent: a plan of the installation, for every tenant.'),
  limits,
  isOnePerTenant: z.boolean(),
  isOpenToTenants: z
    .boolean()
    .describe('Keys of a tenant may put its apps on it; its own plans are open to it anyway.'),
  createdAt: time,
})

export const subscriptionState = z.enum(['active', 'past_due', 'cancelled', 'inactive'])

const allowedDomain = z
  .string()
  .refine((text) => normalizeAllowedDomain(text).ok, 'Use host[:port], without path and star.')
export const allowedDomains = z
  .array(allowedDomain)
  .max(3)
  .describe('Hosts, host[:port], whose pages may use tokens of the app; none means any.')

export const app = z.object({
  id,
  tenantId: id,
  name: z.string(),
  region: z.string(),
  type: z.enum(['confidential', 'public']),
  clientId: z.string(),
  plan: z.string().optional(),
  planState: subscriptionState.optional(),
  planEndsAt: time.optional(),
  limits: limits.optional().describe('Of its plan; absent: no token and no connection.'),
  isEnabled: z.boolean(),
  allowedDomains: z.array(z.string()),
  settings: appSettings,
  createdAt: time,
  updatedAt: time,
})

export const masterKey = z.object({
  source: z.string(),
  currentVersion: z.int(),
  versions: z.array(z.int()),
  outdatedCount: z.int().describe('Values still sealed under an older version.'),
})

export const items = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) })

/** Our bound on one page of a list. */
export const PAGE_COUNT_MAX = 200
/** One page of a list in an order that does not change. */
export const page = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().optional().describe('Absent on the last page.'),
  })
export const paging = z.strictObject({
  cursor: z.string().max(1_000).optional().describe('nextCursor of the page before.'),
  limit: z.coerce.number().int().min(1).max(PAGE_COUNT_MAX).optional(),
})
export const ofCredential = z.strictObject({ credentialId: id })
export const rotation = z.strictObject({
  overlapSeconds: overlapSeconds.optional(),
  value: ownValue.optional(),
  ...key,
  expiresAt: time.optional(),
  force: z.boolean().optional().describe('Ends the older version where two are accepted.'),
  reason: reason.optional(),
})
export const rotated = issued.extend({ receipt: receipt.optional() })
export const ofVersion = z.strictObject({ versionId: id, reason: reason.optional() })
