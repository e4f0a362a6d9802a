/** The cache of the token keeper in a real Redis, through the client most services have. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before } from 'node:test'
import type { RedisClientType } from '@redis/client'
import { RedisCache } from '../../packages/server-sdk/src/redis-cache.ts'
import { ioredis, nodeRedis } from '../../packages/server-sdk/src/redis-commands.ts'
import { TOKEN_CACHE_PROMISES } from '../contract/token-cache.ts'
import { type LiveRedis, startRedis } from '../support/redis.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

let redis: LiveRedis
let one: RedisClientType
let other: RedisClientType

before(async () => {
  redis = await startRedis()
  one = await redis.connect()
  other = await redis.connect()
})
after(() => redis.stop())

/** ioredis's way to be called, on the same connection. */
const asIoredis = (client: RedisClientType) => ({
  call: (name: string, args: string[]) => client.sendCommand([name, ...args]),
})

for (const [promise, work] of Object.entries(TOKEN_CACHE_PROMISES)) {
  test(`Redis: ${promise}`, () => {
    const caches = [
      new RedisCache(nodeRedis(one)),
      new RedisCache(ioredis(asIoredis(other))),
    ] as const
    return work({
      caches,
      pass: async (ms, key) => {
        await until(
          `${key} ends after ${ms} ms`,
          async () => (await one.exists(`lockgate:${key}`)) === 0,
        )
      },
      key: randomUUID,
    })
  })
}

test('keys of other prefixes are left alone', async () => {
  const mine = new RedisCache(nodeRedis(one), 'mine:')
  const key = randomUUID()
  await mine.compareAndSet(key, { expected: undefined, value: 'mine', ttlMs: 60_000 })
  assert.equal(await new RedisCache(nodeRedis(other)).get(key), undefined)
  assert.equal(await other.get(`mine:${key}`), 'mine')
  assert.ok((await other.pTTL(`mine:${key}`)) > 0)
})

test('a Redis that is gone is an error, never an absent entry', async () => {
  const gone = await startRedis()
  const client = await gone.connect()
  const cache = new RedisCache(nodeRedis(client))
  await gone.stop()
  await assert.rejects(cache.get('a'))
  await assert.rejects(cache.compareAndSet('a', { expected: undefined, value: 'x', ttlMs: 1_000 }))
})
