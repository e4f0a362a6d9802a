/** Where an app's events are posted to, and what waits to be posted. Both in the app's region. */

/**
 * `pusher`: body and headers of Pusher webhooks, signed by the app's signing secret (contract
 * Sockudo, 1H). `standard`: Standard Webhooks, signed by the endpoint's own webhook secret.
 */
export type WebhookFormat = 'pusher' | 'standard'

/** Standard form only. `ed25519` receivers hold a public key, so they can forge nothing. */
export type WebhookAlgorithm = 'hmac-sha256' | 'ed25519'

/** Why an endpoint gets nothing: somebody said so, it answered 410, or it failed for too long. */
export type WebhookDisabledReason = 'operator' | 'gone' | 'failing'

export interface WebhookEndpointRecord {
  /** `whe_` + 20 of base 62. */
  readonly id: string
  readonly tenantId: string
  readonly appId: string
  /** What people call it; unique inside the app. */
  readonly name: string
  /** Absolute; shown and logged without its query. */
  readonly url: string
  readonly format: WebhookFormat
  /** Names of `core/live-events.ts`; at least one. */
  readonly events: readonly string[]
  /** Only channels that begin with it, and end with it; empty: all. */
  readonly channelPrefix: string
  readonly channelSuffix: string
  readonly algorithm: WebhookAlgorithm
  /** Of kind `webhook_secret`; undefined for the Pusher form, which the app's own secret signs. */
  readonly credentialId: string | undefined
  /** Undefined: it works. */
  readonly disabled: { readonly reason: WebhookDisabledReason; readonly atMs: number } | undefined
  /** When it began to fail without one success since; undefined: the last delivery arrived. */
  readonly failingSinceMs: number | undefined
  /** True: the configuration brought it, and takes it away when it names it no longer. */
  readonly isDeclared?: true
  /** Standard form: what is known of the receiver and the newest version of the secret. */
  readonly proof?: WebhookProof | undefined
  /** 1 at creation; a save names the one it read. */
  readonly revision: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/**
 * `waiting`: nothing was tried since the version was made. `adopted`: it accepts what this version
 * alone has signed, and refuses what nobody has. `refused`: it does not accept it. `unverifying`:
 * it accepts anything, so nothing is proved.
 */
export type ProofState = 'waiting' | 'adopted' | 'refused' | 'unverifying'

export interface WebhookProof {
  /** Of the endpoint's secret: the newest one that is accepted. */
  readonly versionId: string
  readonly state: ProofState
  /** Whether the version before ends as soon as this one is adopted. */
  readonly dropsOld: boolean
  /** How often it was tried, by the schedule and by people. */
  readonly tryCount: number
  readonly triedAtMs: number | undefined
  /** HTTP status as text, or a code of why there was none. */
  readonly outcome: string | undefined
  /** When the schedule tries next; undefined: no more. */
  readonly nextAtMs: number | undefined
  /**
   * False: an older version lives on meanwhile. True: it ended without a proof, and people were
   * told. Absent: nothing waits for it.
   */
  readonly isOverdue?: boolean
}

/** One body for one endpoint, until it is delivered or given up. No secret is in it. */
export interface WebhookDeliveryRecord {
  /** `msg_` + 27 of base 62, rising with time; the same in every attempt (`webhook-id`). */
  readonly id: string
  readonly endpointId: string
  readonly appId: string
  /** Exactly what is sent, as text. */
  readonly body: string
  /** Of the events in it, for people who look at dead letters. */
  readonly eventTypes: readonly string[]
  readonly createdAtMs: number
  /** How often it was tried. */
  readonly attemptCount: number
  /**
   * When it is tried next; what a node has taken is due again when its lease ends. Of a dead one:
   * when it was given up.
   */
  readonly dueAtMs: number
  /** `dead`: given up; kept for people, and for a replay. */
  readonly state: 'waiting' | 'dead'
  /** HTTP status as text, or a code of why there was none; undefined before the first attempt. */
  readonly lastOutcome: string | undefined
}
