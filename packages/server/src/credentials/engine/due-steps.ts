/**
 * What time asks of a credential beside the ends that are decided when it is read: to tell people,
 * to rotate what rotates by itself, to erase what was disabled long ago. Pure: who carries a step
 * out asks again at the next run, so a step that was missed is only late.
 */
import { ok, refuse } from '@lockgate/protocol/result'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { isWaiting } from './delivery.ts'
import { dueState } from './due-state.ts'
import { ACCEPTED_COUNT_MAX } from './invariants.ts'
import { concluded, erased, type Move, replaceVersions, settledVersions } from './moves.ts'
import { acceptedVersions } from './reading.ts'
import { canRotateByItself } from './terms.ts'

const HOUR_MS = 3_600_000
/** Hours before an accepted version ends at which people are warned. */
const WARNING_HOURS = [72, 24, 1] as const

export interface Notice {
  /** Differs for everything that is told apart: told once for each. */
  readonly key: string
  readonly action: 'rotation.due' | 'rotation.overdue' | 'secret.expiring'
  /** Days or hours that were left when it came up, and what ends. */
  readonly detail: Readonly<Record<string, string | number>>
}

/** What holds now and was not told yet; at most one for the due date and for each version. */
export function newNotices(record: CredentialRecord, nowMs: number): readonly Notice[] {
  const told = record.notices ?? []
  return noticesOf(record, nowMs).filter(({ key }) => !told.includes(key))
}

/** Marks one as told; refused when it was told meanwhile, or holds no longer. */
export function tellNotice(record: CredentialRecord, key: string, nowMs: number): Move {
  if (!newNotices(record, nowMs).some((notice) => notice.key === key)) {
    return refuse('invalid_transition', 'This was told before.')
  }
  const told = record.notices ?? []
  // What holds no longer is dropped, so the list stays as short as what holds.
  const held = noticesOf(record, nowMs).filter(
    (each) => each.key === key || told.includes(each.key),
  )
  const notices = held.map((each) => each.key)
  return ok({ ...record, notices, revision: record.revision + 1 })
}

/** Whether a new version has to be made for it now, to be fetched by whoever uses it. */
export function isRotationDue(record: CredentialRecord, nowMs: number): boolean {
  if (!record.policy.isAutomatic || !canRotateByItself(record)) return false
  const { state } = dueState(record, nowMs)
  if (state !== 'due' && state !== 'overdue') return false
  const versions = settledVersions(record, nowMs)
  const hasPending = versions.some((version) => version.state === 'pending')
  return !hasPending && acceptedVersions({ versions }, nowMs).length < ACCEPTED_COUNT_MAX
}

/**
 * @returns the version that takes over once it was used: somebody fetched it. One that nobody
 *   fetched or used never takes over, so no consumer loses a value without having the next one.
 */
export function awaitedVersion(
  { policy, versions }: CredentialRecord,
  nowMs: number,
): VersionRecord | undefined {
  if (!policy.isAutomatic) return undefined
  return acceptedVersions({ versions }, nowMs).find(
    (version) => version.state === 'pending' && version.delivery && !isWaiting(version),
  )
}

/**
 * Erases the values of versions that were disabled so long ago. Those of the configuration stay:
 * without them the next start would take a declared value for a new one.
 */
export function removeDisabled(
  record: CredentialRecord,
  removeAfterMs: number,
  nowMs: number,
): Move {
  const versions = settledVersions(record, nowMs)
  const old = versions.filter(
    ({ state, origin, disabledAtMs = nowMs }) =>
      state === 'disabled' && origin !== 'declared' && nowMs - disabledAtMs >= removeAfterMs,
  )
  if (old.length === 0) return refuse('invalid_transition', 'Nothing was disabled long ago.')
  const removed = old.map((version) => erased(version, 'removed', nowMs))
  return concluded(record, replaceVersions(versions, ...removed), nowMs)
}

function noticesOf(record: CredentialRecord, nowMs: number): readonly Notice[] {
  const ending = acceptedVersions(record, nowMs).flatMap((version) => endingNotice(version, nowMs))
  return [...dueNotice(record, nowMs), ...ending]
}

function dueNotice(record: CredentialRecord, nowMs: number): readonly Notice[] {
  const { state, dueAtMs, reminderDays } = dueState(record, nowMs)
  if (dueAtMs === undefined || state === 'none' || state === 'ok') return []
  const days = state === 'due_soon' ? (reminderDays ?? 0) : 0
  const action = state === 'overdue' ? ('rotation.overdue' as const) : ('rotation.due' as const)
  return [{ key: `${action} ${dueAtMs} ${days}`, action, detail: { dueAtMs, leftDays: days } }]
}

/** An overlap, or a life, that was shorter than the warning from the start gets a later one. */
function endingNotice(version: VersionRecord, nowMs: number): readonly Notice[] {
  const { id, number, state, expiresAtMs = Number.POSITIVE_INFINITY, acceptUntilMs } = version
  const endsAtMs = state === 'previous' ? Math.min(expiresAtMs, acceptUntilMs ?? 0) : expiresAtMs
  const leftMs = endsAtMs - nowMs
  const lengthMs = endsAtMs - (version.activatedAtMs ?? version.createdAtMs)
  const hours = WARNING_HOURS.filter(
    (each) => leftMs <= each * HOUR_MS && each * HOUR_MS < lengthMs,
  ).at(-1)
  if (hours === undefined) return []
  const detail = { versionId: id, number, endsAtMs, leftHours: hours }
  return [{ key: `secret.expiring ${id} ${endsAtMs} ${hours}`, action: 'secret.expiring', detail }]
}
