/**
 * Credentials, audit and uses over maps. Writes go to copies that take the place of the originals
 * at the commit; records are copied on the way in and out, so nobody can change what is stored.
 */
import type { AuditHead, AuditRow } from '../../ports/records/audit.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { UseRecord } from '../../ports/records/use.ts'
import {
  type AuditRecords,
  Conflict,
  type ConflictRule,
  type CredentialRecords,
  USE_SOURCE_COUNT_MAX,
  type UseRecords,
} from '../../ports/store.ts'
import { copyOf, keyOf, oldestFirst, type SharedRecords } from './records.ts'

export class SharedTransaction<R extends SharedRecords>
  implements CredentialRecords, AuditRecords, UseRecords
{
  protected readonly records: R
  #isOver = false
  #failure: Error | undefined

  constructor(records: R) {
    this.records = copyOf(records)
  }

  findCredential(id: string): Promise<CredentialRecord | undefined> {
    return this.run(() => structuredClone(this.records.credentials.get(id)))
  }

  listCredentials(filter: {
    readonly tenantId?: string
    readonly appId?: string
  }): Promise<readonly CredentialRecord[]> {
    return this.run(() => {
      const { tenantId, appId } = filter
      const found = [...this.records.credentials.values()].filter(
        (each) =>
          (tenantId === undefined || each.tenantId === tenantId) &&
          (appId === undefined || each.appId === appId),
      )
      return oldestFirst(found, ({ id }) => id)
    })
  }

  saveCredential(credential: CredentialRecord): Promise<void> {
    return this.run(() => {
      const before = this.records.credentials.get(credential.id)
      if ((before?.revision ?? 0) !== credential.revision - 1) throw new Conflict('stale_revision')
      this.records.credentials.set(credential.id, structuredClone(credential))
    })
  }

  removeCredential(id: string): Promise<void> {
    return this.run(() => {
      this.records.credentials.delete(id)
      for (const [key, use] of this.records.uses) {
        if (use.credentialId === id) this.records.uses.delete(key)
      }
    })
  }

  findAuditHead(tenantId: string): Promise<AuditHead | undefined> {
    return this.run(() => structuredClone(this.records.heads.get(tenantId)))
  }

  listAuditHeads(): Promise<readonly AuditHead[]> {
    return this.run(() =>
      [...this.records.heads.values()]
        .sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
        .map((head) => structuredClone(head)),
    )
  }

  appendAudit(rows: readonly AuditRow[], head: AuditHead): Promise<void> {
    return this.run(() => {
      const { tenantId } = head
      const first = head.seq - rows.length + 1
      const isChained = rows.every((row, at) => row.tenantId === tenantId && row.seq === first + at)
      if (rows.length === 0 || first < 1 || !isChained || rows.at(-1)?.hash !== head.hash)
        throw new Error('audit rows must be of one tenant and lead to their head without gaps')
      if ((this.records.heads.get(tenantId)?.seq ?? 0) !== first - 1)
        throw new Conflict('stale_revision')
      const before = this.records.audit.get(tenantId) ?? []
      this.records.audit.set(tenantId, [...before, ...structuredClone(rows)])
      this.records.heads.set(tenantId, structuredClone(head))
    })
  }

  listAudit(page: {
    readonly tenantId: string
    readonly afterSeq: number
    readonly countMax: number
  }): Promise<readonly AuditRow[]> {
    return this.run(() => {
      const rows = this.records.audit.get(page.tenantId) ?? []
      return structuredClone(rows.slice(page.afterSeq, page.afterSeq + page.countMax))
    })
  }

  listUses({ credentialId }: { readonly credentialId: string }): Promise<readonly UseRecord[]> {
    return this.run(() =>
      [...this.records.uses.values()]
        .filter((use) => use.credentialId === credentialId)
        .sort((a, b) => compareUses(a, b))
        .map((use) => structuredClone(use)),
    )
  }

  /** Beside the port: what `addUses` of the database does in a transaction of its own. */
  addUse(use: UseRecord): Promise<void> {
    return this.run(() => {
      const key = useKey(use)
      const isKnown = this.records.uses.has(key)
      const told = [...this.records.uses.values()].filter(
        ({ versionId, ip }) => versionId === use.versionId && ip !== '*',
      )
      const hasRoom = isKnown || told.length < USE_SOURCE_COUNT_MAX
      const given = hasRoom ? use : { ...use, ip: '*', agent: '' }
      const before = this.records.uses.get(useKey(given))
      this.records.uses.set(useKey(given), before === undefined ? { ...given } : sum(before, given))
    })
  }

  /**
   * @returns the records as they are after this transaction.
   * @throws the first failure, even where the caller went on after it.
   */
  commit(): R {
    if (this.#failure !== undefined) throw this.#failure
    return this.records
  }

  /** Refuses every later call, so that nothing is written outside the transaction. */
  end(): void {
    this.#isOver = true
  }

  protected async run<T>(step: () => T): Promise<T> {
    if (this.#isOver) throw new Error('this transaction is over')
    if (this.#failure !== undefined) throw this.#failure
    try {
      return step()
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error('a call failed')
      throw error
    }
  }

  protected fail(rule: ConflictRule): never {
    throw new Conflict(rule)
  }
}

function useKey({ versionId, outcome, protocol, ip, agent }: UseRecord): string {
  return keyOf(versionId, outcome, protocol, ip, agent)
}

function sum(before: UseRecord, given: UseRecord): UseRecord {
  return {
    ...before,
    count: before.count + given.count,
    firstAtMs: Math.min(before.firstAtMs, given.firstAtMs),
    lastAtMs: Math.max(before.lastAtMs, given.lastAtMs),
  }
}

function compareUses(a: UseRecord, b: UseRecord): number {
  if (a.versionId !== b.versionId) return a.versionId < b.versionId ? -1 : 1
  return b.lastAtMs - a.lastAtMs || (useKey(a) < useKey(b) ? -1 : 1)
}
