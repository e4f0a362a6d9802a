/**
 * From what happens to webhooks: hears what endpoints of apps want, holds departures back, counts
 * floods, and hands bodies to the durable queue. Hearing is synchronous and writes nothing; the
 * work is done at the end of each turn, and at once for whoever has to know that it is durable.
 */
import type { WebhookEventType } from '@lockgate/protocol/webhooks/webhook-events'
import type { LiveEvent, LiveEvents, LiveEventType, LiveListener } from '../../core/live-events.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import { Outage } from '../../ports/outage.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { DelayedDepartures } from './delayed-departures.ts'
import { EndpointInterests } from './endpoint-interests.ts'
import { FloodCounts } from './flood-counts.ts'
import type { OutgoingWebhook, WebhookOutbox } from './outgoing.ts'
import { OutgoingBuffer } from './outgoing-buffer.ts'
import { PusherBatches } from './pusher-batches.ts'
import { channelOf, pusherTextOf, standardBodyOf, webhookTypesOf } from './webhook-bodies.ts'
import { WebhookFigures } from './webhook-figures.ts'
import { WebhookTroubles } from './webhook-troubles.ts'

export interface RouterPorts {
  readonly apps: Pick<AppDirectory, 'findById'>
  readonly outbox: WebhookOutbox
  /** Told of what cannot be queued. */
  readonly events: LiveEvents
  readonly clock: Clock
  readonly log: Log
}

export class WebhookRouter implements LiveListener {
  readonly #ports: RouterPorts
  readonly #interests: EndpointInterests
  readonly #departures: DelayedDepartures
  readonly #floods: FloodCounts
  readonly #batches: PusherBatches
  readonly #troubles: WebhookTroubles
  readonly #figures = new WebhookFigures()
  /** By region: one database may be out while others work. */
  readonly #buffers = new Map<string, OutgoingBuffer>()
  /** Apps with webhooks of what was published in this turn. */
  readonly #publishing = new Set<string>()

  constructor(ports: RouterPorts) {
    this.#ports = ports
    this.#interests = new EndpointInterests(ports.apps)
    this.#departures = new DelayedDepartures((event) => this.#route(event))
    this.#floods = new FloodCounts(({ event, count }) => this.#route(event, count))
    this.#batches = new PusherBatches((outgoing) => this.#put(outgoing))
    this.#troubles = new WebhookTroubles(ports)
  }

  wants(type: LiveEventType, appId: string | undefined): boolean {
    return appId !== undefined && this.#interests.hears(type, appId)
  }

  hear(event: LiveEvent): void {
    const nowMs = this.#ports.clock.monotonicMs()
    switch (event.type) {
      case 'channel.occupied':
      case 'channel.vacated':
      case 'presence.enter':
      case 'presence.leave':
        return this.#departures.take(event, nowMs)
      case 'auth.failed':
      case 'auth.denied':
      case 'rate_limit.exceeded':
      case 'rate_limit.warned':
        return this.#floods.take(event, nowMs)
      default:
        return this.#route(event)
    }
  }

  /**
   * Webhooks of what was just published in an app become durable, so that whoever is told that it
   * was taken can rely on them. Called in the turn of the publish.
   * @returns undefined where nothing has to be waited for.
   * @throws Outage when the queue does not take it; it is still kept, within a bound, and tried
   * again.
   */
  settle(appId: string): Promise<void> | undefined {
    if (!this.#publishing.delete(appId)) return undefined
    const app = this.#ports.apps.findById(appId)?.app
    const buffer = app && this.#buffers.get(app.region)
    if (app === undefined || buffer === undefined) return undefined
    if (buffer.isFullFor(app.tenantId)) return Promise.reject(fullOutage())
    return buffer.flush()?.then((failure) => {
      if (failure !== undefined) throw failure
    })
  }

  /** The end of a turn; called some twenty times a second. */
  tick(): void {
    const { clock } = this.#ports
    const nowMs = clock.monotonicMs()
    this.#departures.tick(nowMs)
    this.#floods.tick(nowMs)
    this.#batches.flush(clock.nowMs())
    this.#publishing.clear()
    for (const buffer of this.#buffers.values()) void buffer.flush()
  }

  /** Nothing that waits is left behind; called once every connection has gone. */
  async finish(): Promise<void> {
    this.#departures.finish()
    this.#floods.finish()
    this.#batches.flush(this.#ports.clock.nowMs())
    await Promise.all([...this.#buffers.values()].map((buffer) => buffer.finish()))
    this.#troubles.finish()
  }

  metrics(): MetricDefinitions {
    return this.#figures.metrics({
      heldCount: () => [...this.#buffers.values()].reduce((sum, each) => sum + each.heldCount, 0),
      delayedCount: () => this.#departures.waitingCount,
      hurriedCount: () => this.#departures.hurriedCount,
      uncountedCount: () => this.#floods.lostCount,
    })
  }

  #route(event: LiveEvent, count?: number): void {
    if (event.appId === undefined) return
    for (const type of webhookTypesOf(event)) this.#routeAs(type, event, count)
  }

  #routeAs(type: WebhookEventType, event: LiveEvent, count: number | undefined): void {
    const wanting = this.#interests.wanting(type, event.appId ?? '', channelOf(event))
    if (wanting === undefined) return
    const { region, id } = wanting.app
    if (type === 'message.published') this.#publishing.add(id)
    let standardBody: string | undefined
    for (const endpoint of wanting.endpoints) {
      if (isItself(endpoint, event)) continue
      if (endpoint.format === 'pusher') {
        this.#batch({ endpoint, region }, event)
        continue
      }
      standardBody ??= standardBodyOf(type, event, count)
      this.#put({ endpoint, region, body: standardBody, eventTypes: [type] })
    }
  }

  #batch(
    to: { readonly endpoint: WebhookEndpointRecord; readonly region: string },
    event: LiveEvent,
  ): void {
    const text = pusherTextOf(event)
    if (text === undefined) return
    this.#batches.add(to, { type: event.type, text }, this.#ports.clock.nowMs())
  }

  #put(outgoing: OutgoingWebhook): void {
    const { region } = outgoing
    const known = this.#buffers.get(region)
    const buffer = known ?? new OutgoingBuffer(this.#ports, this.#newsOf())
    if (known === undefined) this.#buffers.set(region, buffer)
    this.#figures.bodyCount++
    buffer.put(outgoing)
  }

  #newsOf() {
    const troubles = this.#troubles
    return {
      failed: (error: Error, waiting: readonly OutgoingWebhook[]) =>
        troubles.failed(error, waiting),
      lost: (bodies: readonly OutgoingWebhook[]) => {
        this.#figures.lostCount += bodies.length
        troubles.lost(bodies)
      },
    }
  }
}

/** An endpoint that is disabled is not the one to hear of it. */
function isItself({ id }: WebhookEndpointRecord, event: LiveEvent): boolean {
  return event.type === 'webhook.disabled' && event.details.endpointId === id
}

function fullOutage(): Outage {
  return new Outage(
    'store_unavailable',
    'webhooks of this publish find no place: the queue has been out for too long',
    { port: 'store' },
  )
}
