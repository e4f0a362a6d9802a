/** Apps: what clients connect to. They live in the database of their region. */
import type { DocumentSettings, MessageSettings } from './app-settings.ts'
import type { Subscription } from './plan.ts'

/**
 * Switches and bounds of one app. Every field is present; defaults are applied where an app is
 * declared.
 */
export interface AppSettings extends MessageSettings, DocumentSettings {
  /** False: sockets close with 4003, signed HTTP calls answer 403. */
  readonly enabled: boolean
  /** True: a plain socket closes with 4000. */
  readonly requireTls: boolean
  /** Whether `client-` events are accepted at all. */
  readonly clientMessages: boolean
  /** Whether `pusher_internal:subscription_count` is sent. */
  readonly subscriptionCount: boolean
  /** Whether sign-in may carry a watch-list. */
  readonly watchlist: boolean
  /**
   * True: a socket that neither signs in nor joins an authorized channel in time closes with 4009.
   */
  readonly requireAuthorization: boolean
  readonly authorizationTimeoutMs: number
  /**
   * Exact `scheme://host[:port]` or `https://*.host`; empty means any origin (development only).
   */
  readonly allowedOrigins: readonly string[]
  /** Production needs a list or this. */
  readonly dangerousAnyOrigin: boolean
  /** What a missing Origin header gets while `allowedOrigins` is not empty. */
  readonly missingOrigin: 'allow' | 'deny'
  /** `http`: 403 before the upgrade. `close`: upgrade, then 4009, so pusher-js stops trying. */
  readonly originRefusal: 'http' | 'close'
  /** Refuse a second mutating HTTP call with the same signature inside the timestamp window. */
  readonly rejectReplays: boolean
  readonly connectionCountMax: number
  /** Holds where no limit `client_events.connection` is named. */
  readonly clientEventsPerSecondMax: number
  /** Limit texts that narrow what installation and plan allow. */
  readonly limits: readonly string[]
  readonly eventDataBytesMax: number
  readonly presenceMemberCountMax: number
  readonly presenceMemberBytesMax: number
  readonly cacheTtlMs: number
  /** The longest life of a token that a backend of the app mints. */
  readonly jwtTtlMaxMs: number
  /** What `role` of such a token may be: a name and its scopes, separated by spaces. */
  readonly jwtRoles: readonly string[]
  /** `handshake`: a connection outlives what it came by, a day at most. */
  readonly expiry: 'enforce' | 'handshake'
  readonly mqttPayloadBytesMax: number
  /** What a PUBLISH gets whose packet has no answer that says no. */
  readonly mqttDeniedPublish: 'drop' | 'disconnect'
  readonly mqttLimitedPublish: 'drop' | 'disconnect'
  /** What the id of its organization stands for; where no app says so, the oldest is meant. */
  readonly organizationDefault: boolean
  /** Whether pages may connect with what is made for devices and servers: decided by `Origin`. */
  readonly mqttUsersInBrowsers: 'allow' | 'deny'
  /** The longest life of one password of a connection token. */
  readonly tokenTtlMaxMs: number
  /** How long one connection token can be refreshed, from its first password on. */
  readonly tokenLineageMaxMs: number
  /** Whether a token that another one replaces closes its connections at once. */
  readonly tokenReplaceDisconnects: boolean
  /** Declarations of `topic-bridge.ts`, which carry messages between topics and channels. */
  readonly bridges: readonly string[]
  /** Whether a password that is refreshed again much later ends the whole token. */
  readonly tokenReuseRevokes: boolean
}

/** `public` apps run where nobody can keep a secret: they have no client secret, for ever. */
export type AppType = 'confidential' | 'public'

export interface AppRecord {
  /** `[A-Za-z0-9_-]{1,64}`; unique over all tenants; a UUID unless it was declared. */
  readonly id: string
  readonly tenantId: string
  /** Unique inside the tenant. */
  readonly name: string
  /** Set once, at creation. */
  readonly region: string
  readonly type: AppType
  /** OAuth; unique over all apps. */
  readonly clientId: string
  /** Undefined: no plan was assigned yet, so there is no token and no connection. */
  readonly subscription: Subscription | undefined
  /** At most 3 of `host[:port]`, lowercase: WireSocket's allowed domains. */
  readonly allowedDomains: readonly string[]
  readonly settings: AppSettings
  readonly createdAtMs: number
  readonly updatedAtMs: number
}
