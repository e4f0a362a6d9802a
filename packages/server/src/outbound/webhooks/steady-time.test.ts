import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { newDeliveryId } from './delivery-id.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { SteadyTime } from './steady-time.ts'

test('it never goes back, never stands still, and follows a clock set forward', () => {
  const step = fc.record({ wallMs: fc.integer({ min: -1e6, max: 1e6 }), passedMs: fc.nat(1_000) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = { wallMs: 1_790_000_000_000, monotonicMs: 0.25 }
      const time = new SteadyTime({
        nowMs: () => clock.wallMs,
        monotonicMs: () => clock.monotonicMs,
      })
      let before = time.nowMs()
      for (const { wallMs, passedMs } of steps) {
        clock.wallMs += wallMs
        clock.monotonicMs += passedMs / 3
        const now = time.nowMs()
        expect(now).toBeGreaterThanOrEqual(before + Math.floor(passedMs / 3) - 1)
        expect(now).toBeGreaterThanOrEqual(clock.wallMs)
        before = now
      }
    }),
  )
})

test('small steps add up', () => {
  const clock = { monotonicMs: 0 }
  const time = new SteadyTime({ nowMs: () => 0, monotonicMs: () => clock.monotonicMs })
  for (let count = 0; count < 1_000; count++) {
    clock.monotonicMs += 0.5
    time.nowMs()
  }
  expect(time.nowMs()).toBe(500)
})

test('ids of deliveries rise with time, have one length, and are never the same', () => {
  const atMs = fc.integer({ min: 0, max: 2 ** 48 - 1 })
  fc.assert(
    fc.property(atMs, atMs, (one, other) => {
      const [a, b] = [newDeliveryId(one, systemRandom), newDeliveryId(other, systemRandom)]
      expect(a).toMatch(/^msg_[0-9A-Za-z]{27}$/)
      expect(a).not.toBe(b)
      if (one !== other) expect(a < b).toBe(one < other)
    }),
  )
})
