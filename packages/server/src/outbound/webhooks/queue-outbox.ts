/** The way into the durable queue of each region: what is added is due at once. */
import type { Clock } from '../../ports/clock.ts'
import type { DeliveryQueue, NewDelivery } from '../../ports/delivery-queue.ts'
import type { Random } from '../../ports/random.ts'
import { newDeliveryId } from './delivery-id.ts'
import type { OutgoingWebhook, WebhookOutbox } from './outgoing.ts'

export interface QueueOutboxPorts {
  readonly regions: ReadonlyMap<string, Pick<DeliveryQueue, 'addDeliveries'>>
  readonly clock: Clock
  readonly random: Random
}

export class QueueOutbox implements WebhookOutbox {
  readonly #ports: QueueOutboxPorts

  constructor(ports: QueueOutboxPorts) {
    this.#ports = ports
  }

  async add(outgoing: readonly OutgoingWebhook[]): Promise<void> {
    const byRegion = Map.groupBy(outgoing, ({ region }) => region)
    const adding = [...byRegion].map(([region, bodies]) => {
      const queue = this.#ports.regions.get(region)
      if (queue === undefined) throw new Error(`there is no region ${region}`)
      return queue.addDeliveries(bodies.map((each) => this.#deliveryOf(each)))
    })
    await Promise.all(adding)
  }

  #deliveryOf({ endpoint, body, eventTypes }: OutgoingWebhook): NewDelivery {
    const nowMs = this.#ports.clock.nowMs()
    return {
      id: newDeliveryId(nowMs, this.#ports.random),
      endpointId: endpoint.id,
      appId: endpoint.appId,
      body,
      eventTypes,
      createdAtMs: nowMs,
      attemptCount: 0,
      dueAtMs: nowMs,
      state: 'waiting',
      lastOutcome: undefined,
      isTaken: false,
    }
  }
}
