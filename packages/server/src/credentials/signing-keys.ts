/**
 * Signing secrets at rest and in memory: sealed in their rows, opened once into the directory of
 * apps.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Random } from '../ports/random.ts'
import type { SigningKeyRecord, Store } from '../ports/store.ts'
import type { LoadedApp } from './app-directory.ts'
import type { MasterKey } from './master-key.ts'
import { openSecret, type SealingContext, sealSecret } from './sealing.ts'

/** `wrong_master_key`: a stored secret does not open; the detail names its key and the remedy. */
export type LoadingRefusal = 'wrong_master_key'

type RowName = Pick<SigningKeyRecord, 'appId' | 'key'>

/** @param secret its UTF-8 bytes are what clients and servers sign with. */
export function sealSigningSecret(
  secret: string,
  row: RowName,
  deps: { readonly masterKey: MasterKey; readonly random: Random },
): Uint8Array {
  return sealSecret(new TextEncoder().encode(secret), contextOf(row), deps)
}

export function openSigningSecret(
  record: SigningKeyRecord,
  masterKey: MasterKey,
): Result<Uint8Array, LoadingRefusal> {
  const opened = openSecret(record.sealedSecret, contextOf(record), masterKey)
  if (opened.ok) return opened
  return refuse(
    'wrong_master_key',
    `the secret of app key ${record.key} does not open (${opened.refusal}): start with the ` +
      'master key that sealed it: master.key of the data directory, or the configured masterKey',
  )
}

/**
 * Reads every app with its tenant and opened secrets, oldest first.
 * @returns all or nothing: an app with a secret that does not open would refuse valid clients.
 * @throws Outage
 */
export async function loadSigningSecrets(
  store: Store,
  masterKey: MasterKey,
): Promise<Result<readonly LoadedApp[], LoadingRefusal>> {
  const { tenants, apps, keys } = await store.transaction(async (transaction) => ({
    tenants: new Map((await transaction.listTenants()).map((tenant) => [tenant.id, tenant])),
    apps: await transaction.listApps(),
    keys: await transaction.listSigningKeys(),
  }))
  const secretsByApp = new Map<string, { key: string; secret: Uint8Array }[]>()
  for (const record of keys) {
    const opened = openSigningSecret(record, masterKey)
    if (!opened.ok) return opened
    const pairs = secretsByApp.get(record.appId) ?? []
    pairs.push({ key: record.key, secret: opened.value })
    secretsByApp.set(record.appId, pairs)
  }
  const loaded = apps.map((app) => {
    const tenant = tenants.get(app.tenantId)
    if (tenant === undefined) throw new Error(`app ${app.id} has no tenant`)
    return { app, tenant, signingKeys: secretsByApp.get(app.id) ?? [] }
  })
  return ok(loaded)
}

function contextOf({ appId, key }: RowName): SealingContext {
  return { purpose: 'signing-secret', owner: [appId, key] }
}
