/** One transaction of the control database over maps. */
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
  OPERATOR_ID_LENGTH,
} from '../../ports/store.ts'
import { keyOf, oldestFirst } from './records.ts'
import { RuleTransaction } from './rule-transaction.ts'

export class MemoryControlTransaction extends RuleTransaction implements ControlTransaction {
  findTenant(id: string): Promise<TenantRecord | undefined> {
    return this.run(() => structuredClone(this.records.tenants.get(id)))
  }

  listTenants(): Promise<readonly TenantRecord[]> {
    return this.run(() => oldestFirst(this.records.tenants.values(), ({ id }) => id))
  }

  saveTenant(tenant: TenantRecord): Promise<void> {
    return this.run(() => {
      for (const other of this.records.tenants.values()) {
        const isTaken = other.shortId === tenant.shortId && other.id !== tenant.id
        if (isTaken) this.fail('tenant_short_id')
      }
      this.records.tenants.set(tenant.id, structuredClone(tenant))
    })
  }

  listMembers(tenantId: string): Promise<readonly MemberRecord[]> {
    return this.run(() => {
      const members = [...this.records.members.values()]
      return oldestFirst(
        members.filter((member) => member.tenantId === tenantId),
        ({ id }) => id,
      )
    })
  }

  saveMember(member: MemberRecord): Promise<void> {
    return this.run(() => {
      if (!this.records.tenants.has(member.tenantId)) this.fail('unknown_parent')
      for (const other of this.records.members.values()) {
        const isSame = other.tenantId === member.tenantId && other.email === member.email
        if (isSame && other.id !== member.id) this.fail('member_email')
      }
      this.records.members.set(member.id, structuredClone(member))
    })
  }

  removeMember(id: string): Promise<void> {
    return this.run(() => void this.records.members.delete(id))
  }

  listPlans(): Promise<readonly PlanRecord[]> {
    return this.run(() =>
      [...this.records.plans]
        .sort(([, a], [, b]) => comparePlans(a, b))
        .map(([, plan]) => structuredClone(plan)),
    )
  }

  savePlan(plan: PlanRecord): Promise<void> {
    return this.run(() => {
      const { tenantId } = plan
      if (tenantId !== undefined && !this.records.tenants.has(tenantId)) this.fail('unknown_parent')
      this.records.plans.set(keyOf(tenantId ?? '', plan.name), structuredClone(plan))
    })
  }

  removePlan({ tenantId, name }: Pick<PlanRecord, 'tenantId' | 'name'>): Promise<void> {
    return this.run(() => void this.records.plans.delete(keyOf(tenantId ?? '', name)))
  }

  findName(kind: NameKind, value: string): Promise<DirectoryEntry | undefined> {
    return this.run(() => structuredClone(this.records.names.get(keyOf(kind, value))))
  }

  listNames(filter: {
    readonly appId?: string
    readonly state?: DirectoryEntry['state']
  }): Promise<readonly DirectoryEntry[]> {
    return this.run(() => {
      const found = [...this.records.names.values()].filter(
        (entry) =>
          (filter.appId === undefined || entry.appId === filter.appId) &&
          (filter.state === undefined || entry.state === filter.state),
      )
      return oldestFirst(found, ({ kind, value }) => keyOf(kind, value))
    })
  }

  reserveNames(entries: readonly DirectoryEntry[]): Promise<void> {
    return this.run(() => {
      for (const entry of entries) {
        const key = keyOf(entry.kind, entry.value)
        if (this.records.names.has(key)) this.fail(entry.kind)
        this.records.names.set(key, structuredClone(entry))
      }
    })
  }

  confirmNames(appId: string): Promise<void> {
    return this.run(() => {
      for (const [key, entry] of this.records.names) {
        if (entry.appId === appId) this.records.names.set(key, { ...entry, state: 'confirmed' })
      }
    })
  }

  releaseNames(names: readonly Pick<DirectoryEntry, 'kind' | 'value'>[]): Promise<void> {
    return this.run(() => {
      for (const { kind, value } of names) this.records.names.delete(keyOf(kind, value))
    })
  }

  listInstallationKeys(): Promise<readonly InstallationKeyRecord[]> {
    return this.run(() => oldestFirst(this.records.installationKeys.values(), ({ name }) => name))
  }

  saveInstallationKey(key: InstallationKeyRecord): Promise<void> {
    return this.run(() => void this.records.installationKeys.set(key.name, structuredClone(key)))
  }

  removeInstallationKey(name: string): Promise<void> {
    return this.run(() => void this.records.installationKeys.delete(name))
  }

  findCheckpoint(tenantId: string): Promise<AuditCheckpoint | undefined> {
    return this.run(() => structuredClone(this.#checkpoints(tenantId).at(-1)))
  }

  listCheckpointTenants(): Promise<readonly string[]> {
    return this.run(() => {
      const ids = [...this.records.checkpoints.values()].map(({ tenantId }) => tenantId)
      return [...new Set(ids)].sort()
    })
  }

  listCheckpoints(page: AuditPageQuery): Promise<readonly AuditCheckpoint[]> {
    return this.run(() => {
      const after = this.#checkpoints(page.tenantId).filter(({ seq }) => seq > page.afterSeq)
      return structuredClone(after.slice(0, page.countMax))
    })
  }

  appendCheckpoint(checkpoint: AuditCheckpoint): Promise<void> {
    return this.run(() => {
      const key = keyOf(checkpoint.tenantId, checkpoint.seq)
      if (this.records.checkpoints.has(key)) throw new Conflict('stale_revision')
      this.records.checkpoints.set(key, structuredClone(checkpoint))
    })
  }

  listWitnessed(witness: string): Promise<readonly WitnessedRecord[]> {
    return this.run(() =>
      [...this.records.witnessed.values()]
        .filter((each) => each.witness === witness)
        .sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
        .map((each) => structuredClone(each)),
    )
  }

  saveWitnessed(record: WitnessedRecord): Promise<void> {
    const key = keyOf(record.witness, record.tenantId)
    return this.run(() => void this.records.witnessed.set(key, structuredClone(record)))
  }

  findIdempotency(id: string): Promise<IdempotencyRecord | undefined> {
    return this.run(() => structuredClone(this.records.idempotency.get(id)))
  }

  saveIdempotency(record: IdempotencyRecord): Promise<void> {
    return this.run(() => void this.records.idempotency.set(record.id, structuredClone(record)))
  }

  listIdempotency(): Promise<readonly IdempotencyRecord[]> {
    return this.run(() => oldestFirst(this.records.idempotency.values(), ({ id }) => id))
  }

  removeIdempotency(id: string): Promise<void> {
    return this.run(() => void this.records.idempotency.delete(id))
  }

  sweepIdempotency({ beforeMs, countMax }: IdempotencyBounds): Promise<void> {
    return this.run(() => {
      const newestFirst = oldestFirst(this.records.idempotency.values(), ({ id }) => id).reverse()
      const counts = new Map<string, number>()
      for (const { id, createdAtMs } of newestFirst) {
        const operator = id.slice(0, OPERATOR_ID_LENGTH)
        const count = counts.get(operator) ?? 0
        if (createdAtMs < beforeMs || count >= countMax) this.records.idempotency.delete(id)
        else counts.set(operator, count + 1)
      }
    })
  }

  #checkpoints(tenantId: string): AuditCheckpoint[] {
    return [...this.records.checkpoints.values()]
      .filter((each) => each.tenantId === tenantId)
      .sort((a, b) => a.seq - b.seq)
  }
}

/** The installation's first, then by tenant and name. */
function comparePlans(a: PlanRecord, b: PlanRecord): number {
  const [first, second] = [a.tenantId ?? '', b.tenantId ?? '']
  if (first !== second) return first < second ? -1 : 1
  return a.name < b.name ? -1 : 1
}
