/**
 * Events of the Pusher form that go to one endpoint in one short turn, joined into one body: a
 * channel that empties and its members that leave are one delivery. Bounded in events and bytes.
 */
import { utf8Length } from '@lockgate/protocol/bytes'
import { pusherWebhookBody } from '@lockgate/protocol/webhooks/pusher'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import type { OutgoingWebhook } from './outgoing.ts'

/** As other servers of the protocol do (contract 1H.2). */
export const BATCH_EVENT_COUNT_MAX = 100
/** Our bound on the events of one body; one that is longer goes alone. */
export const BATCH_BYTES_MAX = 200 * 1024

interface Batch {
  readonly endpoint: WebhookEndpointRecord
  readonly region: string
  texts: string[]
  types: string[]
  bytes: number
}

export class PusherBatches {
  /** By endpoint; emptied every turn. */
  readonly #batches = new Map<string, Batch>()
  readonly #emit: (outgoing: OutgoingWebhook) => void

  constructor(emit: (outgoing: OutgoingWebhook) => void) {
    this.#emit = emit
  }

  add(
    to: { readonly endpoint: WebhookEndpointRecord; readonly region: string },
    event: { readonly type: string; readonly text: string },
    nowMs: number,
  ): void {
    const { text, type } = event
    const known = this.#batches.get(to.endpoint.id)
    const batch = known ?? { ...to, texts: [], types: [], bytes: 0 }
    if (known === undefined) this.#batches.set(to.endpoint.id, batch)
    const bytes = utf8Length(text)
    const isFull =
      batch.texts.length >= BATCH_EVENT_COUNT_MAX || batch.bytes + bytes > BATCH_BYTES_MAX
    if (isFull) this.#close(batch, nowMs)
    batch.texts.push(text)
    batch.types.push(type)
    batch.bytes += bytes
  }

  /** Called at the end of a turn. @param nowMs wall clock, for the bodies. */
  flush(nowMs: number): void {
    for (const batch of this.#batches.values()) this.#close(batch, nowMs)
    this.#batches.clear()
  }

  #close(batch: Batch, nowMs: number): void {
    const { endpoint, region, texts, types } = batch
    if (texts.length === 0) return
    batch.texts = []
    batch.types = []
    batch.bytes = 0
    const eventTypes = [...new Set(types)]
    this.#emit({ endpoint, region, body: pusherWebhookBody(nowMs, texts), eventTypes })
  }
}
