/** The operations on tenants and the people who manage them. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { ROLES } from './permissions.ts'
import { id, label, member, none, page, paging, reason, receipt, tenant } from './shapes.ts'

const ofTenant = z.strictObject({ tenantId: id })
const ofMember = z.strictObject({ tenantId: id, memberId: id })
const signingAlgorithm = z
  .enum(['ES256', 'RS256'])
  .describe('What access tokens are signed with; RS256 for verifiers that know nothing else.')
const role = z.enum(ROLES)
const withReason = z.strictObject({ reason: reason.optional() })

export const TENANT_OPERATIONS = {
  'tenants.list': {
    method: 'GET',
    path: '/tenants',
    summary: 'List the tenants the key may see.',
    permission: 'tenants:read',
    parameters: paging,
    body: undefined,
    result: page(tenant),
    status: 200,
    refusals: [],
    command: 'tenants list',
  },
  'tenants.create': {
    method: 'POST',
    path: '/tenants',
    summary: 'Make a tenant with a key of its own to sign tokens with.',
    permission: 'tenants:create',
    parameters: none,
    body: z.strictObject({
      name: label,
      id: z.uuid().optional().describe('Any new UUID; left out, one is made.'),
      shortId: z
        .string()
        .regex(/^org_[a-z2-9]{12}$/, 'Use org_ and 12 of a-z 2-9.')
        .optional()
        .describe('Names the same tenant in paths; left out, one is made.'),
      signingAlgorithm: signingAlgorithm.optional(),
      state: z.enum(['pending', 'active']).optional().describe('Left out: active.'),
    }),
    result: tenant,
    status: 201,
    refusals: ['id_taken', 'count_full'],
    command: 'tenants create',
  },
  'tenants.get': {
    method: 'GET',
    path: '/tenants/{tenantId}',
    summary: 'Show a tenant.',
    permission: 'tenants:read',
    parameters: ofTenant,
    body: undefined,
    result: tenant,
    status: 200,
    refusals: ['not_found'],
    command: 'tenants get',
  },
  'tenants.update': {
    method: 'PATCH',
    path: '/tenants/{tenantId}',
    summary: 'Change the name of a tenant, or what its tokens are signed with.',
    permission: 'tenants:write',
    parameters: ofTenant,
    body: z.strictObject({
      name: label.optional(),
      signingAlgorithm: signingAlgorithm.optional(),
    }),
    result: tenant,
    status: 200,
    refusals: ['not_found'],
    command: 'tenants update',
  },
  'tenants.activate': {
    method: 'POST',
    path: '/tenants/{tenantId}/activate',
    summary: 'Let the apps of a pending or suspended tenant work.',
    permission: 'tenants:state',
    parameters: ofTenant,
    body: withReason,
    result: tenant,
    status: 200,
    refusals: ['not_found'],
    command: 'tenants activate',
  },
  'tenants.suspend': {
    method: 'POST',
    path: '/tenants/{tenantId}/suspend',
    summary: 'Refuse every token and connection of a tenant, and close what is open.',
    permission: 'tenants:state',
    parameters: ofTenant,
    body: z.strictObject({ reason }),
    result: z.object({ tenant, receipt }),
    status: 200,
    refusals: ['not_found'],
    command: 'tenants suspend',
  },
  'members.list': {
    method: 'GET',
    path: '/tenants/{tenantId}/members',
    summary: 'List the people who manage a tenant.',
    permission: 'members:read',
    parameters: paging.extend({ tenantId: id }),
    body: undefined,
    result: page(member),
    status: 200,
    refusals: ['not_found'],
    command: 'members list',
  },
  'members.add': {
    method: 'POST',
    path: '/tenants/{tenantId}/members',
    summary: 'Add a person to a tenant.',
    permission: 'members:write',
    parameters: ofTenant,
    body: z.strictObject({ email: z.email().max(254), name: label, role }),
    result: member,
    status: 201,
    refusals: ['not_found', 'email_taken', 'role_too_high', 'count_full'],
    command: 'members add',
  },
  'members.update': {
    method: 'PATCH',
    path: '/tenants/{tenantId}/members/{memberId}',
    summary: 'Change the name or the role of a member.',
    permission: 'members:write',
    parameters: ofMember,
    body: z.strictObject({ name: label.optional(), role: role.optional() }),
    result: member,
    status: 200,
    refusals: ['not_found', 'last_owner', 'role_too_high'],
    command: 'members update',
  },
  'members.remove': {
    method: 'DELETE',
    path: '/tenants/{tenantId}/members/{memberId}',
    summary: 'Remove a person from a tenant; its last owner stays.',
    permission: 'members:write',
    parameters: ofMember,
    body: undefined,
    result: member,
    status: 200,
    refusals: ['not_found', 'last_owner', 'role_too_high'],
    command: 'members remove',
  },
} as const satisfies Record<string, Operation>
