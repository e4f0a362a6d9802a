/** What the administration is given. */
import type { Guard } from '../../core/limits/guard.ts'
import type { Source } from '../../core/source.ts'
import type { AppChanges } from '../../credentials/administration/app-changes.ts'
import type { CredentialChanges } from '../../credentials/administration/credential-changes.ts'
import type { DeliveryChanges } from '../../credentials/administration/delivery-changes.ts'
import type { Deliveries } from '../../credentials/administration/deliveries.ts'
import type { DocumentChanges } from '../../credentials/administration/document-changes.ts'
import type { HistoryChanges } from '../../credentials/administration/history-changes.ts'
import type { MasterKeyChanges } from '../../credentials/administration/master-key-changes.ts'
import type { IntegrationChanges } from '../../credentials/administration/integration-changes.ts'
import type { MemberChanges } from '../../credentials/administration/member-changes.ts'
import type { OperatorChanges } from '../../credentials/administration/operator-changes.ts'
import type { PlanChanges } from '../../credentials/administration/plan-changes.ts'
import type { UseReport } from '../../credentials/administration/readiness.ts'
import type { RepeatedCalls } from '../../credentials/administration/repeated-calls.ts'
import type { Revocations } from '../../credentials/administration/revocations.ts'
import type { RuleSetChanges } from '../../credentials/administration/rule-set-changes.ts'
import type { SigningKeyChanges } from '../../credentials/administration/signing-key-changes.ts'
import type { TokenKeyChanges } from '../../credentials/administration/token-key-changes.ts'
import type { TokenChanges } from '../../credentials/administration/token-changes.ts'
import type { AppLimitBook } from '../../credentials/app-limits.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { TenantChanges } from '../../credentials/administration/tenant-changes.ts'
import type { WebhookChanges } from '../../credentials/administration/webhook-changes.ts'
import type { AuditTrail } from '../../credentials/audit/trail.ts'
import type { Authority } from '../../credentials/authority.ts'
import type { InstallationKeys } from '../../credentials/installation-keys.ts'
import type { RuleBook } from '../../credentials/rules/rule-book.ts'
import type { OperatorDeps } from '../../credentials/operators.ts'
import type { Alerts } from '../../outbound/alerts/alerts.ts'
import type { Watchers } from '../../outbound/watch/watchers.ts'
import type { Adoption } from '../../outbound/webhooks/adoption.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { Store } from '../../ports/store.ts'
import type { FailureDeps } from '../failures.ts'
import type { Slots } from './slots.ts'

export interface AdminDeps extends FailureDeps {
  readonly store: Store
  readonly authority: Authority
  readonly changes: CredentialChanges
  readonly tenantChanges: TenantChanges
  readonly memberChanges: MemberChanges
  readonly planChanges: PlanChanges
  readonly appChanges: AppChanges
  readonly ruleSetChanges: RuleSetChanges
  readonly integrationChanges: IntegrationChanges
  readonly webhookChanges: WebhookChanges
  readonly adoption: Adoption
  readonly operatorChanges: OperatorChanges
  readonly revocations: Revocations
  readonly deliveries: Deliveries
  readonly deliveryChanges: DeliveryChanges
  readonly historyChanges: HistoryChanges
  readonly documentChanges: DocumentChanges
  readonly masterKeyChanges: MasterKeyChanges
  readonly repeatedCalls: RepeatedCalls
  readonly useReport: UseReport
  readonly tokens: { readonly signingKeys: SigningKeyChanges; readonly changes: TokenChanges }
  readonly tokenKeyChanges: TokenKeyChanges
  readonly operators: OperatorDeps
  readonly watchers: Watchers
  readonly alerts: Pick<Alerts, 'list'>
  readonly audit: AuditDeps
  readonly recordDenial: RecordDenial
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly ruleBook: RuleBook
  readonly clock: Clock
  readonly random: Random
  /** Where apps can be made. */
  readonly regions: readonly RegionShown[]
  /** Of the program. */
  readonly version: string
}

export interface AuditDeps {
  readonly trail: AuditTrail
  readonly keys: Pick<InstallationKeys, 'auditSeal' | 'auditSign'>
  /** For what reads much of the log. */
  readonly slots: Slots
}

export type AdminSource = Omit<Source, 'protocol'>

/** A region as people choose it. */
export interface RegionShown {
  readonly code: string
  readonly label: string
  readonly dbCode: string
}
