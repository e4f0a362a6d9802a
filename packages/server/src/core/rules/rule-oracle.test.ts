/** Rules over a small alphabet against an oracle that tries every topic there is, one by one. */
import { expect, test } from 'bun:test'
import { matchesTopic } from '@lockgate/protocol/mqtt/topic'
import fc from 'fast-check'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import { BoundRules } from './bound-rules.ts'
import { filterOverlap } from './filter-overlap.ts'
import { LayeredRules } from './layered-rules.ts'
import { compileRules, compileTokenFilters } from './rule-program.ts'

function bind(rules: readonly RuleRecord[], userId: string | undefined): BoundRules {
  const compiled = compileRules(rules)
  if (!compiled.ok) throw new Error(compiled.detail)
  const rest = { username: 'ann', clientId: 'c1', email: undefined, claims: undefined }
  return new BoundRules(compiled.value, { ...rest, userId, organization: 'org_1' })
}

function mayPublish(rules: BoundRules, topic: string): boolean {
  return (
    rules.decide('publish', topic, { qos: 0, retain: false, isAllowOnly: false })?.isAllow === true
  )
}

function maySubscribe(rules: BoundRules, filter: string): boolean {
  return rules.decideFilter(filter, 0)?.isAllow === true
}

const LEVELS = ['a', 'b', 'u1', '$s']
const TOPICS = everyTopic(4)
const level = fc.constantFrom('a', 'b', '+', '+', '${user_id}', '$s')
const anyFilter = fc
  .tuple(fc.array(level, { maxLength: 3 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))
  .filter((text) => text !== '')
const askedFilter = anyFilter.filter((filter) => !filter.includes('${'))
const anyRule: fc.Arbitrary<RuleRecord> = fc.record({
  effect: fc.constantFrom('allow' as const, 'deny' as const),
  actions: fc.constantFrom(
    ['publish' as const],
    ['subscribe' as const],
    ['publish' as const, 'subscribe' as const],
  ),
  filter: anyFilter,
})
const anyRules = fc.array(anyRule, { maxLength: 6 })
const users = fc.constantFrom('u1', 'a', '', '+', '$s', undefined)

function everyTopic(depthMax: number): readonly string[] {
  const words = [...LEVELS, 'z', '']
  let last = words
  const found = [...last]
  for (let depth = 1; depth < depthMax; depth++) {
    last = last.flatMap((name) => words.map((word) => `${name}/${word}`))
    found.push(...last)
  }
  return found.filter((topic) => topic !== '')
}

/** Rules as the documentation says them: substitute, split, compare. */
function naiveAllows(
  rules: readonly RuleRecord[],
  action: 'publish' | 'subscribe',
  { topic, userId }: { readonly topic: string; readonly userId: string | undefined },
): boolean {
  for (const { effect, actions, filter } of rules) {
    if (!actions.includes(action)) continue
    const needsValue = filter.includes('${user_id}')
    const isUsable = userId !== undefined && userId !== '' && !/[/+#\0]/.test(userId)
    if (needsValue && !isUsable) continue
    if (filter.startsWith('${') && userId?.startsWith('$') === true) continue
    const filled = filter.replaceAll('${user_id}', () => userId ?? '')
    if (matchesTopic(filled, topic)) return effect === 'allow'
  }
  return false
}

test('a decision to publish is that of rules tried one by one', () => {
  fc.assert(
    fc.property(anyRules, users, (rules, userId) => {
      const bound = bind(rules, userId)
      for (const topic of TOPICS) {
        expect(mayPublish(bound, topic)).toBe(naiveAllows(rules, 'publish', { topic, userId }))
      }
    }),
    { numRuns: 300 },
  )
})

test('who may subscribe may receive every topic that the filter matches', () => {
  fc.assert(
    fc.property(anyRules, users, askedFilter, (rules, userId, filter) => {
      if (!maySubscribe(bind(rules, userId), filter)) return
      const matched = TOPICS.filter((topic) => matchesTopic(filter, topic))
      const isAllowed = (topic: string) => naiveAllows(rules, 'subscribe', { topic, userId })
      expect(matched.filter((topic) => !isAllowed(topic))).toEqual([])
    }),
    { numRuns: 3_000 },
  )
})

test('a filter without wildcards may be subscribed to exactly when its topic may', () => {
  fc.assert(
    fc.property(anyRules, users, fc.constantFrom(...TOPICS), (rules, userId, topic) => {
      const isAllowed = naiveAllows(rules, 'subscribe', { topic, userId })
      expect(maySubscribe(bind(rules, userId), topic)).toBe(isAllowed)
    }),
    { numRuns: 3_000 },
  )
})

test('rules that only allow refuse no filter that one of them covers', () => {
  const allowing = fc.array(
    anyRule.map((rule) => ({ ...rule, effect: 'allow' as const })),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(allowing, askedFilter, (rules, filter) => {
      const matched = TOPICS.filter((topic) => matchesTopic(filter, topic))
      const isCovered = rules.some((rule) =>
        matched.every((topic) => naiveAllows([rule], 'subscribe', { topic, userId: 'u1' })),
      )
      // `+` of a rule takes no more than it says: a `#` asked for also matches one level less.
      if (isCovered && matched.length > 0)
        expect(maySubscribe(bind(rules, 'u1'), filter)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('what two filters have in common is what both match', () => {
  fc.assert(
    fc.property(askedFilter, askedFilter, (one, other) => {
      const common = filterOverlap(one, other)
      const isInBoth = (topic: string) => matchesTopic(one, topic) && matchesTopic(other, topic)
      const isCommon = (topic: string) => common !== undefined && matchesTopic(common, topic)
      expect(TOPICS.filter((topic) => isInBoth(topic) !== isCommon(topic))).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})

const anyList = fc.option(fc.array(askedFilter, { maxLength: 3 }), { nil: undefined })

test('layers allow what every one of them allows, and nothing else', () => {
  const anyLayers = fc.array(anyRules, { minLength: 1, maxLength: 3 })
  const scope = { mayPublish: true, maySubscribe: true }
  const asked = { filter: askedFilter, topic: fc.constantFrom(...TOPICS) }
  fc.assert(
    fc.property(
      anyLayers,
      fc.record({ publish: anyList, subscribe: anyList }),
      fc.record(asked),
      (sets, acl, asking) => {
        const layers = sets.map((rules) => {
          return { kind: 'organization' as const, ruleSet: 'x', rules: bind(rules, 'u1') }
        })
        const lists = (['publish', 'subscribe'] as const).flatMap((only) => {
          const program = acl[only] && compileTokenFilters(only, acl[only])
          if (program === undefined) return []
          const subject = { username: '', clientId: '', userId: '', email: '' }
          const rules = new BoundRules(program, { ...subject, organization: '', claims: undefined })
          return [{ kind: 'token' as const, ruleSet: undefined, rules, only }]
        })
        const layered = new LayeredRules([...layers, ...lists], scope)
        const allows = (action: 'publish' | 'subscribe', topic: string) =>
          sets.every((rules) => naiveAllows(rules, action, { topic, userId: 'u1' })) &&
          (acl[action]?.some((filter) => matchesTopic(filter, topic)) ?? true)
        const { filter, topic } = asking
        expect(layered.mayPublish(topic, 0, false)).toBe(allows('publish', topic))
        expect(layered.maySubscribe(topic, 0)).toBe(allows('subscribe', topic))
        if (!layered.maySubscribe(filter, 0)) return
        const matched = TOPICS.filter((each) => matchesTopic(filter, each))
        expect(matched.filter((each) => !allows('subscribe', each))).toEqual([])
      },
    ),
    { numRuns: 2_000 },
  )
})
