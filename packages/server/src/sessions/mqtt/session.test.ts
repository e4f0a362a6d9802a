import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import vectors from '../../../../../test/vectors/mqtt.json'
import { MQTT_SETTINGS, MqttWorld } from '../../../../../test/support/mqtt-world.ts'
import { bytesOf, Wire } from '../../../../../test/support/mqtt-wire.ts'
import { MemorySessionStore } from '../../adapters/store-memory/session-store.ts'
import { Outage } from '../../ports/outage.ts'

const REASON = {
  malformed: 0x81,
  protocolError: 0x82,
  version: 0x84,
  clientId: 0x85,
  credentials: 0x86,
  notAuthorized: 0x87,
  busy: 0x89,
}

function world(options: ConstructorParameters<typeof MqttWorld>[0] = {}) {
  return new MqttWorld(options)
}

describe('before CONNECT', () => {
  test.each([
    ['PINGREQ', 'c000'],
    ['PUBLISH', '30070003612f626869'],
    ['DISCONNECT', 'e000'],
    ['AUTH', 'f000'],
    ['PUBACK', '40020001'],
  ])('%s ends the connection without a word [MQTT-3.1.0-1]', (_name, hex) => {
    const wire = world().open()
    wire.sendHex(hex)
    expect(wire.take()).toEqual([])
    expect(wire.outbox.closed).toBeDefined()
  })

  test('text frames end the connection [MQTT-6.0.0-1]', () => {
    const wire = world().open()
    wire.session.receive('CONNECT')
    expect(wire.outbox.closed).toBeDefined()
  })

  test('no more than a CONNECT is kept of somebody unknown', () => {
    const wire = world({ mqtt: { packetBytesMax: 1_000_000 } }).open()
    // A CONNECT that says it has 200,000 bytes is refused with its header.
    wire.sendHex('10c09a0c')
    expect(wire.outbox.closed).toBeDefined()
  })

  test('silence is cut off when the time for CONNECT is over', () => {
    const each = world()
    const wire = each.open()
    each.pass(MQTT_SETTINGS.connectTimeoutMs - 1, [wire])
    expect(wire.outbox.closed).toBeUndefined()
    each.pass(1, [wire])
    expect(wire.outbox.closed).toBeDefined()
    expect(each.tally.refusals.get('connect_overdue')).toBe(1)
  })
})

describe('CONNECT that is refused', () => {
  test.each([
    [3, { cmd: 'connack', returnCode: 1 }],
    [4, undefined],
  ] as const)('level %d of an older protocol is told in its form', (level, told) => {
    const wire = world().open()
    if (level === 4) wire.sendHex('100d00044d5154540602003c000163')
    else wire.connect('old', { level: 3 })
    const [connack] = wire.take()
    if (told !== undefined) expect(connack).toMatchObject(told)
    // Level 6 is told as 5.0 tells it.
    else expect(connack).toMatchObject({ cmd: 'connack', reasonCode: REASON.version })
    expect(wire.outbox.closed).toBeDefined()
  })

  test('a name that is not MQTT is not answered [MQTT-3.1.2-1]', () => {
    const wire = world().open()
    wire.sendHex('100d00044d5155540402003c000163')
    expect(wire.take()).toEqual([])
    expect(wire.outbox.closed).toBeDefined()
  })

  test('malformed: 5.0 is told, 3.1.1 is not', () => {
    const five = world().open()
    five.sendHex('100d00044d5154540503003c000163')
    expect(five.take()[0]).toMatchObject({ cmd: 'connack', reasonCode: REASON.malformed })
    const four = world().open()
    four.sendHex('100d00044d5154540403003c000163')
    expect(four.take()).toEqual([])
    expect(four.outbox.closed).toBeDefined()
  })

  test.each([
    ['credential_invalid', 0x86, 4],
    ['token_expired', 0x86, 4],
    ['credential_revoked', 0x86, 4],
    ['app_disabled', 0x87, 5],
    ['origin_refused', 0x87, 5],
    ['plan_missing', 0x87, 5],
    ['rate_limited', 0x9f, 3],
    ['unavailable', 0x88, 3],
  ] as const)('%s is %d in 5.0 and %d in 3.1.1', (refusal, reasonCode, returnCode) => {
    const each = world()
    each.known.set('ann', { refusal })
    const five = each.connect('c')
    expect(five.take()).toMatchObject([{ cmd: 'connack', reasonCode, sessionPresent: false }])
    expect(five.outbox.closed).toBeDefined()
    const four = each.connect('c', { level: 4 })
    expect(four.take()).toMatchObject([{ cmd: 'connack', returnCode }])
    expect(four.outbox.closed).toBeDefined()
    expect(each.space.connections.size).toBe(0)
    expect([...each.figures.refusedConnects]).toEqual([[refusal, 2]])
  })

  test('an overloaded server is busy for who comes, and goes on for who is there', () => {
    const each = world()
    const old = each.connect('old')
    expect(old.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0 }])
    each.isOverloaded = true
    const five = each.connect('c')
    expect(five.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x89 }])
    expect(each.connect('c', { level: 4 }).take()).toMatchObject([{ returnCode: 3 }])
    expect(each.shown).toHaveLength(1)
    expect(old.outbox.closed).toBeUndefined()
    each.isOverloaded = false
    expect(each.connect('c').take()).toMatchObject([{ cmd: 'connack', reasonCode: 0 }])
  })

  test('a client without a name that wants to be remembered [MQTT-3.1.3-8]', () => {
    const wire = world().open()
    // mqtt-packet makes no such packet.
    wire.level = 4
    wire.sendHex('100c00044d5154540400003c0000')
    expect(wire.take()).toMatchObject([{ cmd: 'connack', returnCode: 2 }])
  })

  test('a client id that is too long', () => {
    const wire = world().connect('x'.repeat(257))
    expect(wire.take()).toMatchObject([{ reasonCode: REASON.clientId }])
  })

  test('an authentication method that is not known', () => {
    const wire = world().connect('c', { properties: { authenticationMethod: 'SCRAM-SHA-1' } })
    expect(wire.take()).toMatchObject([{ reasonCode: 0x8c }])
  })

  test('a will that rules deny', () => {
    const each = world()
    each.setRules([{ effect: 'allow', actions: ['publish'], filter: 'open/#' }])
    const wire = each.connect('c', { will: { topic: 'closed/door', payload: 'x' } })
    expect(wire.take()).toMatchObject([{ reasonCode: REASON.notAuthorized }])
    expect(each.denials).toMatchObject([{ action: 'topic.denied' }])
    expect(each.connect('c', { will: { topic: 'open/door', payload: 'x' } }).take()).toMatchObject([
      { reasonCode: 0 },
    ])
  })

  test('a will larger than the app takes', () => {
    const each = world({ settings: { mqttPayloadBytesMax: 4 } })
    const wire = each.connect('c', { will: { topic: 'a', payload: 'x'.repeat(5) } })
    expect(wire.take()).toMatchObject([{ reasonCode: 0x97 }])
  })

  test('a client id that is somebody else’s', async () => {
    const each = world()
    const owner = await each.connectKept('c', { properties: { sessionExpiryInterval: 60 } })
    owner.send({ cmd: 'disconnect' })
    const stranger = await each.connectKept('c', { username: 'eve' })
    expect(stranger.take()).toMatchObject([{ reasonCode: REASON.clientId }])
  })

  test.each([
    ['connections.app 1', { userId: undefined }],
    ['connections.user 1', { userId: 'u' }],
  ])('%s, and a client that comes back is not counted twice', (limit, { userId }) => {
    const each = world({ settings: { limits: [limit] } })
    if (userId !== undefined) each.known.set('ann', { userId })
    const first = each.connect('a')
    expect(first.take()).toMatchObject([{ reasonCode: 0 }])
    const second = each.connect('b')
    expect(second.take()).toMatchObject([{ reasonCode: 0x97 }])
    const again = each.connect('a')
    expect(again.take()).toMatchObject([{ reasonCode: 0 }])
    expect(first.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8e }])
  })
})

describe('clients whose session has to be written first', () => {
  const kept = { properties: { sessionExpiryInterval: 60 } }

  test.each(['connections.app 2', 'connections.user 2'])(
    'are no more at a time than %s',
    async (limit) => {
      const each = world({ settings: { limits: [limit] } })
      each.known.set('ann', { userId: 'u' })
      const wires = ['1', '2', '3', '4'].map((id) => each.connect(id, kept))
      for (const wire of wires) await wire.settled()
      const reasons = wires.map((wire) => wire.take()[0]?.['reasonCode'])
      expect(reasons).toEqual([0, 0, 0x97, 0x97])
      expect(each.deps.arrivals.size).toBe(0)
      wires[0]?.drop()
      expect((await each.connectKept('3', kept)).take()).toMatchObject([{ reasonCode: 0 }])
    },
  )

  test('who comes again meanwhile is not counted twice', async () => {
    const each = world({ settings: { limits: ['connections.user 1'] } })
    each.known.set('ann', { userId: 'u' })
    const first = each.connect('c', kept)
    const second = each.connect('c', kept)
    await second.settled()
    expect(second.take()).toMatchObject([{ reasonCode: 0 }])
    expect(first.outbox.closed).toBeDefined()
  })

  test('are forgotten where the store fails', async () => {
    const store = new MemorySessionStore(() => {})
    store.apply = () => Promise.reject(new Outage('store_full', 'full', { port: 'store' }))
    const each = world({ store })
    const wire = await each.connectKept('c', kept)
    expect(wire.take()).toMatchObject([{ reasonCode: 0x88 }])
    expect(each.deps.arrivals.size).toBe(0)
  })
})

test('a refusal fits into what the client takes [MQTT-3.2.2-19]', () => {
  const each = world()
  each.known.set('ann', { refusal: 'credential_invalid' })
  const wire = each.connect('c', { properties: { maximumPacketSize: 10 } })
  expect(wire.outbox.frames[0]?.length).toBeLessThanOrEqual(10)
  expect(wire.take()).toMatchObject([{ reasonCode: REASON.credentials }])
})

describe('CONNACK', () => {
  test('announces what the client has to know and did not ask for', () => {
    const [connack] = world().connect('c').take()
    expect(connack).toMatchObject({
      reasonCode: 0,
      sessionPresent: false,
      properties: { maximumPacketSize: 65_536, topicAliasMaximum: 4 },
    })
    const names = Object.keys(connack?.['properties'] ?? {})
    expect(names.sort()).toEqual(['maximumPacketSize', 'topicAliasMaximum'])
  })

  test('assigns a client id that nobody guesses [MQTT-3.1.3-7]', () => {
    const each = world()
    const assigned = [each.connect(''), each.connect('')].map((wire) => {
      const properties = wire.take()[0]?.['properties'] as { assignedClientIdentifier: string }
      return properties.assignedClientIdentifier
    })
    expect(assigned[0]).toMatch(/^auto-[0-9a-f]{24}$/)
    expect(assigned[0]).not.toBe(assigned[1])
  })

  test.each([
    [0, 600],
    [601, 600],
    [600, undefined],
    [30, undefined],
  ])('keep alive %d is overruled by %p [MQTT-3.1.2-21]', (keepalive, serverKeepAlive) => {
    const properties = world().connect('c', { keepalive }).take()[0]?.['properties']
    expect((properties as { serverKeepAlive?: number }).serverKeepAlive).toBe(serverKeepAlive)
  })

  test('tells a shorter session expiry than was asked for', async () => {
    const each = world()
    const more = { properties: { sessionExpiryInterval: 0xffff_ffff } }
    const wire = await each.connectKept('c', more)
    expect(wire.take()[0]?.['properties']).toMatchObject({ sessionExpiryInterval: 3_600 })
  })

  test('says where answers go, if that is asked', () => {
    const asked = { properties: { requestResponseInformation: true } }
    expect(world().connect('c', asked).take()[0]?.['properties']).toMatchObject({
      responseInformation: 'response/c',
    })
  })
})

describe('while somebody is asked who it is', () => {
  test('nothing is read, and what had been read comes in its order', async () => {
    const each = world()
    each.waiting = []
    const wire = each.connect('c')
    expect(wire.isPaused).toBe(true)
    wire.send({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: 'a', qos: 0 }] })
    wire.publish('a', 'hello')
    expect(wire.take()).toEqual([])
    for (const answer of each.waiting) answer()
    await wire.settled()
    expect(wire.take().map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'publish'])
    expect(wire.isPaused).toBe(false)
  })

  test('no more is kept than was on the way', () => {
    const each = world()
    each.waiting = []
    const wire = each.connect('c')
    for (let count = 0; count < 17; count++) wire.session.receive(new Uint8Array(65_536))
    expect(wire.outbox.closed).toBeDefined()
    expect(each.tally.refusals.get('overloaded')).toBe(1)
  })

  test('who leaves meanwhile leaves nothing behind', async () => {
    const each = world()
    each.waiting = []
    const wire = each.connect('c', { will: { topic: 'w', payload: 'x' } })
    wire.drop()
    for (const answer of each.waiting) answer()
    await wire.settled()
    expect(each.space.connections.size).toBe(0)
    expect(each.states.find(each.space, 'c')).toBeUndefined()
    expect(each.sessionFigures.willCount).toBe(0)
  })

  test('it takes no longer than a CONNECT may', () => {
    const each = world()
    each.waiting = []
    const wire = each.connect('c')
    each.pass(MQTT_SETTINGS.connectTimeoutMs, [wire])
    expect(wire.take()).toMatchObject([{ cmd: 'connack', reasonCode: REASON.busy }])
  })
})

describe('the life of a connection', () => {
  test('a second CONNECT is a protocol error [MQTT-3.1.0-2]', () => {
    const wire = world().connect('c')
    wire.take()
    wire.connect('c')
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: REASON.protocolError }])
  })

  test('PINGREQ is answered', () => {
    const wire = world().connect('c')
    wire.take()
    wire.send({ cmd: 'pingreq' })
    expect(wire.take()).toMatchObject([{ cmd: 'pingresp' }])
  })

  test('silence of one and a half keep alives ends it with 0x8D [MQTT-3.1.2-22]', () => {
    const each = world()
    const wire = each.connect('c', { keepalive: 10 })
    wire.take()
    each.pass(14_999, [wire])
    wire.send({ cmd: 'pingreq' })
    each.pass(14_999, [wire])
    expect(wire.outbox.closed).toBeUndefined()
    each.pass(1, [wire])
    expect(wire.take().at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8d })
  })

  test('single bytes of a packet that never ends are silence [MQTT-3.1.2-22]', () => {
    const each = world()
    const [drip, large] = [
      each.connect('drip', { keepalive: 10 }),
      each.connect('large', { keepalive: 10 }),
    ]
    const begin = new Uint8Array([0x30, 0xe0, 0xd4, 0x03])
    for (const wire of [drip, large]) wire.session.receive(begin)
    each.pass(8_000, [drip, large])
    drip.session.receive(new Uint8Array(10))
    large.session.receive(new Uint8Array(2_000))
    each.pass(8_000, [drip, large])
    expect(drip.take().at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8d })
    expect(large.outbox.closed).toBeUndefined()
  })

  test('a 3.1.1 client that wants no keep alive is left alone for a day', () => {
    const each = world()
    const wire = each.connect('c', { level: 4, keepalive: 0 })
    each.pass(86_399_999, [wire])
    expect(wire.outbox.closed).toBeUndefined()
    each.pass(1, [wire])
    expect(wire.outbox.closed).toBeDefined()
  })

  test('a sign of life of the WebSocket is none of MQTT', () => {
    const each = world()
    const wire = each.connect('c', { keepalive: 10 })
    each.time.ms += 14_000
    wire.session.heard()
    each.pass(1_000, [wire])
    expect(wire.outbox.closed).toBeDefined()
  })

  test.each([
    ['draining', 0x8b],
    ['user_terminated', 0x98],
    ['credential_revoked', 0x87],
    ['authority_revoked', 0x87],
    ['slow_consumer', 0x97],
    ['internal', 0x80],
  ] as const)('%s is told as %d, and by 3.1.1 not at all', (refusal, reasonCode) => {
    const each = world()
    const five = each.connect('five')
    five.take()
    five.session.end(refusal)
    expect(each.figures.refusedConnects.size).toBe(0)
    expect(five.take()).toMatchObject([{ cmd: 'disconnect', reasonCode }])
    const four = each.connect('four', { level: 4 })
    four.take()
    four.session.end(refusal)
    expect(four.take()).toEqual([])
    expect(four.outbox.closed).toBeDefined()
  })

  test('ends once, and is nobody afterwards', () => {
    const each = world()
    each.known.set('ann', { userId: 'u' })
    const wire = each.connect('c')
    expect(each.space.users.connectionCount('u')).toBe(1)
    wire.session.end('draining')
    wire.session.end('internal')
    wire.session.closed()
    wire.session.closed()
    wire.send({ cmd: 'pingreq' })
    expect(each.space.connections.size).toBe(0)
    expect(each.space.users.connectionCount('u')).toBe(0)
    expect(each.tally.refusals.get('internal')).toBeUndefined()
  })

  test('rests on what it came by, so a revocation finds it', () => {
    const each = world()
    each.known.set('ann', { reliances: ['version:v1'] })
    each.connect('c')
    const [connection] = each.space.connections.values()
    expect(connection?.protocol).toBe('mqtt')
    expect(connection?.openedBy as readonly string[]).toEqual(['version:v1'])
  })
})

describe('the end of a credential', () => {
  const EXPIRES_MS = 60_000

  function expiring(settings = {}) {
    const each = world({ settings })
    each.known.set('ann', { expiresAtMs: each.time.ms + EXPIRES_MS })
    const wire = each.connect('c', { keepalive: 600 })
    wire.take()
    return { each, wire }
  }

  test('is that of its connection, 30 seconds later', () => {
    const { each, wire } = expiring()
    each.pass(EXPIRES_MS + 29_999, [wire])
    expect(wire.outbox.closed).toBeUndefined()
    each.pass(1, [wire])
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: REASON.notAuthorized }])
  })

  test('is asked again when it is due: a renewal elsewhere has moved it', () => {
    const each = world()
    let expiresAtMs = each.time.ms + EXPIRES_MS
    const known = {
      get expiresAtMs() {
        return expiresAtMs
      },
    }
    each.known.set('ann', known)
    const wire = each.connect('c', { keepalive: 600 })
    expiresAtMs += EXPIRES_MS
    each.pass(EXPIRES_MS + 30_000, [wire])
    expect(wire.outbox.closed).toBeUndefined()
    each.pass(EXPIRES_MS, [wire])
    expect(wire.outbox.closed).toBeDefined()
  })

  test('does not matter where the app holds to the handshake, for a day', () => {
    const { each, wire } = expiring({ expiry: 'handshake' })
    const keepAlive = () => wire.send({ cmd: 'pingreq' })
    for (let hour = 0; hour < 24 * 12 - 1; hour++) {
      each.pass(300_000, [wire])
      keepAlive()
    }
    expect(wire.outbox.closed).toBeUndefined()
    each.pass(300_000, [wire])
    expect(wire.outbox.closed).toBeDefined()
  })
})

test('a session is not kept beyond the last renewal of what its client came by', async () => {
  const each = world()
  each.known.set('ann', { renewableUntilMs: each.time.ms + 60_000 })
  const kept = { clean: false, properties: { sessionExpiryInterval: 3_600 } }
  const wire = await each.connectKept('c', kept)
  wire.drop()
  each.time.ms += 59_000
  each.states.tick()
  expect(each.states.find(each.space, 'c')).toBeDefined()
  each.time.ms += 1_000
  each.states.tick()
  expect(each.states.find(each.space, 'c')).toBeUndefined()
})

describe('takeover', () => {
  test('ends the older connection with 0x8E and keeps the session [MQTT-3.1.4-3]', async () => {
    const each = world()
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } }
    const first = await each.connectKept('c', kept)
    first.take()
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await first.settled()
    first.take()
    const second = await each.connectKept('c', kept)
    expect(first.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8e }])
    expect(second.take()).toMatchObject([{ cmd: 'connack', sessionPresent: true }])
    first.drop()
    each.connect('other').publish('a', 'x')
    expect(second.take()).toMatchObject([{ cmd: 'publish', topic: 'a' }])
  })
})

describe('a client that says goodbye', () => {
  test.each([
    [0x00, 0],
    [0x04, 1],
  ])('with reason %d leaves %d wills', (reasonCode, willCount) => {
    const each = world()
    const wire = each.connect('c', { will: { topic: 'w', payload: 'x' } })
    wire.send({ cmd: 'disconnect', reasonCode })
    wire.drop()
    expect(wire.outbox.closed).toMatchObject({ code: 1000 })
    expect(each.sessionFigures.willCount).toBe(willCount)
  })

  test('cannot keep a session after all that was to end with it (§3.14.2.2.2)', () => {
    const wire = world().connect('c')
    wire.take()
    wire.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } })
    expect(wire.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: REASON.protocolError }])
  })

  test('who breaks off leaves its will, under the rules of that moment', () => {
    const each = world()
    const watcher = each.connect('watcher')
    watcher.subscribe('w/#')
    each.connect('one', { will: { topic: 'w/1', payload: 'x' } }).drop()
    expect(watcher.take()).toMatchObject([{ topic: 'w/1' }])
    const two = each.connect('two', { will: { topic: 'w/2', payload: 'x' } })
    each.setRules([{ effect: 'allow', actions: ['subscribe'], filter: '#' }])
    each.turn()
    two.drop()
    expect(watcher.take()).toEqual([])
    expect(each.figures.refusedPublishes.get('denied')).toBe(1)
  })

  test('its will counts as a message of its own', () => {
    const each = world({ settings: { limits: ['publish.user 2/1s'] } })
    each.known.set('ann', { userId: 'u' })
    const watcher = each.connect('watcher', { username: 'bob' })
    watcher.subscribe('w')
    for (let count = 0; count < 5; count++) {
      each.connect('c', { will: { topic: 'w', payload: 'x' } }).drop()
    }
    expect(watcher.take().length).toBe(2)
    expect(each.figures.refusedPublishes.get('limited')).toBe(3)
  })
})

describe('bytes of strangers', () => {
  const connect = (level: 4 | 5) =>
    bytesOf(
      {
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: level,
        clean: true,
        clientId: 'c',
        keepalive: 60,
        username: 'ann',
      },
      level,
    )

  test.each(vectors.accepted.filter(({ kind }) => kind !== 'connect'))(
    '$name: cut anywhere is the same',
    ({ hex, level }) => {
      const answers = [Number.POSITIVE_INFINITY, 1].map((size) => {
        const wire = new Wire(world().deps)
        wire.level = level === 4 ? 4 : 5
        const bytes = Buffer.concat([connect(wire.level), Buffer.from(hex, 'hex')])
        for (let at = 0; at < bytes.length; at += Math.min(size, bytes.length)) {
          wire.session.receive(
            new Uint8Array(bytes.subarray(at, Math.min(at + size, bytes.length))),
          )
        }
        return { packets: wire.take().map(String), frames: wire.outbox.closed }
      })
      expect(answers[0]).toEqual(answers[1])
    },
  )

  test.each(vectors.refused.filter(({ hex }) => !hex.startsWith('1')))(
    '$name: ends the connection, in 5.0 with a DISCONNECT',
    ({ hex, level }) => {
      const wire = new Wire(world().deps)
      wire.level = level === 4 ? 4 : 5
      wire.session.receive(new Uint8Array(connect(wire.level)))
      wire.take()
      wire.sendHex(hex)
      expect(wire.outbox.closed).toBeDefined()
      const told = wire.take().map(({ cmd }) => cmd)
      expect(told).toEqual(wire.level === 5 ? ['disconnect'] : [])
    },
  )

  test('any packets in any order never throw', () => {
    const topic = fc.constantFrom('a', 'a/b', '$SYS/x', '$share/g/a', 'b/c/d')
    const filter = fc.constantFrom('a', '#', 'a/+', '$share/g/a/#', '$SYS/#', 'response/c')
    const messageId = fc.integer({ min: 1, max: 5 })
    const qos = fc.constantFrom(0, 1, 2)
    const alias = fc.option(fc.record({ topicAlias: fc.integer({ min: 1, max: 6 }) }), {
      nil: undefined,
    })
    const flow = fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp')
    const packet = fc.oneof(
      fc.record({
        cmd: fc.constant('publish'),
        topic,
        payload: fc.string(),
        qos,
        retain: fc.boolean(),
        dup: fc.constant(false),
        messageId,
        properties: alias,
      }),
      fc.record({ cmd: flow, messageId, reasonCode: fc.constant(0) }),
      fc.record({
        cmd: fc.constant('subscribe'),
        messageId,
        subscriptions: fc.array(fc.record({ topic: filter, qos }), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({
        cmd: fc.constant('unsubscribe'),
        messageId,
        unsubscriptions: fc.array(filter, { minLength: 1, maxLength: 3 }),
      }),
      fc.constant({ cmd: 'pingreq' }),
    )
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 30 }), fc.constantFrom(4, 5), (packets, level) => {
        const each = world()
        const wire = each.connect('c', { level: level === 4 ? 4 : 5 })
        for (const one of packets) wire.send(one)
        each.turn()
        wire.take()
        wire.drop()
        expect(each.errors).toEqual([])
        expect(each.space.connections.size).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})
