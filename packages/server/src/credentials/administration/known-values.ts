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
  const fingerprints = new Set<string>()
  for (const { credentials } of authority.apps.apps()) {
    for (const { material } of credentials.flatMap(({ record }) => record.versions)) {
      if ('fingerprint' in material) fingerprints.add(material.fingerprint)
    }
  }
  return { names, fingerprints }
}
