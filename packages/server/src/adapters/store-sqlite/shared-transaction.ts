/** Credentials and audit, which are in both kinds of database. */
import type { CompiledQuery } from 'kysely'
import type { AuditHead, AuditRow } from '../../ports/records/audit.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { UseRecord } from '../../ports/records/use.ts'
import {
  type AuditPageQuery,
  type AuditRecords,
  Conflict,
  type CredentialRecords,
  type UseRecords,
} from '../../ports/store.ts'
import { bind, type Calls } from './calls.ts'
import { shared } from './queries.ts'
import type { AuditHeadRow, AuditLogRow, CredentialRow } from './schema.ts'
import { listUses, useOf } from './use-queries.ts'

export class SharedTransaction implements CredentialRecords, AuditRecords, UseRecords {
  protected readonly calls: Calls

  constructor(calls: Calls) {
    this.calls = calls
  }

  findCredential(id: string): Promise<CredentialRecord | undefined> {
    return this.calls.run(async () => {
      const query = shared.selectFrom('credentials').select('document').where('id', '=', id)
      const [row] = await this.calls.read(query.compile())
      return row && credentialOf(row)
    })
  }

  listCredentials(filter: {
    readonly tenantId?: string
    readonly appId?: string
  }): Promise<readonly CredentialRecord[]> {
    return this.calls.run(async () => {
      let query = shared.selectFrom('credentials').select('document')
      if (filter.tenantId !== undefined) query = query.where('tenant_id', '=', filter.tenantId)
      if (filter.appId !== undefined) query = query.where('app_id', '=', filter.appId)
      const rows = await this.calls.read(query.orderBy('created_at_ms').orderBy('id').compile())
      return rows.map(credentialOf)
    })
  }

  saveCredential(credential: CredentialRecord): Promise<void> {
    return this.calls.run(async () => {
      const { id, ...values } = rowOfCredential(credential)
      const query =
        credential.revision === 1
          ? insertCredential(credential)
          : shared
              .updateTable('credentials')
              .set(values)
              .where('id', '=', id)
              .where('revision', '=', credential.revision - 1)
              .compile()
      const [changeCount] = await this.calls.change([query])
      if (changeCount !== 1) throw new Conflict('stale_revision')
    })
  }

  /** With its use records: nothing could name them any more. */
  removeCredential(id: string): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([
        shared.deleteFrom('uses').where('credential_id', '=', id).compile(),
        shared.deleteFrom('credentials').where('id', '=', id).compile(),
      ])
    })
  }

  listUses({ credentialId }: { readonly credentialId: string }): Promise<readonly UseRecord[]> {
    return this.calls.run(async () => {
      return (await this.calls.read(listUses(credentialId))).map(useOf)
    })
  }

  findAuditHead(tenantId: string): Promise<AuditHead | undefined> {
    return this.calls.run(async () => {
      const [row] = await this.calls.read(bind(FIND_HEAD, [tenantId]))
      return row && headOf(row)
    })
  }

  listAuditHeads(): Promise<readonly AuditHead[]> {
    return this.calls.run(async () => {
      const query = shared.selectFrom('audit_heads').selectAll().orderBy('tenant_id')
      return (await this.calls.read(query.compile())).map(headOf)
    })
  }

  appendAudit(rows: readonly AuditRow[], head: AuditHead): Promise<void> {
    return this.calls.run(async () => {
      const firstSeq = assertChained(rows, head)
      const { tenantId, seq, hash, seal } = head
      const move =
        firstSeq === 1
          ? bind(START_HEAD, [tenantId, seq, hash, seal])
          : bind(MOVE_HEAD, [seq, hash, seal, tenantId, firstSeq - 1])
      const [movedCount] = await this.calls.change([move, ...rows.map(appendRow)])
      if (movedCount !== 1) throw new Conflict('stale_revision')
    })
  }

  listAudit(page: AuditPageQuery): Promise<readonly AuditRow[]> {
    return this.calls.run(async () => {
      const query = shared
        .selectFrom('audit')
        .selectAll()
        .where('tenant_id', '=', page.tenantId)
        .where('seq', '>', page.afterSeq)
        .orderBy('seq')
        .limit(page.countMax)
      return (await this.calls.read(query.compile())).map(auditRowOf)
    })
  }
}

const FIND_HEAD = shared.selectFrom('audit_heads').selectAll().where('tenant_id', '=', '').compile()

const START_HEAD = shared
  .insertInto('audit_heads')
  .values({ tenant_id: '', seq: 0, hash: '', seal: '' })
  .onConflict((conflict) => conflict.doNothing())
  .compile()

/** A compare-and-set: the last parameter is the `seq` the head must have. */
const MOVE_HEAD = shared
  .updateTable('audit_heads')
  .set({ seq: 0, hash: '', seal: '' })
  .where('tenant_id', '=', '')
  .where('seq', '=', 0)
  .compile()

const APPEND_ROW = shared
  .insertInto('audit')
  .values({ tenant_id: '', seq: 0, at_ms: 0, entry: '', hash: '', seal: '' })
  .compile()

function appendRow({ tenantId, seq, atMs, entry, hash, seal }: AuditRow): CompiledQuery {
  return bind(APPEND_ROW, [tenantId, seq, atMs, entry, hash, seal])
}

/** @returns the `seq` of the first row; rows that are no chain up to `head` are a bug. */
function assertChained(rows: readonly AuditRow[], head: AuditHead): number {
  const firstSeq = head.seq - rows.length + 1
  const isChained = rows.every(
    ({ tenantId, seq }, index) => tenantId === head.tenantId && seq === firstSeq + index,
  )
  if (rows.length === 0 || firstSeq < 1 || !isChained || rows.at(-1)?.hash !== head.hash)
    throw new Error('audit rows must be of one tenant and lead to their head without gaps')
  return firstSeq
}

/** An insert that leaves an existing row alone and then changes nothing. */
export function insertCredential(credential: CredentialRecord): CompiledQuery {
  return shared
    .insertInto('credentials')
    .values(rowOfCredential(credential))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .compile()
}

function rowOfCredential(credential: CredentialRecord): CredentialRow {
  return {
    id: credential.id,
    tenant_id: credential.tenantId ?? null,
    app_id: credential.appId ?? null,
    kind: credential.kind,
    revision: credential.revision,
    created_at_ms: credential.createdAtMs,
    document: JSON.stringify(credential),
  }
}

/** Only {@link rowOfCredential} writes this column. Absent fields read as undefined. */
function credentialOf({ document }: Pick<CredentialRow, 'document'>): CredentialRecord {
  return JSON.parse(document) as CredentialRecord
}

export function headOf({ tenant_id: tenantId, seq, hash, seal }: AuditHeadRow): AuditHead {
  return { tenantId, seq, hash, seal }
}

export function auditRowOf(row: AuditLogRow): AuditRow {
  const { tenant_id: tenantId, seq, at_ms: atMs, entry, hash, seal } = row
  return { tenantId, seq, atMs, entry, hash, seal }
}
