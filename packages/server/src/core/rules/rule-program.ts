/**
 * A rule set, compiled once: for each action its rules, sorted by their tokens, so that what two
 * neighbours share is looked at once. Compiled again for each revision, bound to each principal.
 * Pure.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { RuleAction, RuleRecord } from '../../ports/records/rule-set.ts'
import type { Qos } from '../topics/topic-message.ts'
import { compilePattern, type RulePattern, sharedCount } from './rule-pattern.ts'
import { RULE_USER_COUNT_MAX, RULE_USER_LENGTH_MAX } from './user-pattern.ts'

/** Ours, per rule set. */
export const RULE_COUNT_MAX = 200

export const RULE_ACTIONS: readonly RuleAction[] = ['publish', 'subscribe', 'presence', 'history']

export interface CompiledRule {
  /** Place in the rule set, from 0. */
  readonly index: number
  readonly isAllow: boolean
  readonly pattern: RulePattern
  /** The highest it is for. */
  readonly qosMax: Qos
  readonly retain: boolean | undefined
  readonly users: readonly string[] | undefined
}

/** The rules of one action. */
export interface RuleList {
  /** By their tokens, not by their place: the lowest place that matches decides. */
  readonly sorted: readonly CompiledRule[]
  /** How many tokens each of `sorted` shares with the one before it. */
  readonly shared: Int32Array
  /** By their place. */
  readonly denying: readonly CompiledRule[]
  readonly allowing: readonly CompiledRule[]
}

export interface RuleProgram {
  readonly lists: Readonly<Record<RuleAction, RuleList>>
  /** Names, in the order of the values a principal is bound with. */
  readonly placeholders: readonly string[]
  readonly hasUsers: boolean
  readonly ruleCount: number
}

/** @returns the program; a refusal says which rule cannot be taken and why. */
export function compileRules(rules: readonly RuleRecord[]): Result<RuleProgram, 'rules_invalid'> {
  if (rules.length > RULE_COUNT_MAX) {
    return refuse('rules_invalid', `a rule set has at most ${RULE_COUNT_MAX} rules`)
  }
  const placeholders: string[] = []
  const patterns: RulePattern[] = []
  for (const [index, rule] of rules.entries()) {
    const pattern = compilePattern(rule.filter, placeholders)
    const fault = typeof pattern === 'string' ? pattern : faultOf(rule)
    if (fault !== undefined) return refuse('rules_invalid', `rule ${index + 1}: ${fault}`)
    if (typeof pattern !== 'string') patterns.push(pattern)
  }
  return ok({
    lists: listsOf((action) => compileList(rules, patterns, action)),
    placeholders,
    hasUsers: rules.some(({ users }) => users !== undefined),
    ruleCount: rules.length,
  })
}

/**
 * What a token says of one action: the filters are allowed, as they stand, and nothing else. They
 * come from who knows its user, so they have no placeholders.
 * @returns undefined: a filter is none.
 */
export function compileTokenFilters(
  action: 'publish' | 'subscribe',
  filters: readonly string[],
): RuleProgram | undefined {
  const patterns = filters.map((filter) => compilePattern(filter, undefined))
  if (!patterns.every((pattern) => typeof pattern !== 'string')) return undefined
  const rules = filters.map((filter) => ({ effect: 'allow', actions: [action], filter }) as const)
  const list = compileList(rules, patterns, action)
  const lists = listsOf((each) => (each === action ? list : NO_RULES))
  return { lists, placeholders: [], hasUsers: false, ruleCount: rules.length }
}

/** Of actions that nothing is said of. */
const NO_RULES: RuleList = { sorted: [], shared: new Int32Array(0), denying: [], allowing: [] }

/** @returns what is wrong with a rule beside its filter. */
function faultOf({ effect, actions, qosMax, retain, users }: RuleRecord): string | undefined {
  if (actions.length === 0) return 'it has no action'
  if (new Set(actions).size < actions.length) return 'it has an action twice'
  if (qosMax !== undefined && effect === 'deny') return 'qosMax is for rules that allow'
  if (
    qosMax !== undefined &&
    actions.some((action) => action === 'presence' || action === 'history')
  )
    return 'qosMax is for publish and subscribe'
  // A subscription has no retain flag: it would match all or nothing.
  if (retain !== undefined && actions.some((action) => action !== 'publish')) {
    return 'retain is for rules of publish alone'
  }
  if (users === undefined) return undefined
  if (users.length === 0) return 'an empty list of users is for nobody; leave it out for everybody'
  if (users.length > RULE_USER_COUNT_MAX) return `it has more than ${RULE_USER_COUNT_MAX} users`
  const isOdd = users.some((user) => user === '' || user.length > RULE_USER_LENGTH_MAX)
  return isOdd ? `a user pattern has 1 to ${RULE_USER_LENGTH_MAX} characters` : undefined
}

function listsOf(listOf: (action: RuleAction) => RuleList): RuleProgram['lists'] {
  return {
    publish: listOf('publish'),
    subscribe: listOf('subscribe'),
    presence: listOf('presence'),
    history: listOf('history'),
  }
}

function compileList(
  rules: readonly RuleRecord[],
  patterns: readonly RulePattern[],
  action: RuleAction,
): RuleList {
  const all = rules.flatMap((rule, index): CompiledRule[] => {
    const pattern = patterns[index]
    if (pattern === undefined || !rule.actions.includes(action)) return []
    const { effect, qosMax = 2, retain, users } = rule
    return [{ index, isAllow: effect === 'allow', pattern, qosMax, retain, users }]
  })
  const sorted = all.toSorted((a, b) => compareTokens(a.pattern.tokens, b.pattern.tokens))
  return {
    sorted,
    shared: Int32Array.from(sorted, ({ pattern }, place) => {
      const before = sorted[place - 1]
      return before === undefined ? 0 : sharedCount(before.pattern.tokens, pattern.tokens)
    }),
    denying: all.filter(({ isAllow }) => !isAllow),
    allowing: all.filter(({ isAllow }) => isAllow),
  }
}

function compareTokens(one: Int32Array, other: Int32Array): number {
  const place = sharedCount(one, other)
  return (one[place] ?? 0) - (other[place] ?? 0)
}
