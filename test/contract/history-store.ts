/** The promises of the history store: a part of the store contract. */
import { describe, expect, test } from 'bun:test'
import {
  type HistoryStore,
  type HistoryWrite,
  storedMessageBytes,
} from '../../packages/server/src/ports/history-store.ts'
import {
  added,
  addedFrom,
  advanced,
  APP,
  CHANNEL,
  kept,
  lastEvent,
  lastEventOf,
  pruneOf,
  queryOf,
  readAll,
  sequencesOf,
} from './history-records.ts'
import { testHistoryModel } from './history-model.ts'
import { testPruning } from './history-pruning.ts'
import { HOSTILE } from './session-records.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf } from './store-units.ts'

const MANY = 20_000
const BATCH_COUNT = 1_000
const NEVER = { lastSequence: 0, lastTimestampMs: 0, oldestTimestampMs: undefined }

export function testHistoryStore(bench: StoreBench): void {
  describe('the history store', () => {
    const store = () => regionOf(bench.store).history
    testMessages(store)
    testPages(store)
    testTails(store)
    testPruning(store)
    testLastEvents(store)
    testRemoval(store)
    testOrder(store)
    testHistoryModel(store)

    test('is closed with the store, and waits for what was asked before', async () => {
      const history = store()
      const applied = history.apply([added(1)])
      const closed = bench.store.close()
      await applied
      await closed
      const late = [history.apply([added(2)]), history.page(queryOf()), history.newest()]
      for (const each of late) {
        const error: unknown = await each.catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'store_unavailable' })
      }
    })
  })
}

type Open = () => HistoryStore

function testMessages(store: Open): void {
  test('holds nothing at first', async () => {
    await store().apply([])
    expect(await store().page(queryOf())).toEqual({ messages: [], hasMore: false })
    expect(await store().tail(APP, CHANNEL)).toEqual(NEVER)
    expect(await store().newest()).toEqual(new Map())
    expect(await store().lastEvents(0)).toEqual([])
    expect(await store().usage(APP)).toEqual({ messageCount: 0, byteCount: 0 })
    expect(await store().channels({ appId: APP, after: undefined, countMax: 10 })).toEqual([])
    expect(await store().prune(pruneOf())).toBe(0)
  })

  test('gives messages back field for field, apart by app and channel', async () => {
    const texts = { id: HOSTILE, data: JSON.stringify(HOSTILE), publisherId: HOSTILE }
    const hostile = kept(1, { ...texts, channel: HOSTILE })
    const other = kept(1, { appId: 'app-2' })
    const empty = kept(1, { publisherId: '', data: '""' })
    const messages = [hostile, other, empty]
    await store().apply(messages.map((message) => ({ kind: 'message', message })))
    for (const message of messages) {
      const { appId, channel } = message
      const page = await store().page(queryOf({ appId, channel }))
      expect(page).toEqual({ messages: [message], hasMore: false })
    }
  })

  test('keeps a message once, however often and however late it is applied again', async () => {
    await store().apply([added(1), added(2), added(2), added(1)])
    await store().apply([added(2), added(3)])
    expect(await readAll(store())).toEqual([kept(1), kept(2), kept(3)])
    await store().prune(pruneOf({ countMax: 2 }))
    await store().apply([added(1), added(2), added(3)])
    expect(await readAll(store())).toEqual([kept(3)])
    const byteCount = storedMessageBytes(kept(3))
    expect(await store().usage(APP)).toEqual({ messageCount: 1, byteCount })
  })

  test('counts messages and their bytes, of one app only', async () => {
    const messages = [kept(1), kept(2, { data: '"ü\u{1f600}"' }), kept(3, { publisherId: 'ß' })]
    await store().apply(messages.map((message) => ({ kind: 'message', message })))
    await store().apply([added(1, { appId: 'app-2' })])
    const byteCount = messages.reduce((sum, message) => sum + storedMessageBytes(message), 0)
    expect(await store().usage(APP)).toEqual({ messageCount: 3, byteCount })
  })

  test(`keeps ${MANY} messages of many channels in their order`, async () => {
    const of = (sequence: number) => ({ channel: `rooms:${sequence % 7}` })
    const calls = Array.from({ length: MANY / BATCH_COUNT }, (_, call) =>
      Array.from({ length: BATCH_COUNT }, (__, at) => call * BATCH_COUNT + at + 1),
    )
    await Promise.all(
      calls.map((numbers) => store().apply(numbers.map((number) => added(number, of(number))))),
    )
    const found = await readAll(store(), { channel: 'rooms:3', countMax: 400 })
    const expected = calls.flat().filter((number) => number % 7 === 3)
    expect(found.map(({ sequence }) => sequence)).toEqual(expected)
    expect((await store().usage(APP)).messageCount).toBe(MANY)
  })
}

function testPages(store: Open): void {
  const asked = async (changes: Parameters<typeof queryOf>[0]) => {
    const page = await store().page(queryOf(changes))
    return [...sequencesOf(page), page.hasMore]
  }

  test('are bounded on both sides, exclusively, in both directions', async () => {
    await store().apply(addedFrom(1, 9))
    expect(await asked({ countMax: 3 })).toEqual([1, 2, 3, true])
    expect(await asked({ afterMs: 3_000, countMax: 3 })).toEqual([4, 5, 6, true])
    expect(await asked({ afterMs: 6_000, countMax: 3 })).toEqual([7, 8, 9, false])
    expect(await asked({ afterMs: 6_001, beforeMs: 8_999 })).toEqual([7, 8, false])
    expect(await asked({ afterMs: 9_000 })).toEqual([false])
    const backward = { direction: 'backward' } as const
    expect(await asked({ ...backward, countMax: 3 })).toEqual([9, 8, 7, true])
    expect(await asked({ ...backward, beforeMs: 7_000, countMax: 3 })).toEqual([6, 5, 4, true])
    expect(await asked({ ...backward, beforeMs: 4_000, countMax: 3 })).toEqual([3, 2, 1, false])
    expect(await asked({ ...backward, beforeMs: 5_000, afterMs: 2_000 })).toEqual([4, 3, false])
    expect(await asked({ afterMs: 5_000, beforeMs: 5_000 })).toEqual([false])
  })

  test('are short where messages are large, and never empty before the end', async () => {
    const sizes = [10, 700, 700, 5_000, 10, 10]
    await store().apply(sizes.map((size, at) => added(at + 1, { data: `"${'x'.repeat(size)}"` })))
    const bytes = sizes.map((size) => storedMessageBytes(kept(1, { data: 'x'.repeat(size + 2) })))
    const two = (bytes[0] ?? 0) + (bytes[1] ?? 0)
    expect(await asked({ byteCountMax: two })).toEqual([1, 2, true])
    expect(await asked({ byteCountMax: two - 1 })).toEqual([1, true])
    expect(await asked({ byteCountMax: 1 })).toEqual([1, true])
    expect(await asked({ byteCountMax: 1, afterMs: 5_000 })).toEqual([6, false])
    for (const direction of ['forward', 'backward'] as const) {
      const found = await readAll(store(), { direction, byteCountMax: 1_000 })
      const numbers = found.map(({ sequence }) => sequence)
      expect(direction === 'forward' ? numbers : numbers.reverse()).toEqual([1, 2, 3, 4, 5, 6])
    }
  })

  test('hold large messages as they are', async () => {
    const message = kept(1, { data: JSON.stringify('ü"'.repeat(300_000)) })
    await store().apply([{ kind: 'message', message }, added(2)])
    expect(await readAll(store())).toEqual([message, kept(2)])
  })

  test('cannot be changed through a reference', async () => {
    const message = { ...kept(1) }
    await store().apply([{ kind: 'message', message }])
    message.data = 'changed'
    const [found] = (await store().page(queryOf())).messages as readonly { data: string }[]
    if (found !== undefined) found.data = 'changed'
    expect(await readAll(store())).toEqual([kept(1)])
  })
}

function testTails(store: Open): void {
  test('say how far a channel has come, kept or not, and outlive the messages', async () => {
    await store().apply([added(1), added(2), advanced(CHANNEL, 4, 4_500)])
    const tail = { lastSequence: 4, lastTimestampMs: 4_500, oldestTimestampMs: 1_000 }
    expect(await store().tail(APP, CHANNEL)).toEqual(tail)
    await store().prune(pruneOf({ countMax: 1 }))
    expect(await store().tail(APP, CHANNEL)).toEqual({ ...tail, oldestTimestampMs: 2_000 })
    await store().prune(pruneOf())
    expect(await store().tail(APP, CHANNEL)).toEqual({ ...tail, oldestTimestampMs: undefined })
    await store().apply([added(6)])
    expect(await store().tail(APP, CHANNEL)).toEqual({
      lastSequence: 6,
      lastTimestampMs: 6_000,
      oldestTimestampMs: 6_000,
    })
  })

  test('do not go back, and what is not beyond them is a repetition', async () => {
    await store().apply([advanced('new', 5, 5_000), advanced('new', 3, 6_000)])
    const tail = { lastSequence: 5, lastTimestampMs: 6_000, oldestTimestampMs: undefined }
    expect(await store().tail(APP, 'new')).toEqual(tail)
    await store().apply([
      added(5, { channel: 'new', timestampMs: 9_000 }),
      added(9, { channel: 'new', timestampMs: 6_000 }),
    ])
    expect(await readAll(store(), { channel: 'new' })).toEqual([])
    expect(await store().tail(APP, 'new')).toMatchObject({ lastSequence: 9 })
  })

  test('give the newest timestamp of each app', async () => {
    await store().apply([
      ...addedFrom(1, 3),
      advanced('other', 1, 7_000),
      added(2, { appId: 'app-2' }),
      lastEvent({ appId: 'app-3' }),
    ])
    await store().prune(pruneOf())
    expect(Object.fromEntries(await store().newest())).toEqual({ [APP]: 7_000, 'app-2': 2_000 })
  })
}

function testLastEvents(store: Open): void {
  const gone = (channel: string): HistoryWrite => ({ kind: 'last_event_gone', appId: APP, channel })

  test('are one for each channel, until they expire', async () => {
    const hostile = { channel: HOSTILE, event: HOSTILE, data: HOSTILE, expiresAtMs: 9_000 }
    await store().apply([
      lastEvent({ data: 'first' }),
      lastEvent(hostile),
      lastEvent({ data: 'second', expiresAtMs: 7_000 }),
      lastEvent({ appId: 'app-2' }),
      lastEvent({ channel: 'gone' }),
      gone('gone'),
      gone('never there'),
    ])
    const second = lastEventOf({ data: 'second', expiresAtMs: 7_000 })
    const all = [lastEventOf(hostile), second, lastEventOf({ appId: 'app-2' })]
    expect(await store().lastEvents(4_999)).toEqual(all)
    expect(await store().lastEvents(5_000)).toEqual(all.slice(0, 2))
    expect(await store().lastEvents(9_000)).toEqual([])
  })

  test('of any number and size are all there', async () => {
    const sizes = Array.from({ length: 2_500 }, (_, at) => (at % 1_000 === 0 ? 900_000 : 10))
    const names = sizes.map((_, at) => `cache-${String(at).padStart(5, '0')}`)
    await store().apply(
      sizes.map((size, at) => lastEvent({ channel: names[at] ?? '', data: 'x'.repeat(size) })),
    )
    const found = await store().lastEvents(0)
    expect(found.map(({ channel }) => channel)).toEqual(names)
    expect(found.map(({ data }) => data.length)).toEqual(sizes)
  })
}

function testRemoval(store: Open): void {
  const removed = (appId: string): HistoryWrite => ({ kind: 'app_removed', appId })

  test('takes everything of an app at once, and leaves the others', async () => {
    const other = { appId: 'app-2' }
    await store().apply([
      ...addedFrom(1, 1_200),
      advanced('b', 3, 1_500_000),
      lastEvent(),
      added(1, other),
      lastEvent(other),
      removed(APP),
    ])
    expect(await store().page(queryOf())).toEqual({ messages: [], hasMore: false })
    expect(await store().tail(APP, CHANNEL)).toEqual(NEVER)
    expect(await store().usage(APP)).toEqual({ messageCount: 0, byteCount: 0 })
    expect(await store().channels({ appId: APP, after: undefined, countMax: 9 })).toEqual([])
    expect(await store().newest()).toEqual(new Map([['app-2', 1_000]]))
    expect(await store().lastEvents(0)).toEqual([lastEventOf(other)])
    expect(await readAll(store(), other)).toEqual([kept(1, other)])
  })

  test('lets an app of the same id begin anew, in the same call too', async () => {
    await store().apply([...addedFrom(1, 5), removed(APP), added(1), removed('none')])
    expect(await readAll(store())).toEqual([kept(1)])
    expect((await store().usage(APP)).messageCount).toBe(1)
    await store().apply([removed(APP), removed(APP)])
    await store().apply(addedFrom(1, 2))
    expect(await readAll(store())).toEqual([kept(1), kept(2)])
  })
}

function testOrder(store: Open): void {
  test('carries out calls in the order in which they were made', async () => {
    const calls = Array.from({ length: 50 }, (_, at) => store().apply([added(at + 1)]))
    const seen = store().page(queryOf())
    const pruned = store().prune(pruneOf({ countMax: 10 }))
    const tail = store().tail(APP, CHANNEL)
    const later = store().apply([added(51)])
    expect(sequencesOf(await seen)).toHaveLength(50)
    expect(await pruned).toBe(10)
    expect(await tail).toMatchObject({ lastSequence: 50, oldestTimestampMs: 11_000 })
    await Promise.all([...calls, later])
    expect((await store().tail(APP, CHANNEL)).lastSequence).toBe(51)
  })
}
