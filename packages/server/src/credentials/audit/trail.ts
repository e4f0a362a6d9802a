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
    const { code, transaction } = place
    const head = await transaction.findAuditHead(entry.tenantId)
    const full = { ...entry, atMs: this.#clock.nowMs() }
    const next = nextRows([full], { code, head, sealKey: this.#keys.auditSeal })
    await transaction.appendAudit(next.rows, next.head)
  }
}
