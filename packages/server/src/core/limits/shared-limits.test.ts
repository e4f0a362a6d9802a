import { describe, expect, test } from 'bun:test'
import { testLimitEngineContract } from '../../../../../test/contract/limit-engine.ts'
import { testSharedLimitContract } from '../../../../../test/contract/shared-limits.ts'
import { limitNodes } from '../../../../../test/support/limit-nodes.ts'
import { chargeOf, ruleOf } from '../../../../../test/support/limit-rules.ts'
import { createMemoryBus } from '../../adapters/broker-memory/broker.ts'
import { openMemoryLimitEngine } from '../../adapters/limit-engine-memory/limit-engine.ts'
import type { LimitOutagePolicy } from '../../ports/limit-engine.ts'
import { PENDING_COUNT_MAX } from './pending-uses.ts'
import { BEAT_MS, FORGET_MS, SharedLimits, SILENT_MS } from './shared-limits.ts'

testSharedLimitContract('the memory engine over the memory bus', async (nodeCount) => {
  const world = await limitNodes(nodeCount)
  return {
    nodes: world.nodes,
    settle: () => world.settle(),
    pass: (ms) => world.pass(ms),
    close: async () => {
      for (const node of world.nodes) node.close()
    },
  }
})

describe('a node that is alone', () => {
  testLimitEngineContract('it', (clock) => {
    const engine = openMemoryLimitEngine({ clock })
    const nothing = () => {}
    const shared = new SharedLimits({
      engine,
      broker: createMemoryBus().connect(),
      clock,
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      nodeId: 'alone',
    })
    return Object.assign(shared, { absorb: engine.absorb.bind(engine) })
  })

  test('tells nothing of what is used, and looks for others now and then', async () => {
    const world = await limitNodes(1)
    const before = world.published
    for (let round = 0; round < 60; round++) {
      world.nodes[0]?.take([chargeOf(ruleOf({ quota: 1_000 }))])
      await world.pass(BEAT_MS)
    }
    expect(world.published - before).toBeWithin(5, 8)
    expect(world.logged).toEqual([])
  })

  test('is found by those who come later, and finds them', async () => {
    const world = await limitNodes(1)
    await world.pass(3_500)
    world.add()
    await world.settle()
    const rule = ruleOf({ quota: 5 })
    world.nodes[0]?.take([chargeOf(rule)])
    world.nodes[1]?.take([chargeOf(rule)])
    await world.settle()
    expect(world.nodes.map((node) => node.read(rule, 's').used)).toEqual([2, 2])
  })
})

describe('out of touch', () => {
  const policies: readonly LimitOutagePolicy[] = ['open', 'closed', 'local']
  const rulesOf = () => policies.map((onOutage) => ruleOf({ quota: 3, onOutage }))
  const allowedBy = (node: SharedLimits | undefined) =>
    rulesOf().map((rule, index) => {
      let count = 0
      while (count < 10 && node?.take([chargeOf(rule, `s${index}`)]).isAllowed) count++
      return count
    })

  test('while the bus takes nothing every rule does what it says, and back in touch too', async () => {
    const world = await limitNodes(2)
    world.cut(0)
    await world.pass(BEAT_MS)
    expect(allowedBy(world.nodes[0])).toEqual([10, 0, 3])
    expect(world.logged).toEqual(['limits_out_of_touch'])
    expect([world.metric(0, 'out_of_touch'), world.metric(0, 'outages')]).toEqual([1, 1])
    expect(world.metric(0, 'outage_refusals')).toBe(1)
    world.mend(0)
    await world.pass(BEAT_MS)
    expect(world.logged).toEqual(['limits_out_of_touch', 'limits_in_touch'])
    expect(world.metric(0, 'out_of_touch')).toBe(0)
    // What was counted meanwhile is told as soon as it can be.
    expect(world.nodes[1]?.read(ruleOf({ quota: 3 }), 's2').used).toBe(3)
    expect(allowedBy(world.nodes[0])).toEqual([3, 3, 0])
  })

  test('a refusal of a closed rule says to ask again after a beat; in shadow it is only told', async () => {
    const world = await limitNodes(2)
    world.cut(0)
    await world.pass(BEAT_MS)
    const closed = ruleOf({ quota: 3, onOutage: 'closed' })
    const { refused } = world.nodes[0]?.take([chargeOf(closed)]) ?? {}
    expect(refused).toEqual({ rule: closed, subject: 's', used: 3, remaining: 0, resetMs: BEAT_MS })
    const shadow = { ...closed, isShadow: true }
    expect(world.nodes[0]?.take([chargeOf(shadow)])).toMatchObject({
      isAllowed: true,
      shadowed: [{ rule: shadow }],
    })
  })

  test('a node that hears nobody any more is out of touch until they are forgotten', async () => {
    const world = await limitNodes(2)
    world.cut(1) // it crashed: it says neither anything nor goodbye
    await world.pass(SILENT_MS - BEAT_MS)
    expect(allowedBy(world.nodes[0])).toEqual([3, 3, 3])
    await world.pass(3 * BEAT_MS)
    expect(world.metric(0, 'out_of_touch')).toBe(1)
    world.nodes.pop()
    await world.pass(FORGET_MS)
    expect(world.metric(0, 'out_of_touch')).toBe(0)
  })

  test('one of three that falls silent keeps nobody from anything', async () => {
    const world = await limitNodes(3)
    world.cut(2)
    await world.pass(SILENT_MS * 2)
    expect([world.metric(0, 'out_of_touch'), world.metric(1, 'out_of_touch')]).toEqual([0, 0])
    expect(world.metric(2, 'out_of_touch')).toBe(1)
  })

  test('a node that says goodbye is missed by nobody, and its last uses are known', async () => {
    const world = await limitNodes(2)
    const rule = ruleOf({ quota: 5 })
    world.nodes[1]?.take([chargeOf(rule)])
    world.nodes.pop()?.close()
    await world.pass(SILENT_MS * 2)
    expect(world.metric(0, 'out_of_touch')).toBe(0)
    expect(world.nodes[0]?.read(rule, 's').used).toBe(1)
    expect(world.logged).toEqual([])
  })

  test('what cannot be told is bounded, and what is lost is counted', async () => {
    const world = await limitNodes(2)
    world.cut(0)
    await world.pass(BEAT_MS)
    const rule = ruleOf({ quota: 1_000 })
    for (let index = 0; index < PENDING_COUNT_MAX + 70; index++) {
      world.nodes[0]?.take([chargeOf(rule, `${index}`)])
    }
    expect(world.metric(0, 'uses_lost')).toBe(70)
    world.mend(0)
    await world.settle()
    expect(world.nodes[1]?.read(rule, '0').used).toBe(1)
    expect(world.metric(1, 'uses_absorbed')).toBe(PENDING_COUNT_MAX)
  })
})
