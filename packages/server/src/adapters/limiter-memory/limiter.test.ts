import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HandClock, testLimiterContract } from '../../../../../test/contract/limiter.ts'
import type { Limiter, LimitPolicy } from '../../ports/limiter.ts'
import { LOG_COUNT_MAX, openMemoryLimiter, SHARED_BUCKET_COUNT } from './limiter.ts'

testLimiterContract('the memory limiter', (clock) => openMemoryLimiter({ clock }))

const POLICY: LimitPolicy = { name: 'p', countMax: 5, windowMs: 1_000 }

function allowedOf(limiter: Limiter, policy: LimitPolicy, subject: string): number {
  let count = 0
  while (limiter.take(policy, subject).isAllowed) count++
  return count
}

test('up to the bound of the log it allows exactly what a list of times would', () => {
  const step = fc.record({ passMs: fc.nat(300), takes: fc.nat(6) })
  const countMax = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), countMax, (steps, max) => {
      const clock = new HandClock()
      const limiter = openMemoryLimiter({ clock })
      const policy = { ...POLICY, countMax: max }
      let times: number[] = []
      for (const { passMs, takes } of steps) {
        clock.pass(passMs)
        const nowMs = clock.monotonicMs()
        for (let round = 0; round < takes; round++) {
          times = times.filter((time) => nowMs - time < policy.windowMs)
          const isAllowed = times.length < max
          if (isAllowed) times.push(nowMs)
          const retryAfterMs = isAllowed ? 0 : (times[0] ?? 0) + policy.windowMs - nowMs
          const remaining = max - times.length
          expect(limiter.take(policy, 's')).toEqual({ isAllowed, remaining, retryAfterMs })
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('above it, a full count opens again within a sixtieth of a window', () => {
  const policy = { ...POLICY, countMax: LOG_COUNT_MAX + 1, windowMs: 60_000 }
  const clock = new HandClock()
  const limiter = openMemoryLimiter({ clock })
  expect(allowedOf(limiter, policy, 's')).toBe(policy.countMax)
  expect(limiter.take(policy, 's').retryAfterMs).toBeWithin(60_000, 61_001)
})

describe('under a flood of subjects', () => {
  const bucketCountMax = 50

  function flooded() {
    const clock = new HandClock()
    const limiter = openMemoryLimiter({ clock, bucketCountMax })
    const wasAllowed = allowedOf(limiter, POLICY, 'victim')
    clock.pass(1)
    for (let index = 0; index < 10_000; index++) limiter.take(POLICY, `flood ${index}`)
    return { clock, limiter, wasAllowed }
  }

  test('what is held against a subject is not washed away', () => {
    const { limiter, wasAllowed } = flooded()
    expect(wasAllowed).toBe(POLICY.countMax)
    expect(limiter.take(POLICY, 'victim').isAllowed).toBe(false)
  })

  test('a subject that has a bucket keeps all of its own limit', () => {
    const { limiter } = flooded()
    expect(allowedOf(limiter, POLICY, 'flood 0')).toBe(POLICY.countMax - 1)
  })

  test('the others together get no more than the shared buckets hold', () => {
    const { limiter } = flooded()
    let allowed = 0
    for (let index = 0; index < 10_000; index++) {
      if (limiter.take(POLICY, `more ${index}`).isAllowed) allowed++
    }
    expect(allowed).toBeLessThanOrEqual(SHARED_BUCKET_COUNT * POLICY.countMax)
  })

  test('everybody has a bucket again once the flood has been over for a window', () => {
    const { clock, limiter } = flooded()
    clock.pass(POLICY.windowMs)
    for (let index = 0; index < bucketCountMax; index++) {
      expect(allowedOf(limiter, POLICY, `later ${index}`)).toBe(POLICY.countMax)
    }
  })

  test('buckets of every policy make room, whatever their windows', () => {
    const clock = new HandClock()
    const limiter = openMemoryLimiter({ clock, bucketCountMax: 60 })
    const slow = { ...POLICY, name: 'slow', windowMs: 10_000 }
    const quick = { ...POLICY, name: 'quick', windowMs: 100 }
    for (let index = 0; index < 60; index++) limiter.take(slow, `${index}`)
    clock.pass(slow.windowMs / 2)
    limiter.take(slow, '0')
    clock.pass(slow.windowMs / 2)
    for (let index = 0; index < 59; index++) limiter.take(quick, `${index}`)
    clock.pass(quick.windowMs)
    for (let index = 0; index < 59; index++) {
      expect(allowedOf(limiter, POLICY, `newcomer ${index}`)).toBe(POLICY.countMax)
    }
  })

  test('a subject that changes from a shared bucket to its own gets no second helping', () => {
    const { clock, limiter } = flooded()
    clock.pass(POLICY.windowMs - 1)
    const policy = { ...POLICY, name: 'other', countMax: 3 }
    expect(allowedOf(limiter, policy, 'newcomer')).toBe(3)
    clock.pass(1) // the flood is over, and its buckets are free
    expect(allowedOf(limiter, policy, 'newcomer')).toBe(0)
    clock.pass(POLICY.windowMs - 1)
    expect(allowedOf(limiter, policy, 'newcomer')).toBe(3)
  })

  test('no sequence of subjects gets one of them more than its limit', () => {
    const step = fc.record({ passMs: fc.nat(400), subject: fc.nat(12), takes: fc.nat(7) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const clock = new HandClock()
        const limiter = openMemoryLimiter({ clock, bucketCountMax: 3 })
        const allowed = new Map<number, number[]>()
        for (const { passMs, subject, takes } of steps) {
          clock.pass(passMs)
          const times = allowed.get(subject) ?? []
          allowed.set(subject, times)
          for (let round = 0; round < takes; round++) {
            if (limiter.take(POLICY, `${subject}`).isAllowed) times.push(clock.monotonicMs())
          }
        }
        for (const times of allowed.values()) {
          const tooClose = times.filter((time, index) => {
            const earlier = times[index - POLICY.countMax]
            return earlier !== undefined && time - earlier < POLICY.windowMs
          })
          expect(tooClose).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('past its memory it refuses earlier, and forgets nothing', () => {
  const clock = new HandClock()
  const policy = { ...POLICY, countMax: 100 }
  const limiter = openMemoryLimiter({ clock, rememberedMax: 40 })
  expect(allowedOf(limiter, policy, 'a')).toBe(64)
  expect(allowedOf(limiter, policy, 'b')).toBe(4)
  expect(limiter.take(policy, 'b')).toEqual({ isAllowed: false, remaining: 0, retryAfterMs: 1_000 })
  clock.pass(policy.windowMs)
  expect(allowedOf(limiter, policy, 'c')).toBe(64)
})

test('policies are constants: names without end are a bug that shows', () => {
  const limiter = openMemoryLimiter({ clock: new HandClock() })
  const takeMany = () => {
    for (let index = 0; index < 1_000; index++) limiter.take({ ...POLICY, name: `p${index}` }, 's')
  }
  expect(takeMany).toThrow('names are constants')
})
