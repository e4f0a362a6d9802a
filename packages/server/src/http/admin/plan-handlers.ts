/** The operations on plans, and the list of regions. */
import { ok } from '@lockgate/protocol/result'
import type { Handlers } from './handlers.ts'
import { pageOf } from './paging.ts'
import { planShape } from './shapes.ts'
import { maySee, shownPage } from './visibility.ts'

type PlanOperation = 'regions.list' | 'plans.list' | 'plans.save' | 'plans.remove'

export const planHandlers: Pick<Handlers, PlanOperation> = {
  async 'regions.list'({ parameters }, { deps }) {
    const order = { list: 'regions', keyOf: ({ code }: { code: string }) => [code] }
    return shownPage(pageOf(deps.regions, parameters, order), (region) => region)
  },
  async 'plans.list'({ parameters }, { deps, principal }) {
    const { tenants } = deps.authority
    const tenantId = parameters.tenantId ?? principal.tenantId
    const plans = tenantId === undefined ? tenants.plans : tenants.plansOf(tenantId)
    const seen = plans.filter(
      (plan) => plan.tenantId === undefined || maySee(principal, plan.tenantId),
    )
    const keyOf = (plan: { tenantId: string | undefined; name: string }) => [
      plan.tenantId ?? '',
      plan.name,
    ]
    return shownPage(pageOf(seen, parameters, { list: 'plans', keyOf }), planShape)
  },
  async 'plans.save'({ parameters, body }, { deps, caller }) {
    const { tenantId, isOnePerTenant, isOpenToTenants, ...limits } = body
    const rules = { isOnePerTenant, isOpenToTenants }
    const request = { tenantId, name: parameters.plan, limits, ...rules }
    const saved = await deps.planChanges.save(request, caller)
    return saved.ok ? ok(planShape(saved.value)) : saved
  },
  async 'plans.remove'({ parameters }, { deps, caller }) {
    const { plan: name, tenantId } = parameters
    const removed = await deps.planChanges.remove({ name, tenantId }, caller)
    return removed.ok ? ok(planShape(removed.value)) : removed
  },
}
