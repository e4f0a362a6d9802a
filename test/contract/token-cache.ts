/**
 * The promises of a token cache, kept by every adapter. Runs on Bun and on Node, so it is a list of
 * promises and what proves them, and no test runner's own.
 */
import assert from 'node:assert/strict'
import type { TokenCache } from '../../packages/server-sdk/src/token-cache.ts'

export interface CacheBench {
  /** Two views of one cache, as two instances of a service have them. */
  readonly caches: readonly [TokenCache, TokenCache]
  /** Ends when an entry that was to live so long is over. */
  readonly pass: (ms: number, key: string) => Promise<void>
  /** A name no test has used. */
  readonly key: () => string
}

const LONG_MS = 60_000
const SHORT_MS = 200
const TEXTS = ['{"a":"b"}', 'sealed1:+/==', 'ł€𝄞 "quoted" \\ \n\r\t $1 %s', '0', 'x'.repeat(32_768)]

export const TOKEN_CACHE_PROMISES: Readonly<Record<string, (bench: CacheBench) => Promise<void>>> =
  {
    'nothing is kept under a name nobody used': async ({ caches, key }) => {
      assert.equal(await caches[0].get(key()), undefined)
    },

    'what one instance stores, another reads, character for character': async (bench) => {
      const [one, other] = bench.caches
      for (const value of TEXTS) {
        const key = bench.key()
        const change = { expected: undefined, value, ttlMs: LONG_MS }
        assert.equal(await one.compareAndSet(key, change), true)
        assert.equal(await other.get(key), value)
      }
    },

    'a change is made only where what is kept is what was expected': async (bench) => {
      const [one, other] = bench.caches
      const key = bench.key()
      const set = (expected: string | undefined, value: string | undefined) =>
        one.compareAndSet(key, { expected, value, ttlMs: LONG_MS })
      assert.equal(await set('something', 'first'), false)
      assert.equal(await other.get(key), undefined)
      assert.equal(await set(undefined, 'first'), true)
      assert.equal(await set(undefined, 'second'), false)
      assert.equal(await set('First', 'second'), false)
      assert.equal(await set('', 'second'), false)
      assert.equal(await other.get(key), 'first')
      assert.equal(await set('first', 'second'), true)
      assert.equal(await other.get(key), 'second')
    },

    'removing takes the same proof, and leaves nothing': async (bench) => {
      const [one, other] = bench.caches
      const key = bench.key()
      const change = (expected: string | undefined, value: string | undefined) =>
        one.compareAndSet(key, { expected, value, ttlMs: LONG_MS })
      await change(undefined, 'kept')
      assert.equal(await change('other', undefined), false)
      assert.equal(await other.get(key), 'kept')
      assert.equal(await change('kept', undefined), true)
      assert.equal(await other.get(key), undefined)
      assert.equal(await change(undefined, 'anew'), true)
    },

    'of many who change the same at once, one does': async (bench) => {
      const key = bench.key()
      for (const expected of [undefined, 'start'] as const) {
        const before = await bench.caches[0].get(key)
        if (expected !== before) {
          const change = { expected: before, value: expected, ttlMs: LONG_MS }
          assert.equal(await bench.caches[0].compareAndSet(key, change), true)
        }
        const made = await Promise.all(
          Array.from({ length: 50 }, (_, index) => {
            const cache = bench.caches[index % 2 === 0 ? 0 : 1]
            return cache.compareAndSet(key, { expected, value: `v${index}`, ttlMs: LONG_MS })
          }),
        )
        assert.equal(made.filter(Boolean).length, 1)
        assert.equal(await bench.caches[1].get(key), `v${made.indexOf(true)}`)
      }
    },

    'an entry ends with its time, and is then as if it had never been': async (bench) => {
      const [one] = bench.caches
      const key = bench.key()
      await one.compareAndSet(key, { expected: undefined, value: 'brief', ttlMs: SHORT_MS })
      await bench.pass(SHORT_MS, key)
      assert.equal(await one.get(key), undefined)
      const stale = { expected: 'brief', value: 'late', ttlMs: LONG_MS }
      assert.equal(await one.compareAndSet(key, stale), false)
      const fresh = { expected: undefined, value: 'next', ttlMs: LONG_MS }
      assert.equal(await one.compareAndSet(key, fresh), true)
    },

    'each change begins the time anew': async (bench) => {
      const [one] = bench.caches
      const [key, witness] = [bench.key(), bench.key()]
      await one.compareAndSet(key, { expected: undefined, value: 'a', ttlMs: SHORT_MS })
      await one.compareAndSet(key, { expected: 'a', value: 'b', ttlMs: LONG_MS })
      await one.compareAndSet(witness, { expected: undefined, value: 'w', ttlMs: SHORT_MS })
      await bench.pass(SHORT_MS, witness)
      assert.equal(await one.get(key), 'b')
    },
  }
