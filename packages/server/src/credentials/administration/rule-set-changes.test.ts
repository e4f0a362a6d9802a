import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { DEFAULT_RULES } from '../../core/rules/default-rules.ts'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import { findRuleSet, RULE_SET_COUNT_MAX } from './rule-set-changes.ts'

const RULES: readonly RuleRecord[] = [{ effect: 'allow', actions: ['publish'], filter: 'a/#' }]
const OTHER: readonly RuleRecord[] = [{ effect: 'deny', actions: ['publish'], filter: 'b' }]

let world: AdministrationWorld
let tenantId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
})

const known = () => world.core.authority.tenants.find(tenantId)
const create = (name: string, rules = RULES) =>
  world.ruleSets.create({ tenantId, name, rules }, CALLER)
const update = (name: string, rest: { revision?: number; rules?: readonly RuleRecord[] } = {}) =>
  world.ruleSets.update({ tenantId, name, rules: OTHER, ...rest }, CALLER)
const remove = (name: string, revision?: number) =>
  world.ruleSets.remove({ tenantId, name, revision }, CALLER)

test('a rule set is known, told and audited as soon as it is answered', async () => {
  const told: string[] = []
  world.core.ruleBook.onChange((id) => told.push(id))
  const made = await world.done(create('web'))
  expect(made).toMatchObject({ name: 'web', rules: RULES, revision: 1 })
  expect(known()?.ruleSets).toEqual([made])
  world.time.ms += 1_000
  const changed = await world.done(update('web', { revision: 1 }))
  expect(changed).toMatchObject({ rules: OTHER, revision: 2, createdAtMs: made.createdAtMs })
  expect(known()?.ruleSets).toEqual([changed])
  await world.done(remove('web', 2))
  expect(known()?.ruleSets).toEqual([])
  expect(told).toEqual([tenantId, tenantId, tenantId])
  const actions = await world.actions(tenantId, 'control')
  expect(actions.slice(-3)).toEqual(['rules.created', 'rules.updated', 'rules.removed'])
})

test('the built-in one is there until it is changed, and again when its row is removed', async () => {
  const shown = () => {
    const tenant = known()
    return tenant && findRuleSet(tenant, 'default')
  }
  expect(shown()).toMatchObject({ rules: DEFAULT_RULES, revision: 0 })
  expect(await update('default', { revision: 1 })).toMatchObject({ refusal: 'changed_meanwhile' })
  await world.done(update('default', { revision: 0 }))
  expect(shown()).toMatchObject({ rules: OTHER, revision: 1 })
  await world.done(remove('default'))
  expect(shown()).toMatchObject({ rules: DEFAULT_RULES, revision: 0 })
  expect(await remove('default')).toMatchObject({ refusal: 'not_found' })
})

describe('what cannot be done writes nothing', () => {
  test.each<[string, () => Promise<unknown>, object]>([
    ['a name that is taken', () => create('web'), { refusal: 'name_taken' }],
    ['one that is not there', () => update('none'), { refusal: 'not_found' }],
    ['one that was never there', () => remove('none'), { refusal: 'not_found' }],
    ['a stale change', () => update('web', { revision: 7 }), { refusal: 'changed_meanwhile' }],
    ['a stale removal', () => remove('web', 7), { refusal: 'changed_meanwhile' }],
    [
      'rules that are none',
      () => create('new', [...RULES, { ...OTHER[0], filter: 'a/#/b' } as RuleRecord]),
      { refusal: 'input_invalid', detail: expect.stringContaining('rule 2') },
    ],
    [
      'a tenant that is none',
      () => world.ruleSets.create({ tenantId: 'x', name: 'web', rules: RULES }, CALLER),
      { refusal: 'not_found' },
    ],
  ])('%s', async (_, work, refused) => {
    await world.done(create('web'))
    const before = [known(), await world.everything()]
    expect(await work()).toMatchObject({ ok: false, ...refused })
    expect([known(), await world.everything()]).toEqual(before)
  })
})

test('two changes of one revision: one of them is refused', async () => {
  await world.done(create('web'))
  const both = await Promise.all([update('web', { revision: 1 }), update('web', { revision: 1 })])
  expect(both.filter(({ ok }) => ok)).toHaveLength(1)
  expect(both.find(({ ok }) => !ok)).toMatchObject({ refusal: 'changed_meanwhile' })
})

test('one that is named stays, and the refusal says by what', async () => {
  await world.done(create('web'))
  const integration = { tenantId, name: 'app', ruleSet: 'web' }
  await world.done(world.integrations.create(integration, CALLER))
  expect(await remove('web')).toMatchObject({
    refusal: 'rule_set_in_use',
    detail: 'It is named by integration app.',
  })
  await world.done(world.integrations.update({ ...integration, ruleSet: null }, CALLER))
  await world.done(remove('web'))
})

test('an MQTT user names one too', async () => {
  await world.done(create('device'))
  const request = { tenantId, name: 'chat', plan: 'free', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...request, type: 'confidential' }, CALLER))
  const appId = made.loaded.app.id
  const user = { kind: 'mqtt_user' as const, name: 'sensor', attributes: { ruleSet: 'device' } }
  await world.done(world.core.changes.create({ tenantId, appId, ...user }, CALLER))
  expect(await remove('device')).toMatchObject({
    refusal: 'rule_set_in_use',
    detail: 'It is named by MQTT user sensor of app chat.',
  })
})

test('a tenant has as many as the bound says', async () => {
  for (let count = 0; count < RULE_SET_COUNT_MAX; count++) await world.done(create(`set-${count}`))
  expect(await create('more')).toMatchObject({ refusal: 'count_full' })
  await world.done(remove('set-1'))
  await world.done(create('more'))
})
