import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { NewCredential } from '../administration/issued.ts'

/** A credential as it is declared: found again by its name, key or value. */
export interface Wanted {
  readonly request: NewCredential
  /** Whether a stored credential is the one that is meant. */
  readonly isMeant: (record: CredentialRecord) => boolean
}

/** Whether a version has a value of this fingerprint, or had. */
export function hasValue({ versions }: CredentialRecord, fingerprint: string): boolean {
  return versions.some(
    ({ material }) => 'fingerprint' in material && material.fingerprint === fingerprint,
  )
}
