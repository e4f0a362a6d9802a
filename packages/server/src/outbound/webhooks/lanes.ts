/** All lanes, and the bounds on what waits in them together. */
import type { DeliveryCounts, EndpointPlace } from '../../ports/delivery-queue.ts'
import type { Random } from '../../ports/random.ts'
import { Lane } from './lane.ts'

/** Our bounds on what waits, dead letters apart: for one endpoint, and in all. */
export const LANE_WAITING_MAX = 10_000
export const WAITING_MAX = 100_000
/** Our bounds on what is in memory of it. */
export const HELD_MAX = 8_192
export const HELD_CHARACTERS_MAX = 67_108_864

export class Lanes {
  readonly #random: Random
  /** By endpoint. As many as there are endpoints; those with nothing left are forgotten. */
  readonly #lanes = new Map<string, Lane>()
  waitingCount = 0
  heldCount = 0
  heldCharacterCount = 0

  constructor(random: Random) {
    this.#random = random
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#lanes.values()
  }

  get size(): number {
    return this.#lanes.size
  }

  find(endpointId: string): Lane | undefined {
    return this.#lanes.get(endpointId)
  }

  of(place: EndpointPlace, region: string): Lane {
    const known = this.#lanes.get(place.endpointId)
    if (known !== undefined) return known
    const lane = new Lane(place, region, this.#random)
    this.#lanes.set(place.endpointId, lane)
    return lane
  }

  isFull(lane: Lane): boolean {
    return lane.waitingCount >= LANE_WAITING_MAX || this.waitingCount >= WAITING_MAX
  }

  get hasRoomToHold(): boolean {
    return this.heldCount < HELD_MAX && this.heldCharacterCount < HELD_CHARACTERS_MAX
  }

  /** So that its turn comes after those of all others. */
  moveBack(lane: Lane): void {
    const { endpointId } = lane.place
    if (this.#lanes.delete(endpointId)) this.#lanes.set(endpointId, lane)
  }

  /**
   * Brings the counts of a region in line with its database; what is written meanwhile makes them
   * wrong by as much, until the next count.
   */
  recount(region: string, counts: readonly DeliveryCounts[]): void {
    const counted = new Map(counts.map((each) => [each.endpointId, each]))
    for (const each of counts) this.of(each, region)
    for (const lane of this.#lanes.values()) {
      if (lane.region !== region) continue
      const count = counted.get(lane.place.endpointId)
      lane.storedCount = Math.max(0, (count?.waitingCount ?? 0) - lane.heldCount)
      lane.deadCount = count?.deadCount ?? 0
      lane.nextDueAtMs = lane.storedCount > 0 ? count?.nextDueAtMs : undefined
      lane.oldestAtMs = count?.oldestAtMs
    }
    this.waitingCount = 0
    for (const lane of this.#lanes.values()) this.waitingCount += lane.waitingCount
  }

  /** @param isKept whether the endpoint of a lane is still there. */
  forget(isKept: (lane: Lane) => boolean): void {
    for (const [endpointId, lane] of this.#lanes) {
      if (lane.waitingCount > 0 || lane.inFlightCount > 0 || isKept(lane)) continue
      this.#lanes.delete(endpointId)
    }
  }
}
