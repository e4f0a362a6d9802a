/** The report on the age and use of secrets: what somebody has to show, and has to do next. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { due, id, page, paging, time } from './shapes.ts'

const line = z.object({
  tenantId: id.optional(),
  appId: id.optional(),
  appName: z.string().optional(),
  credentialId: id,
  kind: z.string(),
  name: z.string(),
  version: z.int().optional().describe('The current one; absent after a revocation.'),
  ageDays: z.int().optional().describe('Of the current version, in whole days.'),
  due,
  lastRotatedAt: time.optional().describe('Absent: never.'),
  overlapUntil: time.optional().describe('While the version before is still accepted.'),
  isWaiting: z.boolean().describe('A new version waits to be fetched or promoted.'),
  lastUsedAt: time.optional(),
  isNeverUsed: z.boolean().optional().describe('Absent for kinds whose use the server never sees.'),
  isUnused90Days: z.boolean().optional(),
  endedCount: z.int().describe('Versions that expired or were disabled, and are not removed yet.'),
  isCustom: z.boolean().describe('The current value was brought, not generated.'),
})

export const REPORT_OPERATIONS = {
  // Above `/credentials/{credentialId}`, which would match it too.
  'credentials.report': {
    method: 'GET',
    path: '/credentials/report',
    summary: 'Age, due date and use of every credential the key may see.',
    permission: 'credentials:read',
    parameters: paging.extend({ tenantId: id.optional() }),
    body: undefined,
    result: page(line),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'secrets report',
  },
} as const satisfies Record<string, Operation>
