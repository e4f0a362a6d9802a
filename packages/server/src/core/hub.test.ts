import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type Client,
  pusherWorld,
  subscribeFrame,
  type World,
} from '../../../../test/support/pusher-world.ts'
import { decodeEnvelope, encodeEnvelope } from './cluster.ts'
import type { Connection } from './connection.ts'
import { COUNT_AT_ONCE_MAX, COUNT_INTERVAL_MS } from './subscription-counts.ts'

const MESSAGE = { origin: 'server', userId: undefined, exceptConnectionId: undefined } as const
const CHANNELS = ['public', 'private-a', 'presence-a', 'presence-b'] as const

function address(name: string) {
  const kind = name.startsWith('presence-') ? ('presence' as const) : ('public' as const)
  return { name, kind, isCache: name.startsWith('cache-'), ownerId: undefined }
}

describe('the hub against a model', () => {
  const step = fc.record({
    who: fc.nat(4),
    channel: fc.constantFrom(...CHANNELS),
    user: fc.constantFrom('u1', 'u2'),
    what: fc.constantFrom('subscribe', 'unsubscribe', 'publish', 'publish-except', 'disconnect'),
  })

  test('delivers each message once to exactly the subscribers, and tells each member once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const world = pusherWorld()
        const peers = Array.from({ length: 5 }, () => new Peer(world))
        for (const [index, { who, channel, user, what }] of steps.entries()) {
          const peer = peers[who]
          if (peer === undefined) throw new Error('no such peer')
          const isPublish = what.startsWith('publish')
          const except = what === 'publish-except' ? peer : undefined
          if (what === 'subscribe') peer.subscribe(channel, user)
          else if (what === 'unsubscribe') peer.unsubscribe(channel)
          else if (what === 'disconnect') peer.disconnect(world)
          else publish(world, { channel, event: `m${index}`, except })
          for (const one of peers) {
            const isDue = isPublish && one !== except && one.joined.has(channel)
            expect(one.readFrames()).toEqual(isDue ? [`m${index}`] : [])
          }
          for (const name of CHANNELS.filter((each) => each.startsWith('presence-'))) {
            const present = new Set(peers.flatMap((one) => one.joined.get(name) ?? []))
            for (const one of peers) {
              if (one.joined.has(name)) expect(one.believed.get(name)).toEqual(present)
            }
          }
        }
        const occupied = new Set(peers.flatMap((one) => [...one.joined.keys()]))
        expect(new Set(world.space.channels.keys())).toEqual(occupied)
      }),
      { numRuns: 300 },
    )
  })
})

/**
 * A client beside the model: where it is, and whom it must believe present from its frames alone.
 */
class Peer {
  readonly joined = new Map<string, string>()
  readonly believed = new Map<string, Set<string>>()
  client: Client

  constructor(world: World) {
    this.client = world.connect()
  }

  subscribe(channel: string, user: string): void {
    const data = channel.startsWith('presence-') ? JSON.stringify({ user_id: user }) : undefined
    this.client.session.receive(subscribeFrame(this.client, channel, data))
    if (!this.joined.has(channel)) this.joined.set(channel, user)
  }

  unsubscribe(channel: string): void {
    this.client.session.receive(JSON.stringify({ event: 'pusher:unsubscribe', data: { channel } }))
    this.joined.delete(channel)
  }

  disconnect(world: World): void {
    this.client.session.closed()
    this.joined.clear()
    this.client = world.connect()
  }

  /**
   * Follows the presence frames, refusing news that is none. @returns the names of all messages.
   */
  readFrames(): unknown[] {
    const messages: unknown[] = []
    for (const frame of this.client.outbox.take()) {
      const channel = String(frame['channel'])
      const data = frame['data'] as { presence?: { ids: string[] }; user_id?: string }
      const believed = this.believed.get(channel) ?? new Set()
      const user = String(data?.user_id)
      if (frame['event'] === 'pusher_internal:subscription_succeeded') {
        this.believed.set(channel, new Set(data.presence?.ids))
      } else if (frame['event'] === 'pusher_internal:member_added') {
        expect(believed.has(user)).toBe(false)
        believed.add(user)
      } else if (frame['event'] === 'pusher_internal:member_removed') {
        expect(believed.delete(user)).toBe(true)
      } else if (frame['event'] !== 'pusher_internal:subscription_count')
        messages.push(frame['event'])
    }
    return messages
  }
}

function publish(
  world: World,
  { channel, event, except }: { channel: string; event: string; except: Peer | undefined },
): void {
  const exceptConnectionId = except?.client.session.id
  const message = { ...MESSAGE, channel: address(channel), event, data: '', exceptConnectionId }
  world.hub.publish(world.space, message)
}

describe('subscription counts', () => {
  test('are told at once up to a hundred subscribers, then at most every five seconds', () => {
    const world = pusherWorld()
    const clients = Array.from({ length: COUNT_AT_ONCE_MAX + 20 }, () => world.connect())
    const [first] = clients
    if (first === undefined) throw new Error('no client')
    for (const client of clients) client.subscribe('news')
    const counts = () =>
      first.outbox
        .take()
        .filter((frame) => frame['event'] === 'pusher_internal:subscription_count')
        .map((frame) => (frame['data'] as { subscription_count: number }).subscription_count)
    expect(counts().at(-1)).toBe(COUNT_AT_ONCE_MAX)
    world.hub.tick()
    expect(counts()).toEqual([])
    world.time.ms += COUNT_INTERVAL_MS
    world.hub.tick()
    expect(counts()).toEqual([COUNT_AT_ONCE_MAX + 20])
    world.hub.tick()
    expect(counts()).toEqual([])
  })
})

describe('cache channels', () => {
  test('replay the last event until its life is over, decided when read', () => {
    const world = pusherWorld({ cacheTtlMs: 1_000 })
    const keep = (data: string) =>
      world.hub.publish(world.space, { ...MESSAGE, channel: address('cache-a'), event: 'e', data })
    keep('"old"')
    keep('"new"')
    world.time.ms += 999
    expect(
      world
        .connect()
        .subscribe('cache-a')
        .map((frame) => frame['data']),
    ).toContain('new')
    world.time.ms += 1
    expect(
      world
        .connect()
        .subscribe('cache-a')
        .map((frame) => frame['event']),
    ).toContain('pusher:cache_miss')
  })

  test('do not keep client events', () => {
    const world = pusherWorld()
    const [sender, late] = [world.connect(), world.connect()]
    sender.subscribe('private-cache-a')
    sender.send({ event: 'client-a', channel: 'private-cache-a', data: 1 })
    expect(late.subscribe('private-cache-a').map((frame) => frame['event'])).toContain(
      'pusher:cache_miss',
    )
  })
})

describe('a connection of a protocol without channels', () => {
  test('is one of its user, told to watchers, and ends with the user', () => {
    const world = pusherWorld()
    const watcher = world.connect()
    watcher.signIn({ id: 'watcher', watchlist: ['someone'] })
    watcher.outbox.take()
    const ended: string[] = []
    const connection: Connection = {
      id: 'plain',
      protocol: 'plain',
      source: { ip: '192.0.2.9', agent: '', protocol: 'plain' },
      openedAtMs: 0,
      endedBy: undefined,
      openedBy: [],
      subscriptions: new Map(),
      user: undefined,
      end: (refusal) => ended.push(refusal) > 0,
    }
    world.hub.connect(world.space, connection)
    const user = { id: 'someone', info: undefined, watchlist: [], restsOn: undefined }
    world.hub.recognize(world.space, connection, user)
    expect(world.space.users.connectionCount('someone')).toBe(1)
    expect(JSON.stringify(watcher.outbox.take())).toContain('online')
    expect(world.hub.terminateUser(world.space, 'someone')).toBe(1)
    expect(ended).toEqual(['user_terminated'])
    world.hub.disconnect(world.space, connection)
    expect(world.space.users.connectionCount('someone')).toBe(0)
    expect(world.space.connections.has('plain')).toBe(false)
    expect(JSON.stringify(watcher.outbox.take())).toContain('offline')
  })

  test('is nobody whom a message to a channel could leave out', () => {
    const world = pusherWorld()
    expect(world.space.subscriberOf('public', 'plain')).toBeUndefined()
  })
})

describe('the bus between hubs', () => {
  const message = { ...MESSAGE, channel: address('a'), event: 'e', data: 'd' }

  test('carries a message unchanged', () => {
    const payload = encodeEnvelope({ appId: 'app', message })
    expect(decodeEnvelope(payload)).toEqual({ appId: 'app', message })
  })

  test('drops whatever a hub would not have written, and never throws', () => {
    const good = { appId: 'app', message: { ...message } as Record<string, unknown> }
    for (const key of ['channel', 'event', 'data', 'origin']) {
      expect(
        decodeEnvelope(JSON.stringify({ ...good, message: { ...message, [key]: 1 } })),
      ).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (payload) => {
        expect(decodeEnvelope(payload)).toBeUndefined()
      }),
    )
  })
})
