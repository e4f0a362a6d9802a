import { afterEach, beforeEach, expect, test } from 'bun:test'
import * as Y from 'yjs'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { YjsDocumentEngine } from './engine.ts'

const TERMS = { stateBytesMax: 1_000_000, pendingBytesMax: 100_000 }

let engine: YjsDocumentEngine
beforeEach(() => {
  engine = new YjsDocumentEngine({ clock: new HandClock() })
})
afterEach(() => engine.stop())

test('what a client writes comes back as one state', async () => {
  const client = new Y.Doc()
  client.getText('t').insert(0, 'hello')
  await engine.open('a', [], TERMS)
  const update = Y.encodeStateAsUpdate(client)
  const [outcome, again] = await engine.apply('a', [update, update])
  expect(outcome).toEqual({ kind: 'applied', update, byteCount: update.length + 2 })
  expect(again).toEqual({ kind: 'known' })
  expect(await engine.state('a')).toEqual(update)
  expect(await engine.stateVector('a')).toEqual(Y.encodeStateVector(client))
})
