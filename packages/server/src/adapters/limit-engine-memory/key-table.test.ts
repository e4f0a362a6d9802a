import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { KeyTable } from './key-table.ts'

test('over any sequence of adding and removing it finds what a map would', () => {
  // Few homes, so that chains are long and gaps have to be closed.
  const key = fc.record({
    low: fc.nat(3),
    high: fc.nat(6),
    windowMs: fc.constantFrom(1_000, 60_000),
  })
  const step = fc.record({ key, isAdded: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new KeyTable(5)
      const model = new Map<string, number>()
      for (const { key: each, isAdded } of steps) {
        const text = JSON.stringify(each)
        const known = model.get(text)
        if (isAdded && known === undefined) {
          const id = table.add(each)
          if (id >= 0) model.set(text, id)
        }
        if (!isAdded && known !== undefined) {
          table.remove(known)
          model.delete(text)
        }
        expect(table.usedCount).toBe(model.size)
        for (const [one, id] of model) {
          const { low, high, windowMs } = JSON.parse(one) as typeof each
          expect(table.find(low, high, windowMs)).toBe(id)
        }
        if (!isAdded) expect(table.find(each.low, each.high, each.windowMs)).toBe(-1)
      }
    }),
    { numRuns: 300 },
  )
})

test('it grows, and records that were removed are used again, empty', () => {
  const table = new KeyTable(5)
  const ids: number[] = []
  for (let index = 0; index < 5_000; index++) {
    ids.push(table.add({ low: (index * 2_654_435_761) >>> 0, high: index, windowMs: 1_000 }))
  }
  for (const [index, id] of ids.entries()) {
    expect(table.find((index * 2_654_435_761) >>> 0, index, 1_000)).toBe(id)
    table.words(id).fill(7, table.wordsAt(id) + 8, table.wordsAt(id) + 16)
  }
  const before = table.byteCount
  for (const id of ids) table.remove(id)
  for (let index = 0; index < 5_000; index++) {
    const id = table.add({ low: (index * 40_503) >>> 0, high: 1, windowMs: 9 })
    const base = table.wordsAt(id)
    expect([...table.words(id).slice(base + 7, base + 16)]).toEqual(Array(9).fill(0))
  }
  expect(table.byteCount).toBe(before)
})
