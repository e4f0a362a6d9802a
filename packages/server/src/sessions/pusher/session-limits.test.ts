import { describe, expect, test } from 'bun:test'
import { ruleOf } from '../../../../../test/support/limit-rules.ts'
import { type Client, pusherWorld, sign } from '../../../../../test/support/pusher-world.ts'

const LIMITED = { clientEventsPerSecondMax: 1_000 }
const say = (client: Client, channel = 'private-a') =>
  client.send({ event: 'client-x', channel, data: 1 })

const refusedIn = (frames: readonly Record<string, unknown>[]) =>
  frames.filter(({ event }) => event === 'pusher:error')

function worldOf(...limits: string[]) {
  return pusherWorld({ ...LIMITED, limits })
}

describe('a client that sends too much', () => {
  test('is told the limit, its scope, use, quota and reset, and stays connected', () => {
    const world = worldOf('publish.channel 1/10s')
    const client = world.connect()
    client.subscribe('private-a')
    say(client)
    world.time.ms += 4_000
    const [frame] = say(client)
    expect(frame).toEqual({
      event: 'pusher:error',
      data: {
        code: 4301,
        message: 'publish.channel allows 1 in any 10 seconds. Try again in 6000 ms.',
        limit: 'publish.channel',
        scope: 'channel',
        used: 1,
        quota: 1,
        window_ms: 10_000,
        reset_ms: 6_000,
      },
    })
    expect(client.outbox.closed).toBeUndefined()
    expect(world.tally.refusals.get('rate_limited')).toBe(1)
  })

  test('is told once a second for each limit, however much it sends', () => {
    const world = worldOf('publish.user 1/1m')
    const client = world.connect()
    client.subscribe('private-a')
    say(client)
    const flood = () => Array.from({ length: 50 }, () => say(client)).flat()
    expect(flood()).toHaveLength(1)
    world.time.ms += 999
    expect(flood()).toHaveLength(0)
    world.time.ms += 1
    expect(flood()).toHaveLength(1)
  })

  test('is warned at four fifths in a frame nobody has to know', () => {
    const world = worldOf('publish.user 5/1m')
    const client = world.connect()
    client.subscribe('private-a')
    const frames = Array.from({ length: 4 }, () => say(client)).flat()
    expect(frames).toEqual([
      {
        event: 'pusher:limit_warning',
        data: expect.objectContaining({ limit: 'publish.user', used: 4, quota: 5 }),
      },
    ])
  })

  test('does not reach the others, who go on', () => {
    const world = worldOf('publish.user 1/1m')
    const flooding = world.connect()
    const neighbour = world.connect()
    for (const client of [flooding, neighbour]) client.subscribe('private-a')
    const before = world.tally.messagesPublished
    for (let count = 0; count < 20; count++) say(flooding)
    expect(world.tally.messagesPublished - before).toBe(1)
    expect(refusedIn(say(neighbour))).toEqual([])
    expect(world.tally.messagesPublished - before).toBe(2)
  })

  test('is one user on all its connections, once it has signed in', () => {
    const world = worldOf('publish.user 1/1m')
    const both = [world.connect(), world.connect()]
    for (const client of both) {
      client.signIn({ id: 'ann' })
      client.subscribe('private-a')
    }
    const [first, second] = both.map((client) => refusedIn(say(client)))
    expect([first?.length, second?.length]).toEqual([0, 1])
  })

  test('is the member of a presence channel on all its connections, signed in or not', () => {
    const world = worldOf('publish.user 2/1m')
    const member = (userId: string) => JSON.stringify({ user_id: userId })
    const join = (userId: string, channel: string) => {
      const client = world.connect()
      client.subscribe(channel, member(userId))
      return client
    }
    const [first, second, other] = [
      join('ann', 'presence-a'),
      join('ann', 'presence-b'),
      join('bob', 'presence-a'),
    ]
    expect(refusedIn(say(first, 'presence-a'))).toEqual([])
    expect(refusedIn(say(second, 'presence-b'))).toEqual([])
    expect(refusedIn(say(first, 'presence-a'))).toHaveLength(1)
    expect(refusedIn(say(other, 'presence-a'))).toEqual([])
    const signedIn = world.connect()
    signedIn.signIn({ id: 'ann' })
    signedIn.subscribe('private-a')
    expect(refusedIn(say(signedIn))).toHaveLength(1)
    signedIn.subscribe('presence-a', member('eve'))
    expect(refusedIn(say(signedIn, 'presence-a'))).toHaveLength(0)
    expect(world.engine.read(ruleOf({ quota: 2 }), 'app:eve').used).toBe(0)
  })

  test('follows a limit that was changed while it is connected', () => {
    const world = worldOf()
    const client = world.connect()
    client.subscribe('private-a')
    expect(say(client)).toEqual([])
    const { loaded } = world
    const settings = { ...loaded.app.settings, limits: ['publish.app 0/1m'] }
    world.directory.put({ ...loaded, app: { ...loaded.app, settings } })
    expect(say(client)[0]).toMatchObject({ data: { code: 4301, quota: 0 } })
  })

  test('is not charged for what it may not send', () => {
    const world = worldOf('publish.user 1/1m')
    const client = world.connect()
    client.subscribe('private-a')
    for (let count = 0; count < 5; count++) say(client, 'private-b')
    client.outbox.take()
    expect(refusedIn(say(client))).toEqual([])
  })
})

describe('a subscription', () => {
  test.each(['subscribe.app 1/1m', 'subscribe.channel 1/1m', 'subscribe.user 1/1m'])(
    'beyond %s is refused on its channel with the limit',
    (text) => {
      const world = worldOf(text)
      const client = world.connect()
      client.subscribe('a')
      const [frame] = client.subscribe('a')
      expect(frame).toMatchObject({
        event: 'pusher:subscription_error',
        channel: 'a',
        data: { type: 'LimitReached', status: 4301, limit: text.split(' ')[0], quota: 1 },
      })
      expect(client.outbox.closed).toBeUndefined()
    },
  )

  test('that nobody vouched for uses up nothing of the channel', () => {
    const world = worldOf('subscribe.channel 1/1m')
    const stranger = world.connect()
    const data = { channel: 'private-a', auth: sign('something else') }
    for (let count = 0; count < 5; count++) stranger.send({ event: 'pusher:subscribe', data })
    expect(world.connect().subscribe('private-a').at(1)).toMatchObject({
      event: 'pusher_internal:subscription_succeeded',
    })
  })

  test('of more channels than one connection may have is refused, and joining again is not', () => {
    const world = worldOf('subscriptions.connection 2')
    const client = world.connect()
    for (const channel of ['a', 'b', 'b']) {
      expect(client.subscribe(channel)[0]).toMatchObject({
        event: 'pusher_internal:subscription_succeeded',
      })
    }
    expect(client.subscribe('c')[0]).toMatchObject({
      event: 'pusher:subscription_error',
      data: { type: 'LimitReached', status: 4100, limit: 'subscriptions.connection', used: 2 },
    })
  })

  test('is refused by a limit of zero from the first channel on, and stays connected', () => {
    const world = worldOf('subscriptions.connection 0')
    const client = world.connect()
    for (const channel of ['a', 'private-a']) {
      expect(client.subscribe(channel)).toEqual([
        expect.objectContaining({
          event: 'pusher:subscription_error',
          data: expect.objectContaining({ limit: 'subscriptions.connection', used: 0, quota: 0 }),
        }),
      ])
    }
    expect(client.outbox.closed).toBeUndefined()
  })

  test('with proofs that do not hold becomes a limit after a while, and right ones still pass', () => {
    const world = pusherWorld(LIMITED, ['auth.ip 3/1m'])
    const client = world.connect()
    const data = { channel: 'private-a', auth: sign('something else') }
    const tries = Array.from({ length: 4 }, () => client.send({ event: 'pusher:subscribe', data }))
    const kinds = tries.map(([, frame]) => frame).concat(tries.map(([frame]) => frame))
    expect(
      kinds.filter((frame) => frame?.['event'] === 'pusher:subscription_error').at(-1),
    ).toEqual(expect.objectContaining({ data: expect.objectContaining({ limit: 'auth.ip' }) }))
    expect(client.subscribe('private-a')[0]).toMatchObject({
      event: 'pusher_internal:subscription_succeeded',
    })
  })
})

describe('one more connection of a user', () => {
  test('than it may have closes with 4004 and says why', () => {
    const world = worldOf('connections.user 1')
    const first = world.connect()
    first.signIn({ id: 'ann' })
    const second = world.connect()
    expect(second.signIn({ id: 'ann' }).at(-1)).toMatchObject({
      event: 'pusher:error',
      data: { code: 4004, limit: 'connections.user', used: 1, quota: 1 },
    })
    expect(second.outbox.closed).toMatchObject({ code: 4004 })
    expect(first.outbox.closed).toBeUndefined()
    const other = world.connect()
    other.signIn({ id: 'bob' })
    expect(other.outbox.closed).toBeUndefined()
    first.session.closed()
    const third = world.connect()
    third.signIn({ id: 'ann' })
    expect(third.outbox.closed).toBeUndefined()
  })

  test('is none at all with a limit of zero, and who signs in as nobody stays', () => {
    const world = worldOf('connections.user 0')
    const nobody = world.connect()
    const client = world.connect()
    expect(client.signIn({ id: 'ann' }).at(-1)).toMatchObject({
      event: 'pusher:error',
      data: { code: 4004, limit: 'connections.user', used: 0, quota: 0 },
    })
    expect(client.outbox.closed).toMatchObject({ code: 4004 })
    expect(nobody.outbox.closed).toBeUndefined()
  })

  test('in shadow mode is let in and told', () => {
    const world = worldOf('connections.user 0 shadow')
    const client = world.connect()
    client.signIn({ id: 'ann' })
    expect(client.outbox.closed).toBeUndefined()
    expect(world.limitTally.exceeded.get('connections.user')).toBeUndefined()
    expect(world.limitTally.shadowed.get('connections.user')).toBe(1)
  })
})
