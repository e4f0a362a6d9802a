import { describe, expect, test } from 'bun:test'
import { systemRandom } from '../../adapters/system/random.ts'
import {
  APP_WAITING_MAX,
  FEW_WAITING,
  LANE_WAITING_MAX,
  Lanes,
  RESERVED_FROM,
  WAITING_MAX,
} from './lanes.ts'

/** Each app is a tenant's of its own, unless it says of which. */
function openLanes(tenantOf: (appId: string) => string | undefined = () => undefined): Lanes {
  return new Lanes({ random: systemRandom, tenantOf })
}

/** @param counts how many wait for endpoints of one app. */
function filled(lanes: Lanes, appId: string, ...counts: readonly number[]) {
  return counts.map((count, index) => {
    const lane = lanes.of({ appId, endpointId: `${appId} ${index}` }, 'local')
    lane.storedCount = count
    lanes.waiting.add(lane.tenantId, count)
    return lane
  })
}

/** Fills up to `count` with apps that have as much as they may. */
function crowded(lanes: Lanes, count: number): void {
  for (let app = 0; lanes.waiting.total < count; app++) {
    filled(lanes, `crowd-${app}`, Math.min(LANE_WAITING_MAX, count - lanes.waiting.total))
  }
}

describe('what finds a place in the queue', () => {
  test('ends for an endpoint at its bound, and not for another of its app', () => {
    const lanes = openLanes()
    const [full, other] = filled(lanes, 'app', LANE_WAITING_MAX, 0)
    expect(full && lanes.isFull(full)).toBe(true)
    expect(other && lanes.isFull(other)).toBe(false)
  })

  test('ends for an app at its bound, and not for another app', () => {
    const lanes = openLanes()
    const half = APP_WAITING_MAX / 5
    const [, , own] = filled(lanes, 'app', 2 * half, 2 * half, half)
    const [other] = filled(lanes, 'other', 0)
    expect(own && lanes.isFull(own)).toBe(true)
    expect(other && lanes.isFull(other)).toBe(false)
  })

  test('is kept for those with few, while receivers of others are down', () => {
    const lanes = openLanes()
    crowded(lanes, RESERVED_FROM)
    const [few, many] = filled(lanes, 'app', FEW_WAITING - 1, FEW_WAITING)
    expect(few && lanes.isFull(few)).toBe(false)
    expect(many && lanes.isFull(many)).toBe(true)
  })

  test('is kept from a tenant that has many apps with few, for all others', () => {
    const lanes = openLanes((appId) => (appId.startsWith('own') ? 'tenant' : undefined))
    const counts = Array.from({ length: 20 }, () => FEW_WAITING - 1)
    for (let app = 0; lanes.waiting.total < (3 / 4) * WAITING_MAX; app++) {
      filled(lanes, `own-${app}`, ...counts)
    }
    const [own] = filled(lanes, 'own', 0)
    const [other] = filled(lanes, 'other', FEW_WAITING - 1)
    expect(own && lanes.isFull(own)).toBe(true)
    expect(other && lanes.isFull(other)).toBe(false)
  })

  test('ends for everybody at the bound of all', () => {
    const lanes = openLanes()
    crowded(lanes, WAITING_MAX)
    const [none] = filled(lanes, 'app', 0)
    expect(none && lanes.isFull(none)).toBe(true)
  })

  test('comes back with what is delivered, and an endpoint that is gone is forgotten', () => {
    const lanes = openLanes()
    const [lane] = filled(lanes, 'app', LANE_WAITING_MAX)
    lanes.recount('local', [])
    expect(lane && lanes.isFull(lane)).toBe(false)
    expect(lanes.waiting.total).toBe(0)
    lanes.forget(() => true)
    expect(lanes.size).toBe(1)
    lanes.forget(() => false)
    expect(lanes.size).toBe(0)
  })
})
