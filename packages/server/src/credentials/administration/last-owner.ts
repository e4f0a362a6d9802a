/** Keeps the installation from losing its last owner: nobody could let another one in. */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { CredentialRecords } from '../../ports/store.ts'
import { acceptedVersions } from '../engine/reading.ts'

/**
 * Whether a change ends the last accepted owner key of the installation. Asked in the transaction
 * that makes the change, so that two owners who end each other's keys do not both succeed.
 */
export async function endsLastOwner(
  { before, after }: { readonly before: CredentialRecord; readonly after: CredentialRecord },
  transaction: CredentialRecords,
  nowMs: number,
): Promise<boolean> {
  if (!isOpenOwner(before, nowMs) || isOpenOwner(after, nowMs)) return false
  const others = await transaction.listCredentials({})
  return !others.some((other) => other.id !== before.id && isOpenOwner(other, nowMs))
}

function isOpenOwner(record: CredentialRecord, nowMs: number): boolean {
  const isOwner = record.kind === 'operator_key' && record.attributes.role === 'owner'
  const isOfInstallation = record.tenantId === undefined
  return isOwner && isOfInstallation && acceptedVersions(record, nowMs).length > 0
}
