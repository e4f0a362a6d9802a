/** What a memory database holds: plain maps, replaced as a whole by each commit. */
import type { NewDelivery } from '../../ports/delivery-queue.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import type {
  AuditCheckpoint,
  AuditHead,
  AuditRow,
  WitnessedRecord,
} from '../../ports/records/audit.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { DirectoryEntry } from '../../ports/records/directory.ts'
import type { IdempotencyRecord, InstallationKeyRecord } from '../../ports/records/installation.ts'
import type { PlanRecord } from '../../ports/records/plan.ts'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { RevocationRecord } from '../../ports/records/revocation.ts'
import type { IntegrationRecord, RuleSetRecord } from '../../ports/records/rule-set.ts'
import type { MemberRecord, TenantRecord } from '../../ports/records/tenant.ts'
import type { UseRecord } from '../../ports/records/use.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'

export interface SharedRecords {
  credentials: Map<string, CredentialRecord>
  heads: Map<string, AuditHead>
  /** By tenant. Rows are never changed, so lists may share them. */
  audit: Map<string, readonly AuditRow[]>
  /** By version, outcome and source. */
  uses: Map<string, UseRecord>
}

export interface ControlRecords extends SharedRecords {
  tenants: Map<string, TenantRecord>
  members: Map<string, MemberRecord>
  plans: Map<string, PlanRecord>
  names: Map<string, DirectoryEntry>
  installationKeys: Map<string, InstallationKeyRecord>
  checkpoints: Map<string, AuditCheckpoint>
  witnessed: Map<string, WitnessedRecord>
  idempotency: Map<string, IdempotencyRecord>
  /** By tenant and name. */
  ruleSets: Map<string, RuleSetRecord>
  /** By tenant and name. */
  integrations: Map<string, IntegrationRecord>
}

export interface RegionRecords extends SharedRecords {
  apps: Map<string, AppRecord>
  families: Map<string, RefreshFamilyRecord>
  revocations: Map<string, RevocationRecord>
  webhookEndpoints: Map<string, WebhookEndpointRecord>
  deliveries: Map<string, NewDelivery>
  connectionTokens: Map<string, ConnectionTokenRecord>
}

export function emptyShared(): SharedRecords {
  return { credentials: new Map(), heads: new Map(), audit: new Map(), uses: new Map() }
}

export function emptyControl(): ControlRecords {
  return {
    ...emptyShared(),
    tenants: new Map(),
    members: new Map(),
    plans: new Map(),
    names: new Map(),
    installationKeys: new Map(),
    checkpoints: new Map(),
    witnessed: new Map(),
    idempotency: new Map(),
    ruleSets: new Map(),
    integrations: new Map(),
  }
}

export function emptyRegion(): RegionRecords {
  return {
    ...emptyShared(),
    apps: new Map(),
    families: new Map(),
    revocations: new Map(),
    webhookEndpoints: new Map(),
    deliveries: new Map(),
    connectionTokens: new Map(),
  }
}

/** @returns maps of their own with the same records. */
export function copyOf<R extends object>(records: R): R {
  const maps = Object.entries(records) as [string, ReadonlyMap<unknown, unknown>][]
  const copies = maps.map(([name, map]) => [name, new Map(map)])
  return Object.fromEntries(copies) as R
}

/** A key of several parts that cannot run into each other. */
export function keyOf(...parts: readonly (string | number)[]): string {
  return JSON.stringify(parts)
}

/** The order every store lists in: creation time, then id. @returns copies. */
export function oldestFirst<T extends { readonly createdAtMs: number }>(
  records: Iterable<T>,
  idOf: (record: T) => string,
): T[] {
  return [...records]
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (idOf(a) < idOf(b) ? -1 : 1))
    .map((record) => structuredClone(record))
}
