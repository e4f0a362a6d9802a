import { afterEach, beforeAll, expect, test } from 'bun:test'
import * as Y from 'yjs'
import { DocumentTable } from './document-table.ts'
import { HeldDocument } from './held-document.ts'
import { boundYjs, SharedProgress } from './yjs-bounds.ts'

const TERMS = { stateBytesMax: 1_000_000, pendingBytesMax: 100_000 }

/** Asks whatever is under way to stop, so many times. */
class Impatience extends SharedProgress {
  stopCount = 0
  override get isStopped(): boolean {
    return this.stopCount > 0 && this.stopCount-- > 0
  }
}

const impatience = new Impatience()
// For the thread of these tests, once: nothing is asked to stop where no test says so.
beforeAll(() => boundYjs(impatience))
afterEach(() => {
  impatience.stopCount = 0
})

function typed(...texts: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const text of texts) doc.getText('t').insert(doc.getText('t').length, text)
  return updates
}

const WORDS = typed('one ', 'two') as [Uint8Array, Uint8Array]
/** Made before the bounds hold: of many items, and too deep. */
const MANY = mapOf(20)
const NESTED = nested()

function textOf(document: HeldDocument): string {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, document.state())
  return doc.getText('t').toJSON()
}

test('an update that is asked to stop is refused, and changes nothing', () => {
  const [first, second] = WORDS
  const document = new HeldDocument([first], TERMS)
  expect(document.apply(first).kind).toBe('known')
  impatience.stopCount = 1
  expect(document.apply(second).kind).toBe('update_malformed')
  expect(textOf(document)).toBe('one ')
})

test('a kept document that takes longer to open is not cut short', () => {
  impatience.stopCount = 3
  const document = new HeldDocument(WORDS, TERMS)
  expect(impatience.stopCount).toBe(0)
  expect(textOf(document)).toBe('one two')
})

test('one that takes for ever does not open at all: what is kept stays as it is', () => {
  impatience.stopCount = 1_000
  expect(() => new HeldDocument(WORDS, TERMS)).toThrow('too long')
})

test('a document that cannot be woken in time is told apart from one that is broken', () => {
  const table = new DocumentTable(
    () => {},
    () => 0,
  )
  const open = { kind: 'open', document: 1, updates: [MANY], terms: TERMS } as const
  const apply = { kind: 'apply', document: 1, updates: [WORDS[0]] } as const
  table.answer(open)
  impatience.stopCount = 1_000
  expect(table.answer(apply)).toEqual({ kind: 'slow' })
  const other = { ...open, document: 2, updates: [MANY, WORDS[0]] }
  expect(table.answer(other)).toEqual({ kind: 'slow' })
  impatience.stopCount = 0
  expect(table.answer(apply)).toMatchObject({ outcomes: [{ kind: 'as_it_came' }] })
})

test('what waited and cannot be applied is left out when it is opened again', () => {
  const [first, poison, late] = NESTED
  const document = new HeldDocument([], TERMS)
  const kinds = [poison, first, late].map((update) => document.apply(update).kind)
  expect(kinds).toEqual(['pending', 'as_it_came', 'as_it_came'])
  const again = new HeldDocument([poison, first, late], { ...TERMS, stateBytesMax: 1 })
  expect(again.state()).toEqual(document.state())
})

/** Types as deep as they may be, one that goes too deep behind them, and something else. */
function nested(): [Uint8Array, Uint8Array, Uint8Array] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  let inner = doc.getMap('m')
  const deepen = (count: number) =>
    doc.transact(() => {
      for (let depth = 0; depth < count; depth++) inner = inner.set('k', new Y.Map())
    })
  deepen(250)
  deepen(10)
  const [first, poison] = updates as [Uint8Array, Uint8Array]
  const [late] = typed('late') as [Uint8Array]
  return [first, poison, late]
}

function mapOf(count: number): Uint8Array {
  const doc = new Y.Doc()
  for (let at = 0; at < count; at++) doc.getMap('m').set(`k${at}`, at)
  return Y.encodeStateAsUpdate(doc)
}
