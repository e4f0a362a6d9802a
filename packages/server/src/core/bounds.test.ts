/** What is bounded in the core stays bounded, and forgets the oldest first. */
import { describe, expect, test } from 'bun:test'
import { CACHED_CHANNEL_COUNT_MAX, CACHED_UNITS_MAX, LastEventCache } from './last-event-cache.ts'

describe('the cache of last events', () => {
  const last = { event: 'e', data: '', expiresAtMs: 1_000 }

  test('forgets the channel published to longest ago when there are too many', () => {
    const cache = new LastEventCache()
    for (let index = 0; index <= CACHED_CHANNEL_COUNT_MAX; index++) {
      if (index === CACHED_CHANNEL_COUNT_MAX) cache.keep('0', last)
      else cache.keep(String(index), last)
    }
    cache.keep('one more', last)
    expect(cache.read('0', 0)).toBeDefined()
    expect(cache.read('1', 0)).toBeUndefined()
  })

  test('holds no more than its bytes', () => {
    const cache = new LastEventCache()
    const large = { ...last, data: 'x'.repeat(CACHED_UNITS_MAX / 4) }
    for (const name of ['a', 'b', 'c', 'd']) cache.keep(name, large)
    expect(['a', 'b', 'c', 'd'].map((name) => cache.read(name, 0) !== undefined)).toEqual([
      false,
      true,
      true,
      true,
    ])
  })

  test('forgets what has expired', () => {
    const cache = new LastEventCache()
    cache.keep('a', last)
    cache.keep('b', { ...last, expiresAtMs: 2_000 })
    cache.sweep(1_000)
    expect(cache.read('a', 0)).toBeUndefined()
    expect(cache.read('b', 1_999)).toBeDefined()
  })
})
