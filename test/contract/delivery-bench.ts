/** What the tests of the queue of deliveries put in it and ask of it. */
import type { EndpointPlace, NewDelivery } from '../../packages/server/src/ports/delivery-queue.ts'
import { appOf } from './records.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf } from './store-units.ts'

export const APP_ID = appOf(1).id
export const ENDPOINTS = ['whe_a', 'whe_b'] as const
export const A: EndpointPlace = { appId: APP_ID, endpointId: ENDPOINTS[0] }
export const B: EndpointPlace = { appId: APP_ID, endpointId: ENDPOINTS[1] }
export const LEASE_MS = 100

export function idOf(number: number): string {
  return `msg_${String(number).padStart(27, '0')}`
}

export function deliveryOf(number: number, changes: Partial<NewDelivery> = {}): NewDelivery {
  return {
    id: idOf(number),
    ...A,
    body: `{"n":${number},"text":"Größe \u{1f600} '; --"}`,
    eventTypes: ['channel.occupied', 'channel.vacated'],
    createdAtMs: number,
    attemptCount: 0,
    dueAtMs: number,
    state: 'waiting',
    lastOutcome: undefined,
    isTaken: false,
    ...changes,
  }
}

export function queueOf(bench: StoreBench) {
  const queue = regionOf(bench.store)
  const take = (nowMs: number, wanted: readonly EndpointPlace[] = [A, B], countMax = 10) =>
    queue.takeDueDeliveries({
      nowMs,
      leaseMs: LEASE_MS,
      wanted: wanted.map((place) => ({ ...place, countMax })),
    })
  const takeIds = async (...given: Parameters<typeof take>) =>
    (await take(...given)).deliveries.map(({ id }) => id)
  const find = (id: string) => queue.transaction((each) => each.findDelivery(id))
  const dead = (place: EndpointPlace, afterId = '') =>
    queue.transaction((each) =>
      each.listDeliveries({ ...place, state: 'dead', afterId, countMax: 2 }),
    )
  return { queue, take, takeIds, find, dead }
}
