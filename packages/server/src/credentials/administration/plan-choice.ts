/**
 * Which plans a caller may put an app of a tenant on. Pure. A plan says how much its apps may use,
 * so a tenant that could take any plan would set its own limits.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { PlanRecord } from '../../ports/records/plan.ts'
import type { TenantDirectory } from '../tenant-directory.ts'
import type { Caller } from './context.ts'

export interface PlanChoice {
  /** Whose app it is. */
  readonly tenantId: string
  readonly name: string
}

/**
 * Keys of the installation choose any plan. Those of a tenant choose one that was made for it, or
 * one of the installation that is open to tenants; one that is not stays closed to them also where
 * the app is on it already, so that they do not revive a subscription that was ended.
 */
export function choosePlan(
  { tenantId, name }: PlanChoice,
  caller: Pick<Caller, 'tenantId'>,
  tenants: Pick<TenantDirectory, 'findPlan'>,
): Result<PlanRecord, 'plan_unknown' | 'plan_closed'> {
  const plan = tenants.findPlan(tenantId, name)
  if (plan === undefined) return refuse('plan_unknown')
  const isOwn = plan.tenantId !== undefined && plan.tenantId === caller.tenantId
  const mayChoose = caller.tenantId === undefined || isOwn || plan.isOpenToTenants
  return mayChoose ? ok(plan) : refuse('plan_closed')
}
