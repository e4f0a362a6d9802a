/** The part of the store contract that rule sets and integrations rest on. */
import { expect, test } from 'bun:test'
import type {
  IntegrationRecord,
  ProviderRecord,
  RuleSetRecord,
} from '../../packages/server/src/ports/records/rule-set.ts'
import type { TenantName } from '../../packages/server/src/ports/rule-records.ts'
import { Conflict, type ControlTransaction } from '../../packages/server/src/ports/store.ts'
import { tenantOf } from './records.ts'
import type { StoreBench } from './store-bench.ts'

const HOSTILE = 'Größe "x" \u{1f600} \'; -- ${user_id}'

const RULE_SET: RuleSetRecord = {
  tenantId: tenantOf(1).id,
  name: 'default',
  rules: [
    {
      effect: 'allow',
      actions: ['publish', 'subscribe', 'presence', 'history'],
      filter: `rooms/+/${HOSTILE}/#`,
      qosMax: 0,
      retain: false,
      users: ['sensor-*'],
    },
    { effect: 'deny', actions: ['publish'], filter: '#' },
  ],
  revision: 1,
  createdAtMs: 1_000,
  updatedAtMs: 2_000,
}

const PROVIDER: ProviderRecord = {
  type: 'oidc',
  issuer: 'https://id.example.org/',
  jwksUrl: 'https://id.example.org/jwks',
  jwtSecret: undefined,
  audience: ['app'],
  authorizedParties: [],
  requiredClaims: ['email_verified'],
  emailClaim: 'email',
  userIdClaim: 'sub',
  capToIdpExpiry: true,
}

const INTEGRATION: IntegrationRecord = {
  tenantId: tenantOf(1).id,
  name: 'default',
  appId: undefined,
  ruleSet: undefined,
  provider: undefined,
  isEnabled: true,
  revision: 1,
  createdAtMs: 1_000,
  updatedAtMs: 2_000,
}

type Kept = RuleSetRecord | IntegrationRecord

/** Rule sets and integrations are kept alike: what is promised of one is promised of the other. */
interface Kind {
  readonly noun: string
  readonly taken: string
  readonly first: Kept
  readonly full: Kept
  save(each: ControlTransaction, record: Kept): Promise<void>
  find(each: ControlTransaction, key: TenantName): Promise<Kept | undefined>
  list(each: ControlTransaction, filter?: { readonly tenantId: string }): Promise<readonly Kept[]>
  remove(each: ControlTransaction, key: TenantName): Promise<void>
}

const KINDS: readonly Kind[] = [
  {
    noun: 'rule set',
    taken: 'rule_set_name',
    first: { ...RULE_SET, rules: [] },
    full: RULE_SET,
    save: (each, record) => each.saveRuleSet(record as RuleSetRecord),
    find: (each, key) => each.findRuleSet(key),
    list: (each, filter) => each.listRuleSets(filter),
    remove: (each, key) => each.removeRuleSet(key),
  },
  {
    noun: 'integration',
    taken: 'integration_name',
    first: INTEGRATION,
    full: {
      ...INTEGRATION,
      appId: 'app-1',
      ruleSet: HOSTILE,
      provider: PROVIDER,
      isEnabled: false,
    },
    save: (each, record) => each.saveIntegration(record as IntegrationRecord),
    find: (each, key) => each.findIntegration(key),
    list: (each, filter) => each.listIntegrations(filter),
    remove: (each, key) => each.removeIntegration(key),
  },
]

export function testStoreRules(bench: StoreBench): void {
  for (const kind of KINDS) testKind(bench, kind)

  test('a rule set and an integration may have one name, and are removed apart', async () => {
    await bench.store.control.transaction(async (each) => {
      await each.saveTenant(tenantOf(1))
      await each.saveRuleSet(RULE_SET)
      await each.saveIntegration({ ...INTEGRATION, ruleSet: RULE_SET.name })
      await each.removeRuleSet(RULE_SET)
      expect(await each.listRuleSets()).toEqual([])
      expect(await each.listIntegrations()).toEqual([{ ...INTEGRATION, ruleSet: RULE_SET.name }])
    })
  })
}

function testKind(bench: StoreBench, kind: Kind): void {
  const { noun, first, full } = kind
  const run = <R>(work: (each: ControlTransaction) => Promise<R>) =>
    bench.store.control.transaction(work)
  const begin = () =>
    run(async (each) => {
      for (const number of [1, 2]) await each.saveTenant(tenantOf(number))
    })
  const save = (record: Kept) => run((each) => kind.save(each, record))
  const list = (filter?: { readonly tenantId: string }) => run((each) => kind.list(each, filter))
  const ruleOf = async (record: Kept) => {
    const error: unknown = await save(record).catch((reason: unknown) => reason)
    return error instanceof Conflict ? error.rule : error
  }

  test(`a stored ${noun} comes back field for field, and as it was saved last`, async () => {
    await begin()
    for (const [index, record] of [first, full, first].entries()) {
      const saved = { ...record, revision: index + 1 }
      await save(saved)
      expect(await run((each) => kind.find(each, record))).toEqual(saved)
      expect(await list()).toEqual([saved])
    }
  })

  test(`each ${noun} is found and listed by tenant, then by name in byte order`, async () => {
    await begin()
    const other = { tenantId: tenantOf(2).id }
    await save({ ...first, ...other, name: 'a' })
    for (const name of ['b', 'B', HOSTILE, 'a']) await save({ ...first, name })
    const names = (found: readonly Kept[]) => found.map(({ name }) => name)
    expect(names(await list(first))).toEqual(['B', HOSTILE, 'a', 'b'])
    expect(names(await list())).toEqual(['B', HOSTILE, 'a', 'b', 'a'])
    expect(await list(other)).toEqual([{ ...first, ...other, name: 'a' }])
    expect(await list({ tenantId: 'none' })).toEqual([])
    expect(await run((each) => kind.find(each, { ...other, name: 'b' }))).toBeUndefined()
    expect((await run((each) => kind.find(each, { ...first, name: 'b' })))?.name).toBe('b')
  })

  test(`of two changes of one revision of a ${noun} the second is refused`, async () => {
    await begin()
    await save(first)
    const outcomes = await Promise.all([1, 2, 3].map(() => ruleOf({ ...full, revision: 2 })))
    expect(outcomes.filter((rule) => rule === undefined)).toHaveLength(1)
    expect(outcomes.filter((rule) => rule === 'stale_revision')).toHaveLength(2)
    expect(await ruleOf({ ...first, revision: 4 })).toBe('stale_revision')
    expect(await ruleOf({ ...first, name: 'absent', revision: 2 })).toBe('stale_revision')
    expect(await list()).toEqual([{ ...full, revision: 2 }])
  })

  test(`the name of a ${noun} is free in another tenant only, and needs a tenant`, async () => {
    await begin()
    await save(first)
    expect(await ruleOf({ ...full, revision: 1 })).toBe(kind.taken)
    expect(await ruleOf({ ...full, tenantId: tenantOf(2).id })).toBeUndefined()
    expect(await ruleOf({ ...full, tenantId: 'none' })).toBe('unknown_parent')
    expect(await list(first)).toEqual([first])
  })

  test(`a removed ${noun} is gone alone, and its name is free again`, async () => {
    await begin()
    await save(first)
    await save({ ...first, name: 'other' })
    await save({ ...first, tenantId: tenantOf(2).id })
    for (let times = 0; times < 2; times++) await run((each) => kind.remove(each, first))
    expect((await list()).map(({ tenantId, name }) => [tenantId, name])).toEqual([
      [first.tenantId, 'other'],
      [tenantOf(2).id, first.name],
    ])
    expect(await ruleOf(full)).toBeUndefined()
  })
}
