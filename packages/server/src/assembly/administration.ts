/** What the administration changes beside credentials, put together over the credential core. */
import type { Config } from '../config/config.ts'
import { AppChanges } from '../credentials/administration/app-changes.ts'
import {
  DocumentChanges,
  type OpenDocuments,
} from '../credentials/administration/document-changes.ts'
import {
  HistoryChanges,
  type HistoryMemory,
} from '../credentials/administration/history-changes.ts'
import { IntegrationChanges } from '../credentials/administration/integration-changes.ts'
import { MemberChanges } from '../credentials/administration/member-changes.ts'
import { OperatorChanges } from '../credentials/administration/operator-changes.ts'
import { PlanChanges } from '../credentials/administration/plan-changes.ts'
import { RepeatedCalls } from '../credentials/administration/repeated-calls.ts'
import { RuleSetChanges } from '../credentials/administration/rule-set-changes.ts'
import { TenantChanges } from '../credentials/administration/tenant-changes.ts'
import { WebhookChanges } from '../credentials/administration/webhook-changes.ts'
import { WebhookHealth } from '../credentials/administration/webhook-health.ts'
import type { AppLimitBook } from '../credentials/app-limits.ts'
import type { WebhookRules } from '../credentials/administration/webhook-terms.ts'
import { appRules } from './app-rules.ts'
import type { CredentialCore } from './credential-core.ts'

/** What the administration changes in memory too. */
export interface AdministeredParts {
  readonly limitBook: AppLimitBook
  readonly messaging: { readonly memory: HistoryMemory }
  readonly documents: { readonly opened: OpenDocuments }
}

export function openAdministration(
  { administration, revocations, changes }: CredentialCore,
  config: Pick<Config, 'mode' | 'outbound'>,
  parts: AdministeredParts,
) {
  const { limitBook, messaging, documents } = parts
  const rules = appRules(config)
  const webhookChanges = new WebhookChanges(administration, webhookRules(config))
  return {
    tenantChanges: new TenantChanges(administration, revocations),
    memberChanges: new MemberChanges(administration),
    planChanges: new PlanChanges(administration),
    appChanges: new AppChanges(administration, { revocations, rules, limitBook }),
    ruleSetChanges: new RuleSetChanges(administration),
    historyChanges: new HistoryChanges(administration, messaging.memory),
    documentChanges: new DocumentChanges(administration, documents.opened),
    integrationChanges: new IntegrationChanges(administration),
    webhookChanges,
    webhookHealth: new WebhookHealth(webhookChanges, administration.clock),
    repeatedCalls: new RepeatedCalls(administration),
    operatorChanges: new OperatorChanges(administration, changes),
  }
}

/** Plain http leads into allowed networks only; whether it does is judged when it is called. */
export function webhookRules({ outbound }: Pick<Config, 'outbound'>): WebhookRules {
  return { isHttpAllowed: outbound.allowedNetworks.length > 0 }
}
