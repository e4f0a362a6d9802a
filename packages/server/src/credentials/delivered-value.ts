/**
 * Values that wait to be fetched once. Those of hashed kinds are sealed under the master key
 * meanwhile, in the record of their version; sealed kinds have theirs anyway.
 */
import { ok, type Result } from '@lockgate/protocol/result'
import type { Random } from '../ports/random.ts'
import type { VersionRecord } from '../ports/records/credential.ts'
import type { MasterKey } from './master-key.ts'
import {
  type OpeningRefusal,
  openSecret,
  type SealingContext,
  sealedVersionOf,
  sealSecret,
} from './sealing.ts'

interface Owner {
  readonly credentialId: string
  readonly versionId: string
}

interface Deps {
  readonly masterKey: MasterKey
  readonly random: Random
}

/** @returns base64 of the sealed value; it opens for this version only. */
export function sealDelivered(value: string, owner: Owner, deps: Deps): string {
  const sealed = sealSecret(Buffer.from(value), contextOf(owner), deps)
  return Buffer.from(sealed).toString('base64')
}

/** @param sealed as {@link sealDelivered} made it. @returns the bytes of the value. */
export function openDelivered(
  sealed: string,
  owner: Owner,
  masterKey: MasterKey,
): Result<Uint8Array, OpeningRefusal> {
  return openSecret(Buffer.from(sealed, 'base64'), contextOf(owner), masterKey)
}

/** @returns the same version when nothing waits under another version of the master key. */
export function resealDelivered(
  version: VersionRecord,
  credentialId: string,
  deps: Deps,
): Result<VersionRecord, OpeningRefusal> {
  const { delivery } = version
  const sealed = delivery?.sealed
  if (delivery === undefined || sealed === undefined || !isOutdated(version, deps.masterKey)) {
    return ok(version)
  }
  const owner = { credentialId, versionId: version.id }
  const opened = openDelivered(sealed, owner, deps.masterKey)
  if (!opened.ok) return opened
  const value = Buffer.from(opened.value).toString('utf8')
  return ok({ ...version, delivery: { ...delivery, sealed: sealDelivered(value, owner, deps) } })
}

/** Whether a value waits under another version of the master key than the current one. */
export function isOutdated({ delivery }: VersionRecord, { currentVersion }: MasterKey): boolean {
  const sealed = delivery?.sealed
  return sealed !== undefined && sealedVersionOf(sealed) !== currentVersion
}

function contextOf({ credentialId, versionId }: Owner): SealingContext {
  return { purpose: 'delivery', owner: [credentialId, versionId] }
}
