import { beforeEach, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type LiveEvent, LiveEvents } from '../live-events.ts'
import { type LimitEvent, LimitNews, MANY_SUBJECTS, TOLD_COUNT_MAX } from './limit-news.ts'

let told: LimitEvent[]
let news: LimitNews
beforeEach(() => {
  told = []
  const events = new LiveEvents()
  const hear = (event: LiveEvent) => {
    if (event.type === 'rate_limit.exceeded' || event.type === 'rate_limit.warned') told.push(event)
  }
  events.listen({ wants: () => true, hear })
  news = new LimitNews(events)
})

function refused(subject: string, used = 5): LimitEvent {
  const numbers = { used, quota: 5, windowMs: 1_000, resetMs: 500, count: 1, isShadow: false }
  const details = { limit: 'publish.user', scope: 'user', subject, ...numbers }
  return { type: 'rate_limit.exceeded', atMs: 1, tenantId: 't', appId: 'a', details }
}

const counts = () => told.map(({ details }) => details.count)

test('the first is told at once, those of its second as one at its end, and a next one at once', () => {
  for (let at = 0; at < 100; at++) news.take(refused('ann'), at)
  expect(counts()).toEqual([1])
  news.tick(999)
  expect(counts()).toEqual([1])
  news.tick(1_000)
  expect(counts()).toEqual([1, 99])
  news.tick(2_000)
  news.tick(3_000)
  news.take(refused('ann'), 3_500)
  expect(counts()).toEqual([1, 99, 1])
})

test('subjects are told apart, and what is told is the last of them', () => {
  news.take(refused('ann'), 0)
  news.take(refused('bob'), 0)
  news.take(refused('ann', 6), 10)
  news.take(refused('ann', 7), 20)
  news.tick(1_000)
  expect(told.map(({ details: { subject, used, count } }) => [subject, used, count])).toEqual([
    ['ann', 5, 1],
    ['bob', 5, 1],
    ['ann', 7, 2],
  ])
})

test('subjects beyond the bound are told together, and bounded', () => {
  for (let at = 0; at < TOLD_COUNT_MAX * 3; at++) news.take(refused(`user-${at}`), 0)
  news.tick(1_000)
  const many = told.filter(({ details }) => details.subject === MANY_SUBJECTS)
  expect(told.length).toBe(TOLD_COUNT_MAX + many.length)
  expect(many.length).toBeLessThanOrEqual(2)
  expect(counts().reduce((sum, count) => sum + count, 0)).toBe(TOLD_COUNT_MAX * 3)
})

test('whatever happens when, what is told adds up to what happened', () => {
  const step = fc.record({ waitMs: fc.nat(700), subject: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      told = []
      let nowMs = 0
      for (const { waitMs, subject } of steps) {
        nowMs += waitMs
        if (waitMs % 3 === 0) news.tick(nowMs)
        news.take(refused(subject), nowMs)
      }
      news.finish(nowMs)
      expect(counts().reduce((sum, count) => sum + count, 0)).toBe(steps.length)
    }),
  )
})
