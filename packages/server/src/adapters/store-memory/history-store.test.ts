import { expect, test } from 'bun:test'
import { added, APP, pruneOf, readAll } from '../../../../../test/contract/history-records.ts'
import { MemoryHistoryStore } from './history-store.ts'

test('a full store is an outage that writes nothing, until something is removed', async () => {
  const store = new MemoryHistoryStore(() => {}, 10_000)
  const data = 'x'.repeat(4_000)
  await store.apply([added(1, { data }), added(2, { data })])
  const failed: unknown = await store
    .apply([added(3), added(4, { data })])
    .catch((reason: unknown) => reason)
  expect(failed).toMatchObject({ code: 'store_full' })
  expect(await readAll(store)).toHaveLength(2)
  await store.prune(pruneOf({ countMax: 1 }))
  await store.apply([added(3), added(4, { data })])
  expect((await readAll(store)).map(({ sequence }) => sequence)).toEqual([2, 3, 4])
  await store.apply([{ kind: 'app_removed', appId: APP }])
  expect(await store.usage(APP)).toEqual({ messageCount: 0, byteCount: 0 })
})
