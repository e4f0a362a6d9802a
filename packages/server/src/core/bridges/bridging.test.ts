import { describe, expect, test } from 'bun:test'
import { parseChannelName } from '@lockgate/protocol/pusher/channel-name'
import fc from 'fast-check'
import { hearing } from '../../../../../test/support/heard-events.ts'
import { loadedApp } from '../../../../../test/support/loaded-app.ts'
import { OPEN_SETTINGS } from '../../../../../test/support/pusher-world.ts'
import { RecordingFanout } from '../../../../../test/support/recording-fanout.ts'
import { createMemoryBus } from '../../adapters/broker-memory/broker.ts'
import { Outage } from '../../ports/outage.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import type { Message } from '../encoder.ts'
import { Hub } from '../hub.ts'
import { LiveEvents } from '../live-events.ts'
import type { RuleQuestion } from '../rules/rule-question.ts'
import { Tally } from '../tally.ts'
import { TopicHub } from '../topics/topic-hub.ts'
import type { TopicMessage } from '../topics/topic-message.ts'
import { Bridging } from './bridging.ts'

const ROOMS = 'rooms/+/chat <-> private-room-$1 client-message'
const CLOCK = { nowMs: () => 1_000, monotonicMs: () => 1_000 }

const encoder = new TextEncoder()
const textOf = ({ payload }: TopicMessage) => new TextDecoder().decode(payload)

/** Two nodes of one app; what the bridge itself publishes is written down. */
function world(settings: Partial<AppSettings> = {}) {
  const bus = createMemoryBus()
  const { app } = loadedApp({
    settings: { ...OPEN_SETTINGS, clientMessages: true, bridges: [ROOMS], ...settings },
    signingKeys: [],
  })
  const asked: (readonly [RuleQuestion, string | undefined])[] = []
  const errors: string[] = []
  const state = { isAllowed: true, hasRoom: true, fails: false }
  const node = () => {
    const bridging = new Bridging()
    const tally = new Tally()
    const events = new LiveEvents()
    const broker = bus.connect()
    const ports = { broker, tally, events, clock: CLOCK, bridging }
    const limits = { subscriptionCountMax: 20, channelCountMax: 50 }
    const hub = new Hub(limits, { ...ports, fanout: new RecordingFanout() })
    const space = hub.space(app)
    const topics = new TopicHub({ ...ports, spaces: hub, onRetained: () => {} })
    const heard = hearing(events)
    const toPusher: Message[] = []
    const toMqtt: TopicMessage[] = []
    const failing = () => {
      if (state.fails) throw new Outage('broker_unavailable', 'no bus', { port: 'broker' })
    }
    bridging.connect({
      hub: {
        hasRoom: () => state.hasRoom,
        publish(into, message) {
          failing()
          toPusher.push(message)
          hub.publish(into, message)
        },
      },
      topics: {
        publish(into, message) {
          failing()
          toMqtt.push(message)
          topics.publish(into, message)
        },
      },
      mayPublish(_space, question, userId) {
        asked.push([question, userId])
        return state.isAllowed
      },
      log: { debug() {}, info() {}, warn() {}, error: (event) => void errors.push(event) },
    })
    const { figures } = bridging
    const unbridged = () => Object.fromEntries(figures.unbridged)
    const publishTopic = (topic: string, more: Partial<TopicMessage> = {}) =>
      topics.publish(space, { ...MESSAGE, topic, ...more })
    const publishEvent = (channel: string, more: Partial<Message> = {}) => {
      const parsed = parseChannelName(channel)
      if (!parsed.ok) throw new Error(parsed.refusal)
      hub.publish(space, { ...EVENT, channel: parsed.value, ...more })
    }
    return { toPusher, toMqtt, heard, tally, figures, unbridged, publishTopic, publishEvent }
  }
  return { here: node(), there: node(), state, asked, errors }
}

const MESSAGE: Omit<TopicMessage, 'topic'> = {
  payload: encoder.encode('hi'),
  qos: 1,
  retain: false,
  properties: {},
  expiresAtMs: undefined,
  publisherId: undefined,
}
const EVENT: Omit<Message, 'channel'> = {
  event: 'client-message',
  data: 'hi',
  origin: 'server',
  userId: undefined,
  exceptConnectionId: undefined,
}

describe('a message on a topic', () => {
  test('is an event on the channel of its level, of a server as the text it is', () => {
    const { here } = world()
    here.publishTopic('rooms/42/chat', { payload: encoder.encode('{"a":"ü"}') })
    expect(here.toPusher).toMatchObject([
      { channel: { name: 'private-room-42', kind: 'private' }, event: 'client-message' },
    ])
    const [event] = here.toPusher
    expect([event?.data, event?.origin, event?.userId]).toEqual(['{"a":"ü"}', 'server', undefined])
    expect(here.figures.toPusher).toBe(1)
  })

  test('of a client is JSON text, whatever it holds', () => {
    const { here } = world()
    for (const text of ['hi', '"', '"}', '{"a":1}', '']) {
      here.publishTopic('rooms/1/chat', { payload: encoder.encode(text), publisherId: 'c' })
      const event = here.toPusher.at(-1)
      expect([event?.origin, JSON.parse(event?.data ?? '')]).toEqual(['client', text])
    }
  })

  test('of a client goes where clients of Pusher may send events, and nowhere else', () => {
    const ofClient = { publisherId: 'c' }
    const off = world({ clientMessages: false })
    off.here.publishTopic('rooms/1/chat', ofClient)
    expect(off.here.unbridged()).toEqual({ denied: 1 })
    off.here.publishTopic('rooms/1/chat')
    const open = world({ bridges: ['a/+ -> room-$1 e', 'b/+ -> presence-$1 e'] })
    open.here.publishTopic('a/1', ofClient)
    expect(open.here.unbridged()).toEqual({ denied: 1 })
    open.here.publishTopic('a/1')
    open.here.publishTopic('b/1', ofClient)
    expect([off.here.toPusher.length, open.here.toPusher.length]).toEqual([1, 2])
  })

  test('of a page that published over HTTP goes no further than one of a client', () => {
    const ofPage = { isOfPage: true } as const
    const { here } = world({ bridges: ['a/+ -> room-$1 e', 'b/+ -> private-$1 e'] })
    here.publishTopic('a/1', ofPage)
    expect([here.toPusher, here.unbridged()]).toEqual([[], { denied: 1 }])
    here.publishTopic('b/1', ofPage)
    expect(here.toPusher.map(({ origin }) => origin)).toEqual(['client'])
  })

  test('that no event can be stays where it is, and is counted', () => {
    const { here, state } = world({ eventDataBytesMax: 4 })
    here.publishTopic('rooms/1/chat', { payload: Uint8Array.of(0xff) })
    here.publishTopic('rooms/1/chat', { payload: encoder.encode('12345') })
    for (const level of ['a b', 'ü', 'a:b', '', '"}', '{', 'x'.repeat(200)]) {
      here.publishTopic(`rooms/${level}/chat`)
    }
    state.hasRoom = false
    here.publishTopic('rooms/1/chat')
    expect(here.unbridged()).toEqual({ binary: 1, large: 1, unfit: 7, busy: 1 })
    expect(here.toPusher).toEqual([])
  })

  test('never opens an encrypted channel or one of a user', () => {
    const { here } = world({ bridges: ['a/+ -> private-$1 e', 'b/+ -> $1 e'] })
    for (const topic of ['a/encrypted-x', 'b/private-x', 'b/private-encrypted-x']) {
      here.publishTopic(topic)
    }
    here.publishTopic('b/#server-to-user-1')
    expect(here.unbridged()).toEqual({ unfit: 4 })
  })
})

describe('an event', () => {
  test('is a message on the topic of its channel, with the id of its member', () => {
    const { here, asked } = world({ bridges: ['r/+ <- presence-$1 client-x qos=2'] })
    here.publishEvent('presence-7', {
      event: 'client-x',
      data: '{"b":[1]}',
      origin: 'client',
      userId: 'ann',
    })
    const [message] = here.toMqtt
    expect(message).toMatchObject({ topic: 'r/7', qos: 2, retain: false })
    expect(message?.properties.userProperties).toEqual([['user_id', 'ann']])
    expect(message && textOf(message)).toBe('{"b":[1]}')
    const question = { action: 'publish', topic: 'r/7', qos: 2, retain: false } as const
    expect(asked).toEqual([[question, 'ann']])
  })

  test('of a client that is a text is that text', () => {
    const { here } = world()
    const texts = ['"hi \\" ü"', '"{}"', '7', 'null', '["a"]']
    for (const data of texts) here.publishEvent('private-room-1', { data, origin: 'client' })
    expect(here.toMqtt.map(textOf)).toEqual(['hi " ü', '{}', '7', 'null', '["a"]'])
  })

  test('of another name, channel or way stays where it is', () => {
    const { here } = world({ bridges: [ROOMS, 'w/+ -> way-$1 e'] })
    here.publishEvent('private-room-1', { event: 'message' })
    here.publishEvent('private-other-1')
    here.publishEvent('way-1', { event: 'e' })
    expect(here.toMqtt).toEqual([])
    expect(here.unbridged()).toEqual({})
  })

  test('is held to the rules of topics, and to the size of messages', () => {
    const { here, state } = world({ mqttPayloadBytesMax: 3 })
    here.publishEvent('private-room-1', { data: '1234' })
    state.isAllowed = false
    here.publishEvent('private-room-1')
    expect(here.unbridged()).toEqual({ large: 1, denied: 1 })
    expect(here.toMqtt).toEqual([])
  })
})

test('nothing goes round, and every node gets each message once', async () => {
  const { here, there } = world()
  here.publishTopic('rooms/1/chat')
  there.publishEvent('private-room-2')
  // The bus hands on in later turns.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  const carried = [here, there].map((node) => [node.toPusher.length, node.toMqtt.length])
  expect(carried).toEqual([
    [1, 0],
    [0, 1],
  ])
  // Who watches is told where it was published, once.
  const told = [here, there].map((node) =>
    node.heard.take().map(([type, details]) => [type, (details as { channel?: string }).channel]),
  )
  expect(told).toEqual([
    [['message.published', 'rooms/1/chat']],
    [['message.published', 'private-room-2']],
  ])
  // Each of the two, and what was carried of it, on both nodes.
  expect([here.tally.messagesPublished, there.tally.messagesPublished]).toEqual([4, 4])
})

test('a bus that fails on the other side does not fail the publish', () => {
  const { here, state, errors } = world()
  state.fails = true
  here.publishTopic('rooms/1/chat')
  here.publishEvent('private-room-1')
  expect(here.unbridged()).toEqual({ busy: 2 })
  expect(errors).toEqual(['bridge_unavailable', 'bridge_unavailable'])
})

test('an app without bridges is asked nothing', () => {
  const { here, asked } = world({ bridges: [] })
  here.publishTopic('rooms/1/chat')
  here.publishEvent('private-room-1')
  expect([here.toMqtt.length, here.toPusher.length, asked.length]).toEqual([0, 0, 0])
})

test('a text comes back over the bridge as it was, from server and client', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 50 })
  fc.assert(
    fc.property(text, fc.boolean(), (sent, isOfClient) => {
      const { here, there } = world()
      const publisherId = isOfClient ? 'c' : undefined
      here.publishTopic('rooms/x-1/chat', { payload: encoder.encode(sent), publisherId })
      const [event] = here.toPusher
      if (event === undefined) throw new Error('it was not carried')
      // As if somebody on the channel had sent what they got.
      const { isBridged: _, ...again } = event
      there.publishEvent(event.channel.name, again)
      const [message] = there.toMqtt
      expect([message?.topic, message && textOf(message)]).toEqual(['rooms/x-1/chat', sent])
    }),
  )
})
