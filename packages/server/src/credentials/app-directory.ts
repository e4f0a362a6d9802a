/**
 * Everything a decision about an app needs, in memory: by id, app key, client id and key id, never
 * a database read. Loaded before the server is ready; an app is replaced as a whole when it
 * changes.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../core/refusals.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { CredentialRecord, VersionRecord } from '../ports/records/credential.ts'
import type { PlanLimits } from '../ports/records/plan.ts'
import type { TenantRecord } from '../ports/records/tenant.ts'
import type { WebhookEndpointRecord } from '../ports/records/webhook.ts'
import { OriginIndex } from './origin-index.ts'

/** A credential with its sealed values opened. Lives in memory only; never logged or serialized. */
export interface LoadedCredential {
  readonly record: CredentialRecord
  /** By version id; only versions whose material is sealed. */
  readonly secrets: ReadonlyMap<string, Uint8Array>
}

export interface LoadedApp {
  readonly app: AppRecord
  readonly tenant: TenantRecord
  /** Of its plan; undefined when there is none or no such plan exists any more. */
  readonly limits: PlanLimits | undefined
  readonly credentials: readonly LoadedCredential[]
  readonly webhookEndpoints: readonly WebhookEndpointRecord[]
}

/** An app key of Pusher clients, with its signing secrets. */
export interface AppKeyEntry {
  readonly loaded: LoadedApp
  readonly credential: LoadedCredential
}

/** An API key as its id finds it. */
export interface KeyEntry {
  readonly loaded: LoadedApp
  readonly credential: LoadedCredential
  readonly version: VersionRecord
}

/** An MQTT user as its name finds it. */
export interface UserEntry {
  readonly loaded: LoadedApp
  readonly credential: LoadedCredential
}

/** A webhook endpoint and the app whose events it gets. */
export interface EndpointEntry {
  readonly loaded: LoadedApp
  readonly endpoint: WebhookEndpointRecord
}

export class AppDirectory {
  readonly #byId = new Map<string, LoadedApp>()
  readonly #origins = new OriginIndex()
  readonly #byAppKey = new Map<string, AppKeyEntry>()
  readonly #ofTenant = new Map<string, Map<string, LoadedApp>>()
  readonly #byClientId = new Map<string, LoadedApp>()
  readonly #byKeyId = new Map<string, KeyEntry>()
  readonly #byCredentialId = new Map<string, LoadedCredential>()
  readonly #byEndpointId = new Map<string, EndpointEntry>()
  /** By tenant and name: apps of one tenant may have users of the same name. */
  readonly #byUserName = new Map<string, readonly UserEntry[]>()
  /** Ids of JWT secrets and of their versions: what a `kid` may be. */
  readonly #byTokenKey = new Map<string, LoadedApp>()

  /** Puts an app in the place of what was known of it. */
  put(loaded: LoadedApp): void {
    this.remove(loaded.app.id)
    this.#byId.set(loaded.app.id, loaded)
    this.#origins.add(loaded.app.settings)
    const siblings = this.#ofTenant.get(loaded.tenant.id) ?? new Map<string, LoadedApp>()
    this.#ofTenant.set(loaded.tenant.id, siblings.set(loaded.app.id, loaded))
    this.#byClientId.set(loaded.app.clientId, loaded)
    for (const endpoint of loaded.webhookEndpoints) {
      this.#byEndpointId.set(endpoint.id, { loaded, endpoint })
    }
    for (const credential of loaded.credentials) {
      const { id, kind, attributes, versions } = credential.record
      this.#byCredentialId.set(id, credential)
      if (kind === 'signing_secret' && attributes.appKey !== undefined) {
        this.#byAppKey.set(attributes.appKey, { loaded, credential })
      }
      if (kind === 'jwt_secret') {
        for (const key of tokenKeysOf(credential)) this.#byTokenKey.set(key, loaded)
      }
      if (kind === 'mqtt_user') this.#addUser({ loaded, credential })
      if (kind !== 'api_key') continue
      for (const version of versions) {
        if (version.keyId === undefined) continue
        this.#byKeyId.set(version.keyId, { loaded, credential, version })
      }
    }
  }

  remove(appId: string): void {
    const before = this.#byId.get(appId)
    if (before === undefined) return
    this.#byId.delete(appId)
    this.#origins.remove(before.app.settings)
    const siblings = this.#ofTenant.get(before.tenant.id)
    siblings?.delete(appId)
    if (siblings?.size === 0) this.#ofTenant.delete(before.tenant.id)
    this.#byClientId.delete(before.app.clientId)
    for (const { id } of before.webhookEndpoints) this.#byEndpointId.delete(id)
    for (const credential of before.credentials) {
      const { record } = credential
      this.#byCredentialId.delete(record.id)
      if (record.kind === 'mqtt_user') this.#removeUser({ loaded: before, credential })
      for (const key of tokenKeysOf(credential)) this.#byTokenKey.delete(key)
      if (record.attributes.appKey !== undefined) this.#byAppKey.delete(record.attributes.appKey)
      for (const { keyId } of record.versions) {
        if (keyId !== undefined) this.#byKeyId.delete(keyId)
      }
    }
  }

  /** @returns whether any app lets pages of this origin connect. */
  isOriginKnown(origin: string): boolean {
    return this.#origins.allows(origin)
  }

  findById(id: string): LoadedApp | undefined {
    return this.#byId.get(id)
  }

  /** @param key the public app key of Pusher clients. */
  findByAppKey(key: string): AppKeyEntry | undefined {
    return this.#byAppKey.get(key)
  }

  findByClientId(clientId: string): LoadedApp | undefined {
    return this.#byClientId.get(clientId)
  }

  /** @param keyId the id inside an API key; retired versions are found too. */
  findByKeyId(keyId: string): KeyEntry | undefined {
    return this.#byKeyId.get(keyId)
  }

  /** @param kid of a customer's token: the id of a JWT secret, or of a version of one. */
  findByTokenKey(kid: string): LoadedApp | undefined {
    return this.#byTokenKey.get(kid)
  }

  findCredential(id: string): LoadedCredential | undefined {
    return this.#byCredentialId.get(id)
  }

  findEndpoint(id: string): EndpointEntry | undefined {
    return this.#byEndpointId.get(id)
  }

  /**
   * The app an organization's id stands for: the one that says so, else the one that was made
   * first. Of several that say so, the oldest.
   */
  defaultOf(tenantId: string): LoadedApp | undefined {
    const own = this.#ofTenant.get(tenantId)
    if (own === undefined) return undefined
    let found: LoadedApp | undefined
    for (const each of own.values()) if (found === undefined || isBefore(each, found)) found = each
    return found
  }

  /** Those of the default app first. @param name untrusted. */
  findUsers(tenantId: string, name: string): readonly UserEntry[] {
    const found = this.#byUserName.get(userKey(tenantId, name)) ?? NO_USERS
    if (found.length < 2) return found
    const main = this.defaultOf(tenantId)
    const ofMain = found.filter(({ loaded }) => loaded === main)
    return [...ofMain, ...found.filter(({ loaded }) => loaded !== main)]
  }

  apps(): Iterable<LoadedApp> {
    return this.#byId.values()
  }

  get size(): number {
    return this.#byId.size
  }

  #addUser(entry: UserEntry): void {
    const key = userKeyOf(entry)
    this.#byUserName.set(key, [...(this.#byUserName.get(key) ?? NO_USERS), entry])
  }

  #removeUser({ loaded, credential }: UserEntry): void {
    const key = userKeyOf({ loaded, credential })
    const others = this.#byUserName.get(key)?.filter((each) => each.credential !== credential) ?? []
    if (others.length === 0) this.#byUserName.delete(key)
    else this.#byUserName.set(key, others)
  }
}

/**
 * Whether an app may be used at all now: asked for every connection, token and call.
 * @returns what is in the way, the outermost first.
 */
export function admitApp(loaded: LoadedApp, nowMs: number): Result<PlanLimits, RefusalCode> {
  if (loaded.tenant.state !== 'active') return refuse('tenant_inactive')
  if (!loaded.app.settings.enabled) return refuse('app_disabled')
  if (loaded.limits === undefined || !hasActivePlan(loaded.app, nowMs)) {
    return refuse('plan_missing')
  }
  return ok(loaded.limits)
}

/** Whether `one` rather than `other` is what their organization's id stands for. */
function isBefore({ app: one }: LoadedApp, { app: other }: LoadedApp): boolean {
  const isNamed = one.settings.organizationDefault
  if (isNamed !== other.settings.organizationDefault) return isNamed
  if (one.createdAtMs !== other.createdAtMs) return one.createdAtMs < other.createdAtMs
  return one.id < other.id
}

/** The end of a cancelled subscription is decided here, not by a sweeper. */
function hasActivePlan({ subscription }: AppRecord, nowMs: number): boolean {
  if (subscription === undefined || subscription.state === 'inactive') return false
  return subscription.endsAtMs === undefined || nowMs < subscription.endsAtMs
}

const NO_USERS: readonly UserEntry[] = []

function userKeyOf({ loaded, credential }: UserEntry): string {
  return userKey(loaded.tenant.id, credential.record.name)
}

/** No tenant id holds a space. */
function userKey(tenantId: string, name: string): string {
  return `${tenantId} ${name}`
}

function tokenKeysOf({ record }: LoadedCredential): readonly string[] {
  return [record.id, ...record.versions.map(({ id }) => id)]
}
