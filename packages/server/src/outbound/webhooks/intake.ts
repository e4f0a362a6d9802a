/** Brings into memory what is due in the databases, lane by lane and in turn. */
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DeliveryQueue, WantedDeliveries } from '../../ports/delivery-queue.ts'
import type { Log } from '../../ports/log.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import { isServed } from './attempt.ts'
import { type Lane, LANE_HELD_MAX } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { DELIVERY_BODY_BYTES_MAX } from './outgoing.ts'
import { DELAY_MS_MAX } from './schedule.ts'
import type { SteadyTime } from './steady-time.ts'

/** What was taken and never finished is taken again then; as a rule nothing is held so long. */
export const LEASE_MS = 60_000
/** Our bounds on what one look into a database brings. */
const LANES_PER_TAKE_MAX = 64
const TAKE_COUNT_MAX = 1_024
/** More is fetched when a lane has no more than this left. */
const REFILL_BELOW = LANE_HELD_MAX / 4

export interface IntakeDeps {
  readonly regions: ReadonlyMap<string, DeliveryQueue>
  readonly apps: Pick<AppDirectory, 'findEndpoint'>
  readonly lanes: Lanes
  readonly time: SteadyTime
  readonly clock: Pick<Clock, 'nowMs'>
  readonly log: Log
}

export class Intake {
  readonly #deps: IntakeDeps
  readonly #wake: (lane: Lane) => void
  /** By region: one look at a time. */
  readonly #running = new Map<string, Promise<void>>()
  #isAsked = false

  constructor(deps: IntakeDeps, wake: (lane: Lane) => void) {
    this.#deps = deps
    this.#wake = wake
  }

  async start(): Promise<void> {
    const nowMs = this.#deps.time.nowMs()
    for (const queue of this.#deps.regions.values()) {
      await queue.releaseDeliveries(nowMs, nowMs + DELAY_MS_MAX)
    }
    await this.recount()
  }

  async recount(): Promise<void> {
    const { regions, lanes, apps } = this.#deps
    for (const [region, queue] of regions) lanes.recount(region, await queue.countDeliveries())
    lanes.forget(({ place }) => apps.findEndpoint(place.endpointId) !== undefined)
  }

  hold(lane: Lane, delivery: WebhookDeliveryRecord): void {
    const { lanes } = this.#deps
    lane.hold(delivery)
    lanes.held.add(lane.tenantId)
    lanes.heldCharacters.add(lane.tenantId, delivery.body.length)
  }

  /** It is in memory no more, nor in the count of what waits. */
  letGo(lane: Lane, delivery: WebhookDeliveryRecord): void {
    if (!lane.holds(delivery.id)) return
    const { lanes } = this.#deps
    lane.letGo(delivery.id)
    lanes.held.remove(lane.tenantId)
    lanes.heldCharacters.remove(lane.tenantId, delivery.body.length)
    lanes.waiting.remove(lane.tenantId)
  }

  stored(lane: Lane, dueAtMs: number): void {
    lane.stored(dueAtMs)
    this.#deps.lanes.waiting.add(lane.tenantId)
  }

  tick(): void {
    for (const region of this.#deps.regions.keys()) this.#take(region)
  }

  /** Looks for more, once for all that end in this turn. */
  refill(lane: Lane): void {
    if (lane.storedCount === 0 || lane.heldCount > REFILL_BELOW || this.#isAsked) return
    const nowMs = this.#deps.time.nowMs()
    if ((lane.nextDueAtMs ?? Number.POSITIVE_INFINITY) > nowMs) return
    this.#isAsked = true
    queueMicrotask(() => {
      this.#isAsked = false
      this.tick()
    })
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  #take(region: string): void {
    const queue = this.#deps.regions.get(region)
    if (queue === undefined || this.#running.has(region)) return
    const lanes = this.#due(region)
    if (lanes.length === 0) return
    const run = this.#fetch(queue, lanes)
      .catch((error: unknown) => this.#deps.log.error('webhooks_not_taken', error, { region }))
      .finally(() => {
        this.#running.delete(region)
        for (const [lane] of lanes) this.refill(lane)
      })
    this.#running.set(region, run)
  }

  /** @returns lanes with something due and with room for it, and how much. */
  #due(region: string): readonly (readonly [Lane, number])[] {
    const { lanes, time } = this.#deps
    const nowMs = time.nowMs()
    const chosen: [Lane, number][] = []
    let left = TAKE_COUNT_MAX
    for (const lane of lanes) {
      if (chosen.length >= LANES_PER_TAKE_MAX || left <= 0) break
      if (lane.region !== region || lane.storedCount === 0) continue
      if ((lane.nextDueAtMs ?? Number.POSITIVE_INFINITY) > nowMs || !this.#isServed(lane)) continue
      const room = Math.min(lane.roomAt(nowMs), lanes.roomToFetch(lane), left)
      if (room === 0) continue
      reserve(lanes, lane, room)
      chosen.push([lane, room])
      left -= room
    }
    for (const [lane] of chosen) lanes.moveBack(lane)
    return chosen
  }

  async #fetch(queue: DeliveryQueue, due: readonly (readonly [Lane, number])[]): Promise<void> {
    const nowMs = this.#deps.time.nowMs()
    const wanted = due.map(([{ place }, countMax]): WantedDeliveries => ({ ...place, countMax }))
    const order = { nowMs, leaseMs: LEASE_MS, wanted }
    const before = due.map(([{ writeCount }]) => writeCount)
    const taken = await queue.takeDueDeliveries(order).finally(() => {
      for (const [lane, count] of due) reserve(this.#deps.lanes, lane, -count)
    })
    for (const [index, [lane]] of due.entries()) {
      // What was stored meanwhile may not have been seen: then it is looked at again.
      const isWhole = lane.writeCount === before[index]
      lane.nextDueAtMs = isWhole ? taken.nextDueAtMs[index] : nowMs
      if (lane.nextDueAtMs === undefined) lane.storedCount = 0
    }
    for (const delivery of taken.deliveries) {
      const lane = this.#deps.lanes.find(delivery.endpointId)
      // What is held has only had its lease renewed.
      if (lane === undefined || lane.holds(delivery.id)) continue
      lane.storedCount = Math.max(0, lane.storedCount - 1)
      this.hold(lane, delivery)
    }
    for (const [lane] of due) this.#wake(lane)
  }

  #isServed(lane: Lane): boolean {
    const { apps, clock } = this.#deps
    const entry = apps.findEndpoint(lane.place.endpointId)
    if (entry === undefined) return false
    lane.follow(entry.endpoint)
    return isServed(entry, clock.nowMs())
  }
}

/** Nobody else takes the room while it is asked for; how large bodies are is not known before. */
function reserve(lanes: Lanes, { tenantId }: Lane, count: number): void {
  lanes.held.add(tenantId, count)
  lanes.heldCharacters.add(tenantId, count * DELIVERY_BODY_BYTES_MAX)
}
