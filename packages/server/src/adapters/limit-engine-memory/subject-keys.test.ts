/** What the engine keeps in memory, how much of it, and for how long. */
import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { chargeOf, ruleOf } from '../../../../../test/support/limit-rules.ts'
import { openMemoryLimitEngine } from './limit-engine.ts'

describe('memory', () => {
  test('a tracked key takes at most 120 bytes, at every size of the table', () => {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock })
    const rule = ruleOf({ quota: 1_000 })
    let worst = 0
    for (let index = 1; index <= 150_000; index++) {
      engine.take([chargeOf(rule, `subject ${index}`)])
      // Before the first chunk is used up there is little to share it.
      if (index >= 2_048) worst = Math.max(worst, engine.byteCount / engine.keyCount)
    }
    expect(engine.keyCount).toBe(150_000)
    expect(engine.logEntryCount).toBe(0)
    expect(worst).toBeLessThanOrEqual(120)
  })

  test('keys are forgotten after their window, a few at each call', () => {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock })
    const exact = ruleOf({ quota: 10, windowMs: 1_000 })
    for (let index = 0; index < 3_000; index++) {
      engine.take([chargeOf(ruleOf({ quota: 1_000 }), `${index}`), chargeOf(exact, `${index}`)])
    }
    expect(engine.keyCount).toBe(6_000)
    clock.pass(120_000)
    for (let index = 0; index < 6_100; index++) engine.take([chargeOf(exact, 'one')])
    expect(engine.keyCount).toBe(1)
    expect(engine.logEntryCount).toBeLessThanOrEqual(16)
  })

  test('invented subjects take no more records than live in a window, and a third', () => {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock })
    const rule = ruleOf({ quota: 1_000, windowMs: 700 })
    for (let index = 0; index < 50_000; index++) {
      clock.pass(1)
      engine.take([chargeOf(rule, `${index}`)])
    }
    // A record lives for eight slots of a hundred milliseconds.
    expect(engine.byteCount / 64).toBeLessThan(3 * 1_024)
  })

  test('what is read or refused without use makes no record', () => {
    const engine = openMemoryLimitEngine({ clock: new HandClock() })
    const none = ruleOf({ quota: 0 })
    for (let index = 0; index < 100; index++) {
      engine.read(ruleOf({}), `${index}`)
      engine.take([chargeOf(ruleOf({}), `${index}`), chargeOf(none, `${index}`)])
    }
    expect(engine.keyCount).toBe(0)
  })

  test('logs are bounded over all keys, and their memory comes back', () => {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock, logEntriesMax: 1_000 })
    const rule = ruleOf({ quota: 100, windowMs: 4_000_000 })
    for (let index = 0; index < 20; index++) {
      for (let round = 0; round < 100; round++) {
        clock.pass(1_001) // an entry each
        engine.take([chargeOf(rule, `${index}`)])
      }
      expect(engine.take([chargeOf(rule, `${index}`)]).isAllowed).toBe(false)
    }
    expect(engine.logEntryCount).toBeWithin(500, 1_001)
    clock.pass(rule.windowMs * 2)
    for (let index = 0; index < 200; index++) engine.take([chargeOf(rule, 'one')])
    expect(engine.logEntryCount).toBeLessThanOrEqual(16)
  })

  test('a busy key that grows quiet gives its log back', () => {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock })
    const rule = ruleOf({ quota: 1_000, windowMs: 7_000 })
    engine.take([chargeOf(rule, 's', 600)])
    expect(engine.logEntryCount).toBeGreaterThan(0)
    for (let round = 0; round < 20; round++) {
      clock.pass(1_000)
      engine.take([chargeOf(rule)])
    }
    expect(engine.logEntryCount).toBe(0)
    expect(engine.read(rule, 's').used).toBeWithin(7, 9)
  })

  test('a decision with nothing to tell leaves no object behind', () => {
    const engine = openMemoryLimitEngine({ clock: new HandClock() })
    const charges = ['publish.app', 'publish.channel', 'publish.user'].map((name) =>
      chargeOf(ruleOf({ name, quota: 1_000_000_000 })),
    )
    const objectsAfter = (count: number) => {
      for (let left = count; left > 0; left--) engine.take(charges)
      Bun.gc(true)
      return heapStats().objectCount
    }
    objectsAfter(20_000)
    const before = objectsAfter(1)
    // What the runtime keeps for itself is a few, not one for each.
    expect(objectsAfter(100_000) - before).toBeLessThan(100)
  })

  test('names are constants: names without end are a bug that shows', () => {
    const engine = openMemoryLimitEngine({ clock: new HandClock() })
    const takeMany = () => {
      for (let index = 0; index < 1_000; index++) {
        engine.take([chargeOf(ruleOf({ name: `p${index}` }))])
      }
    }
    expect(takeMany).toThrow('they are constants')
  })
})

describe('an owner with more subjects than it may have', () => {
  const keyCountMax = 1_000
  const rule = ruleOf({ quota: 3, windowMs: 1_000 })

  function flooded(...owners: readonly string[]) {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock, keyCountMax })
    const flood = () => {
      for (let index = 0; index < 3_000; index++) {
        for (const owner of owners) engine.take([chargeOf(rule, `${owner}${index}`)])
      }
    }
    flood()
    const allowed = (subject: string) => {
      let count = 0
      while (engine.take([chargeOf(rule, subject)]).isAllowed) count++
      return count
    }
    return { clock, engine, flood, allowed }
  }

  test('leaves as much as it has to others, who notice nothing of its flood', () => {
    for (const owner of ['app:', '10.0.', '2001:db8:0:']) {
      const { allowed } = flooded(owner)
      for (let index = 0; index < keyCountMax / 2 - 1; index++) {
        expect(allowed(`other${Math.floor(index / 50)}:user-${index}`)).toBe(rule.quota)
      }
    }
  })

  test('leaves room beside a second one that does the same', () => {
    const { allowed, engine } = flooded('one:', 'two:')
    expect(engine.keyCount).toBeWithin(600, 800)
    for (let index = 0; index < 60; index++) expect(allowed(`three:${index}`)).toBe(rule.quota)
  })

  test('has no subject refused for what subjects of another owner share', () => {
    const { allowed } = flooded('one:', 'two:')
    expect(allowed('one:new')).toBe(0)
    expect(allowed('three:new')).toBe(rule.quota)
  })

  test('has all it may again after a window, however often it floods', () => {
    const { clock, engine, flood, allowed } = flooded('app:')
    const before = engine.keyCount
    for (let round = 0; round < 5; round++) {
      clock.pass(rule.windowMs * 2)
      flood()
      expect(engine.keyCount).toBeWithin(keyCountMax / 2, before + 1)
    }
    clock.pass(rule.windowMs * 2)
    for (let index = 0; index < 3_000; index++) engine.take([chargeOf(rule, 'one')])
    for (let index = 0; index < 400; index++) expect(allowed(`app:${index}`)).toBe(rule.quota)
  })

  test('is helped by a reset, which forgets what is shared too', () => {
    const { allowed, engine } = flooded('app:')
    expect(allowed('app:new')).toBe(0)
    engine.reset(rule.name, 'app:new')
    expect(allowed('app:new')).toBe(rule.quota)
  })
})
