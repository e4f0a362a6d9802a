import { afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  added,
  addedFrom,
  APP,
  lastEvent,
  pruneOf,
  readAll,
} from '../../../../../test/contract/history-records.ts'
import { REGIONS } from '../../../../../test/contract/records.ts'
import { regionOf } from '../../../../../test/contract/store-units.ts'
import { openSqliteStore } from './store.ts'

const TABLES = ['apps', 'channels', 'messages', 'last_events']

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-history-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

const open = () => openSqliteStore({ dataDir, regions: REGIONS })

/** Of the closed file. */
function countRows(): number[] {
  const database = new DatabaseSync(join(dataDir, 'history-local.db'))
  const counts = TABLES.map((table) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get())
  database.close()
  return counts.map((row) => Number(row?.['n']))
}

test('the file is made at the first use, for its owner only, and leaves no journal', async () => {
  const file = join(dataDir, 'history-local.db')
  const store = await open()
  await store.ping()
  expect(existsSync(file)).toBe(false)
  await regionOf(store).history.apply([added(1)])
  expect(['', '-wal', '-shm'].map((end) => statSync(file + end).mode & 0o777)).toEqual([
    0o600, 0o600, 0o600,
  ])
  await store.ping()
  await store.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
})

test('nothing is left of removed apps in the end, however often they were', async () => {
  const store = await open()
  const { history } = regionOf(store)
  for (const channel of ['a', 'b']) {
    await history.apply([...addedFrom(1, 900, { channel }), lastEvent()])
    await history.apply([{ kind: 'app_removed', appId: APP }])
  }
  // Each waits for a step of what is being removed, since all take turns.
  for (let turn = 0; turn < 50; turn++) await history.usage(APP)
  await store.close()
  expect(countRows()).toEqual([0, 0, 0, 0])
})

test('what is left when the store is closed goes at the next start', async () => {
  const first = await open()
  await regionOf(first).history.apply([...addedFrom(1, 900), { kind: 'app_removed', appId: APP }])
  await first.close()
  const store = await open()
  for (let turn = 0; turn < 50; turn++) await regionOf(store).history.usage(APP)
  await store.close()
  expect(countRows()).toEqual([0, 0, 0, 0])
})

test('a call that fails leaves nothing behind, and is forgotten by what comes after it', async () => {
  const store = await open()
  const { history } = regionOf(store)
  await history.apply([added(1)])
  const broken = { data: undefined as unknown as string, id: 'broken' }
  const failed = history.apply([added(2), added(1, { channel: 'new' }), added(3, broken)])
  expect(await failed.catch(() => 'failed')).toBe('failed')
  await history.apply([added(2), added(1, { channel: 'new' })])
  expect((await readAll(history)).map(({ sequence }) => sequence)).toEqual([1, 2])
  expect(await readAll(history, { channel: 'new' })).toHaveLength(1)
  expect((await history.usage(APP)).messageCount).toBe(3)
  await store.close()
})

test('messages that are published while much is pruned do not wait for its end', async () => {
  const store = await open()
  const { history } = regionOf(store)
  await history.apply(addedFrom(1, 4_000))
  const ended: string[] = []
  const pruned = history.prune(pruneOf({ countMax: 3_999 })).then(() => ended.push('pruned'))
  const applied = history.apply([added(4_001)]).then(() => ended.push('applied'))
  await Promise.all([pruned, applied])
  expect(ended).toEqual(['applied', 'pruned'])
  await store.close()
})
