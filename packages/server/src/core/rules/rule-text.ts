/** Rules as people read them. Pure. */
import type { RuleRecord } from '../../ports/records/rule-set.ts'

/** @returns one line: `deny publish+subscribe private/#`. */
export function ruleText({ effect, actions, filter, qosMax, retain, users }: RuleRecord): string {
  const conditions = [
    ...(qosMax === undefined ? [] : [`up to QoS ${qosMax}`]),
    ...(retain === undefined ? [] : [retain ? 'retained' : 'not retained']),
    ...(users === undefined ? [] : [`for ${users.join(', ')}`]),
  ]
  const head = `${effect} ${actions.join('+')} ${filter}`
  return conditions.length === 0 ? head : `${head} (${conditions.join('; ')})`
}
