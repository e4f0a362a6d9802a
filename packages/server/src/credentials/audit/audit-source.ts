/** Reads an audit log, in pages; and the log of a store. */
import type { AuditDatabase, AuditPage, AuditSource } from '../../ports/audit-log.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import type { AuditRecords, Database, Store } from '../../ports/store.ts'
import { INSTALLATION } from './entry.ts'

/** Our bound on rows in memory at once, and on how long one read holds the database. */
export const PAGE_ROW_COUNT = 250

/** The control database first. */
export function databasesOf(store: Store): readonly Database<AuditRecords>[] {
  return [store.control, ...store.regions.values()]
}

export function storeSource(store: Store): AuditSource {
  return {
    databases: databasesOf(store).map(storeDatabase),
    tenantIds: () =>
      store.control.transaction(async (transaction) => [
        ...(await transaction.listTenants()).map(({ id }) => id),
        ...(await transaction.listCheckpointTenants()),
      ]),
    readCheckpoints: (query) =>
      store.control.transaction((transaction) => transaction.listCheckpoints(query)),
  }
}

function storeDatabase(database: Database<AuditRecords>): AuditDatabase {
  return {
    code: database.code,
    async tenantIds() {
      const heads = await database.transaction((transaction) => transaction.listAuditHeads())
      return heads.map(({ tenantId }) => tenantId)
    },
    readPage: (query) =>
      database.transaction(async (transaction) => ({
        rows: await transaction.listAudit(query),
        head: await transaction.findAuditHead(query.tenantId),
      })),
  }
}

/**
 * Reads one chain to its end; rows may be appended meanwhile. The head of the last page is the one
 * that follows the last row. @throws Outage
 */
export async function* auditPages(
  database: AuditDatabase,
  { tenantId, afterSeq = 0 }: { readonly tenantId: string; readonly afterSeq?: number },
): AsyncGenerator<AuditPage> {
  let after = afterSeq
  for (;;) {
    const page = await database.readPage({ tenantId, afterSeq: after, countMax: PAGE_ROW_COUNT })
    yield page
    const lastSeq = page.rows.at(-1)?.seq ?? 0
    // Rows that do not rise were tampered with; reading on would never end.
    if (page.rows.length < PAGE_ROW_COUNT || lastSeq <= after) return
    after = lastSeq
  }
}

/** Reads the checkpoints of a tenant, rising. @throws Outage */
export async function* checkpointsOf(
  source: AuditSource,
  tenantId: string,
): AsyncGenerator<AuditCheckpoint> {
  let afterSeq = 0
  for (;;) {
    const page = await source.readCheckpoints({ tenantId, afterSeq, countMax: PAGE_ROW_COUNT })
    yield* page
    const lastSeq = page.at(-1)?.seq ?? 0
    if (page.length < PAGE_ROW_COUNT || lastSeq <= afterSeq) return
    afterSeq = lastSeq
  }
}

/** @returns every tenant that has a chain or is known, sorted. @throws Outage */
export async function auditedTenants(source: AuditSource): Promise<readonly string[]> {
  const ids = new Set([INSTALLATION, ...(await source.tenantIds())])
  for (const database of source.databases) {
    for (const id of await database.tenantIds()) ids.add(id)
  }
  return [...ids].sort()
}
