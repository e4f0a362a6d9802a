/**
 * The tables of both kinds of database as Kysely sees them. Only types that every supported
 * database has: text, and integers below 2^53. A column `document` holds a whole record as JSON;
 * the columns beside it are those that are searched.
 */
import type { DirectoryEntry, NameKind } from '../../ports/records/directory.ts'
import type { IdempotencyRecord } from '../../ports/records/installation.ts'
import type { Role, SigningAlgorithm, TenantState } from '../../ports/records/tenant.ts'
import type { UseOutcome } from '../../ports/records/use.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'

export interface CredentialRow {
  readonly id: string
  readonly tenant_id: string | null
  readonly app_id: string | null
  readonly kind: string
  readonly revision: number
  readonly created_at_ms: number
  readonly document: string
}

export interface AuditLogRow {
  readonly tenant_id: string
  readonly seq: number
  readonly at_ms: number
  readonly entry: string
  readonly hash: string
  readonly seal: string
}

export interface AuditHeadRow {
  readonly tenant_id: string
  readonly seq: number
  readonly hash: string
  readonly seal: string
}

export interface UseRow {
  readonly version_id: string
  readonly outcome: UseOutcome
  readonly protocol: string
  readonly ip: string
  readonly agent: string
  readonly credential_id: string
  readonly count: number
  readonly first_at_ms: number
  readonly last_at_ms: number
}

/** In both kinds of database. */
export interface SharedTables {
  credentials: CredentialRow
  audit: AuditLogRow
  audit_heads: AuditHeadRow
  uses: UseRow
}

export interface TenantRow {
  readonly id: string
  readonly short_id: string
  readonly name: string
  readonly state: TenantState
  readonly created_at_ms: number
  readonly signing_algorithm: SigningAlgorithm
}

export interface MemberRow {
  readonly id: string
  readonly tenant_id: string
  readonly email: string
  readonly name: string
  readonly role: Role
  readonly created_at_ms: number
}

export interface PlanRow {
  /** The tenant id, or empty for plans of the installation: a key column is never null. */
  readonly owner: string
  readonly name: string
  readonly tenant_id: string | null
  readonly created_at_ms: number
  readonly document: string
}

export interface NameRow {
  readonly kind: NameKind
  readonly value: string
  readonly tenant_id: string
  readonly app_id: string
  readonly region: string
  readonly state: DirectoryEntry['state']
  readonly created_at_ms: number
}

export interface InstallationKeyRow {
  readonly name: string
  readonly sealed: string
  readonly created_at_ms: number
}

export interface CheckpointRow {
  readonly tenant_id: string
  readonly seq: number
  readonly at_ms: number
  readonly body: string
  readonly signature: string
  readonly key_id: string
}

export interface WitnessedRow {
  readonly witness: string
  readonly tenant_id: string
  readonly seq: number
}

export interface IdempotencyRow {
  readonly id: string
  readonly request_hash: string
  readonly state: IdempotencyRecord['state']
  readonly status: number
  readonly sealed_answer: string
  readonly created_at_ms: number
}

/** A rule set or an integration. */
export interface TenantNameRow {
  readonly tenant_id: string
  readonly name: string
  readonly revision: number
  readonly document: string
}

export interface ControlTables extends SharedTables {
  tenants: TenantRow
  members: MemberRow
  plans: PlanRow
  names: NameRow
  installation_keys: InstallationKeyRow
  audit_checkpoints: CheckpointRow
  audit_witnessed: WitnessedRow
  idempotency: IdempotencyRow
  rule_sets: TenantNameRow
  integrations: TenantNameRow
}

/** One row: which region this file belongs to, so that files cannot be mixed up. */
export interface PlaceRow {
  readonly region: string
  readonly db_code: string
}

export interface AppRow {
  readonly id: string
  readonly tenant_id: string
  readonly created_at_ms: number
  readonly document: string
}

export interface FamilyRow {
  readonly id: string
  readonly tenant_id: string
  readonly app_id: string
  readonly client_id: string
  readonly version_id: string
  readonly scope: string
  readonly generation: number
  readonly rotated_at_ms: number
  readonly expires_at_ms: number
  readonly ends_at_ms: number | null
  readonly revoked_at_ms: number | null
  readonly created_at_ms: number
}

export interface RevocationRow {
  readonly reliance: string
  readonly tenant_id: string
  readonly at_ms: number
  readonly until_ms: number
}

export interface WebhookEndpointRow {
  readonly id: string
  readonly app_id: string
  readonly name: string
  readonly revision: number
  readonly created_at_ms: number
  readonly document: string
}

export interface DeliveryRow {
  readonly id: string
  readonly app_id: string
  readonly endpoint_id: string
  readonly state: WebhookDeliveryRecord['state']
  readonly due_at_ms: number
  readonly created_at_ms: number
  readonly is_taken: 0 | 1
  readonly attempt_count: number
  readonly last_outcome: string | null
  /** Names, with a space between them. */
  readonly event_types: string
  readonly body: string
}

/** What changes in the life of a token has a column; `document` holds the rest of it. */
export interface ConnectionTokenRow {
  readonly id: string
  readonly app_id: string
  readonly user_email: string
  readonly integration: string | null
  readonly provider: string
  readonly generation: number
  readonly refreshed_at_ms: number | null
  readonly expires_at_ms: number
  readonly ends_at_ms: number
  readonly revoked_at_ms: number | null
  readonly replaced_at_ms: number | null
  /** A JSON list. */
  readonly client_ids: string
  readonly document: string
}

export interface RegionTables extends SharedTables {
  place: PlaceRow
  apps: AppRow
  refresh_families: FamilyRow
  revocations: RevocationRow
  webhook_endpoints: WebhookEndpointRow
  webhook_deliveries: DeliveryRow
  connection_tokens: ConnectionTokenRow
}
