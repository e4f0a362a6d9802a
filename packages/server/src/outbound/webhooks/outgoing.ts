/** What goes out, between those who make bodies and those who deliver them. */
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'

export interface OutgoingWebhook {
  readonly endpoint: WebhookEndpointRecord
  /** Region code of the app. */
  readonly region: string
  /** Exactly what is sent. */
  readonly body: string
  readonly eventTypes: readonly string[]
}

export interface WebhookOutbox {
  /**
   * Takes bodies to be delivered: at least once, each with an id of its own that stays the same.
   * @returns when all of them are durable. @throws Outage when they are not, and then none is kept.
   */
  add(outgoing: readonly OutgoingWebhook[]): Promise<void>
}
