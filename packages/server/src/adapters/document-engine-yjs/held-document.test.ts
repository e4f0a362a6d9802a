import { expect, test } from 'bun:test'
import * as encoding from 'lib0/encoding'
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

test('all who come new between two updates are given the same bytes', () => {
  const [first, second] = typed('a', 'b') as [Uint8Array, Uint8Array]
  const document = new HeldDocument([], TERMS)
  document.apply(first)
  const given = document.diff(new Uint8Array(1))
  expect(document.diff(new Uint8Array(1))).toBe(given as Uint8Array)
  document.apply(second)
  expect(document.diff(new Uint8Array(1))).not.toEqual(given as Uint8Array)
  expect(textOf(document)).toBe('ba')
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

function subdocuments(count: number): Uint8Array {
  const doc = new Y.Doc()
  const array = doc.getArray('s')
  array.insert(
    0,
    Array.from({ length: count }, () => new Y.Doc()),
  )
  return Y.encodeStateAsUpdate(doc)
}

test('subdocuments are bounded, over all updates', () => {
  const document = new HeldDocument([], TERMS)
  const kinds = [600, 300, 200].map((count) => document.apply(subdocuments(count)).kind)
  expect(kinds).toEqual(['as_it_came', 'as_it_came', 'update_malformed'])
})

test('what was let in bit by bit opens again, however much it is together', () => {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  const name = (part: string) =>
    doc.transact(() => {
      for (let at = 0; at < 600; at++) doc.getArray(part).insert(0, [new Y.Doc()])
    })
  for (const part of ['a', 'missing', 'b']) name(part)
  const document = new HeldDocument([], TERMS)
  const kinds = [0, 2].map((at) => document.apply(updates[at] ?? new Uint8Array(0)).kind)
  expect(kinds).toEqual(['as_it_came', 'pending'])
  const again = new HeldDocument([document.state()], TERMS)
  expect(again.state()).toEqual(document.state())
})

/** Clients with one struct each that builds on another which nobody has. */
function strangers(from: number, count: number): Uint8Array {
  const bytes: number[] = []
  const number = (value: number) => {
    let rest = value
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
  }
  number(count)
  for (let client = from + count; client > from; client--) {
    bytes.push(1)
    number(client)
    bytes.push(0, 0x84, 5, 0, 1, 0x78)
  }
  bytes.push(0)
  return Uint8Array.from(bytes)
}

test('clients whose structs wait are bounded, however few bytes they take', () => {
  const document = new HeldDocument([], { ...TERMS, pendingBytesMax: 100_000_000 })
  expect(document.apply(strangers(100, 6_000)).kind).toBe('pending')
  expect(document.apply(strangers(10_000, 6_000)).kind).toBe('document_large')
  expect(document.apply(strangers(100, 6_000)).kind).toBe('known')
})

test('clients of a document are bounded, over all updates', () => {
  const document = new HeldDocument([], { ...TERMS, stateBytesMax: 10_000_000 })
  const writers = (part: number) =>
    Uint8Array.from([
      ...[0x90, 0x4e], // 10,000 clients
      ...Array.from({ length: 10_000 }, (_, at) => {
        const client = 200_000 + part * 10_000 + at
        return [1, (client & 127) + 128, ((client >> 7) & 127) + 128, client >> 14, 0, 0, 1]
      }).flat(),
      0,
    ])
  const kinds = Array.from({ length: 11 }, (_, part) => document.apply(writers(part)).kind)
  expect(kinds.slice(9)).toEqual(['as_it_came', 'document_large'])
  expect(document.apply(writers(3)).kind).toBe('known')
})

test('what fills a gap of what waits is news, even where it takes no more bytes', () => {
  const document = new HeldDocument([], TERMS)
  // Of client 1 the clocks 1, and 3: what is between is as long as the gap that stands for it.
  expect(document.apply(Uint8Array.from([1, 3, 1, 1, 0, 1, 10, 1, 0, 1, 0])).kind).toBe('pending')
  const between = Uint8Array.from([1, 1, 1, 2, 0, 1, 0])
  expect(document.apply(between).kind).toBe('pending')
  expect(document.apply(between).kind).toBe('known')
})

test('structs of a document are bounded, and what is refused leaves it as it was', () => {
  const document = new HeldDocument([], { ...TERMS, stateBytesMax: 100_000_000 })
  const kinds = [0, 1, 2].map((root) => document.apply(prepended(root, 400_000)).kind)
  expect(kinds).toEqual(['as_it_came', 'as_it_came', 'document_large'])
  expect(document.apply(prepended(2, 10)).kind).toBe('as_it_came')
  expect(document.structCount).toBe(800_010)
})

test('structs are bounded for updates that could be applied in one go, too', () => {
  const document = new HeldDocument([], { ...TERMS, stateBytesMax: 100_000_000 })
  for (const root of [0, 1]) document.apply(prepended(root, 450_000))
  const small = Array.from({ length: 15 }, (_, at) => prepended(2 + at, 7_000))
  expect(document.applyTogether(small, () => true)).toEqual([])
  expect(small.map((update) => document.apply(update).kind)).toEqual([
    ...Array(14).fill('as_it_came'),
    'document_large',
  ])
})

/** Values of one client, each before the last: none of them joins another. */
function prepended(root: number, count: number): Uint8Array {
  const bytes = new encoding.Encoder()
  const numbers = (...all: readonly number[]) => {
    for (const each of all) encoding.writeVarUint(bytes, each)
  }
  numbers(1, count, 1_000 + root, 0)
  for (let at = 0; at < count; at++) {
    if (at === 0) numbers(8, 1, 1, 0x61 + root)
    else encoding.writeUint8(bytes, 0x48)
    if (at > 0) numbers(1_000 + root, at - 1)
    numbers(1, 126)
  }
  numbers(0)
  return encoding.toUint8Array(bytes)
}
