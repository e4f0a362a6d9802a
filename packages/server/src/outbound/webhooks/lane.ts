/**
 * What waits for one endpoint, and how much of it may be under way: each endpoint has a lane of its
 * own, so that none holds up another. Knows no I/O.
 */
import type { EndpointPlace } from '../../ports/delivery-queue.ts'
import type { Random } from '../../ports/random.ts'
import type { WebhookDeliveryRecord, WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { Breaker } from './breaker.ts'

/** Our bound on what is under way to one endpoint. */
export const LANE_IN_FLIGHT_MAX = 32
/**
 * What a new endpoint, or one that just failed, starts with. It grows by one with each success, so
 * a receiver that hangs never holds more than it has shown to be good for.
 */
const LANE_IN_FLIGHT_START = 2
/** Our bound on what of one lane is in memory; the rest is in the database. */
export const LANE_HELD_MAX = 512

export interface LaneOf {
  readonly place: EndpointPlace
  /** Region code. */
  readonly region: string
  /** Whose share it counts for. */
  readonly tenantId: string
  readonly random: Random
}

export class Lane {
  readonly place: EndpointPlace
  readonly region: string
  readonly tenantId: string
  breaker: Breaker
  /** In the database and not in memory. */
  storedCount = 0
  /** How often something was stored, ever. */
  writeCount = 0
  /** On their way into the database. */
  addingCount = 0
  deadCount = 0
  /** When something that is stored is due; undefined: nothing is known of any. */
  nextDueAtMs: number | undefined
  /** When the oldest that waits was made, as of the last count. */
  oldestAtMs: number | undefined
  /** Since when everything has failed; undefined: the last one arrived. */
  failingSinceMs: number | undefined
  /** When its dead letters were last looked through. */
  sweptAtMs = 0
  /** Nothing is sent before. */
  pausedUntilMs = 0
  inFlightCount = 0
  readonly #random: Random
  #allowedCount = LANE_IN_FLIGHT_START
  readonly #waiting: WebhookDeliveryRecord[] = []
  /** Ids of what is in memory: waiting, under way, or with an outcome not yet written. */
  readonly #heldIds = new Set<string>()
  #known = ''

  constructor({ place, region, tenantId, random }: LaneOf) {
    this.place = place
    this.region = region
    this.tenantId = tenantId
    this.#random = random
    this.breaker = new Breaker(random)
  }

  get heldCount(): number {
    return this.#heldIds.size
  }

  /** Everything that is to be delivered still. */
  get waitingCount(): number {
    return this.storedCount + this.addingCount + this.heldCount
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  holds(id: string): boolean {
    return this.#heldIds.has(id)
  }

  hold(delivery: WebhookDeliveryRecord): void {
    this.#heldIds.add(delivery.id)
    this.#waiting.push(delivery)
  }

  /** Its outcome is written. */
  letGo(id: string): void {
    this.#heldIds.delete(id)
  }

  /** Something is stored that is due then. */
  stored(dueAtMs: number): void {
    this.storedCount++
    this.writeCount++
    this.nextDueAtMs = Math.min(this.nextDueAtMs ?? dueAtMs, dueAtMs)
  }

  maySend(nowMs: number): boolean {
    return (
      this.hasWaiting &&
      this.inFlightCount < this.#allowedCount &&
      nowMs >= this.pausedUntilMs &&
      this.breaker.mayBegin(nowMs)
    )
  }

  /** Nothing will be sent for a while: what waits in memory waits in vain. */
  isHeldUp(nowMs: number): boolean {
    return nowMs < this.pausedUntilMs || this.breaker.stateAt(nowMs) === 'open'
  }

  /** How many more may be brought into memory. */
  roomAt(nowMs: number): number {
    if (nowMs < this.pausedUntilMs || !this.breaker.mayBegin(nowMs)) return 0
    const countMax = this.breaker.stateAt(nowMs) === 'closed' ? LANE_HELD_MAX : 1
    return Math.max(0, countMax - this.heldCount)
  }

  begin(nowMs: number): WebhookDeliveryRecord | undefined {
    const delivery = this.#waiting.shift()
    if (delivery === undefined) return undefined
    this.inFlightCount++
    this.breaker.began(nowMs)
    return delivery
  }

  ended(): void {
    this.inFlightCount--
  }

  succeeded(): void {
    this.breaker.succeeded()
    this.failingSinceMs = undefined
    this.#allowedCount = Math.min(this.#allowedCount + 1, LANE_IN_FLIGHT_MAX)
  }

  failed(nowMs: number): void {
    this.breaker.failed(nowMs)
    this.failingSinceMs ??= nowMs
    this.#allowedCount = 1
  }

  /** An endpoint that has moved, or was enabled, begins anew: what was learned may be wrong. */
  follow({ url, disabled, failingSinceMs }: WebhookEndpointRecord): void {
    const known = `${disabled === undefined} ${url}`
    if (known === this.#known) return
    if (this.#known === '') this.failingSinceMs = failingSinceMs
    else this.reset()
    this.#known = known
  }

  reset(): void {
    this.breaker = new Breaker(this.#random)
    this.pausedUntilMs = 0
    this.failingSinceMs = undefined
    this.#allowedCount = LANE_IN_FLIGHT_START
  }

  /** What waits in memory, to be put back. */
  empty(): readonly WebhookDeliveryRecord[] {
    return this.#waiting.splice(0)
  }
}
