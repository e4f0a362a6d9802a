/** Rules and rule sets as callers give and see them. Pure. */
import type { RuleAction, RuleRecord, RuleSetRecord } from '../../ports/records/rule-set.ts'
import { timeText } from './shapes.ts'

type MaybeUndefined<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** A rule as the shapes of the operations give it: what is left out may be there as undefined. */
export type GivenRule = Pick<RuleRecord, 'effect' | 'filter'> & {
  readonly actions: readonly RuleAction[]
} & MaybeUndefined<Pick<RuleRecord, 'qosMax' | 'retain' | 'users'>>

/** Of the built-in one nobody knows when it was made. */
export function ruleSetShape(record: RuleSetRecord) {
  const { name, rules, revision } = record
  return { name, rules, ...revisionShape(record), revision }
}

export function ruleSetLine(record: RuleSetRecord) {
  const { name, rules, revision } = record
  return { name, ruleCount: rules.length, ...revisionShape(record), revision }
}

function revisionShape({ revision, createdAtMs, updatedAtMs }: RuleSetRecord) {
  const isBuiltIn = revision === 0
  if (isBuiltIn) return { isBuiltIn }
  return { isBuiltIn, createdAt: timeText(createdAtMs), updatedAt: timeText(updatedAtMs) }
}

/** @returns the rules as they are kept. */
export function givenRules(rules: readonly GivenRule[]): readonly RuleRecord[] {
  return rules.map(({ effect, actions, filter, qosMax, retain, users }) => ({
    effect,
    actions,
    filter,
    ...(qosMax === undefined ? {} : { qosMax }),
    ...(retain === undefined ? {} : { retain }),
    ...(users === undefined ? {} : { users }),
  }))
}
