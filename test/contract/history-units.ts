/**
 * Units of a durability test of the history store: each is one call that touches every table. Unit N
 * brings the last message of a channel that has all, and of one of a few that take turns.
 */
import {
  type HistoryWrite,
  storedMessageBytes,
} from '../../packages/server/src/ports/history-store.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import { added, advanced, APP, kept, lastEvent, lastEventOf, readAll } from './history-records.ts'
import { regionOf, type Units } from './store-units.ts'

const ALL = 'all'
const TURN_COUNT = 5
/** So that a disk is full soon. */
const DATA = JSON.stringify('ü'.repeat(1_500))

export const HISTORY_UNITS: Units = {
  save: (store, number) => regionOf(store).history.apply(writesOf(number)),
  countWhole: countWholeHistoryUnits,
}

function inAll(number: number) {
  return { channel: ALL, sequence: number + 1, timestampMs: 2 * number + 1, data: DATA }
}

function inTurn(number: number) {
  const sequence = Math.floor(number / TURN_COUNT) + 1
  return { channel: turnOf(number), sequence, timestampMs: 2 * number + 2 }
}

function turnOf(number: number): string {
  return `turn:${number % TURN_COUNT}`
}

function lastOf(number: number) {
  return { channel: turnOf(number), data: String(number) }
}

function writesOf(number: number): HistoryWrite[] {
  return [
    added(number, inAll(number)),
    added(number, inTurn(number)),
    advanced('bare', number + 1, 2 * number + 2),
    lastEvent(lastOf(number)),
    { kind: 'last_event_gone', appId: APP, channel: turnOf(number - 2 + TURN_COUNT) },
  ]
}

/** @returns N when exactly the units 0 to N-1 are there, as written; anything else throws. */
async function countWholeHistoryUnits(store: Store): Promise<number> {
  const { history } = regionOf(store)
  const count = (await history.tail(APP, 'bare')).lastSequence
  const numbers = Array.from({ length: count }, (_, number) => number)
  const all = numbers.map((number) => kept(number, inAll(number)))
  const turns = numbers.map((number) => kept(number, inTurn(number)))
  const found = await Promise.all(
    numbers.slice(0, TURN_COUNT).map((number) => readAll(history, { channel: turnOf(number) })),
  )
  const byteCount = [...all, ...turns].reduce((sum, each) => sum + storedMessageBytes(each), 0)
  const byChannel = (a: { channel: string }, b: { channel: string }) =>
    a.channel < b.channel ? -1 : 1
  const lastEvents = numbers.slice(-2).map((number) => lastEventOf(lastOf(number)))
  const isWhole =
    Bun.deepEquals(await readAll(history, { channel: ALL }), all) &&
    Bun.deepEquals(
      found.flat().sort((a, b) => a.timestampMs - b.timestampMs),
      turns,
    ) &&
    Bun.deepEquals(await history.usage(APP), { messageCount: 2 * count, byteCount }) &&
    Bun.deepEquals(await history.lastEvents(0), lastEvents.sort(byChannel)) &&
    (await history.tail(APP, ALL)).lastSequence === count
  if (isWhole) return count
  throw new Error(`the units are not whole: ${count} said`)
}
