import { afterEach, beforeEach, expect, spyOn, test } from 'bun:test'
import { existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { REGIONS, tenantOf } from '../../../../../test/contract/records.ts'
import {
  grantOf,
  listAll,
  messageOf,
  messageOfBytes,
  queued,
  receiverOf,
  saved,
} from '../../../../../test/contract/session-records.ts'
import { regionOf } from '../../../../../test/contract/store-units.ts'
import type { SessionStore, SessionWrite } from '../../ports/session-store.ts'
import { openMemoryStore } from '../store-memory/store.ts'
import { openSqliteStore } from './store.ts'
import { WorkerChannel } from './worker-channel.ts'

const TABLES = ['sessions', 'grants', 'taken', 'retained', 'messages', 'receivers', 'deliveries']
const LONG_MS = 60_000

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-sessions-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

const open = (options: { readonly sessionDurability?: 'full' } = {}) =>
  openSqliteStore({ dataDir, regions: REGIONS, ...options })

/** Of the closed file. */
function inspect(query: string): unknown[] {
  const database = new DatabaseSync(join(dataDir, 'sessions-local.db'))
  const rows = database.prepare(query).all()
  database.close()
  return rows
}

const countRows = () =>
  TABLES.flatMap((table) => inspect(`SELECT count(*) AS n FROM ${table}`)).map(
    (row) => (row as { n: number }).n,
  )

test('the file is made at the first use, for its owner only, and leaves no journal', async () => {
  const file = join(dataDir, 'sessions-local.db')
  const store = await open()
  expect(existsSync(file)).toBe(false)
  await store.ping()
  await regionOf(store).sessions.apply([saved('a')])
  expect(['', '-wal', '-shm'].map((end) => statSync(file + end).mode & 0o777)).toEqual([
    0o600, 0o600, 0o600,
  ])
  await store.ping()
  await store.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
})

test('the file of another region is refused with what to do', async () => {
  const store = await open()
  await regionOf(store).sessions.load()
  await store.close()
  const names = ['sessions-local.db', 'sessions-eu.db'].map((name) => join(dataDir, name))
  renameSync(names[0] ?? '', names[1] ?? '')
  const regions = [...REGIONS, { region: 'europe', dbCode: 'eu' }]
  const other = await openSqliteStore({ dataDir, regions })
  const failed = other.regions.get('europe')?.sessions.load()
  const error: unknown = await failed?.catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'store_unavailable' })
  expect(String(error)).toContain('give each region its own dbCode back')
  await other.close()
})

test('only full durability asks the Worker to wait for the disk', async () => {
  const requests = spyOn(WorkerChannel.prototype, 'request')
  const asked = async (store: Awaited<ReturnType<typeof open>>) => {
    await regionOf(store).sessions.load()
    await store.close()
    const opens = requests.mock.calls.flatMap(([each]) => (each.kind === 'open' ? [each] : []))
    requests.mockClear()
    return opens.map(({ synchronous }) => synchronous)
  }
  try {
    expect(await asked(await open())).toEqual(['FULL', 'NORMAL'])
    expect(await asked(await open({ sessionDurability: 'full' }))).toEqual(['FULL', 'FULL'])
  } finally {
    requests.mockRestore()
  }
})

test('a change of records does not wait for a flood of messages', async () => {
  const store = await open()
  const { sessions } = regionOf(store)
  await sessions.apply([saved('a')])
  const ended: string[] = []
  const writes = Array.from({ length: 50_000 }, (_, at) => queued(messageOf(), receiverOf('a', at)))
  const flood = sessions.apply(writes).then(() => ended.push('flood'))
  const change = store.control
    .transaction((each) => each.saveTenant(tenantOf(1)))
    .then(() => ended.push('change'))
  await Promise.all([flood, change])
  expect(ended).toEqual(['change', 'flood'])
  await store.close()
})

test('a call that is sent in portions is kept as a whole or not at all, and harms no neighbour', async () => {
  const store = await open()
  const { sessions } = regionOf(store)
  const writes = [1, 2, 3, 4].map((at) => queued(messageOfBytes(200_000), receiverOf('a', at)))
  const [before, large, broken, after] = await Promise.allSettled([
    sessions.apply([saved('a')]),
    sessions.apply(writes),
    sessions.apply([saved('b'), ...writes, queued(messageOf(), receiverOf('a', Number.NaN))]),
    sessions.apply([
      queued(messageOf(), receiverOf('a', 5)),
      queued(messageOf(), receiverOf('b', 5)),
    ]),
  ])
  const statuses = [before, large, broken, after].map(({ status }) => status)
  expect(statuses).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect((await listAll(sessions, 'a')).map(({ seq: found }) => found)).toEqual([1, 2, 3, 4, 5])
  expect((await sessions.load()).sessions.map(({ id: found }) => found)).toEqual(['a'])
  await store.close()
})

test('nothing is left of what was removed, whichever way it went', async () => {
  const store = await open()
  const { sessions } = regionOf(store)
  const ids = ['a', 'b', 'c', 'd']
  for (const bytes of [10, 600, 5_000]) {
    const receivers = ids.map((id, at) => receiverOf(id, at + 1, { qos: 2 }))
    await sessions.apply([
      ...ids.map((id, at) => saved(id, { appId: at === 3 ? 'app-2' : 'app-1' })),
      ...ids.map((sessionId): SessionWrite => ({ kind: 'taken', sessionId, packetId: 1 })),
      ...ids.map((sessionId): SessionWrite => {
        return { kind: 'subscribed', sessionId, grant: grantOf('x') }
      }),
      queued(messageOfBytes(bytes), ...receivers),
      queued(messageOfBytes(bytes), receiverOf('none', 1), receiverOf('nobody', 1)),
      { kind: 'retained', appId: 'app-2', message: messageOfBytes(bytes) },
      { kind: 'done', sessionId: 'a', seq: 1 },
      { kind: 'received', sessionId: 'b', seq: 2 },
      { kind: 'session_removed', sessionId: 'c' },
      { kind: 'app_removed', appId: 'app-2' },
      { kind: 'app_removed', appId: 'app-1' },
    ])
  }
  await store.close()
  expect(countRows()).toEqual(TABLES.map(() => 0))
})

const IDS = ['a', 'b', 'c']
const id = fc.constantFrom(...IDS, 'none')
const seq = fc.integer({ min: 1, max: 6 })
const packetId = fc.integer({ min: 1, max: 3 })
const appId = fc.constantFrom('app-1', 'app-2')
const topic = fc.constantFrom('x', 'y', 'ü/\u{1f600}')
const message = fc
  .record({ topic, bytes: fc.constantFrom(0, 100, 300, 900, 5_000) })
  .map((given) => ({ ...messageOfBytes(given.bytes), topic: given.topic }))
const receiver = fc
  .record({ id, seq, qos: fc.constantFrom(1, 2) })
  .map((given) => receiverOf(given.id, given.seq, { qos: given.qos }))

const write: fc.Arbitrary<SessionWrite> = fc.oneof(
  fc.tuple(id, appId).map(([sessionId, app]) => saved(sessionId, { appId: app })),
  fc.tuple(message, fc.array(receiver, { maxLength: 4 })).map(([given, receivers]) => {
    return queued(given, ...receivers)
  }),
  fc.record({ kind: fc.constant('sent' as const), sessionId: id, seq, packetId }),
  fc.record({ kind: fc.constantFrom('received', 'done'), sessionId: id, seq }),
  fc.record({ kind: fc.constantFrom('taken', 'released'), sessionId: id, packetId }),
  fc.record({ sessionId: id, topic }).map(({ sessionId, topic: filter }): SessionWrite => {
    return { kind: 'subscribed', sessionId, grant: grantOf(filter) }
  }),
  fc.record({ kind: fc.constant('unsubscribed' as const), sessionId: id, filter: topic }),
  fc.record({ kind: fc.constant('session_removed' as const), sessionId: id }),
  fc.record({ kind: fc.constant('retained' as const), appId, message }),
  fc.record({ kind: fc.constant('unretained' as const), appId, topic }),
  fc.record({ kind: fc.constant('app_removed' as const), appId }),
)

const everythingOf = async (sessions: SessionStore) => [
  await sessions.load(),
  ...(await Promise.all([...IDS, 'none'].map((each) => listAll(sessions, each, 2)))),
]

test(
  'whatever is applied, the file holds what a map would, and no message without a receiver',
  async () => {
    const store = await open()
    const { sessions } = regionOf(store)
    const property = fc.asyncProperty(
      fc.array(fc.array(write, { maxLength: 12 }), { maxLength: 4 }),
      async (calls) => {
        const model = regionOf(openMemoryStore(REGIONS)).sessions
        const clear = ['app-1', 'app-2'].map(
          (app) => ({ kind: 'app_removed', appId: app }) as const,
        )
        await Promise.all([clear, ...calls].map((writes) => sessions.apply(writes)))
        for (const writes of calls) await model.apply(writes)
        expect(await everythingOf(sessions)).toEqual(await everythingOf(model))
      },
    )
    await fc.assert(property, { numRuns: 300 })
    await store.close()
    expect(
      inspect(`SELECT number FROM messages LEFT JOIN receivers ON message = number
        WHERE count IS NOT (SELECT count(*) FROM deliveries WHERE deliveries.message = number)
          OR count = 0`),
    ).toEqual([])
    expect(inspect('SELECT message FROM receivers EXCEPT SELECT number FROM messages')).toEqual([])
  },
  LONG_MS,
)
