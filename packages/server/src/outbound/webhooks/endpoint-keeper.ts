/**
 * Tells the administration how an endpoint fares: since when it fails, and when it is given up. Not
 * awaited by whoever delivers; what fails is logged and told again by the next attempt.
 */
import type { Log } from '../../ports/log.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { STANDARD_DELAYS_MS } from './schedule.ts'

/** As long as the whole schedule takes at least, and at most. */
const SCHEDULE_MS_MIN = STANDARD_DELAYS_MS.reduce((sum, each) => sum + each, 0)
const SCHEDULE_MS_MAX = 1.25 * SCHEDULE_MS_MIN

export interface EndpointChanges {
  /** Whether the last attempt arrived. */
  note(endpoint: WebhookEndpointRecord, isDelivered: boolean): Promise<void>
  giveUp(endpointId: string, because: 'gone' | 'failing'): Promise<unknown>
}

export interface FailedNote {
  readonly isGone: boolean
  /** Undefined: the delivery was given up. */
  readonly delayMs: number | undefined
  /** For how long nothing has arrived. */
  readonly failingMs: number
}

export class EndpointKeeper {
  readonly #changes: EndpointChanges
  readonly #log: Log
  /** Endpoints whose state is being written, so that a burst writes it once. */
  readonly #writing = new Set<string>()

  constructor(changes: EndpointChanges, log: Log) {
    this.#changes = changes
    this.#log = log
  }

  delivered(endpoint: WebhookEndpointRecord): void {
    this.#note(endpoint, true)
  }

  failed(endpoint: WebhookEndpointRecord, { isGone, delayMs, failingMs }: FailedNote): void {
    // A delivery that went through its schedule while others arrived was at fault itself: whoever
    // can bring one about that the receiver never takes must not silence the endpoint with it.
    const failedForMs = delayMs === undefined ? SCHEDULE_MS_MIN : SCHEDULE_MS_MAX
    // Pusher's form knows no end: what it does not take within its window is a dead letter.
    const isOver = endpoint.format === 'standard' && failingMs >= failedForMs
    if (isGone || isOver) this.#giveUp(endpoint.id, isGone ? 'gone' : 'failing')
    else this.#note(endpoint, false)
  }

  #note(endpoint: WebhookEndpointRecord, isDelivered: boolean): void {
    const { id } = endpoint
    if (this.#writing.has(id)) return
    this.#writing.add(id)
    this.#changes
      .note(endpoint, isDelivered)
      .catch((error: unknown) => this.#failed(id, error))
      .finally(() => this.#writing.delete(id))
  }

  #giveUp(id: string, because: 'gone' | 'failing'): void {
    this.#changes.giveUp(id, because).catch((error: unknown) => this.#failed(id, error))
  }

  #failed(endpointId: string, error: unknown): void {
    this.#log.error('webhook_state_not_written', error, { endpointId })
  }
}
