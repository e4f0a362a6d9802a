/**
 * Changes of rule sets. Every node holds new publishes and subscriptions to them as soon as a
 * change is answered, and looks at the subscriptions that are open (`../rules/rule-book.ts`).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import { DEFAULT_RULE_SET, DEFAULT_RULES } from '../../core/rules/default-rules.ts'
import { compileRules } from '../../core/rules/rule-program.ts'
import { ruleText } from '../../core/rules/rule-text.ts'
import type { IntegrationRecord, RuleRecord, RuleSetRecord } from '../../ports/records/rule-set.ts'
import type { Authority } from '../authority.ts'
import type { AuditDetail } from '../audit/entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { changeControl } from './control-change.ts'

/** Our bound on the rule sets of one tenant. */
export const RULE_SET_COUNT_MAX = 100
/** Ours, of those a refusal names. */
const NAMED_COUNT_MAX = 5

export interface OfRuleSet {
  readonly tenantId: string
  readonly name: string
  /** The one that was read; undefined: whatever is there. The built-in one has 0. */
  readonly revision?: number | undefined
  readonly reason?: string | undefined
}

export type RuleSetRequest = OfRuleSet & { readonly rules: readonly RuleRecord[] }

type Changed = Promise<Result<RuleSetRecord, AdminRefusalCode>>

export class RuleSetChanges {
  readonly #deps: AdministrationDeps

  constructor(deps: AdministrationDeps) {
    this.#deps = deps
  }

  create(request: Omit<RuleSetRequest, 'revision'>, caller: Caller): Changed {
    return this.#save({ ...request, revision: 0 }, caller)
  }

  /** The built-in `default` becomes a row with its first change. */
  update(request: RuleSetRequest, caller: Caller): Changed {
    return this.#save(request, caller, 'existing')
  }

  /** What names it keeps it; the built-in one takes the place of a removed `default`. */
  remove({ tenantId, name, revision, reason }: OfRuleSet, caller: Caller): Changed {
    return changeControl({ tenantId, reason, caller }, this.#deps, async (transaction) => {
      const before = await transaction.findRuleSet({ tenantId, name })
      if (before === undefined) return refuse('not_found')
      if (revision !== undefined && revision !== before.revision) return refuse('changed_meanwhile')
      const integrations = await transaction.listIntegrations({ tenantId })
      const users = usersOf(before, { integrations, apps: this.#deps.authority.apps })
      if (name !== DEFAULT_RULE_SET && users.length > 0) {
        return refuse('rule_set_in_use', `It is named by ${listed(users)}.`)
      }
      await transaction.removeRuleSet({ tenantId, name })
      const target = { kind: 'rule_set', id: name }
      return ok({ value: before, action: 'rules.removed', target, before: described(before) })
    })
  }

  #save(request: RuleSetRequest, caller: Caller, kind?: 'existing'): Changed {
    const { tenantId, name, rules, revision, reason } = request
    const compiled = compileRules(rules)
    if (!compiled.ok) return Promise.resolve(refuse('input_invalid', compiled.detail))
    return changeControl({ tenantId, reason, caller }, this.#deps, async (transaction) => {
      const before = await transaction.findRuleSet({ tenantId, name })
      const isNew = before === undefined
      if (kind === 'existing' && isNew && name !== DEFAULT_RULE_SET) return refuse('not_found')
      if (kind === undefined && !isNew) return refuse('name_taken')
      const known = before?.revision ?? 0
      if (revision !== undefined && revision !== known) return refuse('changed_meanwhile')
      const siblings = isNew ? await transaction.listRuleSets({ tenantId }) : []
      if (siblings.length >= RULE_SET_COUNT_MAX) return refuse('count_full')
      const nowMs = this.#deps.clock.nowMs()
      const createdAtMs = before?.createdAtMs ?? nowMs
      const updatedAtMs = Math.max(nowMs, before?.updatedAtMs ?? 0)
      const times = { createdAtMs, updatedAtMs }
      const after = { tenantId, name, rules, revision: known + 1, ...times }
      await transaction.saveRuleSet(after)
      return ok({
        value: after,
        action: isNew ? 'rules.created' : 'rules.updated',
        target: { kind: 'rule_set', id: name },
        ...(before === undefined ? {} : { before: described(before) }),
        after: described(after),
      })
    })
  }
}

/** @returns the rule set of this name, the built-in one too; undefined where there is none. */
export function findRuleSet(
  {
    ruleSets,
    tenant,
  }: {
    readonly ruleSets: readonly RuleSetRecord[]
    readonly tenant: { readonly id: string; readonly createdAtMs: number }
  },
  name: string,
): RuleSetRecord | undefined {
  const found = ruleSets.find((each) => each.name === name)
  if (found !== undefined || name !== DEFAULT_RULE_SET) return found
  const { id: tenantId, createdAtMs } = tenant
  const times = { createdAtMs, updatedAtMs: createdAtMs }
  return { tenantId, name, rules: DEFAULT_RULES, revision: 0, ...times }
}

/** @returns what names a rule set, as people know it. */
function usersOf(
  { tenantId, name }: RuleSetRecord,
  known: {
    readonly integrations: readonly IntegrationRecord[]
    readonly apps: Authority['apps']
  },
): readonly string[] {
  const integrations = known.integrations.filter(({ ruleSet }) => ruleSet === name)
  const credentials = [...known.apps.apps()]
    .filter(({ tenant }) => tenant.id === tenantId)
    .flatMap((loaded) => loaded.credentials.map(({ record }) => ({ record, app: loaded.app })))
    .filter(({ record }) => record.attributes.ruleSet === name)
  return [
    ...integrations.map((integration) => `integration ${integration.name}`),
    ...credentials.map(({ record, app }) => `MQTT user ${record.name} of app ${app.name}`),
  ]
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMED_COUNT_MAX
  const shown = names.slice(0, NAMED_COUNT_MAX).join(', ')
  return more > 0 ? `${shown} and ${more} more` : shown
}

/** @returns what of a rule set the audit log shows. */
function described({ rules, revision }: RuleSetRecord): AuditDetail {
  return { revision, rules: rules.map(ruleText) }
}
