/** The promises of the session store: a part of the store contract. */
import { describe, expect, test } from 'bun:test'
import type { SessionStore, SessionWrite } from '../../packages/server/src/ports/session-store.ts'
import { testDeliveries, testMessages } from './session-deliveries.ts'
import {
  EMPTY_QUEUE,
  FULL_MESSAGE,
  grantOf,
  HOSTILE,
  listAll,
  messageOf,
  messageOfBytes,
  NOTHING,
  queued,
  receiverOf,
  saved,
  sessionOf,
} from './session-records.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf } from './store-units.ts'

const QUEUE_COUNT = 100_000
const BATCH_COUNT = 1_000
const LONG_MS = 60_000

export function testSessionStore(bench: StoreBench): void {
  describe('the session store', () => {
    const store = () => regionOf(bench.store).sessions
    testSessions(store)
    testDeliveries(store)
    testMessages(store)
    testRetained(store)
    testRemoval(store)
    testOrder(store)
    testSize(store)

    test('is closed with the store, and waits for what was asked before', async () => {
      const sessions = store()
      const applied = sessions.apply([saved('a')])
      const closed = bench.store.close()
      await applied
      await closed
      for (const late of [sessions.apply([saved('b')]), sessions.load()]) {
        const error: unknown = await late.catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'store_unavailable' })
      }
    })
  })
}

type Open = () => SessionStore

function testSessions(store: Open): void {
  test('holds nothing at first', async () => {
    expect(await store().load()).toEqual({ sessions: [], retained: [] })
    const page = { sessionId: 'none', afterSeq: 0, countMax: 10 }
    expect(await store().listQueued(page)).toEqual([])
    await store().apply([])
  })

  test('gives sessions back field for field, by id', async () => {
    const will = { message: FULL_MESSAGE, lifetimeSeconds: 9, delaySeconds: 30 }
    const full = { clientId: HOSTILE, owner: HOSTILE, disconnectedAtMs: 2_000, will }
    await store().apply([saved('b', full), saved(HOSTILE), saved('B', { expirySeconds: 5 })])
    expect((await store().load()).sessions).toEqual([
      { ...sessionOf('B', { expirySeconds: 5 }), ...NOTHING, ...EMPTY_QUEUE },
      { ...sessionOf(HOSTILE), ...NOTHING, ...EMPTY_QUEUE },
      { ...sessionOf('b', full), ...NOTHING, ...EMPTY_QUEUE },
    ])
  })

  test('replaces a session that is saved again, and keeps what it has', async () => {
    const message = messageOf()
    await store().apply([
      saved('a', { will: { message, lifetimeSeconds: undefined, delaySeconds: 0 } }),
      { kind: 'subscribed', sessionId: 'a', grant: grantOf('x') },
      { kind: 'taken', sessionId: 'a', packetId: 7 },
      queued(message, receiverOf('a', 1)),
      saved('a', { appId: 'app-2', disconnectedAtMs: 9 }),
    ])
    expect((await store().load()).sessions).toMatchObject([
      {
        ...sessionOf('a', { appId: 'app-2', disconnectedAtMs: 9 }),
        grants: [grantOf('x')],
        takenPacketIds: [7],
        queuedCount: 1,
      },
    ])
  })

  test('keeps one grant of a filter, the last', async () => {
    const full = grantOf(HOSTILE, {
      qos: 2,
      noLocal: true,
      retainAsPublished: true,
      subscriptionId: 268_435_455,
    })
    const subscribed = (filter: ReturnType<typeof grantOf>): SessionWrite => {
      return { kind: 'subscribed', sessionId: 'a', grant: filter }
    }
    await store().apply([
      saved('a'),
      ...[grantOf('b'), full, grantOf('c'), grantOf('B'), grantOf('b', { qos: 0 })].map(subscribed),
      { kind: 'unsubscribed', sessionId: 'a', filter: 'c' },
      { kind: 'unsubscribed', sessionId: 'a', filter: 'none' },
    ])
    const [session] = (await store().load()).sessions
    expect(session?.grants).toEqual([grantOf('B'), full, grantOf('b', { qos: 0 })])
  })

  test('knows the packet ids that were taken and not released', async () => {
    const step = (kind: 'taken' | 'released', packetId: number): SessionWrite => {
      return { kind, sessionId: 'a', packetId }
    }
    const taken = [65_535, 1, 300, 1].map((packetId) => step('taken', packetId))
    await store().apply([saved('a'), ...taken, step('released', 300), step('released', 9)])
    expect((await store().load()).sessions[0]?.takenPacketIds).toEqual([1, 65_535])
  })
}

function testRetained(store: Open): void {
  const retain = (appId: string, topic: string, bytes: number): SessionWrite => {
    return { kind: 'retained', appId, message: { ...messageOfBytes(bytes), topic } }
  }

  test('keeps the last retained message of a topic of an app', async () => {
    await store().apply([
      retain('app-1', 'x', 10),
      retain('app-2', 'x', 20),
      { kind: 'retained', appId: 'app-1', message: FULL_MESSAGE },
      retain('app-1', 'x', 30),
      retain('app-1', 'y', 40),
      { kind: 'unretained', appId: 'app-1', topic: 'y' },
      { kind: 'unretained', appId: 'app-2', topic: HOSTILE },
    ])
    const { retained } = await store().load()
    expect(retained.map(({ appId, message }) => [appId, message.topic])).toEqual([
      ['app-1', HOSTILE],
      ['app-1', 'x'],
      ['app-2', 'x'],
    ])
    expect(retained[0]?.message).toEqual(FULL_MESSAGE)
    expect(retained[1]?.message).toEqual({ ...messageOfBytes(30), topic: 'x' })
  })

  test('loads retained messages of any size, all of them', async () => {
    const sizes = [900_000, 10, 900_000, 2_500_000, 0, 10]
    await store().apply(sizes.map((bytes, at) => retain('app-1', `topic/${at}`, bytes)))
    const { retained } = await store().load()
    expect(retained.map(({ message }) => message.payload.length)).toEqual(sizes)
    expect(retained[3]?.message.payload).toEqual(messageOfBytes(2_500_000).payload)
  })
}

function testRemoval(store: Open): void {
  const everythingOf = (id: string, appId: string): SessionWrite[] => [
    saved(id, { appId }),
    { kind: 'subscribed', sessionId: id, grant: grantOf('x') },
    { kind: 'taken', sessionId: id, packetId: 1 },
    queued(messageOf(), receiverOf(id, 1)),
    { kind: 'retained', appId, message: messageOf({ topic: id }) },
  ]

  test('removes a session with everything of it, and leaves the others', async () => {
    const message = messageOfBytes(5_000)
    await store().apply([
      ...['a', 'b'].flatMap((id) => everythingOf(id, 'app-1')),
      queued(message, receiverOf('a', 2), receiverOf('b', 2)),
      { kind: 'session_removed', sessionId: 'a' },
    ])
    expect((await store().load()).sessions.map(({ id }) => id)).toEqual(['b'])
    expect((await listAll(store(), 'b')).map(({ seq }) => seq)).toEqual([1, 2])
    await store().apply([saved('a')])
    const [again] = (await store().load()).sessions
    expect(again).toEqual({ ...sessionOf('a'), ...NOTHING, ...EMPTY_QUEUE })
    expect(await listAll(store(), 'a')).toEqual([])
  })

  test('removes an app with its sessions and retained messages, and leaves the others', async () => {
    await store().apply([
      ...everythingOf('a', 'app-1'),
      ...everythingOf('b', 'app-2'),
      ...everythingOf('c', 'app-1'),
      { kind: 'app_removed', appId: 'app-1' },
    ])
    const { sessions, retained } = await store().load()
    expect(sessions.map(({ id, queuedCount }) => [id, queuedCount])).toEqual([['b', 1]])
    expect(retained.map(({ appId }) => appId)).toEqual(['app-2'])
    expect(await listAll(store(), 'a')).toEqual([])
  })
}

function testOrder(store: Open): void {
  test('carries out calls in the order in which they were made', async () => {
    const calls = Array.from({ length: 50 }, (_, at) =>
      store().apply([
        saved('a', { owner: `owner ${at}` }),
        queued(messageOf(), receiverOf('a', at + 1)),
      ]),
    )
    const seen = store().listQueued({ sessionId: 'a', afterSeq: 0, countMax: 100 })
    const later = store().apply([saved('a', { owner: 'last' })])
    expect(await seen).toHaveLength(50)
    await Promise.all([...calls, later])
    expect((await store().load()).sessions[0]?.owner).toBe('last')
  })

  test('loads what was true at one moment, whatever is applied meanwhile', async () => {
    // Each call moves one message from one queue to the other: together they always hold one.
    await store().apply([saved('a'), saved('b'), queued(messageOf(), receiverOf('a', 1))])
    const moves = Array.from({ length: 20 }, (_, at) => {
      const [from, to] = at % 2 === 0 ? ['a', 'b'] : ['b', 'a']
      return [
        { kind: 'done', sessionId: from ?? '', seq: at + 1 },
        queued(messageOf(), receiverOf(to ?? '', at + 2)),
      ] satisfies SessionWrite[]
    })
    const results = moves.map(async (writes) => {
      const applied = store().apply(writes)
      const { sessions } = await store().load()
      await applied
      return sessions.reduce((sum, { queuedCount }) => sum + queuedCount, 0)
    })
    expect(new Set(await Promise.all(results))).toEqual(new Set([1]))
  })
}

function testSize(store: Open): void {
  test('gives large messages back in pages that may be short, and loses none', async () => {
    const sizes = [700_000, 700_000, 4_000_000, 0, 10, 700_000]
    const writes = sizes.map((bytes, at) => queued(messageOfBytes(bytes), receiverOf('a', at + 1)))
    await store().apply([saved('a'), ...writes])
    const found = await listAll(store(), 'a')
    expect(found.map(({ message }) => message.payload.length)).toEqual(sizes)
    expect(found[2]?.message).toEqual(messageOfBytes(4_000_000))
  })

  test(
    `keeps ${QUEUE_COUNT} messages of one queue in their order`,
    async () => {
      await store().apply([saved('a')])
      const batches = Array.from({ length: QUEUE_COUNT / BATCH_COUNT }, (_, batch) =>
        Array.from({ length: BATCH_COUNT }, (__, at) => {
          const seq = batch * BATCH_COUNT + at + 1
          return queued(messageOf({ topic: `t/${seq}` }), receiverOf('a', seq))
        }),
      )
      await Promise.all(batches.map((writes) => store().apply(writes)))
      const [session] = (await store().load()).sessions
      expect(session).toMatchObject({ queuedCount: QUEUE_COUNT, lastSeq: QUEUE_COUNT })
      const found = await listAll(store(), 'a')
      expect(found.every(({ message }, at) => message.topic === `t/${at + 1}`)).toBe(true)
      expect(found).toHaveLength(QUEUE_COUNT)
      await store().apply(found.map(({ seq }) => ({ kind: 'done', sessionId: 'a', seq })))
      expect((await store().load()).sessions[0]).toMatchObject(EMPTY_QUEUE)
    },
    LONG_MS,
  )

  test('loads many sessions with many grants', async () => {
    const ids = Array.from({ length: 1_500 }, (_, at) => `s${String(at).padStart(5, '0')}`)
    const writes = ids.flatMap((id): SessionWrite[] => [
      saved(id),
      { kind: 'subscribed', sessionId: id, grant: grantOf('a') },
      { kind: 'subscribed', sessionId: id, grant: grantOf('b') },
      { kind: 'taken', sessionId: id, packetId: 5 },
      queued(messageOf(), receiverOf(id, 1)),
    ])
    await store().apply(writes)
    const { sessions } = await store().load()
    expect(sessions.map(({ id }) => id)).toEqual(ids)
    const isWhole = sessions.every(
      ({ grants, takenPacketIds, queuedCount }) =>
        grants.length === 2 && takenPacketIds.length === 1 && queuedCount === 1,
    )
    expect(isWhole).toBe(true)
  })
}
