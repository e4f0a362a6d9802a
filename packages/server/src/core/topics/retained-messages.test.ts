import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { matchesTopic } from '@lockgate/protocol/mqtt/topic'
import { message, topicFilters, topicNames } from '../../../../../test/support/topic-world.ts'
import { MESSAGE_OVERHEAD_BYTES, RetainedMessages, SWEEP_COUNT_MAX } from './retained-messages.ts'
import { TOPIC_LIMITS } from './topic-limits.ts'
import type { TopicMessage } from './topic-message.ts'

const { retained: LIMITS } = TOPIC_LIMITS
const NOW = () => 0

function topicsFor(kept: RetainedMessages, filter: string, now = NOW): string[] {
  return [...kept.matching(filter, now)].map(({ topic }) => topic).toSorted()
}

describe('retained messages against a model', () => {
  const step = fc.record({
    topic: topicNames,
    what: fc.constantFrom('keep', 'keep', 'expiring', 'remove', 'later'),
    filter: topicFilters,
  })

  test('are found by exactly the filters that match, alive and the last of their topic', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const kept = new RetainedMessages(LIMITS)
        const model = new Map<string, TopicMessage>()
        let nowMs = 0
        const isAlive = ({ expiresAtMs }: TopicMessage) => nowMs < (expiresAtMs ?? Infinity)
        for (const { topic, what, filter } of steps) {
          if (what === 'later') {
            nowMs += 1
            kept.sweep(nowMs, () => {})
          } else if (what === 'remove') {
            // Whether it was swept before does not matter to the model.
            const isKnown = model.has(topic) && isAlive(model.get(topic) ?? message(topic))
            expect(kept.remove(topic) || !isKnown).toBe(true)
            model.delete(topic)
          } else {
            const expiresAtMs = what === 'expiring' ? nowMs + 2 : undefined
            const made = message(topic, { expiresAtMs, retain: true })
            expect(kept.keep(made)).toBe(true)
            model.set(topic, made)
          }
          const due = [...model.values()].filter(
            (each) => matchesTopic(filter, each.topic) && isAlive(each),
          )
          const found = [...kept.matching(filter, () => nowMs)]
          expect(new Set(found)).toEqual(new Set(due))
          expect(found.length).toBe(due.length)
        }
        for (const topic of model.keys()) kept.remove(topic)
        expect([kept.size, kept.byteCount, kept.nodeCount]).toEqual([0, 0, 0])
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('expiry', () => {
  test('is decided when read: nobody gets it a moment too late, swept or not', () => {
    const kept = new RetainedMessages(LIMITS)
    kept.keep(message('a', { expiresAtMs: 10 }))
    expect(topicsFor(kept, 'a', () => 9)).toEqual(['a'])
    expect(topicsFor(kept, 'a', () => 10)).toEqual([])
    expect(topicsFor(kept, '#', () => 10)).toEqual([])
    expect(kept.size).toBe(1)
  })

  test('frees all of many within a few sweeps, and nothing that still lives', () => {
    const kept = new RetainedMessages(LIMITS)
    const count = 3 * SWEEP_COUNT_MAX
    for (let index = 0; index < count; index++) {
      kept.keep(message(`t/${index}`, { expiresAtMs: index % 3 === 0 ? undefined : index }))
    }
    const forgotten: string[] = []
    for (let sweep = 0; sweep < 6; sweep++) kept.sweep(count / 2, (topic) => forgotten.push(topic))
    expect(new Set(forgotten).size).toBe(forgotten.length)
    expect(forgotten.length).toBe(count / 2 - count / 6)
    expect(kept.size).toBe(count - forgotten.length)
  })

  test('of one message ends with the next one of its topic', () => {
    const kept = new RetainedMessages(LIMITS)
    kept.keep(message('a', { expiresAtMs: 10 }))
    kept.keep(message('a'))
    kept.sweep(20, () => expect.unreachable())
    expect(topicsFor(kept, 'a', () => 20)).toEqual(['a'])
  })
})

describe('a slow look-up', () => {
  test('gives what is kept when it is taken: newer ones, and none that are gone', () => {
    const kept = new RetainedMessages(LIMITS)
    for (const topic of ['a/1', 'a/2', 'a/3', 'a/4']) kept.keep(message(topic))
    const found = kept.matching('a/+', NOW)
    expect(found.next().value).toMatchObject({ topic: 'a/1' })
    kept.remove('a/2')
    const newer = message('a/3', { qos: 2 })
    kept.keep(newer)
    expect(found.next().value).toBe(newer)
    for (const topic of ['a/1', 'a/3', 'a/4']) kept.remove(topic)
    expect(found.next().done).toBe(true)
  })
})

describe('bounds', () => {
  test('on messages: a new topic is refused, a known one is not', () => {
    const kept = new RetainedMessages({ ...LIMITS, messageCountMax: 2 })
    expect(['a', 'b', 'c'].map((topic) => kept.keep(message(topic)))).toEqual([true, true, false])
    expect(kept.keep(message('b', { qos: 1 }))).toBe(true)
    kept.remove('a')
    expect(kept.keep(message('c'))).toBe(true)
    expect(topicsFor(kept, '#')).toEqual(['b', 'c'])
  })

  test('on bytes: what is replaced is taken off, what does not fit changes nothing', () => {
    const byteCountMax = 2 * MESSAGE_OVERHEAD_BYTES + 1_000
    const kept = new RetainedMessages({ ...LIMITS, byteCountMax })
    const large = (topic: string, size: number) => message(topic, { payload: new Uint8Array(size) })
    expect(kept.keep(large('a', 900))).toBe(true)
    expect(kept.keep(large('b', 900))).toBe(false)
    expect(kept.keep(large('a', 1_500))).toBe(false)
    expect(kept.keep(large('a', 950))).toBe(true)
    expect([...kept.matching('a', NOW)][0]?.payload.length).toBe(950)
    const properties = { userProperties: [['n', 'v'.repeat(900)] as const] }
    expect(kept.keep(message('a', { properties }))).toBe(false)
  })

  test('on levels', () => {
    const kept = new RetainedMessages({ ...LIMITS, nodeCountMax: 10 })
    expect(kept.keep(message('a/b/c'))).toBe(true)
    expect(kept.keep(message('/'.repeat(100)))).toBe(false)
    expect(kept.nodeCount).toBe(3)
  })

  test('on what one look-up gives and visits', () => {
    const kept = new RetainedMessages({ ...LIMITS, lookUpCountMax: 5, lookUpVisitCountMax: 50 })
    for (let index = 0; index < 100; index++) kept.keep(message(`t/${index}/x`))
    expect(topicsFor(kept, '#').length).toBe(5)
    expect(topicsFor(kept, 't/+/y')).toEqual([])
    // Those before this one use up the visits.
    expect(topicsFor(kept, 't/+/x').length).toBe(5)
    kept.keep(message('t/z/last'))
    expect(topicsFor(kept, 't/+/last')).toEqual([])
    expect(topicsFor(kept, 't/z/+')).toEqual(['t/z/last'])
  })
})
