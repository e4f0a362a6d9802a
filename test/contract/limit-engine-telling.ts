/** The part of the limit engine contract on what is told: shadow, warnings, readings. */
import { expect, test } from 'bun:test'
import { type Bench, chargeOf, LATE_SHARE_MAX, ruleOf, takeAll } from '../support/limit-rules.ts'

export function testLimitTelling(start: () => Bench): void {
  testShadow(start)
  testWarnings(start)
  testReading(start)
}

function testShadow(start: () => Bench): void {
  const shadow = ruleOf({ quota: 3, isShadow: true })

  test('a rule in shadow refuses nothing, and tells what it would have', () => {
    const { engine } = start()
    for (let used = 1; used <= 3; used++) {
      expect(engine.take([chargeOf(shadow)])).toMatchObject({ isAllowed: true, shadowed: [] })
    }
    for (let round = 0; round < 5; round++) {
      const { isAllowed, refused, shadowed } = engine.take([chargeOf(shadow)])
      expect([isAllowed, refused, shadowed.length]).toEqual([true, undefined, 1])
      expect(shadowed[0]).toMatchObject({ rule: shadow, subject: 's', used: 3, remaining: 0 })
    }
  })

  test('it counts as if it refused: what it would have stopped is not held against anybody', () => {
    const { clock, engine } = start()
    for (let round = 0; round < 50; round++) engine.take([chargeOf(shadow)])
    clock.pass(shadow.windowMs * (1 + LATE_SHARE_MAX))
    expect(engine.take([chargeOf(shadow)]).shadowed).toEqual([])
  })

  test('beside a rule that is enforced it counts the same use once', () => {
    const { engine } = start()
    const enforced = ruleOf({ quota: 6 })
    for (const charges of [
      [chargeOf(shadow), chargeOf(enforced)],
      [chargeOf(enforced), chargeOf(shadow)],
    ]) {
      engine.reset(enforced.name, 's')
      for (let round = 0; round < 6; round++) {
        const verdict = engine.take(charges)
        expect(verdict).toMatchObject({ isAllowed: true })
        expect(verdict.shadowed).toHaveLength(round < 3 ? 0 : 1)
      }
      expect(engine.read(enforced, 's').used).toBe(6)
      expect(engine.take(charges).isAllowed).toBe(false)
    }
  })
}

function testWarnings(start: () => Bench): void {
  test.each([10, 1_000])('of a quota of %d, reaching 80 %% is told once', (quota) => {
    const { engine } = start()
    const rule = ruleOf({ quota })
    const warned: number[] = []
    for (let round = 0; round < quota + 5; round++) {
      for (const reading of engine.take([chargeOf(rule)]).warned) warned.push(reading.used)
    }
    expect(warned).toEqual([quota * 0.8])
  })

  test('wavering about it is told once, and again after it was quiet', () => {
    const { clock, engine } = start()
    const rule = ruleOf({ quota: 10, windowMs: 1_000 })
    let warned = 0
    for (let round = 0; round < 100; round++) {
      clock.pass(115) // 8 or 9 in a window
      warned += engine.take([chargeOf(rule)]).warned.length
    }
    expect(warned).toBe(1)
    clock.pass(2_000)
    for (let round = 0; round < 10; round++) warned += engine.take([chargeOf(rule)]).warned.length
    expect(warned).toBe(2)
  })

  test('nobody is warned of what was not taken', () => {
    const { engine } = start()
    const [near, full] = [ruleOf({ quota: 10 }), ruleOf({ name: 'publish.app', quota: 0 })]
    engine.take([chargeOf(near, 's', 7)])
    expect(engine.take([chargeOf(near), chargeOf(full)]).warned).toEqual([])
    expect(engine.take([chargeOf(near)]).warned).toMatchObject([{ used: 8, remaining: 2 }])
  })
}

function testReading(start: () => Bench): void {
  test('reading spends nothing and leaves nothing behind', () => {
    const { engine } = start()
    const rule = ruleOf({ quota: 2 })
    for (let round = 0; round < 100; round++) {
      expect(engine.read(rule, 's')).toEqual({
        rule,
        subject: 's',
        used: 0,
        remaining: 2,
        resetMs: 0,
      })
    }
    expect(takeAll(engine, rule)).toBe(2)
  })

  test('it says when all is free again, and of a full limit when one is', () => {
    const { clock, engine } = start()
    const rule = ruleOf({ quota: 3 })
    engine.take([chargeOf(rule)])
    clock.pass(10_000)
    engine.take([chargeOf(rule)])
    const lateMs = rule.windowMs * LATE_SHARE_MAX + 1
    const some = engine.read(rule, 's')
    expect(some.used).toBe(2)
    expect(some.resetMs).toBeWithin(60_000, 60_000 + lateMs)
    engine.take([chargeOf(rule)])
    const all = engine.read(rule, 's')
    expect(all).toMatchObject({ used: 3, remaining: 0 })
    expect(all.resetMs).toBeWithin(50_000, 50_000 + lateMs)
  })

  test('resetting forgets one subject in every window of the name, and no other', () => {
    const { engine } = start()
    const rules = [
      ruleOf({ quota: 2, windowMs: 1_000 }),
      ruleOf({ quota: 300, windowMs: 60_000 }),
      ruleOf({ quota: 9, name: 'publish.app' }),
    ]
    const charges = rules.map((rule) => chargeOf(rule))
    engine.take(charges)
    engine.take(charges.map((charge) => ({ ...charge, subject: 'other' })))
    engine.reset('publish.user', 's')
    engine.reset('publish.user', 'unknown')
    expect(rules.map((rule) => engine.read(rule, 's').used)).toEqual([0, 0, 1])
    expect(rules.map((rule) => engine.read(rule, 'other').used)).toEqual([1, 1, 1])
  })
}
