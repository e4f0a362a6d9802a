/**
 * Since when endpoints fail, kept where people and every node see it, and written rarely: once when
 * an endpoint has failed for a while, once when it works again. A receiver that hiccups costs no
 * write, and one that flaps costs two of them a minute.
 */
import type { Clock } from '../../ports/clock.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import type { WebhookChanges } from './webhook-changes.ts'

/** Shorter failures are nobody's business. */
export const FAILING_AFTER_MS = 60_000
/** Our bound on endpoints that fail at a time; beyond it the longest known begins anew. */
export const FAILING_COUNT_MAX = 10_000

export class WebhookHealth {
  readonly #changes: Pick<WebhookChanges, 'setFailing'>
  readonly #clock: Clock
  /** By endpoint, of those that failed last. */
  readonly #firstFailedAtMs = new Map<string, number>()

  constructor(changes: Pick<WebhookChanges, 'setFailing'>, clock: Clock) {
    this.#changes = changes
    this.#clock = clock
  }

  /**
   * Told after each attempt.
   * @param endpoint as this node knows it.
   * @throws Outage
   */
  async note(endpoint: WebhookEndpointRecord, isDelivered: boolean): Promise<void> {
    const { id, failingSinceMs, updatedAtMs } = endpoint
    if (isDelivered) {
      this.#firstFailedAtMs.delete(id)
      if (failingSinceMs !== undefined) await this.#changes.setFailing(id, undefined)
      return
    }
    const nowMs = this.#clock.nowMs()
    const knownMs = this.#firstFailedAtMs.get(id) ?? nowMs
    // Enabled again, or moved: what was before says nothing.
    const firstMs = failingSinceMs === undefined && updatedAtMs > knownMs ? nowMs : knownMs
    this.#remember(id, firstMs)
    if (failingSinceMs !== undefined || nowMs - firstMs < FAILING_AFTER_MS) return
    await this.#changes.setFailing(id, firstMs)
  }

  #remember(id: string, firstMs: number): void {
    this.#firstFailedAtMs.set(id, firstMs)
    if (this.#firstFailedAtMs.size <= FAILING_COUNT_MAX) return
    const [oldest] = this.#firstFailedAtMs.keys()
    if (oldest !== undefined) this.#firstFailedAtMs.delete(oldest)
  }
}
