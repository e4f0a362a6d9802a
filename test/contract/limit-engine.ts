/**
 * The promises of the limit engine port, kept by every adapter: a function of a factory that
 * registers tests. What an adapter may do is refuse for a part of a window longer than it must;
 * allow more than a quota in any window, never.
 */
import { describe, expect, test } from 'bun:test'
import type { Clock } from '../../packages/server/src/ports/clock.ts'
import {
  LIMIT_CHARGE_COUNT_MAX,
  type LimitRule,
} from '../../packages/server/src/ports/limit-engine.ts'
import { HandClock } from '../support/hand-clock.ts'
import {
  type Bench,
  chargeOf,
  LATE_SHARE_MAX,
  ruleOf,
  takeAll,
  type TestedEngine,
} from '../support/limit-rules.ts'
import { testLimitSequences } from './limit-engine-sequences.ts'
import { testLimitTelling } from './limit-engine-telling.ts'

const QUOTAS = [1, 3, 20, 100, 101, 1_000, 5_000]

/** @param open an engine with nothing in it; each test gets its own. */
export function testLimitEngineContract(name: string, open: (clock: Clock) => TestedEngine): void {
  const start = (): Bench => {
    const clock = new HandClock()
    return { clock, engine: open(clock) }
  }
  describe(`${name} keeps the limit engine contract`, () => {
    describe.each(QUOTAS)('with a quota of %d', (quota) => testQuota(start, ruleOf({ quota })))
    testSeveral(start)
    testLimitTelling(start)
    testEdges(start)
    testAbsorbing(start)
    testLimitSequences(start)
  })
}

function testQuota(start: () => Bench, rule: LimitRule): void {
  const { quota, windowMs } = rule

  test('that many are allowed at once, and then none', () => {
    const { engine } = start()
    for (let used = 0; used < quota; used++) {
      expect(engine.read(rule, 's')).toMatchObject({ used, remaining: quota - used })
      expect(engine.take([chargeOf(rule)]).isAllowed).toBe(true)
    }
    for (let round = 0; round < 3; round++) {
      const { isAllowed, refused } = engine.take([chargeOf(rule)])
      expect(isAllowed).toBe(false)
      expect(refused).toMatchObject({ rule, subject: 's', used: quota, remaining: 0 })
      expect(refused?.resetMs).toBeWithin(windowMs, windowMs * (1 + LATE_SHARE_MAX) + 2)
    }
  })

  test('trying again after the time it names succeeds, and not long before', () => {
    const { clock, engine } = start()
    clock.pass(12.25) // times of a real clock are no whole numbers
    takeAll(engine, rule)
    clock.pass(windowMs / 3)
    const resetMs = engine.take([chargeOf(rule)]).refused?.resetMs ?? 0
    clock.pass(windowMs / 2)
    expect(engine.take([chargeOf(rule)]).isAllowed).toBe(false)
    clock.pass(resetMs - windowMs / 2)
    expect(engine.take([chargeOf(rule)]).isAllowed).toBe(true)
    expect(resetMs).toBeLessThanOrEqual(windowMs)
  })

  test('what is refused is not counted', () => {
    const { clock, engine } = start()
    takeAll(engine, rule)
    for (let round = 0; round < 100; round++) {
      clock.pass(windowMs / 200)
      expect(engine.take([chargeOf(rule)]).isAllowed).toBe(false)
    }
    clock.pass(windowMs)
    expect(takeAll(engine, rule)).toBe(quota)
  })

  test('a long idle subject gets the quota again, and no more', () => {
    const { clock, engine } = start()
    takeAll(engine, rule)
    clock.pass(windowMs * 1_000)
    expect(takeAll(engine, rule)).toBe(quota)
  })

  test('a clock that goes back gives nothing and takes nothing', () => {
    const { clock, engine } = start()
    takeAll(engine, rule)
    for (const jumpMs of [windowMs * 10, -windowMs * 100, 1e12]) {
      clock.wallMs += jumpMs
      expect(engine.take([chargeOf(rule)]).isAllowed).toBe(false)
    }
    clock.runningMs -= windowMs * 3
    expect(engine.take([chargeOf(rule)]).isAllowed).toBe(false)
    clock.runningMs += windowMs * 5
    expect(takeAll(engine, rule)).toBe(quota)
  })

  test('what is used while a clock is back is not over when it catches up', () => {
    const { clock, engine } = start()
    engine.take([chargeOf(rule, 'other')])
    clock.runningMs -= windowMs * 3
    expect(takeAll(engine, rule)).toBe(quota)
    clock.runningMs += windowMs * 3
    expect(engine.take([chargeOf(rule)]).isAllowed).toBe(false)
  })

  test('a charge may be worth many, and is taken whole or not at all', () => {
    const { engine } = start()
    const cost = Math.ceil(quota / 2)
    expect(engine.take([chargeOf(rule, 's', quota + 1)])).toMatchObject({
      isAllowed: false,
      refused: { used: 0, remaining: quota, resetMs: windowMs },
    })
    expect(engine.take([chargeOf(rule, 's', cost)]).isAllowed).toBe(true)
    expect(engine.take([chargeOf(rule, 's', quota - cost + 1)]).isAllowed).toBe(false)
    expect(takeAll(engine, rule)).toBe(quota - cost)
  })
}

function testSeveral(start: () => Bench): void {
  const app = ruleOf({ name: 'publish.app', quota: 7 })
  const channel = ruleOf({ name: 'publish.channel', quota: 4, windowMs: 30_000 })
  const user = ruleOf({ name: 'publish.user', quota: 200 })

  test('nothing is charged to any limit when one of them refuses', () => {
    const { engine } = start()
    const charges = [chargeOf(app, 'a'), chargeOf(channel, 'c'), chargeOf(user, 'u')]
    for (let round = 0; round < 4; round++) expect(engine.take(charges).isAllowed).toBe(true)
    for (let round = 0; round < 20; round++) expect(engine.take(charges).isAllowed).toBe(false)
    expect(engine.take(charges).refused?.rule).toBe(channel)
    expect(engine.read(app, 'a').used).toBe(4)
    expect(engine.read(user, 'u').used).toBe(4)
    const elsewhere = [chargeOf(app, 'a'), chargeOf(channel, 'other'), chargeOf(user, 'u')]
    for (let round = 0; round < 3; round++) expect(engine.take(elsewhere).isAllowed).toBe(true)
    expect(engine.take(elsewhere).refused?.rule).toBe(app)
  })

  test('of several that refuse, the one is named that takes longest', () => {
    const { engine } = start()
    takeAll(engine, app)
    takeAll(engine, channel)
    const verdict = engine.take([chargeOf(channel), chargeOf(app), chargeOf(user)])
    expect(verdict.refused?.rule).toBe(app)
  })

  test('charges of one call to one count add up', () => {
    const { engine } = start()
    const three = [chargeOf(channel, 'c', 2), chargeOf(app), chargeOf(channel, 'c', 1)]
    expect(engine.take(three).isAllowed).toBe(true)
    expect(engine.read(channel, 'c').used).toBe(3)
    expect(engine.take(three).isAllowed).toBe(false)
    expect(engine.take([chargeOf(channel, 'c'), chargeOf(channel, 'c')]).isAllowed).toBe(false)
    expect(engine.read(channel, 'c').used).toBe(3)
    expect(takeAll(engine, channel, 'c')).toBe(1)
  })

  test('windows of one name are counted apart, and all of them hold', () => {
    const { clock, engine } = start()
    const second = ruleOf({ quota: 2, windowMs: 1_000 })
    const minute = ruleOf({ quota: 3, windowMs: 60_000 })
    const charges = [chargeOf(second), chargeOf(minute)]
    expect(engine.take(charges).isAllowed && engine.take(charges).isAllowed).toBe(true)
    expect(engine.take(charges).refused?.rule).toBe(second)
    clock.pass(2_000)
    expect(engine.take(charges).isAllowed).toBe(true)
    expect(engine.take(charges).refused?.rule).toBe(minute)
  })

  test('rules of one name and window share their counts, whatever their quotas', () => {
    const { engine } = start()
    const [small, large] = [ruleOf({ quota: 10 }), ruleOf({ quota: 400 })]
    expect(engine.take([chargeOf(large, 's', 9)]).isAllowed).toBe(true)
    expect(takeAll(engine, small)).toBe(1)
    expect(engine.take([chargeOf(large, 's', 300)]).isAllowed).toBe(true)
    expect(engine.read(small, 's')).toMatchObject({ used: 310, remaining: 0 })
    expect(takeAll(engine, large)).toBe(90)
  })

  test('a call with nothing to tell answers with one object, however often', () => {
    const { engine } = start()
    const charges = [chargeOf(app, 'a'), chargeOf(user, 'u')]
    const verdict = engine.take(charges)
    expect(engine.take(charges)).toBe(verdict)
    expect(engine.take([])).toBe(verdict)
    expect(verdict).toEqual({ isAllowed: true, refused: undefined, warned: [], shadowed: [] })
    expect(Object.isFrozen(verdict)).toBe(true)
  })

  test('subjects and names share no count', () => {
    const { engine } = start()
    const two = ruleOf({ quota: 2, windowMs: 1_000 })
    for (const subject of ['a', 'b', '', '__proto__', ' ', '\0', 'é', 'x'.repeat(200)]) {
      expect(takeAll(engine, two, subject)).toBe(2)
    }
    expect(takeAll(engine, { ...two, name: 'publish.app' }, 'a')).toBe(2)
  })

  test('charges may be used again with other subjects and costs', () => {
    const { engine } = start()
    const charge = { rule: user, subject: 'one', cost: 1 }
    engine.take([charge])
    Object.assign(charge, { subject: 'two', cost: 5 })
    engine.take([charge])
    expect([engine.read(user, 'one').used, engine.read(user, 'two').used]).toEqual([1, 5])
  })
}

function testEdges(start: () => Bench): void {
  test('a quota of zero allows nothing, and its reset is the window', () => {
    const { engine } = start()
    const rule = ruleOf({ quota: 0, windowMs: 4_000 })
    const expected = { used: 0, remaining: 0, resetMs: 4_000 }
    expect(engine.take([chargeOf(rule)])).toMatchObject({ isAllowed: false, refused: expected })
    expect(engine.read(rule, 's')).toMatchObject(expected)
  })

  test.each([1, 7, 59, 1_000, 2_592_000_000])('a window of %d ms is kept', (windowMs) => {
    const { clock, engine } = start()
    for (const quota of [3, 2_000]) {
      const rule = ruleOf({ name: `p${quota}`, quota, windowMs })
      expect(takeAll(engine, rule)).toBe(quota)
      clock.pass(windowMs - 0.5)
      expect(takeAll(engine, rule)).toBe(0)
      clock.pass(windowMs * LATE_SHARE_MAX + 3)
      expect(takeAll(engine, rule)).toBe(quota)
    }
  })

  test('more charges than a call may have are a bug that shows', () => {
    const { engine } = start()
    const rule = ruleOf({ quota: 100 })
    const length = LIMIT_CHARGE_COUNT_MAX
    const charges = Array.from({ length }, (_, index) => chargeOf(rule, String(index % 600)))
    expect(engine.take(charges).isAllowed).toBe(true)
    expect([engine.read(rule, '0').used, engine.read(rule, '599').used]).toEqual([2, 1])
    expect(() => engine.take([...charges, chargeOf(rule)])).toThrow('charges')
  })
}

function testAbsorbing(start: () => Bench): void {
  test.each([5, 500])('what was used elsewhere counts against a quota of %d', (quota) => {
    const { clock, engine } = start()
    const rule = ruleOf({ quota })
    engine.absorb(chargeOf(rule, 's', quota - 2))
    expect(takeAll(engine, rule)).toBe(2)
    engine.absorb(chargeOf(rule, 's', quota * 3))
    expect(engine.read(rule, 's')).toMatchObject({ used: quota * 4, remaining: 0 })
    clock.pass(rule.windowMs * (1 + LATE_SHARE_MAX) + 2)
    expect(takeAll(engine, rule)).toBe(quota)
  })
}
