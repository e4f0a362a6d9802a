import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import { BoundRules } from './bound-rules.ts'
import { type Explanation, explainRules } from './explain-rules.ts'
import { LayeredRules, type RuleLayer } from './layered-rules.ts'
import { compileRules } from './rule-program.ts'
import type { RuleQuestion } from './rule-question.ts'

const subject = {
  username: 'ann',
  clientId: 'c1',
  userId: undefined,
  email: 'ann@example.com',
  organization: 'org_1',
  claims: undefined,
}
const SCOPE = { mayPublish: true, maySubscribe: true }
const ORGANIZATION: readonly RuleRecord[] = [
  { effect: 'deny', actions: ['subscribe'], filter: 'a/secret' },
  { effect: 'allow', actions: ['subscribe', 'publish'], filter: 'a/#' },
]
const INTEGRATION: readonly RuleRecord[] = [
  { effect: 'allow', actions: ['publish'], filter: 'a/${username}/#', qosMax: 1 },
  { effect: 'allow', actions: ['publish'], filter: 'u/${user_id}/#' },
  { effect: 'allow', actions: ['subscribe'], filter: '#' },
]

function layered(scope = SCOPE): LayeredRules {
  const bind = (rules: readonly RuleRecord[]) => {
    const compiled = compileRules(rules)
    if (!compiled.ok) throw new Error(compiled.detail)
    return new BoundRules(compiled.value, subject)
  }
  const layers: RuleLayer[] = [
    { kind: 'organization', ruleSet: 'default', rules: bind(ORGANIZATION) },
    { kind: 'integration', ruleSet: 'web', rules: bind(INTEGRATION) },
  ]
  return new LayeredRules(layers, scope)
}

function explain(asked: Partial<RuleQuestion>, rules = layered()): Explanation {
  const question = { action: 'publish' as const, topic: 'a', qos: 0 as const, retain: false }
  const recordsOf = ({ kind }: RuleLayer) => (kind === 'organization' ? ORGANIZATION : INTEGRATION)
  return explainRules({ ...question, ...asked }, { rules, subject, recordsOf })
}

test('what is allowed names the rule of every layer, with what its placeholders stand for', () => {
  expect(explain({ topic: 'a/ann/x' })).toEqual({
    isAllowed: true,
    why: 'Every layer allows it.',
    layers: [
      {
        layer: 'organization',
        ruleSet: 'default',
        isAllowed: true,
        rule: { number: 2, text: 'allow subscribe+publish a/#', filter: 'a/#' },
        why: 'Rule 2 allows it: its filter a/# matches.',
      },
      {
        layer: 'integration',
        ruleSet: 'web',
        isAllowed: true,
        rule: {
          number: 1,
          text: 'allow publish a/${username}/# (up to QoS 1)',
          filter: 'a/ann/#',
        },
        why: 'Rule 1 allows it: its filter a/ann/# matches.',
      },
    ],
  })
})

test('what no rule allows says so, and which values are missing', () => {
  const { isAllowed, why } = explain({ topic: 'a/bob/x' })
  expect(isAllowed).toBe(false)
  expect(why).toBe(
    'No rule that allows publish matches, and what no rule allows is denied. Rules that need ' +
      '${user_id} match nothing here.',
  )
})

test('a filter that is denied in part names the part', () => {
  const { isAllowed, why } = explain({ action: 'subscribe', topic: 'a/+' })
  expect(isAllowed).toBe(false)
  expect(why).toBe('Rule 1 denies a part of it: a/secret. Subscribe to what is allowed alone.')
  expect(explain({ action: 'subscribe', topic: 'a/secret' }).why).toContain('matches all of it')
  expect(explain({ action: 'subscribe', topic: 'a/b/#' }).isAllowed).toBe(true)
})

test('topics of the server, and what a credential may not do at all, are said before rules', () => {
  const own = explain({ topic: '$SYS/x' })
  expect(own.layers[0]).toMatchObject({ layer: 'server', isAllowed: false })
  const scoped = explain({ topic: 'a/ann' }, layered({ ...SCOPE, mayPublish: false }))
  expect(scoped).toMatchObject({ isAllowed: false, layers: [{ layer: 'scope' }, {}, {}] })
})

test('a layer whose rule set is not known allows nothing, and says its name', () => {
  const gone: RuleLayer = { kind: 'credential', ruleSet: 'gone', rules: undefined }
  const rules = new LayeredRules([gone], SCOPE)
  expect(rules.mayPublish('a', 0, false)).toBe(false)
  expect(rules.maySubscribe('a', 0)).toBe(false)
  expect(explain({}, rules).why).toBe('There is no rule set "gone", so nothing is allowed.')
})

test('it says what is decided, and names who denies', () => {
  const topic = fc.constantFrom(
    'a',
    'a/b',
    'a/ann/x',
    'u/1',
    '$SYS/x',
    '#',
    'a/#',
    'a/+',
    'a/secret',
  )
  const action = fc.constantFrom('publish' as const, 'subscribe' as const)
  const anyQos = fc.constantFrom(0 as const, 1 as const, 2 as const)
  const asked = fc.record({ topic, action, qos: anyQos, retain: fc.constant(false) })
  fc.assert(
    fc.property(asked, (question) => {
      const rules = layered()
      const isAllowed =
        question.action === 'publish'
          ? rules.mayPublish(question.topic, question.qos, false)
          : rules.maySubscribe(question.topic, question.qos)
      const explained = explain(question)
      expect(explained.isAllowed).toBe(isAllowed)
      const denied = explained.layers.find((layer) => !layer.isAllowed)
      expect(rules.denierOf(question)?.layer).toBe(denied?.layer as never)
    }),
  )
})
