/**
 * Somebody outside who keeps signed audit checkpoints, so that even who holds every key and every
 * file of this machine cannot rewrite the log unnoticed. A witness only ever appends. Adapters:
 * a file, and HTTP.
 */
import type { AuditCheckpoint } from './records/audit.ts'

export interface Witness {
  /** Unique and the same after a restart: what it has is remembered under it. */
  readonly name: string
  /**
   * Resolves when the witness has them for good, and settles in bounded time. The same ones may
   * come again.
   * @param checkpoints at least one, at most {@link WITNESS_BATCH_COUNT_MAX}; rising by tenant.
   * @throws Outage `witness_unavailable`: whether they were taken is then not known.
   */
  attest(checkpoints: readonly AuditCheckpoint[]): Promise<void>
}

/** Our bounds. */
export const WITNESS_BATCH_COUNT_MAX = 200
export const WITNESS_TIME_MS_MAX = 5_000
