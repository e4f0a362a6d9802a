/** What the history store promises of pruning, and of finding what there is to prune. */
import { expect, test } from 'bun:test'
import {
  type HistoryStore,
  storedMessageBytes,
} from '../../packages/server/src/ports/history-store.ts'
import {
  added,
  addedFrom,
  advanced,
  APP,
  CHANNEL,
  kept,
  pruneOf,
  readAll,
} from './history-records.ts'

const MANY = 3_000

export function testPruning(store: () => HistoryStore): void {
  const left = async (channel = CHANNEL) =>
    (await readAll(store(), { channel })).map(({ sequence }) => sequence)

  test('takes the oldest of one channel, by age and count', async () => {
    await store().apply([...addedFrom(1, 9), ...addedFrom(1, 3, { channel: 'other' })])
    const of = (changes: object) => store().prune(pruneOf({ channel: CHANNEL, ...changes }))
    expect(await of({ beforeMs: 1_000 })).toBe(0)
    expect(await of({ beforeMs: 4_000, countMax: 2 })).toBe(2)
    expect(await of({ beforeMs: 4_000, countMax: 2 })).toBe(1)
    expect(await left()).toEqual([4, 5, 6, 7, 8, 9])
    expect(await of({ countMax: 2 })).toBe(2)
    expect(await of({ channel: 'none' })).toBe(0)
    expect(await left()).toEqual([6, 7, 8, 9])
    expect(await left('other')).toEqual([1, 2, 3])
  })

  test('takes the oldest of the whole app, in whichever channels, and of no other app', async () => {
    const channels = ['a', 'b', 'c']
    const channelOf = (number: number) => ({ channel: channels[number % 3] ?? '' })
    await store().apply(Array.from({ length: 12 }, (_, at) => added(at + 1, channelOf(at + 1))))
    await store().apply(addedFrom(1, 3, { appId: 'app-2' }))
    expect(await store().prune(pruneOf({ countMax: 4 }))).toBe(4)
    expect(await Promise.all(channels.map(left))).toEqual([
      [6, 9, 12],
      [7, 10],
      [5, 8, 11],
    ])
    expect(await store().prune(pruneOf({ beforeMs: 11_000 }))).toBe(6)
    expect(await Promise.all(channels.map(left))).toEqual([[12], [], [11]])
    const byteCount = [11, 12].reduce((sum, each) => sum + storedMessageBytes(kept(each)), 0)
    expect(await store().usage(APP)).toEqual({ messageCount: 2, byteCount })
    expect((await store().usage('app-2')).messageCount).toBe(3)
  })

  test('takes as many as were asked for, however many that are', async () => {
    await store().apply(addedFrom(1, MANY))
    expect(await store().prune(pruneOf({ countMax: MANY - 1 }))).toBe(MANY - 1)
    expect(await left()).toEqual([MANY])
    expect(await store().prune(pruneOf({ countMax: 0 }))).toBe(0)
    expect(await store().prune(pruneOf({ channel: CHANNEL, countMax: MANY }))).toBe(1)
    expect(await store().usage(APP)).toEqual({ messageCount: 0, byteCount: 0 })
  })

  test('finds channels that keep messages, page by page, by name', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    await store().apply([
      ...names.flatMap((channel, at) => addedFrom(at + 1, 7, { channel })),
      advanced('bb', 1, 1_000),
      added(1, { appId: 'app-2', channel: 'cc' }),
    ])
    await store().prune(pruneOf({ channel: 'c' }))
    await store().prune(pruneOf({ channel: 'd', countMax: 1 }))
    const page = (after: string | undefined, countMax: number) =>
      store().channels({ appId: APP, after, countMax })
    expect(await page(undefined, 2)).toEqual([
      { channel: 'a', oldestTimestampMs: 1_000 },
      { channel: 'b', oldestTimestampMs: 2_000 },
    ])
    expect(await page('b', 9)).toEqual([
      { channel: 'd', oldestTimestampMs: 5_000 },
      { channel: 'e', oldestTimestampMs: 5_000 },
    ])
    expect(await page('e', 9)).toEqual([])
  })
}
