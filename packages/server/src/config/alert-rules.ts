/** The section `alertRules:` of the file. Pure but for the given `readFile`. */
import { ALERT_RULE_COUNT_MAX, ALERT_RULE_FIELDS, BUILT_IN_ALERT_RULES } from './alert-schema.ts'
import { refuseRepeated } from './check-identities.ts'
import type { AlertDestination, AlertRuleDeclaration, Config } from './config.ts'
import type { DocumentNode } from './document.ts'
import {
  bounded,
  type GroupContext,
  keysOf,
  readFields,
  readList,
  refuseUnknown,
} from './groups.ts'
import type { Review } from './problem.ts'
import { MASK } from './secrets.ts'

/** @returns every rule: a declared one replaces a built-in of its name. */
export function readAlertRules(
  root: DocumentNode | undefined,
  context: GroupContext,
): readonly AlertRuleDeclaration[] {
  const path = 'alertRules'
  const node = root?.kind === 'map' ? root.entries.get(path) : undefined
  const declared = readList({ node, path }, context, (group): AlertRuleDeclaration => {
    refuseUnknown(group, keysOf(ALERT_RULE_FIELDS), context)
    const { windowSeconds, enabled, to, ...fields } = readFields(group, ALERT_RULE_FIELDS, context)
    return {
      ...fields,
      windowMs: windowSeconds * 1_000,
      // The check of each entry is that of the kind of list.
      to: to as readonly AlertDestination[] | undefined,
      isEnabled: enabled,
    }
  })
  const rules = bounded(declared, { path, countMax: ALERT_RULE_COUNT_MAX }, context)
  const names = new Set(rules.map(({ name }) => name))
  return [...BUILT_IN_ALERT_RULES.filter(({ name }) => !names.has(name)), ...rules]
}

/** What rules need has to be there: a mail server for e-mail, and all that belongs to it. */
export function checkAlerts({ alerts, smtp, alertRules }: Config, review: Review): void {
  const declared = alertRules.filter((rule) => !BUILT_IN_ALERT_RULES.includes(rule))
  const names = declared.map((rule) => ({ path: review.pathOf(rule, 'name'), value: rule.name }))
  refuseRepeated(names, 'another rule of the list has this name', review)
  for (const rule of declared) refuseMailWithout(rule.to, review.pathOf(rule, 'to'))
  refuseMailWithout(alerts.to, 'alerts.to')
  requireWith('smtp.user', 'smtp.password', smtp.user !== undefined && smtp.password === undefined)
  requireWith('smtp.password', 'smtp.user', smtp.password !== undefined && smtp.user === undefined)
  if (smtp.password === MASK && review.isSound('smtp.password')) {
    const what = `\`${MASK}\` only stands for a secret where one is printed`
    review.object('smtp.password', { what, next: 'give the secret itself' })
  }

  function refuseMailWithout(to: readonly string[] | undefined, path: string): void {
    if (to?.includes('email') !== true || !review.isSound(path)) return
    const needs = {
      'smtp.url': smtp.url === undefined,
      'smtp.from': smtp.from === undefined,
      'alerts.mailTo': alerts.mailTo.length === 0,
    }
    for (const [absent, isAbsent] of Object.entries(needs)) {
      if (!isAbsent || !review.isSound(absent)) continue
      const next = `give \`${absent}\`, or take \`email\` out`
      review.object(path, { what: `e-mail needs \`${absent}\``, next })
    }
  }

  function requireWith(given: string, absent: string, isAbsent: boolean): void {
    if (smtp.url === undefined || !isAbsent) return
    if (!review.isSound(given) || !review.isSound(absent)) return
    const what = `\`${given}\` is given without \`${absent}\``
    review.object(given, { what, next: 'give both, or none' })
  }
}
