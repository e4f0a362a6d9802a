/**
 * The rows of a running server, for comparing them with a witness. The server is not believed: the
 * rows are hashed here. Heads and seals stay there, so only rows are read.
 */
import { type AdminClient, valueOrThrow } from '@lockgate/admin-api/client'
import { canonicalJson } from '../../credentials/audit/canonical-json.ts'
import { INSTALLATION } from '../../credentials/audit/entry.ts'
import type { AuditDatabase, AuditSource } from '../../ports/audit-log.ts'

/** What one page of the administration holds at the most. */
const PAGE_ROW_COUNT = 200

/** @param codes of the databases to read from. */
export function remoteSource(client: AdminClient, codes: Iterable<string>): AuditSource {
  return {
    databases: Array.from(codes, (code) => remoteDatabase(client, code)),
    tenantIds: async () => [],
    readCheckpoints: async () => [],
  }
}

function remoteDatabase(client: AdminClient, code: string): AuditDatabase {
  return {
    code,
    tenantIds: async () => [],
    async readPage({ tenantId, afterSeq, countMax }) {
      const rows = []
      let after = afterSeq
      for (;;) {
        const limit = Math.min(PAGE_ROW_COUNT, countMax - rows.length)
        // The log of the installation is the one that is read when no tenant is named.
        const of = tenantId === INSTALLATION ? {} : { tenantId }
        const parameters = { ...of, database: code, after, limit }
        const outcome = await client.call('audit.list', { parameters })
        // A tenant or database that is gone has no rows; the comparison says what is missing.
        if (!outcome.ok && outcome.problem.code === 'not_found') break
        const { items } = valueOrThrow(outcome)
        for (const { seq, at, entry, hash } of items) {
          const atMs = Date.parse(at)
          rows.push({ tenantId, seq, atMs, entry: canonicalJson(entry), hash, seal: '' })
        }
        const lastSeq = items.at(-1)?.seq ?? after
        if (items.length < limit || rows.length >= countMax || lastSeq <= after) break
        after = lastSeq
      }
      return { rows, head: 'unknown' }
    },
  }
}
