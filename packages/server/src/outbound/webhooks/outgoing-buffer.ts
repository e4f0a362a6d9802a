/**
 * Bodies of one region on their way into the durable queue. While the queue is out they wait here,
 * within a bound; what finds no place is counted and told, never dropped in silence.
 */
import type { Clock } from '../../ports/clock.ts'
import { Outage } from '../../ports/outage.ts'
import type { OutgoingWebhook, WebhookOutbox } from './outgoing.ts'
import { TenantShares } from './tenant-shares.ts'

/** Our bounds on what is held: bodies, and characters of them. No tenant can use them up. */
export const HELD_COUNT_MAX = 10_000
export const HELD_UNITS_MAX = 32 * 1024 * 1024
/** Bodies of one call. */
export const ADD_COUNT_MAX = 500
/** How long after a failure it is tried again. */
export const RETRY_MS = 1_000

export interface BufferNews {
  /** Bodies wait because the queue failed. */
  failed(error: Error, waiting: readonly OutgoingWebhook[]): void
  /** Some are gone: there was no place, or the queue will never take them. */
  lost(bodies: readonly OutgoingWebhook[]): void
}

export class OutgoingBuffer {
  readonly #outbox: WebhookOutbox
  readonly #clock: Clock
  readonly #news: BufferNews
  #waiting: OutgoingWebhook[] = []
  /** Those that wait and those that are being added. */
  readonly #held = new TenantShares(HELD_COUNT_MAX)
  readonly #heldUnits = new TenantShares(HELD_UNITS_MAX)
  readonly #adding = new Set<Promise<unknown>>()
  #failure: { readonly error: Error; readonly retryAtMs: number } | undefined

  constructor(ports: { readonly outbox: WebhookOutbox; readonly clock: Clock }, news: BufferNews) {
    this.#outbox = ports.outbox
    this.#clock = ports.clock
    this.#news = news
  }

  get heldCount(): number {
    return this.#held.total
  }

  /** Whether the next body of a tenant would be lost. */
  isFullFor(tenantId: string): boolean {
    return this.#held.roomFor(tenantId) < 1 || this.#heldUnits.roomFor(tenantId) < 1
  }

  put(outgoing: OutgoingWebhook): void {
    const { tenantId } = outgoing.endpoint
    if (this.isFullFor(tenantId)) return this.#news.lost([outgoing])
    this.#held.add(tenantId)
    this.#heldUnits.add(tenantId, outgoing.body.length)
    this.#waiting.push(outgoing)
  }

  /**
   * Hands over what waits.
   * @returns when it is durable, or what is in the way; undefined where nothing waits.
   */
  flush(): Promise<Error | undefined> | undefined {
    if (this.#waiting.length === 0) return undefined
    if (this.#failure !== undefined && this.#clock.monotonicMs() < this.#failure.retryAtMs) {
      return Promise.resolve(this.#failure.error)
    }
    const taken = this.#waiting
    this.#waiting = []
    const adding = this.#addAll(taken)
    this.#adding.add(adding)
    return adding.finally(() => this.#adding.delete(adding))
  }

  /** Tries once more, and waits for all that is being added. */
  async finish(): Promise<void> {
    this.#failure = undefined
    void this.flush()
    await Promise.all(this.#adding)
    if (this.#waiting.length > 0) this.#lose(this.#waiting.splice(0))
  }

  /** @returns what went wrong; undefined when all of them are durable. */
  async #addAll(taken: readonly OutgoingWebhook[]): Promise<Error | undefined> {
    for (let next = 0; next < taken.length; next += ADD_COUNT_MAX) {
      const part = taken.slice(next, next + ADD_COUNT_MAX)
      const error = await this.#add(part)
      if (error === undefined) continue
      this.#failed(error, { part, rest: taken.slice(next + part.length) })
      return error
    }
    this.#failure = undefined
    return undefined
  }

  async #add(part: readonly OutgoingWebhook[]): Promise<Error | undefined> {
    try {
      await this.#outbox.add(part)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
    this.#release(part)
    return undefined
  }

  /** After a bug the same bodies would fail for ever: they are counted, not kept. */
  #failed(
    error: Error,
    taken: {
      readonly part: readonly OutgoingWebhook[]
      readonly rest: readonly OutgoingWebhook[]
    },
  ): void {
    const { part, rest } = taken
    const isKept = error instanceof Outage
    if (!isKept) this.#lose(part)
    this.#waiting = [...(isKept ? part : []), ...rest, ...this.#waiting]
    if (isKept) this.#failure = { error, retryAtMs: this.#clock.monotonicMs() + RETRY_MS }
    this.#news.failed(error, this.#waiting)
  }

  #lose(bodies: readonly OutgoingWebhook[]): void {
    this.#release(bodies)
    this.#news.lost(bodies)
  }

  #release(bodies: readonly OutgoingWebhook[]): void {
    for (const { body, endpoint } of bodies) {
      this.#held.remove(endpoint.tenantId)
      this.#heldUnits.remove(endpoint.tenantId, body.length)
    }
  }
}
