/** Rule sets and integrations as `tenants[]` declares them, defaults applied. Values only. */
import type { ProviderRecord, RuleRecord } from '../ports/records/rule-set.ts'

export interface RuleSetDeclaration {
  /** Unique inside the tenant. */
  readonly name: string
  readonly rules: readonly RuleRecord[]
}

export interface IntegrationDeclaration {
  /** Unique inside the tenant. */
  readonly name: string
  readonly app: string | undefined
  readonly ruleSet: string | undefined
  /** `none`: only the rule set counts. */
  readonly provider: ProviderRecord['type'] | 'none'
  readonly project: string | undefined
  readonly issuer: string | undefined
  readonly jwksUrl: string | undefined
  /** The name of one. */
  readonly jwtSecret: string | undefined
  readonly audience: readonly string[] | undefined
  readonly authorizedParties: readonly string[] | undefined
  readonly requiredClaims: readonly string[] | undefined
  readonly emailClaim: string | undefined
  readonly userIdClaim: string | undefined
  readonly capToIdpExpiry: boolean
}
