/**
 * Changes of integrations: what clients name as `integration_id`, with the rule set that narrows
 * its tokens and the provider whose tokens it exchanges.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import { DEFAULT_RULE_SET } from '../../core/rules/default-rules.ts'
import type { IntegrationRecord } from '../../ports/records/rule-set.ts'
import type { ControlTransaction } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { type GivenProvider, readProvider } from '../rules/provider-presets.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { changeControl } from './control-change.ts'

/** Our bound on the integrations of one tenant. */
export const INTEGRATION_COUNT_MAX = 100

export interface OfIntegration {
  readonly tenantId: string
  readonly name: string
  /** The one that was read; undefined: whatever is there. */
  readonly revision?: number | undefined
  readonly reason?: string | undefined
}

/** Undefined: as it was, or none. Null: none any more. */
export interface IntegrationTerms {
  readonly appId?: string | null | undefined
  readonly ruleSet?: string | null | undefined
  readonly provider?: GivenProvider | null | undefined
}

type Changed = Promise<Result<IntegrationRecord, AdminRefusalCode>>
type Terms = Pick<IntegrationRecord, 'appId' | 'ruleSet' | 'provider'>

export class IntegrationChanges {
  readonly #deps: AdministrationDeps

  constructor(deps: AdministrationDeps) {
    this.#deps = deps
  }

  create(request: Omit<OfIntegration, 'revision'> & IntegrationTerms, caller: Caller): Changed {
    const { tenantId, name, reason } = request
    return changeControl({ tenantId, reason, caller }, this.#deps, async (transaction) => {
      const siblings = await transaction.listIntegrations({ tenantId })
      if (siblings.some((each) => each.name === name)) return refuse('name_taken')
      if (siblings.length >= INTEGRATION_COUNT_MAX) return refuse('count_full')
      const none = { appId: undefined, ruleSet: undefined, provider: undefined }
      const terms = await this.#termsOf(request, none, transaction)
      if (!terms.ok) return terms
      const nowMs = this.#deps.clock.nowMs()
      const times = { createdAtMs: nowMs, updatedAtMs: nowMs }
      const after = { tenantId, name, ...terms.value, isEnabled: true, revision: 1, ...times }
      await transaction.saveIntegration(after)
      const target = { kind: 'integration', id: name }
      return ok({ value: after, action: 'integration.created', target, after: described(after) })
    })
  }

  update(request: OfIntegration & IntegrationTerms, caller: Caller): Changed {
    return this.#step(request, caller, {
      action: 'integration.updated',
      change: async (before, transaction) => {
        const terms = await this.#termsOf(request, before, transaction)
        return terms.ok ? ok({ ...before, ...terms.value }) : terms
      },
    })
  }

  /** It mints and exchanges again. */
  enable(request: OfIntegration, caller: Caller): Changed {
    const change = async (before: IntegrationRecord) => ok({ ...before, isEnabled: true })
    return this.#step(request, caller, { action: 'integration.enabled', change })
  }

  /** It gives no new tokens; those it gave stay, and stay narrowed. */
  disable(request: OfIntegration, caller: Caller): Changed {
    const change = async (before: IntegrationRecord) => ok({ ...before, isEnabled: false })
    return this.#step(request, caller, { action: 'integration.disabled', change })
  }

  /** Tokens that name it may do nothing any more. */
  remove({ tenantId, name, revision, reason }: OfIntegration, caller: Caller): Changed {
    return changeControl({ tenantId, reason, caller }, this.#deps, async (transaction) => {
      const before = await transaction.findIntegration({ tenantId, name })
      if (before === undefined) return refuse('not_found')
      if (revision !== undefined && revision !== before.revision) return refuse('changed_meanwhile')
      await transaction.removeIntegration({ tenantId, name })
      const target = { kind: 'integration', id: name }
      return ok({ value: before, action: 'integration.removed', target, before: described(before) })
    })
  }

  #step(
    { tenantId, name, revision, reason }: OfIntegration,
    caller: Caller,
    step: {
      readonly action: AuditAction
      readonly change: (
        before: IntegrationRecord,
        transaction: ControlTransaction,
      ) => Promise<Result<IntegrationRecord, AdminRefusalCode>>
    },
  ): Changed {
    return changeControl({ tenantId, reason, caller }, this.#deps, async (transaction) => {
      const before = await transaction.findIntegration({ tenantId, name })
      if (before === undefined) return refuse('not_found')
      if (revision !== undefined && revision !== before.revision) return refuse('changed_meanwhile')
      const changed = await step.change(before, transaction)
      if (!changed.ok) return changed
      const target = { kind: 'integration', id: name }
      if (textOf(changed.value) === textOf(before)) {
        return ok({ value: before, action: undefined, target })
      }
      const updatedAtMs = Math.max(this.#deps.clock.nowMs(), before.updatedAtMs)
      const after = { ...changed.value, revision: before.revision + 1, updatedAtMs }
      await transaction.saveIntegration(after)
      const shown = { before: described(before), after: described(after) }
      return ok({ value: after, action: step.action, target, ...shown })
    })
  }

  async #termsOf(
    { tenantId, appId, ruleSet, provider }: OfIntegration & IntegrationTerms,
    before: Terms,
    transaction: ControlTransaction,
  ): Promise<Result<Terms, AdminRefusalCode>> {
    if (typeof appId === 'string') {
      const loaded = this.#deps.authority.apps.findById(appId)
      // Another tenant's app reads the same as none.
      if (loaded?.tenant.id !== tenantId) return refuse('input_invalid', 'There is no such app.')
    }
    if (typeof ruleSet === 'string' && ruleSet !== DEFAULT_RULE_SET) {
      const found = await transaction.findRuleSet({ tenantId, name: ruleSet })
      if (found === undefined) return refuse('input_invalid', 'There is no rule set of this name.')
    }
    const read = provider === undefined || provider === null ? undefined : readProvider(provider)
    if (read?.ok === false) return read
    return ok({
      appId: appId === undefined ? before.appId : (appId ?? undefined),
      ruleSet: ruleSet === undefined ? before.ruleSet : (ruleSet ?? undefined),
      provider: provider === undefined ? before.provider : read?.value,
    })
  }
}

function textOf({ appId, ruleSet, provider, isEnabled }: IntegrationRecord): string {
  return JSON.stringify([appId, ruleSet, provider, isEnabled])
}

/** @returns what of an integration the audit log shows; no secret is in one, but a name of it. */
function described({ appId, ruleSet, provider, isEnabled }: IntegrationRecord): AuditDetail {
  const shown = { appId: appId ?? null, ruleSet: ruleSet ?? null, isEnabled }
  if (provider === undefined) return { ...shown, provider: null }
  const { jwtSecret: jwtSecretName = null, jwksUrl = null, ...terms } = provider
  return { ...shown, provider: { ...terms, jwksUrl, jwtSecretName } }
}
