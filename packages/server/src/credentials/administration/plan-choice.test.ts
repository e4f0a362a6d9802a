import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { TenantDirectory } from '../tenant-directory.ts'
import { choosePlan } from './plan-choice.ts'

const LIMITS = { maxConnections: 5, maxDocuments: 4, maxUsersPerDoc: 3, opsPerMinute: 2 }
const CLOSED = { ok: false, refusal: 'plan_closed' }

let world: AdministrationWorld
let tenantId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
})

const tenantKey = () => ({ ...CALLER, tenantId })

function create(plan: string | undefined, name = 'chat', caller = tenantKey()) {
  const request = { tenantId, name, plan, allowedDomains: [], settings: {} }
  return world.apps.create({ ...request, type: 'confidential' }, caller)
}

async function appOn(plan: string): Promise<string> {
  const request = { tenantId, name: 'chat', plan, allowedDomains: [], settings: {} }
  const made = world.apps.create({ ...request, type: 'confidential' }, CALLER)
  return (await world.done(made)).loaded.app.id
}

const planOf = (appId: string) => world.core.authority.apps.findById(appId)?.app.subscription?.plan

describe('a key of a tenant', () => {
  test('puts a new app on `free`, and not on `unlimited`, which leaves nothing', async () => {
    const before = await world.everything()
    expect(await create('unlimited')).toMatchObject(CLOSED)
    expect(await world.everything()).toEqual(before)
    expect(await create('free')).toMatchObject({ ok: true })
  })

  test('moves an app to `free`, and not back to `unlimited`', async () => {
    const appId = await appOn('unlimited')
    await world.done(world.apps.assignPlan({ appId, plan: 'free' }, tenantKey()))
    const back = await world.apps.assignPlan({ appId, plan: 'unlimited' }, tenantKey())
    expect(back).toMatchObject(CLOSED)
    expect(planOf(appId)).toBe('free')
  })

  test('does not revive a subscription to a closed plan that was ended', async () => {
    const appId = await appOn('unlimited')
    const ended = { appId, plan: 'unlimited', state: 'inactive' as const }
    await world.done(world.apps.assignPlan(ended, CALLER))
    const revived = { appId, plan: 'unlimited', state: 'active' as const }
    expect(await world.apps.assignPlan(revived, tenantKey())).toMatchObject(CLOSED)
    expect(world.admitted(appId)).toBe('plan_missing')
  })

  test('chooses what was made for its tenant, also under the name of a closed plan', async () => {
    const own = { tenantId, name: 'unlimited', limits: LIMITS }
    await world.done(world.plans.save(own, CALLER))
    const { loaded } = await world.done(create('unlimited'))
    expect(loaded.limits).toEqual(LIMITS)
  })

  test('chooses a plan while it is open; closed, the apps that are on it stay', async () => {
    const team = { tenantId: undefined, name: 'team', limits: LIMITS }
    const saved = await world.done(world.plans.save(team, CALLER))
    expect(saved.isOpenToTenants).toBe(false)
    expect(await create('team')).toMatchObject(CLOSED)
    await world.done(world.plans.save({ ...team, isOpenToTenants: true }, CALLER))
    const { loaded } = await world.done(create('team'))
    // What is left out stays as it was.
    expect((await world.done(world.plans.save(team, CALLER))).isOpenToTenants).toBe(true)
    await world.done(world.plans.save({ ...team, isOpenToTenants: false }, CALLER))
    expect(await create('team', 'other')).toMatchObject(CLOSED)
    expect(world.admitted(loaded.app.id)).toBe('admitted')
  })
})

test('a key of the installation chooses any plan for the apps of any tenant', async () => {
  const appId = await appOn('unlimited')
  for (const plan of ['free', 'unlimited']) {
    await world.done(world.apps.assignPlan({ appId, plan }, CALLER))
    expect(planOf(appId)).toBe(plan)
  }
})

test('whatever plans there are, a tenant gets its own, open ones, and no other', () => {
  const TENANTS = ['a', 'b'] as const
  const anyPlan = fc.record({
    tenantId: fc.constantFrom(undefined, ...TENANTS),
    name: fc.constantFrom('free', 'team', 'unlimited'),
    isOpenToTenants: fc.boolean(),
  })
  const anyPlans = fc.uniqueArray(anyPlan, {
    selector: ({ tenantId: owner, name }) => `${owner} ${name}`,
  })
  const anyTenant = fc.constantFrom(...TENANTS)
  fc.assert(
    fc.property(anyPlans, anyTenant, anyPlan, (plans, caller, { name }) => {
      const directory = new TenantDirectory()
      const rest = { limits: LIMITS, isOnePerTenant: false, createdAtMs: 0 }
      directory.replacePlans(plans.map((plan) => ({ ...plan, ...rest })))
      const choice = { tenantId: caller, name }
      const any = choosePlan(choice, { tenantId: undefined }, directory)
      const chosen = choosePlan(choice, { tenantId: caller }, directory)
      const named = plans.filter((plan) => plan.name === name)
      const isOwn = named.some((plan) => plan.tenantId === caller)
      const isOpen = named.some((plan) => plan.tenantId === undefined && plan.isOpenToTenants)
      expect(chosen.ok).toBe(isOwn || isOpen)
      // What is chosen is what the installation would have got by that name.
      if (chosen.ok) expect(any).toEqual(chosen)
      else expect(chosen.refusal).toBe(any.ok ? 'plan_closed' : 'plan_unknown')
    }),
  )
})
