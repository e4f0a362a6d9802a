/**
 * Durable records. Adapters: memory (tests, throw-away servers) and SQLite; the same contract suite
 * (`test/contract/store.ts`) runs on each. Every method either resolves with the promised effect
 * done and durable (decision 4: it survives power loss where the adapter is durable) or throws an
 * `Outage`.
 */

/** `suspended` refuses every token and connection of the tenant's apps. */
export type TenantState = 'pending' | 'active' | 'suspended'

export interface TenantRecord {
  /** UUID, lowercase. */
  readonly id: string
  /** `org_` + 12 of `a-z2-9`; names the same tenant in CloudSignal's paths. Unique. */
  readonly shortId: string
  readonly name: string
  readonly state: TenantState
  readonly createdAtMs: number
}

/**
 * Switches and bounds of one app. Every field is present; defaults are applied where an app is
 * declared.
 */
export interface AppSettings {
  /** False: sockets close with 4003, signed HTTP calls answer 403. */
  readonly enabled: boolean
  /** True: a plain socket closes with 4000. */
  readonly requireTls: boolean
  /** Whether `client-` events are accepted at all. */
  readonly clientMessages: boolean
  /** Whether `pusher_internal:subscription_count` is sent. */
  readonly subscriptionCount: boolean
  /** Whether sign-in may carry a watch-list. */
  readonly watchlist: boolean
  /**
   * True: a socket that neither signs in nor joins an authorized channel in time closes with 4009.
   */
  readonly requireAuthorization: boolean
  readonly authorizationTimeoutMs: number
  /**
   * Exact `scheme://host[:port]` or `https://*.host`; empty means any origin (development only).
   */
  readonly allowedOrigins: readonly string[]
  /** Production needs a list or this. */
  readonly dangerousAnyOrigin: boolean
  /** What a missing Origin header gets while `allowedOrigins` is not empty. */
  readonly missingOrigin: 'allow' | 'deny'
  /** `http`: 403 before the upgrade. `close`: upgrade, then 4009, so pusher-js stops trying. */
  readonly originRefusal: 'http' | 'close'
  /** Refuse a second mutating HTTP call with the same signature inside the timestamp window. */
  readonly rejectReplays: boolean
  readonly connectionCountMax: number
  readonly clientEventsPerSecondMax: number
  readonly eventDataBytesMax: number
  readonly presenceMemberCountMax: number
  readonly presenceMemberBytesMax: number
  readonly cacheTtlMs: number
}

export interface AppRecord {
  /** `[A-Za-z0-9_-]{1,64}`; unique over all tenants. */
  readonly id: string
  readonly tenantId: string
  /** Unique inside the tenant. */
  readonly name: string
  /** Set once, at creation. */
  readonly region: string
  readonly plan: string
  readonly settings: AppSettings
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/**
 * A public app key with its signing secret, sealed under the master key. Several per app may be
 * live.
 */
export interface SigningKeyRecord {
  /** Public; `[A-Za-z0-9_-]{1,64}`; unique over all apps. */
  readonly key: string
  readonly appId: string
  /** `credentials/sealing.ts` wrote it; never the plain value. */
  readonly sealedSecret: Uint8Array
  readonly createdAtMs: number
}

/**
 * Reads and writes inside one atomic unit. Lists come oldest first, then by id or key. Every call
 * is awaited inside `work`; after a call failed, the transaction cannot commit any more.
 */
export interface StoreTransaction {
  findTenant(id: string): Promise<TenantRecord | undefined>
  listTenants(): Promise<readonly TenantRecord[]>
  /** Inserts or replaces by id. @throws Conflict when `shortId` belongs to another tenant. */
  saveTenant(tenant: TenantRecord): Promise<void>
  findApp(id: string): Promise<AppRecord | undefined>
  listApps(): Promise<readonly AppRecord[]>
  /**
   * Inserts or replaces by id. @throws Conflict when the tenant already has another app of that
   * name.
   */
  saveApp(app: AppRecord): Promise<void>
  listSigningKeys(): Promise<readonly SigningKeyRecord[]>
  /** Inserts or replaces by key. @throws Conflict when the key belongs to another app. */
  saveSigningKey(key: SigningKeyRecord): Promise<void>
  /** Removes one key; a key that is not there is no error. */
  removeSigningKey(key: string): Promise<void>
}

export type ConflictRule = 'tenant_short_id' | 'app_name' | 'signing_key' | 'unknown_parent'

/** A uniqueness rule would break, or a parent is missing; the transaction is rolled back. */
export class Conflict extends Error {
  override readonly name = 'Conflict'
  readonly rule: ConflictRule
  constructor(rule: ConflictRule) {
    super(`store conflict: ${rule}`)
    this.rule = rule
  }
}

export interface Store {
  /**
   * Runs `work` atomically: all of its writes are durable when this resolves, none is visible when
   * it rejects. Transactions run one at a time in call order; nesting is a bug.
   * @throws Outage, Conflict, or whatever `work` throws (after the rollback).
   */
  transaction<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>
  /** Resolves when the store answers. @throws Outage otherwise. */
  ping(): Promise<void>
  /** Waits for what runs, then closes. Idempotent. */
  close(): Promise<void>
}
