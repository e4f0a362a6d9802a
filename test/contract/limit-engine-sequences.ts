/** The part of the limit engine contract on any sequence: no window holds more than its quota. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { LimitRule } from '../../packages/server/src/ports/limit-engine.ts'
import { type Bench, chargeOf, ruleOf } from '../support/limit-rules.ts'

export function testLimitSequences(start: () => Bench): void {
  const step = fc.record({
    passMs: fc.oneof(fc.nat(40), fc.double({ min: 0, max: 1_500, noNaN: true })),
    takes: fc.nat(8),
    cost: fc.constantFrom(1, 1, 1, 3),
    subject: fc.constantFrom('a', 'b'),
  })

  test('over any sequence no window holds more than the quota', () => {
    const sizes = fc.record({ quota: fc.integer({ min: 1, max: 12 }), windowMs: fc.nat(1_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), sizes, (steps, { quota, windowMs }) => {
        const rule = ruleOf({ quota, windowMs: windowMs + 1 })
        for (const uses of Object.values(play(start(), steps, rule))) expectBounded(uses, rule)
      }),
      { numRuns: 400 },
    )
  })

  test('over any sequence no window holds more than a large quota', () => {
    const many = fc.array(
      step.map((each) => ({ ...each, cost: each.cost * each.takes, takes: 40 })),
      { maxLength: 30 },
    )
    const sizes = fc.record({
      quota: fc.integer({ min: 101, max: 900 }),
      windowMs: fc.integer({ min: 60, max: 1_000 }),
    })
    fc.assert(
      fc.property(many, sizes, (steps, { quota, windowMs }) => {
        const rule = ruleOf({ quota, windowMs })
        for (const uses of Object.values(play(start(), steps, rule))) expectBounded(uses, rule)
      }),
      { numRuns: 200 },
    )
  })
}

interface Step {
  readonly passMs: number
  readonly takes: number
  readonly cost: number
  readonly subject: 'a' | 'b'
}

interface Use {
  readonly atMs: number
  readonly cost: number
}

/** @returns what each subject was allowed, and when. */
function play(
  { clock, engine }: Bench,
  steps: readonly Step[],
  rule: LimitRule,
): Record<'a' | 'b', Use[]> {
  const allowed = { a: [] as Use[], b: [] as Use[] }
  for (const { passMs, takes, cost, subject } of steps) {
    clock.pass(passMs)
    for (let round = 0; round < takes; round++) {
      const isAllowed = cost > 0 && engine.take([chargeOf(rule, subject, cost)]).isAllowed
      if (isAllowed) allowed[subject].push({ atMs: clock.monotonicMs(), cost })
    }
  }
  return allowed
}

function expectBounded(uses: readonly Use[], { quota, windowMs }: LimitRule): void {
  let [first, sum] = [0, 0]
  for (const { atMs, cost } of uses) {
    sum += cost
    for (let oldest = uses[first]; oldest && atMs - oldest.atMs >= windowMs; oldest = uses[first]) {
      sum -= oldest.cost
      first++
    }
    expect(sum).toBeLessThanOrEqual(quota)
  }
}
