/** The statements that bound what is kept for repeated calls. */
import type { CompiledQuery } from 'kysely'
import type { IdempotencyBounds } from '../../ports/store.ts'
import { control } from './queries.ts'

/** @returns what removes old records, then the oldest of those beyond the bound. */
export function idempotencySweep({
  beforeMs,
  countMax,
}: IdempotencyBounds): readonly CompiledQuery[] {
  const old = control.deleteFrom('idempotency').where('created_at_ms', '<', beforeMs)
  const newest = control
    .selectFrom('idempotency')
    .select('id')
    .orderBy('created_at_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(countMax)
  const beyond = control.deleteFrom('idempotency').where('id', 'not in', newest)
  return [old.compile(), beyond.compile()]
}
