import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { INSTALLATION } from '../audit/entry.ts'

const LIMITS = { maxConnections: 5, maxDocuments: 4, maxUsersPerDoc: 3, opsPerMinute: 2 }

let world: AdministrationWorld
let tenantId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
})

async function appOn(plan: string, name = 'chat') {
  const request = { tenantId, name, plan, allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...request, type: 'confidential' }, CALLER))
  return made.loaded.app.id
}

const limitsOf = (appId: string) => world.core.authority.apps.findById(appId)?.limits

const ofAll = (name: string, limits = LIMITS) => ({ tenantId: undefined, name, limits })
const ofTenant = (name: string, limits = LIMITS) => ({ tenantId, name, limits })

test('apps that are on a plan follow its limits as soon as it is saved', async () => {
  const appId = await appOn('free')
  expect(limitsOf(appId)?.maxConnections).toBe(40)
  await world.done(world.plans.save(ofAll('free'), CALLER))
  expect(limitsOf(appId)).toEqual(LIMITS)
  expect((await world.actions(INSTALLATION, 'control')).at(-1)).toBe('plan.saved')
})

test("a tenant's own plan goes before one of the installation, for that tenant alone", async () => {
  const appId = await appOn('unlimited')
  await world.done(world.plans.save(ofTenant('unlimited'), CALLER))
  expect(limitsOf(appId)).toEqual(LIMITS)
  tenantId = await world.tenant('Other')
  expect(limitsOf(await appOn('unlimited'))?.maxConnections).toBe(2_147_483_647)
})

test('a changed plan keeps its age and the rule it was made with', async () => {
  const first = await world.done(
    world.plans.save({ ...ofAll('solo'), isOnePerTenant: true }, CALLER),
  )
  world.time.ms += 1_000
  const second = await world.done(world.plans.save(ofAll('solo'), CALLER))
  expect(second).toEqual(first)
})

describe('a plan that apps are on', () => {
  test('is not removed; it is once they have left', async () => {
    await world.done(world.plans.save(ofAll('pro'), CALLER))
    const appId = await appOn('pro')
    const name = { tenantId: undefined, name: 'pro' }
    const refused = { ok: false, refusal: 'plan_in_use' }
    expect(await world.plans.remove(name, CALLER)).toMatchObject(refused)
    expect(limitsOf(appId)).toEqual(LIMITS)
    await world.done(world.apps.assignPlan({ appId, plan: 'free' }, CALLER))
    await world.done(world.plans.remove(name, CALLER))
    const back = world.apps.assignPlan({ appId, plan: 'pro' }, CALLER)
    expect(await back).toMatchObject({ ok: false, refusal: 'plan_unknown' })
  })

  test('does not become one that a tenant may have once, nor stop being it', async () => {
    await appOn('unlimited')
    await appOn('free', 'other')
    const refused = { ok: false, refusal: 'plan_in_use' }
    for (const [name, isOnePerTenant] of [
      ['unlimited', true],
      ['free', false],
    ] as const) {
      const changed = { ...ofAll(name), isOnePerTenant }
      expect(await world.plans.save(changed, CALLER)).toMatchObject(refused)
      // Nor by a plan of the tenant that would take its place.
      const hidden = { ...ofTenant(name), isOnePerTenant }
      expect(await world.plans.save(hidden, CALLER)).toMatchObject(refused)
    }
  })

  test('of a name that only a hidden plan has can go', async () => {
    await world.done(world.plans.save(ofTenant('unlimited'), CALLER))
    await appOn('unlimited')
    const hidden = { tenantId: undefined, name: 'unlimited' }
    expect(await world.plans.remove(hidden, CALLER)).toMatchObject({ ok: true })
    const used = { tenantId, name: 'unlimited' }
    const refused = { ok: false, refusal: 'plan_in_use' }
    expect(await world.plans.remove(used, CALLER)).toMatchObject(refused)
  })
})

test('what is not there is not found', async () => {
  const missing = { ok: false, refusal: 'not_found' }
  const name = { tenantId: undefined, name: 'gold' }
  expect(await world.plans.remove(name, CALLER)).toMatchObject(missing)
  const nobody = { ...ofAll('gold'), tenantId: '11111111-1111-4111-8111-111111111111' }
  expect(await world.plans.save(nobody, CALLER)).toMatchObject(missing)
})
