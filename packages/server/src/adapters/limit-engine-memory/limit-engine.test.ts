import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { testLimitEngineContract } from '../../../../../test/contract/limit-engine.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import {
  chargeOf,
  LATE_SHARE_MAX,
  ruleOf,
  takeAll,
} from '../../../../../test/support/limit-rules.ts'
import type { LimitRule } from '../../ports/limit-engine.ts'
import { openMemoryLimitEngine } from './limit-engine.ts'
import { SHARED_KEY_COUNT } from './subject-keys.ts'
import { EXACT_QUOTA_MAX } from './window-counts.ts'

testLimitEngineContract('the memory limit engine', (clock) => openMemoryLimitEngine({ clock }))
testLimitEngineContract('the memory limit engine without room for logs', (clock) =>
  openMemoryLimitEngine({ clock, logEntriesMax: 0 }),
)

/** An exact log of what was allowed. */
class ExactLog {
  readonly #uses: { readonly atMs: number; readonly cost: number }[] = []

  add(atMs: number, cost: number): void {
    this.#uses.push({ atMs, cost })
  }

  used(nowMs: number, windowMs: number): number {
    const inWindow = this.#uses.filter(({ atMs }) => nowMs - atMs < windowMs)
    return inWindow.reduce((sum, { cost }) => sum + cost, 0)
  }
}

describe('against an exact log of what it allowed', () => {
  const anyStep = fc.record({
    passMs: fc.oneof(fc.nat(20), fc.nat(400)),
    takes: fc.integer({ min: 1, max: 40 }),
    costShare: fc.constantFrom(0, 0, 0.02, 0.1, 0.3),
  })
  const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 60 })

  /** Calls `told` with every decision and what the log says at that time. */
  function play(
    steps: readonly { passMs: number; takes: number; costShare: number }[],
    rule: LimitRule,
    told: (decision: {
      isAllowed: boolean
      cost: number
      used: number
      usedLate: number
      read: number
    }) => void,
  ): void {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock })
    const log = new ExactLog()
    for (const { passMs, takes, costShare } of steps) {
      clock.pass(passMs)
      const cost = Math.max(1, Math.floor(costShare * rule.quota))
      for (let round = 0; round < takes; round++) {
        const nowMs = clock.monotonicMs()
        const used = log.used(nowMs, rule.windowMs)
        // Slots are whole: what is in them counts for up to one of them longer.
        const usedLate = log.used(nowMs, rule.windowMs * (1 + LATE_SHARE_MAX) + 1)
        const read = engine.read(rule, 's').used
        const { isAllowed } = engine.take([chargeOf(rule, 's', cost)])
        told({ isAllowed, cost, used, usedLate, read })
        if (isAllowed) log.add(nowMs, cost)
      }
    }
  }

  test('up to the bound of the exact ones, every decision and reading is what the log says', () => {
    fc.assert(
      fc.property(anySteps, fc.integer({ min: 1, max: EXACT_QUOTA_MAX }), (steps, quota) => {
        play(steps, ruleOf({ quota, windowMs: 1_000 }), ({ isAllowed, cost, used, read }) => {
          expect(read).toBe(used)
          expect(isAllowed).toBe(used + cost <= quota)
        })
      }),
      { numRuns: 300 },
    )
  })

  test('above it never too much is allowed, and what is refused wrongly was near the quota', () => {
    fc.assert(
      fc.property(anySteps, fc.integer({ min: 101, max: 900 }), (steps, quota) => {
        play(steps, ruleOf({ quota, windowMs: 1_000 }), (decision) => {
          const { isAllowed, cost, used, usedLate, read } = decision
          expect(read).toBeWithin(used, usedLate + 1)
          if (isAllowed) expect(used + cost).toBeLessThanOrEqual(quota)
          else {
            expect(usedLate + cost).toBeGreaterThan(quota)
            expect(used + cost).toBeGreaterThan(quota * (15 / 16) - 1)
          }
        })
      }),
      { numRuns: 300 },
    )
  })

  test('who knows the slots and fills them at their ends gets no more than the quota', () => {
    const windowMs = 7_000
    for (const logEntriesMax of [0, 1_000_000]) {
      const clock = new HandClock()
      clock.runningMs = windowMs * 10
      const engine = openMemoryLimitEngine({ clock, logEntriesMax })
      const rule = ruleOf({ quota: 1_000, windowMs })
      const log = new ExactLog()
      let most = 0
      for (let round = 0; round < 200; round++) {
        // Just before and just after the end of each slot, of a second here.
        clock.pass(round % 2 === 0 ? 999 : 1)
        const nowMs = clock.monotonicMs()
        for (let taken = takeAll(engine, rule); taken > 0; taken--) log.add(nowMs, 1)
        most = Math.max(most, log.used(nowMs, windowMs))
      }
      expect(most).toBe(rule.quota)
    }
  })
})

describe('under a flood of subjects', () => {
  const keyCountMax = 50
  const rule = ruleOf({ quota: 5, windowMs: 1_000 })

  function flooded() {
    const clock = new HandClock()
    const engine = openMemoryLimitEngine({ clock, keyCountMax })
    const wasAllowed = takeAll(engine, rule, 'victim')
    clock.pass(1)
    for (let index = 0; index < 10_000; index++) engine.take([chargeOf(rule, `flood ${index}`)])
    return { clock, engine, wasAllowed }
  }

  test('what is held against a subject is not washed away', () => {
    const { engine, wasAllowed } = flooded()
    expect(wasAllowed).toBe(rule.quota)
    expect(engine.take([chargeOf(rule, 'victim')]).isAllowed).toBe(false)
  })

  test('a subject that has a record keeps all of its own limit', () => {
    const { engine } = flooded()
    expect(takeAll(engine, rule, 'flood 0')).toBe(rule.quota - 1)
  })

  test('the others together get no more than the shared records hold', () => {
    const { engine } = flooded()
    let allowed = 0
    for (let index = 0; index < 10_000; index++) {
      if (engine.take([chargeOf(rule, `more ${index}`)]).isAllowed) allowed++
    }
    expect(allowed).toBeLessThanOrEqual(SHARED_KEY_COUNT * rule.quota)
    expect(engine.keyCount).toBeLessThanOrEqual(keyCountMax + SHARED_KEY_COUNT)
  })

  test('everybody has a record again once the flood has been over for a window', () => {
    const { clock, engine } = flooded()
    clock.pass(rule.windowMs * 2)
    for (let index = 0; index < keyCountMax; index++) {
      expect(takeAll(engine, rule, `later ${index}`)).toBe(rule.quota)
    }
  })

  test('records of every rule make room, whatever their windows', () => {
    const { clock, engine } = flooded()
    const slow = ruleOf({ name: 'connect.ip', quota: 5, windowMs: 10_000 })
    clock.pass(rule.windowMs * 2)
    for (let index = 0; index < keyCountMax; index++) engine.take([chargeOf(slow, `${index}`)])
    clock.pass(slow.windowMs * 2)
    for (let index = 0; index < keyCountMax; index++) {
      expect(takeAll(engine, rule, `newcomer ${index}`)).toBe(rule.quota)
    }
  })

  test('a subject that changes from a shared record to its own gets no second helping', () => {
    const { clock, engine } = flooded()
    const other = ruleOf({ name: 'publish.app', quota: 300, windowMs: 10_000 })
    expect(takeAll(engine, other, 'newcomer')).toBe(300)
    clock.pass(rule.windowMs * 2) // the flood is over, and its records are free
    expect(takeAll(engine, other, 'newcomer')).toBe(0)
    clock.pass(other.windowMs)
    expect(takeAll(engine, other, 'newcomer')).toBe(300)
  })

  test('no sequence of subjects gets one of them more than its limit', () => {
    const step = fc.record({ passMs: fc.nat(400), subject: fc.nat(12), takes: fc.nat(7) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const clock = new HandClock()
        const engine = openMemoryLimitEngine({ clock, keyCountMax: 3 })
        const logs = new Map<number, ExactLog>()
        for (const { passMs, subject, takes } of steps) {
          clock.pass(passMs)
          const log = logs.get(subject) ?? new ExactLog()
          logs.set(subject, log)
          for (let round = 0; round < takes; round++) {
            const { isAllowed } = engine.take([chargeOf(rule, `${subject}`)])
            if (isAllowed) log.add(clock.monotonicMs(), 1)
          }
          expect(log.used(clock.monotonicMs(), rule.windowMs)).toBeLessThanOrEqual(rule.quota)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('one subject with windows without end takes records and harms nobody', () => {
    const engine = openMemoryLimitEngine({ clock: new HandClock() })
    for (let step = 1; step <= 1_000; step++) {
      for (const windowMs of [100_000 + step, step << 18]) {
        const { isAllowed } = engine.take([chargeOf(ruleOf({ windowMs }), 'greedy')])
        expect(isAllowed).toBe(true)
      }
    }
    for (let index = 0; index < 1_000; index++) {
      expect(engine.take([chargeOf(rule, `${index}`)]).isAllowed).toBe(true)
    }
    expect(engine.keyCount).toBe(3_000)
    engine.reset(rule.name, 'greedy')
    expect(engine.keyCount).toBe(1_000)
  })
})
