/** What a configuration declares, as the credential core takes it. */
import type { AppSettings, AppType } from '../../ports/records/app.ts'
import type { PlanLimits } from '../../ports/records/plan.ts'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import type { WebhookAlgorithm, WebhookFormat } from '../../ports/records/webhook.ts'
import type { GivenProvider } from '../rules/provider-presets.ts'
import type { WebhookTerms } from '../administration/webhook-terms.ts'
import type { Role, SigningAlgorithm } from '../../ports/records/tenant.ts'

export interface DeclaredPlan {
  readonly name: string
  readonly limits: PlanLimits
  readonly isOnePerTenant: boolean
  readonly isOpenToTenants: boolean
  /** Made where there is none of the name; one that is there is not touched. */
  readonly isBuiltIn?: true
}

export interface DeclaredWebhook extends WebhookTerms {
  readonly format: WebhookFormat
  readonly algorithm: WebhookAlgorithm
  /** Undefined: the Pusher form has none, and a pair is made. */
  readonly secret?: string | undefined
}

export interface DeclaredMqttUser {
  readonly name: string
  readonly password: string
  readonly ruleSet: string | undefined
}

export interface DeclaredRuleSet {
  readonly name: string
  readonly rules: readonly RuleRecord[]
}

export interface DeclaredIntegration {
  readonly name: string
  /** Id of an app of the tenant. */
  readonly app: string | undefined
  readonly ruleSet: string | undefined
  readonly provider: GivenProvider | undefined
}

export interface DeclaredApp {
  readonly id: string
  readonly name: string
  readonly type: AppType
  readonly region: string
  readonly plan: string
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly signingKeys: readonly { readonly key: string; readonly secret: string }[]
  readonly apiKeys: readonly {
    readonly value: string
    readonly scopes: readonly string[] | undefined
    readonly limits?: readonly string[] | undefined
  }[]
  /** Exactly one of `value`, `jwk` and `jwksUrl` is there. */
  readonly jwtSecrets: readonly {
    readonly value?: string | undefined
    readonly jwk?: string | undefined
    readonly jwksUrl?: string | undefined
    readonly kid?: string | undefined
    readonly issuer?: string | undefined
    readonly audience?: readonly string[] | undefined
  }[]
  readonly mqttUsers?: readonly DeclaredMqttUser[]
  readonly webhooks?: readonly DeclaredWebhook[]
  readonly allowedDomains: readonly string[]
  readonly settings: AppSettings
}

export interface DeclaredTenant {
  readonly id: string
  readonly shortId: string
  readonly name: string
  readonly signingAlgorithm: SigningAlgorithm
  readonly plans: readonly DeclaredPlan[]
  readonly ruleSets?: readonly DeclaredRuleSet[]
  readonly integrations?: readonly DeclaredIntegration[]
  readonly apps: readonly DeclaredApp[]
}

export interface Declarations {
  /** Plans of the installation. */
  readonly plans: readonly DeclaredPlan[]
  readonly tenants: readonly DeclaredTenant[]
  readonly operatorKeys: readonly {
    readonly value: string
    readonly role: Role
    readonly tenant: string | undefined
  }[]
}

/** The detail of each names what is declared and what to change. */
export type DeclarationRefusal =
  | 'short_id_taken'
  | 'app_name_taken'
  | 'client_id_taken'
  | 'app_of_other_tenant'
  | 'key_of_other_app'
  | 'region_immutable'
  | 'free_plan_taken'
  | 'key_malformed'
  | 'type_immutable'
  | 'tenant_unknown'
  | 'webhook_invalid'
  | 'rules_invalid'
