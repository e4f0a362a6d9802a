import { beforeEach, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type LiveEvent, LiveEvents } from '../live-events.ts'
import {
  type LimitEvent,
  LimitNews,
  MANY_SUBJECTS,
  TOLD_COUNT_MAX,
  TOLD_OF_APP_COUNT_MAX,
} from './limit-news.ts'

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

function refused(subject: string, used = 5, appId: string | undefined = 'a'): LimitEvent {
  const numbers = { used, quota: 5, windowMs: 1_000, resetMs: 500, count: 1, isShadow: false }
  const details = { limit: 'publish.user', scope: 'user', subject, ...numbers }
  return { type: 'rate_limit.exceeded', atMs: 1, tenantId: 't', appId, details }
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

const apart = () => told.filter(({ details }) => details.subject !== MANY_SUBJECTS)
const sum = () => counts().reduce((all, count) => all + count, 0)

test('subjects beyond the bound of an app are told together, and those of others apart', () => {
  for (let second = 0; second < 5; second++) {
    told = []
    const nowMs = second * 10_000
    const count = TOLD_OF_APP_COUNT_MAX * 3
    for (let at = 0; at < count; at++) news.take(refused(`user-${at}`), nowMs)
    news.take(refused('ann', 5, 'other'), nowMs)
    for (const laterMs of [1_000, 2_000, 3_000]) news.tick(nowMs + laterMs)
    expect(apart()).toHaveLength(TOLD_OF_APP_COUNT_MAX + 1)
    expect(apart().at(-1)?.details.subject).toBe('ann')
    expect(told.length - apart().length).toBeLessThanOrEqual(2)
    expect(sum()).toBe(count + 1)
  }
})

test('subjects of all apps are bounded together, and so are addresses', () => {
  for (let at = 0; at < TOLD_COUNT_MAX * 3; at++) {
    news.take(refused(`user-${at}`, 5, `app-${at % 20}`), 0)
  }
  news.tick(1_000)
  expect(apart()).toHaveLength(TOLD_COUNT_MAX)
  expect(told.length - apart().length).toBeLessThanOrEqual(40)
  expect(sum()).toBe(TOLD_COUNT_MAX * 3)
  news.finish(1_000)
  told = []
  for (let at = 0; at < TOLD_COUNT_MAX * 3; at++) {
    const event = refused(`${at}`)
    news.take({ ...event, tenantId: undefined, appId: undefined }, 2_000)
  }
  expect(apart()).toHaveLength(TOLD_COUNT_MAX)
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
      expect(sum()).toBe(steps.length)
    }),
  )
})
