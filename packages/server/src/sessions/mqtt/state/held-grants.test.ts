import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { TopicGrant } from '../../../core/topics/topic-subscriber.ts'
import { countIn, grantsIn, type HeldGrants, isIn, withGrant, withoutGrant } from './held-grants.ts'

const FILTERS = ['a', 'b', 'c', 'd']

function grantOf(filter: string, qos: 0 | 1 | 2): TopicGrant {
  return { filter, qos, noLocal: false, retainAsPublished: false, subscriptionId: undefined }
}

test('what is held is what a map of filters would hold, whatever comes and goes', () => {
  const steps = fc.array(
    fc.record({
      filter: fc.constantFrom(...FILTERS),
      qos: fc.constantFrom(0, 1, 2),
      isAdded: fc.boolean(),
    }),
  )
  fc.assert(
    fc.property(steps, (all) => {
      const expected = new Map<string, TopicGrant>()
      let held: HeldGrants
      for (const { filter, qos, isAdded } of all) {
        const grant = grantOf(filter, qos)
        held = isAdded ? withGrant(held, grant) : withoutGrant(held, filter)
        if (isAdded) expected.set(filter, grant)
        else expected.delete(filter)
        expect([...grantsIn(held)]).toEqual([...expected])
        expect(countIn(held)).toBe(expected.size)
        for (const each of FILTERS) expect(isIn(held, each)).toBe(expected.has(each))
      }
    }),
  )
})

test('one alone takes no map', () => {
  const one = grantOf('a', 0)
  expect(withGrant(undefined, one)).toBe(one)
  expect(withoutGrant(one, 'a')).toBeUndefined()
})
