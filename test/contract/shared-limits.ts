/**
 * The promises of limits that several nodes hold together, kept by every way to share them: a
 * function of a harness that registers tests.
 */
import { afterEach, describe, expect, test } from 'bun:test'
import type { LimitEngine } from '../../packages/server/src/ports/limit-engine.ts'
import { chargeOf, ruleOf, takeAll } from '../support/limit-rules.ts'

export interface LimitCluster {
  readonly nodes: readonly LimitEngine[]
  /** Resolves when every node knows what was used before the call. */
  readonly settle: () => Promise<void>
  readonly pass: (ms: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** @param open as many nodes as it is asked for, which have heard of each other. */
export function testSharedLimitContract(
  name: string,
  open: (nodeCount: number) => Promise<LimitCluster>,
): void {
  describe(`${name} keeps the contract of shared limits`, () => {
    let cluster: LimitCluster | undefined
    const start = async (nodeCount: number) => {
      cluster = await open(nodeCount)
      return cluster
    }
    afterEach(async () => {
      await cluster?.close()
      cluster = undefined
    })
    testConvergence(start)
    testResetting(start)
  })
}

type Start = (nodeCount: number) => Promise<LimitCluster>

function testConvergence(start: Start): void {
  test.each([40, 900])('what one node allowed counts on all, of a quota of %d', async (quota) => {
    const { nodes, settle } = await start(3)
    const rule = ruleOf({ quota })
    const [first, second, third] = nodes as [LimitEngine, LimitEngine, LimitEngine]
    for (let left = quota - 10; left > 0; left--) first.take([chargeOf(rule)])
    await settle()
    for (const node of nodes) expect(node.read(rule, 's').used).toBe(quota - 10)
    expect(takeAll(second, rule)).toBe(10)
    await settle()
    for (const node of nodes) expect(node.take([chargeOf(rule)]).isAllowed).toBe(false)
    expect(third.read(rule, 's')).toMatchObject({ used: quota, remaining: 0 })
  })

  test('the longest name of a channel counts on all, and so does its reset', async () => {
    const { nodes, settle } = await start(2)
    const rule = ruleOf({ name: 'publish.channel', quota: 5 })
    const subject = `${'a'.repeat(64)}:${'c'.repeat(199)}`
    const [first, second] = nodes as [LimitEngine, LimitEngine]
    expect(takeAll(first, rule, `${subject}1`)).toBe(5)
    await settle()
    expect(second.take([chargeOf(rule, `${subject}1`)]).isAllowed).toBe(false)
    expect(second.take([chargeOf(rule, `${subject}2`)]).isAllowed).toBe(true)
    first.reset(rule.name, `${subject}1`)
    await settle()
    expect(second.read(rule, `${subject}1`).used).toBe(0)
  })

  test('uses on all nodes at once come to the same sum everywhere', async () => {
    const { nodes, settle } = await start(3)
    const rules = [ruleOf({ quota: 10_000 }), ruleOf({ name: 'publish.app', quota: 5_000 })]
    for (let round = 0; round < 300; round++) {
      for (const [index, node] of nodes.entries()) {
        const charges = rules.map((rule) => chargeOf(rule, `s${round % 7}`, index + 1))
        expect(node.take(charges).isAllowed).toBe(true)
      }
      if (round % 50 === 0) await settle()
    }
    await settle()
    for (const rule of rules) {
      for (const subject of ['s0', 's3', 's6']) {
        const used = nodes.map((node) => node.read(rule, subject).used)
        expect(used[0]).toBeGreaterThan(0)
        expect(new Set(used).size).toBe(1)
      }
    }
  })

  test('until they have heard each other, each gives out no more than a quota', async () => {
    const { nodes, settle } = await start(3)
    const rule = ruleOf({ quota: 60 })
    for (const node of nodes) expect(takeAll(node, rule)).toBe(60)
    await settle()
    for (const node of nodes) expect(node.read(rule, 's')).toMatchObject({ remaining: 0 })
  })

  test('what was refused and what was only read is told to nobody', async () => {
    const { nodes, settle } = await start(2)
    const [one, other] = nodes as [LimitEngine, LimitEngine]
    const [rule, none] = [ruleOf({ quota: 5 }), ruleOf({ name: 'publish.app', quota: 0 })]
    for (let round = 0; round < 20; round++) one.take([chargeOf(rule), chargeOf(none)])
    one.read(rule, 's')
    await settle()
    expect(other.read(rule, 's').used).toBe(0)
  })

  test('a rule in shadow beside one that is enforced is counted once elsewhere too', async () => {
    const { nodes, settle } = await start(2)
    const [one, other] = nodes as [LimitEngine, LimitEngine]
    const [shadow, enforced] = [ruleOf({ quota: 2, isShadow: true }), ruleOf({ quota: 9 })]
    for (let round = 0; round < 4; round++) one.take([chargeOf(shadow), chargeOf(enforced)])
    const alone = ruleOf({ name: 'publish.app', quota: 2, isShadow: true })
    for (let round = 0; round < 4; round++) one.take([chargeOf(alone)])
    await settle()
    expect(other.read(enforced, 's').used).toBe(4)
    expect(other.read(alone, 's').used).toBe(2)
  })

  test('windows end on every node', async () => {
    const { nodes, settle, pass } = await start(2)
    const [one, other] = nodes as [LimitEngine, LimitEngine]
    const rule = ruleOf({ quota: 5, windowMs: 2_000 })
    expect(takeAll(one, rule)).toBe(5)
    await settle()
    expect(takeAll(other, rule)).toBe(0)
    await pass(3_000)
    expect(takeAll(other, rule)).toBe(5)
  })
}

function testResetting(start: Start): void {
  test('resetting a subject on one node forgets it on all', async () => {
    const { nodes, settle } = await start(3)
    const rule = ruleOf({ quota: 50 })
    for (const node of nodes) node.take([chargeOf(rule, 's', 10), chargeOf(rule, 'other', 1)])
    await settle()
    nodes[1]?.reset(rule.name, 's')
    await settle()
    expect(nodes.map((node) => node.read(rule, 's').used)).toEqual([0, 0, 0])
    expect(nodes.map((node) => node.read(rule, 'other').used)).toEqual([3, 3, 3])
  })

  test('what was used and not yet told is forgotten with it', async () => {
    const { nodes, settle } = await start(2)
    const [one, other] = nodes as [LimitEngine, LimitEngine]
    const rule = ruleOf({ quota: 50 })
    one.take([chargeOf(rule, 's', 10)])
    one.reset(rule.name, 's')
    await settle()
    expect([one.read(rule, 's').used, other.read(rule, 's').used]).toEqual([0, 0])
  })
}
