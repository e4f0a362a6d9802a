import { describe, expect, test } from 'bun:test'
import { TOKEN_CACHE_PROMISES } from '../../../test/contract/token-cache.ts'
import { MEMORY_ENTRY_COUNT_MAX, MemoryCache } from './memory-cache.ts'

function bench() {
  let nowMs = 1_000
  let count = 0
  const cache = new MemoryCache(() => nowMs)
  return {
    caches: [cache, cache] as const,
    pass: (ms: number) => {
      nowMs += ms
      return Promise.resolve()
    },
    key: () => {
      count += 1
      return `key${count}`
    },
  }
}

describe('the contract of a token cache', () => {
  for (const [promise, work] of Object.entries(TOKEN_CACHE_PROMISES)) {
    test(promise, () => work(bench()))
  }
})

test('the memory has a bound; what was written longest ago makes room', async () => {
  const cache = new MemoryCache(() => 0)
  const set = (key: string) =>
    cache.compareAndSet(key, { expected: undefined, value: key, ttlMs: 1_000 })
  for (let count = 0; count <= MEMORY_ENTRY_COUNT_MAX; count += 1) await set(`k${count}`)
  expect(await cache.get('k0')).toBeUndefined()
  expect(await cache.get('k1')).toBe('k1')
  expect(await cache.get(`k${MEMORY_ENTRY_COUNT_MAX}`)).toBe(`k${MEMORY_ENTRY_COUNT_MAX}`)
})
