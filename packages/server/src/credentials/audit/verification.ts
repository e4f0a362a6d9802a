/**
 * Verifies the log: every checkpoint and every chain of every tenant in every database, in bounded
 * memory. Names the first bad row of each chain. What it can find without a witness is what does
 * not fit together any more; a whole directory that was put back as it once was fits.
 */
import type { KeyObject } from 'node:crypto'
import type { AuditSource } from '../../ports/audit-log.ts'
import { auditedTenants } from './audit-source.ts'
import { checkChain } from './chain-check.ts'
import type { CheckpointKey } from './checkpoint-body.ts'
import { type CheckedCheckpoints, checkCheckpoints, signedHeads } from './checkpoint-check.ts'
import type { AuditFault } from './faults.ts'

export interface AuditKeys {
  /** Undefined: seals are not looked at. */
  readonly seal: KeyObject | undefined
  /** Undefined: signatures are not looked at. */
  readonly checkpoint: CheckpointKey | undefined
}

export interface AuditVerdict {
  readonly isSound: boolean
  readonly faultCount: number
  readonly tenantCount: number
  /** Of tenants in databases, with at least one row. */
  readonly chainCount: number
  readonly rowCount: number
  readonly checkpointCount: number
}

/** `faultCount` faults, then the verdict. Between them now and then `progress`. */
export type AuditFinding =
  | { readonly kind: 'progress' }
  | { readonly kind: 'fault'; readonly fault: AuditFault }
  | { readonly kind: 'verdict'; readonly verdict: AuditVerdict }

/** Rows between two signs of life. */
const PROGRESS_ROW_COUNT = 20_000

/** @param scope undefined: every tenant, and the installation. @throws Outage */
export async function* verifyAudit(
  source: AuditSource,
  keys: AuditKeys,
  scope?: { readonly tenantId: string },
): AsyncGenerator<AuditFinding> {
  const tenantIds = scope === undefined ? await auditedTenants(source) : [scope.tenantId]
  const sums = { faultCount: 0, chainCount: 0, rowCount: 0, checkpointCount: 0 }
  let unseenCount = 0
  for (const tenantId of tenantIds) {
    const checkpoints = await checkCheckpoints(source, tenantId, keys.checkpoint)
    sums.checkpointCount += checkpoints.count
    for (const fault of faultsOfCheckpoints(source, tenantId, checkpoints)) {
      sums.faultCount++
      yield { kind: 'fault', fault }
    }
    for (const database of source.databases) {
      const { code } = database
      const signed = signedHeads(source, { tenantId, code }, checkpoints)
      const steps = checkChain({ database, tenantId, sealKey: keys.seal, signed })
      let step = await steps.next()
      let rowCount = 0
      while (step.done !== true) {
        rowCount += step.value
        unseenCount += step.value
        if (unseenCount >= PROGRESS_ROW_COUNT) {
          unseenCount = 0
          yield { kind: 'progress' }
        }
        step = await steps.next()
      }
      sums.rowCount += rowCount
      if (rowCount > 0 || step.value !== undefined) sums.chainCount++
      if (step.value === undefined) continue
      sums.faultCount++
      yield { kind: 'fault', fault: { tenantId, database: code, ...step.value } }
    }
  }
  const verdict = { isSound: sums.faultCount === 0, tenantCount: tenantIds.length, ...sums }
  yield { kind: 'verdict', verdict }
}

function faultsOfCheckpoints(
  { databases }: AuditSource,
  tenantId: string,
  { fault, heads }: CheckedCheckpoints,
): readonly AuditFault[] {
  // Checkpoints are in the control database.
  const own = fault === undefined ? [] : [{ tenantId, database: 'control', ...fault }]
  const known = new Set(databases.map(({ code }) => code))
  const missing = Object.entries(heads).filter(([code]) => !known.has(code))
  return [
    ...own,
    ...missing.map(([database, { seq: throughSeq }]) => {
      return { tenantId, database, seq: 1, throughSeq, code: 'database_missing' as const }
    }),
  ]
}
