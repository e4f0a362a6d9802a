/** The statements that bound what is kept for repeated calls. Pure: they only make SQL. */
import { type CompiledQuery, sql } from 'kysely'
import { type IdempotencyBounds, OPERATOR_ID_LENGTH } from '../../ports/store.ts'
import { control } from './queries.ts'

/** @returns what removes old records, then of each operator the oldest beyond the bound. */
export function idempotencySweep({
  beforeMs,
  countMax,
}: IdempotencyBounds): readonly CompiledQuery[] {
  const old = control.deleteFrom('idempotency').where('created_at_ms', '<', beforeMs)
  const beyond = sql`
    DELETE FROM idempotency WHERE id IN (
      SELECT id FROM (
        SELECT id, row_number() OVER (
          PARTITION BY substr(id, 1, ${sql.lit(OPERATOR_ID_LENGTH)})
          ORDER BY created_at_ms DESC, id DESC
        ) AS place FROM idempotency
      ) AS ranked WHERE place > ${countMax}
    )`
  return [old.compile(), beyond.compile(control)]
}
