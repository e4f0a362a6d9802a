import { describe, expect, test } from 'bun:test'
import { ScriptedSessionStore } from '../../../../../test/support/session-world.ts'
import { MqttWorld } from '../../../../../test/support/mqtt-world.ts'
import type { Wire } from '../../../../../test/support/mqtt-wire.ts'
import { WAITING_ANSWER_COUNT_MAX } from './ordered-answers.ts'
import { JOURNAL_BYTES_MAX } from './state/session-journal.ts'

const DENY_ALL = [{ effect: 'allow' as const, actions: ['subscribe' as const], filter: 'a/#' }]

function pair(options: ConstructorParameters<typeof MqttWorld>[0] = {}, level: 4 | 5 = 5) {
  const world = new MqttWorld(options)
  const publisher = world.connect('publisher', { level })
  const subscriber = world.connect('subscriber')
  publisher.take()
  subscriber.take()
  return { world, publisher, subscriber }
}

function kinds(wire: Wire) {
  return wire.take().map(({ cmd, reasonCode }) => [cmd, reasonCode ?? 0])
}

describe('a message', () => {
  test('has an answer by its quality of service, in the order of the messages', () => {
    const { publisher, subscriber } = pair()
    subscriber.subscribe('a', { qos: 2 })
    publisher.publish('a', '0')
    publisher.publish('a', '1', { qos: 1, messageId: 7 })
    publisher.publish('a', '2', { qos: 2, messageId: 8 })
    expect(publisher.take()).toMatchObject([
      { cmd: 'puback', messageId: 7 },
      { cmd: 'pubrec', messageId: 8 },
    ])
    publisher.send({ cmd: 'pubrel', messageId: 8 })
    expect(publisher.take()).toMatchObject([{ cmd: 'pubcomp', messageId: 8 }])
    expect(subscriber.take().map(({ qos, payload }) => [qos, String(payload)])).toEqual([
      [0, '0'],
      [1, '1'],
      [2, '2'],
    ])
  })

  test('that nobody is subscribed to is told so (0x10)', () => {
    const { publisher } = pair()
    publisher.publish('a', 'x', { qos: 1, messageId: 1 })
    publisher.publish('a', 'x', { qos: 2, messageId: 2 })
    expect(kinds(publisher)).toEqual([
      ['puback', 0x10],
      ['pubrec', 0x10],
    ])
  })

  test('of QoS 2 that is repeated is acknowledged and delivered once [MQTT-4.3.3-10]', () => {
    const { publisher, subscriber } = pair()
    subscriber.subscribe('a', { qos: 0 })
    publisher.publish('a', 'x', { qos: 2, messageId: 8 })
    publisher.publish('a', 'x', { qos: 2, messageId: 8, dup: true })
    expect(kinds(publisher)).toEqual([
      ['pubrec', 0],
      ['pubrec', 0],
    ])
    expect(subscriber.take().length).toBe(1)
    publisher.send({ cmd: 'pubrel', messageId: 8 })
    publisher.publish('a', 'y', { qos: 2, messageId: 8 })
    expect(subscriber.take().length).toBe(1)
  })

  test('PUBREL for what was never sent says so, and PUBREC as well (0x92)', () => {
    const { publisher } = pair()
    publisher.send({ cmd: 'pubrel', messageId: 3 })
    publisher.send({ cmd: 'pubrec', messageId: 4, reasonCode: 0 })
    expect(kinds(publisher)).toEqual([
      ['pubcomp', 0x92],
      ['pubrel', 0x92],
    ])
  })

  test('passes its properties on, and its life less what it waited', () => {
    const { world, publisher, subscriber } = pair()
    subscriber.subscribe('a', { qos: 0 })
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'response/publisher',
      correlationData: Buffer.from('req_0001'),
      userProperties: { correlationId: ['one', 'two'] },
    }
    publisher.publish('a', 'x', { properties: { ...properties, messageExpiryInterval: 30 } })
    const [received] = subscriber.take()
    expect(received?.['properties']).toMatchObject({ ...properties, messageExpiryInterval: 30 })
    expect(world.errors).toEqual([])
  })

  test('reaches clients of 3.1.1 without what they do not know', () => {
    const { world, publisher } = pair()
    const old = world.connect('old', { level: 4 })
    old.subscribe('a', { qos: 0 })
    publisher.publish('a', 'x', { properties: { contentType: 'text/plain' } })
    expect(old.take()).toMatchObject([{ cmd: 'publish', topic: 'a' }])
  })

  test('is encoded once for all who get the same', () => {
    const world = new MqttWorld()
    const wires = Array.from({ length: 5 }, (_, index) => world.connect(`c${index}`))
    for (const wire of wires) wire.subscribe('a', { qos: 1 })
    world.connect('publisher').publish('a', 'x')
    const [first, ...rest] = wires.map((wire) => wire.outbox.frames[0])
    for (const frame of rest) expect(frame).toBe(first)
  })
})

describe('topic aliases', () => {
  test('stand for the topic they were given with, until it is given anew', () => {
    const { publisher, subscriber } = pair()
    subscriber.subscribe('t/+', { qos: 0 })
    for (const topic of ['t/a', '', 't/b', '']) {
      publisher.publish(topic, 'x', { properties: { topicAlias: 1 } })
    }
    expect(subscriber.take().map(({ topic }) => topic)).toEqual(['t/a', 't/a', 't/b', 't/b'])
  })

  test.each([
    { what: 'an alias that stands for nothing', topic: '', topicAlias: 1, reasonCode: 0x82 },
    { what: 'one above what was announced', topic: 'a', topicAlias: 5, reasonCode: 0x94 },
  ])('$what ends the connection', ({ topic, topicAlias, reasonCode }) => {
    const { publisher } = pair()
    publisher.publish(topic, 'x', { properties: { topicAlias } })
    expect(publisher.take()).toMatchObject([{ cmd: 'disconnect', reasonCode }])
  })

  test('are used towards clients that take them, where the topic is long', () => {
    const world = new MqttWorld()
    const wire = world.connect('c', { properties: { topicAliasMaximum: 1 } })
    wire.subscribe('#', { qos: 0 })
    world.setRules([{ effect: 'allow', actions: ['publish', 'subscribe'], filter: '#' }])
    world.turn()
    wire.subscribe('#', { qos: 0 })
    const publisher = world.connect('publisher')
    for (const topic of ['a/long/topic/name', 'a/long/topic/name', 'another/long/topic', 'short']) {
      publisher.publish(topic, 'x')
    }
    const told = wire
      .take()
      .map(({ topic, properties }) => [
        topic,
        (properties as { topicAlias?: number } | undefined)?.topicAlias,
      ])
    expect(told).toEqual([
      ['a/long/topic/name', 1],
      ['', 1],
      ['another/long/topic', undefined],
      ['short', undefined],
    ])
  })
})

describe('a message that is refused', () => {
  const publishAll = (publisher: Wire) => {
    publisher.publish('b', '0')
    publisher.publish('b', '1', { qos: 1, messageId: 1 })
    publisher.publish('b', '2', { qos: 2, messageId: 2 })
  }

  test('by rules is told 0x87, and in the audit', () => {
    const { world, publisher } = pair()
    world.setRules(DENY_ALL)
    world.turn()
    publishAll(publisher)
    expect(kinds(publisher)).toEqual([
      ['puback', 0x87],
      ['pubrec', 0x87],
    ])
    expect(world.denials.length).toBe(3)
    expect(world.denials[0]).toMatchObject({ action: 'topic.denied', after: { topic: 'b' } })
    expect(world.figures.refusedPublishes.get('denied')).toBe(3)
  })

  test.each(['$SYS/broker/load', '$share/g/a'])('%s is nobody’s to publish', (topic) => {
    const { publisher } = pair()
    publisher.publish(topic, 'x', { qos: 1, messageId: 1 })
    expect(kinds(publisher)).toEqual([['puback', 0x87]])
  })

  test('by rules is dropped in 3.1.1, which has no other answer', () => {
    const { world, publisher, subscriber } = pair({}, 4)
    subscriber.subscribe('b', { qos: 0 })
    world.setRules([{ effect: 'allow', actions: ['subscribe'], filter: '#' }])
    world.turn()
    publishAll(publisher)
    publisher.send({ cmd: 'pubrel', messageId: 2 })
    expect(kinds(publisher).map(([cmd]) => cmd)).toEqual(['puback', 'pubrec', 'pubcomp'])
    expect(subscriber.take()).toEqual([])
  })

  test.each([4, 5] as const)('ends a connection of level %d where the app wants that', (level) => {
    const { world, publisher } = pair({ settings: { mqttDeniedPublish: 'disconnect' } }, level)
    world.setRules(DENY_ALL)
    world.turn()
    publisher.publish('b', '0')
    expect(publisher.outbox.closed).toBeDefined()
    expect(kinds(publisher)).toEqual(level === 5 ? [['disconnect', 0x87]] : [])
  })

  test('by a limit is told 0x97, and says which when it is asked to', () => {
    const { publisher } = pair({ settings: { limits: ['publish.app 1/1m'] } })
    publisher.publish('b', '0')
    publishAll(publisher)
    const answers = publisher.take()
    expect(answers.map(({ cmd, reasonCode }) => [cmd, reasonCode])).toEqual([
      ['puback', 0x97],
      ['pubrec', 0x97],
    ])
    expect(answers[0]?.['properties']).toHaveProperty('reasonString')
  })

  test('gives no reasons to who wants none [MQTT-3.1.2-29]', () => {
    const world = new MqttWorld({ settings: { limits: ['publish.app 1/1m'] } })
    const wire = world.connect('c', { properties: { requestProblemInformation: false } })
    wire.take()
    wire.publish('b', '0')
    wire.publish('b', '1', { qos: 1, messageId: 1 })
    expect(wire.take()[0]?.['properties']).toBeUndefined()
  })

  test('by its size is told 0x97', () => {
    const { publisher } = pair({ settings: { mqttPayloadBytesMax: 3 } })
    publisher.publish('b', 'four', { qos: 1, messageId: 1 })
    expect(kinds(publisher)).toEqual([['puback', 0x97]])
  })

  test('frees its packet id: the next one under it is no repetition', () => {
    const { publisher, subscriber } = pair({ settings: { mqttPayloadBytesMax: 3 } })
    subscriber.subscribe('b', { qos: 0 })
    publisher.publish('b', 'four', { qos: 2, messageId: 1 })
    publisher.publish('b', 'tri', { qos: 2, messageId: 1 })
    expect(kinds(publisher)).toEqual([
      ['pubrec', 0x97],
      ['pubrec', 0],
    ])
    expect(subscriber.take().length).toBe(1)
  })

  test('is never larger than its receiver takes', () => {
    const world = new MqttWorld()
    const small = world.connect('small', { properties: { maximumPacketSize: 40 } })
    small.subscribe([{ topic: 'a', qos: 0 }])
    const publisher = world.connect('publisher')
    publisher.publish('a', 'x'.repeat(60))
    publisher.publish('a', 'y')
    expect(small.take().map(({ payload }) => String(payload))).toEqual(['y'])
    expect(world.sessionFigures.droppedFor('packet_large')).toBe(1)
  })
})

describe('what has to survive', () => {
  test('is acknowledged once it is written, and what comes after it waits', async () => {
    const store = new ScriptedSessionStore()
    const world = new MqttWorld({ store })
    const kept = await world.connectKept('kept', { properties: { sessionExpiryInterval: 60 } })
    kept.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await kept.settled()
    kept.drop()
    const publisher = world.connect('publisher')
    publisher.take()
    publisher.publish('a', 'x', { qos: 1, messageId: 1 })
    publisher.publish('b', 'y', { qos: 1, messageId: 2 })
    expect(publisher.take()).toEqual([])
    await publisher.settled()
    expect(publisher.take().map(({ messageId }) => messageId)).toEqual([1, 2])
  })

  test('is not acknowledged where the store is out: the connection ends', async () => {
    const store = new ScriptedSessionStore()
    const world = new MqttWorld({ store })
    const kept = await world.connectKept('kept', { properties: { sessionExpiryInterval: 60 } })
    kept.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await kept.settled()
    kept.drop()
    await kept.settled()
    store.isOut = true
    const publisher = world.connect('publisher')
    publisher.take()
    publisher.publish('a', 'x', { qos: 1, messageId: 1 })
    await publisher.settled()
    expect(kinds(publisher)).toEqual([['disconnect', 0x89]])
    const next = world.connect('next')
    next.take()
    next.publish('a', 'x', { qos: 1, messageId: 1 })
    expect(kinds(next)).toEqual([['puback', 0x97]])
    const old = world.connect('old', { level: 4 })
    old.take()
    old.publish('a', 'x', { qos: 1, messageId: 1 })
    expect(old.outbox.closed).toBeDefined()
  })
})

test('a message that cannot be retained is delivered, and told so', () => {
  const { world, publisher, subscriber } = pair()
  subscriber.subscribe('a', { qos: 0 })
  world.tally.retainedBytes = Number.MAX_SAFE_INTEGER
  publisher.publish('a', 'x', { qos: 1, messageId: 1, retain: true })
  expect(kinds(publisher)).toEqual([['puback', 0x97]])
  expect(subscriber.take().length).toBe(1)
  expect(world.figures.refusedPublishes.get('unretained')).toBe(1)
  const old = world.connect('old', { level: 4 })
  old.take()
  old.publish('a', 'x', { qos: 1, messageId: 1, retain: true })
  expect(old.take()).toMatchObject([{ cmd: 'puback' }])
})

test('who publishes faster than the store writes is not read for a while', async () => {
  const store = new ScriptedSessionStore()
  const world = new MqttWorld({ store, mqtt: { queueCountMax: 10_000 } })
  const kept = await world.connectKept('kept', { properties: { sessionExpiryInterval: 60 } })
  kept.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
  await kept.settled()
  kept.drop()
  await kept.settled()
  const publisher = world.connect('publisher')
  publisher.take()
  store.hold()
  for (let messageId = 1; messageId <= WAITING_ANSWER_COUNT_MAX + 5; messageId++) {
    publisher.publish('a', 'x', { qos: 1, messageId })
  }
  expect(publisher.isPaused).toBe(true)
  expect(world.figures.published).toBe(WAITING_ANSWER_COUNT_MAX)
  store.letGo()
  for (let turn = 0; turn < 50; turn++) await publisher.settled()
  expect(publisher.isPaused).toBe(false)
  expect(publisher.take().map(({ messageId }) => messageId)).toEqual(
    Array.from({ length: WAITING_ANSWER_COUNT_MAX + 5 }, (_, index) => index + 1),
  )
})

describe('who fills the journal', () => {
  const payload = 'x'.repeat(60_000)
  const MOST = Math.ceil(JOURNAL_BYTES_MAX / payload.length)

  async function slowStore() {
    const store = new ScriptedSessionStore()
    const mqtt = { queueCountMax: 10_000, queueBytesMax: 2 * JOURNAL_BYTES_MAX }
    const world = new MqttWorld({ store, mqtt })
    const kept = await world.connectKept('kept', { properties: { sessionExpiryInterval: 60 } })
    kept.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await kept.settled()
    kept.drop()
    await kept.settled()
    const publisher = world.connect('publisher')
    publisher.take()
    store.hold()
    return { world, store, publisher }
  }

  test.each([
    ['QoS 1', { qos: 1 }],
    ['retained messages of QoS 0', { qos: 0, retain: true }],
  ])('with %s is not read for a while, and others still are', async (_name, how) => {
    const { world, store, publisher } = await slowStore()
    let count = 0
    while (!publisher.isPaused && count < MOST) {
      publisher.publish('a', payload, { ...how, messageId: ++count })
      await Promise.resolve()
    }
    expect(count).toBeLessThan(MOST / 2)
    const other = world.connect('other')
    other.take()
    other.publish('a', 'x', { qos: 1, messageId: 1 })
    expect(other.take()).toEqual([])
    store.letGo()
    for (let turn = 0; turn < 50; turn++) await other.settled()
    expect(other.take()).toMatchObject([{ cmd: 'puback', reasonCode: 0 }])
    expect(publisher.isPaused).toBe(false)
    publisher.send({ cmd: 'pingreq' })
    const answers = how.qos === 1 ? count : 0
    expect(publisher.take().length).toBe(answers + 1)
  })
})
