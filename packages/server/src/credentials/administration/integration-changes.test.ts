import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import type { IntegrationTerms } from './integration-changes.ts'
import { INTEGRATION_COUNT_MAX } from './integration-changes.ts'

let world: AdministrationWorld
let tenantId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
})

const known = () => world.core.authority.tenants.find(tenantId)?.integrations
const create = (name: string, terms: IntegrationTerms = {}) =>
  world.integrations.create({ tenantId, name, ...terms }, CALLER)
const update = (name: string, terms: IntegrationTerms & { revision?: number }) =>
  world.integrations.update({ tenantId, name, ...terms }, CALLER)

async function appOf(owner: string): Promise<string> {
  const request = { tenantId: owner, name: 'chat', plan: 'unlimited', allowedDomains: [] }
  const terms = { ...request, settings: {}, type: 'confidential' as const }
  return (await world.done(world.apps.create(terms, CALLER))).loaded.app.id
}

test('an integration is made, changed, switched and removed, each with its audit row', async () => {
  const appId = await appOf(tenantId)
  const made = await world.done(create('web', { appId, ruleSet: 'default' }))
  expect(made).toMatchObject({ appId, ruleSet: 'default', provider: undefined, isEnabled: true })
  expect(known()).toEqual([made])
  const provider = { type: 'supabase', project: 'abc' } as const
  const changed = await world.done(update('web', { provider, ruleSet: null, revision: 1 }))
  expect(changed).toMatchObject({ appId, ruleSet: undefined, revision: 2 })
  expect(changed.provider).toMatchObject({ issuer: 'https://abc.supabase.co/auth/v1' })
  const named = { tenantId, name: 'web' }
  await world.done(world.integrations.disable({ ...named, reason: 'breached' }, CALLER))
  expect(known()).toMatchObject([{ isEnabled: false, provider: { type: 'supabase' } }])
  await world.done(world.integrations.enable(named, CALLER))
  await world.done(world.integrations.remove(named, CALLER))
  expect(known()).toEqual([])
  expect((await world.actions(tenantId, 'control')).slice(-5)).toEqual([
    'integration.created',
    'integration.updated',
    'integration.disabled',
    'integration.enabled',
    'integration.removed',
  ])
})

test('the log names a shared secret and holds none', async () => {
  const provider = { type: 'supabase', project: 'abc', jwtSecret: 'legacy' } as const
  expect((await world.done(create('old', { provider }))).provider?.jwtSecret).toBe('legacy')
})

test('a change of nothing writes nothing', async () => {
  await world.done(create('web', { ruleSet: 'default' }))
  const before = [known(), await world.everything()]
  await world.done(update('web', { ruleSet: 'default' }))
  await world.done(world.integrations.enable({ tenantId, name: 'web' }, CALLER))
  expect([known(), await world.everything()]).toEqual(before)
})

describe('what cannot be done writes nothing', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ['a name that is taken', () => create('web'), 'name_taken'],
    ['a rule set that is none', () => create('new', { ruleSet: 'none' }), 'input_invalid'],
    ['an app that is none', () => create('new', { appId: 'none' }), 'input_invalid'],
    [
      "another tenant's app",
      async () => create('new', { appId: await foreign() }),
      'input_invalid',
    ],
    [
      'a provider without an issuer',
      () => create('n', { provider: { type: 'oidc' } }),
      'input_invalid',
    ],
    ['a stale change', () => update('web', { ruleSet: null, revision: 3 }), 'changed_meanwhile'],
    ['one that is not there', () => update('none', {}), 'not_found'],
  ])('%s', async (_, work, refusal) => {
    await world.done(create('web'))
    const before = known()
    expect(await work()).toMatchObject({ ok: false, refusal })
    expect(known()).toEqual(before)
  })

  async function foreign(): Promise<string> {
    return appOf(await world.tenant('Other'))
  }
})

test('a tenant has as many as the bound says', async () => {
  for (let n = 0; n < INTEGRATION_COUNT_MAX; n++) await world.done(create(`i-${n}`))
  expect(await create('more')).toMatchObject({ refusal: 'count_full' })
})
