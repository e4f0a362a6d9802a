/** The move of whoever fetches a value that waits: it is given out once. Pure. */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { isWaiting, withoutValue } from './delivery.ts'
import {
  concluded,
  findVersion,
  type Move,
  replaceVersions,
  settledVersions,
  wrongState,
} from './moves.ts'
import { refuse } from '@lockgate/protocol/result'

/** The version stays pending: its first use, or a person, makes it current. */
export function fetchOnce(
  credential: CredentialRecord,
  { versionId }: { readonly versionId: string },
  nowMs: number,
): Move {
  const versions = settledVersions(credential, nowMs)
  const found = findVersion(versions, versionId)
  if (!found.ok) return found
  const version = found.value
  const { delivery, state } = version
  if (delivery === undefined) return wrongState(version, 'Its value left when it was made.')
  if (!isWaiting(version)) return refuse('already_fetched')
  if (state !== 'pending') return refuse('fetch_expired')
  const fetched = { ...version, ...withoutValue(version) }
  const after = { ...fetched, delivery: { ...delivery, sealed: undefined, fetchedAtMs: nowMs } }
  return concluded(credential, replaceVersions(versions, after), nowMs)
}
