/** What values of the callers' own are compared with. */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { AdministrationDeps } from './context.ts'

/** What a value of the caller's own must not contain or repeat. */
export function knownValues(
  owner: Pick<CredentialRecord, 'appId'>,
  { authority }: Pick<AdministrationDeps, 'authority'>,
) {
  const app = owner.appId === undefined ? undefined : authority.apps.findById(owner.appId)?.app
  const names = [app?.clientId, app?.name, app?.id].filter((name) => name !== undefined)
  // Asked for values of the caller's own only: a generated one costs no look at the others.
  const fingerprints = { has: (fingerprint: string) => isKnown(fingerprint, authority) }
  return { names, fingerprints }
}

function isKnown(fingerprint: string, { apps }: AdministrationDeps['authority']): boolean {
  for (const { credentials } of apps.apps()) {
    for (const { record } of credentials) {
      for (const { material } of record.versions) {
        if ('fingerprint' in material && material.fingerprint === fingerprint) return true
      }
    }
  }
  return false
}
