import { describe, expect, test } from 'bun:test'
import { MqttWorld } from '../../../../../test/support/mqtt-world.ts'
import type { Reliance } from '../../core/reliance.ts'
import { CLIENTS_PER_TURN, SUBSCRIPTIONS_PER_CLIENT } from '../../core/rules/rule-changes.ts'
import { LOOK_UP_COST, RETAINED_TURN_COUNT_MAX } from './retained-sending.ts'
import { RENEWALS_PER_MINUTE_MAX } from './renewal.ts'
import { REFUSED_FILTER_COUNT_MAX } from './subscribing.ts'

function client(options: ConstructorParameters<typeof MqttWorld>[0] = {}) {
  const world = new MqttWorld(options)
  const wire = world.connect('c')
  wire.take()
  return { world, wire }
}

const filters = (count: number, prefix = 'f') =>
  Array.from({ length: count }, (_, index) => ({ topic: `${prefix}/${index}`, qos: 0 }))

describe('SUBSCRIBE', () => {
  test('answers each filter by itself', () => {
    const { world, wire } = client()
    world.setRules([
      { effect: 'deny', actions: ['subscribe'], filter: 'secret/#' },
      { effect: 'allow', actions: ['subscribe'], filter: 'low/#', qosMax: 1 },
      { effect: 'allow', actions: ['subscribe'], filter: 'open/#' },
    ])
    world.turn()
    const granted = wire.subscribe([
      { topic: 'open/a', qos: 2 },
      { topic: 'secret/a', qos: 0 },
      { topic: 'low/a', qos: 2 },
      { topic: '$share/g/open/b', qos: 1 },
      { topic: '$share/g/secret/b', qos: 1 },
    ])
    expect(granted).toEqual([2, 0x87, 1, 1, 0x87])
    expect(world.denials.length).toBe(2)
    expect(world.figures.deniedSubscriptions).toBe(2)
  })

  test('a 3.1.1 client learns of a denied filter by 0x80', () => {
    const world = new MqttWorld()
    const wire = world.connect('old', { level: 4 })
    wire.take()
    expect(wire.subscribe('$SYS/#')).toEqual([0x80])
  })

  test('that has a larger answer than the client takes ends the connection [MQTT-3.1.2-24]', () => {
    const world = new MqttWorld()
    const wire = world.connect('c', { properties: { maximumPacketSize: 40 } })
    expect(wire.subscribe(filters(20)).length).toBe(20)
    wire.take()
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(50) })
    expect(wire.outbox.frames.every(({ length }) => length <= 40)).toBe(true)
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x95 }])
  })

  test('of the same filter replaces, and is not counted', () => {
    const { world, wire } = client({ settings: { limits: ['subscriptions.connection 1'] } })
    expect(wire.subscribe('a', { qos: 0 })).toEqual([0])
    expect(wire.subscribe('a', { qos: 1 })).toEqual([1])
    expect(wire.subscribe('b', { qos: 0 })).toEqual([0x97])
    world.connect('publisher').publish('a', 'x')
    expect(wire.take().length).toBe(1)
  })

  test('holds no more than the configuration lets one connection hold', () => {
    const { wire } = client({ subscriptionCountMax: 3 })
    expect(wire.subscribe(filters(5))).toEqual([0, 0, 0, 0x97, 0x97])
  })

  test('a client that goes on after ten thousand refused filters is cut off', () => {
    const { wire } = client({ subscriptionCountMax: 1 })
    wire.subscribe('held')
    for (let count = 0; count < REFUSED_FILTER_COUNT_MAX - 1_000; count += 1_000) {
      wire.subscribe(filters(1_000, `many/${count}`))
    }
    expect(wire.outbox.closed).toBeUndefined()
    wire.subscribe(filters(1_000, 'last'))
    expect(wire.outbox.closed).toBeDefined()
  })

  test('the answers to its own requests are the client’s alone', () => {
    const { wire } = client()
    expect(wire.subscribe('response/c')).toEqual([0])
    expect(wire.subscribe('response/other')).toEqual([0x87])
  })

  test('a shared one with No Local is a protocol error [MQTT-3.8.3-4]', () => {
    const { wire } = client()
    wire.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: '$share/g/a', qos: 0, nl: true }],
    })
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
  })

  test('carries its identifier to the messages', () => {
    const { world, wire } = client()
    wire.subscribe('t/+', { qos: 0, properties: { subscriptionIdentifier: 7 } })
    wire.subscribe('t/a', { qos: 0, properties: { subscriptionIdentifier: 9 } })
    world.connect('publisher').publish('t/a', 'x')
    const [received] = wire.take()
    const properties = received?.['properties'] as { subscriptionIdentifier: number[] } | undefined
    expect(new Set(properties?.subscriptionIdentifier)).toEqual(new Set([7, 9]))
  })

  test('with No Local does not bring back what the client published', () => {
    const { wire } = client()
    wire.subscribe([{ topic: 'a', qos: 0, nl: true }])
    wire.publish('a', 'x')
    expect(wire.take()).toEqual([])
  })
})

describe('UNSUBSCRIBE', () => {
  test('says whether there was one, and ends it', () => {
    const { world, wire } = client()
    wire.subscribe('a')
    wire.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['a', 'b'] })
    expect(wire.take()).toMatchObject([{ cmd: 'unsuback', messageId: 3, granted: [0, 0x11] }])
    world.connect('publisher').publish('a', 'x')
    expect(wire.take()).toEqual([])
  })
})

describe('retained messages', () => {
  function kept(count = 1) {
    const each = client()
    const publisher = each.world.connect('publisher')
    for (let index = 0; index < count; index++) {
      publisher.publish(`kept/${index}`, 'x', { retain: true })
    }
    return each
  }

  test.each([
    [0, 1, 1],
    [1, 1, 0],
    [2, 0, 0],
  ])(
    'retain handling %d: %d with the first subscription, %d with the second',
    (rh, first, again) => {
      const { wire } = kept()
      const ask = () => {
        wire.send({
          cmd: 'subscribe',
          messageId: 1,
          subscriptions: [{ topic: 'kept/#', qos: 0, rh }],
        })
        return wire.take().filter(({ cmd }) => cmd === 'publish')
      }
      const received = ask()
      expect(received.length).toBe(first)
      if (first > 0) expect(received[0]).toMatchObject({ retain: true })
      expect(ask().length).toBe(again)
    },
  )

  test('come after SUBACK', () => {
    const { wire } = kept()
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'kept/#', qos: 0 }] })
    expect(wire.take().map(({ cmd }) => cmd)).toEqual(['suback', 'publish'])
  })

  test('are none for shared subscriptions (§4.8.2)', () => {
    const { wire } = kept()
    wire.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: '$share/g/kept/#', qos: 0 }],
    })
    expect(wire.take().map(({ cmd }) => cmd)).toEqual(['suback'])
  })

  test('leave in turns, and wait for a client that does not read', () => {
    const count = RETAINED_TURN_COUNT_MAX * 2 + 1
    const { world, wire } = kept(count)
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'kept/#', qos: 0 }] })
    expect(wire.take().length).toBe(1 + RETAINED_TURN_COUNT_MAX)
    wire.outbox.hasRoom = false
    world.turn()
    expect(wire.take()).toEqual([])
    wire.outbox.hasRoom = true
    wire.session.writable()
    world.turn()
    expect(wire.take().length).toBe(RETAINED_TURN_COUNT_MAX + 1)
  })

  test('of QoS 1 wait for the window of the client', () => {
    const world = new MqttWorld()
    const publisher = world.connect('publisher')
    for (let index = 0; index < 5; index++) {
      publisher.publish(`kept/${index}`, 'x', { retain: true, qos: 1, messageId: index + 1 })
    }
    const wire = world.connect('c', { properties: { receiveMaximum: 2 } })
    wire.take()
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'kept/#', qos: 1 }] })
    const seen: unknown[] = []
    for (let left = wire.take(); left.length > 0; left = wire.take()) {
      const published = left.filter(({ cmd }) => cmd === 'publish')
      expect(published.length).toBeLessThanOrEqual(2)
      for (const { topic, messageId } of published) {
        seen.push(topic)
        wire.send({ cmd: 'puback', messageId, reasonCode: 0 })
      }
    }
    expect(seen.length).toBe(5)
  })

  test('are looked for by few filters in one turn, although none is found', () => {
    const { world, wire } = kept()
    let lookUpCount = 0
    const retainedFor = world.topics.retainedFor.bind(world.topics)
    world.topics.retainedFor = (space, filter) => {
      const messages = retainedFor(space, filter)
      const next = messages.next.bind(messages)
      messages.next = () => {
        lookUpCount++
        return next()
      }
      return messages
    }
    const topics = Array.from({ length: 20 }, (_, index) => `kept/+/+/${index}`)
    wire.subscribe(topics.map((topic) => ({ topic, qos: 0 })))
    expect(lookUpCount).toBe(RETAINED_TURN_COUNT_MAX / LOOK_UP_COST)
    world.turn()
    expect(lookUpCount).toBe(20)
  })

  test('that wait for many subscriptions do not slow down an UNSUBSCRIBE of others', () => {
    const timed = (heldCount: number) => {
      const mqtt = { packetBytesMax: 1_048_576 }
      const { wire } = client({ subscriptionCountMax: 1_000, mqtt })
      wire.outbox.hasRoom = false
      wire.subscribe(filters(heldCount))
      const unsubscriptions = Array.from({ length: 10_000 }, () => 'x')
      const begin = performance.now()
      for (let messageId = 1; messageId <= 5; messageId++) {
        wire.send({ cmd: 'unsubscribe', messageId, unsubscriptions })
      }
      const tookMs = performance.now() - begin
      expect(wire.take().filter(({ cmd }) => cmd === 'unsuback').length).toBe(5)
      return tookMs
    }
    const fewMs = timed(1) + timed(1)
    const manyMs = timed(1_000) + timed(1_000)
    // Were each of them looked at for each filter, it would be twenty times and more.
    expect(manyMs / fewMs).toBeLessThan(8)
  })

  test('are left out where the subscription has ended meanwhile', () => {
    const { world, wire } = kept(RETAINED_TURN_COUNT_MAX + 5)
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'kept/#', qos: 0 }] })
    wire.take()
    wire.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['kept/#'] })
    world.turn()
    expect(wire.take().map(({ cmd }) => cmd)).toEqual(['unsuback'])
  })
})

describe('rules that change', () => {
  const open = (filter: string, qosMax?: 0 | 1) => ({
    effect: 'allow' as const,
    actions: ['publish' as const, 'subscribe' as const],
    filter,
    ...(qosMax === undefined ? {} : { qosMax }),
  })

  test('take away what was lost, and nothing else', () => {
    const { world, wire } = client()
    wire.subscribe('lost/a', { qos: 1 })
    wire.subscribe('stays/a', { qos: 1 })
    world.setRules([open('stays/#')])
    world.turn()
    expect([...(world.states.find(world.space, 'c')?.grants.keys() ?? [])]).toEqual(['stays/a'])
    expect(world.figures.lostSubscriptions).toBe(1)
    expect(world.denials).toMatchObject([{ action: 'topic.denied', after: { topic: 'lost/a' } }])
    expect(wire.outbox.closed).toBeUndefined()
    wire.publish('stays/a', 'x')
    expect(wire.take().length).toBe(1)
  })

  test('lower the quality of service of what stays', () => {
    const { world, wire } = client()
    wire.subscribe('a', { qos: 1 })
    world.setRules([open('a', 0)])
    world.turn()
    expect(world.states.find(world.space, 'c')?.grants.get('a')?.qos).toBe(0)
    expect(world.figures.lostSubscriptions).toBe(0)
  })

  test('reach as many clients as a turn takes, and the others after it', () => {
    const world = new MqttWorld()
    const wires = Array.from({ length: CLIENTS_PER_TURN + 3 }, (_, index) => {
      const wire = world.connect(`c${index}`)
      wire.subscribe('a')
      return wire
    })
    world.setRules([open('b')])
    expect(world.figures.lostSubscriptions).toBe(CLIENTS_PER_TURN)
    world.turn()
    expect(world.figures.lostSubscriptions).toBe(wires.length)
  })

  test('reach fewer where each has many subscriptions', () => {
    const count = SUBSCRIPTIONS_PER_CLIENT * CLIENTS_PER_TURN
    const world = new MqttWorld({ subscriptionCountMax: count })
    for (const id of ['one', 'two', 'three']) world.connect(id).subscribe(filters(count))
    world.setRules([open('b')])
    expect(world.figures.lostSubscriptions).toBe(count)
    world.turn()
    expect(world.figures.lostSubscriptions).toBe(3 * count)
  })

  test('are asked for sessions that come back', async () => {
    const world = new MqttWorld()
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } }
    const first = await world.connectKept('c', kept)
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await first.settled()
    first.drop()
    world.connect('publisher').publish('a', 'secret', { qos: 1, messageId: 1 })
    world.setRules([open('b')])
    const second = await world.connectKept('c', kept)
    expect(second.take().map(({ cmd }) => cmd)).toEqual(['connack'])
    expect(world.states.find(world.space, 'c')?.grants.size).toBe(0)
  })
})

describe('renewal in place', () => {
  const METHOD = 'lockgate-token'
  const auth = (data: string, more = {}) => ({
    cmd: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(data), ...more },
  })

  function renewable(known = {}, more = {}) {
    const world = new MqttWorld()
    world.known.set('first', { owner: 'user:ann', expiresAtMs: world.time.ms + 60_000, ...known })
    const wire = world.connect('c', {
      keepalive: 600,
      properties: { authenticationMethod: METHOD, authenticationData: Buffer.from('first') },
      ...more,
    })
    return { world, wire }
  }

  test('CONNECT shows the token by its method, and CONNACK says so [MQTT-4.12.0-5]', () => {
    const { world, wire } = renewable()
    expect(wire.take()[0]?.['properties']).toMatchObject({ authenticationMethod: METHOD })
    expect(new TextDecoder().decode(world.shown[0]?.password)).toBe('first')
  })

  test('moves the end, keeps subscriptions, and loses nothing', () => {
    const { world, wire } = renewable()
    wire.subscribe('a', { qos: 1 })
    world.known.set('second', {
      owner: 'user:ann',
      expiresAtMs: world.time.ms + 120_000,
      reliances: ['token:second'],
    })
    wire.send(auth('second'))
    expect(wire.take()).toMatchObject([{ cmd: 'auth', reasonCode: 0 }])
    world.pass(90_000, [wire])
    expect(wire.outbox.closed).toBeUndefined()
    world.connect('publisher').publish('a', 'x', { qos: 1, messageId: 1 })
    expect(wire.take()).toMatchObject([{ cmd: 'publish', topic: 'a' }])
    const [connection] = world.space.connections.values()
    expect(connection?.openedBy as readonly string[]).toEqual(['token:second'])
    expect(world.figures.renewals).toBe(1)
  })

  test('is of the same principal, or the connection ends', () => {
    const { world, wire } = renewable()
    world.known.set('eves', { owner: 'user:eve' })
    wire.take()
    wire.send(auth('eves'))
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x87 }])
  })

  test('with a token that does not hold ends the connection', () => {
    const { world, wire } = renewable()
    world.known.set('bad', { refusal: 'token_expired' })
    wire.take()
    wire.send(auth('bad'))
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x87 }])
  })

  test('goes on while messages go on, where somebody has to be asked', async () => {
    const { world, wire } = renewable()
    wire.subscribe('a')
    world.known.set('second', { owner: 'user:ann' })
    world.waiting = []
    wire.send(auth('second'))
    wire.publish('a', 'x')
    expect(wire.take().map(({ cmd }) => cmd)).toEqual(['publish'])
    for (const answer of world.waiting) answer()
    await wire.settled()
    expect(wire.take()).toMatchObject([{ cmd: 'auth' }])
  })

  test('is not for somebody who does nothing else', () => {
    const { world, wire } = renewable()
    wire.take()
    for (let minute = 0; minute < 2; minute++) {
      for (let count = 0; count < RENEWALS_PER_MINUTE_MAX; count++) wire.send(auth('first'))
      const answers = wire.take().map(({ cmd }) => cmd)
      expect(answers).toEqual(Array.from({ length: RENEWALS_PER_MINUTE_MAX }, () => 'auth'))
      world.time.ms += 60_000
    }
    for (let count = 0; count <= RENEWALS_PER_MINUTE_MAX; count++) wire.send(auth('first'))
    expect(wire.take().at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x96 })
  })

  test('by what is revoked meanwhile ends the connection', async () => {
    const { world, wire } = renewable()
    world.known.set('second', { owner: 'user:ann', reliances: ['token:second'] })
    wire.take()
    world.waiting = []
    wire.send(auth('second'))
    world.hub.ended.add('token:second' as Reliance, world.time.ms)
    for (const answer of world.waiting) answer()
    await wire.settled()
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x87 }])
  })

  test('narrows the will that was left before', () => {
    const { world, wire } = renewable({}, { will: { topic: 'w/c', payload: 'x' } })
    world.known.set('second', { owner: 'user:ann', acl: { publish: ['a'] } })
    const watcher = world.connect('watcher')
    watcher.subscribe('w/#')
    watcher.take()
    wire.send(auth('second'))
    wire.drop()
    expect(watcher.take()).toEqual([])
    const kept = renewable({}, { will: { topic: 'w/c', payload: 'x' } })
    const other = kept.world.connect('watcher')
    other.subscribe('w/#')
    other.take()
    kept.wire.drop()
    expect(other.take()).toMatchObject([{ topic: 'w/c' }])
  })

  test.each([
    ['another method', { ...auth('second'), properties: { authenticationMethod: 'other' } }],
    ['an answer nobody asked for', { ...auth('second'), reasonCode: 0x18 }],
    ['no token', { ...auth('second'), properties: { authenticationMethod: METHOD } }],
  ])('%s is a protocol error', (_name, packet) => {
    const { wire } = renewable()
    wire.take()
    wire.send(packet)
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
  })

  test('is for clients that began with the method', () => {
    const { wire } = client()
    wire.send(auth('second'))
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
  })
})
