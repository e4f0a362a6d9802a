import { describe, expect, test } from 'bun:test'
import * as Y from 'yjs'
import { isStateVector, shapeOfUpdate } from './update-shape.ts'

/** lib0's varUint, for tests that say what no client would. */
function number(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))]
}

const text = (value: string) => {
  const bytes = [...new TextEncoder().encode(value)]
  return [...number(bytes.length), ...bytes]
}
const ROOT = [1, ...text('t')]
const item = (content: number, ...rest: readonly number[]) => [content, ...ROOT, ...rest]
const update = (client: number, clock: number, ...structs: readonly number[][]) =>
  Uint8Array.from([
    1,
    ...number(structs.length),
    ...number(client),
    ...number(clock),
    ...structs.flat(),
    0,
  ])
const LETTER = item(4, ...text('x'))
const nested = (depth: number) => [...Array.from({ length: depth }, () => [117, 1]).flat(), 126]

function updatesOf(edit: (doc: Y.Doc) => void): Uint8Array {
  const doc = new Y.Doc()
  edit(doc)
  return Y.encodeStateAsUpdate(doc)
}

test('an update of every kind of content is read, with its size in clock ticks', () => {
  const whole = updatesOf((doc) => {
    doc.getText('t').insert(0, 'häß\u{1f600}', { bold: true })
    doc.getText('t').insertEmbed(0, { image: 1 })
    doc.getText('t').delete(1, 1)
    doc.getArray('a').insert(0, [1, -70, 1.5, null, true, 'x', [{}], { k: [2n, undefined] }])
    doc.getArray('a').insert(0, [new Uint8Array(3), new Y.Doc({ guid: 'sub' })])
    doc.getMap('m').set('k', new Y.Map([['z', new Y.Text('inner')]]))
    doc.getXmlFragment('x').insert(0, [new Y.XmlElement('p'), new Y.XmlText('q')])
  })
  const doc = new Y.Doc()
  Y.applyUpdate(doc, whole)
  const ticks = [...Y.decodeStateVector(Y.encodeStateVector(doc)).values()]
  const tickCount = ticks.reduce((sum, each) => sum + each, 0)
  const ends = Y.decodeStateVector(Y.encodeStateVector(doc))
  const shape = { tickCount, deleteCount: 1, isWhole: true, hasSkip: false, ends }
  expect(shapeOfUpdate(whole)).toMatchObject({ ...shape, starts: new Map([[doc.clientID, 0]]) })
})

test('the smallest updates are told apart', () => {
  expect(shapeOfUpdate(new Uint8Array(2))).toMatchObject({
    tickCount: 0,
    deleteCount: 0,
    isWhole: true,
    ends: new Map(),
  })
  expect(shapeOfUpdate(update(1, 0, LETTER))).toMatchObject({ tickCount: 1, isWhole: true })
  expect(shapeOfUpdate(update(1, 5, LETTER))).toMatchObject({ tickCount: 1, isWhole: false })
  expect(shapeOfUpdate(update(1, 0, LETTER, [10, 3], LETTER))).toMatchObject({
    tickCount: 2,
    isWhole: false,
  })
  const onAnother = [0x84, 2, 0, ...text('x')]
  expect(shapeOfUpdate(update(1, 0, onAnother))).toMatchObject({ isWhole: false })
})

const DEEP_JSON = '['.repeat(65) + ']'.repeat(65)

describe('refused is', () => {
  const cases: Readonly<Record<string, Uint8Array>> = {
    'nothing at all': new Uint8Array(0),
    'what is cut off': update(1, 0, LETTER).slice(0, -1),
    'what goes on behind its end': Uint8Array.from([...update(1, 0, LETTER), 0]),
    'a count of clients that are not there': Uint8Array.from([255, 255, 255, 255, 15, 0]),
    'a count of structs that are not there': Uint8Array.from([1, 255, 255, 255, 255, 15, 1, 0, 0]),
    'a number beyond 2^53': Uint8Array.from([1, 1, ...Array(8).fill(255), 1, 0, ...LETTER, 0]),
    'a clock beyond any document': update(1, 2 ** 48, LETTER),
    'a length beyond any document': update(1, 0, [0, ...number(2 ** 48 + 1)]),
    'a struct without length': update(1, 0, [0, 0]),
    'a gap without length': update(1, 0, [10, 0]),
    'a text longer than any update': update(1, 0, item(4, ...number(2 ** 52), 0x78)),
    'an empty text': update(1, 0, item(4, 0)),
    'an empty list of values': update(1, 0, item(8, 0)),
    'a list of values longer than the update': update(1, 0, item(8, 255, 255, 255, 15, 126)),
    'a gap that some readers take for an item': update(1, 0, [0x8a, 1, 1]),
    'a deletion that some readers take for an item': update(1, 0, [0x80, 1]),
    'a kind of content that does not exist': update(1, 0, item(11, 1)),
    'a kind of type that does not exist': update(1, 0, item(7, 7)),
    'a kind of value that does not exist': update(1, 0, item(8, 1, 115)),
    'a place that is neither of a root nor of an item': update(1, 0, [4, 2, ...text('x')]),
    'an item behind a later one of its client': update(1, 0, [0x84, 1, 5, ...text('x')]),
    'an item within itself': update(1, 0, [4, 0, 1, 0, ...text('x')]),
    'a client twice': Uint8Array.from([2, 1, 1, 0, ...LETTER, 1, 1, 1, ...LETTER, 0]),
    'a text that is not UTF-8': update(1, 0, item(4, 2, 0xc3, 0x28)),
    'JSON that is none': update(1, 0, item(5, ...text('{'))),
    'JSON that says undefined where no list is': update(1, 0, item(5, ...text('undefined'))),
    'JSON that nests deeply': update(1, 0, item(5, ...text(DEEP_JSON))),
    'a value that nests deeply': update(1, 0, item(8, 1, ...nested(65))),
    'more clients than an update may have': Uint8Array.from([
      ...number(10_001),
      ...Array.from({ length: 10_001 }, (_, at) => [1, ...number(at), 0, 0, 1]).flat(),
      0,
    ]),
    'deletions that cover each other': Uint8Array.from([0, 1, 1, 2, 0, 5, 4, 1]),
    'deletions out of order': Uint8Array.from([0, 1, 1, 2, 5, 1, 0, 1]),
    'deletions of a client twice': Uint8Array.from([0, 2, 1, 1, 0, 1, 1, 1, 1, 1]),
    'a deletion without length': Uint8Array.from([0, 1, 1, 1, 0, 0]),
    'a count of deletions that are not there': Uint8Array.from([0, 1, 1, 255, 255, 255, 15, 0, 1]),
    'more names than a document may have': update(
      1,
      0,
      ...Array.from({ length: 513 }, (_, at) => [4, 1, ...text(`r${at}`), ...text('x')]),
    ),
    'more subdocuments than an update may bring': update(
      1,
      0,
      ...Array.from({ length: 1_001 }, () => item(9, ...text('g'), 118, 0)),
    ),
  }
  for (const [name, bytes] of Object.entries(cases))
    test(name, () => expect(shapeOfUpdate(bytes)).toBeUndefined())
})

test('what stands just within the bounds is not refused', () => {
  expect(shapeOfUpdate(update(1, 0, item(8, 1, ...nested(64))))).toBeDefined()
  expect(shapeOfUpdate(update(2 ** 53 - 1, 2 ** 40, LETTER))).toBeDefined()
  expect(shapeOfUpdate(update(1, 0, item(2, 1, ...text('undefined'))))).toBeDefined()
})

test('a state vector is read to its end, or is none', () => {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, 'x')
  expect(isStateVector(Y.encodeStateVector(doc))).toBe(true)
  expect(isStateVector(new Uint8Array(1))).toBe(true)
  for (const bad of [[], [1], [1, 5], [0, 0], [2, 1, 1], [1, ...Array(8).fill(255), 1, 1]])
    expect(isStateVector(Uint8Array.from(bad))).toBe(false)
})
