/** What the session store promises of deliveries and the messages they hold. */
import { expect, test } from 'bun:test'
import type {
  SessionStore,
  SessionWrite,
  StoredMessage,
} from '../../packages/server/src/ports/session-store.ts'
import {
  EMPTY_QUEUE,
  FULL_MESSAGE,
  grantOf,
  listAll,
  messageOf,
  messageOfBytes,
  NOTHING,
  queued,
  receiverOf,
  saved,
  sessionOf,
  waitingOf,
} from './session-records.ts'

/** Below and above what adapters may keep in another way: in a row, beside it, on pages. */
const PAYLOAD_BYTES = [0, 200, 600, 5_000, 300_000]

type Open = () => SessionStore

export function testDeliveries(store: Open): void {
  test('gives a delivery back through all of its states', async () => {
    const receiver = receiverOf('a', 5, { qos: 2, retain: true, subscriptionIds: [3, 1] })
    await store().apply([saved('a'), queued(FULL_MESSAGE, receiver)])
    const waiting = waitingOf(FULL_MESSAGE, receiver)
    expect(await listAll(store(), 'a')).toEqual([waiting])
    await store().apply([{ kind: 'sent', sessionId: 'a', seq: 5, packetId: 77 }])
    expect(await listAll(store(), 'a')).toEqual([{ ...waiting, packetId: 77 }])
    await store().apply([{ kind: 'received', sessionId: 'a', seq: 5 }])
    const [received] = await listAll(store(), 'a')
    expect(received).toMatchObject({ seq: 5, qos: 2, packetId: 77, isReceived: true })
    expect(received?.message).toMatchObject({ topic: '', payload: new Uint8Array(0) })
    await store().apply([{ kind: 'done', sessionId: 'a', seq: 5 }])
    expect(await listAll(store(), 'a')).toEqual([])
  })

  test('counts what waits apart from what was sent', async () => {
    const message = messageOf({ topic: 'ä', payload: new Uint8Array(10) })
    const receivers = [2, 3, 4, 7].map((seq) => receiverOf('a', seq, { qos: 2 }))
    await store().apply([
      saved('a'),
      saved('b'),
      ...receivers.map((receiver) => queued(message, receiver)),
      { kind: 'sent', sessionId: 'a', seq: 2, packetId: 1 },
      { kind: 'sent', sessionId: 'a', seq: 3, packetId: 2 },
      { kind: 'received', sessionId: 'a', seq: 2 },
    ])
    const [first, second] = (await store().load()).sessions
    expect(first).toMatchObject({ queuedCount: 2, queuedBytes: 24, sentCount: 2, lastSeq: 7 })
    expect(second).toMatchObject(EMPTY_QUEUE)
    await store().apply([2, 3, 4, 7].map((seq) => ({ kind: 'done', sessionId: 'a', seq })))
    expect((await store().load()).sessions[0]).toMatchObject(EMPTY_QUEUE)
  })

  test('lists one session, rising, page by page', async () => {
    const seqs = [10, 9, 2, 100, 1]
    await store().apply([
      saved('a'),
      saved('b'),
      ...seqs.map((seq) => queued(messageOf(), receiverOf('a', seq), receiverOf('b', seq + 1))),
    ])
    const page = async (afterSeq: number, countMax: number) => {
      const found = await store().listQueued({ sessionId: 'a', afterSeq, countMax })
      return found.map(({ seq }) => seq)
    }
    expect(await page(0, 3)).toEqual([1, 2, 9])
    expect(await page(9, 3)).toEqual([10, 100])
    expect(await page(100, 3)).toEqual([])
  })

  test('ignores what concerns a session or delivery that is not there', async () => {
    const message = messageOfBytes(5_000)
    const wrong = (sessionId: string, seq: number): SessionWrite[] => [
      { kind: 'sent', sessionId, seq, packetId: 1 },
      { kind: 'received', sessionId, seq },
      { kind: 'done', sessionId, seq },
      { kind: 'released', sessionId, packetId: 1 },
      { kind: 'unsubscribed', sessionId, filter: 'x' },
    ]
    await store().apply([
      queued(messageOf(), receiverOf('none', 1)),
      queued(message, receiverOf('none', 2), receiverOf('nobody', 2)),
      { kind: 'subscribed', sessionId: 'none', grant: grantOf('x') },
      { kind: 'taken', sessionId: 'none', packetId: 1 },
      ...wrong('none', 1),
      { kind: 'session_removed', sessionId: 'none' },
      saved('a'),
      queued(message, receiverOf('none', 3), receiverOf('a', 3), receiverOf('nobody', 3)),
      ...wrong('a', 9),
      saved('none'),
    ])
    expect(await listAll(store(), 'none')).toEqual([])
    expect(await listAll(store(), 'a')).toEqual([waitingOf(message, receiverOf('a', 3))])
    const { sessions } = await store().load()
    expect(sessions[1]).toEqual({ ...sessionOf('none'), ...NOTHING, ...EMPTY_QUEUE })
  })

  test('takes the same writes again without an effect', async () => {
    for (const bytes of PAYLOAD_BYTES) {
      const writes = [
        saved('a'),
        saved('b'),
        queued(messageOfBytes(bytes), receiverOf('a', 1), receiverOf('b', 1)),
        queued(messageOfBytes(bytes), receiverOf('a', 2)),
        { kind: 'sent', sessionId: 'a', seq: 1, packetId: 4 },
        { kind: 'done', sessionId: 'b', seq: 1 },
      ] as const
      await store().apply(writes)
      const before = [await store().load(), await listAll(store(), 'a')]
      await store().apply(writes.filter(({ kind }) => kind !== 'done'))
      await store().apply([{ kind: 'done', sessionId: 'b', seq: 1 }])
      expect([await store().load(), await listAll(store(), 'a')]).toEqual(before)
      await store().apply(['a', 'b'].map((sessionId) => ({ kind: 'session_removed', sessionId })))
    }
  })
}

export function testMessages(store: Open): void {
  for (const bytes of PAYLOAD_BYTES) {
    test(`gives ${bytes} bytes to many, each in its own way and for as long as it takes`, async () => {
      const message = messageOfBytes(bytes)
      const ids = ['a', 'b', 'c']
      const receivers = ids.map((id, at) =>
        receiverOf(id, at + 1, { qos: at === 0 ? 1 : 2, retain: at === 1, subscriptionIds: [at] }),
      )
      await store().apply([...ids.map((id) => saved(id)), queued(message, ...receivers)])
      const waiting = receivers.map((receiver) => waitingOf(message, receiver))
      for (const [at, id] of ids.entries())
        expect(await listAll(store(), id)).toEqual(waiting.slice(at, at + 1))
      await store().apply([
        { kind: 'done', sessionId: 'a', seq: 1 },
        { kind: 'received', sessionId: 'b', seq: 2 },
      ])
      expect(await listAll(store(), 'a')).toEqual([])
      expect(await listAll(store(), 'b')).toMatchObject([{ isReceived: true }])
      expect(await listAll(store(), 'c')).toEqual(waiting.slice(2))
      await store().apply([{ kind: 'session_removed', sessionId: 'c' }])
      expect(await listAll(store(), 'b')).toHaveLength(1)
    })
  }

  test('lets nobody change what is kept through a reference', async () => {
    const message = messageOf({ properties: { correlationData: Uint8Array.of(1) } })
    const receivers = [receiverOf('a', 1), receiverOf('b', 1)]
    const writesOf = (given: StoredMessage): SessionWrite[] => [
      saved('a', { will: { message: given, lifetimeSeconds: 1, delaySeconds: 1 } }),
      saved('b'),
      queued(given, ...receivers),
      { kind: 'retained', appId: 'app-1', message: given },
    ]
    const lent = structuredClone(message)
    await store().apply(writesOf(lent))
    lent.payload.fill(9)
    lent.properties.correlationData?.fill(9)
    const loaded = await store().load()
    loaded.retained[0]?.message.payload.fill(9)
    loaded.sessions[0]?.will?.message.payload.fill(9)
    for (const { message: read } of await listAll(store(), 'a')) read.payload.fill(9)
    expect((await listAll(store(), 'a'))[0]?.message).toEqual(message)
    expect((await listAll(store(), 'b'))[0]?.message).toEqual(message)
    const after = await store().load()
    expect(after.retained).toEqual([{ appId: 'app-1', message }])
    expect(after.sessions[0]?.will?.message).toEqual(message)
  })
}
