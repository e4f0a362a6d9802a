/**
 * Every administrative operation, once. Times are RFC 3339 text, durations seconds, both with the
 * unit or its sense in the name.
 */
import { z } from 'zod'
import { APP_OPERATIONS } from './app-operations.ts'
import { AUDIT_OPERATIONS } from './audit-operations.ts'
import { CREDENTIAL_OPERATIONS } from './credential-operations.ts'
import { DELIVERY_OPERATIONS } from './delivery-operations.ts'
import { DOCUMENT_OPERATIONS } from './document-operations.ts'
import { HISTORY_OPERATIONS } from './history-operations.ts'
import { LIMIT_OPERATIONS } from './limit-operations.ts'
import { INTEGRATION_OPERATIONS } from './integration-operations.ts'
import type { Operation } from './operation.ts'
import { REPORT_OPERATIONS } from './report-operations.ts'
import { OPERATOR_OPERATIONS } from './operator-operations.ts'
import { ROLES } from './permissions.ts'
import { PLAN_OPERATIONS } from './plan-operations.ts'
import { id, masterKey, none, reason, receipt } from './shapes.ts'
import { RULE_OPERATIONS } from './rule-operations.ts'
import { TENANT_OPERATIONS } from './tenant-operations.ts'
import { TOKEN_OPERATIONS } from './token-operations.ts'
import { WEBHOOK_OPERATIONS } from './webhook-operations.ts'
import { WATCH_OPERATIONS } from './watch-operations.ts'

export const OPERATIONS = {
  whoami: {
    method: 'GET',
    path: '/whoami',
    summary: 'Who the operator key belongs to.',
    permission: 'tenants:read',
    parameters: none,
    body: undefined,
    result: z.object({ name: z.string(), role: z.enum(ROLES), tenantId: id.optional() }),
    status: 200,
    refusals: [],
    command: 'whoami',
  },
  ...TENANT_OPERATIONS,
  ...PLAN_OPERATIONS,
  ...APP_OPERATIONS,
  ...LIMIT_OPERATIONS,
  ...REPORT_OPERATIONS,
  ...CREDENTIAL_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...DELIVERY_OPERATIONS,
  ...HISTORY_OPERATIONS,
  ...DOCUMENT_OPERATIONS,
  ...RULE_OPERATIONS,
  ...INTEGRATION_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...OPERATOR_OPERATIONS,
  'revocations.create': {
    method: 'POST',
    path: '/revocations',
    summary: 'Close everything that rests on a user, an app or a tenant.',
    permission: 'credentials:revoke',
    parameters: none,
    body: z.strictObject({
      kind: z.enum(['user', 'app', 'tenant']),
      tenantId: id.optional(),
      appId: id.optional(),
      userId: id.optional(),
      reason,
    }),
    result: receipt,
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'revoke',
  },
  ...AUDIT_OPERATIONS,
  ...WATCH_OPERATIONS,
  'master-key.status': {
    method: 'GET',
    path: '/master-key',
    summary: 'Which versions of the master key there are, and what is left under old ones.',
    permission: 'installation:write',
    parameters: none,
    body: undefined,
    result: masterKey,
    status: 200,
    refusals: [],
    command: 'master-key status',
  },
  'master-key.rotate': {
    method: 'POST',
    path: '/master-key/rotate',
    summary: 'Make a new version and seal everything under it; no request is refused meanwhile.',
    permission: 'installation:write',
    parameters: none,
    body: none,
    result: masterKey,
    status: 200,
    refusals: ['input_invalid'],
    command: 'master-key rotate',
  },
  'master-key.rewrap': {
    method: 'POST',
    path: '/master-key/rewrap',
    summary: 'Seal anew what is left under older versions.',
    permission: 'installation:write',
    parameters: none,
    body: none,
    result: masterKey,
    status: 200,
    refusals: ['input_invalid'],
    command: 'master-key rewrap',
  },
} as const satisfies Record<string, Operation>

export type OperationName = keyof typeof OPERATIONS
