/**
 * Reads what the directories hold: records from the store, with the values that have to sign again
 * opened. All or nothing: an app with a secret that does not open would refuse valid clients.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AppRecord } from '../ports/records/app.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'
import type { WebhookEndpointRecord } from '../ports/records/webhook.ts'
import type { Database, RegionTransaction, Store, CredentialRecords } from '../ports/store.ts'
import type { LoadedApp, LoadedCredential } from './app-directory.ts'
import type { MasterKey } from './master-key.ts'
import { openMaterial } from './material.ts'
import type { LoadedTenant, TenantDirectory } from './tenant-directory.ts'

/** A stored secret does not open; the detail names what it is of, and the remedy. */
export type LoadingRefusal = 'wrong_master_key'

/** An app with what belongs to it as one transaction read them. */
interface StoredApp {
  readonly app: AppRecord
  readonly credentials: readonly CredentialRecord[]
  readonly webhookEndpoints: readonly WebhookEndpointRecord[]
}

/** @throws Outage */
export function readTenant(store: Store, tenantId: string) {
  return store.control.transaction(async (transaction) => {
    const tenant = await transaction.findTenant(tenantId)
    if (tenant === undefined) return undefined
    return {
      tenant,
      members: await transaction.listMembers(tenantId),
      credentials: await transaction.listCredentials({ tenantId }),
      ruleSets: await transaction.listRuleSets({ tenantId }),
      integrations: await transaction.listIntegrations({ tenantId }),
    }
  })
}

/** @returns undefined for an app that is not there any more. @throws Outage */
export async function readApp(
  store: Store,
  place: { readonly region: string; readonly appId: string },
): Promise<StoredApp | undefined> {
  return store.regions.get(place.region)?.transaction(async (transaction) => {
    const app = await transaction.findApp(place.appId)
    if (app === undefined) return undefined
    return {
      app,
      credentials: await transaction.listCredentials({ appId: app.id }),
      webhookEndpoints: await transaction.listWebhookEndpoints({ appId: app.id }),
    }
  })
}

/** @throws Outage */
export function readApps(region: Database<RegionTransaction>): Promise<readonly StoredApp[]> {
  return region.transaction(async (transaction) => {
    const apps = await transaction.listApps()
    const credentials = groupBy(await transaction.listCredentials({}), ({ appId }) => appId)
    const endpoints = groupBy(await transaction.listWebhookEndpoints(), ({ appId }) => appId)
    return apps.map((app) => ({
      app,
      credentials: credentials.get(app.id) ?? [],
      webhookEndpoints: endpoints.get(app.id) ?? [],
    }))
  })
}

/** @throws Outage */
export async function readOperators(
  transaction: CredentialRecords,
): Promise<readonly CredentialRecord[]> {
  const all = await transaction.listCredentials({})
  return all.filter(({ kind }) => kind === 'operator_key')
}

/** @returns the app as the directory holds it; its tenant and plan are looked up there. */
export function openApp(
  { app, credentials, webhookEndpoints }: StoredApp,
  context: { readonly tenants: TenantDirectory; readonly masterKey: MasterKey },
): Result<LoadedApp, LoadingRefusal> {
  const tenant = context.tenants.find(app.tenantId)?.tenant
  if (tenant === undefined) throw new Error(`app ${app.id} has no tenant`)
  const opened = openAll(credentials, context.masterKey)
  if (!opened.ok) return opened
  const plan =
    app.subscription === undefined
      ? undefined
      : context.tenants.findPlan(tenant.id, app.subscription.plan)
  const { limits } = plan ?? {}
  return ok({ app, tenant, limits, credentials: opened.value, webhookEndpoints })
}

export function openTenant(
  stored: Omit<LoadedTenant, 'credentials'> & { readonly credentials: readonly CredentialRecord[] },
  masterKey: MasterKey,
): Result<LoadedTenant, LoadingRefusal> {
  // Operator keys of a tenant are verified, never used to sign: they have a directory of their own.
  const own = stored.credentials.filter(({ kind }) => kind !== 'operator_key')
  const opened = openAll(own, masterKey)
  return opened.ok ? ok({ ...stored, credentials: opened.value }) : opened
}

function openAll(
  records: readonly CredentialRecord[],
  masterKey: MasterKey,
): Result<readonly LoadedCredential[], LoadingRefusal> {
  const loaded: LoadedCredential[] = []
  for (const record of records) {
    const secrets = new Map<string, Uint8Array>()
    for (const version of record.versions) {
      if (version.material.storage !== 'sealed') continue
      const opened = openMaterial(record, version, masterKey)
      if (!opened.ok) return wrongMasterKey(record, opened.refusal)
      secrets.set(version.id, opened.value)
    }
    loaded.push({ record, secrets })
  }
  return ok(loaded)
}

function wrongMasterKey({ kind, id, name }: CredentialRecord, why: string) {
  return refuse(
    'wrong_master_key' as const,
    `the ${kind.replaceAll('_', ' ')} ${name} (${id}) does not open (${why}): start with the ` +
      'master key that sealed it: master.key of the data directory, or the configured masterKey',
  )
}

export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
