import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import { AppLimits, windowRules } from './charges.ts'
import { effectiveLimits } from './effective-limits.ts'
import { type Limit, parseLimit } from './limit-text.ts'
import { narrowedLimits } from './narrowed-limits.ts'

const OWNER = { tenantId: 't', appId: 'app', region: 'r' }

function limitsOf(...texts: readonly string[]): readonly Limit[] {
  return texts.map((text) => {
    const parsed = parseLimit(text)
    if (!parsed.ok) throw new Error(parsed.detail)
    return parsed.value
  })
}

const base = new AppLimits(
  OWNER,
  effectiveLimits({ app: limitsOf('publish.app 100/1m', 'publish.user 10/1s') }),
)
const narrowed = (...texts: readonly string[]) =>
  narrowedLimits(base, { holder: 'h', limits: limitsOf(...texts) })

describe('what a credential says', () => {
  test('that the app says too, or more of, needs nothing of its own', () => {
    expect(narrowed('publish.app 100/1m', 'publish.user 11/1s')).toBe(base)
  })

  test('of app or channel is a count of its own, beside that of everybody', () => {
    const { slots } = narrowed('publish.app 5/1m').setOf('server_publish', true)
    const app = slots.filter(({ charge }) => charge.rule.name === 'publish.app')
    expect(app.map(({ charge, holder }) => [charge.rule.quota, holder])).toEqual([
      [100, ''],
      [5, '/h'],
    ])
  })

  test('of a user is the one count of the user, with the smaller quota', () => {
    const { slots } = narrowed('publish.user 5/1s').setOf('server_publish', true)
    const user = slots.filter(({ charge }) => charge.rule.name === 'publish.user')
    expect(user.map(({ charge, holder }) => [charge.rule.quota, holder])).toEqual([[5, '']])
    const ofNobody = narrowed('publish.user 5/1s').setOf('server_publish', false)
    expect(ofNobody.slots.map(({ charge }) => charge.rule.name)).not.toContain('publish.user')
  })

  test('keeps all limits of the app in force, under both', () => {
    const both = narrowed('publish.user 5/1s', 'publish.channel 3/1s')
    for (const rule of windowRules(base.effective)) {
      const kept = windowRules(both.effective).filter(
        ({ name, windowMs }) => name === rule.name && windowMs === rule.windowMs,
      )
      expect(kept).toHaveLength(1)
      expect(kept[0]?.quota).toBeLessThanOrEqual(rule.quota)
    }
  })

  test('takes little room, because a server remembers thousands of tokens', () => {
    const make = (count: number) =>
      Array.from({ length: count }, () => {
        const limits = narrowed('publish.app 5/1m', 'publish.channel 2/1s')
        limits.setOf('server_publish', true)
        return limits
      })
    make(100)
    Bun.gc(true)
    const before = heapStats().objectCount
    const kept = make(1_000)
    Bun.gc(true)
    expect((heapStats().objectCount - before) / kept.length).toBeLessThan(60)
  })
})
