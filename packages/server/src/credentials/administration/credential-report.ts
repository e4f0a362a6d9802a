/** What one credential has to show: its age, when it is due, who used it when (contract 2.8). */
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { type DueState, dueState } from '../engine/due-state.ts'
import { rulesOf } from '../engine/kind-rules.ts'
import { currentVersion, isAccepted, isExpired, stateAt } from '../engine/reading.ts'
import { readUses, type UseReport } from './readiness.ts'

const DAY_MS = 86_400_000
/** A secret that nobody used for so long is one nobody needs. */
const UNUSED_DAYS = 90

export interface ReportLine {
  readonly record: CredentialRecord
  /** Undefined after a revocation. */
  readonly current: VersionRecord | undefined
  readonly ageDays: number | undefined
  readonly due: DueState
  /** Undefined: it has its first value. */
  readonly lastRotatedAtMs: number | undefined
  readonly overlapUntilMs: number | undefined
  readonly isWaiting: boolean
  readonly lastUsedAtMs: number | undefined
  /** Undefined where the server never sees a use. */
  readonly isNeverUsed: boolean | undefined
  readonly isUnused90Days: boolean | undefined
  readonly endedCount: number
}

/** @throws Outage */
export async function readReportLine(
  record: CredentialRecord,
  report: UseReport,
): Promise<ReportLine> {
  const nowMs = report.clock.nowMs()
  const { versions } = record
  const current = currentVersion(record)
  const previous = versions.find((each) => each.state === 'previous' && isAccepted(each, nowMs))
  const activations = versions.flatMap(({ activatedAtMs }) => activatedAtMs ?? [])
  const lastUsedAtMs = (await readUses(record, report)).lastUsedAtMs()
  const sinceMs = lastUsedAtMs ?? record.createdAtMs
  const isSeen = rulesOf(record.kind).isUseUnseen !== true
  const ageMs = current?.activatedAtMs === undefined ? undefined : nowMs - current.activatedAtMs
  return {
    record,
    current,
    ageDays: ageMs === undefined ? undefined : Math.max(0, Math.floor(ageMs / DAY_MS)),
    due: dueState(record, nowMs),
    lastRotatedAtMs: activations.length > 1 ? Math.max(...activations) : undefined,
    overlapUntilMs: previous?.acceptUntilMs,
    isWaiting: versions.some((each) => each.state === 'pending' && isAccepted(each, nowMs)),
    lastUsedAtMs,
    isNeverUsed: isSeen ? lastUsedAtMs === undefined : undefined,
    isUnused90Days: isSeen ? nowMs - sinceMs >= UNUSED_DAYS * DAY_MS : undefined,
    endedCount: versions.filter(
      (each) =>
        stateAt(each, nowMs) === 'disabled' || (each.state === 'current' && isExpired(each, nowMs)),
    ).length,
  }
}
