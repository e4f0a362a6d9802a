/** The operations on rule sets. */
import { isTopicFilter, isTopicName, splitShared } from '@lockgate/protocol/mqtt/topic'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import { DEFAULT_RULE_SET } from '../../core/rules/default-rules.ts'
import { exportPolicy, importPolicy } from '../../core/rules/dialects/policy-dialect.ts'
import { exportUserRules, importUserRules } from '../../core/rules/dialects/user-rules-dialect.ts'
import { compileRules } from '../../core/rules/rule-program.ts'
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import { findRuleSet } from '../../credentials/administration/rule-set-changes.ts'
import type { LoadedTenant } from '../../credentials/tenant-directory.ts'
import type { RuleAction, RuleSetRecord } from '../../ports/records/rule-set.ts'
import type { AdminDeps } from './deps.ts'
import type { Handlers } from './handlers.ts'
import { pageOf } from './paging.ts'
import { givenRules, ruleSetLine, ruleSetShape } from './rule-shapes.ts'
import { shownPage } from './visibility.ts'

type RuleOperation =
  | 'rules.list'
  | 'rules.get'
  | 'rules.create'
  | 'rules.update'
  | 'rules.remove'
  | 'rules.validate'
  | 'rules.import'
  | 'rules.export'
  | 'rules.explain'

const DIALECTS = {
  policy: { read: importPolicy, write: exportPolicy },
  'user-rules': { read: importUserRules, write: exportUserRules },
} as const

export const ruleHandlers: Pick<Handlers, RuleOperation> = {
  async 'rules.list'({ parameters }, { deps }) {
    const loaded = deps.authority.tenants.find(parameters.tenantId)
    if (loaded === undefined) return refuse('not_found')
    const names = new Set([DEFAULT_RULE_SET, ...loaded.ruleSets.map(({ name }) => name)])
    const ruleSets = [...names].flatMap((name) => findRuleSet(loaded, name) ?? [])
    const order = { list: 'rules', keyOf: ({ name }: RuleSetRecord) => [name] }
    return shownPage(pageOf(ruleSets, parameters, order), ruleSetLine)
  },
  async 'rules.get'({ parameters }, { deps }) {
    const found = ruleSetOf(parameters, deps)
    return found.ok ? ok(ruleSetShape(found.value)) : found
  },
  async 'rules.create'({ parameters, body }, { deps, caller }) {
    const request = { ...parameters, ...body, rules: givenRules(body.rules) }
    return shown(await deps.ruleSetChanges.create(request, caller))
  },
  async 'rules.update'({ parameters, body }, { deps, caller }) {
    const { tenantId, ruleSet: name } = parameters
    const request = { ...body, tenantId, name, rules: givenRules(body.rules) }
    return shown(await deps.ruleSetChanges.update(request, caller))
  },
  async 'rules.remove'({ parameters, body }, { deps, caller }) {
    const { tenantId, ruleSet: name } = parameters
    return shown(await deps.ruleSetChanges.remove({ ...body, tenantId, name }, caller))
  },
  async 'rules.validate'({ body }) {
    const faults = givenRules(body.rules).flatMap((rule, index) => {
      const compiled = compileRules([rule])
      if (compiled.ok) return []
      return [{ rule: index + 1, fault: (compiled.detail ?? '').replace('rule 1: ', '') }]
    })
    return ok({ isValid: faults.length === 0, faults })
  },
  async 'rules.import'({ parameters, body }, { deps, caller }) {
    const { dialect, document, name, reason } = body
    const imported = DIALECTS[dialect].read(document)
    if (!imported.ok || name === undefined) return imported
    const { rules, warnings } = imported.value
    const request = { ...parameters, name, rules, reason }
    const saved = await deps.ruleSetChanges.create(request, caller)
    return saved.ok ? ok({ rules, warnings, revision: saved.value.revision }) : saved
  },
  async 'rules.export'({ parameters }, { deps }) {
    const found = ruleSetOf(parameters, deps)
    return found.ok ? DIALECTS[parameters.dialect].write(found.value.rules) : found
  },
  async 'rules.explain'({ parameters, body }, { deps }) {
    const loaded = deps.authority.tenants.find(parameters.tenantId)
    if (loaded === undefined) return refuse('not_found')
    const question = questionOf(body)
    if (!question.ok) return question
    const appId = appOf(loaded, body.app, deps)
    if (!appId.ok) return appId
    const { aclPublish, aclSubscribe, integration, ruleSet, draft } = body
    const acl = {
      ...(aclPublish === undefined ? {} : { publish: aclPublish }),
      ...(aclSubscribe === undefined ? {} : { subscribe: aclSubscribe }),
    }
    const binding = { tenantId: loaded.tenant.id, appId: appId.value, integration, ruleSet, acl }
    const { username = '', clientId = '', userId, email, claims } = body
    return deps.ruleBook.explain(question.value, binding, {
      subject: {
        username,
        clientId,
        userId,
        email,
        claims: claims && new Map(Object.entries(claims)),
        organization: loaded.tenant.shortId,
      },
      draft: draft && { name: draft.name, rules: givenRules(draft.rules) },
    })
  },
}

function ruleSetOf(
  { tenantId, ruleSet }: { readonly tenantId: string; readonly ruleSet: string },
  { authority }: Pick<AdminDeps, 'authority'>,
): Result<RuleSetRecord, 'not_found'> {
  const loaded = authority.tenants.find(tenantId)
  const found = loaded && findRuleSet(loaded, ruleSet)
  return found === undefined ? refuse('not_found') : ok(found)
}

function shown(
  changed: Result<RuleSetRecord, AdminRefusalCode>,
): Result<unknown, AdminRefusalCode> {
  return changed.ok ? ok(ruleSetShape(changed.value)) : changed
}

function questionOf(body: {
  readonly action: RuleAction
  readonly topic: string
  readonly qos?: number | undefined
  readonly retain?: boolean | undefined
}): Result<RuleQuestion, 'input_invalid'> {
  const { action, qos = 0, retain = false } = body
  const asked = { action, qos: qos as RuleQuestion['qos'], retain }
  if (action !== 'subscribe') {
    const isName = action !== 'publish' || isTopicName(body.topic)
    return isName ? ok({ ...asked, topic: body.topic }) : refuse('input_invalid', NO_NAME)
  }
  if (!isTopicFilter(body.topic)) return refuse('input_invalid', NO_FILTER)
  // Rules are asked for the filter inside (§4.8.2).
  const topic = splitShared(body.topic)?.filter ?? body.topic
  return ok({ ...asked, topic })
}

/** @returns the id of the app of the tenant that is meant; empty where it has none. */
function appOf(
  { tenant }: LoadedTenant,
  asked: string | undefined,
  { authority }: Pick<AdminDeps, 'authority'>,
): Result<string, 'not_found'> {
  const own = [...authority.apps.apps()].filter(({ app }) => app.tenantId === tenant.id)
  if (asked === undefined) return ok(own[0]?.app.id ?? '')
  return own.some(({ app }) => app.id === asked) ? ok(asked) : refuse('not_found')
}

const NO_NAME = 'The topic is no topic name: it has a wildcard, or is empty or too long.'
const NO_FILTER = 'The topic is no topic filter: + and # fill whole levels, # the last one only.'
