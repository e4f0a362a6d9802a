/** Queries on use records. Pure: they only make SQL. */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { UseRecord } from '../../ports/records/use.ts'
import { USE_SOURCE_COUNT_MAX } from '../../ports/store.ts'
import { bind } from './calls.ts'
import { shared } from './queries.ts'
import type { UseRow } from './schema.ts'

/** Stands for every address beyond the bound. */
const OTHER_SOURCES = '*'

const at = (place: number): RawBuilder<unknown> => sql`${place}`

/**
 * One statement, so that counting the sources and adding one cannot be torn apart. Its parameters
 * stand in the order of {@link addUse}. `WHERE TRUE` keeps `ON CONFLICT` from being read as a join.
 */
const ADD = sql`
  INSERT INTO uses (
    version_id, outcome, protocol, ip, agent, credential_id, count, first_at_ms, last_at_ms
  )
  SELECT
    given.version_id, given.outcome, given.protocol,
    CASE WHEN given.is_told_apart = 1 THEN given.ip ELSE ${sql.lit(OTHER_SOURCES)} END,
    CASE WHEN given.is_told_apart = 1 THEN given.agent ELSE '' END,
    given.credential_id, given.count, given.first_at_ms, given.last_at_ms
  FROM (
    SELECT
      ${at(0)} AS version_id, ${at(1)} AS outcome, ${at(2)} AS protocol, ${at(3)} AS ip,
      ${at(4)} AS agent, ${at(5)} AS credential_id, ${at(6)} AS count,
      ${at(7)} AS first_at_ms, ${at(8)} AS last_at_ms,
      CASE
        WHEN EXISTS (
          SELECT 1 FROM uses WHERE version_id = ${at(9)} AND outcome = ${at(10)}
            AND protocol = ${at(11)} AND ip = ${at(12)} AND agent = ${at(13)}
        ) THEN 1
        WHEN (
          SELECT count(*) FROM uses
          WHERE version_id = ${at(14)} AND ip <> ${sql.lit(OTHER_SOURCES)}
        ) < ${sql.lit(USE_SOURCE_COUNT_MAX)} THEN 1
        ELSE 0
      END AS is_told_apart
  ) AS given
  WHERE TRUE
  ON CONFLICT (version_id, outcome, protocol, ip, agent) DO UPDATE SET
    count = uses.count + excluded.count,
    first_at_ms = CASE WHEN excluded.first_at_ms < uses.first_at_ms
      THEN excluded.first_at_ms ELSE uses.first_at_ms END,
    last_at_ms = CASE WHEN excluded.last_at_ms > uses.last_at_ms
      THEN excluded.last_at_ms ELSE uses.last_at_ms END
`.compile(shared)

/** Adds the counts of one source, or adds it to the others where the version has too many. */
export function addUse(use: UseRecord): CompiledQuery {
  const { versionId, outcome, protocol, ip, agent, credentialId } = use
  const key = [versionId, outcome, protocol, ip, agent]
  const values = [credentialId, use.count, use.firstAtMs, use.lastAtMs]
  return bind(ADD, [...key, ...values, ...key, versionId])
}

export function listUses(credentialId: string): CompiledQuery<UseRow> {
  return shared
    .selectFrom('uses')
    .selectAll()
    .where('credential_id', '=', credentialId)
    .orderBy('version_id')
    .orderBy('last_at_ms', 'desc')
    .orderBy('outcome')
    .orderBy('protocol')
    .orderBy('ip')
    .orderBy('agent')
    .compile()
}

export function useOf(row: UseRow): UseRecord {
  return {
    credentialId: row.credential_id,
    versionId: row.version_id,
    outcome: row.outcome,
    protocol: row.protocol,
    ip: row.ip,
    agent: row.agent,
    count: row.count,
    firstAtMs: row.first_at_ms,
    lastAtMs: row.last_at_ms,
  }
}
