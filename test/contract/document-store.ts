/** The promises of the document store: a part of the store contract. */
import { describe, expect, test } from 'bun:test'
import type { DocumentStore } from '../../packages/server/src/ports/document-store.ts'
import { OPENED_NOTE_MS } from '../../packages/server/src/ports/document-store.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf } from './store-units.ts'

const NOW_MS = 1_900_000_000_000
const MANY = 2_500
const LARGE_BYTES = 3_000_000
const LONG_MS = 60_000
const KEY = { appId: 'app-1', name: 'notes' }

type Open = () => DocumentStore

export function bytesOf(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values)
}

const of = (name: string, ...values: readonly number[]) => ({
  key: { ...KEY, name },
  update: bytesOf(...values),
})
const namesIn = async (store: DocumentStore, appId = KEY.appId) => {
  const found = await store.list({ appId, after: undefined, countMax: 100 })
  return found.map(({ name }) => name)
}

export function testDocumentStore(bench: StoreBench): void {
  describe('the document store', () => {
    const store = () => regionOf(bench.store).documents
    testUpdates(store)
    testStates(store)
    testRemoval(store)
    testLists(store)

    test('is closed with the store, and waits for what was asked before', async () => {
      const documents = store()
      const appended = documents.append([of('notes', 1)], NOW_MS)
      const closed = bench.store.close()
      await appended
      await closed
      for (const late of [documents.load(KEY, NOW_MS), documents.removeApp('app-1')]) {
        const error: unknown = await late.catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'store_unavailable' })
      }
    })
  })
}

function testUpdates(store: Open): void {
  test('holds nothing at first', async () => {
    expect(await store().load(KEY, NOW_MS)).toBeUndefined()
    expect(await namesIn(store())).toEqual([])
    expect(await store().append([], NOW_MS)).toEqual([])
  })

  test('gives updates back in their order, with the number of the last', async () => {
    const first = store().append([of('notes', 1), of('other', 9), of('notes', 2)], NOW_MS)
    const second = store().append([of('notes', 3)], NOW_MS)
    const numbers = [...(await first), ...(await second)]
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(new Set(numbers).size).toBe(4)
    const updates = [bytesOf(1), bytesOf(2), bytesOf(3)]
    const stored = { state: undefined, updates, lastNumber: numbers[3] ?? 0 }
    expect(await store().load(KEY, NOW_MS)).toEqual(stored)
  })

  test('keeps every byte, none at all too', async () => {
    const every = Uint8Array.from({ length: 256 }, (_, at) => at)
    await store().append([{ key: KEY, update: every }, of('notes')], NOW_MS)
    expect((await store().load(KEY, NOW_MS))?.updates).toEqual([every, bytesOf()])
  })

  test('keeps bytes of its own: what is changed later is not changed there', async () => {
    const update = bytesOf(1)
    await store().append([{ key: KEY, update }], NOW_MS)
    update[0] = 2
    const [kept] = (await store().load(KEY, NOW_MS))?.updates ?? []
    kept?.fill(3)
    expect((await store().load(KEY, NOW_MS))?.updates).toEqual([bytesOf(1)])
  })

  test(
    'takes many updates and large ones in one call',
    async () => {
      const large = new Uint8Array(LARGE_BYTES).fill(7)
      const many = Array.from({ length: MANY }, (_, at) => of('notes', at & 0xff, at >> 8))
      await store().append([...many, { key: KEY, update: large }, of('notes', 5)], NOW_MS)
      const stored = await store().load(KEY, NOW_MS)
      expect(stored?.updates.length).toBe(MANY + 2)
      expect(stored?.updates[MANY - 1]).toEqual(many[MANY - 1]?.update)
      expect(Buffer.compare(stored?.updates[MANY] ?? bytesOf(), large)).toBe(0)
      expect(stored?.updates.at(-1)).toEqual(bytesOf(5))
    },
    LONG_MS,
  )
}

function testStates(store: Open): void {
  test('a state takes the place of what is up to its number, and of nothing later', async () => {
    const [one = 0, two = 0] = await store().append([of('notes', 1), of('notes', 2)], NOW_MS)
    await store().compact(KEY, one, bytesOf(10))
    const updates = [bytesOf(2)]
    const stored = { state: bytesOf(10), updates, lastNumber: two }
    expect(await store().load(KEY, NOW_MS)).toEqual(stored)
    await store().compact(KEY, two, bytesOf(20))
    const compacted = { state: bytesOf(20), updates: [], lastNumber: 0 }
    expect(await store().load(KEY, NOW_MS)).toEqual(compacted)
    const [three = 0] = await store().append([of('notes', 3)], NOW_MS)
    expect(three).toBeGreaterThan(two)
  })

  test('a state of another document of the same name changes nothing', async () => {
    const [old = 0] = await store().append([of('notes', 1)], NOW_MS)
    await store().remove(KEY)
    await store().compact(KEY, old, bytesOf(10))
    expect(await store().load(KEY, NOW_MS)).toBeUndefined()
    await store().append([of('notes', 2)], NOW_MS)
    await store().compact(KEY, old, bytesOf(10))
    const stored = await store().load(KEY, NOW_MS)
    expect(stored).toMatchObject({ state: undefined, updates: [bytesOf(2)] })
  })
}

function testRemoval(store: Open): void {
  test('a removed document is gone with its updates, its neighbours stay', async () => {
    const other = { key: { ...KEY, appId: 'app-2' }, update: bytesOf(3) }
    await store().append([of('notes', 1), of('more', 2), other], NOW_MS)
    await store().remove(KEY)
    await store().remove(KEY)
    expect(await store().load(KEY, NOW_MS)).toBeUndefined()
    expect(await namesIn(store())).toEqual(['more'])
    await store().append([of('notes', 4)], NOW_MS)
    expect((await store().load(KEY, NOW_MS))?.updates).toEqual([bytesOf(4)])
    await store().removeApp('app-1')
    await store().removeApp('app-1')
    expect(await namesIn(store())).toEqual([])
    expect(await namesIn(store(), 'app-2')).toEqual(['notes'])
  })

  test('prunes what was opened longest ago, a few at a time', async () => {
    for (const [at, name] of ['a', 'b', 'c', 'd'].entries())
      await store().append([of(name, 1)], NOW_MS + at)
    await store().load({ ...KEY, name: 'a' }, NOW_MS + 10)
    const bound = { appId: 'app-1', openedBeforeMs: NOW_MS + 3, countMax: 1 }
    expect(await store().prune(bound)).toBe(1)
    expect(await namesIn(store())).toEqual(['a', 'c', 'd'])
    expect(await store().prune({ ...bound, countMax: 9 })).toBe(1)
    expect(await store().prune({ ...bound, countMax: 9 })).toBe(0)
    expect(await store().prune({ ...bound, appId: 'app-2' })).toBe(0)
    expect(await namesIn(store())).toEqual(['a', 'd'])
  })

  test('a document that is edited for long is not one that nobody has open', async () => {
    await store().append([of('notes', 1)], NOW_MS)
    const laterMs = NOW_MS + OPENED_NOTE_MS + 1
    await store().append([of('notes', 2)], laterMs)
    const bound = { appId: 'app-1', openedBeforeMs: laterMs, countMax: 9 }
    expect(await store().prune(bound)).toBe(0)
  })
}

function testLists(store: Open): void {
  test('lists by name, page by page, with sizes and times', async () => {
    const updates = ['b', 'a', 'B', '_', 'c'].map((name) => of(name, 1, 2, 3))
    const numbers = await store().append(updates, NOW_MS)
    await store().append([of('a', 4, 5)], NOW_MS + 1)
    await store().compact({ ...KEY, name: 'b' }, numbers[0] ?? 0, bytesOf(1, 2, 3, 4, 5))
    await store().load({ ...KEY, name: 'b' }, NOW_MS + 5)
    expect(await namesIn(store())).toEqual(['B', '_', 'a', 'b', 'c'])
    const page = await store().list({ appId: 'app-1', after: '_', countMax: 2 })
    const times = { createdAtMs: NOW_MS, openedAtMs: NOW_MS }
    expect(page).toEqual([
      { name: 'a', byteCount: 5, updateCount: 2, ...times },
      { name: 'b', byteCount: 5, updateCount: 0, ...times, openedAtMs: NOW_MS + 5 },
    ])
    expect(await store().list({ appId: 'none', after: undefined, countMax: 9 })).toEqual([])
  })
}
