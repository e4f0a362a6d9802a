import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type CompactMap,
  findIn,
  sizeOf,
  valuesOf,
  visitAll,
  withoutKey,
  withValue,
} from './compact-map.ts'

interface Item {
  readonly key: number
}

function keysOf(held: CompactMap<number, Item>): number[] {
  const keys: number[] = []
  visitAll(held, ({ key }) => keys.push(key))
  return keys
}

function* slowly(held: CompactMap<number, Item>): Generator<number> {
  const values = valuesOf(held)
  for (let next = values.next(); next.done !== true; next = values.next()) yield next.value.key
}

test('holds what a Map would hold, at every size, in the order of arrival', () => {
  const step = fc.record({ key: fc.nat(24), isRemoval: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const model = new Map<number, Item>()
      let held: CompactMap<number, Item>
      for (const { key, isRemoval } of steps) {
        if (isRemoval) {
          held = withoutKey(held, key)
          model.delete(key)
        } else if (!model.has(key)) {
          const item = { key }
          held = withValue(held, item)
          model.set(key, item)
        }
        expect(findIn(held, key)).toBe(model.get(key))
        expect(sizeOf(held)).toBe(model.size)
        expect(keysOf(held)).toEqual([...model.keys()])
        expect([...slowly(held)]).toEqual([...model.keys()])
      }
    }),
    { numRuns: 300 },
  )
})

test('takes no container for one value and nothing at all for none', () => {
  const item = { key: 1 }
  expect(withValue<number, Item>(undefined, item)).toBe(item)
  expect(withoutKey<number, Item>(item, 1)).toBeUndefined()
  const two = withValue<number, Item>(item, { key: 2 })
  expect(withoutKey<number, Item>(two, 2)).toBe(item)
})

test('who walks it while values go meets each of those that stay once', () => {
  for (const size of [1, 3, 8, 9, 40]) {
    let held: CompactMap<number, Item>
    for (let key = 0; key < size; key++) held = withValue(held, { key })
    const met: number[] = []
    visitAll(held, ({ key }) => {
      met.push(key)
      if (key % 2 === 0) held = withoutKey(held, key)
    })
    expect(met).toEqual(Array.from({ length: size }, (_, key) => key))
  }
})
