/** What operations take and give: shapes that several of them share. */
import { z } from 'zod'

export const id = z.string().min(1).max(100)
export const reason = z.string().min(1).max(500).describe('Goes into the audit log.')
export const time = z.iso.datetime({ offset: true })
export const overlapSeconds = z
  .int()
  .min(0)
  .describe('How long the old version stays accepted; 0 ends it at once.')
export const scopes = z.array(z.string().min(1).max(200)).max(100)
/** What is kept of it is bounded by its kind; only providers make long ones. */
export const ownValue = z.string().min(1).max(8_192).describe('A value of your own.')
export const none = z.strictObject({})

export const version = z.object({
  id,
  number: z.int(),
  state: z.string().describe('As it counts now: pending, current, previous, disabled, ...'),
  hint: z.string().describe('The last characters of the value.'),
  origin: z.string(),
  createdAt: time,
  acceptUntil: time.optional(),
  expiresAt: time.optional(),
})

/** How a credential is rotated; the configuration bounds it. */
export const policy = z.object({
  overlapDefaultSeconds: z.int().min(0).describe('Of a rotation that asks for none.'),
  overlapMaxSeconds: z.int().min(0),
  maxAgeDays: z.int().min(1).max(3_650).nullable().describe('null: never due.'),
  isAutomatic: z.boolean().describe('When it is due, a new version waits to be fetched once.'),
})

export const credential = z.object({
  id,
  kind: z.string(),
  tenantId: id.optional(),
  appId: id.optional(),
  name: z.string(),
  scopes: z.array(z.string()).optional(),
  appKey: z.string().optional(),
  due: z
    .object({
      state: z.enum(['none', 'ok', 'due_soon', 'due', 'overdue']),
      at: time.optional(),
    })
    .describe('When it has to be rotated, by the greatest age of its policy.'),
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
  createdAt: time,
})

export const app = z.object({
  id,
  tenantId: id,
  name: z.string(),
  region: z.string(),
  type: z.enum(['confidential', 'public']),
  clientId: z.string(),
  plan: z.string().optional(),
  isEnabled: z.boolean(),
  createdAt: time,
})

export const masterKey = z.object({
  source: z.string(),
  currentVersion: z.int(),
  versions: z.array(z.int()),
  outdatedCount: z.int().describe('Values still sealed under an older version.'),
})

export const items = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) })
export const ofCredential = z.strictObject({ credentialId: id })
export const rotation = z.strictObject({
  overlapSeconds: overlapSeconds.optional(),
  value: ownValue.optional(),
  expiresAt: time.optional(),
  force: z.boolean().optional().describe('Ends the older version where two are accepted.'),
  reason: reason.optional(),
})
export const rotated = issued.extend({ receipt: receipt.optional() })
export const ofVersion = z.strictObject({ versionId: id, reason: reason.optional() })
