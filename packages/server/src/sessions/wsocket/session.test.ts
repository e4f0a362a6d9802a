import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  openWSocketWorld,
  type WSocketPeer,
  type WSocketWorld,
} from '../../../../../test/support/wsocket-world.ts'

let world: WSocketWorld
let key: string
beforeEach(async () => {
  world = await openWSocketWorld()
  key = await world.keyOf()
})

const connect = () => world.connect({ key })

async function connectAs(claims: Readonly<Record<string, unknown>>): Promise<WSocketPeer> {
  return world.connect({ token: await world.tokenOf(claims) })
}

const subscribe = (channel: string, rewind?: number) => ({ action: 'subscribe', channel, rewind })
const publish = (channel: string, id: string, data: unknown = { id }) => {
  return { action: 'publish', channel, id, data }
}

describe('subscribe and publish', () => {
  test('who subscribes gets what is published, the publisher too, and an ack by its id', async () => {
    const [ann, bob] = [await connect(), await connect()]
    expect(await ann.send(subscribe('chat:1'))).toEqual([
      { action: 'subscribed', channel: 'chat:1' },
    ])
    await bob.send(subscribe('chat:1'))
    const [message, ack] = await ann.send(publish('chat:1', 'm1', { text: 'hi' }))
    expect(message).toEqual({
      action: 'message',
      channel: 'chat:1',
      id: 'm1',
      data: { text: 'hi' },
      publisherId: ann.session.clientId,
      timestamp: expect.any(Number),
      sequence: 1,
    })
    const timestamp = message?.['timestamp']
    expect(ack).toEqual({ action: 'ack', id: 'm1', channel: 'chat:1', timestamp })
    expect(await bob.take()).toEqual([message ?? {}])
  })

  test('a subscription is not needed to publish, and said again is confirmed again', async () => {
    const ann = await connect()
    expect(await ann.send(publish('a', 'm1'))).toMatchObject([{ action: 'ack', id: 'm1' }])
    await ann.send(subscribe('a'))
    expect(await ann.send(subscribe('a', 5))).toEqual([{ action: 'subscribed', channel: 'a' }])
  })

  test('times rise over all channels, and sequences by one in each', async () => {
    const ann = await connect()
    await ann.send(subscribe('a'), subscribe('b'))
    const told = await ann.send(
      ...['a', 'b', 'a', 'b'].map((channel, index) => publish(channel, `m${index}`)),
    )
    const messages = told.filter(({ action }) => action === 'message')
    const times = messages.map(({ timestamp }) => Number(timestamp))
    expect(times).toEqual([...new Set(times)].sort((one, other) => one - other))
    expect(messages.map(({ sequence }) => sequence)).toEqual([1, 1, 2, 2])
  })

  test('the same message of the same publisher is acknowledged again and delivered once', async () => {
    const ann = await connect()
    await ann.send(subscribe('a'))
    const first = await ann.send(publish('a', 'm1'))
    const again = await (await connect()).send(publish('a', 'm1'))
    expect(again).toEqual(first.filter(({ action }) => action === 'ack'))
    expect(await ann.take()).toEqual([])
  })

  test('acks keep the order of publishing, also of what is not kept', async () => {
    const ann = await connect()
    const told = await ann.send(
      publish('a', 'm1'),
      { ...publish('a', 'm2'), persist: false },
      publish('b', 'm3'),
    )
    expect(told.map(({ id }) => id)).toEqual(['m1', 'm2', 'm3'])
  })

  test('an app may leave the publisher out', async () => {
    world.set('app', { echo: false })
    const [ann, bob] = [await connect(), await connect()]
    for (const each of [ann, bob]) await each.send(subscribe('a'))
    expect(await ann.send(publish('a', 'm1'))).toMatchObject([{ action: 'ack' }])
    expect(await bob.take()).toMatchObject([{ action: 'message', id: 'm1' }])
  })

  test('who has unsubscribed gets nothing more; it is idempotent', async () => {
    const ann = await connect()
    await ann.send(subscribe('a'))
    const unsubscribe = { action: 'unsubscribe', channel: 'a' }
    const told = [{ action: 'unsubscribed', channel: 'a' }]
    expect(await ann.send(unsubscribe)).toEqual(told)
    expect(await ann.send(unsubscribe)).toEqual(told)
    expect(await ann.send(publish('a', 'm1'))).toMatchObject([{ action: 'ack' }])
  })

  test('publisherId is who the client is: of its token, or as a server says', async () => {
    const ann = await connectAs({ sub: 'ann', channels: ['a'] })
    await ann.send(subscribe('a'))
    const [message] = await ann.send(publish('a', 'm1'))
    expect(message?.['publisherId']).toBe('ann')
    const bot = await world.connect({ key, clientId: 'bot' })
    await bot.send(publish('a', 'm2'))
    expect(await ann.take()).toMatchObject([{ publisherId: 'bot' }])
  })
})

describe('rewind and history', () => {
  const said = async (count: number) => {
    const ann = await connect()
    for (let index = 1; index <= count; index++) await ann.send(publish('a', `m${index}`))
    return ann
  }
  const idsOf = (messages: unknown) => (messages as { id: string }[]).map(({ id }) => id)

  test('a rewind comes after subscribed, oldest first, and before live messages', async () => {
    const ann = await said(4)
    await ann.send({ ...publish('a', 'gone'), persist: false })
    const bob = await connect()
    const told = await bob.send(subscribe('a', 2), publish('a', 'live'))
    expect(told.map(({ action, id }) => [action, id])).toEqual([
      ['subscribed', undefined],
      ['message', 'm3'],
      ['message', 'm4'],
      ['message', 'live'],
      ['ack', 'live'],
    ])
  })

  test('a page is newest first, or in the direction asked for, with what lies beyond', async () => {
    const ann = await said(5)
    const page = async (more: object) => {
      const [frame] = await ann.send({ action: 'history', channel: 'a', ...more })
      const messages = frame?.['messages']
      const hasMore = frame?.['hasMore']
      expect(frame).toMatchObject({ data: { channel: 'a', messages, hasMore } })
      return { ids: idsOf(messages), hasMore }
    }
    expect(await page({})).toEqual({ ids: ['m5', 'm4', 'm3', 'm2', 'm1'], hasMore: false })
    expect(await page({ limit: 2 })).toEqual({ ids: ['m5', 'm4'], hasMore: true })
    expect(await page({ limit: 2, direction: 'forward' })).toEqual({
      ids: ['m1', 'm2'],
      hasMore: true,
    })
    const [frame = {}] = await ann.send({ action: 'history', channel: 'a', limit: 5000 })
    const times = (frame['messages'] as { timestamp: number }[]).map((each) => each.timestamp)
    const [before, , , after] = times
    expect(await page({ before, after })).toEqual({ ids: ['m4', 'm3'], hasMore: false })
  })

  test('a page asked for at once has what was published just before it', async () => {
    const ann = await connect()
    const told = await ann.send(publish('a', 'm1'), { action: 'history', channel: 'a' })
    expect(told.map(({ action }) => action)).toEqual(['ack', 'history'])
    expect(idsOf(told[1]?.['messages'])).toEqual(['m1'])
  })

  test('who may only subscribe is told so, and subscribed without a rewind', async () => {
    await said(2)
    const bob = await connectAs({ channels: ['a'] })
    const forbidden = { error: 'Not permitted to read history on channel', code: 'forbidden' }
    expect(await bob.send(subscribe('a', 2))).toEqual([
      { action: 'error', ...forbidden, channel: 'a' },
      { action: 'subscribed', channel: 'a' },
    ])
    expect(await bob.send({ action: 'history', channel: 'a' })).toEqual([
      { action: 'error', ...forbidden, channel: 'a' },
    ])
  })

  test('where nothing is kept, history says so', async () => {
    world.set('app', { history: [] })
    const ann = await said(1)
    expect(await ann.send({ action: 'history', channel: 'a' })).toMatchObject([
      { action: 'error', code: 'history_disabled', channel: 'a' },
    ])
  })
})

describe('presence', () => {
  const enter = (data?: object) => ({ action: 'presence.enter', channel: 'a', data })
  const get = { action: 'presence.get', channel: 'a' }

  test('whoever is subscribed hears who enters, updates and leaves', async () => {
    const ann = await connectAs({ sub: 'ann', channels: { a: ['subscribe', 'presence'] } })
    const bob = await connect()
    for (const each of [ann, bob]) await each.send(subscribe('a'))
    const told = await ann.send(enter({ name: 'Ann' }), {
      action: 'presence.update',
      channel: 'a',
      data: { name: 'A' },
    })
    const joinedAt = world.time.ms
    expect(told).toEqual([
      {
        action: 'presence.enter',
        channel: 'a',
        clientId: 'ann',
        joinedAt,
        data: { clientId: 'ann', joinedAt, data: { name: 'Ann' }, name: 'Ann' },
      },
      {
        action: 'presence.update',
        channel: 'a',
        clientId: 'ann',
        joinedAt,
        data: { clientId: 'ann', joinedAt, data: { name: 'A' }, name: 'A' },
      },
    ])
    expect(await bob.take()).toEqual(told)
    const members = [{ clientId: 'ann', joinedAt, data: { name: 'A' } }]
    expect(await bob.send(get)).toEqual([
      { action: 'presence.members', channel: 'a', members, data: members },
    ])
    await ann.send({ action: 'presence.leave', channel: 'a' })
    expect(await bob.take()).toMatchObject([{ action: 'presence.leave', clientId: 'ann' }])
    expect(await bob.send(get)).toMatchObject([{ members: [], data: [] }])
  })

  test('an update before is an entrance, and unsubscribing leaves', async () => {
    const [ann, bob] = [await connect(), await connect()]
    for (const each of [ann, bob]) await each.send(subscribe('a'))
    await ann.send({ action: 'presence.update', channel: 'a', data: {} })
    await ann.send({ action: 'unsubscribe', channel: 'a' })
    const told = await bob.take()
    expect(told.map(({ action }) => action)).toEqual(['presence.enter', 'presence.leave'])
  })

  test('outlasts a connection that broke by the grace, and no longer', async () => {
    const ann = await connectAs({ sub: 'ann', channels: { a: ['subscribe', 'presence'] } })
    const bob = await connect()
    await bob.send(subscribe('a'))
    await ann.send(enter())
    ann.drop()
    world.messageHub.tick()
    expect(await bob.take()).toMatchObject([{ action: 'presence.enter' }])
    world.time.ms += 10_001
    world.messageHub.tick()
    expect(await bob.take()).toMatchObject([{ action: 'presence.leave', clientId: 'ann' }])
  })

  test('has a state of bounded size, and a permission of its own', async () => {
    const ann = await connect()
    expect(await ann.send(enter({ text: 'x'.repeat(5_000) }))).toMatchObject([
      { action: 'error', code: 'message_too_large', channel: 'a' },
    ])
    const bob = await connectAs({ channels: ['a'] })
    const forbidden = { error: 'Not permitted to use presence on channel', code: 'forbidden' }
    expect(await bob.send(enter(), get)).toEqual([
      { action: 'error', ...forbidden, channel: 'a' },
      { action: 'error', ...forbidden, channel: 'a' },
    ])
  })
})

describe('what is refused', () => {
  test.each<[string, unknown, object]>([
    ['no JSON', '{', { error: 'Malformed message', code: 'invalid_json' }],
    ['no frame', { action: 'subscribe' }, { error: 'Malformed message', code: 'invalid_frame' }],
    ['an action', { action: 'fly' }, { error: 'Unknown action', code: 'unknown_action' }],
    [
      'a channel name',
      publish('a b', 'm1'),
      { error: 'Invalid channel name', code: 'invalid_channel', channel: 'a b', id: 'm1' },
    ],
    [
      'a reserved channel',
      subscribe('support:org:conv:1'),
      { error: 'Invalid channel name', code: 'invalid_channel' },
    ],
    [
      'a large message',
      publish('a', 'm1', 'x'.repeat(70_000)),
      { error: 'Message too large', code: 'message_too_large', channel: 'a', id: 'm1' },
    ],
  ])('%s is told in the words of the contract, and it lives', async (_what, frame, error) => {
    const ann = await connect()
    expect(await ann.send(frame)).toMatchObject([{ action: 'error', ...error }])
    expect(await ann.send({ action: 'ping' })).toEqual([{ action: 'pong' }])
  })

  test('a channel that the credential does not name, for each action in its words', async () => {
    const ann = await connectAs({ channels: { b: ['subscribe', 'publish'] } })
    const [one, other] = await ann.send(subscribe('a'), publish('a', 'm1'))
    const forbidden = { action: 'error', code: 'forbidden', channel: 'a' }
    expect(one).toEqual({ ...forbidden, error: 'Not permitted to subscribe on channel' })
    expect(other).toEqual({ ...forbidden, error: 'Not permitted to publish on channel', id: 'm1' })
    expect(world.denials.map(({ action }) => action)).toEqual(['topic.denied', 'topic.denied'])
  })

  test('the fifth malformed frame in ten seconds ends the connection with 1008', async () => {
    const ann = await connect()
    await ann.send('{', '[', '1', '"')
    world.time.ms += 10_000
    await ann.send('{', '[', '1')
    expect(ann.outbox.closed).toBeUndefined()
    await ann.send('x', 'y')
    expect(ann.outbox.closed?.code).toBe(1008)
  })

  test('a binary frame is told and ends the connection with 1003', async () => {
    const ann = await connect()
    ann.session.receive(new Uint8Array([1]))
    expect(await ann.take()).toMatchObject([{ action: 'error', error: 'Malformed message' }])
    expect(ann.outbox.closed?.code).toBe(1003)
  })
})

describe('limits', () => {
  const limited = { action: 'error', error: 'Rate limit exceeded', code: 'rate_limited' }

  test.each([
    ['app', 'publish.app 2/1m'],
    ['channel', 'publish.channel 2/1m'],
    ['user', 'publish.user 2/1m'],
  ])('of the %s alone: not delivered, no ack, told in the exact words', async (tier, limit) => {
    const ann = await connectAs({ sub: 'ann', channels: ['a'] })
    world.set('app', { limits: [limit] })
    await ann.send(subscribe('a'))
    const told = await ann.send(publish('a', 'm1'), publish('a', 'm2'), publish('a', 'm3'))
    expect(told.filter(({ action }) => action === 'message').map(({ id }) => id)).toEqual([
      'm1',
      'm2',
    ])
    expect(told.filter(({ action }) => action === 'error')).toEqual([
      { ...limited, tier, retryAfter: expect.any(Number), channel: 'a', id: 'm3' },
    ])
  })

  test('are told at most once a second', async () => {
    world.set('app', { limits: ['publish.app 1/1m'] })
    const ann = await connect()
    await ann.send(publish('a', 'm0'))
    const flood = Array.from({ length: 20 }, (_, index) => publish('a', `f${index}`))
    expect(await ann.send(...flood)).toHaveLength(1)
    world.time.ms += 1_000
    expect(await ann.send(...flood)).toHaveLength(1)
  })

  test('of presence are those of messages: entering floods as well', async () => {
    world.set('app', { limits: ['publish.channel 1/1m'] })
    const ann = await connect()
    const enter = { action: 'presence.enter', channel: 'a', data: {} }
    expect(await ann.send(enter, enter)).toMatchObject([{ ...limited, tier: 'channel' }])
  })

  test('of subscriptions: how many in a time, and how many at a time', async () => {
    world.set('app', { limits: ['subscriptions.connection 2'] })
    const ann = await connect()
    const told = await ann.send(subscribe('a'), subscribe('b'), subscribe('c'), subscribe('a'))
    expect(told.map(({ action, code }) => code ?? action)).toEqual([
      'subscribed',
      'subscribed',
      'limit_exceeded',
      'subscribed',
    ])
    world.set('app', { limits: ['subscribe.user 1/1m'] })
    const bob = await connect()
    expect(await bob.send(subscribe('a'), subscribe('b'))).toMatchObject([{}, limited])
  })
})

describe('the end of a connection', () => {
  test('comes 30 s after that of its token, told with 4401', async () => {
    const ann = await connectAs({ sub: 'ann', channels: ['a'] })
    world.time.ms += 600_000 + 29_000
    ann.session.tick(world.time.ms)
    expect(ann.outbox.closed).toBeUndefined()
    world.time.ms += 1_000
    ann.session.tick(world.time.ms)
    expect(ann.outbox.closed?.code).toBe(4401)
    expect(await ann.take()).toMatchObject([{ action: 'error', code: 'token_expired' }])
  })

  test('is a day after the handshake where the app asks for that alone', async () => {
    const ann = await connectAs({ sub: 'ann', channels: ['a'] })
    world.set('app', { expiry: 'handshake' })
    world.time.ms += 3_600_000
    ann.session.tick(world.time.ms)
    expect(ann.outbox.closed).toBeUndefined()
    world.time.ms += 24 * 3_600_000
    ann.session.tick(world.time.ms)
    expect(ann.outbox.closed?.code).toBe(4401)
  })

  test('comes with that of its key, 4401, and of no other', async () => {
    const other = await world.connect({ key: await world.keyOf(['subscribe']) })
    const { value = '', credential } = await world.make('api_key', { name: 'revoked' })
    const ann = await world.connect({ key: value })
    await world.core.changes.revoke({ credentialId: credential.id, reason: 'lost' }, CALLER)
    expect(await ann.take()).toMatchObject([{ action: 'error', code: 'authority_revoked' }])
    expect(ann.outbox.closed?.code).toBe(4401)
    expect(other.outbox.closed).toBeUndefined()
  })

  test('comes with that of the grace of a rotated key; the new one goes on', async () => {
    const { value: old = '', credential } = await world.make('api_key', { name: 'rotated' })
    const rotation = { credentialId: credential.id, overlapMs: 60_000 }
    const rotated = await world.core.changes.rotate(rotation, CALLER)
    const fresh = rotated.ok ? (rotated.value.value ?? '') : ''
    const [ann, bob] = [await world.connect({ key: old }), await world.connect({ key: fresh })]
    world.time.ms += 60_000
    await world.core.deadlines.check()
    expect([ann.outbox.closed?.code, bob.outbox.closed]).toEqual([4401, undefined])
    expect(await world.upgrade({ key: old })).toMatchObject({ refusal: 'credential_invalid' })
    expect(await world.upgrade({ key: fresh })).toMatchObject({ kind: 'session' })
  })

  test('comes with a user that is terminated, and an app that is suspended: 4403', async () => {
    const ann = await connectAs({ sub: 'ann', channels: ['a'] })
    const bob = await connectAs({ sub: 'bob', channels: ['a'] })
    world.hub.terminateUser(ann.session.space, 'ann')
    expect(ann.outbox.closed?.code).toBe(4403)
    expect(bob.outbox.closed).toBeUndefined()
    world.set('app', { enabled: false })
    bob.session.end('authority_revoked')
    expect(bob.outbox.closed?.code).toBe(4403)
    expect(await bob.take()).toMatchObject([{ action: 'error', code: 'app_disabled' }])
  })

  test('is the end of everything it was in, and nothing is sent afterwards', async () => {
    const [ann, bob] = [await connect(), await connect()]
    for (const each of [ann, bob]) await each.send(subscribe('a'))
    ann.session.end('draining')
    expect(ann.outbox.closed?.code).toBe(1001)
    await ann.take()
    ann.drop()
    await bob.send(publish('a', 'm1'))
    expect(await ann.take()).toEqual([])
    expect(ann.session.channels.size).toBe(0)
    expect(ann.session.space.connections.size).toBe(1)
  })

  test('that came while somebody was asked who this is finds it all the same', async () => {
    const { value = '', credential } = await world.make('api_key', { name: 'late' })
    const admission = await world.upgrade({ key: value })
    if (admission?.kind !== 'session') throw new Error('not let in')
    await world.core.changes.revoke({ credentialId: credential.id, reason: 'lost' }, CALLER)
    const ann = world.started(admission)
    expect(ann.outbox.closed?.code).toBe(4401)
    expect(world.hub.space(world.loaded('app').app).connections.size).toBe(0)
  })
})

test('who comes back without the right to presence is not present any more', async () => {
  const bob = await connect()
  await bob.send(subscribe('a'))
  const presence = { a: ['subscribe', 'presence'] }
  const ann = await connectAs({ sub: 'ann', channels: presence })
  await ann.send(subscribe('a'), { action: 'presence.enter', channel: 'a' })
  ann.drop()
  await bob.take()
  const again = await connectAs({ sub: 'ann', channels: presence })
  await again.send(subscribe('a'))
  expect(await bob.take()).toEqual([])
  again.drop()
  const narrowed = await connectAs({ sub: 'ann', channels: { a: ['subscribe'] } })
  await narrowed.send(subscribe('a'))
  expect(await bob.take()).toMatchObject([{ action: 'presence.leave', clientId: 'ann' }])
})

describe('rules that change', () => {
  test('take a member away that is not subscribed, and tell it', async () => {
    const { value = '', credential } = await world.make('api_key', { name: 'narrowed' })
    const [ann, bob] = [await world.connect({ key: value }), await connect()]
    await bob.send(subscribe('a'))
    await ann.send({ action: 'presence.enter', channel: 'a' })
    await bob.take()
    const scopes = ['subscribe', 'publish']
    await world.core.changes.update({ credentialId: credential.id, scopes }, CALLER)
    expect(await bob.take()).toMatchObject([{ action: 'presence.leave', channel: 'a' }])
    const told = await ann.take()
    expect(told).toMatchObject([{ action: 'error', code: 'forbidden', channel: 'a' }])
  })

  test('take away what a key may no longer have, and leave the rest', async () => {
    const { value = '', credential } = await world.make('api_key', { name: 'narrowed' })
    const ann = await world.connect({ key: value })
    await ann.send(subscribe('a'), subscribe('b'))
    const scopes = ['subscribe:b', 'publish']
    await world.core.changes.update({ credentialId: credential.id, scopes }, CALLER)
    expect(await ann.take()).toMatchObject([
      { action: 'error', code: 'forbidden', channel: 'a' },
      { action: 'unsubscribed', channel: 'a' },
    ])
    const told = await ann.send(publish('a', 'm1'), publish('b', 'm2'))
    const messages = told.filter(({ action }) => action === 'message')
    expect(messages.map(({ id }) => id)).toEqual(['m2'])
  })
})
