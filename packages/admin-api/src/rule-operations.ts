/** The operations on rule sets: what clients may do on topics and channels. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { explanation, question } from './rule-shapes.ts'
import { id } from './shapes.ts'

export const RULE_OPERATIONS = {
  'rules.explain': {
    method: 'POST',
    path: '/tenants/{tenantId}/rules/explain',
    summary: 'Say whether a client may publish or subscribe, which rules decide, and why.',
    permission: 'rules:read',
    parameters: z.strictObject({ tenantId: id }),
    body: question,
    result: explanation,
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'explain',
  },
} as const satisfies Record<string, Operation>
