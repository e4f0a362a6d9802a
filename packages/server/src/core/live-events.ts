/**
 * What happens in the server, told as it happens: to webhooks, to operators who watch, to alerts.
 * Telling is synchronous and costs a look at who listens; a listener keeps what it needs and does
 * its work later. Nothing here is durable: what must survive is in the audit, or in the queue of
 * webhooks.
 */

/** Names are those customers get in webhooks of the Standard form (contract wSocket, part 8). */
export interface LiveEventDetails {
  'connection.opened': ConnectionDetails
  'connection.closed': ConnectionDetails & {
    readonly durationMs: number
    /** A refusal code, or `client` where the other side left. */
    readonly reason: string
  }
  'channel.occupied': { readonly channel: string }
  'channel.vacated': { readonly channel: string }
  subscription_count: { readonly channel: string; readonly subscriptionCount: number }
  'presence.enter': { readonly channel: string; readonly userId: string }
  'presence.leave': { readonly channel: string; readonly userId: string }
  /** What a server published. Opt-in: told only where somebody wants it. */
  'message.published': MessageDetails
  /** What a client sent to others. Opt-in. */
  client_event: MessageDetails & {
    readonly connectionId: string
    /** On presence channels. */
    readonly userId: string | undefined
  }
  cache_miss: { readonly channel: string }
  /** A credential, signature or token that does not hold. */
  'auth.failed': DenialDetails
  /** One that holds and may not do this. */
  'auth.denied': DenialDetails
  'rate_limit.exceeded': LimitDetails
  /** 80 % of a limit are used. */
  'rate_limit.warned': LimitDetails
  /** `action` is the audit's: `secret.rotated`, `secret.revoked`, `rotation.overdue` ... */
  'credential.changed': {
    readonly action: string
    readonly credentialId: string
    readonly kind: string
    readonly versionId: string | undefined
  }
  'webhook.failed': DeliveryDetails
  'webhook.disabled': { readonly endpointId: string; readonly reason: string }
  /** A provider (push, SMTP, key server) refuses a credential of ours. */
  'provider.failed': { readonly provider: string; readonly credentialId: string | undefined }
  'alert.raised': AlertDetails
  'alert.resolved': AlertDetails
}

interface ConnectionDetails {
  readonly connectionId: string
  readonly protocol: string
  /** Of the client, behind trusted proxies. */
  readonly ip: string
}

interface MessageDetails {
  readonly channel: string
  readonly event: string
  readonly data: string
}

interface DenialDetails {
  /** A refusal code, or the state of the version that was tried. */
  readonly reason: string
  readonly ip: string
  readonly protocol: string
  readonly target: { readonly kind: string; readonly id: string }
}

export interface LimitDetails {
  /** Name of the limit: `publish.channel`. */
  readonly limit: string
  /** What is counted by: `app`, `channel`, `user`, `connection`, `ip` ... */
  readonly scope: string
  /** Which one of these; never a secret. */
  readonly subject: string
  readonly used: number
  readonly quota: number
  readonly windowMs: number
  readonly resetMs: number
  /** How many it stands for: a flood is told once a second. */
  readonly count: number
  /** True: it was let through, and would have been refused. */
  readonly isShadow: boolean
}

interface DeliveryDetails {
  readonly endpointId: string
  readonly deliveryId: string
  readonly attempt: number
  /** HTTP status, or why there is none. */
  readonly outcome: string
  /** True: it is a dead letter now. */
  readonly isDead: boolean
}

export interface AlertDetails {
  readonly rule: string
  /** The app or tenant it is about; empty for the whole installation. */
  readonly subject: string
  readonly count: number
  readonly threshold: number
  readonly windowMs: number
  /** Its rule keeps it from webhooks. */
  readonly isHeldBack?: true
}

export type LiveEventType = keyof LiveEventDetails

export type LiveEvent = {
  [T in LiveEventType]: {
    readonly type: T
    readonly atMs: number
    /** Undefined: it concerns the installation. */
    readonly tenantId: string | undefined
    readonly appId: string | undefined
    readonly details: LiveEventDetails[T]
  }
}[LiveEventType]

export interface LiveListener {
  /** Whether it wants events of this type of this app; asked for each, so a look-up at most. */
  wants(type: LiveEventType, appId: string | undefined): boolean
  /** Must not throw, block or publish into the hub. */
  hear(event: LiveEvent): void
}

export class LiveEvents {
  /** Replaced when one comes or goes: asked on the message path, where a list costs least. */
  #listeners: readonly LiveListener[] = []

  /** @returns what stops it. */
  listen(listener: LiveListener): () => void {
    this.#listeners = [...this.#listeners, listener]
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener)
    }
  }

  /** Asked before an event is made that costs something to make. */
  isWanted(type: LiveEventType, appId: string | undefined): boolean {
    for (const listener of this.#listeners) if (listener.wants(type, appId)) return true
    return false
  }

  tell(event: LiveEvent): void {
    for (const listener of this.#listeners) {
      if (listener.wants(event.type, event.appId)) listener.hear(event)
    }
  }
}
