/**
 * Units of a durability test of the document store. Unit N appends its number to two documents in
 * one call, after a state has taken the place of what came before, now and then.
 */
import type { Store } from '../../packages/server/src/ports/store.ts'
import { regionOf, type Units } from './store-units.ts'

const NOW_MS = 1_900_000_000_000
const DOCUMENT_COUNT = 5
const COMPACT_EVERY = 7
/** On pages of its own. */
const UPDATE_BYTES = 3_000

export const DOCUMENT_UNITS: Units = { save: saveUnit, countWhole }

const keyOf = (name: string) => ({ appId: 'app-1', name })
const ALL = keyOf('all')
const oneOf = (number: number) => keyOf(`document-${number % DOCUMENT_COUNT}`)

function updateOf(number: number): Uint8Array {
  const update = new Uint8Array(UPDATE_BYTES).fill(number)
  new DataView(update.buffer).setUint32(0, number)
  return update
}

/** A state that says how many units are in it. */
const stateOf = (count: number) => updateOf(count)

async function saveUnit(store: Store, number: number): Promise<void> {
  const { documents } = regionOf(store)
  if (number % COMPACT_EVERY === COMPACT_EVERY - 1) {
    const stored = await documents.load(ALL, NOW_MS)
    if (stored !== undefined) await documents.compact(ALL, stored.lastNumber, stateOf(number))
  }
  const update = updateOf(number)
  const updates = [ALL, oneOf(number)].map((key) => ({ key, update }))
  await documents.append(updates, NOW_MS)
}

/** @returns N when exactly the units 0 to N-1 are there, as written; anything else throws. */
async function countWhole(store: Store): Promise<number> {
  const { documents } = regionOf(store)
  const all = await documents.load(ALL, NOW_MS)
  const first = all?.state === undefined ? 0 : new DataView(all.state.buffer).getUint32(0)
  const count = first + (all?.updates.length ?? 0)
  const numbers = Array.from({ length: count }, (_, number) => number)
  const found = await Promise.all(
    numbers.slice(0, DOCUMENT_COUNT).map((number) => documents.load(oneOf(number), NOW_MS)),
  )
  const isWhole =
    (first === 0 || Bun.deepEquals(all?.state, stateOf(first))) &&
    Bun.deepEquals(all?.updates ?? [], numbers.slice(first).map(updateOf)) &&
    found.every((stored, at) => {
      const own = numbers.filter((number) => number % DOCUMENT_COUNT === at)
      return Bun.deepEquals(stored?.updates, own.map(updateOf))
    })
  if (isWhole) return count
  throw new Error(`the units are not whole: ${count} said`)
}
