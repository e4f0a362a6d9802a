import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import { applyDeclarations } from './declare.ts'
import type { DeclaredTenant } from './declared.ts'

const RULES: readonly RuleRecord[] = [{ effect: 'allow', actions: ['publish'], filter: 'a/#' }]
const TENANT: DeclaredTenant = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_k7xm4pqr2n5t',
  name: 'Acme',
  signingAlgorithm: 'ES256',
  plans: [],
  ruleSets: [{ name: 'web', rules: RULES }],
  integrations: [
    {
      name: 'app',
      app: undefined,
      ruleSet: 'web',
      provider: { type: 'supabase', project: 'abc' },
    },
  ],
  apps: [],
}

let world: AdministrationWorld
beforeEach(async () => {
  world = await AdministrationWorld.open()
})

function declare(rest: Partial<DeclaredTenant> = {}) {
  const { administration, revocations } = world.core
  const declarations = { plans: [], tenants: [{ ...TENANT, ...rest }], operatorKeys: [] }
  return applyDeclarations(declarations, { administration, revocations })
}

const known = () => world.core.authority.tenants.find(TENANT.id)

test('what is declared is there; declared again, nothing is written', async () => {
  expect(await declare()).toMatchObject({ ok: true })
  expect(known()).toMatchObject({
    ruleSets: [{ name: 'web', rules: RULES, revision: 1 }],
    integrations: [
      { name: 'app', ruleSet: 'web', provider: { issuer: 'https://abc.supabase.co/auth/v1' } },
    ],
  })
  expect(await declare()).toEqual({ ok: true, value: { changeCount: 0 } })
})

test('a change is followed, who made it; what is not declared any more is left alone', async () => {
  await declare()
  const named = { tenantId: TENANT.id, name: 'app' }
  await world.done(world.integrations.disable(named, CALLER))
  const rules: readonly RuleRecord[] = [{ ...RULES[0], effect: 'deny' } as RuleRecord]
  const integrations = [{ name: 'app', app: undefined, ruleSet: 'default', provider: undefined }]
  const ruleSets = [{ name: 'default', rules }]
  expect(await declare({ ruleSets, integrations })).toEqual({
    ok: true,
    value: { changeCount: 2 },
  })
  expect(known()?.ruleSets.map(({ name }) => name)).toEqual(['default', 'web'])
  expect(known()?.integrations).toMatchObject([
    { ruleSet: 'default', provider: undefined, isEnabled: false },
  ])
})

describe('what does not fit is refused before anything is written', () => {
  const integration = { name: 'app', app: undefined, ruleSet: undefined, provider: undefined }

  test.each<[string, Partial<DeclaredTenant>, string]>([
    [
      'a filter that is none',
      {
        ruleSets: [
          { name: 'web', rules: [...RULES, { ...RULES[0], filter: 'a/#/b' } as RuleRecord] },
        ],
      },
      'rule set web of org_k7xm4pqr2n5t: rule 2: ',
    ],
    ['a rule set that is none', { ruleSets: [] }, 'there is no rule set web'],
    ['an app that is none', { integrations: [{ ...integration, app: 'x' }] }, 'has no app x'],
    [
      'a provider that lacks something',
      { integrations: [{ ...integration, provider: { type: 'oidc' } }] },
      'Give issuer',
    ],
    [
      'more than there may be',
      { integrations: Array.from({ length: 101 }, (_, n) => ({ ...integration, name: `i${n}` })) },
      'at most 100 integrations',
    ],
  ])('%s', async (_, rest, what) => {
    const refused = await declare(rest)
    expect(refused).toMatchObject({ ok: false, refusal: 'rules_invalid' })
    expect(refused.ok ? '' : refused.detail).toContain(what)
    expect(known()).toBeUndefined()
  })
})
