/**
 * The configuration as the server sees it: complete, checked, frozen. Only `config/load.ts` makes
 * one.
 */
import type { AppSettings, AppType } from '../ports/records/app.ts'
import type { PlanLimits } from '../ports/records/plan.ts'
import type { Role, SigningAlgorithm } from '../ports/records/tenant.ts'
import type { WebhookAlgorithm, WebhookFormat } from '../ports/records/webhook.ts'
import type { ListenConfig } from './listen-config.ts'
import type { IntegrationDeclaration, RuleSetDeclaration } from './rule-declarations.ts'

/** A key of the administration. */
export interface OperatorKeyDeclaration {
  /** `op_...` in the shape of the key format; its checksum is verified where it is taken in. */
  readonly value: string
  readonly role: Role
  /** UUID, lowercase, of a tenant that is declared or exists; undefined: the whole installation. */
  readonly tenant: string | undefined
}

export interface RegionDeclaration {
  /** `[a-z0-9][a-z0-9-]{0,39}`; unique. */
  readonly code: string
  readonly label: string
  /** Names the database of the region; same shape; unique. */
  readonly dbCode: string
}

export interface PlanDeclaration {
  /** Unique in its list. */
  readonly name: string
  readonly limits: PlanLimits
  /** At most one app of a tenant may be on plans of this kind. */
  readonly isOnePerTenant: boolean
  /** Keys of a tenant may put its apps on it; a plan of a tenant is open to that tenant anyway. */
  readonly isOpenToTenants: boolean
}

export interface ApiKeyDeclaration {
  /** `sk_...`, `pk_...` or `rk_...`; shape only, as with operator keys. */
  readonly value: string
  /** Undefined: publish and subscribe in its own app; empty: nothing. */
  readonly scopes: readonly string[] | undefined
  /** Limit texts that narrow those of the app. */
  readonly limits: readonly string[] | undefined
}

export interface MqttUserDeclaration {
  /** Unique inside the app. */
  readonly name: string
  readonly password: string
  readonly ruleSet: string | undefined
}

/** Exactly one of `value`, `jwk` and `jwksUrl` is there. */
export interface JwtSecretDeclaration {
  readonly value: string | undefined
  /** A public key as JSON text; judged where it is taken in. */
  readonly jwk: string | undefined
  readonly jwksUrl: string | undefined
  /** What `iss` of its tokens must be; undefined: not checked. */
  readonly issuer: string | undefined
  /** One of these must be in `aud` of its tokens; undefined: not checked. */
  readonly audience: readonly string[] | undefined
  /** The `kid` of tokens that are signed with it; unique inside the app. */
  readonly kid: string | undefined
}

export interface WebhookDeclaration {
  /** Unique inside the app. */
  readonly name: string
  readonly url: string
  readonly format: WebhookFormat
  readonly events: readonly string[]
  /** Empty: all channels. */
  readonly channelPrefix: string
  readonly channelSuffix: string
  /** Given in the standard form with HMAC; never in the Pusher form. */
  readonly secret: string | undefined
  readonly algorithm: WebhookAlgorithm
}

/** An app as the `tenants:` section declares it, defaults applied. */
export interface AppDeclaration {
  readonly id: string
  readonly name: string
  readonly type: AppType
  /** Unique over all apps; undefined: one is generated. */
  readonly clientId: string | undefined
  /** Undefined: one is generated on demand. Never given for a public app. */
  readonly clientSecret: string | undefined
  /** Every pair is accepted; the first is shown first. At least one. */
  readonly signingKeys: readonly { readonly key: string; readonly secret: string }[]
  readonly apiKeys: readonly ApiKeyDeclaration[]
  readonly jwtSecrets: readonly JwtSecretDeclaration[]
  readonly mqttUsers: readonly MqttUserDeclaration[]
  readonly webhooks: readonly WebhookDeclaration[]
  /** Names a plan of the tenant, else one of the installation. */
  readonly plan: string
  /** The code of one of the regions. */
  readonly region: string
  /** At most 3, as `normalizeAllowedDomain` writes them. */
  readonly allowedDomains: readonly string[]
  readonly settings: AppSettings
}

export interface TenantDeclaration {
  readonly id: string
  readonly shortId: string
  readonly name: string
  readonly signingAlgorithm: SigningAlgorithm
  /** Beside those of the installation; one of the same name goes first. */
  readonly plans: readonly PlanDeclaration[]
  readonly ruleSets: readonly RuleSetDeclaration[]
  readonly integrations: readonly IntegrationDeclaration[]
  readonly apps: readonly AppDeclaration[]
}

/** `webhook`: to the endpoints of the app that want alerts. */
export type AlertDestination = 'log' | 'email' | 'webhook'

export interface AlertRuleDeclaration {
  /** Unique. */
  readonly name: string
  readonly watch:
    | 'auth_failures'
    | 'signature_failures'
    | 'provider_errors'
    | 'webhook_failures'
    | 'rotations_overdue'
    | 'limit_saturation'
  readonly threshold: number
  readonly windowMs: number
  readonly per: 'app' | 'installation'
  /** Undefined: where `alerts.to` says. */
  readonly to: readonly AlertDestination[] | undefined
  readonly isEnabled: boolean
}

export interface Config {
  readonly mode: 'development' | 'production'
  readonly listen: ListenConfig
  /** Absolute, without a slash at the end; undefined: `http://` and the host of `listen.http`. */
  readonly publicUrl: string | undefined
  /** `host` or `host:port` of more names of ours, as `normalizeAllowedDomain` writes them. */
  readonly allowedHosts: readonly string[]
  /** Addresses and CIDR blocks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  readonly outbound: {
    /** Addresses and CIDR blocks inside that calls to foreign URLs may reach, also by http. */
    readonly allowedNetworks: readonly string[]
  }
  /** `sqlite`: files in `dataDir`. `memory`: nothing survives a restart. */
  readonly store: 'sqlite' | 'memory'
  /** Absolute path. */
  readonly dataDir: string
  /** Base64 of 32 bytes, or the text of a master key file with its versions. */
  readonly masterKey: string | undefined
  /** Absolute path `masterKey` was read from; undefined when it was given as a value. */
  readonly masterKeyFile: string | undefined
  /**
   * Program and arguments whose standard output is what `masterKey` would be; never given beside
   * it. Without both: `dataDir/master.key`, made at the first start.
   */
  readonly masterKeyCommand: readonly string[] | undefined
  readonly tls:
    | {
        readonly certFile: string
        readonly keyFile: string
        /** Undefined: clients are not asked for a certificate. */
        readonly clientCaFile: string | undefined
        /** Whether one who shows none is let in. */
        readonly clientCertificates: 'optional' | 'required'
      }
    | undefined
  /** Put before `/app/:key` and `/apps/...`; `''` or `/x` without a trailing slash. */
  readonly pathPrefix: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** The page at `/` with its live event; makes the demo tenant at the first start. */
  readonly demo: boolean
  /** How long the closes of a drain are spread. */
  readonly drainMs: number
  readonly limits: {
    readonly connectionCountMax: number
    readonly webSocketFrameBytesMax: number
    readonly outboxBytesMax: number
    readonly subscriptionCountMax: number
    readonly channelCountMax: number
    readonly activityTimeoutMs: number
    readonly pongTimeoutMs: number
    readonly authTimestampWindowMs: number
  }
  readonly load: {
    readonly shedding: boolean
    readonly memoryPercent: number
    readonly cpuPercent: number
    readonly cpuSeconds: number
    readonly connectionPercent: number
  }
  readonly documents: {
    /** `/x` without a slash at the end; below them WebSockets are editors. */
    readonly prefixes: readonly string[]
    /** Code of the region of every host that no row of `regions` has. */
    readonly region: string
    /** `code URL`, as `parseDocumentRegion` reads them; codes and hosts are unique. */
    readonly regions: readonly string[]
  }
  readonly mqtt: {
    readonly packetBytesMax: number
    readonly keepAliveSecondsMax: number
    readonly topicAliasCountMax: number
    readonly connectTimeoutMs: number
    readonly sessionExpirySecondsMax: number
    readonly sessionCountMax: number
    readonly appSessionCountMax: number
    readonly ownerSessionCountMax: number
    readonly queueCountMax: number
    readonly queueBytesMax: number
    readonly queueDrops: 'oldest' | 'newest'
    readonly appQueueBytesMax: number
    readonly memoryQueueBytesMax: number
    /** Whether commits of session stores wait for the disk. */
    readonly durability: 'normal' | 'full'
  }
  readonly guard: {
    /** Limit texts: those of the installation, and what no app goes beyond. */
    readonly limits: readonly string[]
  }
  readonly audit: {
    /** Absolute path checkpoints are appended to. */
    readonly witnessFile: string | undefined
    /** Where checkpoints are posted to. */
    readonly witnessUrl: string | undefined
    readonly checkpointSeconds: number
  }
  readonly tokens: {
    readonly accessTokenMs: number
    /** Slides with each use. */
    readonly refreshTokenMs: number
    /** From the first token of a family to its end, however often it is used; 0: no such end. */
    readonly refreshFamilyMs: number
    /** How long the successor is given again when a refresh is repeated. */
    readonly refreshLeewayMs: number
    /** Life of a tenant's signing key. */
    readonly signingKeyDays: number
    /** How long a key that no longer signs stays published; at least the life of a token. */
    readonly signingKeyTailMs: number
  }
  readonly secrets: {
    /** Overlap of a rotation that asks for none; at most `overlapMaxMs`. */
    readonly overlapDefaultMs: number
    readonly overlapMaxMs: number
    /** A version older than this is due for rotation; 0: never. */
    readonly maxAgeDays: number
    /** A version that was disabled so long ago is removed: its value is erased. */
    readonly removeAfterDays: number
  }
  readonly alerts: {
    /** Where alerts go of rules that do not say. */
    readonly to: readonly AlertDestination[]
    /** The app whose webhook endpoints get alerts that are of no app. */
    readonly app: string | undefined
    /** Addresses. */
    readonly mailTo: readonly string[]
    /** The least time between two mails. */
    readonly mailEverySeconds: number
  }
  readonly smtp: {
    /** `smtps://host:port` or `smtp://host:port`. */
    readonly url: string | undefined
    readonly user: string | undefined
    readonly password: string | undefined
    /** An address. */
    readonly from: string | undefined
  }
  readonly operatorKeys: readonly OperatorKeyDeclaration[]
  /** At least one; the first is where apps are made that name none. */
  readonly regions: readonly RegionDeclaration[]
  /** Plans of the installation: the built-in ones, replaced or joined by the declared ones. */
  readonly plans: readonly PlanDeclaration[]
  /** The built-in ones, replaced or joined by the declared ones. */
  readonly alertRules: readonly AlertRuleDeclaration[]
  readonly tenants: readonly TenantDeclaration[]
}
