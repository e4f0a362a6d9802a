/**
 * Says that webhooks cannot be queued: a line of the log and a live event now and then, with counts
 * of what was left out in between.
 */
import type { LiveEvents } from '../../core/live-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { OutgoingWebhook } from './outgoing.ts'

/** How often the same trouble is told. */
export const TROUBLE_EVERY_MS = 10_000

export class WebhookTroubles {
  readonly #ports: { readonly events: LiveEvents; readonly clock: Clock; readonly log: Log }
  #failedToldAtMs = Number.NEGATIVE_INFINITY
  #lostToldAtMs = Number.NEGATIVE_INFINITY
  #lostCount = 0

  constructor(ports: {
    readonly events: LiveEvents
    readonly clock: Clock
    readonly log: Log
  }) {
    this.#ports = ports
  }

  failed(error: Error, waiting: readonly OutgoingWebhook[]): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs - this.#failedToldAtMs < TROUBLE_EVERY_MS) return
    this.#failedToldAtMs = nowMs
    const region = waiting[0]?.region
    this.#ports.log.error('webhook_queue_out', error, { waiting: waiting.length, region })
    this.#tell(waiting[0], false)
  }

  lost(bodies: readonly OutgoingWebhook[]): void {
    this.#lostCount += bodies.length
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs - this.#lostToldAtMs < TROUBLE_EVERY_MS) return
    this.#lostToldAtMs = nowMs
    this.#logLost()
    this.#tell(bodies[0], true)
  }

  /** Says what was left out. */
  finish(): void {
    if (this.#lostCount > 0) this.#logLost()
  }

  #logLost(): void {
    this.#ports.log.warn('webhook_bodies_lost', { count: this.#lostCount })
    this.#lostCount = 0
  }

  #tell(outgoing: OutgoingWebhook | undefined, isDead: boolean): void {
    if (outgoing === undefined) return
    const { events, clock } = this.#ports
    const { id: endpointId, tenantId, appId } = outgoing.endpoint
    const outcome = 'queue_unavailable'
    const details = { endpointId, deliveryId: '', attempt: 0, outcome, isDead }
    events.tell({ type: 'webhook.failed', atMs: clock.nowMs(), tenantId, appId, details })
  }
}
