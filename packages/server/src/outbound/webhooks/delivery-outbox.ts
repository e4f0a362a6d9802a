/** Takes bodies into the queue, inside its bounds, and hands them over once they are durable. */
import type { LiveEvents } from '../../core/live-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DeliveryQueue, NewDelivery } from '../../ports/delivery-queue.ts'
import type { Random } from '../../ports/random.ts'
import type { DeliveryFigures } from './delivery-figures.ts'
import { newDeliveryId } from './delivery-id.ts'
import type { Dispatcher } from './dispatcher.ts'
import { LEASE_MS } from './intake.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { DELIVERY_BODY_BYTES_MAX, type OutgoingWebhook, type WebhookOutbox } from './outgoing.ts'
import type { SteadyTime } from './steady-time.ts'

export interface DeliveryOutboxDeps {
  readonly regions: ReadonlyMap<string, Pick<DeliveryQueue, 'addDeliveries'>>
  readonly lanes: Lanes
  readonly dispatcher: Pick<Dispatcher, 'mayHold' | 'accept' | 'store'>
  readonly figures: DeliveryFigures
  readonly events: LiveEvents
  readonly clock: Clock
  readonly time: SteadyTime
  readonly random: Random
}

/** `queue_full`: too much waits already, for the endpoint or in all. */
type Refusal = 'queue_full' | 'body_large'

interface Added {
  readonly lane: Lane
  readonly delivery: NewDelivery
}

export class DeliveryOutbox implements WebhookOutbox {
  readonly #deps: DeliveryOutboxDeps

  constructor(deps: DeliveryOutboxDeps) {
    this.#deps = deps
  }

  async add(outgoing: readonly OutgoingWebhook[]): Promise<void> {
    const byRegion = new Map<string, Added[]>()
    for (const each of outgoing) {
      const added = this.#prepare(each)
      if (typeof added === 'string') {
        this.#refuse(each, added)
        continue
      }
      const together = byRegion.get(each.region)
      if (together === undefined) byRegion.set(each.region, [added])
      else together.push(added)
    }
    await Promise.all([...byRegion].map(([region, added]) => this.#commit(region, added)))
  }

  #prepare({ endpoint, region, body, eventTypes }: OutgoingWebhook): Added | Refusal {
    const { lanes, time, random, dispatcher } = this.#deps
    const place = { appId: endpoint.appId, endpointId: endpoint.id }
    const lane = lanes.of(place, region)
    if (Buffer.byteLength(body) > DELIVERY_BODY_BYTES_MAX) return 'body_large'
    if (lanes.isFull(lane)) return 'queue_full'
    const isTaken = dispatcher.mayHold(lane)
    const nowMs = time.nowMs()
    lane.addingCount++
    lanes.waiting.add(lane.tenantId)
    const delivery: NewDelivery = {
      id: newDeliveryId(nowMs, random),
      ...place,
      body,
      eventTypes,
      createdAtMs: nowMs,
      attemptCount: 0,
      dueAtMs: isTaken ? nowMs + LEASE_MS : nowMs,
      state: 'waiting',
      lastOutcome: undefined,
      isTaken,
    }
    return { lane, delivery }
  }

  async #commit(region: string, added: readonly Added[]): Promise<void> {
    const { regions, lanes, dispatcher } = this.#deps
    try {
      const queue = regions.get(region)
      if (queue === undefined) throw new Error(`there is no region ${region}`)
      await queue.addDeliveries(added.map(({ delivery }) => delivery))
    } catch (error) {
      for (const { lane } of added) lanes.waiting.remove(lane.tenantId)
      throw error
    } finally {
      for (const { lane } of added) lane.addingCount--
    }
    for (const { lane, delivery } of added) {
      const { isTaken, ...record } = delivery
      if (isTaken) dispatcher.accept(lane, record)
      else dispatcher.store(lane, delivery.dueAtMs)
    }
  }

  #refuse({ endpoint }: OutgoingWebhook, outcome: Refusal): void {
    const { events, clock, figures } = this.#deps
    figures.count(outcome)
    const { id: endpointId, tenantId, appId } = endpoint
    if (!events.isWanted('webhook.failed', appId)) return
    const details = { endpointId, deliveryId: '', attempt: 0, outcome, isDead: true }
    events.tell({ type: 'webhook.failed', atMs: clock.nowMs(), tenantId, appId, details })
  }
}
