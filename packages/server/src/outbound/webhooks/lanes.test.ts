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

/** @param counts how many wait for endpoints of one app. */
function filled(lanes: Lanes, appId: string, ...counts: readonly number[]) {
  return counts.map((count, index) => {
    const lane = lanes.of({ appId, endpointId: `${appId} ${index}` }, 'local')
    lane.storedCount = count
    lanes.waitingCount += count
    return lane
  })
}

/** Fills up to `count` with apps that have as much as they may. */
function crowded(lanes: Lanes, count: number): void {
  for (let app = 0; lanes.waitingCount < count; app++) {
    filled(lanes, `crowd-${app}`, Math.min(LANE_WAITING_MAX, count - lanes.waitingCount))
  }
}

describe('what finds a place in the queue', () => {
  test('ends for an endpoint at its bound, and not for another of its app', () => {
    const lanes = new Lanes(systemRandom)
    const [full, other] = filled(lanes, 'app', LANE_WAITING_MAX, 0)
    expect(full && lanes.isFull(full)).toBe(true)
    expect(other && lanes.isFull(other)).toBe(false)
  })

  test('ends for an app at its bound, and not for another app', () => {
    const lanes = new Lanes(systemRandom)
    const half = APP_WAITING_MAX / 5
    const [, , own] = filled(lanes, 'app', 2 * half, 2 * half, half)
    const [other] = filled(lanes, 'other', 0)
    expect(own && lanes.isFull(own)).toBe(true)
    expect(other && lanes.isFull(other)).toBe(false)
  })

  test('is kept for those with few, while receivers of others are down', () => {
    const lanes = new Lanes(systemRandom)
    crowded(lanes, RESERVED_FROM)
    const [few, many] = filled(lanes, 'app', FEW_WAITING - 1, FEW_WAITING)
    expect(few && lanes.isFull(few)).toBe(false)
    expect(many && lanes.isFull(many)).toBe(true)
  })

  test('ends for everybody at the bound of all', () => {
    const lanes = new Lanes(systemRandom)
    crowded(lanes, WAITING_MAX)
    const [none] = filled(lanes, 'app', 0)
    expect(none && lanes.isFull(none)).toBe(true)
  })

  test('comes back with what is delivered, and an endpoint that is gone is forgotten', () => {
    const lanes = new Lanes(systemRandom)
    const [lane] = filled(lanes, 'app', LANE_WAITING_MAX)
    lanes.recount('local', [])
    expect(lane && lanes.isFull(lane)).toBe(false)
    expect(lanes.waitingCount).toBe(0)
    lanes.forget(() => true)
    expect(lanes.size).toBe(1)
    lanes.forget(() => false)
    expect(lanes.size).toBe(0)
  })
})
