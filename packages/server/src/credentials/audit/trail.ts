/**
 * Writes audit rows: those of a change inside its transaction, so that neither exists without the
 * other; those of denials in batches, counted exactly and sampled under a flood.
 */
import type { Clock } from '../../ports/clock.ts'
import type { AuditRecords } from '../../ports/store.ts'
import type { InstallationKeys } from '../installation-keys.ts'
import { nextRows } from './chain.ts'
import type { AuditEntry } from './entry.ts'

/** A transaction of the database whose code is named; rows are chained per tenant and database. */
export interface AuditPlace {
  readonly code: string
  readonly transaction: AuditRecords
}

export class AuditTrail {
  readonly #keys: InstallationKeys
  readonly #clock: Clock

  constructor(deps: { readonly keys: InstallationKeys; readonly clock: Clock }) {
    this.#keys = deps.keys
    this.#clock = deps.clock
  }

  /** Appends inside the caller's transaction. @throws Outage, Conflict */
  async record(place: AuditPlace, entry: Omit<AuditEntry, 'atMs'>): Promise<void> {
    await this.recordAll(place, [{ ...entry, atMs: this.#clock.nowMs() }])
  }

  /**
   * Appends several rows as one, in their order.
   * @param entries of one tenant; none is no error.
   * @throws Outage, Conflict
   */
  async recordAll(place: AuditPlace, entries: readonly AuditEntry[]): Promise<void> {
    const [first] = entries
    if (first === undefined) return
    if (entries.some(({ tenantId }) => tenantId !== first.tenantId))
      throw new Error('an audit batch of several tenants')
    const { code, transaction } = place
    const head = await transaction.findAuditHead(first.tenantId)
    const next = nextRows(entries, { code, head, sealKey: this.#keys.auditSeal })
    await transaction.appendAudit(next.rows, next.head)
  }
}
