import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { message } from '../../../../../../test/support/topic-world.ts'
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'
import { MEMORY_BYTES_MAX, MEMORY_COUNT_MAX, WaitingMessages } from './waiting-messages.ts'

function delivery(name: string): TopicDelivery {
  return { message: message(name), qos: 1, retain: false, subscriptionIds: [] }
}

describe('messages that wait', () => {
  test('have rising seqs, whether they wait or pass', () => {
    const waiting = new WaitingMessages(5)
    expect([waiting.pass(), waiting.pass()]).toEqual([5, 6])
    expect([waiting.add(delivery('a'), 10), waiting.add(delivery('b'), 20)]).toEqual([7, 8])
    expect([waiting.count, waiting.bytes, waiting.headSeq]).toEqual([2, 30, 7])
    expect(waiting.peek()?.message.topic).toBe('a')
    expect(waiting.shift()).toEqual({ seq: 7, bytes: 10 })
    expect(waiting.shift()).toEqual({ seq: 8, bytes: 20 })
    expect([waiting.shift(), waiting.peek(), waiting.bytes]).toEqual([undefined, undefined, 0])
    expect(waiting.pass()).toBe(9)
  })

  test('are in memory from the first on, without a gap', () => {
    const waiting = new WaitingMessages(1)
    waiting.add(delivery('a'), 1)
    waiting.add(undefined, 1)
    waiting.add(delivery('c'), 1)
    expect([waiting.count, waiting.loadedCount]).toEqual([3, 1])
    waiting.shift()
    expect([waiting.isNextStored, waiting.peek()]).toEqual([true, undefined])
    expect(waiting.load(3, delivery('c'), 1)).toBe(false)
    expect(waiting.load(2, delivery('b'), 7)).toBe(true)
    expect(waiting.load(3, delivery('c'), 1)).toBe(true)
    expect(waiting.load(4, delivery('d'), 1)).toBe(false)
    expect([waiting.bytes, waiting.loadedCount, waiting.isNextStored]).toEqual([8, 2, false])
  })

  test('are bounded in memory beside the store', () => {
    const waiting = new WaitingMessages(1)
    for (let count = 0; count < MEMORY_COUNT_MAX; count++) {
      expect(waiting.hasMemoryFor(1)).toBe(true)
      waiting.add(delivery('a'), 1)
    }
    expect(waiting.hasMemoryFor(1)).toBe(false)
    waiting.unload()
    expect([waiting.loadedCount, waiting.count, waiting.hasMemoryFor(1)]).toEqual([
      0,
      MEMORY_COUNT_MAX,
      false,
    ])
    const large = new WaitingMessages(1)
    large.add(delivery('a'), MEMORY_BYTES_MAX)
    expect(large.hasMemoryFor(1)).toBe(false)
  })

  test('of before a start have a size together', () => {
    const waiting = new WaitingMessages(4)
    waiting.restore(3, 301)
    expect([waiting.count, waiting.headSeq, waiting.isNextStored]).toEqual([3, 4, true])
    expect(waiting.bytes).toBeGreaterThanOrEqual(301)
    waiting.load(4, delivery('a'), 1_000)
    for (let count = 0; count < 3; count++) waiting.shift()
    expect(waiting.bytes).toBe(0)
  })

  test('agree with a list of all of them', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), bytes: fc.nat(9), isKept: fc.boolean() }),
      fc.record({ kind: fc.constant('shift' as const) }),
      fc.record({ kind: fc.constant('load' as const) }),
      fc.record({ kind: fc.constant('unload' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const waiting = new WaitingMessages(1)
        let all: { seq: number; bytes: number; isLoaded: boolean }[] = []
        let nextSeq = 1
        for (const each of steps) {
          if (each.kind === 'add') {
            const isLoaded = each.isKept && all.every((one) => one.isLoaded)
            const given = each.isKept ? delivery(`${nextSeq}`) : undefined
            expect(waiting.add(given, each.bytes)).toBe(nextSeq)
            all.push({ seq: nextSeq++, bytes: each.bytes, isLoaded })
          } else if (each.kind === 'shift') {
            const first = all.shift()
            const taken = waiting.shift()
            expect(taken).toEqual(first && { seq: first.seq, bytes: first.bytes })
          } else if (each.kind === 'load') {
            const next = all.find((one) => !one.isLoaded)
            if (next === undefined) continue
            expect(waiting.load(next.seq, delivery(`${next.seq}`), next.bytes)).toBe(true)
            next.isLoaded = true
          } else {
            waiting.unload()
            all = all.map((one) => ({ ...one, isLoaded: false }))
          }
          const first = all[0]
          expect(waiting.count).toBe(all.length)
          expect(waiting.bytes).toBe(all.reduce((sum, one) => sum + one.bytes, 0))
          expect(waiting.loadedCount).toBe(all.filter((one) => one.isLoaded).length)
          const topic = first?.isLoaded === true ? `${first.seq}` : undefined
          expect(waiting.peek()?.message.topic).toBe(topic as string)
        }
      }),
    )
  })
})
