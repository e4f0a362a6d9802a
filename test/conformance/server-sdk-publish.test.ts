/**
 * Publishing and encrypted channels of the server SDK against the started server, received by
 * unmodified pusher-js, also while the master key is replaced.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Pusher from 'pusher-js'
import { channelAuthorizationEndpoint } from '../../packages/server-sdk/src/authorization-endpoint.ts'
import { EncryptedChannels } from '../../packages/server-sdk/src/encrypted-channels.ts'
import { nodeListener } from '../../packages/server-sdk/src/node-listener.ts'
import type { PublishError } from '../../packages/server-sdk/src/publish-error.ts'
import { Publisher } from '../../packages/server-sdk/src/publisher.ts'
import { ENCRYPTION_KEY, library, subscribed } from '../support/clients.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { nextEvent, until } from '../support/wait.ts'

const APP = app('publish', { rejectReplays: true })
const it = serving({ apps: [APP] })
const OLD_KEY = Buffer.alloc(32, 1).toString('base64')
const keys = { appKey: APP.key, secret: APP.secret }
/** How far the clocks of the backends below are ahead of the real time. */
const CLOCKS_AHEAD_MS = [-300, 0, 300] as const
const MARGIN_MS = 1_500

let backend: Server
let encryption: () => EncryptedChannels
const open: Pusher[] = []

before(async () => {
  // Asked each time: a test says which keys its backends have.
  const encryptedChannels = { sharedSecret: (name: string) => encryption().sharedSecret(name) }
  const endpoint = channelAuthorizationEndpoint({
    keys,
    authenticate: () => ({ id: 'ada' }),
    authorize: () => ({ allow: true }),
    encryptedChannels,
  })
  backend = createServer(nodeListener(endpoint, { onError: (error) => assert.fail(String(error)) }))
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
})
after(async () => {
  for (const client of open) client.disconnect()
  await new Promise((resolve) => {
    backend.close(resolve)
    backend.closeAllConnections()
  })
})

async function connected(): Promise<Pusher> {
  const { port } = backend.address() as AddressInfo
  const client = new Pusher(APP.key, {
    cluster: 'x',
    wsHost: '127.0.0.1',
    wsPort: it.server.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: { endpoint: `http://127.0.0.1:${port}/pusher/auth`, transport: 'ajax' },
  })
  open.push(client)
  await until('pusher-js is connected', () => client.connection.state === 'connected')
  return client
}

function publisher(encryptedChannels?: EncryptedChannels): Publisher {
  const encrypted = encryptedChannels === undefined ? {} : { encryptedChannels }
  return new Publisher({ url: it.server.http, appId: APP.id, keys, ...encrypted })
}

test('pusher-js gets what is published to one channel, to several, and in a batch', async () => {
  const client = await connected()
  const channels = await Promise.all(['news', 'private-b'].map((name) => subscribed(client, name)))
  const first = channels.map((channel) => nextEvent(channel, 'e'))
  await publisher().publish({ channels: ['news', 'private-b'], name: 'e', data: { a: 'ä' } })
  assert.deepEqual(await Promise.all(first), [{ a: 'ä' }, { a: 'ä' }])
  const second = channels.map((channel) => nextEvent(channel, 'e'))
  const batch = ['news', 'private-b'].map((channel) => ({ channel, name: 'e', data: channel }))
  await publisher().publishBatch(batch)
  assert.deepEqual(await Promise.all(second), ['news', 'private-b'])
})

test('equal events of one second all arrive, also where the app refuses replays', async () => {
  const channel = await subscribed(await connected(), 'equal')
  let count = 0
  channel.bind('e', () => (count += 1))
  const event = { channel: 'equal', name: 'e', data: 1 }
  await Promise.all(Array.from({ length: 20 }, () => publisher().publish(event)))
  await until('all have arrived', () => count === 20)
})

test('the connection that caused an event does not get it', async () => {
  const [cause, other] = await Promise.all([connected(), connected()])
  const channels = await Promise.all([cause, other].map((each) => subscribed(each, 'mine')))
  const heard: string[] = []
  channels.forEach((channel, index) => void channel.bind('e', () => heard.push(`e${index}`)))
  channels.forEach((channel, index) => void channel.bind('last', () => heard.push(`last${index}`)))
  const socketId = cause.connection.socket_id
  await publisher().publish({ channel: 'mine', name: 'e', data: 1, socketId })
  await publisher().publish({ channel: 'mine', name: 'last', data: 1 })
  await until(
    'both heard the last',
    () => heard.filter((each) => each.startsWith('last')).length === 2,
  )
  assert.deepEqual(heard.toSorted(), ['e1', 'last0', 'last1'])
})

test('a refusal of the server has its code; a wrong secret and a wrong app read alike', async () => {
  const refusalOf = (attempt: Promise<void>) =>
    attempt.then(
      () => 'published',
      ({ code, refusal }: PublishError) => `${code} ${refusal}`,
    )
  const event = { channel: 'news', name: 'e', data: 'x' }
  const large = { ...event, data: 'x'.repeat(200_000) }
  assert.match(await refusalOf(publisher().publish(large)), /^refused (?:event_data_large|body_)/)
  const named = { ...event, name: 'pusher:e' }
  assert.equal(await refusalOf(publisher().publish(named)), 'refused event_reserved')
  const url = it.server.http
  for (const options of [
    { url, appId: APP.id, keys: { ...keys, secret: 'wrong' } },
    { url, appId: 'unknown', keys },
  ]) {
    assert.equal(await refusalOf(new Publisher(options).publish(event)), 'refused unauthenticated')
  }
})

test('pusher-js decrypts what the SDK and the pusher library publish under the same key', async () => {
  const channels = new EncryptedChannels({ masterKeyBase64: ENCRYPTION_KEY })
  encryption = () => channels
  const client = await connected()
  const [a, b] = await Promise.all(
    ['private-encrypted-a', 'private-encrypted-b'].map((name) => subscribed(client, name)),
  )
  assert.ok(a !== undefined && b !== undefined)
  const ofSdk = [nextEvent(a, 'e'), nextEvent(b, 'e')]
  const batch = [a, b].map(({ name }) => ({ channel: name, name: 'e', data: { of: name } }))
  await publisher(channels).publishBatch(batch)
  assert.deepEqual(await Promise.all(ofSdk), [{ of: a.name }, { of: b.name }])
  const ofLibrary = nextEvent(a, 'e')
  await library(it.server, APP).trigger(a.name, 'e', 'by the library')
  assert.equal(await ofLibrary, 'by the library')
})

test('no event is lost while the master key is replaced, by backends whose clocks differ', async () => {
  const name = 'private-encrypted-moving'
  const switchAt = new Date(Date.now() + 4_000)
  const backends = CLOCKS_AHEAD_MS.map(
    (aheadMs) =>
      new EncryptedChannels({
        masterKeyBase64: ENCRYPTION_KEY,
        previousMasterKeyBase64: OLD_KEY,
        switchAt,
        switchMarginMs: MARGIN_MS,
        system: { now: () => Date.now() + aheadMs, pause: (ms) => pause(ms) },
      }),
  )
  const asked: EncryptedChannels[] = []
  encryption = () => {
    const next = backends[asked.length % backends.length]
    assert.ok(next !== undefined)
    asked.push(next)
    return next
  }
  const early = new Set<string>()
  const late = new Set<string>()
  const channel = await subscribed(await connected(), name)
  channel.bind('e', (data: string) => early.add(data))
  const published: string[] = []
  /** Those that were begun when the second subscriber was there already. */
  const afterwards: string[] = []
  let isLateThere = false
  /** Publishes one event after the other from one backend, from before the switch to after it. */
  const publishAll = async (encryptedChannels: EncryptedChannels, from: number): Promise<void> => {
    const sender = publisher(encryptedChannels)
    for (let count = 0; Date.now() < switchAt.getTime() + 2 * MARGIN_MS; count++) {
      const data = `${from}-${count}`
      const list = isLateThere ? afterwards : undefined
      await sender.publish({ channel: name, name: 'e', data })
      published.push(data)
      list?.push(data)
    }
  }
  const publishing = Promise.all(backends.map(publishAll))
  await until('the switch is past', () => Date.now() >= switchAt.getTime() + 200)
  const lateChannel = await subscribed(await connected(), name)
  lateChannel.bind('e', (data: string) => late.add(data))
  isLateThere = true
  await publishing
  await until('everything has arrived', () => early.size === published.length)
  assert.deepEqual([...early].toSorted(), published.toSorted())
  const isOnBothSides = afterwards.length > 3 && published.length - afterwards.length > 3
  assert.ok(isOnBothSides, 'there were events before the switch and after it')
  await until('who came late has all of the new key', () =>
    afterwards.every((each) => late.has(each)),
  )
  // The early subscriber asked for the new secret when it needed it.
  assert.ok(asked.length >= 3)
})
