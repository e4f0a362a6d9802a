/** All lanes, and the bounds on what waits in them together, which no tenant can use up alone. */
import type { DeliveryCounts, EndpointPlace } from '../../ports/delivery-queue.ts'
import type { Random } from '../../ports/random.ts'
import { Lane } from './lane.ts'
import { DELIVERY_BODY_BYTES_MAX } from './outgoing.ts'
import { TenantShares } from './tenant-shares.ts'

/** Our bounds on what waits, dead letters apart: for one endpoint, for one app, and in all. */
export const LANE_WAITING_MAX = 10_000
export const APP_WAITING_MAX = 25_000
export const WAITING_MAX = 200_000
/**
 * The upper half of the room is for endpoints for which no more than this waits: receivers of a few
 * that are down for hours take nothing from those that work.
 */
export const RESERVED_FROM = WAITING_MAX / 2
export const FEW_WAITING = 500
/** Our bounds on what is in memory of it. */
export const HELD_MAX = 8_192
export const HELD_CHARACTERS_MAX = 67_108_864

export interface LanesDeps {
  readonly random: Random
  /** @returns undefined for an app that is gone. */
  readonly tenantOf: (appId: string) => string | undefined
}

export class Lanes {
  readonly #deps: LanesDeps
  /** By endpoint. As many as there are endpoints; those with nothing left are forgotten. */
  readonly #lanes = new Map<string, Lane>()
  /** By app, which has few endpoints. */
  readonly #byApp = new Map<string, Set<Lane>>()
  readonly waiting = new TenantShares(WAITING_MAX)
  readonly held = new TenantShares(HELD_MAX)
  readonly heldCharacters = new TenantShares(HELD_CHARACTERS_MAX)

  constructor(deps: LanesDeps) {
    this.#deps = deps
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
    const { random, tenantOf } = this.#deps
    const { appId } = place
    const lane = new Lane({ place, region, tenantId: tenantOf(appId) ?? appId, random })
    this.#lanes.set(place.endpointId, lane)
    const siblings = this.#byApp.get(place.appId)
    if (siblings === undefined) this.#byApp.set(place.appId, new Set([lane]))
    else siblings.add(lane)
    return lane
  }

  /** Whether one more is refused. */
  isFull(lane: Lane): boolean {
    if (lane.waitingCount >= LANE_WAITING_MAX || this.waiting.roomFor(lane.tenantId) < 1)
      return true
    if (this.waiting.total >= RESERVED_FROM && lane.waitingCount >= FEW_WAITING) return true
    let appCount = 0
    for (const each of this.#byApp.get(lane.place.appId) ?? []) appCount += each.waitingCount
    return appCount >= APP_WAITING_MAX
  }

  hasRoomToHold({ tenantId }: Lane): boolean {
    return this.held.roomFor(tenantId) >= 1 && this.heldCharacters.roomFor(tenantId) >= 1
  }

  /** @returns how many of a lane may be brought into memory, however large they are. */
  roomToFetch({ tenantId }: Lane): number {
    const largeCount = this.heldCharacters.roomFor(tenantId) / DELIVERY_BODY_BYTES_MAX
    return Math.floor(Math.min(this.held.roomFor(tenantId), largeCount))
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
    this.waiting.clear()
    for (const lane of this.#lanes.values()) {
      if (lane.waitingCount > 0) this.waiting.add(lane.tenantId, lane.waitingCount)
    }
  }

  /** @param isKept whether the endpoint of a lane is still there. */
  forget(isKept: (lane: Lane) => boolean): void {
    for (const [endpointId, lane] of this.#lanes) {
      if (lane.waitingCount > 0 || lane.inFlightCount > 0 || isKept(lane)) continue
      this.#lanes.delete(endpointId)
      const siblings = this.#byApp.get(lane.place.appId)
      siblings?.delete(lane)
      if (siblings?.size === 0) this.#byApp.delete(lane.place.appId)
    }
  }
}
