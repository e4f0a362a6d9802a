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

/** Our bound; Standard Webhooks advise 20 KB. */
export const DELIVERY_BODY_BYTES_MAX = 262_144

export interface WebhookOutbox {
  /**
   * Takes bodies to be delivered: at least once, each with an id of its own that stays the same.
   * What is too large, or too much for a full queue, is refused: counted, and told live as a
   * `webhook.failed` that is dead.
   * @returns when all others are durable. @throws Outage when they are not; then nothing of their
   *   region is kept.
   */
  add(outgoing: readonly OutgoingWebhook[]): Promise<void>
}
