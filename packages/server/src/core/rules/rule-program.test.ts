import { expect, test } from 'bun:test'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import { DEFAULT_RULES } from './default-rules.ts'
import { compileRules, compileTokenFilters, RULE_COUNT_MAX } from './rule-program.ts'

const rule = (rest: Partial<RuleRecord>): RuleRecord => {
  return { effect: 'allow', actions: ['publish'], filter: 'a', ...rest }
}

function faultOf(rules: readonly RuleRecord[]): string | undefined {
  const compiled = compileRules(rules)
  return compiled.ok ? undefined : compiled.detail
}

test.each<[string, Partial<RuleRecord>]>([
  ['fill whole levels', { filter: 'a/b#' }],
  ['fill whole levels', { filter: '' }],
  ['fill whole levels', { filter: 'a/#/b' }],
  ['fill whole levels', { filter: 'a/+${user_id}' }],
  ['fill whole levels', { filter: 'a/${user_id}#' }],
  ['fill whole levels', { filter: 'a\0b' }],
  ['at most 512', { filter: 'x'.repeat(513) }],
  ['$share/', { filter: '$share/g/a' }],
  ['no placeholder ${userid}', { filter: 'a/${userid}' }],
  ['no placeholder ${claim:}', { filter: 'a/${claim:}' }],
  ['no placeholder ${}', { filter: '${}' }],
  ['a brace stands only', { filter: 'a/{user_id}' }],
  ['a brace stands only', { filter: 'a/${user_id' }],
  ['write ${username} for %u', { filter: 'a/%u/b' }],
  ['no action', { actions: [] }],
  ['twice', { actions: ['publish', 'publish'] }],
  ['rules that allow', { effect: 'deny', qosMax: 1 }],
  ['qosMax is for', { actions: ['presence'], qosMax: 1 }],
  ['retain is for', { actions: ['publish', 'subscribe'], retain: true }],
  ['for nobody', { users: [] }],
  ['more than 20 users', { users: Array.from({ length: 21 }, String) }],
  ['1 to 128', { users: [''] }],
  ['1 to 128', { users: ['x'.repeat(129)] }],
])('what is wrong is said with the number of the rule: %s', (what, broken) => {
  const fault = faultOf([rule({}), rule(broken)])
  expect(fault).toStartWith('rule 2: ')
  expect(fault).toContain(what)
})

test('a rule set has a bound', () => {
  expect(faultOf(Array.from({ length: RULE_COUNT_MAX }, () => rule({})))).toBeUndefined()
  expect(faultOf(Array.from({ length: RULE_COUNT_MAX + 1 }, () => rule({})))).toContain('at most')
})

test.each([
  'a',
  '#',
  '+/a',
  '${user_id}',
  '${claim:https://x.example/team}/#',
  'a-${org}/+',
  '/',
  '%ux',
])('%s is a filter of a rule', (filter) => expect(faultOf([rule({ filter })])).toBeUndefined())

test('the rules everybody begins with are rules', () => {
  expect(faultOf(DEFAULT_RULES)).toBeUndefined()
})

test('what a token lists is taken as it stands', () => {
  expect(compileTokenFilters('publish', ['a/${user_id}', 'b/{x}', 'c/%u'])).toBeDefined()
  expect(compileTokenFilters('publish', ['a', 'b/#/c'])).toBeUndefined()
})
