/**
 * The promises of the limiter port, kept by every adapter: a function of a factory that registers
 * tests. What an adapter may do is refuse a little longer than it must; allow too much, never.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Clock } from '../../packages/server/src/ports/clock.ts'
import type { Limiter, LimitPolicy } from '../../packages/server/src/ports/limiter.ts'

/** A clock whose two times are moved by hand, and apart. */
export class HandClock implements Clock {
  wallMs = 1_900_000_000_000
  runningMs = 5_000

  nowMs(): number {
    return this.wallMs
  }

  monotonicMs(): number {
    return this.runningMs
  }

  pass(ms: number): void {
    this.wallMs += ms
    this.runningMs += ms
  }
}

interface Bench {
  readonly clock: HandClock
  readonly limiter: Limiter
}

/** @param open a limiter with nothing in it; each test gets its own. */
export function testLimiterContract(name: string, open: (clock: Clock) => Limiter): void {
  const start = (): Bench => {
    const clock = new HandClock()
    return { clock, limiter: open(clock) }
  }
  describe(`${name} keeps the limiter contract`, () => {
    describe.each([1, 3, 20, 1_000, 1_001, 5_000])('with a maximum of %d', (countMax) => {
      testMaximum(start, { name: 'p', countMax, windowMs: 60_000 })
    })
    testSeparation(start)
    testEdges(start)
    testAnySequence(start)
  })
}

function takeAll({ limiter }: Bench, policy: LimitPolicy, subject = 's'): number {
  let count = 0
  while (limiter.take(policy, subject).isAllowed) count++
  return count
}

function testMaximum(start: () => Bench, policy: LimitPolicy): void {
  const { countMax, windowMs } = policy

  test('that many are allowed at once, each told how many remain, and then none', () => {
    const { limiter } = start()
    for (let left = countMax - 1; left >= 0; left--) {
      const verdict = limiter.take(policy, 's')
      expect(verdict).toEqual({ isAllowed: true, remaining: left, retryAfterMs: 0 })
    }
    for (let round = 0; round < 3; round++) {
      const verdict = limiter.take(policy, 's')
      expect(verdict).toMatchObject({ isAllowed: false, remaining: 0 })
      expect(verdict.retryAfterMs).toBeGreaterThanOrEqual(windowMs)
    }
  })

  test('trying again after the time it names succeeds, and not long before', () => {
    const bench = start()
    bench.clock.pass(12.25) // times of a real clock are no whole numbers
    takeAll(bench, policy)
    bench.clock.pass(windowMs / 3)
    const { retryAfterMs } = bench.limiter.take(policy, 's')
    bench.clock.pass(windowMs / 2)
    expect(bench.limiter.take(policy, 's').isAllowed).toBe(false)
    bench.clock.pass(retryAfterMs - windowMs / 2)
    expect(bench.limiter.take(policy, 's').isAllowed).toBe(true)
    expect(retryAfterMs).toBeLessThanOrEqual(windowMs)
  })

  test('what is refused is not counted', () => {
    const bench = start()
    takeAll(bench, policy)
    for (let round = 0; round < 100; round++) {
      bench.clock.pass(windowMs / 200)
      expect(bench.limiter.take(policy, 's').isAllowed).toBe(false)
    }
    bench.clock.pass(windowMs)
    expect(takeAll(bench, policy)).toBe(countMax)
  })

  test('a long idle subject gets the maximum again, and no more', () => {
    const bench = start()
    takeAll(bench, policy)
    bench.clock.pass(windowMs * 1_000)
    expect(takeAll(bench, policy)).toBe(countMax)
  })

  test('jumps of the wall clock give nothing and take nothing', () => {
    const bench = start()
    takeAll(bench, policy)
    for (const jumpMs of [windowMs * 10, -windowMs * 100, 1e12]) {
      bench.clock.wallMs += jumpMs
      expect(bench.limiter.take(policy, 's').isAllowed).toBe(false)
    }
    bench.clock.runningMs += windowMs * 2
    expect(takeAll(bench, policy)).toBe(countMax)
  })
}

function testSeparation(start: () => Bench): void {
  test('subjects and policies share no count', () => {
    const bench = start()
    const policy = { name: 'tokens', countMax: 2, windowMs: 1_000 }
    expect(takeAll(bench, policy, '192.0.2.1')).toBe(2)
    expect(takeAll(bench, policy, '192.0.2.2')).toBe(2)
    expect(takeAll(bench, { ...policy, name: 'jwks' }, '192.0.2.1')).toBe(2)
    expect(takeAll(bench, { ...policy, name: '' }, '')).toBe(2)
    for (const subject of ['__proto__', 'constructor', ' ', '\0', 'x'.repeat(200)]) {
      expect(takeAll(bench, policy, subject)).toBe(2)
    }
  })

  test('one policy may name another maximum at each call', () => {
    const bench = start()
    const policy = { name: 'p', countMax: 10, windowMs: 1_000 }
    expect(takeAll(bench, policy)).toBe(10)
    const lower = { ...policy, countMax: 4 }
    const { retryAfterMs } = bench.limiter.take(lower, 's')
    expect(takeAll(bench, { ...policy, countMax: 12 })).toBe(2)
    bench.clock.pass(retryAfterMs)
    expect(takeAll(bench, lower)).toBe(4)
  })
}

function testEdges(start: () => Bench): void {
  test.each([0, -1])('a maximum of %d allows nothing', (countMax) => {
    const { limiter } = start()
    const verdict = limiter.take({ name: 'p', countMax, windowMs: 1_000 }, 's')
    expect(verdict).toMatchObject({ isAllowed: false, remaining: 0 })
    expect(verdict.retryAfterMs).toBeGreaterThan(0)
  })

  test.each([1, 7, 59, 1_000, 2_592_000_000])('a window of %d ms is kept', (windowMs) => {
    const bench = start()
    for (const countMax of [3, 2_000]) {
      const policy = { name: `p${countMax}`, countMax, windowMs }
      expect(takeAll(bench, policy)).toBe(countMax)
      bench.clock.pass(windowMs - 0.5)
      expect(takeAll(bench, policy)).toBe(0)
      bench.clock.pass(windowMs + 100)
      expect(takeAll(bench, policy)).toBe(countMax)
    }
  })
}

function testAnySequence(start: () => Bench): void {
  const step = fc.record({
    passMs: fc.oneof(fc.nat(40), fc.double({ min: 0, max: 1_500, noNaN: true })),
    takes: fc.nat(8),
    subject: fc.constantFrom('a', 'b'),
  })

  test('over any sequence no window holds more than the maximum', () => {
    const sizes = fc.record({ countMax: fc.integer({ min: 1, max: 12 }), windowMs: fc.nat(1_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), sizes, (steps, { countMax, windowMs }) => {
        const policy = { name: 'p', countMax, windowMs: windowMs + 1 }
        const allowed = play(start(), steps, policy)
        for (const times of Object.values(allowed)) expectBounded(times, policy)
      }),
      { numRuns: 400 },
    )
  })

  test('over any sequence no window holds more than a large maximum', () => {
    const many = fc.array(
      step.map((each) => ({ ...each, takes: each.takes * 150 })),
      {
        maxLength: 30,
      },
    )
    fc.assert(
      fc.property(many, fc.integer({ min: 60, max: 1_000 }), (steps, windowMs) => {
        const policy = { name: 'p', countMax: 1_003, windowMs }
        const allowed = play(start(), steps, policy)
        for (const times of Object.values(allowed)) expectBounded(times, policy)
      }),
      { numRuns: 60 },
    )
  })
}

interface Step {
  readonly passMs: number
  readonly takes: number
  readonly subject: 'a' | 'b'
}

/** @returns when each subject was allowed one. */
function play(
  { clock, limiter }: Bench,
  steps: readonly Step[],
  policy: LimitPolicy,
): Record<'a' | 'b', number[]> {
  const allowed = { a: [] as number[], b: [] as number[] }
  for (const { passMs, takes, subject } of steps) {
    clock.pass(passMs)
    for (let round = 0; round < takes; round++) {
      if (limiter.take(policy, subject).isAllowed) allowed[subject].push(clock.monotonicMs())
    }
  }
  return allowed
}

function expectBounded(times: readonly number[], { countMax, windowMs }: LimitPolicy): void {
  const tooClose = times.filter((time, index) => {
    const earlier = times[index - countMax]
    return earlier !== undefined && time - earlier < windowMs
  })
  expect(tooClose).toEqual([])
}
