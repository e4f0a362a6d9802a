import { expect, test } from 'bun:test'
import { Breaker } from './breaker.ts'

const random = { uint32: () => 0, bytes: () => new Uint8Array() }

function opened() {
  const breaker = new Breaker(random)
  for (let count = 0; count < 5; count++) breaker.failed(0)
  return breaker
}

test('a few failures do not open it, and a success begins the count anew', () => {
  const breaker = new Breaker(random)
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 4; count++) breaker.failed(0)
    expect(breaker.stateAt(0)).toBe('closed')
    breaker.succeeded()
  }
  expect(breaker.mayBegin(0)).toBe(true)
})

test('open it lets nothing through, then one trial at a time', () => {
  const breaker = opened()
  expect(breaker.stateAt(0)).toBe('open')
  expect(breaker.mayBegin(4_999)).toBe(false)
  expect(breaker.stateAt(5_000)).toBe('half_open')
  expect(breaker.mayBegin(5_000)).toBe(true)
  breaker.began(5_000)
  expect(breaker.mayBegin(5_000)).toBe(false)
  breaker.succeeded()
  expect(breaker.stateAt(5_000)).toBe('closed')
})

test('each failed trial doubles the wait, up to a bound', () => {
  const breaker = opened()
  const waits: number[] = []
  let nowMs = breaker.opensAgainAtMs
  for (let round = 0; round < 6; round++) {
    breaker.began(nowMs)
    breaker.failed(nowMs)
    waits.push(breaker.opensAgainAtMs - nowMs)
    nowMs = breaker.opensAgainAtMs
  }
  expect(waits).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
})

test('what began before it opened and fails afterwards does not open it for longer', () => {
  const breaker = opened()
  const untilMs = breaker.opensAgainAtMs
  for (let count = 0; count < 20; count++) breaker.failed(1_000)
  expect(breaker.opensAgainAtMs).toBe(untilMs)
})

test('a trial that was not sent leaves room for the next', () => {
  const breaker = opened()
  breaker.began(5_000)
  breaker.cancelled()
  expect(breaker.mayBegin(5_000)).toBe(true)
})
