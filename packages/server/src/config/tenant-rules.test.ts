import { expect, test } from 'bun:test'
import { loadConfig } from './load.ts'
import { describeConfig } from './secrets.ts'

const TENANT = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_k7xm4pqr2n5t',
  name: 'Acme',
}

function load(tenant: object) {
  return loadConfig({
    file: { name: 'lockgate.json', text: JSON.stringify({ tenants: [{ ...TENANT, ...tenant }] }) },
    environment: {},
    flags: {},
    workingFolder: '/srv',
    readFile: () => ({ ok: false, refusal: 'missing' }) as const,
  })
}

const RULE = { effect: 'allow', actions: ['publish'], filter: 'a/${user_id}/#' }

test('rule sets and integrations are read with their defaults, and described as they were', async () => {
  const rules = [
    { ...RULE, qosMax: 1, retain: 'never', users: ['sensor-*'] },
    { ...RULE, retain: 'only' },
    { ...RULE, effect: 'deny', actions: ['publish', 'history'] },
  ]
  const ruleSets = [{ name: 'web', rules }]
  const integrations = [{ name: 'app', ruleSet: 'web', provider: 'supabase', project: 'abc' }]
  const loaded = await load({ ruleSets, integrations })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded))
  const [tenant] = loaded.config.tenants
  expect(tenant?.ruleSets).toEqual([
    {
      name: 'web',
      rules: [
        { ...RULE, qosMax: 1, retain: false, users: ['sensor-*'] } as never,
        { ...RULE, retain: true } as never,
        { ...RULE, effect: 'deny', actions: ['publish', 'history'] } as never,
      ],
    },
  ])
  expect(tenant?.integrations).toMatchObject([
    { name: 'app', app: undefined, ruleSet: 'web', provider: 'supabase', capToIdpExpiry: false },
  ])
  const described = describeConfig(loaded.config)['tenants'] as readonly object[]
  const again = await load(described[0] ?? {})
  expect(again.ok && again.config.tenants).toEqual(loaded.config.tenants)
})

test.each<[object, string]>([
  [{ ruleSets: [{ rules: [] }] }, 'ruleSets[0]'],
  [{ ruleSets: [{ name: 'a', rules: [{ ...RULE, effect: 'maybe' }] }] }, 'rules[0].effect'],
  [{ ruleSets: [{ name: 'a', rules: [{ ...RULE, actions: ['write'] }] }] }, 'rules[0].actions'],
  [{ ruleSets: [{ name: 'a', rules: [{ ...RULE, actions: [] }] }] }, 'rules[0].actions'],
  [{ ruleSets: [{ name: 'a', rules: [{ ...RULE, users: [''] }] }] }, 'rules[0].users'],
  [{ ruleSets: [{ name: 'a', rules: [{ ...RULE, qos: 1 }] }] }, 'rules[0].qos'],
  [{ ruleSets: [{ name: 'a' }, { name: 'a' }] }, 'ruleSets[1]'],
  [{ ruleSets: Array.from({ length: 101 }, (_, n) => ({ name: `r${n}` })) }, 'ruleSets'],
  [{ integrations: [{ name: 'a b' }] }, 'integrations[0].name'],
  [{ integrations: [{ name: 'a', provider: 'okta' }] }, 'integrations[0].provider'],
  [{ integrations: [{ name: 'a' }, { name: 'a' }] }, 'integrations[1]'],
])('%j is refused where it stands', async (tenant, where) => {
  const loaded = await load(tenant)
  expect(loaded.ok).toBe(false)
  expect(JSON.stringify(loaded)).toContain(where)
})
