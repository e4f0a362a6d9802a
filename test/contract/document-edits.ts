/** Edits of every kind that Yjs has, at random, and what a reader of the document sees. */
import * as Y from 'yjs'
import type { Seeded } from '../support/seeded.ts'

type Edit = (doc: Y.Doc, random: Seeded) => void

const EDITS: readonly Edit[] = [
  (doc, random) => {
    const text = doc.getText('t')
    text.insert(random.below(text.length + 1), 'héllo wörld'.slice(0, 1 + random.below(8)))
  },
  (doc, random) => {
    const text = doc.getText('t')
    const at = random.below(text.length + 1)
    text.delete(at, Math.min(random.below(4), text.length - at))
  },
  (doc, random) => {
    const text = doc.getText('t')
    const at = random.below(text.length + 1)
    const bold = random.below(2) === 0 ? true : null
    text.format(at, Math.min(random.below(4), text.length - at), { bold })
  },
  (doc, random) => {
    const text = doc.getText('t')
    text.insertEmbed(random.below(text.length + 1), { image: random.below(9) })
  },
  (doc, random) => {
    const list = doc.getArray('a')
    const values = [
      random.below(1_000),
      'x',
      { k: [1, null, 2.5] },
      new Uint8Array(random.bytes(3)),
    ]
    list.insert(random.below(list.length + 1), values)
  },
  (doc, random) => {
    const list = doc.getArray('a')
    if (list.length > 0) list.delete(random.below(list.length))
  },
  (doc, random) => {
    const value = random.below(2) === 0 ? random.below(5) : new Y.Map([['z', 1]])
    doc.getMap('m').set(`key ${random.below(3)}`, value)
  },
  (doc, random) => {
    const fragment = doc.getXmlFragment('x')
    const element = new Y.XmlElement('p')
    fragment.insert(random.below(fragment.length + 1), [element])
    element.setAttribute('class', 'c')
    element.insert(0, [new Y.XmlText('q')])
  },
  (doc, random) => {
    const fragment = doc.getXmlFragment('x')
    if (fragment.length > 0) fragment.delete(random.below(fragment.length))
  },
]

export function editAtRandom(doc: Y.Doc, random: Seeded): void {
  random.pick(EDITS)(doc, random)
}

/** The same for documents that hold the same, whatever came first. */
export function readingOf(doc: Y.Doc) {
  return {
    text: doc.getText('t').toDelta() as unknown,
    list: doc.getArray('a').toJSON(),
    map: doc.getMap('m').toJSON(),
    fragment: doc.getXmlFragment('x').toJSON(),
  }
}

export function shuffled<T>(values: readonly T[], random: Seeded): T[] {
  return values
    .map((value) => ({ value, at: random.below(2 ** 31) }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}
