/** Records of the control database as rows, and back. Pure. */
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import type { DirectoryEntry } from '../../ports/records/directory.ts'
import type { IdempotencyRecord, InstallationKeyRecord } from '../../ports/records/installation.ts'
import type { PlanRecord } from '../../ports/records/plan.ts'
import type { MemberRecord, TenantRecord } from '../../ports/records/tenant.ts'
import type {
  CheckpointRow,
  IdempotencyRow,
  InstallationKeyRow,
  MemberRow,
  NameRow,
  PlanRow,
  TenantRow,
} from './schema.ts'

export function tenantOf(row: TenantRow): TenantRecord {
  const { id, short_id: shortId, name, state } = row
  const { signing_algorithm: signingAlgorithm, created_at_ms: createdAtMs } = row
  return { id, shortId, name, state, signingAlgorithm, createdAtMs }
}

export function rowOfTenant(tenant: TenantRecord): TenantRow {
  const { id, shortId, name, state, signingAlgorithm, createdAtMs } = tenant
  return {
    id,
    short_id: shortId,
    name,
    state,
    signing_algorithm: signingAlgorithm,
    created_at_ms: createdAtMs,
  }
}

export function memberOf(row: MemberRow): MemberRecord {
  const { id, tenant_id: tenantId, email, name, role, created_at_ms: createdAtMs } = row
  return { id, tenantId, email, name, role, createdAtMs }
}

export function rowOfMember(member: MemberRecord): MemberRow {
  const { id, tenantId, email, name, role, createdAtMs } = member
  return { id, tenant_id: tenantId, email, name, role, created_at_ms: createdAtMs }
}

export function ownerOf({ tenantId }: Pick<PlanRecord, 'tenantId'>): string {
  return tenantId ?? ''
}

/** Only {@link rowOfPlan} writes this column. */
export function planOf({ document }: PlanRow): PlanRecord {
  return JSON.parse(document) as PlanRecord
}

export function rowOfPlan(plan: PlanRecord): PlanRow {
  return {
    owner: ownerOf(plan),
    name: plan.name,
    tenant_id: plan.tenantId ?? null,
    created_at_ms: plan.createdAtMs,
    document: JSON.stringify(plan),
  }
}

export function nameOf(row: NameRow): DirectoryEntry {
  const { kind, value, tenant_id: tenantId, app_id: appId, region, state } = row
  return { kind, value, tenantId, appId, region, state, createdAtMs: row.created_at_ms }
}

export function rowOfName(entry: DirectoryEntry): NameRow {
  const { kind, value, tenantId, appId, region, state, createdAtMs } = entry
  return {
    kind,
    value,
    tenant_id: tenantId,
    app_id: appId,
    region,
    state,
    created_at_ms: createdAtMs,
  }
}

export function installationKeyOf(row: InstallationKeyRow): InstallationKeyRecord {
  const { name, sealed, created_at_ms: createdAtMs } = row
  return { name, sealed, createdAtMs }
}

export function rowOfInstallationKey(key: InstallationKeyRecord): InstallationKeyRow {
  const { name, sealed, createdAtMs } = key
  return { name, sealed, created_at_ms: createdAtMs }
}

export function checkpointOf(row: CheckpointRow): AuditCheckpoint {
  const { tenant_id: tenantId, seq, at_ms: atMs, body, signature, key_id: keyId } = row
  return { tenantId, seq, atMs, body, signature, keyId }
}

export function rowOfCheckpoint(checkpoint: AuditCheckpoint): CheckpointRow {
  const { tenantId, seq, atMs, body, signature, keyId } = checkpoint
  return { tenant_id: tenantId, seq, at_ms: atMs, body, signature, key_id: keyId }
}

export function idempotencyOf(row: IdempotencyRow): IdempotencyRecord {
  const { id, request_hash: requestHash, state, status } = row
  const { sealed_answer: sealedAnswer, created_at_ms: createdAtMs } = row
  return { id, requestHash, state, status, sealedAnswer, createdAtMs }
}

export function rowOfIdempotency(record: IdempotencyRecord): IdempotencyRow {
  const { id, requestHash, state, status, sealedAnswer, createdAtMs } = record
  return {
    id,
    request_hash: requestHash,
    state,
    status,
    sealed_answer: sealedAnswer,
    created_at_ms: createdAtMs,
  }
}
