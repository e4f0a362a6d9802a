/**
 * The promises of the document engine, kept by every adapter: a function of a factory that
 * registers tests. Clients are real Y.Docs, which are the port's only truth.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import * as Y from 'yjs'
import type {
  DocumentEngine,
  DocumentOutcome,
} from '../../packages/server/src/ports/document-engine.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { editAtRandom, readingOf, shuffled } from './document-edits.ts'

const TERMS = { stateBytesMax: 10_000_000, pendingBytesMax: 1_000_000 }
const EMPTY_VECTOR = new Uint8Array(1)
const ROUND_COUNT = 25
const EDIT_COUNT = 60
const MUTATION_COUNT = 3_000
const LONG_MS = 120_000

export function testDocumentEngine(name: string, start: () => DocumentEngine): void {
  describe(`${name} keeps the contract of document engines`, () => {
    let engine: DocumentEngine
    beforeEach(() => {
      engine = start()
    })
    afterEach(() => engine.stop())
    testAnswers(() => engine)
    testBounds(() => engine)
    testConvergence(() => engine)
    testMutations(() => engine)
  })
}

type Running = () => DocumentEngine

export function docOf(...updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

/** Updates of a client that writes one text after the other. */
function typed(...texts: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const text of texts) doc.getText('t').insert(doc.getText('t').length, text)
  return updates
}

/** Offers again what was not looked at. */
export async function applyAll(
  engine: DocumentEngine,
  id: string,
  updates: readonly Uint8Array[],
): Promise<readonly DocumentOutcome[]> {
  const outcomes: DocumentOutcome[] = []
  while (outcomes.length < updates.length)
    outcomes.push(...(await engine.apply(id, updates.slice(outcomes.length))))
  return outcomes
}

const textOf = (state: Uint8Array) => docOf(state).getText('t').toJSON()
const kindsOf = (outcomes: readonly DocumentOutcome[]) => outcomes.map(({ kind }) => kind)

function testAnswers(engine: Running): void {
  test('what came is told as it came where all of it was new, and known the second time', async () => {
    const [first, second] = typed('one ', 'two ') as [Uint8Array, Uint8Array]
    await engine().open('a', [], TERMS)
    const outcomes = await engine().apply('a', [first, second, first])
    expect(outcomes.map((each) => (each.kind === 'applied' ? each.update : each.kind))).toEqual([
      first,
      second,
      'known',
    ])
    expect(textOf(await engine().state('a'))).toBe('one two ')
  })

  test('an empty document answers every question', async () => {
    await engine().open('a', [], TERMS)
    expect(await engine().stateVector('a')).toEqual(EMPTY_VECTOR)
    expect(await engine().diff('a', EMPTY_VECTOR)).toEqual(new Uint8Array(2))
    expect(await engine().state('a')).toEqual(new Uint8Array(2))
  })

  test('what is kept opens as one document: a state, updates, or both', async () => {
    const updates = typed('one ', 'two ', 'three')
    const state = Y.mergeUpdates(updates.slice(0, 2))
    await engine().open('updates', updates, TERMS)
    await engine().open('both', [state, ...updates.slice(2)], TERMS)
    await engine().open('state', [Y.mergeUpdates(updates)], TERMS)
    for (const id of ['updates', 'both', 'state']) {
      expect(textOf(await engine().state(id))).toBe('one two three')
      const vector = Y.decodeStateVector(await engine().stateVector(id))
      expect(vector).toEqual(Y.decodeStateVector(Y.encodeStateVector(docOf(...updates))))
    }
  })

  test('a peer gets what it lacks, and a vector that cannot be read is said to be so', async () => {
    const updates = typed('one ', 'two ')
    await engine().open('a', updates, TERMS)
    const peer = docOf(updates[0] ?? EMPTY_VECTOR)
    const missing = await engine().diff('a', Y.encodeStateVector(peer))
    if (missing === 'malformed') throw new Error('the vector of a Y.Doc is none')
    Y.applyUpdate(peer, missing)
    expect(peer.getText('t').toJSON()).toBe('one two ')
    for (const bad of [[], [1], [0, 0], [255, 255, 255, 255, 255, 255, 255, 255], [9, 1, 1]])
      expect(await engine().diff('a', Uint8Array.from(bad))).toBe('malformed')
  })

  test('what waits is kept, told to nobody, and told when what it waits for comes', async () => {
    const [first, second] = typed('one ', 'two ') as [Uint8Array, Uint8Array]
    await engine().open('a', [], TERMS)
    expect(kindsOf(await engine().apply('a', [second, second]))).toEqual(['pending', 'known'])
    expect(await engine().diff('a', EMPTY_VECTOR)).toEqual(new Uint8Array(2))
    await engine().open('again', [await engine().state('a')], TERMS)
    for (const id of ['a', 'again']) {
      const [outcome] = await engine().apply(id, [first])
      if (outcome?.kind !== 'applied') throw new Error('nothing was applied')
      expect(textOf(outcome.update)).toBe('one two ')
    }
  })

  test('documents do not know each other, and a closed one is not there any more', async () => {
    await engine().open('a', typed('one'), TERMS)
    await engine().open('b', typed('two'), TERMS)
    engine().close('a')
    engine().close('a')
    const error: unknown = await engine()
      .state('a')
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'Outage' })
    await engine().open('a', [], TERMS)
    expect(textOf(await engine().state('a'))).toBe('')
    expect(textOf(await engine().state('b'))).toBe('two')
  })
}

function testBounds(engine: Running): void {
  test('an update that would make the document too large is refused whole', async () => {
    const [small, large, after] = typed('x', 'y'.repeat(2_000), 'z') as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    await engine().open('a', [], { ...TERMS, stateBytesMax: 1_000 })
    const outcomes = await applyAll(engine(), 'a', [small, large, after])
    expect(outcomes[1]).toEqual({ kind: 'refused', refusal: 'document_large' })
    expect(kindsOf(outcomes)).toEqual(['applied', 'refused', 'pending'])
    expect(textOf((await engine().diff('a', EMPTY_VECTOR)) as Uint8Array)).toBe('x')
  })

  test('a document that stays small may be edited for ever', async () => {
    const doc = new Y.Doc()
    const updates: Uint8Array[] = []
    doc.on('update', (update: Uint8Array) => updates.push(update))
    for (let at = 0; at < 500; at++) {
      doc.getText('t').insert(0, 'some words')
      doc.getText('t').delete(0, 10)
    }
    await engine().open('a', [], { ...TERMS, stateBytesMax: 200 })
    expect(new Set(kindsOf(await applyAll(engine(), 'a', updates)))).toEqual(new Set(['applied']))
  })

  test('what comes after a refused update is given back, to be offered again', async () => {
    const [first, second] = typed('1', '2') as [Uint8Array, Uint8Array]
    await engine().open('a', [], TERMS)
    // Alone: the first one of a process takes so long that the others would be given back with it.
    await engine().apply('a', [first])
    const outcomes = await engine().apply('a', [first, new Uint8Array(1), second])
    expect(kindsOf(outcomes)).toEqual(['known', 'refused'])
    expect(kindsOf(await engine().apply('a', [second]))).toEqual(['applied'])
  })

  test('more than may wait is refused, what waited before still waits', async () => {
    const [first, second, third] = typed('1', '2', '3'.repeat(2_000)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    await engine().open('a', [], { ...TERMS, pendingBytesMax: 500 })
    const outcomes = await applyAll(engine(), 'a', [second, third, first])
    expect(outcomes[1]).toEqual({ kind: 'refused', refusal: 'document_large' })
    expect(textOf(await engine().state('a'))).toBe('12')
  })
}

function testConvergence(engine: Running): void {
  test(
    'editors converge whatever the order and however often updates come',
    async () => {
      const random = seeded()
      for (let round = 0; round < ROUND_COUNT; round++) {
        const { updates, reading } = editTogether(random)
        const id = `round ${round}`
        const watcher = new Y.Doc()
        const order = shuffled([...updates, ...updates.slice(0, random.below(20))], random)
        await engine().open(id, [], TERMS)
        const outcomes = await applyInParts(engine(), { id, order, random })
        for (const each of outcomes) {
          expect(each.kind, `seed ${random.seed}`).not.toBe('refused')
          if (each.kind === 'applied') Y.applyUpdate(watcher, each.update)
        }
        const why = `seed ${random.seed} round ${round}`
        expect(readingOf(docOf(await engine().state(id))), why).toEqual(reading)
        expect(readingOf(watcher), why).toEqual(reading)
      }
    },
    LONG_MS,
  )
}

/** Several editors that hear of each other now and then. */
function editTogether(random: Seeded) {
  const updates: Uint8Array[] = []
  const editors = Array.from({ length: 2 + random.below(4) }, () => new Y.Doc())
  for (const editor of editors)
    editor.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'peer') updates.push(update)
    })
  for (let at = 0; at < EDIT_COUNT; at++) {
    editAtRandom(random.pick(editors), random)
    const [from, to] = [random.pick(editors), random.pick(editors)]
    if (random.below(3) === 0) Y.applyUpdate(to, Y.encodeStateAsUpdate(from), 'peer')
  }
  return { updates, reading: readingOf(docOf(...updates)) }
}

async function applyInParts(
  engine: DocumentEngine,
  work: {
    readonly id: string
    readonly order: readonly Uint8Array[]
    readonly random: Seeded
  },
): Promise<DocumentOutcome[]> {
  const calls: Promise<readonly DocumentOutcome[]>[] = []
  for (let at = 0; at < work.order.length; ) {
    const part = work.order.slice(at, at + 1 + work.random.below(5))
    at += part.length
    calls.push(applyAll(engine, work.id, part))
  }
  return (await Promise.all(calls)).flat()
}

function testMutations(engine: Running): void {
  test(
    'a broken update changes nothing, or is one that every client can apply',
    async () => {
      const random = seeded()
      const { updates } = editTogether(random)
      const kinds = new Map<string, number>()
      let state = Y.encodeStateAsUpdate(docOf(...updates.slice(0, updates.length / 2)))
      for (let at = 0; at < MUTATION_COUNT; at++) {
        const why = `seed ${random.seed} mutation ${at}`
        await engine().open('a', [state], TERMS)
        const broken = mutated(random.pick(updates), random)
        const [outcome] = await engine().apply('a', [broken])
        const after = (await engine().diff('a', EMPTY_VECTOR)) as Uint8Array
        const client = docOf(state)
        if (outcome?.kind === 'applied') Y.applyUpdate(client, outcome.update)
        expect(readingOf(docOf(after)), why).toEqual(readingOf(client))
        expect(Y.encodeStateVector(docOf(after)), why).toEqual(Y.encodeStateVector(client))
        kinds.set(outcome?.kind ?? '', (kinds.get(outcome?.kind ?? '') ?? 0) + 1)
        engine().close('a')
        if (at % 100 === 99) state = Y.encodeStateAsUpdate(docOf(state, random.pick(updates)))
      }
      expect(kinds.get('refused'), `seed ${random.seed}`).toBeGreaterThan(MUTATION_COUNT / 2)
      expect(kinds.get('applied'), `seed ${random.seed}`).toBeGreaterThan(0)
    },
    LONG_MS,
  )
}

function mutated(update: Uint8Array, random: Seeded): Uint8Array {
  if (random.below(4) === 0) return update.slice(0, random.below(update.length))
  const bytes = update.slice()
  for (let left = random.below(3); left >= 0; left--) {
    const at = random.below(bytes.length)
    const flipped = (bytes[at] ?? 0) ^ (1 << random.below(8))
    bytes[at] = random.below(2) === 0 ? random.below(256) : flipped
  }
  return bytes
}
