import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { LiveEvent } from '../../core/live-events.ts'
import { type EventFilter, fits } from './event-filter.ts'
import { INTEREST_COUNT_MAX, INTEREST_LINGER_MS, Interests } from './interests.ts'

const TYPES = ['message.published', 'channel.occupied', 'presence.enter', 'auth.failed'] as const
const OWNERS = ['a', 'b', undefined]

function eventOf(type: (typeof TYPES)[number], tenantId: string | undefined): LiveEvent {
  const owner = { atMs: 1, tenantId, appId: tenantId && `app-${tenantId}` }
  return { ...owner, type, details: { channel: 'c' } } as unknown as LiveEvent
}

test('model: an event is kept exactly when a filter that is held, or was a minute ago, fits', () => {
  const owner = fc.constantFrom(...OWNERS)
  const filter = fc.record({
    types: fc.uniqueArray(fc.constantFrom(...TYPES), { minLength: 1 }),
    tenantId: owner,
    app: owner,
  })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('hold' as const), filter }),
    fc.record({ kind: fc.constant('release' as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(INTEREST_LINGER_MS) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const interests = new Interests()
      let nowMs = 0
      const held: { filter: EventFilter; untilMs: number; release: (nowMs: number) => void }[] = []
      for (const each of steps) {
        if (each.kind === 'hold') {
          const { types, tenantId, app } = each.filter
          const made = { types: new Set(types), tenantId, appId: app && `app-${app}` }
          const release = interests.hold(made, 0)
          if (release !== undefined) held.push({ filter: made, untilMs: Infinity, release })
        } else if (each.kind === 'release') {
          const found = held[each.at]
          if (found === undefined || found.untilMs < Infinity) continue
          found.release(nowMs)
          found.untilMs = nowMs + INTEREST_LINGER_MS
        } else {
          nowMs += each.ms
          interests.sweep(nowMs)
        }
        for (const type of TYPES.filter((named) => named !== 'auth.failed')) {
          for (const tenantId of OWNERS) {
            const event = eventOf(type, tenantId)
            const isAsked = held.some(
              ({ filter: wanted, untilMs }) => nowMs < untilMs && fits(wanted, event),
            )
            expect(interests.isFor(event)).toBe(isAsked)
            if (isAsked) expect(interests.wants(type, event.appId)).toBe(true)
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('over the bound one that nobody holds any more goes first', () => {
  const interests = new Interests()
  const hold = (appId: string) =>
    interests.hold({ types: new Set(['cache_miss'] as const), tenantId: 'a', appId }, 0)
  const release = hold('first')
  for (let index = 1; index < INTEREST_COUNT_MAX; index++) hold(`app-${index}`)
  release?.(0)
  expect(interests.wants('cache_miss', 'first')).toBe(true)
  hold('one more')
  expect(interests.wants('cache_miss', 'first')).toBe(false)
  expect(interests.wants('cache_miss', 'one more')).toBe(true)
})
