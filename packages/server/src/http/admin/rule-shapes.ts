/** Rules and rule sets as callers give and see them. Pure. */
import type { RuleAction, RuleRecord } from '../../ports/records/rule-set.ts'

type MaybeUndefined<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** A rule as the shapes of the operations give it: what is left out may be there as undefined. */
export type GivenRule = Pick<RuleRecord, 'effect' | 'filter'> & {
  readonly actions: readonly RuleAction[]
} & MaybeUndefined<Pick<RuleRecord, 'qosMax' | 'retain' | 'users'>>

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
