import { beforeEach, describe, expect, test } from 'bun:test'
import { tenantOf } from '../../../../../test/contract/records.ts'
import { loadedApp } from '../../../../../test/support/loaded-app.ts'
import { DEFAULT_APP_SETTINGS } from '../../config/app-schema.ts'
import type { IntegrationRecord, RuleRecord, RuleSetRecord } from '../../ports/records/rule-set.ts'
import { AppDirectory } from '../app-directory.ts'
import type { Change } from '../authority.ts'
import type { MqttIdentity } from '../mqtt/mqtt-identity.ts'
import { TenantDirectory } from '../tenant-directory.ts'
import { RuleBook } from './rule-book.ts'

const TENANT = tenantOf(1)
const LOADED = loadedApp({
  settings: DEFAULT_APP_SETTINGS,
  signingKeys: [],
  tenant: TENANT,
  app: { id: 'app' },
})

const allow = (filter: string): RuleRecord => {
  return { effect: 'allow', actions: ['publish', 'subscribe'], filter }
}

function ruleSet(name: string, rules: readonly RuleRecord[], revision = 1): RuleSetRecord {
  return { tenantId: TENANT.id, name, rules, revision, createdAtMs: 0, updatedAtMs: 0 }
}

function integration(rest: Partial<IntegrationRecord>): IntegrationRecord {
  return {
    tenantId: TENANT.id,
    name: 'web',
    appId: undefined,
    ruleSet: undefined,
    provider: undefined,
    isEnabled: true,
    revision: 1,
    createdAtMs: 0,
    updatedAtMs: 0,
    ...rest,
  }
}

function identity(rest: Partial<MqttIdentity> = {}): MqttIdentity {
  return {
    loaded: LOADED,
    owner: 'user:u1',
    username: 'ann',
    userId: 'u1',
    email: 'ann@example.com',
    claims: undefined,
    integration: undefined,
    ruleSet: undefined,
    acl: undefined,
    mayPublish: true,
    maySubscribe: true,
    reliances: [],
    expiresAtMs: () => undefined,
    limits: undefined,
    ...rest,
  }
}

let tenants: TenantDirectory
let tell: (change: Change) => void
let book: RuleBook

function know(
  ruleSets: readonly RuleSetRecord[],
  integrations: readonly IntegrationRecord[] = [],
): void {
  tenants.put({ tenant: TENANT, members: [], credentials: [], ruleSets, integrations })
}

beforeEach(() => {
  tenants = new TenantDirectory()
  const listeners: ((change: Change) => void)[] = []
  book = new RuleBook({
    apps: new AppDirectory(),
    tenants,
    onChange: (listen) => listeners.push(listen),
  })
  tell = (change) => {
    for (const listen of listeners) listen(change)
  }
  know([])
})

const mayPublish = (topic: string, rest: Partial<MqttIdentity> = {}) =>
  book.rulesFor(identity(rest), 'c1').mayPublish(topic, 0, false)
const maySubscribe = (filter: string, rest: Partial<MqttIdentity> = {}) =>
  book.rulesFor(identity(rest), 'c1').maySubscribe(filter, 0)

describe('who has said nothing is held to the built-in rules', () => {
  test('until there is a rule set named default', () => {
    expect(mayPublish('a')).toBe(true)
    expect(maySubscribe('response/c1')).toBe(true)
    expect(maySubscribe('response/c2')).toBe(false)
    know([ruleSet('default', [allow('b')])])
    expect(mayPublish('a')).toBe(false)
    expect(mayPublish('b')).toBe(true)
  })

  test('a tenant that is not known has no rules, and allows nothing', () => {
    const stranger = { ...LOADED, tenant: tenantOf(2) }
    expect(mayPublish('a', { loaded: stranger })).toBe(false)
  })
})

describe('every layer narrows', () => {
  beforeEach(() => {
    know(
      [
        ruleSet('default', [allow('org/#')]),
        ruleSet('web', [allow('org/${user_id}/#'), allow('beyond/#')]),
        ruleSet('device', [allow('org/+/up')]),
      ],
      [
        integration({ name: 'web', ruleSet: 'web' }),
        integration({ name: 'open' }),
        integration({ name: 'broken', ruleSet: 'gone' }),
        integration({ name: 'other', appId: 'another-app' }),
      ],
    )
  })

  test.each<[string, Partial<MqttIdentity>, boolean]>([
    ['org/u2/x', {}, true],
    ['org/u2/x', { integration: 'web' }, false],
    ['org/u1/x', { integration: 'web' }, true],
    ['beyond/x', { integration: 'web' }, false],
    ['org/u1/x', { integration: 'web', ruleSet: 'device' }, false],
    ['org/u1/up', { integration: 'web', ruleSet: 'device' }, true],
    ['org/u1/up', { integration: 'web', acl: { publish: ['org/#'] } }, true],
    ['org/u1/up', { integration: 'web', acl: { publish: ['#'] } }, true],
    ['other', { acl: { publish: ['#'] } }, false],
    ['org/u1/up', { acl: { publish: [] } }, false],
    ['org/u1/up', { acl: { subscribe: [] } }, true],
    ['org/u1/up', { acl: { publish: ['org/#/x'] } }, false],
    ['org/u1/up', { acl: {} }, true],
    ['org/u1/up', { mayPublish: false }, false],
  ])('to publish to %s with %j: %p', (topic, rest, isAllowed) => {
    expect(mayPublish(topic, rest)).toBe(isAllowed)
  })

  test('an integration without a rule set narrows nothing', () => {
    expect(mayPublish('org/u2/x', { integration: 'open' })).toBe(true)
  })

  test.each<Partial<MqttIdentity>>([
    { integration: 'unknown' },
    { integration: 'broken' },
    { integration: 'other' },
    { ruleSet: 'unknown' },
  ])('what %j names is not there, so nothing is allowed', (rest) => {
    expect(mayPublish('org/u1/up', rest)).toBe(false)
    expect(maySubscribe('org/u1/up', rest)).toBe(false)
  })
})

test('what cannot be compiled allows nothing', () => {
  know([ruleSet('default', [allow('a/#/b'), allow('#')])])
  expect(mayPublish('a')).toBe(false)
})

test('listeners hear of changed rules and integrations, and of nothing else', () => {
  const heard: string[] = []
  book.onChange((tenantId) => heard.push(tenantId))
  const changed = () => tell({ kind: 'tenant', tenantId: TENANT.id })
  changed()
  know([])
  changed()
  tell({ kind: 'plans' })
  expect(heard).toHaveLength(1)
  know([ruleSet('default', [allow('a')])])
  changed()
  know([ruleSet('default', [allow('b')], 2)])
  changed()
  know([ruleSet('default', [allow('b')], 2)], [integration({})])
  changed()
  know([ruleSet('default', [allow('b')], 2)], [integration({})])
  changed()
  expect(heard).toEqual([TENANT.id, TENANT.id, TENANT.id, TENANT.id])
})

test('a denial names the layer and the rule, and who was refused', () => {
  know([
    ruleSet('default', [
      { effect: 'deny', actions: ['publish'], filter: 'a' },
      allow('a'),
      allow('b'),
    ]),
  ])
  const source = { ip: '192.0.2.1', agent: '', protocol: 'mqtt' }
  const rules = book.rulesFor(identity({ acl: { publish: ['a'] } }), 'c1')
  const asked = { action: 'publish', qos: 0, retain: false } as const
  const denied = { rules, identity: identity(), source }
  expect(book.denialOf({ ...asked, topic: 'a' }, denied)).toEqual({
    action: 'topic.denied',
    reason: 'rule_denies',
    source,
    actor: { kind: 'user', id: 'u1' },
    target: { kind: 'rule_set', id: 'default' },
    after: { layer: 'organization', action: 'publish', topic: 'a', qos: 0, rule: 1 },
  })
  expect(book.denialOf({ ...asked, topic: 'b' }, denied)).toMatchObject({
    reason: 'no_rule_allows',
    target: { kind: 'layer', id: 'token' },
  })
  const long = book.denialOf({ ...asked, topic: 'x'.repeat(5_000) }, denied)
  expect(JSON.stringify(long).length).toBeLessThan(500)
  expect(book.denialOf({ ...asked, action: 'subscribe', topic: 'a' }, denied)).toBeUndefined()
})

describe('an explanation', () => {
  const binding = { tenantId: TENANT.id, appId: 'app', integration: undefined, ruleSet: undefined }
  const asked = { action: 'publish', topic: 'a/u1', qos: 0, retain: false } as const
  const subject = {
    username: 'ann',
    clientId: 'c1',
    userId: 'u1',
    email: undefined,
    claims: undefined,
    organization: TENANT.shortId,
  }

  test('is of what is saved, or of a draft in its place', () => {
    know([ruleSet('default', [allow('a/${user_id}')])])
    const explain = (rules?: readonly RuleRecord[]) => {
      const draft = rules && { name: 'default', rules }
      return book.explain(asked, { ...binding, acl: { publish: ['a/#'] } }, { subject, draft })
    }
    expect(explain()).toMatchObject({
      ok: true,
      value: {
        isAllowed: true,
        layers: [
          { layer: 'organization', rule: { number: 1, filter: 'a/u1' } },
          { layer: 'token', rule: { number: 1, filter: 'a/#' } },
        ],
      },
    })
    expect(explain([])).toMatchObject({ ok: true, value: { isAllowed: false } })
    expect(explain([allow('a/#/b')])).toMatchObject({ ok: false, refusal: 'input_invalid' })
    expect(mayPublish('a/u1')).toBe(true)
  })
})
