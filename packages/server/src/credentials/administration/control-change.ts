/** One change of what belongs to a tenant in the control database, with its audit row. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import { Conflict, type ControlTransaction } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'

export interface ControlStep<T> {
  readonly value: T
  /** Undefined: nothing was changed, and nothing is written in the audit log. */
  readonly action: AuditAction | undefined
  readonly target: { readonly kind: string; readonly id: string }
  readonly before?: AuditDetail | undefined
  readonly after?: AuditDetail | undefined
}

export interface ControlOrder {
  readonly tenantId: string
  readonly reason: string | undefined
  readonly caller: Caller
}

/**
 * Both are committed as one, and every node knows of it when this resolves.
 * @throws Outage
 */
export async function changeControl<T>(
  { tenantId, reason, caller }: ControlOrder,
  { store, audit, authority }: AdministrationDeps,
  work: (transaction: ControlTransaction) => Promise<Result<ControlStep<T>, AdminRefusalCode>>,
): Promise<Result<T, AdminRefusalCode>> {
  const { control } = store
  let isChanged = false
  const changed = await orRefused(() =>
    control.transaction(async (transaction) => {
      if ((await transaction.findTenant(tenantId)) === undefined) return refuse('not_found')
      const stepped = await work(transaction)
      if (!stepped.ok) return stepped
      const { value, action, target, before, after } = stepped.value
      if (action === undefined) return ok(value)
      isChanged = true
      const shown = {
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      }
      const entry = changeEntry(caller, { tenantId, action, target, reason, ...shown })
      await audit.record({ code: control.code, transaction }, entry)
      return ok(value)
    }),
  )
  if (changed.ok && isChanged) await authority.changed({ kind: 'tenant', tenantId })
  return changed
}

/** What the store would not take, as callers see it. @throws Outage */
async function orRefused<T>(
  work: () => Promise<Result<T, AdminRefusalCode>>,
): Promise<Result<T, AdminRefusalCode>> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    if (error.rule === 'rule_set_name' || error.rule === 'integration_name') {
      return refuse('name_taken')
    }
    if (error.rule === 'stale_revision') return refuse('changed_meanwhile')
    throw error
  }
}
