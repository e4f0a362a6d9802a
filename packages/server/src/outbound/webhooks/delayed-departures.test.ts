import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  DelayedDepartures,
  DEPARTURE_DELAY_MS,
  DEPARTURE_TOLD_COUNT_MAX,
  DEPARTURE_WAITING_COUNT_MAX,
  type Movement,
} from './delayed-departures.ts'

const at = { atMs: 1, tenantId: 'tenant' }

function moved(type: Movement['type'], channel: string, appId = 'app'): Movement {
  const of = { ...at, appId }
  return type === 'channel.occupied' || type === 'channel.vacated'
    ? { ...of, type, details: { channel } }
    : { ...of, type, details: { channel, userId: 'u' } }
}

function delaying() {
  const told: string[] = []
  const departures = new DelayedDepartures(({ type, appId, details }) => {
    told.push(`${type} ${appId} ${details.channel}`)
  })
  const take = () => told.splice(0)
  return { departures, take }
}

describe.each([
  ['channel.occupied', 'channel.vacated'],
  ['presence.enter', 'presence.leave'],
] as const)('%s and %s', (arrival, departure) => {
  test('are told at once, and three seconds later', () => {
    const { departures, take } = delaying()
    departures.take(moved(arrival, 'a'), 0)
    expect(take()).toEqual([`${arrival} app a`])
    departures.take(moved(departure, 'a'), 10)
    departures.tick(10 + DEPARTURE_DELAY_MS - 1)
    expect(take()).toEqual([])
    departures.tick(10 + DEPARTURE_DELAY_MS)
    expect(take()).toEqual([`${departure} app a`])
    expect(departures.waitingCount).toBe(0)
  })

  test('are not told of who comes back in time, however often', () => {
    const { departures, take } = delaying()
    departures.take(moved(arrival, 'a'), 0)
    take()
    for (let nowMs = 0; nowMs < 60_000; nowMs += 2_000) {
      departures.take(moved(departure, 'a'), nowMs)
      departures.take(moved(arrival, 'a'), nowMs + 1_999)
    }
    departures.tick(100_000)
    expect(take()).toEqual([])
  })

  test('are told of who comes back too late', () => {
    const { departures, take } = delaying()
    departures.take(moved(departure, 'a'), 0)
    departures.take(moved(arrival, 'a'), DEPARTURE_DELAY_MS)
    expect(take()).toEqual([`${departure} app a`, `${arrival} app a`])
  })
})

test('the same channel of another app, and another member, are not who left', () => {
  const { departures, take } = delaying()
  departures.take(moved('channel.vacated', 'a', 'one'), 0)
  departures.take(moved('channel.occupied', 'a', 'two'), 1)
  departures.take(moved('presence.leave', 'b'), 2)
  const other = { ...at, appId: 'app', type: 'presence.enter' as const }
  departures.take({ ...other, details: { channel: 'b', userId: 'v' } }, 3)
  departures.take(moved('channel.occupied', 'b'), 4)
  departures.tick(10_000)
  expect(take()).toEqual([
    'channel.occupied two a',
    'presence.enter app b',
    'channel.occupied app b',
    'channel.vacated one a',
    'presence.leave app b',
  ])
})

test('beyond the bound a departure is told at once and counted, and so is the return', () => {
  const { departures, take } = delaying()
  for (let index = 0; index < DEPARTURE_WAITING_COUNT_MAX; index++) {
    departures.take(moved('channel.vacated', String(index)), 0)
  }
  expect(take()).toEqual([])
  departures.take(moved('channel.vacated', 'one more'), 1)
  departures.take(moved('channel.occupied', 'one more'), 2)
  departures.take(moved('channel.occupied', '0'), 3)
  expect(take()).toEqual(['channel.vacated app one more', 'channel.occupied app one more'])
  expect(departures.hurriedCount).toBe(1)
  expect(departures.waitingCount).toBe(DEPARTURE_WAITING_COUNT_MAX - 1)
  departures.finish()
  expect(take()).toHaveLength(DEPARTURE_WAITING_COUNT_MAX - 1)
})

test('however many are due at a time, a turn tells a bounded number, and the rest follows', () => {
  const { departures, take } = delaying()
  const count = 2 * DEPARTURE_TOLD_COUNT_MAX + 1
  for (let index = 0; index < count; index++) {
    departures.take(moved('channel.vacated', String(index)), 0)
  }
  const nowMs = DEPARTURE_DELAY_MS
  // One that comes back before its turn was away for long enough all the same.
  const last = String(count - 1)
  departures.take(moved('channel.occupied', last), nowMs)
  expect(take()).toEqual([`channel.vacated app ${last}`, `channel.occupied app ${last}`])
  departures.tick(nowMs)
  expect(take()).toHaveLength(DEPARTURE_TOLD_COUNT_MAX)
  departures.tick(nowMs)
  expect(take()).toHaveLength(DEPARTURE_TOLD_COUNT_MAX)
  expect(departures.waitingCount).toBe(0)
})

/**
 * The model: what is told makes each channel occupied or not, in turns; it is never away for less
 * than the delay; and once nothing moves, what is told is what is.
 */
test('whatever moves, what is told alternates, is never a short absence, and ends true', () => {
  const step = fc.record({ channel: fc.nat(2), waitMs: fc.nat(4_000), isTick: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      let nowMs = 0
      const told = new Map<string, boolean>()
      const leftAtMs = new Map<string, number>()
      const departures = new DelayedDepartures(({ type, details: { channel } }) => {
        const isOccupied = type === 'channel.occupied'
        expect(told.get(channel) ?? false).toBe(!isOccupied)
        const wasAwayMs = nowMs - (leftAtMs.get(channel) ?? Number.NEGATIVE_INFINITY)
        expect(wasAwayMs).toBeGreaterThanOrEqual(DEPARTURE_DELAY_MS)
        told.set(channel, isOccupied)
      })
      const occupied = new Set<string>()
      for (const { channel: index, waitMs, isTick } of steps) {
        nowMs += waitMs
        if (isTick) departures.tick(nowMs)
        const channel = String(index)
        const isArrival = !occupied.has(channel)
        if (isArrival) occupied.add(channel)
        else {
          occupied.delete(channel)
          leftAtMs.set(channel, nowMs)
        }
        departures.take(moved(isArrival ? 'channel.occupied' : 'channel.vacated', channel), nowMs)
      }
      nowMs += DEPARTURE_DELAY_MS
      departures.tick(nowMs)
      const last = [...told].filter(([, isOccupied]) => isOccupied).map(([channel]) => channel)
      expect(new Set(last)).toEqual(occupied)
      expect(departures.waitingCount).toBe(0)
    }),
    { numRuns: 500 },
  )
})
