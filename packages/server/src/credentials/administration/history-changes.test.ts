import { beforeEach, describe, expect, test } from 'bun:test'
import { REGIONS } from '../../../../../test/contract/records.ts'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import type { HistoryStore } from '../../ports/history-store.ts'
import { Outage } from '../../ports/outage.ts'
import { DELETED_AT_ONCE_MAX, HistoryChanges, type HistorySelection } from './history-changes.ts'

const reason = 'asked by the customer'

let world: AdministrationWorld
let changes: HistoryChanges
let history: HistoryStore
let appId = ''
let forgotten: HistorySelection[]
let hasSettled: boolean
/** Later than all messages of these tests. */
const END_MS = 1_000_000

beforeEach(async () => {
  const store = openMemoryStore(REGIONS)
  world = await AdministrationWorld.open({}, { store })
  const tenantId = await world.tenant()
  const app = { tenantId, name: 'chat', plan: 'unlimited', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...app, type: 'confidential' }, CALLER))
  appId = made.loaded.app.id
  const region = store.regions.get('local')
  if (region === undefined) throw new Error('there is no region')
  history = region.history
  forgotten = []
  hasSettled = true
  changes = new HistoryChanges(world.core.administration, {
    settled: async () => hasSettled,
    endMs: () => END_MS,
    forget: (of) => void forgotten.push(of),
  })
})

async function keep(channel: string, times: readonly number[], of = appId): Promise<void> {
  await history.apply(
    times.map((timestampMs, index) => ({
      kind: 'message',
      message: {
        ...{ appId: of, channel, id: `${channel}-${timestampMs}`, data: '1', publisherId: 'p' },
        ...{ timestampMs, sequence: index + 1 },
      },
    })),
  )
}

async function rows() {
  const trail = await world.core.administration.store.regions
    .get('local')
    ?.transaction(async (transaction) => {
      const heads = await transaction.listAuditHeads()
      const pages = heads.map(({ tenantId }) =>
        transaction.listAudit({ tenantId, afterSeq: 0, countMax: 100 }),
      )
      return (await Promise.all(pages)).flat()
    })
  return (trail ?? []).filter(({ entry }) => entry.includes('history.deleted'))
}

const count = async () => (await world.done(changes.usage(appId))).messageCount

describe('what is kept of an app', () => {
  test('is told as it is in the store', async () => {
    expect(await world.done(changes.usage(appId))).toMatchObject({ messageCount: 0, byteCount: 0 })
    await keep('a', [1, 2, 3])
    const { messageCount, byteCount, loaded } = await world.done(changes.usage(appId))
    expect(messageCount).toBe(3)
    expect(byteCount).toBeGreaterThan(0)
    expect(loaded.app.id).toBe(appId)
  })

  test('is deleted by channel, by age, or all of it', async () => {
    await keep('a', [1, 2, 3])
    await keep('b', [4, 5])
    await keep('a', [9], 'another app')
    const remove = async (of: Partial<HistorySelection>) => {
      const all = { appId, channel: undefined, beforeMs: undefined, ...of }
      return world.done(changes.delete({ ...all, reason }, CALLER))
    }
    expect(await remove({ channel: 'a', beforeMs: 3 })).toEqual({
      deletedCount: 2,
      isComplete: true,
    })
    expect(await count()).toBe(3)
    expect(await remove({ channel: 'c' })).toEqual({ deletedCount: 0, isComplete: true })
    expect(await remove({ beforeMs: 5 })).toEqual({ deletedCount: 2, isComplete: true })
    expect(await remove({})).toEqual({ deletedCount: 1, isComplete: true })
    expect(await count()).toBe(0)
    expect((await history.usage('another app')).messageCount).toBe(1)
    // Before the store is asked, and again for what was read while it answered.
    const twice = ['a', 'c', undefined, undefined].flatMap((channel) => [channel, channel])
    expect(forgotten.map(({ channel }) => channel)).toEqual(twice)
    const times = forgotten.map(({ beforeMs }) => beforeMs)
    expect(times).toEqual([3, 3, END_MS, END_MS, 5, 5, END_MS, END_MS])
  })

  test('goes in steps, so that nobody waits for it', async () => {
    const times = Array.from({ length: DELETED_AT_ONCE_MAX + 1 }, (_, index) => index + 1)
    await keep('a', times)
    const of = { appId, channel: 'a', beforeMs: undefined, reason }
    expect(await world.done(changes.delete(of, CALLER))).toEqual({
      deletedCount: times.length,
      isComplete: true,
    })
  })

  test('is not deleted without a row in the audit that says who asked for what', async () => {
    await keep('a', [1, 2])
    const of = { appId, channel: 'a', beforeMs: 2, reason }
    await world.done(changes.delete(of, CALLER))
    const written = await rows()
    expect(written).toHaveLength(1)
    expect(written[0]?.entry).toContain(reason)
    expect(written[0]?.entry).toContain('"channel":"a"')
  })

  test('stays where a message could still arrive at the store behind the deletion', async () => {
    await keep('a', [1, 2])
    hasSettled = false
    const of = { appId, channel: 'a', beforeMs: undefined, reason }
    const failure = await changes.delete(of, CALLER).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Outage)
    expect(await count()).toBe(2)
    expect(forgotten).toEqual([])
    // Who asked is on record all the same.
    expect(await rows()).toHaveLength(1)
  })

  test('and what is published later than the call stays, whatever time was asked for', async () => {
    await keep('a', [END_MS - 1, END_MS])
    const of = { appId, channel: 'a', beforeMs: 2 * END_MS, reason }
    const deleted = await world.done(changes.delete(of, CALLER))
    expect(deleted.deletedCount).toBe(1)
    expect(await count()).toBe(1)
  })

  test('is none of an app that is not there', async () => {
    const of = { appId: 'none', channel: undefined, beforeMs: undefined, reason }
    expect(await changes.usage('none')).toMatchObject({ refusal: 'not_found' })
    expect(await changes.delete(of, CALLER)).toMatchObject({ refusal: 'not_found' })
    expect(forgotten).toEqual([])
  })
})
