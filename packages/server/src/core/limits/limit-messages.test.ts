import { describe, expect, test } from 'bun:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { limitNodes } from '../../../../../test/support/limit-nodes.ts'
import { chargeOf, ruleOf, takeAll } from '../../../../../test/support/limit-rules.ts'
import {
  decodeLimitMessage,
  encodeLimitMessage,
  LIMIT_TOPIC,
  SUBJECT_UNITS_MAX,
  USES_PER_MESSAGE_MAX,
} from './limit-messages.ts'
import type { SharedLimits } from './shared-limits.ts'

describe('a hostile bus', () => {
  const use = ['publish.user', 5, 1_000, 's', 1]
  const fine = { kind: 'uses', from: 'n', uses: [use] }

  test.each([
    ['', 'text'],
    ['[]', 'an array'],
    [JSON.stringify({ ...fine, from: '' }), 'no sender'],
    [JSON.stringify({ ...fine, from: 'n'.repeat(65) }), 'a long sender'],
    [JSON.stringify({ ...fine, kind: 'verdict' }), 'another kind'],
    [JSON.stringify({ ...fine, uses: {} }), 'no list'],
    [
      JSON.stringify({
        ...fine,
        uses: Array.from({ length: USES_PER_MESSAGE_MAX + 1 }, () => use),
      }),
      'too many uses',
    ],
    ...[
      ['nothing', 5, 1_000, 's', 1],
      ['connections.app', 5, 1_000, 's', 1],
      ['publish.user', -1, 1_000, 's', 1],
      ['publish.user', 1.5, 1_000, 's', 1],
      ['publish.user', 5, 0, 's', 1],
      ['publish.user', 5, 1e15, 's', 1],
      ['publish.user', 5, 1_000, 7, 1],
      ['publish.user', 5, 1_000, 's'.repeat(SUBJECT_UNITS_MAX + 1), 1],
      ['publish.user', 5, 1_000, 's', 0],
      ['publish.user', 5, 1_000, 's', -3],
      ['publish.user', 5, 1_000, 's', 2 ** 40],
      ['publish.user', 5, 1_000, 's', 1, 1],
    ].map(
      (each) => [JSON.stringify({ ...fine, uses: [use, each] }), JSON.stringify(each)] as const,
    ),
    [JSON.stringify({ kind: 'reset', from: 'n', name: 'nothing', subject: 's' }), 'a reset'],
    [JSON.stringify({ kind: 'reset', from: 'n', name: 'publish.user' }), 'a reset of nobody'],
  ] as const)('%p is dropped and counted (%s)', async (text) => {
    expect(decodeLimitMessage(text)).toBeUndefined()
    const world = await limitNodes(1)
    world.bus.connect().publish(LIMIT_TOPIC, text)
    await world.settle()
    expect(world.metric(0, 'malformed')).toBe(1)
    expect(world.nodes[0]?.read(ruleOf({}), 's').used).toBe(0)
  })

  test('what a node writes is read as it was meant, and no text makes the reader throw', () => {
    const anyUse = fc.record({
      rule: fc.record({
        name: fc.constantFrom('publish.user', 'connect.ip'),
        quota: fc.nat(10_000),
        windowMs: fc.integer({ min: 1, max: 1_000_000 }),
      }),
      subject: fc.string({ maxLength: SUBJECT_UNITS_MAX, unit: 'binary' }),
      cost: fc.integer({ min: 1, max: 10_000 }),
    })
    fc.assert(
      fc.property(fc.array(anyUse, { maxLength: 20 }), fc.string(), (uses, text) => {
        const message = { kind: 'uses', from: 'node', uses } as const
        expect(decodeLimitMessage(encodeLimitMessage(message))).toEqual(message)
        decodeLimitMessage(text)
      }),
      { numRuns: 300 },
    )
  })

  test('the largest message fits the bus', async () => {
    const world = await limitNodes(2)
    const rule = ruleOf({ quota: 1_000 })
    for (let index = 0; index < USES_PER_MESSAGE_MAX * 2; index++) {
      world.nodes[0]?.take([chargeOf(rule, `${index}`.padEnd(SUBJECT_UNITS_MAX, '\u0001'))])
    }
    await world.settle()
    expect(world.metric(1, 'uses_absorbed')).toBe(USES_PER_MESSAGE_MAX * 2)
  })

  test('nodes without end are not remembered', async () => {
    const world = await limitNodes(1)
    const liar = world.bus.connect()
    for (let index = 0; index < 5_000; index++) {
      const from = `liar ${index}`
      liar.publish(LIMIT_TOPIC, encodeLimitMessage({ kind: 'uses', from, uses: [] }))
    }
    for (let round = 0; round < 30; round++) await turn()
    expect(world.published).toBeLessThan(300)
    expect(takeAll(world.nodes[0] as SharedLimits, ruleOf({ quota: 3 }))).toBe(3)
  })
})
