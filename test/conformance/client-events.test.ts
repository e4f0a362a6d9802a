/** Events from client to client: who may send which, and what arrives. */
import assert from 'node:assert/strict'
import { subscribed } from '../support/clients.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { channelAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { collect, until } from '../support/wait.ts'
import { errorCode, Wire } from '../support/wire.ts'

const APP = app('events', { clientMessages: true, clientEventsPerSecondMax: 1000 })
const QUIET = app('quiet', { clientMessages: false })
const LIMITED = app('limited', { clientMessages: true, clientEventsPerSecondMax: 10 })

const it = serving({ apps: [APP, QUIET, LIMITED] })

const MEMBER = JSON.stringify({ user_id: 'real', user_info: { name: 'Real' } })

interface Pair {
  readonly sender: Wire
  readonly receiver: Wire
}

/** Two sockets joined to one channel. */
async function pairOn(target: typeof APP, channel: string): Promise<Pair> {
  const sender = await Wire.open(it.server, target)
  const receiver = await Wire.open(it.server, target)
  const isPresence = channel.startsWith('presence-')
  await sender.join(target, channel, isPresence ? MEMBER : undefined)
  const other = JSON.stringify({ user_id: 'other' })
  await receiver.join(target, channel, isPresence ? other : undefined)
  return { sender, receiver }
}

/** Sends `frame` and requires an error for the sender and silence for the receiver. */
async function refused({ sender, receiver }: Pair, frame: Record<string, unknown>): Promise<void> {
  sender.send(frame)
  await sender.next('pusher:error')
  await receiver.fence()
  assert.equal(receiver.all(String(frame['event'])).length, 0, JSON.stringify(frame))
}

test('a client event on a private channel reaches the others as sent, never its sender', async () => {
  for (const channel of ['private-chat', 'private-cache-chat']) {
    const { sender, receiver } = await pairOn(APP, channel)
    const data = { text: 'hi ✓', list: [1, null, { deep: true }] }
    sender.send({ event: 'client-typing', channel, data })
    assert.deepEqual(await receiver.next('client-typing'), {
      event: 'client-typing',
      channel,
      data,
    })
    await sender.fence()
    assert.equal(sender.all('client-typing').length, 0)
    assert.equal(sender.all('pusher:error').length, 0)
    await Promise.all([sender.close(), receiver.close()])
  }
})

test('data of any JSON type are forwarded as that type', async () => {
  const { sender, receiver } = await pairOn(APP, 'private-types')
  for (const data of [
    'text',
    '{"json":"as text"}',
    0,
    -1.5,
    true,
    null,
    [],
    {},
    ['a', { b: [] }],
  ]) {
    sender.send({ event: 'client-any', channel: 'private-types', data })
    assert.deepEqual((await receiver.next('client-any')).data, data)
  }
  await Promise.all([sender.close(), receiver.close()])
})

test("on presence channels the sender's user_id is added from what the server knows", async () => {
  for (const channel of ['presence-chat', 'presence-cache-chat']) {
    const { sender, receiver } = await pairOn(APP, channel)
    const spoof = { user_id: 'forged', socket_id: '1.1', extra: 'x', tags: {} }
    sender.send({ event: 'client-typing', channel, data: { a: 1 }, ...spoof })
    assert.deepEqual(await receiver.next('client-typing'), {
      event: 'client-typing',
      channel,
      data: { a: 1 },
      user_id: 'real',
    })
    await sender.fence()
    assert.equal(sender.all('client-typing').length, 0)
    await Promise.all([sender.close(), receiver.close()])
  }
})

test('nothing but event, channel and data is forwarded on a private channel', async () => {
  const { sender, receiver } = await pairOn(APP, 'private-strip')
  const extra = { user_id: 'forged', name: 'x', socket_id: '1.1' }
  sender.send({ event: 'client-a', channel: 'private-strip', data: 1, ...extra })
  const frame = await receiver.next('client-a')
  assert.deepEqual(frame, { event: 'client-a', channel: 'private-strip', data: 1 })
  await Promise.all([sender.close(), receiver.close()])
})

test('a numeric presence user_id is a string in client events', async () => {
  const receiver = await Wire.open(it.server, APP)
  await receiver.join(APP, 'presence-numeric', MEMBER)
  const sender = await Wire.open(it.server, APP)
  await sender.join(APP, 'presence-numeric', '{"user_id":10}')
  sender.send({ event: 'client-n', channel: 'presence-numeric', data: {} })
  assert.equal((await receiver.next('client-n')).user_id, '10')
  await Promise.all([sender.close(), receiver.close()])
})

test('pusher-js hears a client event with the user id in its metadata', async () => {
  const sender = await it.clients.connected(APP, { member: { user_id: 'sender' } })
  const receiver = await it.clients.connected(APP, { member: { user_id: 'receiver' } })
  const from = await subscribed(sender, 'presence-library')
  const to = await subscribed(receiver, 'presence-library')
  const heard: unknown[] = []
  to.bind('client-wave', (data: unknown, metadata: unknown) => heard.push([data, metadata]))
  const echoed = collect<unknown>(from, 'client-wave')
  assert.ok(from.trigger('client-wave', { hand: 'left' }))
  await until('the wave', () => heard.length > 0)
  assert.deepEqual(heard, [[{ hand: 'left' }, { user_id: 'sender' }]])
  assert.deepEqual(echoed, [])
  for (const client of [sender, receiver]) client.disconnect()
})

test('client events on public, encrypted and user channels are refused', async () => {
  const channels = ['chat', 'cache-chat', 'private-encrypted-chat', 'private-encrypted-cache-chat']
  for (const channel of channels) {
    const pair = await pairOn(APP, channel)
    await refused(pair, { event: 'client-x', channel, data: {} })
    await Promise.all([pair.sender.close(), pair.receiver.close()])
  }
  const sender = await Wire.open(it.server, APP)
  const receiver = await Wire.open(it.server, APP)
  await sender.signin(APP, { id: 'me' })
  await receiver.signin(APP, { id: 'me' })
  const channel = '#server-to-user-me'
  await sender.join(APP, channel)
  await receiver.join(APP, channel)
  await refused({ sender, receiver }, { event: 'client-x', channel, data: {} })
  await Promise.all([sender.close(), receiver.close()])
})

test('a socket that is not subscribed cannot send, even with a signature or after it left', async () => {
  const receiver = await Wire.open(it.server, APP)
  await receiver.join(APP, 'private-members')
  const outsider = await Wire.open(it.server, APP)
  const auth = channelAuth(APP, outsider.socketId, 'private-members')
  const frame = { event: 'client-x', channel: 'private-members', data: {}, auth }
  await refused({ sender: outsider, receiver }, frame)
  await outsider.join(APP, 'private-members')
  outsider.send({ event: 'pusher:unsubscribe', data: { channel: 'private-members' } })
  await refused({ sender: outsider, receiver }, frame)
  await Promise.all([outsider.close(), receiver.close()])
})

test('with the switch off no client event passes', async () => {
  for (const channel of ['private-chat', 'presence-chat']) {
    const pair = await pairOn(QUIET, channel)
    await refused(pair, { event: 'client-x', channel, data: {} })
    await Promise.all([pair.sender.close(), pair.receiver.close()])
  }
})

test('only names that begin with client- pass; names of the protocol never do', async () => {
  const pair = await pairOn(APP, 'private-names')
  const names = [
    'x-client-typing',
    'Client-typing',
    'typing',
    'client',
    'pusher:subscription_succeeded',
    'pusher_internal:member_added',
    'pusher_internal:subscription_succeeded',
    `client-${'x'.repeat(194)}`,
  ]
  for (const event of names) {
    const { sender, receiver } = pair
    const before = receiver.frames.length
    sender.send({ event, channel: 'private-names', data: '{"user_id":"ghost"}' })
    await sender.fence()
    await receiver.fence()
    assert.equal(receiver.frames.length, before + 1, `${event} passed`)
  }
  await Promise.all([pair.sender.close(), pair.receiver.close()])
})

test('a client event over the size limit is refused and the socket stays', async () => {
  const pair = await pairOn(APP, 'private-size')
  const channel = 'private-size'
  await refused(pair, { event: 'client-big', channel, data: 'x'.repeat(10_241) })
  pair.sender.send({ event: 'client-fits', channel, data: 'x'.repeat(10_000) })
  await pair.receiver.next('client-fits')
  await Promise.all([pair.sender.close(), pair.receiver.close()])
})

test('over 10 events a second get 4301 frames; the socket stays and others are not slowed', async () => {
  const { sender, receiver } = await pairOn(LIMITED, 'private-rate')
  const bystander = await Wire.open(it.server, LIMITED)
  await bystander.join(LIMITED, 'private-rate')
  for (let index = 0; index < 60; index++) {
    sender.send({ event: 'client-burst', channel: 'private-rate', data: index })
  }
  bystander.send({ event: 'client-calm', channel: 'private-rate', data: {} })
  await sender.fence()
  await receiver.next('client-calm')
  await receiver.fence()
  const delivered = receiver.all('client-burst').map(({ data }) => Number(data))
  const errors = sender.all('pusher:error')
  assert.ok(delivered.length >= 10, `${delivered.length} delivered`)
  assert.ok(delivered.length < 60, 'the limit holds')
  assert.deepEqual(
    delivered,
    [...delivered].sort((a, b) => a - b),
  )
  assert.ok(errors.length > 0)
  assert.deepEqual([...new Set(errors.map(errorCode))], [4301])
  await until('the budget refills', async () => {
    sender.send({ event: 'client-again', channel: 'private-rate', data: {} })
    await receiver.fence()
    return receiver.all('client-again').length > 0
  })
  await Promise.all([sender.close(), receiver.close(), bystander.close()])
})
