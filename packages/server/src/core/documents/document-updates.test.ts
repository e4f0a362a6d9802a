import { expect, test } from 'bun:test'
import { systemTurns } from '../../adapters/system/turns.ts'
import type { DocumentOutcome } from '../../ports/document-engine.ts'
import { Outage } from '../../ports/outage.ts'
import { DocumentFigures } from './document-figures.ts'
import { DocumentUpdates, UPDATE_LIMITS } from './document-updates.ts'

const update = (...bytes: number[]) => Uint8Array.from(bytes)

/** Updates over an engine that says what the first byte of each asks for, once it is let. */
function updatesOf(limits: Partial<typeof UPDATE_LIMITS> = {}, figures = new DocumentFigures()) {
  const batches: number[][] = []
  const relayed: string[] = []
  const failures: unknown[] = []
  const gate = { open: Promise.resolve(), countMax: Infinity }
  const apply = async (_: string, all: readonly Uint8Array[]): Promise<DocumentOutcome[]> => {
    batches.push(all.map(([first]) => first ?? 0))
    await gate.open
    return all.slice(0, gate.countMax).map((each) => {
      if (each[0] === 0) return { kind: 'refused', refusal: 'update_malformed' }
      if (each[0] === 9) throw new Outage('documents_unavailable', 'lost', { port: 'documents' })
      return each[0] === 1 ? { kind: 'known' } : { kind: 'applied', update: each, byteCount: 1 }
    })
  }
  const updates: DocumentUpdates<string> = new DocumentUpdates(
    {
      ...{ id: 'doc', engine: { apply }, kept: undefined, figures, turns: systemTurns },
      relay: ([first], sender) => void relayed.push(`${sender}${first}`),
      settled: () => {},
      failed(error) {
        failures.push(error)
        updates.end(new Error('over'))
      },
    },
    { ...UPDATE_LIMITS, ...limits },
  )
  return { updates, batches, relayed, failures, gate, figures }
}

test('updates of one turn go in one trip, later ones together in the next, all in order', async () => {
  const { updates, batches, relayed, gate } = updatesOf()
  const { promise, resolve } = Promise.withResolvers<void>()
  gate.open = promise
  const first = [updates.submit(update(2), 'a'), updates.submit(update(0), 'c')]
  await new Promise((done) => setImmediate(done))
  const later = [updates.submit(update(3), 'b'), updates.submit(update(1), 'a')]
  resolve()
  expect(await Promise.all([...first, ...later])).toEqual([
    { ok: true, value: 'applied' },
    { ok: false, refusal: 'update_malformed' },
    { ok: true, value: 'applied' },
    { ok: true, value: 'known' },
  ])
  expect([batches, relayed, updates.isIdle]).toEqual([
    [
      [2, 0],
      [3, 1],
    ],
    ['a2', 'b3'],
    true,
  ])
})

test('what the engine gives back is offered again, before what came later', async () => {
  const { updates, batches, relayed, gate, figures } = updatesOf()
  gate.countMax = 2
  const sent = [2, 3, 4, 5, 6].map((first) => updates.submit(update(first), 'a'))
  await Promise.all(sent)
  expect(batches).toEqual([[2, 3, 4, 5, 6], [4, 5, 6], [6]])
  expect([relayed, figures.waitingBytes]).toEqual([['a2', 'a3', 'a4', 'a5', 'a6'], 0])
})

test('after one that was refused the engine is not asked about the rest of its sender', async () => {
  const { updates, batches, gate, figures } = updatesOf()
  gate.countMax = 1
  const sent = [
    updates.submit(update(0), 'a'),
    updates.submit(update(2), 'b'),
    updates.submit(update(3), 'a'),
  ]
  expect(await Promise.all(sent)).toEqual([
    { ok: false, refusal: 'update_malformed' },
    { ok: true, value: 'applied' },
    { ok: false, refusal: 'update_malformed' },
  ])
  expect([batches, figures.waitingBytes]).toEqual([[[0, 2, 3], [2]], 0])
  expect(await updates.submit(update(3), 'a')).toMatchObject({ ok: true })
})

test('more than a document, or all of the node, may have waiting is refused', async () => {
  const figures = new DocumentFigures()
  const one = updatesOf({ documentBytesMax: 3, nodeBytesMax: 5 }, figures)
  const two = updatesOf({ nodeBytesMax: 5 }, figures)
  const three = updatesOf({ documentCountMax: 1 })
  const answers = [
    one.updates.submit(update(1, 1, 1), 'a'),
    one.updates.submit(update(1), 'a'),
    two.updates.submit(update(1, 1), 'a'),
    two.updates.submit(update(1), 'a'),
    three.updates.submit(update(1), 'a'),
    three.updates.submit(update(1), 'a'),
  ]
  expect((await Promise.all(answers)).map(({ ok }) => ok)).toEqual([
    ...[true, false],
    ...[true, false],
    ...[true, false],
  ])
  expect(figures.waitingBytes).toBe(0)
  expect(await one.updates.submit(update(1, 1, 1), 'a')).toMatchObject({ ok: true })
})

test('a batch that fails fails all that waits, once, and nothing is taken any more', async () => {
  const { updates, failures, figures, relayed } = updatesOf()
  const sent = [updates.submit(update(2), 'a'), updates.submit(update(9), 'a')]
  const settled = await Promise.allSettled(sent)
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const [late] = await Promise.allSettled([updates.submit(update(1), 'a')])
  expect(late).toMatchObject({ status: 'rejected', reason: { message: 'over' } })
  expect([failures.length, relayed, figures.waitingBytes]).toEqual([1, [], 0])
})

test('what was on the way when it ended is told to nobody', async () => {
  const { updates, gate, relayed, failures } = updatesOf()
  const { promise, resolve } = Promise.withResolvers<void>()
  gate.open = promise
  const sent = updates.submit(update(2), 'a')
  await new Promise((done) => setImmediate(done))
  updates.end(new Error('over'))
  const [failed] = await Promise.allSettled([sent])
  expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'over' } })
  resolve()
  await updates.settled()
  expect([relayed, failures]).toEqual([[], []])
})
