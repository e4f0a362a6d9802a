/** Rules for user names: `{ user, topic, permission }`. They only allow. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RuleAction, RuleRecord } from '../../../ports/records/rule-set.ts'
import {
  checkedRules,
  entriesOf,
  type Entry,
  exportable,
  exportFilter,
  type ExportedRules,
  type ImportedRules,
  importFilter,
  wordOf,
} from './dialect.ts'

const PERMISSIONS = new Map<unknown, readonly RuleAction[]>([
  ['publish', ['publish']],
  ['subscribe', ['subscribe']],
  ['both', ['publish', 'subscribe']],
])

const EVERYBODY = '*'

export function importUserRules(document: Entry): Result<ImportedRules, 'input_invalid'> {
  const entries = entriesOf(document, 'rules')
  if (!entries.ok) return entries
  const rules: RuleRecord[] = []
  for (const [index, entry] of entries.value.entries()) {
    const read = readRule(entry)
    if (!read.ok) return refuse('input_invalid', `rules[${index}]: ${read.detail}`)
    rules.push(read.value)
  }
  const warnings =
    rules.length > 0 ? [] : ['There is no rule: elsewhere that allows everything, here nothing.']
  return checkedRules({ rules, warnings })
}

function readRule({ user, topic, permission }: Entry): Result<RuleRecord, 'input_invalid'> {
  if (typeof user !== 'string') return refuse('input_invalid', 'user is a name, or * for everybody')
  const actions = PERMISSIONS.get(permission)
  if (actions === undefined) {
    return refuse('input_invalid', 'permission is publish, subscribe or both')
  }
  const filter = importFilter(topic)
  if (!filter.ok) return filter
  const users = user === EVERYBODY ? {} : { users: [user] }
  return ok({ effect: 'allow', actions, filter: filter.value, ...users })
}

export function exportUserRules(
  rules: readonly RuleRecord[],
): Result<ExportedRules, 'input_invalid'> {
  const meant = exportable(rules, 'this form')
  if (!meant.ok) return meant
  const entries: Entry[] = []
  const warnings: string[] = []
  for (const { rule, number } of meant.value) {
    const words = { publish: 'publish', subscribe: 'subscribe', both: 'both' }
    const permission = wordOf(rule, words)
    const isConditional = rule.qosMax !== undefined || rule.retain !== undefined
    if (permission === undefined || isConditional) {
      warnings.push(`Rule ${number} was left out: this form has no such condition or action.`)
      continue
    }
    const { topic } = exportFilter(rule.filter)
    const { users = [EVERYBODY] } = rule
    entries.push(...users.map((user) => ({ user, topic, permission })))
  }
  return ok({ document: { rules: entries }, warnings })
}
