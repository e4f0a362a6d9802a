import { expect, test } from 'bun:test'
import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { KEY, pusherWorld, SECRET } from '../../../../../test/support/pusher-world.ts'
import { webhookEndpoint } from '../../../../../test/support/webhook-endpoint.ts'
import { KeptWebhooks, queueOut } from '../../../../../test/support/webhook-outbox.ts'
import { createPasswordHash } from '../../adapters/system/password-hash.ts'
import { Bearers } from '../../credentials/bearers.ts'
import { SecretCheck } from '../../credentials/secret-check.ts'
import { WebhookRouter } from '../../outbound/webhooks/webhook-router.ts'
import { Outage } from '../../ports/outage.ts'
import { ReplayMemory } from './replay-memory.ts'
import { handlePusherApi } from './router.ts'

const WINDOW_MS = 600_000
const PATH = '/apps/app/events'

/** An app whose webhooks want what is published in channels that begin with `told`. */
function publishing() {
  const world = pusherWorld()
  const { directory, clock, events, hub, tally, guard, limitBook } = world
  const published = { events: ['message.published'], channelPrefix: 'told' }
  directory.put({ ...world.loaded, webhookEndpoints: [webhookEndpoint(published)] })
  const outbox = new KeptWebhooks()
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const router = new WebhookRouter({ apps: directory, outbox, events, clock, log })
  events.listen(router)
  const records = { recordUse: nothing, recordDenial: nothing }
  const passwordHash = createPasswordHash({ cost: 4 })
  const check = new SecretCheck({ fingerprintKey: createSecretKey(Buffer.alloc(32)), passwordHash })
  const deps = {
    ...records,
    hub,
    tally,
    directory,
    clock,
    guard,
    limitBook,
    bearers: new Bearers({ apps: directory, check, clock, ...records, doors: [] }),
    replays: new ReplayMemory(WINDOW_MS),
    authTimestampWindowMs: WINDOW_MS,
    settle: (appId: string) => router.settle(appId),
    source: () => ({ ip: '192.0.2.1', agent: 'test' }),
  }
  const publish = async (channel: string) => {
    const body = JSON.stringify({ name: 'e', channel, data: '1' })
    const query = signedQuery(body, clock.nowMs())
    const request = new Request(`http://lockgate.test${PATH}?${query}`, { method: 'POST', body })
    const target = { path: PATH, fullPath: PATH, query }
    return (await handlePusherApi(request, target, deps))?.status
  }
  return { publish, outbox }
}

function signedQuery(body: string, nowMs: number): string {
  const digest = createHash('md5').update(body).digest('hex')
  const time = `auth_timestamp=${Math.floor(nowMs / 1000)}`
  const query = `auth_key=${KEY}&${time}&auth_version=1.0&body_md5=${digest}`
  const text = `POST\n${PATH}\n${query}`
  return `${query}&auth_signature=${createHmac('sha256', SECRET).update(text).digest('hex')}`
}

test('a publish with a webhook is answered when that is durable, and not before', async () => {
  const { publish, outbox } = publishing()
  const release = outbox.hold()
  let answered: number | undefined
  const answering = publish('told-1').then((status) => {
    answered = status
  })
  await outbox.called()
  expect(answered).toBeUndefined()
  release()
  await answering
  expect(answered).toBe(200)
  expect(outbox.take()).toHaveLength(1)
})

test('a publish whose webhook cannot be queued is an outage, and no 200', async () => {
  const { publish, outbox } = publishing()
  outbox.failure = queueOut()
  const outcome = await publish('told-1').catch((error: unknown) => error)
  expect(outcome).toBeInstanceOf(Outage)
})

test('a publish that no webhook tells waits for no queue, also for one that is out', async () => {
  const { publish, outbox } = publishing()
  outbox.failure = queueOut()
  expect(await publish('other')).toBe(200)
  expect(outbox.callCount).toBe(0)
})
