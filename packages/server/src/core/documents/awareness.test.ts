import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Awareness, AWARENESS_LIMITS } from './awareness.ts'

const here = (clientId: number, clock: number, state: string | undefined = '{}') => ({
  clientId,
  clock,
  state,
})
const gone = (clientId: number, clock: number) => ({ clientId, clock, state: undefined })

describe('a client id', () => {
  test('is taken at any clock, then at newer ones only', () => {
    const awareness = new Awareness<string>()
    expect(awareness.announce('ann', [here(1, 0)]).changed).toEqual([here(1, 0)])
    expect(awareness.announce('ann', [here(1, 0, '"again"')]).changed).toEqual([])
    expect(awareness.announce('ann', [here(1, 2)]).changed).toEqual([here(1, 2)])
    expect(awareness.announce('ann', [here(1, 1)]).changed).toEqual([])
    expect(awareness.entries()).toEqual([here(1, 2)])
  })

  test('is gone at a newer or an equal clock, and at no older one', () => {
    const awareness = new Awareness<string>()
    awareness.announce('ann', [here(1, 5), here(2, 5)])
    expect(awareness.announce('ann', [gone(1, 4)]).changed).toEqual([])
    expect(awareness.announce('ann', [gone(1, 5), gone(2, 6)]).changed).toEqual([
      gone(1, 5),
      gone(2, 6),
    ])
    expect(awareness.entries()).toEqual([])
    // Nobody knows it: there is nothing to tell.
    expect(awareness.announce('ann', [gone(3, 1)])).toEqual({ changed: [], gone: [] })
  })

  test('belongs to who announced it first: others change nothing and remove nothing', () => {
    const awareness = new Awareness<string>()
    awareness.announce('ann', [here(1, 1)])
    expect(awareness.announce('bob', [here(1, 9, '"forged"'), gone(1, 9)])).toEqual({
      changed: [],
      gone: [],
    })
    expect(awareness.leave('bob')).toEqual([])
    expect(awareness.entries()).toEqual([here(1, 1)])
  })

  test('is anybody’s once its owner left, at a clock beyond the one it left at', () => {
    const awareness = new Awareness<string>()
    awareness.announce('ann', [here(1, 3)])
    expect(awareness.leave('ann')).toEqual([gone(1, 4)])
    // A late echo of what ann said does not bring it back.
    expect(awareness.announce('bob', [here(1, 3)])).toEqual({ changed: [], gone: [gone(1, 4)] })
    expect(awareness.announce('bob', [here(1, 5)]).changed).toEqual([here(1, 5)])
    expect(awareness.announce('ann', [here(1, 6)]).changed).toEqual([])
  })

  test('leaves at the highest clock there is without passing it', () => {
    const awareness = new Awareness<string>()
    awareness.announce('ann', [here(1, Number.MAX_SAFE_INTEGER)])
    expect(awareness.leave('ann')).toEqual([gone(1, Number.MAX_SAFE_INTEGER)])
  })
})

describe('bounds', () => {
  const limits = {
    entryCountMax: 3,
    ownedCountMax: 2,
    characterCountMax: 20,
    ownedCharacterCountMax: 10,
    goneCountMax: 2,
  }

  test('hold for each connection and for the document', () => {
    const awareness = new Awareness<string>(limits)
    const all = [here(1, 1), here(2, 1), here(3, 1)]
    expect(awareness.announce('ann', all).changed).toEqual([here(1, 1), here(2, 1)])
    expect(awareness.announce('bob', [here(4, 1), here(5, 1)]).changed).toEqual([here(4, 1)])
    awareness.leave('ann')
    expect(awareness.announce('bob', [here(5, 1)]).changed).toEqual([here(5, 1)])
    expect(awareness.announce('eve', [here(6, 1, 'x'.repeat(11))]).changed).toEqual([])
    expect(awareness.announce('eve', [here(6, 1, 'x'.repeat(10))]).changed.length).toBe(1)
    expect(awareness.announce('eve', [here(6, 2, 'x'.repeat(11))]).changed).toEqual([])
    expect(awareness.entries().find(({ clientId }) => clientId === 6)?.clock).toBe(1)
    // 4 of bob and 10 of eve are there; 10 of bob would be 20 of 20, and two more are too many.
    expect(awareness.announce('bob', [here(4, 2, 'x'.repeat(8))]).changed.length).toBe(1)
    expect(awareness.announce('bob', [here(5, 2, 'x'.repeat(3))]).changed).toEqual([])
  })

  test('forget who left first', () => {
    const awareness = new Awareness<string>(limits)
    for (const clientId of [1, 2, 3]) {
      awareness.announce('ann', [here(clientId, 5)])
      awareness.leave('ann')
    }
    expect(awareness.announce('bob', [here(1, 0)]).changed).toEqual([here(1, 0)])
    expect(awareness.announce('bob', [here(2, 0)]).gone).toEqual([gone(2, 6)])
  })
})

test('whoever hears all that is told knows who is present, whatever happens', () => {
  const owner = fc.constantFrom('ann', 'bob', 'eve')
  const entry = fc.record({
    clientId: fc.nat(4),
    clock: fc.nat(6),
    state: fc.option(fc.constantFrom('"a"', '"bb"'), { nil: undefined }),
  })
  const step = fc.oneof(
    fc.record({ owner, entries: fc.array(entry, { maxLength: 4 }) }),
    fc.record({ owner }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const awareness = new Awareness<string>({ ...AWARENESS_LIMITS, ownedCountMax: 3 })
      // As y-protocols has it: clocks stay when states go.
      const heard = new Map<number, { clock: number; state: string | undefined }>()
      for (const each of steps) {
        const told =
          'entries' in each
            ? awareness.announce(each.owner, each.entries).changed
            : awareness.leave(each.owner)
        for (const { clientId, clock, state } of told) {
          const known = heard.get(clientId)
          const isNews =
            known === undefined ||
            known.clock < clock ||
            (known.clock === clock && state === undefined)
          expect(isNews).toBe(true)
          heard.set(clientId, { clock, state })
        }
        const present = [...heard].filter(([, { state }]) => state !== undefined)
        const byId = (a: { clientId: number }, b: { clientId: number }) => a.clientId - b.clientId
        expect(awareness.entries().toSorted(byId)).toEqual(
          present
            .map(([clientId, { clock, state }]) => ({ clientId, clock, state }))
            .toSorted(byId) as never,
        )
      }
    }),
  )
})
