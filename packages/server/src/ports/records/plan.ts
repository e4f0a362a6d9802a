/** Plans: named limits that travel in tokens. Control database. */

/** Every number is a bound; {@link UNLIMITED} stands for none, so that clients always read one. */
export interface PlanLimits {
  readonly maxConnections: number
  readonly maxDocuments: number
  readonly maxUsersPerDoc: number
  readonly opsPerMinute: number
  /** Limit texts beside these numbers; absent: none. */
  readonly rateLimits?: readonly string[] | undefined
}

/** The largest number every client can hold (2^31 - 1). */
export const UNLIMITED = 2_147_483_647

export interface PlanRecord {
  /** Undefined: a plan of the installation, for every tenant. */
  readonly tenantId: string | undefined
  /** `[a-z0-9][a-z0-9_-]{0,63}`; unique inside its tenant or the installation. */
  readonly name: string
  readonly limits: PlanLimits
  /** True: at most one app of a tenant may be on a plan of this kind. */
  readonly isOnePerTenant: boolean
  /**
   * Of a plan of the installation: whether keys of a tenant may put its apps on it. A plan of a
   * tenant is open to that tenant whatever this says.
   */
  readonly isOpenToTenants: boolean
  readonly createdAtMs: number
}

/** `past_due` still works; `cancelled` works until `endsAtMs`; `inactive` does not. */
export type SubscriptionState = 'active' | 'past_due' | 'cancelled' | 'inactive'

/** Which plan an app is on. Part of the app's record, so it lives in the app's region. */
export interface Subscription {
  readonly plan: string
  readonly state: SubscriptionState
  readonly sinceMs: number
  /** The end of a cancelled subscription; decided when read. */
  readonly endsAtMs: number | undefined
}
