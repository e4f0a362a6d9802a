import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DueTimes } from './due-times.ts'

interface Thing {
  dueAtMs: number | undefined
}

const dueOf = ({ dueAtMs }: Thing) => dueAtMs

/** Takes everything that is due. */
function takeAll(due: DueTimes<Thing>, nowMs: number): Thing[] {
  const taken: Thing[] = []
  for (let each = due.take(nowMs); each !== undefined; each = due.take(nowMs)) taken.push(each)
  return taken
}

describe('due times', () => {
  test('give what is due, the earliest first, and once', () => {
    const due = new DueTimes<Thing>(dueOf)
    const things = [50, 10, 30, 20, 40].map((dueAtMs) => ({ dueAtMs }))
    for (const thing of things) due.add(thing)
    expect(due.take(9)).toBeUndefined()
    expect(takeAll(due, 30).map(dueOf)).toEqual([10, 20, 30])
    expect(takeAll(due, 100).map(dueOf)).toEqual([40, 50])
    expect(due.size).toBe(0)
  })

  test('forget what is no longer due, and know what moved', () => {
    const due = new DueTimes<Thing>(dueOf)
    const thing: Thing = { dueAtMs: 10 }
    due.add(thing)
    thing.dueAtMs = 20
    due.add(thing)
    expect(due.take(19)).toBeUndefined()
    expect(due.take(20)).toBe(thing)
    thing.dueAtMs = undefined
    due.add(thing)
    expect(due.take(1_000)).toBeUndefined()
  })

  test('do not grow with things that move again and again', () => {
    const due = new DueTimes<Thing>(dueOf)
    const things = Array.from({ length: 100 }, (): Thing => ({ dueAtMs: 0 }))
    for (let round = 1; round <= 1_000; round++) {
      for (const thing of things) {
        thing.dueAtMs = round
        due.add(thing)
      }
    }
    expect(due.size).toBeLessThan(400)
    expect(takeAll(due, 1_000).length).toBe(100)
  })

  test('agree with a list that is searched', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('move' as const),
        at: fc.nat(9),
        dueAtMs: fc.option(fc.nat(99)),
      }),
      fc.record({ kind: fc.constant('take' as const), nowMs: fc.nat(99) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const things = Array.from({ length: 10 }, (): Thing => ({ dueAtMs: undefined }))
        const due = new DueTimes<Thing>(dueOf)
        for (const each of steps) {
          if (each.kind === 'move') {
            const thing = things[each.at]
            if (thing === undefined) continue
            thing.dueAtMs = each.dueAtMs ?? undefined
            due.add(thing)
            continue
          }
          const isDue = ({ dueAtMs }: Thing) => dueAtMs !== undefined && dueAtMs <= each.nowMs
          const wanted = things.filter(isDue)
          const taken: Thing[] = []
          for (let one = due.take(each.nowMs); one !== undefined; one = due.take(each.nowMs)) {
            taken.push(one)
            expect(isDue(one)).toBe(true)
            one.dueAtMs = undefined
          }
          expect(new Set(taken)).toEqual(new Set(wanted))
          expect(taken).toHaveLength(wanted.length)
        }
      }),
    )
  })
})
