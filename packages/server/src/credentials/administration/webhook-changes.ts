/**
 * Changes of webhook endpoints, each in one transaction with its audit row, made known to every
 * node before it is answered. Their secrets rotate like every other credential
 * (`credential-changes.ts`).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { WebhookDisabledReason, WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { Conflict, type RegionTransaction } from '../../ports/store.ts'
import type { LoadedApp } from '../app-directory.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { SYSTEM } from './callers.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { tellCreated } from './told-changes.ts'
import { type MadeWebhook, makeWebhook, recordNewWebhook } from './webhook-making.ts'
import {
  checkTerms,
  describeWebhook,
  type NewWebhook,
  type WebhookRules,
  type WebhookTerms,
} from './webhook-terms.ts'

export interface OfEndpoint {
  readonly endpointId: string
  readonly reason?: string | undefined
}

export type WebhookUpdate = OfEndpoint & {
  readonly [K in keyof WebhookTerms]?: WebhookTerms[K] | undefined
} & {
  /** From now on it is the configuration's. */
  readonly isDeclared?: true
}

type Changed = Promise<Result<WebhookEndpointRecord, AdminRefusalCode>>

/** What a change makes of an endpoint; `revision` and times are its own to set. */
interface Step {
  /** Undefined: nothing is written of it in the audit log. */
  readonly action: AuditAction | undefined
  readonly caller: Caller
  readonly reason?: string | undefined
  readonly detail?: AuditDetail
  /** @returns the same object where there is nothing to change. */
  readonly change: (
    before: WebhookEndpointRecord,
    loaded: LoadedApp,
  ) => Result<WebhookEndpointRecord, AdminRefusalCode>
}

type Work<T> = (
  transaction: RegionTransaction,
  code: string,
) => Promise<Result<T, AdminRefusalCode>>

export class WebhookChanges {
  readonly #deps: AdministrationDeps
  readonly #rules: WebhookRules

  constructor(deps: AdministrationDeps, rules: WebhookRules) {
    this.#deps = deps
    this.#rules = rules
  }

  /** @returns the endpoint, and its secret for this once. @throws Outage */
  async create(
    request: NewWebhook,
    caller: Caller,
  ): Promise<Result<MadeWebhook, AdminRefusalCode>> {
    const loaded = this.#deps.authority.apps.findById(request.appId)
    if (loaded === undefined) return refuse('not_found')
    const by = { caller, deps: this.#deps }
    const made = await makeWebhook(request, { loaded, rules: this.#rules }, by)
    if (!made.ok) return made
    const saved = await this.#commit(loaded, (transaction, code) =>
      recordNewWebhook(made.value, { transaction, code, caller }, this.#deps),
    )
    if (!saved.ok) return saved
    if (made.value.credential !== undefined) tellCreated([made.value.credential], this.#deps)
    return made
  }

  /** Another URL is another receiver: what the last one has proved does not hold of it. */
  update(request: WebhookUpdate, caller: Caller): Changed {
    const { endpointId, reason, ...given } = request
    const asked = Object.entries(given).filter(([, value]) => value !== undefined)
    if (asked.length === 0) return Promise.resolve(refuse('input_invalid', 'Name what to change.'))
    return this.#step(endpointId, {
      action: 'webhook.updated',
      caller,
      reason,
      change: (before) => {
        const { name, url, events, channelPrefix, channelSuffix, format } = before
        const known = { name, url, events, channelPrefix, channelSuffix }
        const terms = checkTerms({ ...known, ...Object.fromEntries(asked) }, format, this.#rules)
        if (!terms.ok) return terms
        const isMoved = terms.value.url !== url
        const fresh = isMoved ? { proof: undefined, failingSinceMs: undefined } : {}
        return ok({ ...before, ...terms.value, ...fresh })
      },
    })
  }

  /** With its secret and what waits for it; its audit rows stay. */
  async remove({ endpointId, reason }: OfEndpoint, caller: Caller): Changed {
    const found = this.#deps.authority.apps.findEndpoint(endpointId)
    if (found === undefined) return refuse('not_found')
    return this.#commit(found.loaded, async (transaction, code) => {
      const endpoint = await transaction.findWebhookEndpoint(endpointId)
      if (endpoint === undefined) return refuse('not_found')
      await recordRemoval(endpoint, { transaction, code, caller, reason }, this.#deps)
      return ok(endpoint)
    })
  }

  enable({ endpointId, reason }: OfEndpoint, caller: Caller): Changed {
    return this.#step(endpointId, {
      action: 'webhook.enabled',
      caller,
      reason,
      change: (before) =>
        ok(
          before.disabled === undefined
            ? before
            : { ...before, disabled: undefined, failingSinceMs: undefined },
        ),
    })
  }

  /** Nothing is sent to it any more; what waits is kept. */
  disable({ endpointId, reason }: OfEndpoint, caller: Caller): Changed {
    return this.#disable(endpointId, { because: 'operator', reason, caller })
  }

  /**
   * For whoever delivers: it answered 410, or failed for its whole schedule. One that is disabled
   * stays as it is.
   */
  giveUp(endpointId: string, because: Exclude<WebhookDisabledReason, 'operator'>): Changed {
    return this.#disable(endpointId, { because, reason: undefined, caller: SYSTEM })
  }

  /** Since when it fails; `undefined`: it works again. Not audited. See `webhook-health.ts`. */
  setFailing(endpointId: string, failingSinceMs: number | undefined): Changed {
    return this.#step(endpointId, {
      action: undefined,
      caller: SYSTEM,
      change: (before) =>
        ok(before.failingSinceMs === failingSinceMs ? before : { ...before, failingSinceMs }),
    })
  }

  /** What is known of its receiver; see `outbound/webhooks/adoption.ts`. */
  setProof(
    endpointId: string,
    step: Pick<Step, 'action' | 'caller' | 'reason' | 'detail' | 'change'>,
  ): Changed {
    return this.#step(endpointId, step)
  }

  async #disable(
    endpointId: string,
    by: {
      readonly because: WebhookDisabledReason
      readonly reason: string | undefined
      readonly caller: Caller
    },
  ): Changed {
    const { because, reason, caller } = by
    const atMs = this.#deps.clock.nowMs()
    let isChanged = false
    const disabled = await this.#step(endpointId, {
      action: 'webhook.disabled',
      caller,
      reason,
      change: (before) => {
        isChanged = before.disabled === undefined
        return ok(isChanged ? { ...before, disabled: { reason: because, atMs } } : before)
      },
    })
    if (!disabled.ok || !isChanged) return disabled
    const { tenantId, appId } = disabled.value
    const details = { endpointId, reason: because }
    this.#deps.events.tell({ type: 'webhook.disabled', atMs, tenantId, appId, details })
    return disabled
  }

  async #step(endpointId: string, step: Step): Changed {
    const found = this.#deps.authority.apps.findEndpoint(endpointId)
    if (found === undefined) return refuse('not_found')
    const { loaded } = found
    let isWritten = false
    const stepped = await this.#write(loaded, async (transaction, code) => {
      const before = await transaction.findWebhookEndpoint(endpointId)
      if (before === undefined) return refuse('not_found')
      const changed = step.change(before, loaded)
      if (!changed.ok || changed.value === before) return changed
      isWritten = true
      const after = { ...changed.value, ...nextOf(before, this.#deps.clock.nowMs()) }
      await transaction.saveWebhookEndpoint(after)
      const { action, reason, caller, detail = {} } = step
      if (action === undefined) return ok(after)
      const target = { kind: 'webhook', id: after.id, name: after.name }
      const { tenantId } = after
      const shown = {
        before: describeWebhook(before),
        after: { ...describeWebhook(after), ...detail },
      }
      await this.#deps.audit.record(
        { code, transaction },
        changeEntry(caller, { tenantId, action, target, reason, ...shown }),
      )
      return ok(after)
    })
    if (isWritten) await this.#tell(loaded)
    return stepped
  }

  async #commit<T>(loaded: LoadedApp, work: Work<T>): Promise<Result<T, AdminRefusalCode>> {
    const done = await this.#write(loaded, work)
    if (done.ok) await this.#tell(loaded)
    return done
  }

  #write<T>({ app }: LoadedApp, work: Work<T>): Promise<Result<T, AdminRefusalCode>> {
    const region = this.#deps.authority.regionOf(app)
    return orRefused(() => region.transaction((transaction) => work(transaction, region.code)))
  }

  #tell({ app }: LoadedApp): Promise<void> {
    return this.#deps.authority.changed({ kind: 'app', region: app.region, appId: app.id })
  }
}

/** Writes inside the caller's transaction that an endpoint and its secret are gone. */
export async function recordRemoval(
  endpoint: WebhookEndpointRecord,
  context: {
    readonly transaction: RegionTransaction
    readonly code: string
    readonly caller: Caller
    readonly reason?: string | undefined
  },
  deps: Pick<AdministrationDeps, 'audit'>,
): Promise<void> {
  const { transaction, code, caller, reason } = context
  const { id, name, tenantId, credentialId } = endpoint
  await transaction.removeWebhookEndpoint(id)
  if (credentialId !== undefined) await transaction.removeCredential(credentialId)
  const target = { kind: 'webhook', id, name }
  const before = describeWebhook(endpoint)
  await deps.audit.record(
    { code, transaction },
    changeEntry(caller, { tenantId, action: 'webhook.removed', target, reason, before }),
  )
}

function nextOf({ revision, updatedAtMs }: WebhookEndpointRecord, nowMs: number) {
  return { revision: revision + 1, updatedAtMs: Math.max(nowMs, updatedAtMs) }
}

/** What the store would not take, as callers see it. @throws Outage */
async function orRefused<T>(
  work: () => Promise<Result<T, AdminRefusalCode>>,
): Promise<Result<T, AdminRefusalCode>> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    if (error.rule === 'webhook_name') return refuse('name_taken')
    if (error.rule === 'stale_revision') return refuse('changed_meanwhile')
    throw error
  }
}
