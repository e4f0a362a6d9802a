import { expect, test } from 'bun:test'
import * as Y from 'yjs'
import { HeldDocument } from './held-document.ts'

const TERMS = { stateBytesMax: 1_000_000, pendingBytesMax: 100_000 }

function typed(...texts: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const text of texts) doc.getText('t').insert(0, text)
  return updates
}

function textOf(document: HeldDocument): string {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, document.state())
  return doc.getText('t').toJSON()
}

test('a document that is only read stays bytes: what a new peer gets are those bytes', () => {
  const state = Y.mergeUpdates(typed('a', 'b'))
  const document = new HeldDocument([state], TERMS)
  document.stateVector()
  expect(document.diff(new Uint8Array(1))).toBe(state)
  expect(document.diff(document.stateVector())).toBeDefined()
  expect(document.state()).toBe(state)
  expect(document.isLive).toBe(false)
})

test('a document rests with everything it has, what waits too, and goes on', () => {
  const [first, second, third] = typed('1', '2', '3') as [Uint8Array, Uint8Array, Uint8Array]
  const document = new HeldDocument([], TERMS)
  document.apply(first)
  expect(document.apply(third).kind).toBe('pending')
  expect(document.isLive).toBe(true)
  document.rest()
  expect(document.isLive).toBe(false)
  expect(document.apply(second).kind).toBe('part')
  expect(textOf(document)).toBe('321')
})

test('names at the top of a document are bounded, over all updates', () => {
  const document = new HeldDocument([], TERMS)
  const kinds = [0, 1, 2].map((part) => {
    const doc = new Y.Doc()
    for (let at = 0; at < 200; at++) doc.getText(`name ${part} ${at}`).insert(0, 'x')
    return document.apply(Y.encodeStateAsUpdate(doc)).kind
  })
  expect(kinds).toEqual(['as_it_came', 'as_it_came', 'update_malformed'])
  const state = new Y.Doc()
  Y.applyUpdate(state, document.state())
  expect(state.share.size).toBe(400)
})

test('the state is made anew before the updates beside it weigh more than it', () => {
  const document = new HeldDocument([], TERMS)
  const doc = new Y.Doc()
  doc.on('update', (update: Uint8Array) => document.apply(update))
  for (let at = 0; at < 5_000; at++) doc.getText('t').insert(doc.getText('t').length, 'x')
  const exact = Y.encodeStateAsUpdate(doc).length
  expect(document.byteCount).toBeLessThan(exact + 70_000)
  expect(textOf(document).length).toBe(5_000)
})
