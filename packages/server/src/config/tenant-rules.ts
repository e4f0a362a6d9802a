/**
 * The rule sets and integrations that `tenants[]` declares. Whether rules can be compiled and
 * providers are complete is decided where they are taken in. Pure but for the given `readFile`.
 */
import type { RuleAction, RuleRecord } from '../ports/records/rule-set.ts'
import type { IntegrationDeclaration, RuleSetDeclaration } from './rule-declarations.ts'
import { bounded, type Group, type GroupContext, keysOf, readFields } from './groups.ts'
import { readList, refuseUnknown } from './groups.ts'
import {
  INTEGRATION_COUNT_MAX,
  INTEGRATION_FIELDS,
  RULE_COUNT_MAX,
  RULE_FIELDS,
  RULE_SET_COUNT_MAX,
  RULE_SET_FIELDS,
} from './rule-schema.ts'

export function readRuleSets(group: Group, context: GroupContext): readonly RuleSetDeclaration[] {
  const path = `${group.path}.ruleSets`
  const sets = readList({ node: group.entries.get('ruleSets'), path }, context, (entry) => {
    refuseUnknown(entry, [...keysOf(RULE_SET_FIELDS), 'rules'], context)
    const fields = readFields(entry, RULE_SET_FIELDS, context)
    const place = { node: entry.entries.get('rules'), path: `${entry.path}.rules` }
    const rules = readList(place, context, (rule) => readRule(rule, context))
    return { ...fields, rules: bounded(rules, { ...place, countMax: RULE_COUNT_MAX }, context) }
  })
  return bounded(sets, { path, countMax: RULE_SET_COUNT_MAX }, context)
}

function readRule(group: Group, context: GroupContext): RuleRecord {
  refuseUnknown(group, keysOf(RULE_FIELDS), context)
  const fields = readFields(group, RULE_FIELDS, context)
  const { effect, actions, filter, qosMax, retain, users } = fields
  return {
    effect,
    // The list takes no others.
    actions: actions as readonly RuleAction[],
    filter,
    ...(qosMax === 0 || qosMax === 1 ? { qosMax } : {}),
    ...(retain === 'any' ? {} : { retain: retain === 'only' }),
    ...(users === undefined ? {} : { users }),
  }
}

export function readIntegrations(
  group: Group,
  context: GroupContext,
): readonly IntegrationDeclaration[] {
  const path = `${group.path}.integrations`
  const list = readList({ node: group.entries.get('integrations'), path }, context, (entry) => {
    refuseUnknown(entry, keysOf(INTEGRATION_FIELDS), context)
    return readFields(entry, INTEGRATION_FIELDS, context)
  })
  return bounded(list, { path, countMax: INTEGRATION_COUNT_MAX }, context)
}
