import { afterEach, expect, test } from 'bun:test'
import { Worker } from 'node:worker_threads'
import * as Y from 'yjs'
import { DocumentWorld, type Editor } from '../../../../../test/support/document-world.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { type Seeded, seeded } from '../../../../../test/support/seeded.ts'
import { YjsDocumentEngine } from '../../adapters/document-engine-yjs/engine.ts'
import { GRACE_MS } from './document-hub.ts'

const EDITOR_COUNT = 6
const STEP_COUNT = 150
const engines: YjsDocumentEngine[] = []
afterEach(() => Promise.all(engines.splice(0).map((engine) => engine.stop())))

/** An engine whose Worker can be killed. */
function mortalEngine() {
  const workers: Worker[] = []
  const clock = new HandClock()
  const startWorker = () => {
    const url = new URL('../../adapters/document-engine-yjs/worker.ts', import.meta.url)
    const worker = new Worker(url)
    workers.push(worker)
    return worker
  }
  const engine = new YjsDocumentEngine({ clock, startWorker })
  engines.push(engine)
  const kill = async () => {
    await workers.at(-1)?.terminate()
    clock.pass(60_000)
  }
  return { engine, kill }
}

function edit({ doc }: Editor, random: Seeded): void {
  const text = doc.getText('t')
  const map = doc.getMap('m')
  const kind = random.below(4)
  if (kind === 0 && text.length > 0) text.delete(random.below(text.length), 1)
  else if (kind === 1) map.set(`k${random.below(3)}`, random.below(100))
  else if (kind === 2) doc.transact(() => [text.insert(0, 'x'), text.insert(1, 'y')])
  else text.insert(random.below(text.length + 1), String(random.below(10)))
}

/** What a copy says; keys of maps come in any order. */
function contentOf({ doc }: Editor): string {
  const entries = Object.entries(doc.getMap('m').toJSON()).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([doc.getText('t').toJSON(), entries])
}

test('an engine that is lost ends every document, and editors bring back what they have', async () => {
  const { engine, kill } = mortalEngine()
  const world = new DocumentWorld({ engine })
  const [ann, bob, eve] = await Promise.all(['one', 'one', 'two'].map((name) => world.joined(name)))
  ann?.type('a')
  await ann?.settled()
  await kill()
  expect([ann, bob, eve].map((each) => each?.endings)).toEqual([
    ['unavailable'],
    ['unavailable'],
    ['unavailable'],
  ])
  expect([world.figures.documents, world.figures.seats]).toEqual([0, 0])
  await bob?.open('one')
  await bob?.sync()
  expect((await world.joined('one')).text).toBe('a')
})

test.each([
  ['kept', true],
  ['not kept', false],
])(
  'all copies of a document that is %s converge, whatever breaks',
  async (_, documentPersistence) => {
    const random = seeded()
    const where = `seed ${random.seed}`
    const { engine, kill } = mortalEngine()
    let world = new DocumentWorld({ engine, settings: { documentPersistence } })
    const editors = Array.from({ length: EDITOR_COUNT }, () => world.editor())
    const join = async (editor: Editor): Promise<void> => {
      if (editor.seat !== undefined) return
      await editor.open('doc')
      await editor.sync()
    }
    for (let step = 0; step < STEP_COUNT; step++) {
      const editor = random.pick(editors)
      const kind = random.below(30)
      if (kind === 0) await kill()
      else if (kind < 4) editor.leave()
      else if (kind === 4) {
        for (const each of editors) each.leave()
        world.clock.pass(GRACE_MS)
        await world.hub.tick()
      } else if (kind === 5) world.store.failing.add('append')
      else if (kind < 9) world.store.failing.clear()
      else if (kind < 16) await Promise.allSettled([join(editor)])
      else edit(editor, random)
    }
    world.store.failing.clear()
    for (const editor of editors) await join(editor)
    await Promise.all(editors.map((editor) => editor.settled()))
    const states = editors.map(contentOf)
    expect(new Set(states).size, where).toBe(1)
    expect(
      editors.some(({ outcomes }) => outcomes.includes('bug')),
      where,
    ).toBe(false)
    if (!documentPersistence) return
    world = new DocumentWorld({ settings: { documentPersistence }, store: world.store })
    engines.push(world.engine as YjsDocumentEngine)
    const next = await world.joined('doc')
    expect(Y.encodeStateVector(next.doc).length, where).toBeGreaterThan(1)
    expect(contentOf(next), where).toBe(states[0] ?? '')
  },
)
