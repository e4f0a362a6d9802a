import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  KEY,
  pusherWorld,
  SECOND_KEY,
  SECOND_SECRET,
  SECRET,
  sign,
} from '../../../../../test/support/pusher-world.ts'
import { MALFORMED_FRAME_COUNT_MAX } from './session.ts'

const SUCCEEDED = 'pusher_internal:subscription_succeeded'
const SIGNED = [
  'private-a',
  'private-encrypted-a',
  'presence-a',
  'private-cache-a',
  'presence-cache-a',
  'private-encrypted-cache-a',
  'private-mycache-a',
]

function subscribe(channel: string, auth: string | undefined, channelData?: string) {
  return { event: 'pusher:subscribe', data: { channel, auth, channel_data: channelData } }
}

describe('the audit', () => {
  test('learns of every proof that does not hold, and of no other subscription', () => {
    const world = pusherWorld()
    const client = world.connect()
    client.subscribe('private-a')
    client.send(subscribe('public', 'whatever'))
    expect(world.denials).toEqual([])
    client.send(subscribe('private-b', sign('anything', KEY, 'other')))
    client.send(subscribe('private-b', undefined))
    client.send(subscribe('private-b', `${SECRET}:${'0'.repeat(64)}`))
    const reasons = world.denials.map(({ reason, target }) => [reason, target.id])
    const unknown = ['signature_invalid', 'unknown']
    expect(reasons).toEqual([['signature_invalid', `cred_${KEY}`], unknown, unknown])
    expect(JSON.stringify(world.denials)).not.toContain(SECRET)
    client.send({ event: 'pusher:signin', data: { auth: `${KEY}:x`, user_data: '{"id":"1"}' } })
    expect(world.denials.at(-1)).toMatchObject({
      action: 'auth.failed',
      reason: 'sign_in_invalid',
      source: { ip: '192.0.2.1', agent: 'test', protocol: 'pusher' },
    })
  })

  test('learns who tries for the channel of another user, and nothing that user is called', () => {
    const world = pusherWorld()
    const client = world.connect()
    const channel = '#server-to-user-victim'
    const [answer] = client.send(subscribe(channel, undefined))
    expect(answer?.['event']).toBe('pusher:subscription_error')
    const userData = '{"id":"thief"}'
    const auth = sign(`${client.session.id}::user::${userData}`)
    client.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
    client.send(subscribe(channel, undefined))
    const denied = {
      action: 'auth.denied',
      reason: 'not_channel_owner',
      target: { kind: 'user_channel', id: '*' },
      source: { ip: '192.0.2.1', agent: 'test', protocol: 'pusher' },
    } as const
    expect(world.denials).toEqual([denied, denied])
    client.send(subscribe('#server-to-user-thief', undefined))
    expect(world.denials).toHaveLength(2)
  })
})

describe('authorized channels', () => {
  test.each(SIGNED)(
    '%s takes a signature of any key of the app, with or without channel data',
    (name) => {
      const world = pusherWorld()
      const data = '{"user_id":"1"}'
      for (const [key, secret] of [
        [KEY, SECRET],
        [SECOND_KEY, SECOND_SECRET],
      ] as const) {
        const client = world.connect()
        const auth = sign(`${client.session.id}:${name}:${data}`, key, secret)
        expect(client.send(subscribe(name, auth, data))[0]?.['event']).toBe(SUCCEEDED)
      }
    },
  )

  test.each(SIGNED)('%s refuses every other proof, and the channel learns it', (name) => {
    const world = pusherWorld()
    const client = world.connect()
    const id = client.session.id
    const data = '{"user_id":"1"}'
    const good = sign(`${id}:${name}:${data}`)
    const wrong: Record<string, [auth: string | undefined, data: string | undefined]> = {
      none: [undefined, data],
      empty: ['', data],
      'only the key': [KEY, data],
      truncated: [good.slice(0, -1), data],
      'uppercase digits': [`${KEY}:${good.slice(KEY.length + 1).toUpperCase()}`, data],
      'another secret': [sign(`${id}:${name}:${data}`, KEY, 'other'), data],
      'the key of one pair, the secret of another': [
        sign(`${id}:${name}:${data}`, KEY, SECOND_SECRET),
        data,
      ],
      'an unknown key': [sign(`${id}:${name}:${data}`, 'nobody', SECRET), data],
      'another socket': [sign(`9.9:${name}:${data}`), data],
      'another channel': [sign(`${id}:${name}x:${data}`), data],
      'other channel data': [good, '{"user_id":"2"}'],
      'no channel data though signed': [good, undefined],
      'data moved into the name': [sign(`${id}:${name}`), data],
    }
    for (const [what, [auth, channelData]] of Object.entries(wrong)) {
      const answer = client.send(subscribe(name, auth, channelData))
      expect({ what, answer }).toMatchObject({
        answer: [
          {
            event: 'pusher:subscription_error',
            channel: name,
            data: { type: 'AuthError', status: 401 },
          },
        ],
      })
    }
    expect(world.space.channels.size).toBe(0)
    expect(client.outbox.closed).toBeUndefined()
  })

  test('of users take only the user signed in', () => {
    const client = pusherWorld().connect()
    const mine = subscribe('#server-to-user-7', undefined)
    expect(client.send(mine)[0]?.['event']).toBe('pusher:subscription_error')
    client.signIn({ id: '7' })
    expect(client.send(mine)[0]?.['event']).toBe(SUCCEEDED)
    const other = subscribe('#server-to-user-8', sign(`${client.session.id}:#server-to-user-8`))
    expect(client.send(other)[0]?.['event']).toBe('pusher:subscription_error')
  })
})

describe('presence', () => {
  test('keeps the JSON type of a numeric user id and keys it as text', () => {
    const world = pusherWorld()
    const [first, second] = [world.connect(), world.connect()]
    first.subscribe('presence-a', '{"user_id":1,"user_info":{"n":"x"}}')
    const answer = second.subscribe('presence-a', '{"user_id":2}')
    expect(answer[0]?.['data']).toEqual({
      presence: { ids: [1, 2], hash: { 1: { n: 'x' }, 2: null }, count: 2 },
    })
    expect(first.outbox.take()[0]).toEqual({
      event: 'pusher_internal:member_added',
      channel: 'presence-a',
      data: { user_id: 2 },
    })
  })

  test('takes the signed-in user when there is no channel data, and refuses without either', () => {
    const client = pusherWorld().connect()
    expect(client.subscribe('presence-a')[0]?.['event']).toBe('pusher:subscription_error')
    client.signIn({ id: '7', user_info: { name: 'S' } })
    expect(client.subscribe('presence-a')[0]?.['data']).toMatchObject({
      presence: { hash: { 7: { name: 'S' } } },
    })
  })

  test('at the limit refuses new users but not another tab of a member', () => {
    const world = pusherWorld({ presenceMemberCountMax: 2 })
    const join = (id: string) => world.connect().subscribe('presence-a', `{"user_id":"${id}"}`)
    expect([join('1'), join('2'), join('1')].map(([frame]) => frame?.['event'])).toEqual([
      SUCCEEDED,
      SUCCEEDED,
      SUCCEEDED,
    ])
    expect(join('3')[0]).toMatchObject({ data: { type: 'LimitReached', status: 4100 } })
  })

  test.each([
    '{',
    '[]',
    '{}',
    '{"user_id":""}',
    '{"user_id":{}}',
    '{"user_id":1.5}',
    `{"user_id":"${'x'.repeat(129)}"}`,
  ])('refuses signed member data that is none: %s', (data) => {
    const world = pusherWorld()
    const answer = world.connect().subscribe('presence-a', data)
    expect(answer[0]?.['event']).toBe('pusher:subscription_error')
    expect(world.space.channels.size).toBe(0)
  })
})

describe('sign-in', () => {
  test('answers with the raw user data and reaches the user from then on', () => {
    const world = pusherWorld()
    const client = world.connect()
    expect(client.signIn({ id: '7' })).toEqual([
      { event: 'pusher:signin_success', data: { user_data: '{"id":"7"}' } },
    ])
    expect(client.signIn({ id: '7' })[0]?.['event']).toBe('pusher:signin_success')
    expect(client.signIn({ id: '8' })[0]).toMatchObject({
      event: 'pusher:error',
      data: { code: 4009 },
    })
    expect(world.space.users.connectionsOf('7')).toHaveLength(1)
  })

  test('with a bad signature or user data closes with 4009', () => {
    const world = pusherWorld()
    const attempts = [
      (id: string) => ({ auth: sign(`${id}::user::{"id":"8"}`), user_data: '{"id":"7"}' }),
      (id: string) => ({ auth: sign(`${id}::user::{"id":7}`), user_data: '{"id":7}' }),
      (id: string) => ({ auth: sign(`${id}::user::{`), user_data: '{' }),
      () => ({ auth: 'x', user_data: '{"id":"7"}' }),
    ]
    for (const attempt of attempts) {
      const client = world.connect()
      client.send({ event: 'pusher:signin', data: attempt(client.session.id) })
      expect(client.outbox.closed?.code).toBe(4009)
    }
  })

  test('tells watchers who is online at first and who comes and goes later', () => {
    const world = pusherWorld()
    const [watcher, watched] = [world.connect(), world.connect()]
    const news = (name: string, id: string) => ({
      event: 'pusher_internal:watchlist_events',
      data: { events: [{ name, user_ids: [id] }] },
    })
    expect(watcher.signIn({ id: 'w', watchlist: ['a'] }).slice(1)).toEqual([news('offline', 'a')])
    watched.signIn({ id: 'a' })
    expect(watcher.outbox.take()).toEqual([news('online', 'a')])
    const secondTab = world.connect()
    secondTab.signIn({ id: 'a' })
    watched.session.closed()
    expect(watcher.outbox.take()).toEqual([])
    secondTab.session.closed()
    expect(watcher.outbox.take()).toEqual([news('offline', 'a')])
  })

  test('watches the first hundred of a longer list and says so with 4302', () => {
    const client = pusherWorld().connect()
    const watchlist = Array.from({ length: 101 }, (_, index) => `u${index}`)
    const answer = client.signIn({ id: 'w', watchlist })
    const events = answer[1]?.['data'] as { events: { user_ids: string[] }[] }
    expect(events.events[0]?.user_ids).toHaveLength(100)
    expect(answer.at(-1)).toMatchObject({ event: 'pusher:error', data: { code: 4302 } })
  })
})

describe('client events', () => {
  const send = (channel: string) => ({ event: 'client-a', channel, data: { x: 1 } })

  test('reach the others, with the user id the server knows on presence channels', () => {
    const world = pusherWorld()
    const [sender, other] = [world.connect(), world.connect()]
    sender.subscribe('presence-a', '{"user_id":5}')
    other.subscribe('presence-a', '{"user_id":6}')
    sender.outbox.take()
    expect(sender.send({ ...send('presence-a'), user_id: 'forged', extra: 1 })).toEqual([])
    expect(other.outbox.take()).toEqual([
      { event: 'client-a', channel: 'presence-a', data: { x: 1 }, user_id: '5' },
    ])
  })

  test.each([
    ['news', 4009],
    ['private-encrypted-a', 4009],
    ['private-b', 4009],
    ['#server-to-user-1', 4009],
  ])('on %s are refused', (channel, code) => {
    const world = pusherWorld()
    const [sender, other] = [world.connect(), world.connect()]
    for (const name of ['news', 'private-encrypted-a']) {
      sender.subscribe(name)
      other.subscribe(name)
    }
    other.subscribe('private-b')
    for (const client of [sender, other]) client.outbox.take()
    expect(sender.send(send(channel))).toMatchObject([{ event: 'pusher:error', data: { code } }])
    expect(other.events()).toEqual([])
  })

  test('are refused where the app has them off, too large, or when nothing more can be queued', () => {
    const off = pusherWorld({ clientMessages: false }).connect()
    off.subscribe('private-a')
    expect(off.send(send('private-a'))[0]).toMatchObject({ data: { code: 4009 } })
    const small = pusherWorld({ eventDataBytesMax: 4 }).connect()
    small.subscribe('private-a')
    expect(small.send(send('private-a'))[0]).toMatchObject({
      event: 'pusher:error',
      data: { code: null },
    })
    const world = pusherWorld()
    const client = world.connect()
    client.subscribe('private-a')
    world.fanout.isFull = true
    expect(client.send(send('private-a'))[0]).toMatchObject({ data: { code: 4100 } })
  })

  test('beyond the rate get 4301 while the connection stays, and pass again a second later', () => {
    const world = pusherWorld({ clientEventsPerSecondMax: 3 })
    const client = world.connect()
    client.subscribe('private-a')
    const outcomes = Array.from({ length: 5 }, () => client.send(send('private-a'))[0])
    expect(outcomes.slice(0, 2)).toEqual([undefined, undefined])
    expect(outcomes[2]).toMatchObject({ event: 'pusher:limit_warning', data: { used: 3 } })
    expect(outcomes[3]).toMatchObject({ event: 'pusher:error', data: { code: 4301 } })
    expect(outcomes[4]).toBeUndefined()
    expect(client.outbox.closed).toBeUndefined()
    world.time.ms += 1_000
    expect(client.send(send('private-a'))).toEqual([])
  })
})

describe('the life of a connection', () => {
  test('pings after silence and closes with 4201 when nothing answers', () => {
    const world = pusherWorld()
    const client = world.connect()
    const tick = (ms: number) => {
      world.time.ms += ms
      client.session.tick(world.time.ms)
      return client.events()
    }
    expect(tick(119_999)).toEqual([])
    expect(tick(1)).toEqual(['pusher:ping'])
    expect(tick(29_999)).toEqual([])
    client.send({ event: 'pusher:pong' })
    expect(tick(1)).toEqual([])
    expect(tick(120_000)).toEqual(['pusher:ping'])
    tick(30_000)
    expect(client.outbox.closed?.code).toBe(4201)
  })

  test('ends with 4009 without authorization in time, and not with one', () => {
    const world = pusherWorld({ requireAuthorization: true, authorizationTimeoutMs: 1_000 })
    const [late, onPrivate, signedIn, onPublic] = Array.from({ length: 4 }, () => world.connect())
    if (late === undefined || onPrivate === undefined) throw new Error('no client')
    onPrivate.subscribe('private-cache-a')
    signedIn?.signIn({ id: '1' })
    onPublic?.subscribe('news')
    world.time.ms += 1_000
    for (const client of [late, onPrivate, signedIn, onPublic]) client?.session.tick(world.time.ms)
    const codes = [late, onPrivate, signedIn, onPublic].map((client) => client?.outbox.closed?.code)
    expect(codes).toEqual([4009, undefined, undefined, 4009])
  })

  test('ends with 4202 after a day of pings only', () => {
    const world = pusherWorld()
    const client = world.connect()
    for (let hour = 0; hour < 24; hour++) {
      expect(client.outbox.closed).toBeUndefined()
      world.time.ms += 3_600_000
      client.send({ event: 'pusher:ping' })
      client.session.tick(world.time.ms)
    }
    expect(client.outbox.closed?.code).toBe(4202)
  })

  test('leaves nothing behind', () => {
    const world = pusherWorld()
    const client = world.connect()
    client.signIn({ id: '1', watchlist: ['2'] })
    for (const name of ['news', 'private-a', 'cache-a']) client.subscribe(name)
    client.subscribe('presence-a', '{"user_id":"1"}')
    client.session.closed()
    client.session.closed()
    expect(world.space.channels.size + world.space.connections.size).toBe(0)
    expect(world.space.users.connectionsOf('1')).toEqual([])
    expect(world.space.users.isWatched('2')).toBe(false)
  })

  test('holds a bounded number of subscriptions and channels', () => {
    const world = pusherWorld()
    const clients = Array.from({ length: 4 }, () => world.connect())
    const events = clients.map((client, who) =>
      Array.from({ length: 21 }, (_, index) => client.subscribe(`c${who}-${index}`)[0]?.['event']),
    )
    expect(events[0]?.[19]).toBe(SUCCEEDED)
    expect(events[0]?.[20]).toBe('pusher:subscription_error')
    expect(world.space.channels.size).toBe(50)
  })
})

describe('bad frames', () => {
  test('are answered, and end the connection only when repeated', () => {
    const client = pusherWorld().connect()
    for (let count = 0; count < MALFORMED_FRAME_COUNT_MAX; count++) {
      expect(client.send([])).toMatchObject([{ event: 'pusher:error', data: { code: 4200 } }])
    }
    expect(client.outbox.closed).toBeUndefined()
    client.send([])
    expect(client.outbox.closed?.code).toBe(4100)
  })

  test('of any bytes never throw and never reach another client', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record({
          event: fc.constantFrom(
            'pusher:subscribe',
            'pusher:signin',
            'client-a',
            'pusher:unsubscribe',
          ),
          channel: fc.constantFrom('private-a', 'presence-a', 'news', '#server-to-user-1', ''),
          data: fc.jsonValue(),
        })
        .map((frame) => JSON.stringify(frame)),
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(text, fc.uint8Array()), { maxLength: 20 }), (inputs) => {
        const world = pusherWorld()
        const [sender, other] = [world.connect(), world.connect()]
        other.subscribe('private-a')
        other.outbox.take()
        for (const input of inputs) sender.session.receive(input)
        expect(other.events()).toEqual([])
      }),
    )
  })
})
