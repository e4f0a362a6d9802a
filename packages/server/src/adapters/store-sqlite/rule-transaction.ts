/** Rule sets and integrations in one transaction of the control database. */
import type { CompiledQuery } from 'kysely'
import type { IntegrationRecord, RuleSetRecord } from '../../ports/records/rule-set.ts'
import type { RuleRecords, TenantName } from '../../ports/rule-records.ts'
import { Conflict, type ConflictRule } from '../../ports/store.ts'
import { control } from './queries.ts'
import { SharedTransaction } from './shared-transaction.ts'

type Table = 'rule_sets' | 'integrations'
type Filter = { readonly tenantId: string } | undefined

interface Revised extends TenantName {
  readonly revision: number
}

const TAKEN = {
  rule_sets: 'rule_set_name',
  integrations: 'integration_name',
} as const satisfies Record<Table, ConflictRule>

export class RuleTransaction extends SharedTransaction implements RuleRecords {
  findRuleSet(key: TenantName): Promise<RuleSetRecord | undefined> {
    return this.#find('rule_sets', key)
  }

  listRuleSets(filter?: Filter): Promise<readonly RuleSetRecord[]> {
    return this.#list('rule_sets', filter)
  }

  saveRuleSet(ruleSet: RuleSetRecord): Promise<void> {
    return this.#save('rule_sets', ruleSet)
  }

  removeRuleSet(key: TenantName): Promise<void> {
    return this.#remove('rule_sets', key)
  }

  findIntegration(key: TenantName): Promise<IntegrationRecord | undefined> {
    return this.#find('integrations', key)
  }

  listIntegrations(filter?: Filter): Promise<readonly IntegrationRecord[]> {
    return this.#list('integrations', filter)
  }

  saveIntegration(integration: IntegrationRecord): Promise<void> {
    return this.#save('integrations', integration)
  }

  removeIntegration(key: TenantName): Promise<void> {
    return this.#remove('integrations', key)
  }

  /** @typeParam T what the table holds: only {@link #save} writes its documents. */
  #find<T>(table: Table, { tenantId, name }: TenantName): Promise<T | undefined> {
    return this.calls.run(async () => {
      const query = control.selectFrom(table).select('document')
      const named = query.where('tenant_id', '=', tenantId).where('name', '=', name)
      const [row] = await this.calls.read(named.compile())
      return row && (JSON.parse(row.document) as T)
    })
  }

  #list<T>(table: Table, filter: Filter): Promise<readonly T[]> {
    return this.calls.run(async () => {
      let query = control.selectFrom(table).select('document')
      if (filter !== undefined) query = query.where('tenant_id', '=', filter.tenantId)
      const rows = await this.calls.read(query.orderBy('tenant_id').orderBy('name').compile())
      return rows.map(({ document }) => JSON.parse(document) as T)
    })
  }

  #save(table: Table, record: Revised): Promise<void> {
    return this.calls.run(async () => {
      const isNew = record.revision === 1
      const query = isNew ? insert(table, record) : replace(table, record)
      const [changeCount] = await this.calls.change([query])
      if (changeCount !== 1) throw new Conflict(isNew ? TAKEN[table] : 'stale_revision')
    })
  }

  #remove(table: Table, { tenantId, name }: TenantName): Promise<void> {
    return this.calls.run(async () => {
      const query = control.deleteFrom(table).where('tenant_id', '=', tenantId)
      await this.calls.change([query.where('name', '=', name).compile()])
    })
  }
}

/** Changes no row where the name is taken. */
function insert(table: Table, record: Revised): CompiledQuery {
  const { tenantId, name, revision } = record
  return control
    .insertInto(table)
    .values({ tenant_id: tenantId, name, revision, document: JSON.stringify(record) })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doNothing())
    .compile()
}

/** Changes no row where the revision is not the one before. */
function replace(table: Table, record: Revised): CompiledQuery {
  const { tenantId, name, revision } = record
  return control
    .updateTable(table)
    .set({ revision, document: JSON.stringify(record) })
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .where('revision', '=', revision - 1)
    .compile()
}
