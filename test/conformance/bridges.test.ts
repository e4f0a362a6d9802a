/**
 * Declared bridges of the started server: pusher-js and MQTT.js in one room, the permissions of both
 * sides, and what is not carried.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import { Clients, library, subscribed } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { ALICE, BOB, connect, loginOf, type TestClient, USERS } from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { collect, until } from '../support/wait.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const ROOMS = app('rooms', {
  ...USERS,
  clientMessages: true,
  clientEventsPerSecondMax: 5,
  bridges: [
    'rooms/+/chat <-> private-room-$1 client-message',
    'team/+/news <-> presence-team-$1 client-news',
    'public/+ <-> board-$1 posted qos=0',
    'secret/+ -> private-$1 client-secret',
  ],
})
const QUIET = app('quiet', {
  clientMessages: false,
  mqttUsers: [{ name: 'carol', password: 'carol-password-0123456789' }],
  bridges: ['rooms/+/chat <-> private-room-$1 client-message'],
})
const CAROL = { name: 'carol', password: 'carol-password-0123456789' }

const home = mkdtempSync(join(tmpdir(), 'lockgate-bridges-'))
const dataDir = join(home, 'data')
const start = () => startServer({ apps: [ROOMS, QUIET], dataDir })
let server: LiveServer
const clients = new Clients(() => server)
let count = 0
const fresh = () => `r${++count}`

before(async () => {
  server = await start()
})

after(async () => {
  clients.closeAll()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

async function device(filter: string, who = ALICE, more: object = {}): Promise<TestClient> {
  const client = await connect(server.mqtt, { ...loginOf(who), protocolVersion: 5, ...more })
  await client.client.subscribeAsync(filter, { qos: 1 })
  return client
}

/** How much was not carried, by reason. */
async function unbridged(): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${server.ops}/metrics`)).text()
  const rows = text.matchAll(/^lockgate_unbridged_messages_total\{reason="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries(Array.from(rows, ([, reason, number]) => [reason, Number(number)]))
}

/** Waits until one more was left out for that reason. */
async function leftOut(reason: string, act: () => Promise<unknown>): Promise<void> {
  const earlier = (await unbridged())[reason] ?? 0
  await act()
  await until(`one more was ${reason}`, async () => {
    return (await unbridged())[reason] === earlier + 1 || undefined
  })
}

test('a device and a page talk in one room, and each hears the other once', async () => {
  const room = fresh()
  const alice = await device(`rooms/${room}/chat`)
  const [one, two] = [await clients.connected(ROOMS), await clients.connected(ROOMS)]
  const channel = await subscribed(one, `private-room-${room}`)
  const other = await subscribed(two, `private-room-${room}`)
  const heard = [collect(channel, 'client-message'), collect(other, 'client-message')] as const
  await alice.client.publishAsync(`rooms/${room}/chat`, '{"text":"from the device"}', { qos: 1 })
  await until('the pages hear the device', () => heard.every(({ length }) => length === 1))
  assert.deepEqual(heard[0], [{ text: 'from the device' }])
  channel.trigger('client-message', { text: 'from the page' })
  await until('the device hears the page', () => alice.received.length === 2)
  channel.trigger('client-message', 'plain')
  await until('the device hears the text', () => alice.received.length === 3)
  assert.deepEqual(alice.texts(), [
    '{"text":"from the device"}',
    '{"text":"from the page"}',
    'plain',
  ])
  // A round through both sides later nothing has come back.
  await library(server, ROOMS).trigger(`private-room-${room}`, 'client-message', { end: 1 })
  await until('the end', () => alice.received.length === 4 && heard[0].length === 2)
  assert.deepEqual(heard[0], [{ text: 'from the device' }, { end: 1 }])
  assert.deepEqual(heard[1].length, 4)
  await alice.end()
})

test('a member is named to devices, and cannot name itself', async () => {
  const room = fresh()
  const alice = await device(`team/${room}/news`)
  const page = await clients.connected(ROOMS, { member: { user_id: 'ann' } })
  const channel = await subscribed(page, `presence-team-${room}`)
  channel.trigger('client-news', { user_id: 'root' })
  await until('the news', () => alice.received.length === 1)
  const properties = alice.received[0]?.properties as { userProperties: Record<string, string> }
  assert.equal(properties.userProperties['user_id'], 'ann')
  const heard: unknown[] = []
  channel.bind('client-news', (_data: unknown, metadata?: { user_id?: string }) =>
    heard.push(metadata?.user_id),
  )
  const forged = { properties: { userProperties: { user_id: 'root' } } }
  await alice.client.publishAsync(`team/${room}/news`, '{}', { qos: 1, ...forged })
  await until('the page hears it', () => heard.length === 1)
  assert.deepEqual(heard, [undefined])
  await alice.end()
})

test('servers publish through bridges from both sides', async () => {
  const alice = await device('public/#')
  const page = await clients.connected(ROOMS)
  const channel = await subscribed(page, 'board-one')
  const heard = collect(channel, 'posted')
  await library(server, ROOMS).trigger('board-one', 'posted', { from: 'pusher' })
  await until('the device has it', () => alice.received.length === 1)
  assert.deepEqual([alice.texts()[0], alice.received[0]?.qos], ['{"from":"pusher"}', 0])
  const made = await new Administration(
    () => server,
    () => ownerKey(dataDir),
  ).done('credentials.create', {
    parameters: { appId: 'rooms' },
    body: { kind: 'api_key', name: 'publishing', prefix: 'sk' },
  })
  const body = JSON.stringify({ topic: 'public/one', payload: { from: 'rest' } })
  const headers = { authorization: `Bearer ${made.value ?? ''}` }
  const answer = await send(server.http, { method: 'POST', target: '/v1/publish', body, headers })
  assert.equal(answer.status, 200, answer.body)
  await until('the page has both', () => heard.length === 2)
  assert.deepEqual(heard, [{ from: 'pusher' }, { from: 'rest' }])
  await alice.end()
})

test('a device reaches only channels whose pages may send events', async () => {
  const carol = await connect(server.mqtt, { ...loginOf(CAROL), protocolVersion: 5 })
  await leftOut('denied', () => carol.client.publishAsync('rooms/1/chat', 'x', { qos: 1 }))
  const alice = await connect(server.mqtt, { ...loginOf(ALICE), protocolVersion: 5 })
  await leftOut('denied', () => alice.client.publishAsync('public/x', 'x', { qos: 1 }))
  await carol.end()
  await alice.end()
})

test('levels that no channel is for, and bytes that are no text, stay on their side', async () => {
  const alice = await connect(server.mqtt, { ...loginOf(ALICE), protocolVersion: 5 })
  const publish = (topic: string, payload: string | Buffer = 'x') =>
    alice.client.publishAsync(topic, payload, { qos: 1 })
  for (const level of ['a b', 'ü', '"}', 'a:b', '', 'x'.repeat(200)]) {
    await leftOut('unfit', () => publish(`rooms/${level}/chat`))
  }
  for (const level of ['encrypted-x', 'cache-x']) {
    await leftOut('unfit', () => publish(`secret/${level}`))
  }
  await leftOut('binary', () => publish('rooms/1/chat', Buffer.of(0xff, 0xfe)))
  await leftOut('large', () => publish('rooms/1/chat', 'x'.repeat(20_000)))
  await alice.end()
})

test('rule sets hold for what pages send, by their member', async () => {
  const admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
  const both: ('publish' | 'subscribe')[] = ['publish', 'subscribe']
  const rules = [
    { effect: 'allow' as const, actions: both, filter: 'team/${user_id}/news' },
    { effect: 'allow' as const, actions: both.slice(1), filter: '#' },
  ]
  const parameters = { tenantId: TENANT }
  await admin.done('rules.create', { parameters, body: { name: 'default', rules } })
  try {
    const alice = await device('team/#')
    const page = await clients.connected(ROOMS, { member: { user_id: 'ann' } })
    const own = await subscribed(page, 'presence-team-ann')
    const foreign = await subscribed(page, 'presence-team-bob')
    await leftOut('denied', async () => foreign.trigger('client-news', { to: 'bob' }))
    own.trigger('client-news', { to: 'ann' })
    await until('the allowed one', () => alice.received.length === 1)
    assert.deepEqual(
      alice.received.map(({ topic }) => topic),
      ['team/ann/news'],
    )
    // And for what devices publish: nothing of it reaches a page.
    const heard = collect(own, 'client-news')
    const denied = alice.client.publishAsync('team/ann/news', 'x', { qos: 1 })
    await assert.rejects(denied, /Not authorized/)
    const backend = library(server, ROOMS)
    await backend.trigger('presence-team-ann', 'client-news', 'end')
    await until('the end', () => heard.length === 1)
    assert.deepEqual(heard, ['end'])
    await alice.end()
  } finally {
    const ofSet = { ...parameters, ruleSet: 'default' }
    await admin.done('rules.remove', { parameters: ofSet, body: {} })
  }
})

test('a page over its limit is heard by no device', async () => {
  const room = fresh()
  const alice = await device(`rooms/${room}/chat`)
  const page = await clients.connected(ROOMS)
  const channel = await subscribed(page, `private-room-${room}`)
  for (let number = 0; number < 12; number++) channel.trigger('client-message', number)
  await library(server, ROOMS).trigger(`private-room-${room}`, 'client-message', 'end')
  await until('the end', () => alice.texts().includes('end'))
  assert.ok(alice.received.length <= 7, `${alice.received.length} came through`)
  await alice.end()
})

test('bridges are changed while the server runs, and a wrong one is refused', async () => {
  const admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
  const change = (bridges: string[]) =>
    admin.call('apps.update', { parameters: { appId: 'quiet' }, body: { settings: { bridges } } })
  for (const bridges of [
    ['rooms/# <-> private-room-$1 e'],
    ['rooms/+ <-> private-encrypted-$1 e'],
    ['rooms/+ -> private-$1 e', 'rooms/a -> private-b e'],
  ]) {
    const refused = await change(bridges)
    assert.deepEqual([refused.status, refused.code], [400, 'input_invalid'])
  }
  const made = await admin.call('apps.update', {
    parameters: { appId: 'quiet' },
    body: { settings: { bridges: ['live/+ <- private-live-$1 e'] } },
  })
  assert.equal(made.status, 200)
  const carol = await device('live/#', CAROL)
  await library(server, QUIET).trigger('private-live-1', 'e', 'now')
  await until('the new bridge carries', () => carol.received.length === 1)
  await carol.end()
})

test('an event a backend was answered for outlives kill -9 for a device that was away', async () => {
  const session = { clientId: 'away', clean: false, properties: { sessionExpiryInterval: 3_600 } }
  const away = await device('rooms/kept/chat', BOB, session)
  await away.end()
  for (let number = 0; number < 5; number++) {
    await library(server, ROOMS).trigger('private-room-kept', 'client-message', { number })
  }
  clients.closeAll()
  await server.killHard()
  server = await start()
  const login = { ...loginOf(BOB), protocolVersion: 5, ...session } as const
  const back = await connect(server.mqtt, login)
  await until('all five', () => back.received.length === 5)
  assert.deepEqual(
    back.texts(),
    [0, 1, 2, 3, 4].map((number) => JSON.stringify({ number })),
  )
  await back.end()
})
