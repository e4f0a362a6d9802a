import { expect, test } from 'bun:test'
import * as Y from 'yjs'
import { DocumentTable } from './document-table.ts'

const TERMS = { stateBytesMax: 100_000_000, pendingBytesMax: 1_000 }
const LARGE_TEXT = 'x'.repeat(12_000_000)

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

function opened() {
  let [workCount, nowMs, workMs] = [0, 0, 0]
  const table = new DocumentTable(
    () => workCount++,
    () => (nowMs += workMs),
  )
  const open = (document: number) => {
    table.answer({ kind: 'open', document, updates: [], terms: TERMS })
  }
  const write = (document: number, ...texts: readonly string[]) =>
    table.answer({ kind: 'apply', document, updates: texts.map(updateOf) })
  /** Every update takes so long from now on. */
  const slowDown = (ms: number) => (workMs = ms)
  return { table, open, write, slowDown, workCount: () => workCount }
}

test('every update is a piece of work of its own', () => {
  const { open, write, workCount } = opened()
  open(1)
  const before = workCount()
  write(1, 'a', 'b', 'c')
  expect(workCount() - before).toBeGreaterThanOrEqual(3)
})

test('a call ends when its updates took long, and says how long one of them took', () => {
  const { open, write, slowDown } = opened()
  open(1)
  slowDown(20)
  const answer = write(1, 'a', 'b', 'c', 'd', 'e')
  expect(answer).toMatchObject({ kind: 'outcomes', slowestMs: 20 })
  expect(answer.kind === 'outcomes' && answer.outcomes.length).toBe(3)
  slowDown(5_000)
  expect(write(1, 'f', 'g')).toMatchObject({ outcomes: [{ kind: 'as_it_came' }] })
})

test('a document that nobody uses for two sweeps is bytes again, and goes on', () => {
  const { table, open, write } = opened()
  open(1)
  open(2)
  write(1, 'a')
  write(2, 'b')
  expect(table.liveCount).toBe(2)
  table.sweep()
  write(2, 'c')
  table.sweep()
  expect(table.liveCount).toBe(1)
  table.sweep()
  expect(table.liveCount).toBe(0)
  expect(write(1, 'd')).toMatchObject({ kind: 'outcomes', outcomes: [{ kind: 'as_it_came' }] })
})

test('documents are put to rest when they are too large together, the one in use last', () => {
  const { table, open, write } = opened()
  for (const document of [1, 2, 3, 4]) {
    open(document)
    write(document, LARGE_TEXT)
  }
  expect(table.liveCount).toBe(2)
  write(1, 'small')
  expect(table.liveCount).toBe(2)
})

test('documents of many structs are put to rest sooner, however few bytes they have', () => {
  const { table, open, write } = opened()
  const updates = [listOf(400_000)]
  for (const document of [1, 2, 3]) {
    open(document)
    table.answer({ kind: 'apply', document, updates })
  }
  expect(table.liveCount).toBe(2)
  write(1, 'small')
  expect(table.liveCount).toBe(2)
})

/** Letters that do not join each other, each before the last. */
function listOf(count: number): Uint8Array {
  const doc = new Y.Doc()
  doc.transact(() => {
    const text = doc.getText('t')
    for (let at = 0; at < count; at++) text.insert(0, 'x')
  })
  return Y.encodeStateAsUpdate(doc)
}

test('a call for a document that is not there fails alone', () => {
  const { table, open, write } = opened()
  open(1)
  table.close(1)
  table.close(1)
  expect(write(1, 'a')).toEqual({ kind: 'failed' })
  expect(table.liveCount).toBe(0)
  const broken = [new Uint8Array([1])]
  expect(table.answer({ kind: 'open', document: 2, updates: broken, terms: TERMS })).toEqual({
    kind: 'failed',
  })
})
