/**
 * Rule sets and integrations of tenants: the part of the store's control transaction that is about
 * them. Lists come by tenant, then by name; without a filter they are those of every tenant.
 */
import type { IntegrationRecord, RuleSetRecord } from './records/rule-set.ts'

/** What a tenant gave a name of its own. */
export interface TenantName {
  readonly tenantId: string
  readonly name: string
}

export interface RuleRecords {
  findRuleSet(key: TenantName): Promise<RuleSetRecord | undefined>
  listRuleSets(filter?: { readonly tenantId: string }): Promise<readonly RuleSetRecord[]>
  /**
   * Inserts (`revision` 1) or replaces the row whose revision is one less.
   * @throws Conflict `rule_set_name` when a new one's name is taken; `stale_revision` when another
   * change came first, or there is none of this name; `unknown_parent` without its tenant.
   */
  saveRuleSet(ruleSet: RuleSetRecord): Promise<void>
  /** Removes the row; one that is not there is no error. What names it is left as it is. */
  removeRuleSet(key: TenantName): Promise<void>

  findIntegration(key: TenantName): Promise<IntegrationRecord | undefined>
  listIntegrations(filter?: { readonly tenantId: string }): Promise<readonly IntegrationRecord[]>
  /** Like {@link saveRuleSet}. @throws Conflict; `integration_name` where a name is taken. */
  saveIntegration(integration: IntegrationRecord): Promise<void>
  /** Removes the row; one that is not there is no error. Tokens that name it stay. */
  removeIntegration(key: TenantName): Promise<void>
}
