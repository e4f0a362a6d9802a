/**
 * What the `data` of a webhook of the Standard form has in it, by its type. Types only; the server
 * is held to them where it writes bodies.
 */
import type { WebhookEventType } from './webhook-events.ts'

/** What every webhook has. */
interface OfApp {
  readonly appId: string
  /** Where one stands for several since the last of its kind. */
  readonly count?: number
}

interface OfChannel extends OfApp {
  readonly channel: string
}

interface OfMember extends OfChannel {
  readonly userId: string
}

interface OfMessage extends OfChannel {
  readonly event: string
  /** As it was sent: JSON text, or cipher text on encrypted channels. */
  readonly data: string
}

interface OfConnection extends OfApp {
  readonly connectionId: string
  readonly protocol: string
  readonly ip: string
}

interface OfDenial extends OfApp {
  readonly reason: string
  readonly ip: string
  readonly protocol: string
  readonly target: { readonly kind: string; readonly id: string }
}

interface OfLimit extends OfApp {
  readonly limit: string
  readonly scope: string
  readonly subject: string
  readonly used: number
  readonly quota: number
  readonly windowMs: number
  readonly resetMs: number
  readonly count: number
  readonly isShadow: boolean
}

interface OfCredential extends OfApp {
  readonly action: string
  readonly credentialId: string
  readonly kind: string
  readonly versionId?: string
}

interface OfAlert extends OfApp {
  readonly rule: string
  readonly subject: string
  readonly count: number
  readonly threshold: number
  readonly windowMs: number
}

export interface WebhookData extends Record<WebhookEventType, OfApp> {
  'channel.occupied': OfChannel
  'channel.vacated': OfChannel
  'presence.enter': OfMember
  'presence.leave': OfMember
  cache_miss: OfChannel
  subscription_count: OfChannel & { readonly subscriptionCount: number }
  client_event: OfMessage & { readonly connectionId: string; readonly userId?: string }
  'message.published': OfMessage
  'connection.opened': OfConnection
  'connection.closed': OfConnection & { readonly durationMs: number; readonly reason: string }
  'auth.failed': OfDenial
  'auth.denied': OfDenial
  'rate_limit.exceeded': OfLimit
  'rate_limit.warned': OfLimit
  'credential.changed': OfCredential
  'credential.rotated': OfCredential
  'webhook.disabled': OfApp & { readonly endpointId: string; readonly reason: string }
  'provider.failed': OfApp & { readonly provider: string; readonly credentialId?: string }
  'alert.raised': OfAlert
  'alert.resolved': OfAlert
}
