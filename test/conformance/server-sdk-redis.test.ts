/**
 * The cache of the token keeper, and the webhooks that came already, in a real Redis, through the
 * client most services have.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before } from 'node:test'
import type { RedisClientType } from '@redis/client'
import { RedisCache } from '../../packages/server-sdk/src/redis-cache.ts'
import { ioredis, nodeRedis } from '../../packages/server-sdk/src/redis-commands.ts'
import { RedisReplayStore } from '../../packages/server-sdk/src/redis-replay-store.ts'
import { WebhookVerifier } from '../../packages/server-sdk/src/webhook-verifier.ts'
import { TOKEN_CACHE_PROMISES } from '../contract/token-cache.ts'
import { type LiveRedis, startRedis } from '../support/redis.ts'
import { standardWebhook } from '../support/signed-webhooks.ts'
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

test('of several instances that get the same webhook at the same time, one takes it', async () => {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
  const instances = [
    new RedisReplayStore(nodeRedis(one)),
    new RedisReplayStore(ioredis(asIoredis(other))),
  ].map((replay) => new WebhookVerifier({ keys: secret, replay }))
  const body = JSON.stringify({ type: 't', timestamp: new Date().toISOString(), data: {} })
  const id = `msg_${randomUUID()}`
  const sent = standardWebhook({ id, atMs: Date.now(), body, keys: [secret] })
  const attempts = Array.from({ length: 10 }, () => instances.map((each) => each.webhook(sent)))
  const answers = await Promise.all(
    attempts.flat().map(async (webhook) => ({ webhook, answer: await webhook.verify() })),
  )
  const accepted = answers.filter(({ answer }) => answer.ok)
  const refusals = new Set(answers.map(({ answer }) => (answer.ok ? 'taken' : answer.refusal)))
  assert.equal(accepted.length, 1)
  assert.deepEqual([...refusals].toSorted(), ['replayed', 'taken'])
  const [key = ''] = await other.keys(`lockgate:webhook:${id}*`)
  assert.ok((await other.pTTL(key)) > 0, 'it is forgotten once it would not be fresh')
  await accepted[0]?.webhook.release()
  const again = new WebhookVerifier({ keys: secret, replay: new RedisReplayStore(nodeRedis(one)) })
  assert.equal((await again.webhook(sent).verify()).ok, true)
})

test('what one instance has handled, another answers without handling it again', async () => {
  const store = () => new RedisReplayStore(nodeRedis(one))
  const key = randomUUID()
  assert.equal(await store().take(key, 60_000), 'new')
  await store().finish(key, 60_000)
  assert.equal(await store().take(key, 60_000), 'done')
  await store().take(`${key}-short`, 20)
  await until('it is forgotten', async () => (await store().take(`${key}-short`, 20)) === 'new')
})

test('a Redis that is gone is an error, never an absent entry', async () => {
  const gone = await startRedis()
  const client = await gone.connect()
  const cache = new RedisCache(nodeRedis(client))
  await gone.stop()
  await assert.rejects(cache.get('a'))
  await assert.rejects(cache.compareAndSet('a', { expected: undefined, value: 'x', ttlMs: 1_000 }))
})
