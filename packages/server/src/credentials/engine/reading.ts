/**
 * What the versions of a credential are worth at a moment. Every limit in time is decided here,
 * when it is read, so a stopped sweeper never lengthens a life. Pure.
 */
import type {
  CredentialRecord,
  VersionRecord,
  VersionState,
} from '../../ports/records/credential.ts'
import type { UseOutcome } from '../../ports/records/use.ts'
import { waitingEndOf, withoutValue } from './delivery.ts'

type Versions = Pick<CredentialRecord, 'versions'>

/**
 * Whether a value of this version authenticates at `nowMs`. A pending one does, so that it can be
 * tried before the switch. With a rising clock, what is not accepted once never is again by time
 * alone; against a clock set back see `settle`.
 */
export function isAccepted(version: VersionRecord, nowMs: number): boolean {
  // Also of a current version: `settle` writes it there when the version has expired.
  if (version.disabledAtMs !== undefined || isExpired(version, nowMs)) return false
  switch (version.state) {
    case 'pending':
      return nowMs < waitingEndOf(version)
    case 'current':
      return true
    case 'previous':
      return version.acceptUntilMs !== undefined && nowMs < version.acceptUntilMs
    case 'disabled':
    case 'removed':
    case 'discarded':
    case 'revoked':
      return false
    default:
      return version.state satisfies never
  }
}

/** Whether the own life of a version is over; once that is recorded, no clock undoes it. */
export function isExpired(version: VersionRecord, nowMs: number): boolean {
  const { expiresAtMs, disabledAtMs } = version
  if (expiresAtMs === undefined) return false
  return nowMs >= expiresAtMs || (disabledAtMs !== undefined && disabledAtMs >= expiresAtMs)
}

/** Oldest first; at most two. */
export function acceptedVersions(credential: Versions, nowMs: number): readonly VersionRecord[] {
  return credential.versions.filter((version) => isAccepted(version, nowMs))
}

/**
 * The version that signs and that ages; it may have expired: ask {@link isAccepted}.
 * @returns undefined after a revocation until another version is promoted.
 */
export function currentVersion(credential: Versions): VersionRecord | undefined {
  return credential.versions.find(({ state }) => state === 'current')
}

/**
 * The state to show: a previous version past its overlap is disabled, though no row says so yet.
 */
export function stateAt(version: VersionRecord, nowMs: number): VersionState {
  return settledVersion(version, nowMs).state
}

/** Whether its values are keys of a customer's own, which nobody here can make. */
export function isRegistered({ versions }: Versions): boolean {
  return versions.some(({ material: { storage } }) => storage === 'public' || storage === 'remote')
}

/** What to record of an attempt with a value of this version. */
export function outcomeOf(version: VersionRecord, nowMs: number): UseOutcome {
  if (isAccepted(version, nowMs)) return 'accepted'
  return version.state === 'revoked' ? 'revoked' : 'retired'
}

/**
 * When time alone next ends a version, so that a timer can close what rests on it.
 * @returns undefined when nothing accepted has an end.
 */
export function nextChangeAtMs(credential: Versions, nowMs: number): number | undefined {
  const ends = acceptedVersions(credential, nowMs).map(endOf)
  const next = Math.min(...ends)
  return Number.isFinite(next) ? next : undefined
}

/**
 * The version as time has left it.
 * @returns the same object when time has changed nothing.
 */
export function settledVersion(version: VersionRecord, nowMs: number): VersionRecord {
  if (version.disabledAtMs !== undefined) return version
  const atMs = endOf(version)
  if (nowMs < atMs) return version
  switch (version.state) {
    case 'pending':
      return {
        ...version,
        ...withoutValue(version),
        state: 'discarded',
        material: { storage: 'erased' },
        endedAtMs: atMs,
      }
    case 'current':
      return { ...version, disabledAtMs: atMs } // stays current until another one takes over
    case 'previous':
      return { ...version, state: 'disabled', disabledAtMs: atMs }
    case 'disabled':
    case 'removed':
    case 'discarded':
    case 'revoked':
      return version
    default:
      return version.state satisfies never
  }
}

/** When time ends a version at the latest; infinite for one without an end. */
function endOf(version: VersionRecord): number {
  const { state, expiresAtMs, acceptUntilMs } = version
  const expiry = expiresAtMs ?? Number.POSITIVE_INFINITY
  if (state === 'pending') return Math.min(expiry, waitingEndOf(version))
  // A previous version without a deadline is over: it is never accepted.
  return state === 'previous' ? Math.min(expiry, acceptUntilMs ?? 0) : expiry
}
