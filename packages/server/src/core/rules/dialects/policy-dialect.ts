/**
 * Policies, version 2 and 2.1: what everybody may do in `global`, what is bound to a claim in
 * `rules`. They only allow; what they do not name is denied. Pure.
 */
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
  importName,
  wordOf,
} from './dialect.ts'

const VERSIONS: readonly unknown[] = ['2', '2.0', '2.1']

const ACTIONS = new Map<unknown, readonly RuleAction[]>([
  ['pub', ['publish']],
  ['sub', ['subscribe']],
  ['pub+sub', ['publish', 'subscribe']],
  ['sub+pub', ['publish', 'subscribe']],
])

type Read = Result<RuleRecord, 'input_invalid'>

export function importPolicy(document: Entry): Result<ImportedRules, 'input_invalid'> {
  if (!VERSIONS.includes(document['version'])) {
    return refuse('input_invalid', 'This is no policy of version 2 or 2.1.')
  }
  if (document['default'] !== undefined && document['default'] !== 'deny') {
    return refuse('input_invalid', 'Only policies whose default is deny can be taken.')
  }
  const rules: RuleRecord[] = []
  const warnings: string[] = []
  for (const list of ['global', 'rules', 'publishers']) {
    const entries = entriesOf(document, list)
    if (!entries.ok) return entries
    for (const [index, entry] of entries.value.entries()) {
      const place = `${list}[${index}]`
      const read = list === 'publishers' ? readPublisher(entry) : readRule(entry)
      if (!read.ok) return refuse('input_invalid', `${place}: ${read.detail}`)
      rules.push(read.value)
      warnings.push(...warningsOf(entry, read.value).map((text) => `${place}: ${text}`))
    }
  }
  return checkedRules({ rules, warnings })
}

function readRule({ topic, action, binding }: Entry): Read {
  if (binding !== undefined && typeof binding !== 'string') {
    return refuse('input_invalid', 'binding is the name of a claim')
  }
  const actions = ACTIONS.get(action)
  if (actions === undefined) return refuse('input_invalid', 'action is pub, sub or pub+sub')
  const filter = importFilter(topic, binding)
  return filter.ok ? ok({ effect: 'allow', actions, filter: filter.value }) : filter
}

/** Who may publish beside those the rules name. */
function readPublisher({ user, topic }: Entry): Read {
  if (typeof user !== 'string') return refuse('input_invalid', 'a publisher has a user and a topic')
  const filter = importFilter(topic)
  if (!filter.ok) return filter
  return ok({ effect: 'allow', actions: ['publish'], filter: filter.value, users: [user] })
}

function warningsOf(entry: Entry, { filter }: RuleRecord): readonly string[] {
  const { binding, require_grant: isGrantAsked } = entry
  const warnings: string[] = []
  if (binding === 'channel' && isGrantAsked !== true) {
    warnings.push('a channel is bound without require_grant: whoever names one gets it')
  }
  if (isGrantAsked === true) {
    warnings.push('require_grant becomes a claim that the token has to bring')
  }
  if (typeof binding === 'string' && !filter.includes(`\${${importName(binding)}}`)) {
    warnings.push(`the topic does not name its binding ${binding}, so it is for everybody`)
  }
  return warnings
}

export function exportPolicy(rules: readonly RuleRecord[]): Result<ExportedRules, 'input_invalid'> {
  const meant = exportable(rules, 'a policy')
  if (!meant.ok) return meant
  const everybody: Entry[] = []
  const bound: Entry[] = []
  const publishers: Entry[] = []
  const warnings: string[] = []
  for (const { rule, number } of meant.value) {
    const action = wordOf(rule, { publish: 'pub', subscribe: 'sub', both: 'pub+sub' })
    const { topic, names } = exportFilter(rule.filter)
    const [binding] = names
    const { users = [] } = rule
    const isPublisher = users.length > 0 && action === 'pub'
    if (action === undefined || isConditional(rule) || (users.length > 0 && !isPublisher)) {
      warnings.push(`Rule ${number} was left out: a policy has no such condition or action.`)
    } else if (isPublisher) publishers.push(...users.map((user) => ({ user, topic })))
    else if (binding === undefined) everybody.push({ topic, action })
    else bound.push({ topic, action, binding })
  }
  const lists = { global: everybody, rules: bound, publishers }
  return ok({ document: { version: '2', default: 'deny', ...lists }, warnings })
}

function isConditional({ qosMax, retain }: RuleRecord): boolean {
  return qosMax !== undefined || retain !== undefined
}
