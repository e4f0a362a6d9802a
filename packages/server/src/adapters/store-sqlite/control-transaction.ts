/** The reads and writes of one transaction of the control database. */
import type { AuditCheckpoint, WitnessedRecord } from '../../ports/records/audit.ts'
import type { DirectoryEntry, NameKind } from '../../ports/records/directory.ts'
import type { IdempotencyRecord, InstallationKeyRecord } from '../../ports/records/installation.ts'
import type { PlanRecord } from '../../ports/records/plan.ts'
import type { MemberRecord, TenantRecord } from '../../ports/records/tenant.ts'
import {
  type AuditPageQuery,
  Conflict,
  type ControlTransaction,
  type IdempotencyBounds,
} from '../../ports/store.ts'
import {
  checkpointOf,
  idempotencyOf,
  installationKeyOf,
  memberOf,
  nameOf,
  ownerOf,
  planOf,
  rowOfCheckpoint,
  rowOfIdempotency,
  rowOfInstallationKey,
  rowOfMember,
  rowOfName,
  rowOfPlan,
  rowOfTenant,
  tenantOf,
} from './control-rows.ts'
import { idempotencySweep } from './idempotency-queries.ts'
import { control } from './queries.ts'
import { RuleTransaction } from './rule-transaction.ts'

export class SqlControlTransaction extends RuleTransaction implements ControlTransaction {
  findTenant(id: string): Promise<TenantRecord | undefined> {
    return this.calls.run(async () => {
      const query = control.selectFrom('tenants').selectAll().where('id', '=', id)
      const [row] = await this.calls.read(query.compile())
      return row && tenantOf(row)
    })
  }

  listTenants(): Promise<readonly TenantRecord[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('tenants').selectAll()
      const rows = await this.calls.read(query.orderBy('created_at_ms').orderBy('id').compile())
      return rows.map(tenantOf)
    })
  }

  saveTenant(tenant: TenantRecord): Promise<void> {
    return this.calls.run(async () => {
      const { id, ...values } = rowOfTenant(tenant)
      const query = control
        .insertInto('tenants')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      await this.calls.change([query.compile()])
    })
  }

  listMembers(tenantId: string): Promise<readonly MemberRecord[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('members').selectAll().where('tenant_id', '=', tenantId)
      const rows = await this.calls.read(query.orderBy('created_at_ms').orderBy('id').compile())
      return rows.map(memberOf)
    })
  }

  saveMember(member: MemberRecord): Promise<void> {
    return this.calls.run(async () => {
      const { id, ...values } = rowOfMember(member)
      const query = control
        .insertInto('members')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      await this.calls.change([query.compile()])
    })
  }

  removeMember(id: string): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([control.deleteFrom('members').where('id', '=', id).compile()])
    })
  }

  listPlans(): Promise<readonly PlanRecord[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('plans').selectAll().orderBy('owner').orderBy('name')
      return (await this.calls.read(query.compile())).map(planOf)
    })
  }

  savePlan(plan: PlanRecord): Promise<void> {
    return this.calls.run(async () => {
      const { owner, name, ...values } = rowOfPlan(plan)
      const query = control
        .insertInto('plans')
        .values({ owner, name, ...values })
        .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet(values))
      await this.calls.change([query.compile()])
    })
  }

  removePlan(plan: Pick<PlanRecord, 'tenantId' | 'name'>): Promise<void> {
    return this.calls.run(async () => {
      const query = control
        .deleteFrom('plans')
        .where('owner', '=', ownerOf(plan))
        .where('name', '=', plan.name)
      await this.calls.change([query.compile()])
    })
  }

  findName(kind: NameKind, value: string): Promise<DirectoryEntry | undefined> {
    return this.calls.run(async () => {
      const query = control
        .selectFrom('names')
        .selectAll()
        .where('kind', '=', kind)
        .where('value', '=', value)
      const [row] = await this.calls.read(query.compile())
      return row && nameOf(row)
    })
  }

  listNames(filter: {
    readonly appId?: string
    readonly state?: DirectoryEntry['state']
  }): Promise<readonly DirectoryEntry[]> {
    return this.calls.run(async () => {
      let query = control.selectFrom('names').selectAll()
      if (filter.appId !== undefined) query = query.where('app_id', '=', filter.appId)
      if (filter.state !== undefined) query = query.where('state', '=', filter.state)
      const ordered = query.orderBy('created_at_ms').orderBy('kind').orderBy('value')
      return (await this.calls.read(ordered.compile())).map(nameOf)
    })
  }

  reserveNames(entries: readonly DirectoryEntry[]): Promise<void> {
    return this.calls.run(async () => {
      const queries = entries.map((entry) =>
        control
          .insertInto('names')
          .values(rowOfName(entry))
          .onConflict((conflict) => conflict.columns(['kind', 'value']).doNothing())
          .compile(),
      )
      const changeCounts = await this.calls.change(queries)
      const taken = entries.find((_, index) => changeCounts[index] !== 1)
      if (taken !== undefined) throw new Conflict(taken.kind)
    })
  }

  confirmNames(appId: string): Promise<void> {
    return this.calls.run(async () => {
      const query = control
        .updateTable('names')
        .set({ state: 'confirmed' })
        .where('app_id', '=', appId)
      await this.calls.change([query.compile()])
    })
  }

  releaseNames(names: readonly Pick<DirectoryEntry, 'kind' | 'value'>[]): Promise<void> {
    return this.calls.run(async () => {
      const queries = names.map(({ kind, value }) =>
        control.deleteFrom('names').where('kind', '=', kind).where('value', '=', value).compile(),
      )
      await this.calls.change(queries)
    })
  }

  listInstallationKeys(): Promise<readonly InstallationKeyRecord[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('installation_keys').selectAll()
      const rows = await this.calls.read(query.orderBy('created_at_ms').orderBy('name').compile())
      return rows.map(installationKeyOf)
    })
  }

  saveInstallationKey(key: InstallationKeyRecord): Promise<void> {
    return this.calls.run(async () => {
      const { name, ...values } = rowOfInstallationKey(key)
      const query = control
        .insertInto('installation_keys')
        .values({ name, ...values })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      await this.calls.change([query.compile()])
    })
  }

  removeInstallationKey(name: string): Promise<void> {
    const query = control.deleteFrom('installation_keys').where('name', '=', name).compile()
    return this.calls.run(async () => void (await this.calls.change([query])))
  }

  findCheckpoint(tenantId: string): Promise<AuditCheckpoint | undefined> {
    return this.calls.run(async () => {
      const query = control
        .selectFrom('audit_checkpoints')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('seq', 'desc')
        .limit(1)
      const [row] = await this.calls.read(query.compile())
      return row && checkpointOf(row)
    })
  }

  listCheckpointTenants(): Promise<readonly string[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('audit_checkpoints').select('tenant_id').distinct()
      const rows = await this.calls.read(query.orderBy('tenant_id').compile())
      return rows.map(({ tenant_id: tenantId }) => tenantId)
    })
  }

  listCheckpoints(page: AuditPageQuery): Promise<readonly AuditCheckpoint[]> {
    return this.calls.run(async () => {
      const query = control
        .selectFrom('audit_checkpoints')
        .selectAll()
        .where('tenant_id', '=', page.tenantId)
        .where('seq', '>', page.afterSeq)
        .orderBy('seq')
        .limit(page.countMax)
      return (await this.calls.read(query.compile())).map(checkpointOf)
    })
  }

  appendCheckpoint(checkpoint: AuditCheckpoint): Promise<void> {
    return this.calls.run(async () => {
      const query = control
        .insertInto('audit_checkpoints')
        .values(rowOfCheckpoint(checkpoint))
        .onConflict((conflict) => conflict.columns(['tenant_id', 'seq']).doNothing())
      const [changeCount] = await this.calls.change([query.compile()])
      if (changeCount !== 1) throw new Conflict('stale_revision')
    })
  }

  listWitnessed(witness: string): Promise<readonly WitnessedRecord[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('audit_witnessed').selectAll().where('witness', '=', witness)
      const rows = await this.calls.read(query.orderBy('tenant_id').compile())
      return rows.map(({ tenant_id: tenantId, seq }) => ({ witness, tenantId, seq }))
    })
  }

  saveWitnessed({ witness, tenantId, seq }: WitnessedRecord): Promise<void> {
    return this.calls.run(async () => {
      const query = control
        .insertInto('audit_witnessed')
        .values({ witness, tenant_id: tenantId, seq })
        .onConflict((conflict) => conflict.columns(['witness', 'tenant_id']).doUpdateSet({ seq }))
      await this.calls.change([query.compile()])
    })
  }

  findIdempotency(id: string): Promise<IdempotencyRecord | undefined> {
    return this.calls.run(async () => {
      const query = control.selectFrom('idempotency').selectAll().where('id', '=', id)
      const [row] = await this.calls.read(query.compile())
      return row && idempotencyOf(row)
    })
  }

  saveIdempotency(record: IdempotencyRecord): Promise<void> {
    return this.calls.run(async () => {
      const { id, ...values } = rowOfIdempotency(record)
      const query = control
        .insertInto('idempotency')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      await this.calls.change([query.compile()])
    })
  }

  listIdempotency(): Promise<readonly IdempotencyRecord[]> {
    return this.calls.run(async () => {
      const query = control.selectFrom('idempotency').selectAll()
      const rows = await this.calls.read(query.orderBy('created_at_ms').orderBy('id').compile())
      return rows.map(idempotencyOf)
    })
  }

  removeIdempotency(id: string): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([control.deleteFrom('idempotency').where('id', '=', id).compile()])
    })
  }

  sweepIdempotency(bounds: IdempotencyBounds): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change(idempotencySweep(bounds))
    })
  }
}
