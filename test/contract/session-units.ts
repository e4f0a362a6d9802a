/**
 * Units of a durability test of the session store: each is one call that touches every table. Unit N
 * brings the last of its two queues, one shared message, and a retained message up to N.
 */
import type { SessionWrite } from '../../packages/server/src/ports/session-store.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import {
  grantOf,
  listAll,
  messageOf,
  queued,
  receiverOf,
  saved,
  waitingOf,
} from './session-records.ts'
import { regionOf, type Units } from './store-units.ts'

const SESSION_COUNT = 5
/** Kept once for both receivers, and on a page of its own. */
const SHARED_BYTES = 3_000

export const SESSION_UNITS: Units = {
  save: (store, number) => regionOf(store).sessions.apply(writesOf(number)),
  countWhole: countWholeSessionUnits,
}

/** Whose queue holds the messages of all units. */
const ALL = 'all'

function idOf(number: number): string {
  return `session ${number % SESSION_COUNT}`
}

function sharedOf(number: number) {
  return messageOf({ topic: `unit/${number}`, payload: new Uint8Array(SHARED_BYTES).fill(number) })
}

function writesOf(number: number): SessionWrite[] {
  const [id, seq] = [idOf(number), number + 1]
  const ids = { sessionId: id, seq: seq - SESSION_COUNT }
  return [
    saved(ALL, { expirySeconds: seq }),
    saved(id, { expirySeconds: seq }),
    { kind: 'subscribed', sessionId: id, grant: grantOf('x', { subscriptionId: seq }) },
    { kind: 'done', ...ids },
    { kind: 'released', sessionId: id, packetId: ids.seq },
    { kind: 'taken', sessionId: id, packetId: seq },
    queued(sharedOf(number), receiverOf(ALL, seq), receiverOf(id, seq)),
    { kind: 'retained', appId: 'app-1', message: sharedOf(number) },
    { kind: 'unretained', appId: 'app-1', topic: sharedOf(number - 1).topic },
  ]
}

/** @returns N when exactly the units 0 to N-1 are there, as written; anything else throws. */
async function countWholeSessionUnits(store: Store): Promise<number> {
  const { sessions } = regionOf(store)
  const loaded = await sessions.load()
  const count = loaded.sessions.find(({ id }) => id === ALL)?.expirySeconds ?? 0
  const numbers = Array.from({ length: count }, (_, number) => number)
  const all = await listAll(sessions, ALL)
  const last = numbers.slice(-SESSION_COUNT)
  const own = await Promise.all(last.map((number) => listAll(sessions, idOf(number))))
  const rows = loaded.sessions.filter(({ id }) => id !== ALL)
  const isWhole =
    Bun.deepEquals(
      all,
      numbers.map((number) => waitingOf(sharedOf(number), receiverOf(ALL, number + 1))),
    ) &&
    Bun.deepEquals(
      own,
      last.map((number) => [waitingOf(sharedOf(number), receiverOf(idOf(number), number + 1))]),
    ) &&
    Bun.deepEquals(
      loaded.retained,
      numbers.slice(-1).map((number) => ({ appId: 'app-1', message: sharedOf(number) })),
    ) &&
    rows.length === last.length &&
    rows.every(({ expirySeconds, grants, takenPacketIds, queuedCount }) => {
      const isGranted = grants.length === 1 && grants[0]?.subscriptionId === expirySeconds
      return isGranted && Bun.deepEquals(takenPacketIds, [expirySeconds]) && queuedCount === 1
    })
  if (isWhole) return count
  throw new Error(`the units are not whole: ${count} said, ${all.length} queued`)
}
