import { describe, expect, test } from 'bun:test'
import { until } from '../../../../../test/support/wait.ts'
import { grant, Listener, message, TopicWorld } from '../../../../../test/support/topic-world.ts'
import { BROKER_PAYLOAD_BYTES_MAX } from '../../ports/broker.ts'
import type { LiveEvent } from '../live-events.ts'
import { encodeTopicEnvelope, TOPICS_TOPIC } from './topic-envelope.ts'
import { isReservedTopic } from './topic-hub.ts'
import { TOPIC_LIMITS } from './topic-limits.ts'

const EMPTY = new Uint8Array()
const topicsOf = (messages: Iterable<{ readonly topic: string }>) =>
  [...messages].map(({ topic }) => topic).toSorted()

describe('one node', () => {
  test('says what became of each call', () => {
    const { hub, space, tally } = new TopicWorld().node()
    const app = space('app')
    const [one, two] = [new Listener('one'), new Listener('two')]
    expect(hub.subscribe(app, one, grant('a/+'))).toEqual({ ok: true, value: 'new' })
    expect(hub.subscribe(app, one, grant('a/+', { qos: 1 }))).toEqual({
      ok: true,
      value: 'replaced',
    })
    hub.subscribe(app, two, grant('a/b'))
    expect(hub.publish(app, message('a/b')).receiverCount).toBe(2)
    expect(hub.publish(app, message('b')).receiverCount).toBe(0)
    expect(hub.unsubscribe(app, two, 'a/b')).toBe(true)
    expect(hub.unsubscribe(app, two, 'a/b')).toBe(false)
    expect([tally.topicSubscriptions, tally.messagesPublished, tally.messagesDelivered]).toEqual([
      1, 2, 2,
    ])
    hub.removeSubscriber(app, one)
    hub.removeSubscriber(app, one)
    expect(tally.topicSubscriptions).toBe(0)
  })

  test('makes nothing for an app without topics, and lets go of what has become empty', () => {
    const { hub, space } = new TopicWorld().node()
    const app = space('app')
    hub.publish(app, message('a'))
    hub.publish(app, message('a', { retain: true, payload: EMPTY }))
    hub.removeSubscriber(app, new Listener('c'))
    expect([...hub.retainedFor(app, '#')]).toEqual([])
    expect(app.topics).toBeUndefined()
    hub.subscribe(app, new Listener('c'), grant('a'))
    hub.publish(app, message('a', { retain: true }))
    expect(app.topics).toBeDefined()
  })

  test('keeps apps apart: topics, subscriptions, groups, client ids, retained messages', () => {
    const { hub, space } = new TopicWorld().node()
    const [one, other] = [space('one'), space('other')]
    const filters = ['a/b', 'a/+', '#', '$share/g/a/b']
    const listeners = [one, other].map((app) => {
      const listener = new Listener('same')
      for (const filter of filters) hub.subscribe(app, listener, grant(filter))
      return listener
    })
    hub.publish(one, message('a/b', { retain: true }))
    expect(listeners.map((each) => each.take().length)).toEqual([2, 0])
    expect(topicsOf(hub.retainedFor(one, '#'))).toEqual(['a/b'])
    expect([...hub.retainedFor(other, '#'), ...hub.retainedFor(other, 'a/b')]).toEqual([])
  })

  test('takes nothing for the topics of operators, nor what looks like a share', () => {
    const world = new TopicWorld()
    const { hub, space } = world.node()
    const app = space('app')
    const listener = new Listener('c')
    for (const filter of ['$SYS/#', '$notes/+']) hub.subscribe(app, listener, grant(filter))
    expect(hub.publish(app, message('$SYS/broker/uptime', { retain: true }))).toEqual({
      receiverCount: 0,
      retained: undefined,
    })
    expect([listener.take().length, world.changes.length]).toEqual([0, 0])
    // Other topics with a `$` are anybody's.
    expect(hub.publish(app, message('$notes/a')).receiverCount).toBe(1)
    const reserved = ['$SYS', '$SYS/a', '$share', '$share/g/a', '$SYSTEM/a', '$shared', 'a/$SYS/b']
    expect(reserved.map(isReservedTopic)).toEqual([true, true, true, true, false, false, false])
  })
})

describe('retained messages', () => {
  test('are kept, replaced and removed, and each change is told before anybody gets it', () => {
    const world = new TopicWorld()
    const { hub, space, tally } = world.node()
    const app = space('app')
    const told: number[] = []
    const deliver = () => void told.push(world.changes.length)
    hub.subscribe(app, { clientId: 'c', isReady: true, deliver }, grant('a'))
    const first = message('a', { retain: true })
    const second = message('a', { retain: true, qos: 1 })
    const removal = message('a', { retain: true, payload: EMPTY })
    const outcomes = [first, second, message('a'), removal, removal].map((each) =>
      hub.publish(app, each),
    )
    expect(outcomes.map(({ retained }) => retained)).toEqual([
      'kept',
      'kept',
      undefined,
      'removed',
      undefined,
    ])
    // A removal is an ordinary message to those who are subscribed [MQTT-3.3.1-6].
    expect(told).toEqual([1, 2, 2, 3, 3])
    expect(world.changes).toEqual([
      { appId: 'app', topic: 'a', message: first },
      { appId: 'app', topic: 'a', message: second },
      { appId: 'app', topic: 'a', message: undefined },
    ])
    expect([tally.retainedMessages, tally.retainedBytes]).toEqual([0, 0])
  })

  test('are not there for shared subscriptions (§4.8.2)', () => {
    const { hub, space } = new TopicWorld().node()
    const app = space('app')
    hub.publish(app, message('a', { retain: true }))
    expect(topicsOf(hub.retainedFor(app, 'a'))).toEqual(['a'])
    expect(topicsOf(hub.retainedFor(app, '+'))).toEqual(['a'])
    expect([...hub.retainedFor(app, '$share/g/a')]).toEqual([])
  })

  test('that expire are told as removed, once, and make room', () => {
    const world = new TopicWorld()
    const { hub, space, tally } = world.node()
    const app = space('app')
    const expiresAtMs = world.time.ms + 1_000
    hub.publish(app, message('a', { retain: true, expiresAtMs }))
    world.time.ms += 999
    hub.tick()
    expect([tally.retainedMessages, topicsOf(hub.retainedFor(app, 'a'))]).toEqual([1, ['a']])
    world.time.ms += 1
    expect([...hub.retainedFor(app, 'a')]).toEqual([])
    hub.tick()
    hub.tick()
    expect(world.changes.slice(1)).toEqual([{ appId: 'app', topic: 'a', message: undefined }])
    expect([tally.retainedMessages, app.topics]).toEqual([0, undefined])
  })

  test('put back at the start are not written down again', () => {
    const world = new TopicWorld()
    const { hub, space, tally } = world.node()
    expect(hub.restoreRetained(space('app'), message('a', { retain: true }))).toBe(true)
    expect(topicsOf(hub.retainedFor(space('app'), '#'))).toEqual(['a'])
    expect([world.changes.length, tally.retainedMessages]).toEqual([0, 1])
  })
})

describe('bounds', () => {
  test('on memory of subscriptions of all apps of a node: a replacement still goes through', () => {
    const limits = { ...TOPIC_LIMITS, nodeSubscriptionByteCountMax: 400 }
    const { hub, space } = new TopicWorld().node(limits)
    const listener = new Listener('c')
    hub.subscribe(space('one'), listener, grant('a'))
    hub.subscribe(space('two'), listener, grant('a'))
    const full = { ok: false, refusal: 'topics_full' } as const
    expect(hub.subscribe(space('two'), listener, grant('b'))).toEqual(full)
    expect(hub.subscribe(space('three'), listener, grant('a'))).toEqual(full)
    expect(space('three').topics).toBeUndefined()
    expect(hub.subscribe(space('two'), listener, grant('a', { qos: 2 })).ok).toBe(true)
    hub.unsubscribe(space('one'), listener, 'a')
    expect(hub.subscribe(space('three'), listener, grant('a')).ok).toBe(true)
  })

  test('on subscriptions of one app leave others alone', () => {
    const tree = { ...TOPIC_LIMITS.tree, subscriptionCountMax: 1 }
    const { hub, space } = new TopicWorld().node({ ...TOPIC_LIMITS, tree })
    const listener = new Listener('c')
    const filters = ['a', 'b'].map((filter) => hub.subscribe(space('one'), listener, grant(filter)))
    expect(filters.map(({ ok }) => ok)).toEqual([true, false])
    expect(hub.subscribe(space('two'), listener, grant('a')).ok).toBe(true)
  })

  test('on retained messages: one that has no room is delivered, counted, and not kept', () => {
    const retained = { ...TOPIC_LIMITS.retained, messageCountMax: 1 }
    const world = new TopicWorld()
    const { hub, space, tally } = world.node({ ...TOPIC_LIMITS, retained })
    hub.publish(space('app'), message('a', { retain: true }))
    const listener = new Listener('c')
    hub.subscribe(space('app'), listener, grant('b'))
    expect(hub.publish(space('app'), message('b', { retain: true }))).toEqual({
      receiverCount: 1,
      retained: 'full',
    })
    expect([listener.take().length, world.changes.length]).toEqual([1, 1])
    expect(tally.refusals.get('topics_full')).toBe(1)
    expect([...hub.retainedFor(space('app'), 'b')]).toEqual([])
  })

  test('on what one look-up of retained messages gives: one that is cut is counted', () => {
    const retained = { ...TOPIC_LIMITS.retained, lookUpCountMax: 2 }
    const { hub, space, tally } = new TopicWorld().node({ ...TOPIC_LIMITS, retained })
    for (const topic of ['a/1', 'a/2']) hub.publish(space('app'), message(topic, { retain: true }))
    expect(topicsOf(hub.retainedFor(space('app'), 'a/+'))).toEqual(['a/1', 'a/2'])
    expect(tally.retainedLookUpsCut).toBe(0)
    hub.publish(space('app'), message('a/3', { retain: true }))
    expect([...hub.retainedFor(space('app'), 'a/+')].length).toBe(2)
    expect(tally.retainedLookUpsCut).toBe(1)
  })

  test('on memory of retained messages of all apps of a node', () => {
    const limits = { ...TOPIC_LIMITS, nodeRetainedByteCountMax: 1 }
    const { hub, space } = new TopicWorld().node(limits)
    expect(hub.publish(space('one'), message('a', { retain: true })).retained).toBe('kept')
    expect(hub.publish(space('two'), message('a', { retain: true })).retained).toBe('full')
    hub.publish(space('one'), message('a', { retain: true, payload: EMPTY }))
    expect(hub.publish(space('two'), message('a', { retain: true })).retained).toBe('kept')
  })
})

test('of a deleted app nothing is left', () => {
  const { hub, space, tally } = new TopicWorld().node()
  hub.subscribe(space('app'), new Listener('c'), grant('a'))
  hub.publish(space('app'), message('a', { retain: true }))
  hub.forget(space('app'))
  hub.forget(space('app'))
  expect(space('app').topics).toBeUndefined()
  const { topicSubscriptions, topicSubscriptionBytes, retainedMessages, retainedBytes } = tally
  const counts = [topicSubscriptions, topicSubscriptionBytes, retainedMessages, retainedBytes]
  expect(counts).toEqual([0, 0, 0, 0])
})

describe('several nodes', () => {
  test('each deliver a message to their own subscribers, and all of them keep it', async () => {
    const world = new TopicWorld()
    const nodes = [world.node(), world.node(), world.node()]
    const listeners = nodes.map(({ hub, space }, index) => {
      const listener = new Listener(`c${index}`)
      hub.subscribe(space('app'), listener, grant('a/+', { qos: 2 }))
      return listener
    })
    const [first] = nodes
    const sent = message('a/b', {
      payload: Uint8Array.from({ length: 256 }, (_, byte) => byte),
      qos: 1,
      retain: true,
      properties: { correlationData: Uint8Array.of(0, 255), userProperties: [['n', 'v']] },
      publisherId: 'p',
    })
    expect(first?.hub.publish(first.space('app'), sent).receiverCount).toBe(1)
    await until('all to get it', () => listeners.every(({ deliveries }) => deliveries.length > 0))
    for (const [index, listener] of listeners.entries()) {
      expect(listener.take().map(({ message: got }) => got)).toEqual([sent])
      const { hub, space } = nodes[index] ?? world.node()
      expect(topicsOf(hub.retainedFor(space('app'), 'a/b'))).toEqual(['a/b'])
    }
    // Written down once, by the node it was published at.
    expect(world.changes.length).toBe(1)
  })

  test('drop what no hub would have written, and go on', async () => {
    const world = new TopicWorld()
    const { hub, space } = world.node()
    const listener = new Listener('c')
    hub.subscribe(space('app'), listener, grant('#'))
    hub.subscribe(space('app'), listener, grant('$SYS/#'))
    const hostile = world.bus.connect()
    for (const payload of [
      '',
      '{}',
      '{"appId":"app","message":{"topic":"a/#"}}',
      encodeTopicEnvelope({ appId: 'app', message: message('$SYS/x', { retain: true }) }),
      encodeTopicEnvelope({ appId: 'no app', message: message('a', { retain: true }) }),
      encodeTopicEnvelope({ appId: 'app', message: message('good') }),
    ]) {
      hostile.publish(TOPICS_TOPIC, payload)
    }
    await until('the good one', () => listener.deliveries.length > 0)
    expect(listener.take().map((each) => each.message.topic)).toEqual(['good'])
    expect([...hub.retainedFor(space('app'), '$SYS/#')]).toEqual([])
  })

  test('do not get what is too large for the bus, which is counted', async () => {
    const world = new TopicWorld()
    const [here, there] = [world.node(), world.node()]
    const listener = new Listener('c')
    here.hub.subscribe(here.space('app'), listener, grant('a'))
    const payload = new Uint8Array(BROKER_PAYLOAD_BYTES_MAX)
    expect(here.hub.publish(here.space('app'), message('a', { payload })).receiverCount).toBe(1)
    expect(here.tally.topicMessagesUnforwarded).toBe(1)
    there.hub.close()
    here.hub.publish(here.space('app'), message('a', { payload }))
    expect(here.tally.topicMessagesUnforwarded).toBe(1)
  })

  test('hear nothing after their end', async () => {
    const world = new TopicWorld()
    const [here, closed, open] = [world.node(), world.node(), world.node()]
    const [gone, left] = [new Listener('gone'), new Listener('left')]
    closed.hub.subscribe(closed.space('app'), gone, grant('a'))
    open.hub.subscribe(open.space('app'), left, grant('a'))
    closed.hub.close()
    here.hub.publish(here.space('app'), message('a'))
    await until('the other one', () => left.deliveries.length > 0)
    expect(gone.deliveries.length).toBe(0)
  })
})

describe('live events', () => {
  function hearing() {
    const world = new TopicWorld()
    const node = world.node()
    const heard: LiveEvent[] = []
    node.events.listen({ wants: () => true, hear: (event) => heard.push(event) })
    return { ...node, heard }
  }

  test('tell a message of a server and one of a client, with its text', () => {
    const { hub, space, heard } = hearing()
    const payload = new TextEncoder().encode('grüße')
    hub.publish(space('app'), message('a', { payload }))
    hub.publish(space('app'), message('a', { payload, publisherId: 'c' }))
    const details = { channel: 'a', event: 'message', data: 'grüße' }
    expect(heard.map(({ type, appId }) => [type, appId])).toEqual([
      ['message.published', 'app'],
      ['client_event', 'app'],
    ])
    expect(heard.map((event) => event.details as object)).toEqual([
      details,
      { ...details, connectionId: 'c', userId: undefined },
    ])
  })

  test('tell bytes that are no text as Base64, and say so', () => {
    const { hub, space, heard } = hearing()
    hub.publish(space('app'), message('a', { payload: Uint8Array.of(255, 0) }))
    expect(heard[0]?.details).toEqual({ channel: 'a', event: 'message;base64', data: '/wA=' })
  })
})
