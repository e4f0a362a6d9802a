/** Tenants and the people who manage them. They live in the control database. */

/** `suspended` and `pending` refuse every token and connection of the tenant's apps. */
export type TenantState = 'pending' | 'active' | 'suspended'

/** What access tokens of a tenant are signed with; RS256 for verifiers that know nothing else. */
export type SigningAlgorithm = 'ES256' | 'RS256'

export interface TenantRecord {
  /** UUID, lowercase. */
  readonly id: string
  /** `org_` + 12 of `a-z2-9`; names the same tenant in CloudSignal's paths. Unique. */
  readonly shortId: string
  readonly name: string
  readonly state: TenantState
  readonly signingAlgorithm: SigningAlgorithm
  readonly createdAtMs: number
}

/** What a member or an operator key may do; `credentials/roles.ts` has the table. */
export type Role = 'owner' | 'admin' | 'developer' | 'auditor' | 'viewer'

export interface MemberRecord {
  /** `mem_` + 20 of base 62. */
  readonly id: string
  readonly tenantId: string
  /** Lowercase; unique inside the tenant. */
  readonly email: string
  readonly name: string
  readonly role: Role
  readonly createdAtMs: number
}
