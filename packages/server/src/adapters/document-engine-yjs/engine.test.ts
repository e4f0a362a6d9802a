import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Worker } from 'node:worker_threads'
import * as Y from 'yjs'
import { applyAll, testDocumentEngine } from '../../../../../test/contract/document-engine.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { YjsDocumentEngine } from './engine.ts'

const TERMS = { stateBytesMax: 10_000_000, pendingBytesMax: 1_000_000 }
const SLOW_ITEM_COUNT = 20_000
const LONG_MS = 120_000

testDocumentEngine('the engine of Yjs', () => new YjsDocumentEngine({ clock: new HandClock() }))

const clock = new HandClock()
const workers: Worker[] = []
let lostCount = 0
let engine: YjsDocumentEngine

beforeEach(() => {
  workers.length = 0
  lostCount = 0
  engine = new YjsDocumentEngine({
    clock,
    startWorker: (workerData) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
      workers.push(worker)
      return worker
    },
  })
  engine.onLost(() => lostCount++)
})
afterEach(() => engine.stop())

const outageOf = async (call: Promise<unknown>) => {
  const error: unknown = await call.catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'documents_unavailable', port: 'documents' })
  return error as { readonly retryAfterMs: number | undefined }
}

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

test('no Worker is started before there is a document', async () => {
  expect(workers).toEqual([])
  await engine.open('a', [], TERMS)
  await engine.open('b', [], TERMS)
  expect(workers.length).toBe(1)
})

test('a lost Worker is an outage for all that waits, told once, and followed by another', async () => {
  await engine.open('a', [], TERMS)
  const waiting = [engine.apply('a', [updateOf('x')]), engine.state('a')].map(outageOf)
  await workers[0]?.terminate()
  await Promise.all(waiting)
  expect(lostCount).toBe(1)
  await outageOf(engine.state('a'))
  const { retryAfterMs } = await outageOf(engine.open('a', [], TERMS))
  expect(retryAfterMs).toBeGreaterThan(0)
  clock.pass(retryAfterMs ?? 0)
  await engine.open('a', [updateOf('kept')], TERMS)
  expect(await engine.state('a')).toEqual(expect.any(Uint8Array))
  expect([workers.length, lostCount]).toEqual([2, 1])
})

test('Workers that die one after the other are started less and less often', async () => {
  const waits: number[] = []
  for (let at = 0; at < 12; at++) {
    const opened = outageOf(engine.open(`d${at}`, [], TERMS))
    await workers.at(-1)?.terminate()
    await opened
    const { retryAfterMs = 0 } = await outageOf(engine.open('next', [], TERMS))
    waits.push(retryAfterMs)
    clock.pass(retryAfterMs)
  }
  expect(waits.slice(0, 3)).toEqual([250, 500, 1_000])
  expect(waits.at(-1)).toBe(30_000)
})

test('after stop every call is an outage, and nobody is told of a loss', async () => {
  await engine.open('a', [], TERMS)
  const waiting = outageOf(engine.state('a'))
  await engine.stop()
  await waiting
  await outageOf(engine.open('b', [], TERMS))
  expect(lostCount).toBe(0)
})

test('calls of one turn share a trip', async () => {
  await engine.open('a', [], TERMS)
  const trips: unknown[] = []
  const [worker] = workers
  worker?.on('message', (answer) => trips.push(answer))
  await Promise.all(Array.from({ length: 50 }, (_, at) => engine.apply('a', [updateOf(`${at}`)])))
  expect(trips.length).toBe(1)
})

test(
  'an update that is made to be slow is refused, and takes no document with it',
  async () => {
    await engine.open('a', [updateOf('before')], TERMS)
    const state = await engine.state('a')
    const [outcome] = await engine.apply('a', [slowUpdate(SLOW_ITEM_COUNT)])
    expect(outcome).toEqual({ kind: 'refused', refusal: 'update_malformed' })
    expect(await engine.state('a')).toEqual(state)
    expect(lostCount).toBe(0)
  },
  LONG_MS,
)

test(
  'a slow update that waits for what others write does not keep them from writing it',
  async () => {
    const [client, missing] = [new Y.Doc(), 3]
    client.clientID = missing
    client.getText('t').insert(0, 'honest')
    const update = Y.encodeStateAsUpdate(client)
    await engine.open('a', [], TERMS)
    const slow = slowUpdate(SLOW_ITEM_COUNT, missing)
    const outcomes = await applyAll(engine, 'a', [slow, update])
    expect(outcomes).toEqual([
      { kind: 'pending' },
      { kind: 'applied', update, byteCount: update.length + 2 },
    ])
    expect(await engine.state('a')).toEqual(update)
  },
  LONG_MS,
)

/**
 * A client's letters go behind those of another, each after a look at all of them.
 * @param missing a client whose first letter is not in the update and comes before all.
 */
function slowUpdate(count: number, missing?: number): Uint8Array {
  const bytes: number[] = []
  const numbers = (...values: readonly number[]) => {
    for (let rest of values) {
      for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
      bytes.push(rest)
    }
  }
  const letters = () => {
    for (let at = 0; at < count; at++) bytes.push(4, 1, 1, 0x74, 1, 0x78) // x in the text t
  }
  numbers(2, count + 1, 9, 0)
  bytes.push(0x84) // a letter behind the last one of the other client, so that those come first
  numbers(5, missing === undefined ? count - 1 : count, 1, 0x79)
  letters()
  numbers(missing === undefined ? count : count + 1, 5, 0)
  if (missing !== undefined) bytes.push(0x84, missing, 0, 1, 0x79)
  letters()
  bytes.push(0)
  return Uint8Array.from(bytes)
}
