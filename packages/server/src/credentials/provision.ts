/**
 * Brings declared tenants and apps into the store: the same declaration twice writes nothing the
 * second time. What is not declared is left alone, except keys a declared app no longer lists.
 */
import { timingSafeEqual } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import {
  type AppRecord,
  type AppSettings,
  Conflict,
  type SigningKeyRecord,
  type Store,
  type StoreTransaction,
  type TenantRecord,
} from '../ports/store.ts'
import type { MasterKey } from './master-key.ts'
import { openSigningSecret, sealSigningSecret } from './signing-keys.ts'

export type DeclaredApp = Pick<AppRecord, 'id' | 'name' | 'plan' | 'region' | 'settings'> & {
  /** Every pair is accepted. Keys are unique over all declarations. */
  readonly signingKeys: readonly { readonly key: string; readonly secret: string }[]
}

export type DeclaredTenant = Pick<TenantRecord, 'id' | 'shortId' | 'name'> & {
  readonly apps: readonly DeclaredApp[]
}

export interface ProvisionDeps {
  readonly clock: Clock
  readonly random: Random
  readonly masterKey: MasterKey
}

/** The detail of each names what is declared and what to change. */
export type ProvisionRefusal =
  | 'short_id_taken'
  | 'app_name_taken'
  | 'app_of_other_tenant'
  | 'key_of_other_app'
  | 'region_immutable'
  | 'wrong_master_key'

/** What is in the store, and what has to be written to reach the declaration. */
interface Plan {
  readonly tenants: readonly TenantRecord[]
  readonly apps: readonly AppRecord[]
  readonly signingKeys: readonly SigningKeyRecord[]
  readonly removedKeys: readonly string[]
}

interface Stored {
  readonly tenants: ReadonlyMap<string, TenantRecord>
  readonly apps: ReadonlyMap<string, AppRecord>
  readonly signingKeys: ReadonlyMap<string, SigningKeyRecord>
}

/**
 * Writes the declarations in one transaction, or nothing.
 * @returns how many records were written or removed.
 * @throws Outage
 */
export async function declareTenants(
  store: Store,
  declarations: readonly DeclaredTenant[],
  deps: ProvisionDeps,
): Promise<Result<{ readonly changeCount: number }, ProvisionRefusal>> {
  try {
    return await store.transaction(async (transaction) => {
      const plan = planChanges(await readStored(transaction), declarations, deps)
      return plan.ok ? ok({ changeCount: await carryOut(plan.value, transaction) }) : plan
    })
  } catch (error) {
    if (error instanceof Conflict) return refuseConflict(error)
    throw error
  }
}

async function readStored(transaction: StoreTransaction): Promise<Stored> {
  const tenants = await transaction.listTenants()
  const apps = await transaction.listApps()
  const signingKeys = await transaction.listSigningKeys()
  return {
    tenants: new Map(tenants.map((tenant) => [tenant.id, tenant])),
    apps: new Map(apps.map((app) => [app.id, app])),
    signingKeys: new Map(signingKeys.map((record) => [record.key, record])),
  }
}

/** Removals first: a key may move from one declared app to another. */
async function carryOut(plan: Plan, transaction: StoreTransaction): Promise<number> {
  for (const key of plan.removedKeys) await transaction.removeSigningKey(key)
  for (const tenant of plan.tenants) await transaction.saveTenant(tenant)
  for (const app of plan.apps) await transaction.saveApp(app)
  for (const record of plan.signingKeys) await transaction.saveSigningKey(record)
  const savedCount = plan.tenants.length + plan.apps.length + plan.signingKeys.length
  return savedCount + plan.removedKeys.length
}

function planChanges(
  stored: Stored,
  declarations: readonly DeclaredTenant[],
  deps: ProvisionDeps,
): Result<Plan, ProvisionRefusal> {
  const nowMs = deps.clock.nowMs()
  const declaredApps = declarations.flatMap((tenant) =>
    tenant.apps.map((app) => ({ app, tenantId: tenant.id })),
  )
  const owners = new Map(
    declaredApps.flatMap(({ app }) => app.signingKeys.map(({ key }) => [key, app.id] as const)),
  )
  const ids = new Set(declaredApps.map(({ app }) => app.id))
  const removed = [...stored.signingKeys.values()].filter(
    (record) => ids.has(record.appId) && owners.get(record.key) !== record.appId,
  )
  const apps: AppRecord[] = []
  for (const { app, tenantId } of declaredApps) {
    const planned = planApp(stored.apps.get(app.id), { ...app, tenantId }, nowMs)
    if (!planned.ok) return planned
    if (planned.value !== undefined) apps.push(planned.value)
  }
  const removedKeys = new Set(removed.map((record) => record.key))
  const left = new Map([...stored.signingKeys].filter(([key]) => !removedKeys.has(key)))
  const signingKeys = planSigningKeys(left, declaredApps, deps)
  if (!signingKeys.ok) return signingKeys
  return ok({
    tenants: declarations.flatMap((tenant) =>
      planTenant(stored.tenants.get(tenant.id), tenant, nowMs),
    ),
    apps,
    signingKeys: signingKeys.value,
    removedKeys: [...removedKeys],
  })
}

/** Keeps the state: a declaration does not wake a suspended tenant. */
function planTenant(
  before: TenantRecord | undefined,
  { id, shortId, name }: DeclaredTenant,
  nowMs: number,
): TenantRecord[] {
  if (before === undefined) return [{ id, shortId, name, state: 'active', createdAtMs: nowMs }]
  if (before.shortId === shortId && before.name === name) return []
  return [{ ...before, shortId, name }]
}

/** @returns undefined when nothing has to be written. */
function planApp(
  before: AppRecord | undefined,
  declared: DeclaredApp & Pick<AppRecord, 'tenantId'>,
  nowMs: number,
): Result<AppRecord | undefined, ProvisionRefusal> {
  const { id, tenantId, name, plan, region, settings } = declared
  const after = { id, tenantId, name, plan, region, settings, updatedAtMs: nowMs }
  if (before === undefined) return ok({ ...after, createdAtMs: nowMs })
  if (before.tenantId !== tenantId)
    return refuse(
      'app_of_other_tenant',
      `app ${id} belongs to another tenant: declare it there, or give this one another id`,
    )
  if (before.region !== region)
    return refuse(
      'region_immutable',
      `the region of app ${id} is ${before.region} for ever: declare that, or a new app`,
    )
  const isSame = before.name === name && before.plan === plan
  if (isSame && hasSameSettings(before.settings, settings)) return ok(undefined)
  return ok({ ...after, createdAtMs: before.createdAtMs })
}

function hasSameSettings(stored: AppSettings, declared: AppSettings): boolean {
  const canonical = (settings: AppSettings) =>
    JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)))
  return canonical(stored) === canonical(declared)
}

/** @param stored without the keys that are about to be removed. */
function planSigningKeys(
  stored: ReadonlyMap<string, SigningKeyRecord>,
  declared: readonly { readonly app: DeclaredApp }[],
  deps: ProvisionDeps,
): Result<readonly SigningKeyRecord[], ProvisionRefusal> {
  const records = new Map<string, SigningKeyRecord>()
  for (const { app } of declared) {
    for (const { key, secret } of app.signingKeys) {
      const row = { key, appId: app.id }
      const before = stored.get(key)
      if (records.has(key) || (before !== undefined && before.appId !== app.id))
        return refuse(
          'key_of_other_app',
          `key ${key} of app ${app.id} is another app's: choose another`,
        )
      if (before !== undefined) {
        const opened = openSigningSecret(before, deps.masterKey)
        if (!opened.ok) return opened
        if (isSameSecret(opened.value, secret)) continue
      }
      const createdAtMs = before?.createdAtMs ?? deps.clock.nowMs()
      records.set(key, { ...row, createdAtMs, sealedSecret: sealSigningSecret(secret, row, deps) })
    }
  }
  return ok([...records.values()])
}

function isSameSecret(stored: Uint8Array, declared: string): boolean {
  const bytes = new TextEncoder().encode(declared)
  return bytes.length === stored.length && timingSafeEqual(bytes, stored)
}

function refuseConflict({ rule }: Conflict): Result<never, ProvisionRefusal> {
  switch (rule) {
    case 'tenant_short_id':
      return refuse(
        'short_id_taken',
        'a declared shortId belongs to another tenant: choose another',
      )
    case 'app_name':
      return refuse(
        'app_name_taken',
        'two apps of one tenant would have one name: choose another, or swap names in two steps',
      )
    case 'signing_key':
      return refuse('key_of_other_app', 'a declared key belongs to another app: choose another')
    case 'unknown_parent':
      throw new Error('a planned record lacks its parent')
  }
}
