/**
 * How webhooks are delivered by the started server: at least once through a kill, to each endpoint
 * whatever the others do, and to people who look after what could not be delivered.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { Administration, ownerKey } from '../support/administration.ts'
import { Clients, library, subscribed } from '../support/clients.ts'
import { lockgate } from '../support/command.ts'
import { accept, hang, type Post, ScriptedReceiver } from '../support/scripted-receiver.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const KILLED = app('delivery-killed')
const FAIR = app('delivery-fair')
const DEAD = app('delivery-dead')
const INSIDE = app('delivery-inside')
const PUSHER = app('delivery-pusher')
const APPS = [KILLED, FAIR, DEAD, INSIDE, PUSHER]
/** Receivers of the tests are on this machine. */
const CONFIG = { outbound: { allowedNetworks: ['127.0.0.1'] } }
const HOLD_MS = 30_000

let dataDir = ''
let server: LiveServer
let receiver: ScriptedReceiver
const clients = new Clients(() => server)
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-delivery-'))
  server = await startServer({ apps: APPS, dataDir, config: CONFIG })
  receiver = await ScriptedReceiver.open()
})
after(async () => {
  clients.closeAll()
  await server.stop()
  await receiver.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function endpoint(appId: string, receiverUrl: string, more: object = {}) {
  const body = { name: receiverUrl, receiverUrl, events: ['message.published'], ...more }
  const made = await admin.done('webhooks.create', { parameters: { appId }, body })
  return { endpointId: made.webhook.id, secret: made.value ?? '' }
}

async function publish(to: typeof KILLED, ...data: readonly string[]): Promise<void> {
  for (const each of data) await library(server, to).trigger('news', 'event', each)
}

async function listed(endpointId: string, state: 'waiting' | 'dead') {
  const parameters = { endpointId, state }
  return (await admin.done('deliveries.list', { parameters })).items
}

const idOf = ({ headers }: Post) => String(headers['webhook-id'])
const contentOf = ({ rawBody }: Post) =>
  (JSON.parse(rawBody) as { data: { data: string } }).data.data

test('what was accepted and not delivered is delivered after a kill, with the same id', async () => {
  receiver.answer = hang
  const { secret } = await endpoint(KILLED.id, receiver.url('/killed'))
  const all = Array.from({ length: 10 }, (_, index) => `${index}`)
  await publish(KILLED, ...all)
  const underWay = await until('some are under way', () => {
    const posts = receiver.to('/killed')
    return posts.length > 0 ? posts.map(idOf) : undefined
  })
  await server.killHard()
  receiver.posts.length = 0
  receiver.answer = accept
  server = await startServer({ apps: APPS, dataDir, config: CONFIG })
  await until('all are told', () => receiver.to('/killed').length >= 10)
  const posts = receiver.to('/killed')
  for (const id of underWay) assert.ok(posts.map(idOf).includes(id), 'an id changed')
  assert.equal(new Set(posts.map(idOf)).size, 10)
  assert.deepEqual(posts.map(contentOf).toSorted(), all)
  for (const { rawBody, headers } of posts) {
    assert.equal(headers['content-type'], 'application/json')
    assert.ok(!JSON.stringify(headers).includes(secret))
    for (const verifier of [new Webhook(secret), new SvixWebhook(secret)]) {
      assert.doesNotThrow(() => verifier.verify(rawBody, headers as Record<string, string>))
    }
  }
})

test('a stop waits for what is under way within a bound, and the rest comes afterwards', async () => {
  receiver.posts.length = 0
  receiver.answer = hang
  await publish(KILLED, 'stopped')
  await until('it is under way', () => receiver.posts.length > 0)
  await server.stop()
  receiver.posts.length = 0
  receiver.answer = accept
  server = await startServer({ apps: APPS, dataDir, config: CONFIG })
  await until('it is told', () => receiver.to('/killed').length > 0, HOLD_MS)
  assert.deepEqual(receiver.posts.map(contentOf), ['stopped'])
})

test('an endpoint that hangs holds up no other', async () => {
  receiver.answer = (response, { path }) => (path === '/hangs' ? hang() : accept(response))
  await endpoint(FAIR.id, receiver.url('/hangs'))
  await endpoint(FAIR.id, receiver.url('/works'))
  const startMs = performance.now()
  const all = Array.from({ length: 40 }, (_, index) => `${index}`)
  await publish(FAIR, ...all)
  await until('the other one has all', () => receiver.to('/works').length === all.length)
  // One attempt at a receiver that hangs takes longer than that.
  assert.ok(performance.now() - startMs < 10_000)
  assert.ok(receiver.to('/hangs').length < 5)
  assert.ok((await server.metric('lockgate_webhook_waiting')) > 0)
  receiver.answer = accept
})

test('dead letters are looked at, posted again with their id, and discarded, by command', async () => {
  const run = async (...args: string[]) => {
    const environment = {
      LOCKGATE_URL: server.http,
      LOCKGATE_OPERATOR_KEY_FILE: join(dataDir, 'operator.key'),
    }
    const ended = await lockgate([...args, '--json'], { environment, workingDir: dataDir })
    assert.deepEqual([ended.code, ended.stderr], [0, ''], args.join(' '))
    return JSON.parse(ended.stdout)
  }
  receiver.posts.length = 0
  receiver.answer = (response) => response.writeHead(410).end()
  const { endpointId, secret } = await endpoint(DEAD.id, receiver.url('/dead'))
  await publish(DEAD, 'given up')
  const [letter] = await until('it is given up', async () => {
    const items = await listed(endpointId, 'dead')
    return items.length > 0 ? items : undefined
  })
  assert.ok(letter !== undefined)
  assert.deepEqual([letter.lastOutcome, letter.attemptCount], ['410', 1])
  const parameters = { endpointId }
  const gone = await admin.done('webhooks.get', { parameters })
  assert.deepEqual([gone.isEnabled, gone.disabled?.reason], [false, 'gone'])
  const shown = await run('deliveries', 'get', endpointId, letter.id)
  assert.equal(shown.content, receiver.posts[0]?.rawBody)
  receiver.answer = accept
  await admin.done('webhooks.enable', { parameters, body: {} })
  assert.deepEqual(await run('deliveries', 'replay', endpointId), { replayedCount: 1 })
  await until('it has arrived', () => receiver.to('/dead').length === 2)
  const [first, second] = receiver.to('/dead')
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(idOf(first), letter.id)
  assert.equal(idOf(second), letter.id)
  assert.ok(new Webhook(secret).verify(second.rawBody, second.headers as Record<string, string>))
  await until('nothing is left', async () => (await listed(endpointId, 'waiting')).length === 0)
  assert.deepEqual(await listed(endpointId, 'dead'), [])
  receiver.answer = (response) => response.writeHead(410).end()
  await publish(DEAD, 'unwanted')
  await until('it is given up', async () => (await listed(endpointId, 'dead')).length === 1)
  const discard = ['deliveries', 'discard', endpointId, '--reason', 'of a test']
  assert.deepEqual(await run(...discard), { discardedCount: 1 })
  assert.deepEqual((await run('deliveries', 'list', endpointId)).items, [])
  const { tenantId } = await admin.done('apps.get', { parameters: { appId: DEAD.id } })
  const page = { tenantId, database: 'local', limit: 200 }
  const { items } = await admin.done('audit.list', { parameters: page })
  const actions = items.map(({ entry }) => entry['action'])
  for (const action of ['webhook.replayed', 'webhook.discarded']) {
    assert.ok(actions.includes(action), action)
  }
})

test('of a delivery that is not there, or of another endpoint, nothing is said', async () => {
  const { endpointId } = await endpoint(DEAD.id, receiver.url('/other'))
  const parameters = { endpointId }
  const deliveryId = `msg_${'0'.repeat(27)}`
  const notThere = [404, 'not_found'] as const
  const get = { parameters: { endpointId, deliveryId } }
  assert.deepEqual(await admin.refused('deliveries.get', get), notThere)
  const replay = { parameters, body: { deliveryId } }
  assert.deepEqual(await admin.refused('deliveries.replay', replay), notThere)
  const none = { parameters: { endpointId: 'whe_none' }, body: { reason: 'a test' } }
  assert.deepEqual(await admin.refused('deliveries.discard', none), notThere)
  const cursor = { parameters: { endpointId, cursor: 'odd' } }
  assert.deepEqual(await admin.refused('deliveries.list', cursor), [400, 'input_invalid'])
  assert.deepEqual(await admin.done('deliveries.replay', { parameters, body: {} }), {
    replayedCount: 0,
  })
})

test('nothing is posted inside the operator`s network, and no redirect leads there', async () => {
  receiver.posts.length = 0
  receiver.answer = (response, { path }) => {
    if (path !== '/redirects') return accept(response)
    response.writeHead(307, { location: receiver.url('/led-here') }).end()
  }
  const urls = [
    'https://169.254.169.254/latest/meta-data/',
    'https://127.0.0.2/',
    'https://[::ffff:10.0.0.1]/',
    'https://2130706434/',
    'https://0177.0.0.2/',
  ]
  const made = await Promise.all(urls.map((url) => endpoint(INSIDE.id, url)))
  const redirecting = await endpoint(INSIDE.id, receiver.url('/redirects'))
  await publish(INSIDE, 'x')
  const outcomeOf = (endpointId: string) =>
    until('it was tried', async () => (await listed(endpointId, 'waiting'))[0]?.lastOutcome)
  for (const { endpointId } of made) assert.equal(await outcomeOf(endpointId), 'address_refused')
  assert.equal(await outcomeOf(redirecting.endpointId), 'redirected')
  assert.deepEqual(receiver.to('/led-here'), [])
})

test('what Pusher`s receivers get is verified by npm pusher, and tried again on any failure', async () => {
  receiver.posts.length = 0
  let count = 0
  receiver.answer = (response) => response.writeHead(count++ === 0 ? 404 : 200).end()
  const form = { format: 'pusher', events: ['cache_miss'] }
  await endpoint(PUSHER.id, receiver.url('/pusher'), form)
  await subscribed(await clients.connected(PUSHER), 'cache-prices')
  await until('it came twice', () => receiver.to('/pusher').length === 2)
  const [first, second] = receiver.to('/pusher')
  assert.equal(first?.rawBody, second?.rawBody)
  assert.equal(second?.headers['content-type'], 'application/json')
  const webhook = library(server, PUSHER).webhook({
    headers: second?.headers,
    rawBody: second?.rawBody ?? '',
  })
  assert.ok(webhook.isValid())
})
