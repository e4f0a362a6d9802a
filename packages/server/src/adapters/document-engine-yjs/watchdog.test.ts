import { expect, test } from 'bun:test'
import { Watchdog } from './watchdog.ts'
import { SharedProgress } from './yjs-bounds.ts'

const CHECKS_TO_STOP = 6
const CHECKS_TO_LOSE = 61

function watched() {
  const own = new SharedProgress()
  const other = new SharedProgress(own.buffer)
  let stuckCount = 0
  const watchdog = new Watchdog(own, () => stuckCount++)
  const check = (count: number) => {
    for (let left = count; left > 0; left--) watchdog.check()
  }
  other.begin()
  return { other, check, stuckCount: () => stuckCount }
}

test('work that lasts is asked to stop, and the next is not', () => {
  const { other, check } = watched()
  check(CHECKS_TO_STOP - 1)
  expect(other.isStopped).toBe(false)
  check(1)
  expect(other.isStopped).toBe(true)
  other.begin()
  expect(other.isStopped).toBe(false)
})

test('work that goes on from one piece to the next is never stopped', () => {
  const { other, check } = watched()
  for (let at = 0; at < CHECKS_TO_LOSE * 2; at++) {
    check(1)
    other.begin()
    expect(other.isStopped).toBe(false)
  }
})

test('a Worker that does not stop is lost, once', () => {
  const { check, stuckCount } = watched()
  check(CHECKS_TO_LOSE - 1)
  expect(stuckCount()).toBe(0)
  check(CHECKS_TO_LOSE)
  expect(stuckCount()).toBe(1)
})
