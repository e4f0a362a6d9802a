/**
 * Rule sets and integrations: what an organization lets its clients do on topics and channels. They
 * live in the control database, beside their tenant.
 */

export type RuleAction = 'publish' | 'subscribe' | 'presence' | 'history'

export interface RuleRecord {
  readonly effect: 'allow' | 'deny'
  /** At least one. */
  readonly actions: readonly RuleAction[]
  /** A topic filter, with placeholders such as `${user_id}` that stand for one level. */
  readonly filter: string
  /** `allow`: up to this; absent: any. */
  readonly qosMax?: 0 | 1 | 2
  /** Only messages whose retain flag is this; absent: both. */
  readonly retain?: boolean
  /** Only for user names that match: `*` stands for any characters; absent: everybody. */
  readonly users?: readonly string[]
}

export interface RuleSetRecord {
  readonly tenantId: string
  /** Unique inside the tenant; `default` is the organization's. */
  readonly name: string
  /** The first that matches decides; none does: denied. */
  readonly rules: readonly RuleRecord[]
  /** 1 at creation; a save names the one it read. */
  readonly revision: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** Whose signed tokens an integration exchanges. */
export interface ProviderRecord {
  readonly type: 'supabase' | 'firebase' | 'auth0' | 'clerk' | 'oidc'
  /** Compared as a whole. */
  readonly issuer: string
  /** Undefined where `jwtSecret` verifies. */
  readonly jwksUrl: string | undefined
  /** Name of a JWT secret of the app, for projects that still sign with a shared one (HS256). */
  readonly jwtSecret: string | undefined
  /** One of these has to be in `aud`; none: not checked. */
  readonly audience: readonly string[]
  /** Allowed values of `azp`; none: not checked. */
  readonly authorizedParties: readonly string[]
  readonly requiredClaims: readonly string[]
  /** Where the identity stands. */
  readonly emailClaim: string
  readonly userIdClaim: string
  /** Whether a token ends with the one it was exchanged for. */
  readonly capToIdpExpiry: boolean
}

export interface IntegrationRecord {
  readonly tenantId: string
  /** What clients send as `integration_id`; unique inside the tenant. */
  readonly name: string
  /** Undefined: the organization's default app. */
  readonly appId: string | undefined
  /** Name of the rule set that narrows its tokens; undefined: none does. */
  readonly ruleSet: string | undefined
  readonly provider: ProviderRecord | undefined
  readonly isEnabled: boolean
  readonly revision: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}
