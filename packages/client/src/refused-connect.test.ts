import { expect, test } from 'bun:test'
import { backoffMs } from './backoff.ts'
import { verdictOn } from './refused-connect.ts'

test('each code of a refused connection means one thing for the next try', () => {
  const codes = {
    credentials: [4, 5, 0x86, 0x87],
    method: [0x8c],
    later: [3, 0x88, 0x89, 0x97, 0x9f],
  }
  for (const [verdict, each] of Object.entries(codes)) {
    for (const code of each) expect([code, verdictOn(code)]).toEqual([code, verdict as 'later'])
  }
  for (const code of [1, 2, 0x84, 0x85, 0x8a, 0x95, 0x9d]) expect(verdictOn(code)).toBe('never')
})

test('waits grow up to their bound and are spread over their upper half', () => {
  const bounds = { firstMs: 1_000, maxMs: 60_000 }
  const least = [0, 1, 2, 20, 1_000].map((attempt) => backoffMs(attempt, bounds, () => 0))
  expect(least).toEqual([500, 800, 1_280, 30_000, 30_000])
  expect(backoffMs(0, bounds, () => 0.5)).toBe(750)
})
