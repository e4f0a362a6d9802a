/**
 * The configuration as the server sees it: complete, checked, frozen. Only `config/load.ts` makes
 * one.
 */
import type { AppSettings } from '../ports/store.ts'

export interface ListenAddress {
  readonly hostname: string
  /** 0 lets the system choose; the chosen one is in the `listening` log line. */
  readonly port: number
}

/** An app as the `tenants:` section declares it, defaults applied. */
export interface AppDeclaration {
  readonly id: string
  readonly name: string
  /** Every pair is accepted; the first is shown first. At least one. */
  readonly signingKeys: readonly { readonly key: string; readonly secret: string }[]
  readonly plan: string
  readonly region: string
  readonly settings: AppSettings
}

export interface TenantDeclaration {
  readonly id: string
  readonly shortId: string
  readonly name: string
  readonly apps: readonly AppDeclaration[]
}

export interface Config {
  readonly mode: 'development' | 'production'
  readonly listen: {
    /** HTTP and every WebSocket protocol. */
    readonly http: ListenAddress
    /** The same over TLS; bound only when `tls` is given. */
    readonly https: ListenAddress
    /** Kept for the MQTT broker; nothing listens there yet. */
    readonly mqtt: ListenAddress
    /** Health and metrics. */
    readonly ops: ListenAddress
  }
  /** `sqlite`: files in `dataDir`. `memory`: nothing survives a restart. */
  readonly store: 'sqlite' | 'memory'
  /** Absolute path. */
  readonly dataDir: string
  /** Base64 of 32 bytes; absent: `dataDir/master.key`, made at the first start. */
  readonly masterKey: string | undefined
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
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
  readonly tenants: readonly TenantDeclaration[]
}
