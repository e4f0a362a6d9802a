/**
 * The moves that end versions: disable and its undo, remove, revoke, and the record of what time
 * has ended. Each takes a credential and gives a new one with the next revision, or a refusal.
 * Pure.
 */
import { refuse, type Result } from '@lockgate/protocol/result'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { ACCEPTED_COUNT_MAX } from './invariants.ts'
import {
  concluded,
  type EngineRefusal,
  erased,
  findVersion,
  type Move,
  replaceVersions,
  revoked,
  settledVersions,
  wrongState,
} from './moves.ts'
import { acceptedVersions, isExpired } from './reading.ts'

export interface VersionChoice {
  readonly versionId: string
}

export interface EnableRequest extends VersionChoice {
  /** The new end of the overlap; needed when the old one has passed. */
  readonly acceptUntilMs?: number | undefined
}

/** Ends the overlap of the previous version early; {@link enable} undoes it before the removal. */
export function disable(credential: CredentialRecord, choice: VersionChoice, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const found = findVersion(versions, choice.versionId)
  if (!found.ok) return found
  const accepted = acceptedVersions({ versions }, nowMs)
  if (accepted.length === 1 && accepted[0] === found.value) {
    return refuse('last_version', 'Nothing else is accepted. Rotate first, or revoke it.')
  }
  if (found.value.state === 'current') return wrongState(found.value, 'Roll back or rotate first.')
  if (found.value.state === 'pending') return wrongState(found.value, 'Discard it.')
  if (found.value.state !== 'previous') return wrongState(found.value, 'It is not accepted.')
  const disabled: VersionRecord = { ...found.value, state: 'disabled', disabledAtMs: nowMs }
  return concluded(credential, replaceVersions(versions, disabled), nowMs)
}

/**
 * Takes a disabled version back into the overlap it had, or into one that ends at the time asked
 * for and within the bound set when it was replaced.
 */
export function enable(credential: CredentialRecord, request: EnableRequest, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const found = findVersion(versions, request.versionId)
  if (!found.ok) return found
  const version = found.value
  if (version.state !== 'disabled') return wrongState(version, 'Only disabled ones are enabled.')
  if (isExpired(version, nowMs)) return refuse('expired', 'Its own life is over. Rotate.')
  if (
    acceptedVersions({ versions }, nowMs).length >= ACCEPTED_COUNT_MAX ||
    versions.some(({ state }) => state === 'previous')
  ) {
    return refuse('too_many_active', '`discard` ends the pending one, `disable` the previous one.')
  }
  const deadline = deadlineOf(version, request.acceptUntilMs, nowMs)
  if (!deadline.ok) return deadline
  const enabled: VersionRecord = {
    ...version,
    ...deadline.value,
    state: 'previous',
    disabledAtMs: undefined,
  }
  return concluded(credential, replaceVersions(versions, enabled), nowMs)
}

/**
 * Erases the value of a disabled version, or of a previous one whose overlap is over. A declared
 * one stays: the next start would take it for a new value and put it in again.
 */
export function remove(credential: CredentialRecord, choice: VersionChoice, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const found = findVersion(versions, choice.versionId)
  if (!found.ok) return found
  if (found.value.state !== 'disabled') return wrongState(found.value, 'Disable it first.')
  if (found.value.origin === 'declared') return wrongState(found.value, DECLARED_TEXT)
  return concluded(
    credential,
    replaceVersions(versions, erased(found.value, 'removed', nowMs)),
    nowMs,
  )
}

/**
 * Ends a version for ever, in an emergency, from any state. After that of the current one nothing
 * is current until somebody promotes, rotates or rolls back: an old value is never trusted again
 * without being asked for.
 */
export function revoke(credential: CredentialRecord, choice: VersionChoice, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const found = findVersion(versions, choice.versionId)
  if (!found.ok) return found
  if (found.value.state === 'revoked') return wrongState(found.value, 'Nothing is left to do.')
  return concluded(credential, replaceVersions(versions, revoked(found.value, nowMs)), nowMs)
}

/** Ends every version for ever. */
export function revokeAll(credential: CredentialRecord, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const live = versions.filter(({ state }) => state !== 'revoked')
  if (live.length === 0) {
    return refuse('invalid_transition', 'Every version is revoked. Nothing is left to do.')
  }
  const changed = live.map((version) => revoked(version, nowMs))
  return concluded(credential, replaceVersions(versions, ...changed), nowMs)
}

/**
 * Records what time has ended. This is the guard against a clock that is set back: a limit that was
 * recorded as passed has a state of its own, which no time undoes. Run it when `nextChangeAtMs`
 * comes, before a start accepts anything, and every move does it itself; between two runs a reader
 * must not let its own clock go back.
 * @returns the same object when there is nothing to record.
 */
export function settle(credential: CredentialRecord, nowMs: number): CredentialRecord {
  const versions = settledVersions(credential, nowMs)
  if (versions.every((version, index) => version === credential.versions[index])) return credential
  const settled = concluded(credential, versions, nowMs)
  return settled.ok ? settled.value : credential
}

const DECLARED_TEXT =
  'The configuration brought this value, so what is kept of it stays and keeps it from coming back.'

type Deadline = Pick<VersionRecord, 'acceptUntilMs' | 'acceptUntilMaxMs'>

function deadlineOf(
  version: VersionRecord,
  askedMs: number | undefined,
  nowMs: number,
): Result<Deadline, EngineRefusal> {
  const { acceptUntilMs: oldMs = 0, disabledAtMs = nowMs } = version
  const maxMs = version.acceptUntilMaxMs ?? oldMs
  const isOldOver = Math.max(nowMs, disabledAtMs) >= oldMs
  if (askedMs === undefined && isOldOver) {
    return refuse('deadline_invalid', 'Its overlap is over: name a new end.')
  }
  const acceptUntilMs = askedMs ?? oldMs
  if (acceptUntilMs <= nowMs) return refuse('deadline_invalid', 'The new end has passed already.')
  if (acceptUntilMs > maxMs) {
    return refuse('overlap_too_long', `At the latest ${new Date(maxMs).toISOString()}.`)
  }
  // A later end than before is the one extension there is.
  const acceptUntilMaxMs = acceptUntilMs > oldMs ? acceptUntilMs : maxMs
  return { ok: true, value: { acceptUntilMs, acceptUntilMaxMs } }
}
