/**
 * The sections `operatorKeys:`, `regions:` and `plans:` of the file, and the `plans:` of a tenant.
 * Pure but for the given `readFile`.
 */
import type { OperatorKeyDeclaration, PlanDeclaration, RegionDeclaration } from './config.ts'
import type { DocumentNode } from './document.ts'
import { bounded, type Group, type GroupContext, keysOf, readFields } from './groups.ts'
import { readList, refuseUnknown } from './groups.ts'
import { BUILT_IN_PLANS, DEFAULT_REGIONS, OPERATOR_KEY_COUNT_MAX } from './section-schema.ts'
import { OPERATOR_KEY_FIELDS, PLAN_COUNT_MAX, PLAN_FIELDS } from './section-schema.ts'
import { REGION_COUNT_MAX, REGION_FIELDS } from './section-schema.ts'

/** Where a list stands; no node when its key is absent. */
interface Place {
  readonly node: DocumentNode | undefined
  readonly path: string
}

export function readOperatorKeys(
  root: DocumentNode | undefined,
  context: GroupContext,
): readonly OperatorKeyDeclaration[] {
  const path = 'operatorKeys'
  const keys = readList(placeOf(root, path), context, (group) => {
    refuseUnknown(group, keysOf(OPERATOR_KEY_FIELDS), context)
    const fields = readFields(group, OPERATOR_KEY_FIELDS, context)
    return { ...fields, tenant: fields.tenant?.toLowerCase() }
  })
  return bounded(keys, { path, countMax: OPERATOR_KEY_COUNT_MAX }, context)
}

/** @returns the declared regions, at least one; the default where the file names none. */
export function readRegions(
  root: DocumentNode | undefined,
  context: GroupContext,
): readonly RegionDeclaration[] {
  const path = 'regions'
  const place = placeOf(root, path)
  const regions = readList(place, context, (group) => readRegion(group, context))
  if (place.node?.kind === 'list' && place.node.items.length === 0) {
    const next = 'name at least one, or leave the key out to have the region `local`'
    context.review.object(path, { what: 'the list is empty', next })
  }
  if (regions.length === 0) return DEFAULT_REGIONS
  return bounded(regions, { path, countMax: REGION_COUNT_MAX }, context)
}

function readRegion(group: Group, context: GroupContext): RegionDeclaration {
  refuseUnknown(group, keysOf(REGION_FIELDS), context)
  const fields = readFields(group, REGION_FIELDS, context)
  return { ...fields, dbCode: fields.dbCode ?? fields.code }
}

/** @returns the plans of the installation: a declared one replaces a built-in of its name. */
export function readInstallationPlans(
  root: DocumentNode | undefined,
  context: GroupContext,
): readonly PlanDeclaration[] {
  const declared = readPlans(placeOf(root, 'plans'), context)
  const isBuiltIn = ({ name }: PlanDeclaration): boolean =>
    BUILT_IN_PLANS.some((plan) => plan.name === name)
  const builtIn = BUILT_IN_PLANS.flatMap((plan) => {
    const replaced = declared.filter(({ name }) => name === plan.name)
    return replaced.length > 0 ? replaced : [plan]
  })
  return [...builtIn, ...declared.filter((plan) => !isBuiltIn(plan))]
}

/** @returns the plans of one list, in its order. */
export function readPlans(place: Place, context: GroupContext): readonly PlanDeclaration[] {
  const plans = readList(place, context, (group) => {
    refuseUnknown(group, keysOf(PLAN_FIELDS), context)
    const fields = readFields(group, PLAN_FIELDS, context)
    const { name, onePerTenant, openToTenants, rateLimits, ...bounds } = fields
    const limits = rateLimits === undefined ? bounds : { ...bounds, rateLimits }
    return { name, limits, isOnePerTenant: onePerTenant, isOpenToTenants: openToTenants }
  })
  return bounded(plans, { path: place.path, countMax: PLAN_COUNT_MAX }, context)
}

function placeOf(root: DocumentNode | undefined, path: string): Place {
  return { node: root?.kind === 'map' ? root.entries.get(path) : undefined, path }
}
