/** Rule sets and integrations of one transaction of the control database over maps. */
import type { IntegrationRecord, RuleSetRecord } from '../../ports/records/rule-set.ts'
import type { RuleRecords, TenantName } from '../../ports/rule-records.ts'
import type { ConflictRule } from '../../ports/store.ts'
import { type ControlRecords, keyOf } from './records.ts'
import { SharedTransaction } from './shared-transaction.ts'

type Filter = { readonly tenantId: string } | undefined

interface Revised extends TenantName {
  readonly revision: number
}

export class RuleTransaction extends SharedTransaction<ControlRecords> implements RuleRecords {
  findRuleSet(key: TenantName): Promise<RuleSetRecord | undefined> {
    return this.run(() => find(this.records.ruleSets, key))
  }

  listRuleSets(filter?: Filter): Promise<readonly RuleSetRecord[]> {
    return this.run(() => list(this.records.ruleSets, filter))
  }

  saveRuleSet(ruleSet: RuleSetRecord): Promise<void> {
    return this.run(() => this.#save(this.records.ruleSets, ruleSet, 'rule_set_name'))
  }

  removeRuleSet({ tenantId, name }: TenantName): Promise<void> {
    return this.run(() => void this.records.ruleSets.delete(keyOf(tenantId, name)))
  }

  findIntegration(key: TenantName): Promise<IntegrationRecord | undefined> {
    return this.run(() => find(this.records.integrations, key))
  }

  listIntegrations(filter?: Filter): Promise<readonly IntegrationRecord[]> {
    return this.run(() => list(this.records.integrations, filter))
  }

  saveIntegration(integration: IntegrationRecord): Promise<void> {
    return this.run(() => this.#save(this.records.integrations, integration, 'integration_name'))
  }

  removeIntegration({ tenantId, name }: TenantName): Promise<void> {
    return this.run(() => void this.records.integrations.delete(keyOf(tenantId, name)))
  }

  #save<T extends Revised>(records: Map<string, T>, record: T, taken: ConflictRule): void {
    const key = keyOf(record.tenantId, record.name)
    const before = records.get(key)
    if (before !== undefined && record.revision === 1) this.fail(taken)
    if ((before?.revision ?? 0) !== record.revision - 1) this.fail('stale_revision')
    if (!this.records.tenants.has(record.tenantId)) this.fail('unknown_parent')
    records.set(key, structuredClone(record))
  }
}

function find<T>(records: ReadonlyMap<string, T>, { tenantId, name }: TenantName): T | undefined {
  return structuredClone(records.get(keyOf(tenantId, name)))
}

function list<T extends TenantName>(records: ReadonlyMap<string, T>, filter: Filter): T[] {
  return [...records.values()]
    .filter(({ tenantId }) => filter === undefined || tenantId === filter.tenantId)
    .sort((a, b) => compare(a.tenantId, b.tenantId) || compare(a.name, b.name))
    .map((record) => structuredClone(record))
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
