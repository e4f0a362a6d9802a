/** The operations on plans, and on the regions an app can be made in. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, limits, page, paging, plan, planName, region } from './shapes.ts'

const ofPlan = z.strictObject({ plan: planName })
const tenantId = id.optional().describe('Absent: a plan of the installation, for every tenant.')

export const PLAN_OPERATIONS = {
  'regions.list': {
    method: 'GET',
    path: '/regions',
    summary: 'List the regions an app can be made in.',
    permission: 'plans:read',
    parameters: paging,
    body: undefined,
    result: page(region),
    status: 200,
    refusals: [],
    command: 'regions list',
  },
  'plans.list': {
    method: 'GET',
    path: '/plans',
    summary: 'List the plans of the installation and of the tenants the key may see.',
    permission: 'plans:read',
    parameters: paging.extend({
      tenantId: id.optional().describe('Only what apps of this tenant can be put on.'),
    }),
    body: undefined,
    result: page(plan),
    status: 200,
    refusals: ['not_found'],
    command: 'plans list',
  },
  'plans.save': {
    method: 'PUT',
    path: '/plans/{plan}',
    summary: 'Make a plan or change its limits; apps that are on it follow at once.',
    permission: 'plans:write',
    parameters: ofPlan,
    body: limits.strict().extend({
      tenantId,
      isOnePerTenant: z
        .boolean()
        .optional()
        .describe('At most one app of a tenant may be on it. Left out: as it was, else false.'),
      isOpenToTenants: z
        .boolean()
        .optional()
        .describe(
          'Keys of a tenant may put its apps on it; a plan of a tenant is open to that tenant ' +
            'anyway. Left out: as it was, else false.',
        ),
    }),
    result: plan,
    status: 200,
    refusals: ['not_found', 'plan_in_use', 'count_full', 'input_invalid'],
    command: 'plans save',
  },
  'plans.remove': {
    method: 'DELETE',
    path: '/plans/{plan}',
    summary: 'Remove a plan that no app is on.',
    permission: 'plans:write',
    parameters: ofPlan.extend({ tenantId }),
    body: undefined,
    result: plan,
    status: 200,
    refusals: ['not_found', 'plan_in_use'],
    command: 'plans remove',
  },
} as const satisfies Record<string, Operation>
