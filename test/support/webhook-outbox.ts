/** A durable queue for tests: keeps what it is given, and fails or waits when it is told to. */
import type {
  OutgoingWebhook,
  WebhookOutbox,
} from '../../packages/server/src/outbound/webhooks/outgoing.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'

export class KeptWebhooks implements WebhookOutbox {
  readonly all: OutgoingWebhook[] = []
  callCount = 0
  /** What the next calls throw. */
  failure: Error | undefined
  #gate: Promise<void> = Promise.resolve()
  readonly #called = Promise.withResolvers<void>()

  /** @returns what lets the calls go on that are made from now. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gate = promise
    return resolve
  }

  /** @returns once something was handed over. */
  called(): Promise<void> {
    return this.#called.promise
  }

  async add(outgoing: readonly OutgoingWebhook[]): Promise<void> {
    this.callCount++
    this.#called.resolve()
    await this.#gate
    if (this.failure !== undefined) throw this.failure
    this.all.push(...outgoing)
  }

  /** @returns what came since the last call, parsed. */
  take(): { readonly endpointId: string; readonly body: Record<string, unknown> }[] {
    return this.all
      .splice(0)
      .map(({ endpoint, body }) => ({ endpointId: endpoint.id, body: JSON.parse(body) }))
  }
}

export function queueOut(): Outage {
  return new Outage('store_full', 'the disk is full', { port: 'store' })
}
