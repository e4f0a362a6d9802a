/** The operations on operator keys; their rotation is that of every other credential. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { ROLES } from './permissions.ts'
import { credential, id, issued, label, none, ofCredential } from './shapes.ts'
import { page, paging, reason, receipt, time } from './shapes.ts'

export const OPERATOR_OPERATIONS = {
  'operators.list': {
    method: 'GET',
    path: '/operators',
    summary: 'List the operator keys the key may see, without values.',
    permission: 'operators:read',
    parameters: paging.extend({ tenantId: id.optional() }),
    body: undefined,
    result: page(credential),
    status: 200,
    refusals: ['not_found'],
    command: 'operators list',
  },
  'operators.create': {
    method: 'POST',
    path: '/operators',
    summary: 'Make an operator key; its value is shown this once.',
    permission: 'operators:write',
    parameters: none,
    body: z.strictObject({
      name: label,
      role: z.enum(ROLES),
      tenantId: id
        .optional()
        .describe("Absent: the caller's own tenant, else the whole installation."),
      expiresAt: time.optional(),
    }),
    result: issued,
    status: 201,
    refusals: ['not_found', 'input_invalid', 'credentials_full'],
    command: 'operators create',
    isSecretShown: true,
  },
  'operators.revoke': {
    method: 'POST',
    path: '/operators/{credentialId}/revoke',
    summary: 'End an operator key for ever; the last owner of the installation stays.',
    permission: 'operators:write',
    parameters: ofCredential,
    body: z.strictObject({ reason }),
    result: z.object({ credential, receipt }),
    status: 200,
    refusals: ['not_found', 'last_owner', 'invalid_transition'],
    command: 'operators revoke',
  },
} as const satisfies Record<string, Operation>
