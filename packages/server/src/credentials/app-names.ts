/** The names of an app that are unique over all regions, as the control database keeps them. */
import type { AppRecord } from '../ports/records/app.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'
import type { DirectoryEntry, NameKind } from '../ports/records/directory.ts'

export type Name = Pick<DirectoryEntry, 'kind' | 'value'>

/** What the record of an app itself is named by; the rest are names of its credentials. */
export const APP_NAME_KINDS: ReadonlySet<NameKind> = new Set([
  'app_id',
  'app_name',
  'client_id',
  'free_app',
])

/** @param isOnePerTenant whether the plan of the app is one that a tenant may use once. */
export function namesOfApp(
  app: Pick<AppRecord, 'id' | 'tenantId' | 'name' | 'clientId'>,
  isOnePerTenant: boolean,
): readonly Name[] {
  return [
    { kind: 'app_id', value: app.id },
    appName(app),
    { kind: 'client_id', value: app.clientId },
    ...(isOnePerTenant ? [freeApp(app.tenantId)] : []),
  ]
}

export function appName({ tenantId, name }: Pick<AppRecord, 'tenantId' | 'name'>): Name {
  return { kind: 'app_name', value: `${tenantId}/${name}` }
}

export function freeApp(tenantId: string): Name {
  return { kind: 'free_app', value: tenantId }
}

/** @returns the public names of a credential: an app key, the key ids of its versions. */
export function namesOfCredential({
  kind,
  attributes,
  versions,
}: Pick<CredentialRecord, 'kind' | 'attributes' | 'versions'>): readonly Name[] {
  if (kind === 'signing_secret' && attributes.appKey !== undefined) {
    return [{ kind: 'app_key', value: attributes.appKey }]
  }
  if (kind !== 'api_key') return []
  const keyIds = versions.flatMap(({ keyId }) => keyId ?? [])
  return keyIds.map((value) => ({ kind: 'key_id' as NameKind, value }))
}

/** @returns entries to reserve. */
export function reserved(
  names: readonly Name[],
  app: Pick<AppRecord, 'id' | 'tenantId' | 'region'>,
  nowMs: number,
): readonly DirectoryEntry[] {
  const { id: appId, tenantId, region } = app
  return names.map((name) => ({
    ...name,
    tenantId,
    appId,
    region,
    state: 'reserved' as const,
    createdAtMs: nowMs,
  }))
}
