/**
 * Changes of plans, each in one transaction with its audit row. Apps that are on a plan follow its
 * limits as soon as it is saved: at their next connection and their next token.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { PlanLimits, PlanRecord } from '../../ports/records/plan.ts'
import type { ControlTransaction } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import { INSTALLATION, type AuditDetail } from '../audit/entry.ts'
import { findPlanIn } from '../tenant-directory.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { checkLimitTexts } from './limit-texts.ts'

/** Our bound on the plans of one tenant, and on those of the installation. */
export const PLAN_COUNT_MAX = 100

export interface PlanRequest {
  /** Undefined: of the installation. */
  readonly tenantId: string | undefined
  readonly name: string
  readonly limits: PlanLimits
  /** Undefined: as it was, else false. */
  readonly isOnePerTenant?: boolean | undefined
  /** Undefined: as it was, else false. Apps that are on it stay when it is closed. */
  readonly isOpenToTenants?: boolean | undefined
}

type Changed = Promise<Result<PlanRecord, AdminRefusalCode>>
type PlanName = Pick<PlanRecord, 'tenantId' | 'name'>

export class PlanChanges {
  readonly #deps: AdministrationDeps

  constructor(deps: AdministrationDeps) {
    this.#deps = deps
  }

  /** @throws Outage */
  async save(request: PlanRequest, caller: Caller): Changed {
    const { tenantId, name, limits } = request
    const checked = checkLimitTexts(limits.rateLimits)
    if (!checked.ok) return checked
    return this.#change(request, { action: 'plan.saved', caller }, async (transaction, plans) => {
      const before = plans.find(isPlan(request))
      const siblings = plans.filter((plan) => plan.tenantId === tenantId)
      if (before === undefined && siblings.length >= PLAN_COUNT_MAX) return refuse('count_full')
      const after: PlanRecord = {
        tenantId,
        name,
        limits: { ...limits },
        isOnePerTenant: request.isOnePerTenant ?? before?.isOnePerTenant ?? false,
        isOpenToTenants: request.isOpenToTenants ?? before?.isOpenToTenants ?? false,
        createdAtMs: before?.createdAtMs ?? this.#deps.clock.nowMs(),
      }
      const next = [...plans.filter((plan) => plan !== before), after]
      // Which app holds the one place was settled under the rule as it was.
      if (this.#changesPlaces(plans, next)) return refuse('plan_in_use')
      await transaction.savePlan(after)
      return ok({ before, after })
    })
  }

  /** @throws Outage */
  remove(name: PlanName, caller: Caller): Changed {
    return this.#change(name, { action: 'plan.removed', caller }, async (transaction, plans) => {
      const before = plans.find(isPlan(name))
      if (before === undefined) return refuse('not_found')
      if (this.#isUsed(before, plans)) return refuse('plan_in_use')
      await transaction.removePlan(before)
      return ok({ before, after: undefined })
    })
  }

  #isUsed(plan: PlanRecord, plans: readonly PlanRecord[]): boolean {
    return this.#subscribed().some((app) => findPlanIn(plans, app.tenantId, app.plan) === plan)
  }

  #changesPlaces(before: readonly PlanRecord[], after: readonly PlanRecord[]): boolean {
    return this.#subscribed().some(({ tenantId, plan }) => {
      const known = findPlanIn(before, tenantId, plan)
      const next = findPlanIn(after, tenantId, plan)
      return known !== undefined && known.isOnePerTenant !== next?.isOnePerTenant
    })
  }

  #subscribed() {
    return [...this.#deps.authority.apps.apps()].flatMap(({ app: { tenantId, subscription } }) =>
      subscription === undefined ? [] : [{ tenantId, plan: subscription.plan }],
    )
  }

  async #change(
    { tenantId, name }: PlanName,
    { action, caller }: { readonly action: AuditAction; readonly caller: Caller },
    work: (
      transaction: ControlTransaction,
      plans: readonly PlanRecord[],
    ) => Promise<Result<PlanStep, AdminRefusalCode>>,
  ): Changed {
    const { authority, store, audit } = this.#deps
    const { control } = store
    const changed = await control.transaction(async (transaction) => {
      const isOfNobody =
        tenantId !== undefined && (await transaction.findTenant(tenantId)) === undefined
      if (isOfNobody) return refuse('not_found' as const)
      const stepped = await work(transaction, await transaction.listPlans())
      if (!stepped.ok) return stepped
      const { before, after } = stepped.value
      const entry = changeEntry(caller, {
        tenantId: tenantId ?? INSTALLATION,
        action,
        target: { kind: 'plan', id: name },
        ...(before === undefined ? {} : { before: describePlan(before) }),
        ...(after === undefined ? {} : { after: describePlan(after) }),
      })
      await audit.record({ code: control.code, transaction }, entry)
      const shown = after ?? before
      if (shown === undefined) throw new Error('a change of no plan')
      return ok(shown)
    })
    if (changed.ok) await authority.changed({ kind: 'plans' })
    return changed
  }
}

interface PlanStep {
  readonly before: PlanRecord | undefined
  /** Undefined: the plan is removed. */
  readonly after: PlanRecord | undefined
}

function isPlan({ tenantId, name }: PlanName) {
  return (plan: PlanRecord) => plan.tenantId === tenantId && plan.name === name
}

/** @returns what of a plan the audit log shows. */
export function describePlan(plan: PlanRecord): AuditDetail {
  const { limits, isOnePerTenant, isOpenToTenants } = plan
  return { limits, isOnePerTenant, isOpenToTenants }
}
