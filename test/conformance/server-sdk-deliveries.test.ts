/**
 * What the started server posts, taken by the receiver of the server SDK and by the libraries of
 * the peers, in both forms, while secrets rotate.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import Pusher from 'pusher-js'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { nodeListener } from '../../packages/server-sdk/src/node-listener.ts'
import { Publisher } from '../../packages/server-sdk/src/publisher.ts'
import { MemoryReplayStore } from '../../packages/server-sdk/src/replay-store.ts'
import {
  type WebhookDecision,
  webhookHandler,
} from '../../packages/server-sdk/src/webhook-handler.ts'
import {
  type VerifiedWebhook,
  type WebhookKey,
  WebhookVerifier,
} from '../../packages/server-sdk/src/webhook-verifier.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { library } from '../support/clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const STANDARD = app('sdk-standard')
const SIGNED = app('sdk-signed')
const PUSHER = app('sdk-pusher')
const FAILING = app('sdk-failing')
/** Receivers of the tests are on this machine. */
const CONFIG = { outbound: { allowedNetworks: ['127.0.0.0/8'] } }

interface Receiver {
  readonly url: string
  /** What was handed over. */
  readonly got: VerifiedWebhook[]
  readonly decisions: WebhookDecision[]
  /** What arrived, as the libraries of the peers take it. */
  readonly raw: { readonly rawBody: string; readonly headers: Record<string, string> }[]
  /** How many it fails to handle before it works. */
  failureCount: number
  /** The keys it has, which a test can change. */
  keys: readonly WebhookKey[]
}

const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-sdk-deliveries-'))
const listening: Server[] = []
let server: LiveServer
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

before(async () => {
  server = await startServer({ apps: [STANDARD, SIGNED, PUSHER, FAILING], dataDir, config: CONFIG })
})
after(async () => {
  await server.stop()
  for (const each of listening) {
    each.closeAllConnections()
    await new Promise((resolve) => each.close(resolve))
  }
  rmSync(dataDir, { recursive: true, force: true })
})

async function openReceiver(): Promise<Receiver> {
  const replay = new MemoryReplayStore()
  const listener = nodeListener(
    async (request) => {
      const headers = Object.fromEntries(request.headers)
      receiver.raw.push({ rawBody: await request.clone().text(), headers })
      const verifier = new WebhookVerifier({ keys: receiver.keys, replay })
      return webhookHandler(verifier, {
        onWebhook: (webhook) => {
          receiver.failureCount -= 1
          if (receiver.failureCount >= 0) throw new Error('the database is gone')
          receiver.got.push(webhook)
        },
        onDecision: (decision) => void receiver.decisions.push(decision),
      })(request)
    },
    { rawBodyBytesMax: 1024 * 1024, onError: (error) => assert.fail(String(error)) },
  )
  const http = createServer(listener)
  listening.push(http)
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/webhooks`
  const receiver: Receiver = { url, got: [], decisions: [], raw: [], keys: [], failureCount: 0 }
  return receiver
}

function connect({ key }: typeof STANDARD): Pusher {
  return new Pusher(key, {
    cluster: 'x',
    wsHost: '127.0.0.1',
    wsPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws'],
  })
}

function publisher({ id, key, secret }: typeof STANDARD): Publisher {
  return new Publisher({ url: server.http, appId: id, keys: { appKey: key, secret } })
}

/** Publishes, and waits until the receiver has been asked about it. */
async function delivered(receiver: Receiver, target: typeof STANDARD, data: string): Promise<void> {
  const { length } = receiver.raw
  await publisher(target).publish({ channel: 'news', name: 'e', data })
  await until('it is delivered', () => receiver.raw.length > length)
}

test('the SDK, standardwebhooks and svix take the Standard form before, during and after a rotation', async () => {
  const receiver = await openReceiver()
  const body = { name: 'sdk', receiverUrl: receiver.url, events: ['message.published'] }
  const parameters = { appId: STANDARD.id }
  const made = await admin.done('webhooks.create', { parameters, body })
  const endpointId = made.webhook.id
  const oldSecret = made.value ?? ''
  receiver.keys = [oldSecret]
  await delivered(receiver, STANDARD, 'before')
  const rotated = await admin.done('webhooks.rotate', {
    parameters: { endpointId },
    body: { overlapSeconds: 3_600, dropWhenAdopted: true },
  })
  const newSecret = rotated.value ?? ''
  // With the old secret alone it goes on: both sign.
  await delivered(receiver, STANDARD, 'during')
  await until('it is handed over', () => receiver.got.length >= 2)
  receiver.keys = [oldSecret, newSecret]
  const probed = await admin.done('webhooks.probe', { parameters: { endpointId }, body: {} })
  assert.deepEqual([probed.isAdopted, probed.receiverVerifies], [true, true])
  receiver.keys = [newSecret]
  await delivered(receiver, STANDARD, 'after')
  const published = () =>
    receiver.got.flatMap((each) => (each.type === 'message.published' ? [each.data.data] : []))
  await until('all are handed over', () => published().length === 3)
  assert.deepEqual(published(), ['before', 'during', 'after'])
  const isOf = (data: string) => receiver.raw.find(({ rawBody }) => rawBody.includes(`"${data}"`))
  for (const [data, secret] of [
    ['before', oldSecret],
    ['during', oldSecret],
    ['after', newSecret],
  ] as const) {
    const { rawBody = '', headers = {} } = isOf(data) ?? {}
    for (const oracle of [new StandardWebhook(secret), new SvixWebhook(secret)]) {
      oracle.verify(rawBody, headers)
      assert.throws(() => oracle.verify(`${rawBody} `, headers))
    }
  }
})

test('a receiver without the new secret does not prove that it has it', async () => {
  const receiver = await openReceiver()
  const body = { name: 'late', receiverUrl: receiver.url, events: ['message.published'] }
  const parameters = { appId: STANDARD.id }
  const made = await admin.done('webhooks.create', { parameters, body })
  const endpointId = made.webhook.id
  receiver.keys = [made.value ?? '']
  await admin.done('webhooks.rotate', {
    parameters: { endpointId },
    body: { overlapSeconds: 3_600 },
  })
  const probed = await admin.done('webhooks.probe', { parameters: { endpointId }, body: {} })
  assert.deepEqual([probed.isAdopted, probed.outcome], [false, '401'])
  assert.ok(receiver.decisions.every(({ code }) => code === 'signature_invalid'))
})

test('an endpoint that signs with Ed25519 is verified with what it shows to everybody', async () => {
  const receiver = await openReceiver()
  const made = await admin.done('webhooks.create', {
    parameters: { appId: SIGNED.id },
    body: {
      name: 'signed',
      receiverUrl: receiver.url,
      events: ['message.published'],
      algorithm: 'ed25519',
    },
  })
  assert.equal(made.value, undefined)
  receiver.keys = made.webhook.publicKeys?.map(({ publicKey }) => publicKey) ?? []
  await delivered(receiver, SIGNED, 'signed')
  await until('it is handed over', () => receiver.got.length === 1)
  assert.equal(receiver.got[0]?.type, 'message.published')
})

test('the SDK and the pusher library take the Pusher form, and no other secret does', async () => {
  const receiver = await openReceiver()
  receiver.keys = [{ key: PUSHER.key, secret: PUSHER.secret }]
  const events = ['channel.occupied', 'channel.vacated', 'cache_miss']
  await admin.done('webhooks.create', {
    parameters: { appId: PUSHER.id },
    body: { name: 'pusher', receiverUrl: receiver.url, events, format: 'pusher' },
  })
  const client = connect(PUSHER)
  client.subscribe('cache-news')
  const names = () =>
    receiver.got.flatMap((each) =>
      each.form === 'pusher' ? each.events.map(({ name }) => name) : [],
    )
  await until('both events arrived', () => names().length === 2)
  client.disconnect()
  assert.deepEqual(names().toSorted(), ['cache_miss', 'channel_occupied'])
  for (const { rawBody, headers } of receiver.raw) {
    assert.ok(library(server, PUSHER).webhook({ rawBody, headers }).isValid())
    const other = new WebhookVerifier({ keys: { key: PUSHER.key, secret: 'another secret' } })
    const webhook = other.webhook({ rawBody, headers })
    assert.deepEqual([webhook.isValid(), webhook.refusal?.refusal], [false, 'signature_invalid'])
  }
})

test('a delivery whose handling failed comes again under its id and is handled then, in both forms', async () => {
  const standard = await openReceiver()
  const made = await admin.done('webhooks.create', {
    parameters: { appId: FAILING.id },
    body: { name: 'standard', receiverUrl: standard.url, events: ['channel.occupied'] },
  })
  standard.keys = [made.value ?? '']
  const pusher = await openReceiver()
  pusher.keys = [{ key: FAILING.key, secret: FAILING.secret }]
  await admin.done('webhooks.create', {
    parameters: { appId: FAILING.id },
    body: {
      name: 'pusher',
      receiverUrl: pusher.url,
      events: ['channel.occupied'],
      format: 'pusher',
    },
  })
  for (const receiver of [standard, pusher]) receiver.failureCount = 1
  const client = connect(FAILING)
  client.subscribe('news')
  for (const receiver of [standard, pusher]) {
    await until('it is handled', () => receiver.got.length === 1, 30_000)
    assert.deepEqual(
      receiver.decisions.map(({ outcome }) => outcome),
      ['failed', 'handled'],
    )
    const [first, second] = receiver.raw
    assert.equal(first?.rawBody, second?.rawBody)
    // What was handled is not handled again, whoever sends it.
    const { rawBody = '', headers = {} } = second ?? {}
    const answer = await fetch(receiver.url, { method: 'POST', body: rawBody, headers })
    assert.equal(answer.status, 204)
    assert.deepEqual([receiver.got.length, receiver.decisions.at(-1)?.outcome], [1, 'repeated'])
  }
  client.disconnect()
})
