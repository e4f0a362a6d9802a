/**
 * Durable records, in two kinds of database: one control database, and one per region. Adapters:
 * memory (tests, throw-away servers) and SQLite; the same contract suite (`test/contract/store.ts`)
 * runs on each. Every method either resolves with the promised effect done and durable (it survives
 * power loss where the adapter is durable) or throws an `Outage`. No transaction spans databases.
 */
import type { ConnectionTokenRecords, ConnectionTokenSteps } from './connection-token-records.ts'
import type { DeliveryQueue, DeliveryRecords } from './delivery-queue.ts'
import type { HistoryStore } from './history-store.ts'
import type { AppRecord } from './records/app.ts'
import type { AuditCheckpoint, AuditHead, AuditRow, WitnessedRecord } from './records/audit.ts'
import type { CredentialRecord } from './records/credential.ts'
import type { DirectoryEntry, NameKind } from './records/directory.ts'
import type { IdempotencyRecord, InstallationKeyRecord } from './records/installation.ts'
import type { PlanRecord } from './records/plan.ts'
import type { FamilySelector, RefreshFamilyRecord } from './records/refresh-family.ts'
import type { RevocationRecord } from './records/revocation.ts'
import type { MemberRecord, TenantRecord } from './records/tenant.ts'
import type { UseRecord } from './records/use.ts'
import type { WebhookEndpointRecord } from './records/webhook.ts'
import type { DocumentStore } from './document-store.ts'
import type { RuleRecords } from './rule-records.ts'
import type { SessionStore } from './session-store.ts'

/*
 * Of every transaction: lists come oldest first, then by id, unless said otherwise. Each call is
 * awaited inside `work`; after a call failed, the transaction cannot commit any more.
 */

/** In both kinds of database. */
export interface CredentialRecords {
  findCredential(id: string): Promise<CredentialRecord | undefined>
  /** @param filter all fields given must match; none gives everything. */
  listCredentials(filter: {
    readonly tenantId?: string
    readonly appId?: string
  }): Promise<readonly CredentialRecord[]>
  /**
   * Inserts (`revision` 1) or replaces the row whose revision is one less.
   * @throws Conflict `stale_revision` when another change came first, or the id is taken.
   */
  saveCredential(credential: CredentialRecord): Promise<void>
  /** Removes the row; one that is not there is no error. */
  removeCredential(id: string): Promise<void>
}

/** In both kinds of database. */
export interface AuditRecords {
  findAuditHead(tenantId: string): Promise<AuditHead | undefined>
  /** By tenant id. */
  listAuditHeads(): Promise<readonly AuditHead[]>
  /**
   * Appends and moves the head, as one.
   * @param rows of one tenant, rising without gaps from the head's `seq`; at least one.
   * @throws Conflict `stale_revision` when the head is not the one before the first row.
   */
  appendAudit(rows: readonly AuditRow[], head: AuditHead): Promise<void>
  /** Rows after `afterSeq`, rising, at most `countMax`. */
  listAudit(page: AuditPageQuery): Promise<readonly AuditRow[]>
}

export interface AuditPageQuery {
  readonly tenantId: string
  readonly afterSeq: number
  readonly countMax: number
}

/** In both kinds of database: operator keys and tenants' keys are used too. */
export interface UseRecords {
  /** By version, then last use, newest first. */
  listUses(filter: { readonly credentialId: string }): Promise<readonly UseRecord[]>
}

export interface ControlTransaction
  extends CredentialRecords,
    AuditRecords,
    UseRecords,
    RuleRecords {
  findTenant(id: string): Promise<TenantRecord | undefined>
  listTenants(): Promise<readonly TenantRecord[]>
  /** Inserts or replaces by id. @throws Conflict `tenant_short_id`. */
  saveTenant(tenant: TenantRecord): Promise<void>
  listMembers(tenantId: string): Promise<readonly MemberRecord[]>
  /** Inserts or replaces by id. @throws Conflict `member_email`, `unknown_parent`. */
  saveMember(member: MemberRecord): Promise<void>
  removeMember(id: string): Promise<void>
  /** All plans; by tenant (the installation's first), then name. */
  listPlans(): Promise<readonly PlanRecord[]>
  /** Inserts or replaces by tenant and name. @throws Conflict `unknown_parent`. */
  savePlan(plan: PlanRecord): Promise<void>
  removePlan(plan: Pick<PlanRecord, 'tenantId' | 'name'>): Promise<void>

  findName(kind: NameKind, value: string): Promise<DirectoryEntry | undefined>
  /** @param filter all fields given must match. */
  listNames(filter: {
    readonly appId?: string
    readonly state?: DirectoryEntry['state']
  }): Promise<readonly DirectoryEntry[]>
  /** Takes names. @throws Conflict with the kind of the first that is taken, by any app. */
  reserveNames(entries: readonly DirectoryEntry[]): Promise<void>
  /** Turns every reserved name of an app into a confirmed one. */
  confirmNames(appId: string): Promise<void>
  /** Gives names back; those that are not there are no error. */
  releaseNames(names: readonly Pick<DirectoryEntry, 'kind' | 'value'>[]): Promise<void>

  listInstallationKeys(): Promise<readonly InstallationKeyRecord[]>
  /** Inserts or replaces by name. */
  saveInstallationKey(key: InstallationKeyRecord): Promise<void>
  /** Nothing where there is none. */
  removeInstallationKey(name: string): Promise<void>

  /** The last one. */
  findCheckpoint(tenantId: string): Promise<AuditCheckpoint | undefined>
  /** Every tenant that has one, sorted. */
  listCheckpointTenants(): Promise<readonly string[]>
  /** Those after `afterSeq`, rising, at most `countMax`. */
  listCheckpoints(page: AuditPageQuery): Promise<readonly AuditCheckpoint[]>
  /** @throws Conflict `stale_revision` when the tenant has one of this `seq`. */
  appendCheckpoint(checkpoint: AuditCheckpoint): Promise<void>

  /** By tenant. */
  listWitnessed(witness: string): Promise<readonly WitnessedRecord[]>
  /** Inserts or replaces by witness and tenant. */
  saveWitnessed(record: WitnessedRecord): Promise<void>

  findIdempotency(id: string): Promise<IdempotencyRecord | undefined>
  /** Inserts or replaces by id. */
  saveIdempotency(record: IdempotencyRecord): Promise<void>
  listIdempotency(): Promise<readonly IdempotencyRecord[]>
  /** Removes the record; one that is not there is no error. */
  removeIdempotency(id: string): Promise<void>
  /** Removes what was made before `beforeMs`, and of each operator the oldest beyond `countMax`. */
  sweepIdempotency(bounds: IdempotencyBounds): Promise<void>
}

/** What is kept of the answers to repeated calls. */
export interface IdempotencyBounds {
  readonly beforeMs: number
  /** Of one operator, so that none pushes out what others keep. */
  readonly countMax: number
}

/** A record of a repeated call begins with the credential id of its operator: `cred_` and 20. */
export const OPERATOR_ID_LENGTH = 25

export interface WebhookEndpointRecords {
  findWebhookEndpoint(id: string): Promise<WebhookEndpointRecord | undefined>
  /** @param filter none gives everything. */
  listWebhookEndpoints(filter?: {
    readonly appId?: string
  }): Promise<readonly WebhookEndpointRecord[]>
  /**
   * Inserts (`revision` 1) or replaces the row whose revision is one less.
   * @throws Conflict `stale_revision` when another change came first, or the id is taken;
   * `webhook_name` when another endpoint of the app has this name.
   */
  saveWebhookEndpoint(endpoint: WebhookEndpointRecord): Promise<void>
  /** Removes the row and its deliveries; one that is not there is no error. */
  removeWebhookEndpoint(id: string): Promise<void>
}

export interface RegionTransaction
  extends CredentialRecords,
    AuditRecords,
    UseRecords,
    WebhookEndpointRecords,
    DeliveryRecords,
    ConnectionTokenRecords {
  findApp(id: string): Promise<AppRecord | undefined>
  /** @param filter all fields given must match; none gives everything. */
  listApps(filter?: { readonly tenantId?: string }): Promise<readonly AppRecord[]>
  /** Inserts or replaces by id. */
  saveApp(app: AppRecord): Promise<void>
  /** Removes the app with all that hangs on it, deliveries and tokens too; its audit rows stay. */
  removeApp(id: string): Promise<void>

  findFamily(id: string): Promise<RefreshFamilyRecord | undefined>
  /** Of one app, ended ones too, by id and after `afterId`, at most `countMax`. */
  listFamilies(page: {
    readonly appId: string
    /** Empty: from the first. */
    readonly afterId: string
    readonly countMax: number
  }): Promise<readonly RefreshFamilyRecord[]>
  /** Revokes every family that is alive. @returns how many that were. */
  revokeFamilies(selector: FamilySelector, atMs: number): Promise<number>
  /** Removes families that ended before `beforeMs`. */
  sweepFamilies(beforeMs: number): Promise<void>

  /** Revocations that still matter after `nowMs`. */
  listRevocations(nowMs: number): Promise<readonly RevocationRecord[]>
  /** Inserts, or raises the times of the one of the same reliance. */
  saveRevocation(revocation: RevocationRecord): Promise<void>
  sweepRevocations(beforeMs: number): Promise<void>
}

export interface Database<T> {
  /** `control`, or the `dbCode` of the region. Lowercase letters, digits and `-`. */
  readonly code: string
  /**
   * Runs `work` atomically: all of its writes are durable when this resolves, none is visible when
   * it rejects. Transactions of one database run one at a time in call order, and those that wait
   * together may share one commit; nesting is a bug.
   * @throws Outage, Conflict, or whatever `work` throws (after the rollback).
   */
  transaction<R>(work: (transaction: T) => Promise<R>): Promise<R>
  /**
   * Adds counts: one row per version, outcome, protocol, address and agent, at most
   * {@link USE_SOURCE_COUNT_MAX} per version; beyond that the address is `*` and the agent empty.
   */
  addUses(uses: readonly UseRecord[]): Promise<void>
}

export type ControlDatabase = Database<ControlTransaction>

export interface FamilyStep {
  readonly id: string
  /** The one that must still be good. */
  readonly generation: number
  readonly nowMs: number
  readonly expiresAtMs: number
}

/**
 * A region's database. The methods beside `transaction` are single steps for the hot path: many
 * callers share one commit.
 */
export interface RegionDatabase
  extends Database<RegionTransaction>,
    DeliveryQueue,
    ConnectionTokenSteps {
  /** The region this database belongs to. */
  readonly region: string
  /** What outlives MQTT connections; written apart from everything else. */
  readonly sessions: SessionStore
  /** Messages of channels that are kept; written apart from everything else too. */
  readonly history: HistoryStore
  /** What is kept of documents; written apart from everything else. */
  readonly documents: DocumentStore
  /** Inserts; durable when it resolves. @throws Conflict `stale_revision` when the id is taken. */
  startFamily(family: RefreshFamilyRecord): Promise<void>
  /**
   * Moves a family on by one generation (`generation + 1`, `rotatedAtMs = nowMs`, `expiresAtMs`)
   * if the named generation is still good, it is not revoked, and `nowMs` is before its expiry and
   * end. Of any number of concurrent steps of one generation exactly one advances.
   * @returns the family as it is afterwards; undefined when there is none of this id.
   */
  advanceFamily(
    step: FamilyStep,
  ): Promise<{ readonly isAdvanced: boolean; readonly family: RefreshFamilyRecord | undefined }>
}

/** Our bound on how finely the users of one version are told apart. */
export const USE_SOURCE_COUNT_MAX = 200

export type ConflictRule =
  | NameKind
  | 'tenant_short_id'
  | 'member_email'
  | 'stale_revision'
  | 'webhook_name'
  | 'rule_set_name'
  | 'integration_name'
  | 'unknown_parent'

/** A uniqueness rule would break, or a parent is missing; the transaction is rolled back. */
export class Conflict extends Error {
  override readonly name = 'Conflict'
  readonly rule: ConflictRule
  constructor(rule: ConflictRule) {
    super(`store conflict: ${rule}`)
    this.rule = rule
  }
}

/** A region and the code of its database. */
export interface RegionPlace {
  readonly region: string
  readonly dbCode: string
}

export interface Store {
  readonly control: ControlDatabase
  /** By region code; at least one. */
  readonly regions: ReadonlyMap<string, RegionDatabase>
  /** Resolves when every database answers. @throws Outage otherwise. */
  ping(): Promise<void>
  /** Waits for what runs, then closes. Idempotent. */
  close(): Promise<void>
}
