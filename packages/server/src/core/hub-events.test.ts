import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { hearing } from '../../../../test/support/heard-events.ts'
import { pusherWorld } from '../../../../test/support/pusher-world.ts'
import { RecordingFanout } from '../../../../test/support/recording-fanout.ts'
import { createMemoryBus } from '../adapters/broker-memory/broker.ts'
import { Hub } from './hub.ts'
import { LiveEvents } from './live-events.ts'
import { COUNT_INTERVAL_MS } from './subscription-counts.ts'

const member = (id: string | number) => JSON.stringify({ user_id: id })
const SERVER = { origin: 'server', userId: undefined, exceptConnectionId: undefined } as const

function address(name: string) {
  return { name, kind: 'public' as const, isCache: false, ownerId: undefined }
}

describe('connections', () => {
  test('are told when they open and close, with the reason and how long they were there', () => {
    const world = pusherWorld()
    const heard = hearing(world.events, ['connection.opened', 'connection.closed'])
    const client = world.connect()
    const who = { connectionId: client.session.id, protocol: 'pusher', ip: '192.0.2.1' }
    expect(heard.take()).toEqual([['connection.opened', who]])
    world.time.ms += 2_500
    client.session.closed()
    client.session.closed()
    const closed = { ...who, durationMs: 2_500, reason: 'client' }
    expect(heard.take()).toEqual([['connection.closed', closed]])
    const cut = world.connect()
    cut.session.end('slow_consumer')
    cut.session.closed()
    expect(heard.take().at(-1)?.[1]).toMatchObject({ reason: 'slow_consumer' })
    expect(heard.all[0]).toMatchObject({ tenantId: 'tenant', appId: 'app' })
  })
})

describe('channels and members', () => {
  const types = ['channel.occupied', 'channel.vacated', 'presence.enter', 'presence.leave'] as const

  test('are told with the first and the last subscriber, members with their connections', () => {
    const world = pusherWorld()
    const heard = hearing(world.events, types)
    const [one, other] = [world.connect(), world.connect()]
    const channel = 'presence-a'
    one.subscribe(channel, member(7))
    expect(heard.take()).toEqual([
      ['channel.occupied', { channel }],
      ['presence.enter', { channel, userId: '7' }],
    ])
    one.subscribe(channel, member(7))
    other.subscribe(channel, member(7))
    one.session.closed()
    expect(heard.take()).toEqual([])
    other.session.closed()
    expect(heard.take()).toEqual([
      ['presence.leave', { channel, userId: '7' }],
      ['channel.vacated', { channel }],
    ])
  })

  test('of users themselves are nobody’s to watch', () => {
    const world = pusherWorld()
    const heard = hearing(world.events, [...types, 'subscription_count'])
    const client = world.connect()
    client.signIn({ id: 'u' })
    client.session.closed()
    expect(heard.all).toEqual([])
  })

  test('always follow from what is told to where everybody is', () => {
    const channels = ['public', 'private-a', 'presence-a', 'presence-b'] as const
    const step = fc.record({
      who: fc.nat(3),
      channel: fc.constantFrom(...channels),
      user: fc.constantFrom('u1', 'u2'),
      what: fc.constantFrom('subscribe', 'unsubscribe', 'close'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = pusherWorld()
        const heard = hearing(world.events, types)
        const clients = Array.from({ length: 4 }, () => world.connect())
        for (const { who, channel, user, what } of steps) {
          const client = clients[who]
          if (client === undefined) throw new Error('no such client')
          const data = channel.startsWith('presence-') ? member(user) : undefined
          if (what === 'subscribe') client.subscribe(channel, data)
          else if (what === 'unsubscribe') {
            client.send({ event: 'pusher:unsubscribe', data: { channel } })
          } else {
            client.session.closed()
            clients[who] = world.connect()
          }
        }
        const occupied = new Set<string>()
        const present = new Set<string>()
        for (const [type, details] of heard.take()) {
          const { channel, userId } = details as { channel: string; userId?: string }
          const [set, key] =
            userId === undefined ? [occupied, channel] : [present, channel + userId]
          const isArrival = type === 'channel.occupied' || type === 'presence.enter'
          expect(set.has(key)).toBe(!isArrival)
          if (isArrival) set.add(key)
          else set.delete(key)
        }
        expect(occupied).toEqual(new Set(world.space.channels.keys()))
        const members = [...world.space.channels.values()].flatMap(
          ({ address: { name }, roster }) =>
            [...(roster?.members() ?? [])].map(({ userId }) => `${name}${userId}`),
        )
        expect(present).toEqual(new Set(members))
      }),
      { numRuns: 200 },
    )
  })
})

describe('messages', () => {
  test('are told once each: those of servers, and those of clients with who sent them', () => {
    const world = pusherWorld()
    const heard = hearing(world.events, ['message.published', 'client_event'])
    world.hub.publish(world.space, {
      ...SERVER,
      channel: address('news'),
      event: 'e',
      data: '{"a":1}',
    })
    const published = { channel: 'news', event: 'e', data: '{"a":1}' }
    expect(heard.take()).toEqual([['message.published', published]])
    const client = world.connect()
    client.subscribe('presence-a', member('7'))
    client.subscribe('private-a')
    client.send({ event: 'client-x', channel: 'presence-a', data: { b: 2 } })
    client.send({ event: 'client-y', channel: 'private-a', data: 'z' })
    const sender = { connectionId: client.session.id, event: 'client-x', data: '{"b":2}' }
    expect(heard.take()).toEqual([
      ['client_event', { ...sender, channel: 'presence-a', userId: '7' }],
      [
        'client_event',
        { ...sender, event: 'client-y', channel: 'private-a', data: '"z"', userId: undefined },
      ],
    ])
  })

  test('that other nodes publish are told there and not here', () => {
    const { clock, loaded, tally } = pusherWorld()
    const bus = createMemoryBus({ onError: (error) => expect(error).toBeUndefined() })
    const limits = { subscriptionCountMax: 20, channelCountMax: 50 }
    const [here, there] = [0, 1].map(() => {
      const events = new LiveEvents()
      const fanout = new RecordingFanout()
      const hub = new Hub(limits, { fanout, broker: bus.connect(), clock, tally, events })
      return { hub, space: hub.space(loaded.app), heard: hearing(events) }
    })
    if (here === undefined || there === undefined) throw new Error('two nodes')
    const message = { ...SERVER, channel: address('news'), event: 'e', data: '1' }
    there.hub.publish(there.space, message)
    expect(there.heard.take().map(([type]) => type)).toEqual(['message.published'])
    expect(here.heard.take()).toEqual([])
  })

  test('that a cache channel has none is told to whoever joins it', () => {
    const world = pusherWorld()
    const heard = hearing(world.events, ['cache_miss'])
    const client = world.connect()
    client.subscribe('cache-a')
    // Asking again is no other subscriber, and must not make another webhook.
    client.subscribe('cache-a')
    const message = { ...SERVER, channel: { ...address('cache-a'), isCache: true } }
    world.hub.publish(world.space, { ...message, event: 'e', data: '1' })
    world.connect().subscribe('cache-a')
    expect(heard.take()).toEqual([['cache_miss', { channel: 'cache-a' }]])
  })
})

describe('counts', () => {
  test('are told at each change below a hundred, then every five seconds', () => {
    const world = pusherWorld({ subscriptionCount: false })
    const heard = hearing(world.events, ['subscription_count'])
    const counts = () => heard.take().map(([, details]) => Object.values(details).at(-1))
    const clients = Array.from({ length: 101 }, () => world.connect())
    for (const client of clients.slice(0, 99)) client.subscribe('public')
    expect(counts()).toEqual(Array.from({ length: 99 }, (_, index) => index + 1))
    for (const client of clients.slice(99)) client.subscribe('public')
    expect(counts()).toEqual([])
    world.time.ms += COUNT_INTERVAL_MS
    world.hub.tick()
    expect(counts()).toEqual([101])
    for (const client of clients) client.session.closed()
    expect(counts().at(-1)).toBe(0)
  })

  test('of presence channels are not told: members are', () => {
    const world = pusherWorld()
    const heard = hearing(world.events, ['subscription_count'])
    world.connect().subscribe('presence-a', member('1'))
    expect(heard.all).toEqual([])
  })
})

test('where nobody wants events none is made, and each is asked for at most once', () => {
  const world = pusherWorld()
  const asked: string[] = []
  const hear = () => {
    throw new Error('told what nobody wants')
  }
  const wants = (type: string) => {
    asked.push(type)
    return false
  }
  world.events.listen({ wants, hear })
  const client = world.connect()
  client.subscribe('presence-a', member('1'))
  client.send({ event: 'client-x', channel: 'presence-a', data: 1 })
  client.session.closed()
  expect(asked.toSorted()).toEqual([
    'channel.occupied',
    'channel.vacated',
    'client_event',
    'connection.closed',
    'connection.opened',
    'presence.enter',
    'presence.leave',
  ])
})
