/** What two states of one credential differ in. Pure. */
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { isAccepted } from './reading.ts'

/** What a move did, for whoever closes connections, warns and writes the record of it. */
export interface VersionChanges {
  /** Ids of versions that were not there before. */
  readonly created: readonly string[]
  /**
   * Ids of versions that were accepted at this time and are no longer; what was revoked included.
   */
  readonly stopped: readonly string[]
  /** Ids of versions that were revoked, also of those that were not accepted any more. */
  readonly revoked: readonly string[]
}

export function versionChanges(
  before: CredentialRecord,
  after: CredentialRecord,
  nowMs: number,
): VersionChanges {
  const old = new Map(before.versions.map((version) => [version.id, version]))
  const kept = new Map(after.versions.map((version) => [version.id, version]))
  const idsOf = (versions: readonly VersionRecord[]) => versions.map(({ id }) => id)
  return {
    created: idsOf(after.versions.filter(({ id }) => !old.has(id))),
    stopped: idsOf(
      before.versions.filter((version) => {
        const now = kept.get(version.id)
        return isAccepted(version, nowMs) && (now === undefined || !isAccepted(now, nowMs))
      }),
    ),
    revoked: idsOf(
      after.versions.filter(
        ({ id, state }) => state === 'revoked' && old.get(id)?.state !== 'revoked',
      ),
    ),
  }
}
