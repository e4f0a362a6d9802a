/**
 * Brings what a configuration declares into the store: the same declaration twice writes nothing
 * the second time. What is not declared is left alone, except declared values that are no longer
 * listed. A value that was rotated away since stays away.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { PlanRecord } from '../../ports/records/plan.ts'
import type { TenantRecord } from '../../ports/records/tenant.ts'
import { Conflict } from '../../ports/store.ts'
import { CONFIGURATION } from '../administration/callers.ts'
import type { AdministrationDeps } from '../administration/context.ts'
import { makeCredential, recordNewCredential } from '../administration/credential-making.ts'
import { describePlan } from '../administration/plan-changes.ts'
import type { Revocations } from '../administration/revocations.ts'
import { makeSigningKey } from '../administration/signing-keys.ts'
import type { AuditAction } from '../audit/actions.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { fingerprintOf } from '../material.ts'
import { checkDeclarations } from './check.ts'
import { declareIntegrations, declareRuleSets } from './declare-rules.ts'
import { declareApp } from './declare-app.ts'
import type { DeclarationRefusal, Declarations, DeclaredPlan, DeclaredTenant } from './declared.ts'

export interface DeclarationDeps {
  readonly administration: AdministrationDeps
  readonly revocations: Revocations
}

/**
 * @returns how many records were written; a refusal before anything was.
 * @throws Outage
 */
export async function applyDeclarations(
  declarations: Declarations,
  deps: DeclarationDeps,
): Promise<Result<{ readonly changeCount: number }, DeclarationRefusal>> {
  const { authority } = deps.administration
  const checked = checkDeclarations(declarations, authority)
  if (!checked.ok) return checked
  try {
    let changeCount = await declarePlans(undefined, declarations.plans, deps.administration)
    for (const tenant of declarations.tenants) {
      changeCount += await declareTenant(tenant, deps.administration)
      changeCount += await declarePlans(tenant.id, tenant.plans, deps.administration)
      changeCount += await declareRuleSets(tenant, deps.administration)
      for (const app of tenant.apps) changeCount += await declareApp(app, tenant.id, deps)
      changeCount += await declareIntegrations(tenant, deps.administration)
    }
    changeCount += await declareOperators(declarations, deps.administration)
    return ok({ changeCount })
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    return refuseConflict(error)
  }
}

async function declarePlans(
  tenantId: string | undefined,
  declared: readonly DeclaredPlan[],
  deps: AdministrationDeps,
): Promise<number> {
  const { authority, store, clock } = deps
  const known = authority.tenants.plans.filter((plan) => plan.tenantId === tenantId)
  const changed = declared.flatMap((plan): PlanRecord[] => {
    const before = known.find(({ name }) => name === plan.name)
    if (plan.isBuiltIn === true && before !== undefined) return []
    const createdAtMs = before?.createdAtMs ?? clock.nowMs()
    const { isBuiltIn: _, ...terms } = plan
    const record = { ...terms, tenantId, limits: { ...plan.limits }, createdAtMs }
    return before !== undefined && isSamePlan(before, record) ? [] : [record]
  })
  if (changed.length === 0) return 0
  await store.control.transaction(async (transaction) => {
    for (const plan of changed) {
      await transaction.savePlan(plan)
      const entry = entryOf(tenantId, 'plan.saved', { kind: 'plan', id: plan.name })
      const after = describePlan(plan)
      await deps.audit.record({ code: store.control.code, transaction }, { ...entry, after })
    }
  })
  await authority.changed({ kind: 'plans' })
  return changed.length
}

function isSamePlan(a: PlanRecord, b: PlanRecord): boolean {
  const text = ({ limits, isOnePerTenant, isOpenToTenants }: PlanRecord) => {
    const { maxConnections, maxDocuments, maxUsersPerDoc, opsPerMinute, rateLimits = [] } = limits
    const numbers = [maxConnections, maxDocuments, maxUsersPerDoc, opsPerMinute]
    return JSON.stringify([numbers, rateLimits, isOnePerTenant, isOpenToTenants])
  }
  return text(a) === text(b)
}

/** Keeps the state: a declaration does not wake a suspended tenant. */
async function declareTenant(declared: DeclaredTenant, deps: AdministrationDeps): Promise<number> {
  const { authority, store, clock } = deps
  const { id, shortId, name, signingAlgorithm } = declared
  const before = authority.tenants.find(id)?.tenant
  if (
    before?.shortId === shortId &&
    before.name === name &&
    before.signingAlgorithm === signingAlgorithm
  ) {
    return 0
  }
  const record: TenantRecord = {
    id,
    shortId,
    name,
    signingAlgorithm,
    state: before?.state ?? 'active',
    createdAtMs: before?.createdAtMs ?? clock.nowMs(),
  }
  // A new algorithm needs a key of its own; the schedule of signing keys makes it.
  const key = before === undefined ? await makeSigningKey(record, CONFIGURATION, deps) : undefined
  await store.control.transaction(async (transaction) => {
    const place = { code: store.control.code, transaction }
    await transaction.saveTenant(record)
    const action = before === undefined ? 'tenant.created' : 'tenant.updated'
    const entry = entryOf(id, action, { kind: 'tenant', id, name })
    await deps.audit.record(place, { ...entry, after: { shortId, name, signingAlgorithm } })
    if (key !== undefined) {
      await recordNewCredential(key, { ...place, caller: CONFIGURATION }, deps)
    }
  })
  await authority.changed({ kind: 'tenant', tenantId: id })
  return 1
}

async function declareOperators(
  { operatorKeys }: Declarations,
  deps: AdministrationDeps,
): Promise<number> {
  const { authority, store, keys } = deps
  const known = new Set(
    authority.tenants
      .operators()
      .flatMap(({ versions }) => versions.map(({ material }) => material))
      .flatMap((material) => ('fingerprint' in material ? [material.fingerprint] : [])),
  )
  let count = 0
  for (const { value, role, tenant } of operatorKeys) {
    if (known.has(fingerprintOf(value, keys.fingerprint))) continue
    const request = {
      kind: 'operator_key' as const,
      tenantId: tenant,
      appId: undefined,
      name: `declared ${role}`,
      attributes: { role },
      value,
      origin: 'declared' as const,
    }
    const made = await makeCredential(request, CONFIGURATION, deps)
    if (!made.ok) throw new Error(`a declared operator key was refused: ${made.refusal}`)
    await store.control.transaction((transaction) =>
      recordNewCredential(
        made.value.credential,
        { transaction, code: store.control.code, caller: CONFIGURATION },
        deps,
      ),
    )
    count++
  }
  if (count > 0) await authority.changed({ kind: 'operators' })
  return count
}

function entryOf(
  tenantId: string | undefined,
  action: AuditAction,
  target: { readonly kind: string; readonly id: string; readonly name?: string },
) {
  const { actor, source, requestId } = CONFIGURATION
  const outcome = 'success' as const
  return { tenantId: tenantId ?? INSTALLATION, actor, source, requestId, action, target, outcome }
}

function refuseConflict({ rule }: Conflict): Result<never, DeclarationRefusal> {
  switch (rule) {
    case 'tenant_short_id':
      return refuse('short_id_taken', 'a declared shortId belongs to another tenant')
    case 'app_name':
      return refuse('app_name_taken', 'two apps of one tenant would have one name')
    case 'client_id':
      return refuse('client_id_taken', 'a declared clientId belongs to another app')
    case 'app_key':
    case 'key_id':
    case 'app_id':
      return refuse('key_of_other_app', 'a declared key or app id is taken: choose another')
    case 'free_app':
      return refuse('free_plan_taken', 'two apps of one tenant are on a plan that one may have')
    case 'member_email':
    case 'stale_revision':
    case 'unknown_parent':
    case 'webhook_name':
    case 'rule_set_name':
    case 'integration_name':
      throw new Error(`declaring met a conflict: ${rule}`)
    default:
      return rule satisfies never
  }
}
