/** What every move of the engine is made of; only files beside this one use it. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { CredentialRecord, Material, VersionRecord } from '../../ports/records/credential.ts'
import { withoutValue } from './delivery.ts'
import { assertMove, assertSound, hasEnded, VERSION_COUNT_MAX } from './invariants.ts'
import { settledVersion } from './reading.ts'

/** Why a move is refused; the detail says what to do instead. */
export type EngineRefusal =
  /** Two are accepted, or one is pending: end one, or force. */
  | 'too_many_active'
  | 'overlap_too_long'
  /** The version to move does not exist in this credential. */
  | 'unknown_version'
  /** Its state does not allow the move. */
  | 'invalid_transition'
  /** Nothing would be accepted any more. */
  | 'last_version'
  /** Its own life is over, or would be over at once. */
  | 'expired'
  /** It was extended before, or has had the longest overlap from the start. */
  | 'not_extendable'
  /** A new end of the overlap is needed, or does not lie after the present one. */
  | 'deadline_invalid'
  | 'custom_not_allowed'
  /** The value was given out before. */
  | 'already_fetched'
  /** Nobody fetched the value in time, or the version was given up. */
  | 'fetch_expired'
  /** The configuration allows no such policy. */
  | 'policy_denied'

export type Move = Result<CredentialRecord, EngineRefusal>
type Versions = readonly VersionRecord[]

/** The versions as time has left them: every move starts from these. */
export function settledVersions(credential: CredentialRecord, nowMs: number): Versions {
  return credential.versions.map((version) => settledVersion(version, nowMs))
}

export function findVersion(
  versions: Versions,
  versionId: string,
): Result<VersionRecord, EngineRefusal> {
  const found = versions.find(({ id }) => id === versionId)
  if (found !== undefined) return ok(found)
  return refuse('unknown_version', 'This credential has no such version. List its versions.')
}

/** Puts each of `changed` in the place of the version of its id. */
export function replaceVersions(versions: Versions, ...changed: Versions): Versions {
  return versions.map((version) => changed.find(({ id }) => id === version.id) ?? version)
}

/** The result of a move, checked. @throws when it would be unsound. */
export function concluded(before: CredentialRecord, versions: Versions, nowMs: number): Move {
  const kept = withoutOldest(before.versions, versions)
  const after = { ...before, versions: kept, revision: before.revision + 1 }
  assertSound(after, nowMs)
  assertMove(before, after)
  return ok(after)
}

/**
 * Revoked for ever. What can recognize the value stays, so that attempts with it raise an alarm;
 * what could verify or disclose it goes.
 */
export function revoked(version: VersionRecord, nowMs: number): VersionRecord {
  const material = recognizable(version.material)
  const rest = { ...version, ...withoutValue(version) }
  return { ...rest, state: 'revoked', material, endedAtMs: nowMs }
}

export function erased(
  version: VersionRecord,
  state: 'removed' | 'discarded',
  nowMs: number,
): VersionRecord {
  const rest = { ...version, ...withoutValue(version) }
  return { ...rest, state, material: { storage: 'erased' }, endedAtMs: nowMs }
}

export function wrongState({ state }: VersionRecord, remedy: string) {
  return refuse('invalid_transition' as const, `The version is ${state}. ${remedy}`)
}

function recognizable(material: Material): Material {
  switch (material.storage) {
    case 'hashed':
    case 'sealed':
      return { storage: 'hashed', bcrypt: '', fingerprint: material.fingerprint }
    case 'public':
    case 'remote':
    case 'erased':
      return material
    default:
      return material satisfies never
  }
}

/**
 * Drops what is over the bound: ended versions first, then disabled ones, the oldest of each. What
 * this very move has ended stays: nobody has seen its end yet.
 */
function withoutOldest(before: Versions, versions: Versions): Versions {
  const excess = versions.length - VERSION_COUNT_MAX
  if (excess <= 0) return versions
  const disabled = before.filter(({ state }) => state === 'disabled')
  const oldest = [...before.filter(hasEnded), ...disabled].slice(0, excess)
  const dropped = new Set(oldest.map(({ id }) => id))
  return versions.filter(({ id }) => !dropped.has(id))
}
