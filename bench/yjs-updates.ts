/**
 * Updates of editors, made before anything is measured. Each types into a text of its own: what one
 * makes depends on nothing of the others, so servers may take them in any order.
 */
import { writeFileSync } from 'node:fs'
import * as Y from 'yjs'

/** As `load yjs` looks for it: `lkgt` and eight hexadecimal digits. */
const MARKER = 'lkgt'

/** @returns updates 1 to `count`; update i is made by editor (i - 1) modulo `editorCount`. */
function makeUpdates(count: number, editorCount: number): Uint8Array[] {
  const updates: Uint8Array[] = []
  const texts = Array.from({ length: editorCount }, (_, editor) => {
    const doc = new Y.Doc()
    // Fixed, so that the same updates are made each time.
    doc.clientID = 1_000_000 + editor
    doc.on('update', (update: Uint8Array) => updates.push(update))
    return doc.getText(`editor-${editor}`)
  })
  for (let number = 1; number <= count; number++) {
    const text = texts[(number - 1) % editorCount]
    text?.insert(text.length, MARKER + number.toString(16).padStart(8, '0'))
  }
  return updates
}

/** Writes what `load yjs --updates` reads. */
export function writeUpdates(path: string, count: number, editorCount: number): void {
  const parts = makeUpdates(count, editorCount).flatMap((update) => {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(update.length)
    return [head, update]
  })
  writeFileSync(path, Buffer.concat(parts))
}

/** The state of a document into which `count` single characters were typed all over the place. */
export function makeLongDocument(count: number): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = 2_000_000
  const text = doc.getText('text')
  let at = 7
  for (let made = 0; made < count; made++) {
    // A small generator of numbers: the same document each time.
    at = (at * 1_103_515_245 + 12_345) % 2_147_483_648
    text.insert(at % (text.length + 1), String.fromCharCode(97 + (made % 26)))
  }
  return Y.encodeStateAsUpdate(doc)
}
