/**
 * Plans and regions that apps name exist, and a plan that is one per tenant is given once. Pure.
 * Part of `checks.ts`. No text names a plan or region: it could be a secret in the wrong place.
 */
import { refuseRepeated } from './check-identities.ts'
import type { Config, PlanDeclaration } from './config.ts'
import type { Review } from './problem.ts'

export function checkRegions({ regions, tenants }: Config, review: Review): void {
  const codes = new Set(regions.map(({ code }) => code))
  for (const app of tenants.flatMap(({ apps }) => apps)) {
    const path = review.pathOf(app, 'region')
    if (codes.has(app.region) || !review.isSound(path)) continue
    const next = 'declare it under `regions`, or name one that is there; `local` needs no list'
    review.object(path, { what: 'there is no region of this code', next })
  }
}

export function checkPlans({ plans, tenants }: Config, review: Review): void {
  const refuseTwins = (list: readonly PlanDeclaration[]): void => {
    const names = list.map((plan) => ({ path: review.pathOf(plan, 'name'), value: plan.name }))
    refuseRepeated(names, 'another plan of the list has this name', review)
  }
  refuseTwins(plans)
  for (const tenant of tenants) {
    refuseTwins(tenant.plans)
    // The tenant's own go last, so that they replace those of the installation.
    const known = new Map([...plans, ...tenant.plans].map((plan) => [plan.name, plan]))
    let first: string | undefined
    for (const app of tenant.apps) {
      const path = review.pathOf(app, 'plan')
      const plan = known.get(app.plan)
      if (!review.isSound(path)) continue
      if (plan === undefined) {
        const next = 'declare it under `plans`, or use `free` or `unlimited`'
        review.object(path, { what: 'there is no plan of this name', next })
      } else if (plan.isOnePerTenant && first !== undefined) {
        const next = `choose another plan, or change ${review.whereOf(first)}`
        review.object(path, { what: 'another app of the tenant is on a plan of this kind', next })
      } else if (plan.isOnePerTenant) first = path
    }
  }
}
