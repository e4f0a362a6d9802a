/** Presence: who is there, who came, who left, each told once per user. */
import assert from 'node:assert/strict'
import type { PresenceChannel } from 'pusher-js'
import { subscribed } from '../support/clients.ts'
import { get } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { channelAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { collect, until } from '../support/wait.ts'
import { dataOf, Wire } from '../support/wire.ts'

const APP = app('presence')
const TINY = app('tiny', { presenceMemberCountMax: 2, presenceMemberBytesMax: 256 })

const it = serving({ apps: [APP, TINY] })

interface PresenceData {
  readonly presence: {
    readonly ids: readonly (string | number)[]
    readonly hash: Readonly<Record<string, unknown>>
    readonly count: number
  }
}

function member(userId: string | number, userInfo?: unknown): string {
  return JSON.stringify({ user_id: userId, user_info: userInfo })
}

/** The user ids the HTTP API lists. */
async function listedUsers(target: typeof APP, channel: string): Promise<string[]> {
  const answer = await get(it.server, target, [`/channels/${channel}/users`])
  const { users } = JSON.parse(answer.body) as { users: { id: string }[] }
  return users.map(({ id }) => id).sort()
}

test('pusher-js sees members, itself, arrivals and departures', async () => {
  const alice = await it.clients.connected(APP, {
    member: { user_id: 'alice', user_info: { name: 'Alice' } },
  })
  const room = (await subscribed(alice, 'presence-room')) as PresenceChannel
  assert.equal(room.members.count, 1)
  assert.deepEqual(room.members.me, { id: 'alice', info: { name: 'Alice' } })
  const added = collect<{ id: string; info: unknown }>(room, 'pusher:member_added')
  const removed = collect<{ id: string }>(room, 'pusher:member_removed')

  const bob = await it.clients.connected(APP, { member: { user_id: 'bob' } })
  const bobRoom = (await subscribed(bob, 'presence-room')) as PresenceChannel
  assert.equal(bobRoom.members.count, 2)
  assert.deepEqual(bobRoom.members.get('alice'), { id: 'alice', info: { name: 'Alice' } })
  await until('bob is announced', () => added.length > 0)
  assert.deepEqual(
    added.map(({ id }) => id),
    ['bob'],
  )
  bob.disconnect()
  await until('bob is gone', () => removed.length > 0)
  assert.deepEqual(
    removed.map(({ id }) => id),
    ['bob'],
  )
  assert.equal(room.members.count, 1)
  alice.disconnect()
})

test('the frames carry ids, hash and count, a null for no user_info, all as JSON strings', async () => {
  const first = await Wire.open(it.server, APP)
  const joined = await first.join(APP, 'presence-shape', member('a', { n: [1, { deep: '✓' }] }))
  assert.deepEqual(Object.keys(joined).sort(), ['channel', 'data', 'event'])
  assert.deepEqual(dataOf(joined), {
    presence: { ids: ['a'], hash: { a: { n: [1, { deep: '✓' }] } }, count: 1 },
  })
  const second = await Wire.open(it.server, APP)
  const both = dataOf(await second.join(APP, 'presence-shape', member('b'))) as PresenceData
  assert.equal(both.presence.count, 2)
  assert.deepEqual(
    both.presence.ids.map(String).sort((a, b) => a.localeCompare(b)),
    ['a', 'b'],
  )
  assert.equal(both.presence.hash['b'], null)

  const added = await first.next('pusher_internal:member_added', 'presence-shape')
  assert.equal((dataOf(added) as { user_id: string }).user_id, 'b')
  second.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-shape' } })
  const removed = await first.next('pusher_internal:member_removed', 'presence-shape')
  assert.deepEqual(dataOf(removed), { user_id: 'b' })
  await second.fence()
  assert.equal(second.all('pusher_internal:member_added').length, 0, 'never told of itself')
  await Promise.all([first.close(), second.close()])
})

test('a user with three tabs is added once and removed once, however the tabs go', async () => {
  const witness = await Wire.open(it.server, APP)
  await witness.join(APP, 'presence-tabs', member('witness'))
  const tabs = await Promise.all([1, 2, 3].map(() => Wire.open(it.server, APP)))
  const [one, two, three] = tabs
  assert.ok(one && two && three)
  for (const tab of tabs) {
    const { presence } = dataOf(
      await tab.join(APP, 'presence-tabs', member('user')),
    ) as PresenceData
    assert.equal(presence.count, 2)
  }
  await one.join(APP, 'presence-tabs', member('user'))
  await one.close()
  two.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-tabs' } })
  await two.fence()
  assert.deepEqual(await listedUsers(APP, 'presence-tabs'), ['user', 'witness'])
  await witness.fence()
  assert.equal(witness.all('pusher_internal:member_removed').length, 0)
  three.cut()
  await witness.next('pusher_internal:member_removed', 'presence-tabs')
  await witness.fence()
  assert.equal(witness.all('pusher_internal:member_added').length, 1)
  assert.equal(witness.all('pusher_internal:member_removed').length, 1)
  assert.equal(three.all('pusher_internal:member_added').length, 0)
  await Promise.all([witness.close(), two.close()])
})

test('a numeric user_id works and comes back as the number it was', async () => {
  const witness = await Wire.open(it.server, APP)
  await witness.join(APP, 'presence-numbers', member('witness'))
  const wire = await Wire.open(it.server, APP)
  const joined = await wire.join(APP, 'presence-numbers', member(10, { name: 'Ten' }))
  assert.deepEqual((dataOf(joined) as PresenceData).presence.hash['10'], { name: 'Ten' })
  const added = await witness.next('pusher_internal:member_added')
  assert.equal((dataOf(added) as { user_id: unknown }).user_id, 10)
  assert.deepEqual(await listedUsers(APP, 'presence-numbers'), ['10', 'witness'])

  const sameUser = await Wire.open(it.server, APP)
  await sameUser.join(APP, 'presence-numbers', member('10'))
  await witness.fence()
  assert.equal(witness.all('pusher_internal:member_added').length, 1, '10 and "10" are one user')
  await Promise.all([witness.close(), wire.close(), sameUser.close()])
})

test('ids that are names of object properties are users like any other', async () => {
  const wire = await Wire.open(it.server, APP)
  for (const id of ['__proto__', 'constructor', 'toString']) {
    const channel = `presence-names-${id}`
    const { presence } = dataOf(await wire.join(APP, channel, member(id, { x: 1 }))) as PresenceData
    assert.deepEqual(Object.entries(presence.hash), [[id, { x: 1 }]])
    assert.deepEqual(await listedUsers(APP, channel), [id])
  }
  await wire.close()
})

test('a full channel refuses new users and admits the second tab of a member', async () => {
  const channel = 'presence-full'
  const [a, b, c, secondTab] = await Promise.all([1, 2, 3, 4].map(() => Wire.open(it.server, TINY)))
  assert.ok(a && b && c && secondTab)
  await a.join(TINY, channel, member('a'))
  await b.join(TINY, channel, member('b'))
  const data = member('c')
  c.subscribe(channel, channelAuth(TINY, c.socketId, channel, data), data)
  const error = await c.next('pusher:subscription_error', channel)
  assert.equal((error.data as { status: number }).status, 4100)
  await secondTab.join(TINY, channel, member('a'))
  await b.close()
  await until('the place is free', async () => (await listedUsers(TINY, channel)).length === 1)
  await c.join(TINY, channel, data)
  assert.deepEqual(await listedUsers(TINY, channel), ['a', 'c'])
  await Promise.all([a.close(), c.close(), secondTab.close()])
})

test('a member object over the limit is refused with 4301 and leaves no trace', async () => {
  const wire = await Wire.open(it.server, TINY)
  const channel = 'presence-heavy'
  const data = member('a', { text: 'x'.repeat(300) })
  wire.subscribe(channel, channelAuth(TINY, wire.socketId, channel, data), data)
  const error = await wire.next('pusher:subscription_error', channel)
  assert.equal((error.data as { status: number }).status, 4301)
  await wire.join(TINY, channel, member('a', { text: 'x'.repeat(100) }))
  await wire.close()
})

test('channel data without a usable user_id are refused, signed or not', async () => {
  const wire = await Wire.open(it.server, APP)
  const channel = 'presence-bad-data'
  const bad = [
    'no json',
    '',
    'null',
    '[]',
    '"u"',
    '{}',
    '{"user_id":""}',
    '{"user_id":null}',
    '{"user_id":{"a":1}}',
    '{"user_id":true}',
    `{"user_id":"${'x'.repeat(129)}"}`,
    '['.repeat(5000),
  ]
  for (const data of bad) {
    wire.subscribe(channel, channelAuth(APP, wire.socketId, channel, data), data)
    await wire.next('pusher:subscription_error', channel)
  }
  wire.subscribe(channel, channelAuth(APP, wire.socketId, channel))
  await wire.next('pusher:subscription_error', channel)
  await wire.join(APP, channel, member('x'.repeat(128)))
  await wire.close()
})

test('a signed-in connection joins presence without channel data, as its user', async () => {
  const client = await it.clients.signedIn(APP, {
    user: { id: 'signed', user_info: { name: 'Signed In' } },
  })
  const room = (await subscribed(client, 'presence-signed')) as PresenceChannel
  assert.deepEqual(room.members.me, { id: 'signed', info: { name: 'Signed In' } })
  assert.deepEqual(await listedUsers(APP, 'presence-signed'), ['signed'])
  client.disconnect()
})

test('a socket that names two users in turn leaves neither behind', async () => {
  const wire = await Wire.open(it.server, APP)
  const channel = 'presence-turncoat'
  await wire.join(APP, channel, member('first'))
  const data = member('second')
  wire.subscribe(channel, channelAuth(APP, wire.socketId, channel, data), data)
  await wire.fence()
  assert.equal((await listedUsers(APP, channel)).length, 1)
  await wire.close()
  await until('nobody is left', async () => (await listedUsers(APP, channel)).length === 0)
})

test('hundreds of comings and goings leave the list empty', async () => {
  const channel = 'presence-churn'
  const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.open(it.server, APP)))
  for (let round = 0; round < 10; round++) {
    for (const [index, wire] of wires.entries()) {
      const data = member(`user-${index % 5}`)
      wire.subscribe(channel, channelAuth(APP, wire.socketId, channel, data), data)
      if (round < 9) wire.send({ event: 'pusher:unsubscribe', data: { channel } })
    }
  }
  await Promise.all(wires.map((wire) => wire.fence()))
  assert.equal((await listedUsers(APP, channel)).length, 5)
  for (const [index, wire] of wires.entries()) {
    if (index % 2 === 0) wire.cut()
    else await wire.close()
  }
  await until('nobody is left', async () => (await listedUsers(APP, channel)).length === 0)
})
