import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { matchesTopic, TOPIC_LEVEL_COUNT_MAX } from '@lockgate/protocol/mqtt/topic'
import { topicFilters, topicNames } from '../../../../../test/support/topic-world.ts'
import { FilterIndex } from './filter-index.ts'

const LIMITS = { nodeCountMax: 100_000 }

interface Item {
  readonly filter: string
}

function matching(index: FilterIndex<Item>, topic: string): string[] {
  const found: Item[] = []
  index.match(topic, found)
  return found.map(({ filter }) => filter).toSorted()
}

describe('a filter index', () => {
  const step = fc.record({ filter: topicFilters, isRemoval: fc.boolean() })

  test('finds exactly the filters that the naive matcher says, whatever came and went', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(topicNames, { minLength: 1, maxLength: 12 }),
        (steps, names) => {
          const index = new FilterIndex<Item>(LIMITS)
          const model = new Map<string, Item>()
          for (const { filter, isRemoval } of steps) {
            const item = { filter }
            if (isRemoval) index.delete(filter)
            else expect(index.set(filter, item)).toBe(true)
            if (isRemoval) model.delete(filter)
            else model.set(filter, item)
            expect(index.get(filter)).toBe(model.get(filter))
          }
          expect(index.size).toBe(model.size)
          for (const name of names) {
            const due = [...model.keys()].filter((filter) => matchesTopic(filter, name))
            expect(matching(index, name)).toEqual(due.toSorted())
          }
          for (const filter of model.keys()) index.delete(filter)
          expect([index.size, index.nodeCount, index.visitCountMax]).toEqual([0, 0, 1])
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('keeps filters with `$` apart at the first level only [MQTT-4.7.2-1]', () => {
    const index = new FilterIndex<Item>(LIMITS)
    for (const filter of ['#', '+/a', '$s/#', '$s/+', 'x/#', 'x/+']) index.set(filter, { filter })
    expect(matching(index, '$s/a')).toEqual(['$s/#', '$s/+'])
    expect(matching(index, 'x/$s')).toEqual(['#', 'x/#', 'x/+'])
    expect(matching(index, '$s')).toEqual(['$s/#'])
    expect(matching(index, '$other')).toEqual([])
  })

  test('matches the deepest topic there is', () => {
    const index = new FilterIndex<Item>(LIMITS)
    const filters = [
      `${'+/'.repeat(TOPIC_LEVEL_COUNT_MAX - 1)}+`,
      `${'a/'.repeat(TOPIC_LEVEL_COUNT_MAX - 1)}#`,
      `${'+/'.repeat(TOPIC_LEVEL_COUNT_MAX - 2)}+`,
    ]
    for (const filter of filters) index.set(filter, { filter })
    const topic = `${'a/'.repeat(TOPIC_LEVEL_COUNT_MAX - 1)}a`
    expect(matching(index, topic)).toEqual(filters.slice(0, 2).toSorted())
  })

  test('finds filters so long that their levels are copied, whatever these are made of', () => {
    const index = new FilterIndex<Item>(LIMITS)
    const first = '\ufeffgrüße 🙂'
    const long = 'y'.repeat(1_000)
    const filters = [`${first}/+/${long}`, `${first}/${long}/#`, `${long}/+`]
    for (const filter of filters) index.set(filter, { filter })
    expect(matching(index, `${first}/${long}/${long}`)).toEqual(filters.slice(0, 2).toSorted())
    expect(matching(index, `grüße 🙂/${long}/${long}`)).toEqual([])
    expect(matching(index, `${long}/x`)).toEqual([`${long}/+`])
    for (const filter of filters) index.delete(filter)
    expect(index.nodeCount).toBe(0)
  })

  test('refuses a filter that its nodes have no room for, and is as it was', () => {
    const index = new FilterIndex<Item>({ nodeCountMax: 6 })
    expect(index.set('a/b/+', { filter: '' })).toBe(true)
    expect(index.set('c/d/e/+', { filter: '' })).toBe(false)
    expect(index.set('c/d/e', { filter: 'exact ones take none' })).toBe(true)
    expect(index.get('c/d/e/+')).toBeUndefined()
    expect([index.size, index.nodeCount]).toEqual([2, 3])
    const again = { filter: 'again' }
    expect(index.set('a/b/+', again)).toBe(true)
    expect(index.get('a/b/+')).toBe(again)
    index.delete('a/b/+')
    expect(index.set('c/d/e/+', { filter: '' })).toBe(true)
  })
})

describe('what a look-up costs', () => {
  /** All filters of `depth` levels of `a` or `+`, but for the last level, which never matches. */
  function worstFilters(depth: number): string[] {
    let filters = ['']
    for (let level = 0; level < depth; level++) {
      filters = filters.flatMap((filter) => [`${filter}a/`, `${filter}+/`])
    }
    return filters.map((filter) => `${filter}x`)
  }

  test('is bounded by the shapes in use: filters chosen to make it dear are refused', () => {
    const index = new FilterIndex<Item>({ nodeCountMax: 1_000_000, shapeStepCountMax: 1_000 })
    const outcomes = worstFilters(14).map((filter) => index.set(filter, { filter }))
    expect(outcomes.filter((isSet) => isSet).length).toBeLessThan(1_000)
    expect(index.visitCountMax).toBeLessThanOrEqual(1_001)
    expect(index.set(`${'x/+/'.repeat(20)}+`, { filter: '' })).toBe(false)
    expect(index.set(worstFilters(14)[1] ?? '', { filter: '' })).toBe(true)
  })

  test('is the same for one filter of a shape and for ten thousand', () => {
    const index = new FilterIndex<Item>({ nodeCountMax: 1_000_000 })
    for (let device = 0; device < 10_000; device++) {
      index.set(`devices/${device}/+/state`, { filter: `${device}` })
    }
    expect(index.visitCountMax).toBe(5)
    expect(matching(index, 'devices/77/a/state')).toEqual(['77'])
  })

  test('is forgotten with the filters that made it dear', () => {
    const index = new FilterIndex<Item>({ nodeCountMax: 1_000_000, shapeStepCountMax: 1_000 })
    const filters = worstFilters(14).filter((filter) => index.set(filter, { filter }))
    for (const filter of filters) index.delete(filter)
    expect([index.nodeCount, index.visitCountMax]).toEqual([0, 1])
  })
})
