import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { matchesTopic } from '@lockgate/protocol/mqtt/topic'
import {
  grant,
  Listener,
  message,
  topicFilters,
  topicNames,
} from '../../../../../test/support/topic-world.ts'
import { MEMBER_LOOK_COUNT_MAX } from './share-group.ts'
import { SubscriptionTree } from './subscription-tree.ts'
import { TOPIC_LIMITS } from './topic-limits.ts'
import type { TopicMessage } from './topic-message.ts'
import type { TopicDelivery, TopicGrant } from './topic-subscriber.ts'

const { tree: LIMITS } = TOPIC_LIMITS

/** What one subscriber is due by the text of the specification, one grant after the other. */
function dueBy(grants: Iterable<TopicGrant>, client: string, sent: TopicMessage) {
  const matching = [...grants].filter(
    ({ filter, noLocal }) =>
      matchesTopic(filter, sent.topic) && !(noLocal && sent.publisherId === client),
  )
  if (matching.length === 0) return []
  const ids = matching.flatMap(({ subscriptionId }) => subscriptionId ?? [])
  return [
    {
      qos: Math.min(sent.qos, Math.max(...matching.map(({ qos }) => qos))),
      retain: sent.retain && matching.some(({ retainAsPublished }) => retainAsPublished),
      subscriptionIds: ids.toSorted((a, b) => a - b),
    },
  ]
}

function shown(deliveries: readonly TopicDelivery[]) {
  return deliveries.map(({ qos, retain, subscriptionIds }) => ({
    qos: qos as number,
    retain,
    subscriptionIds: subscriptionIds.toSorted((a, b) => a - b),
  }))
}

describe('the tree against a model', () => {
  const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
  const step = fc.oneof(
    fc.record({
      what: fc.constant('subscribe' as const),
      who: fc.nat(11),
      given: fc.record({
        filter: topicFilters,
        qos,
        noLocal: fc.boolean(),
        retainAsPublished: fc.boolean(),
        subscriptionId: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      }),
    }),
    fc.record({
      what: fc.constant('unsubscribe' as const),
      who: fc.nat(11),
      filter: topicFilters,
    }),
    fc.record({ what: fc.constant('remove' as const), who: fc.nat(11) }),
    fc.record({
      what: fc.constant('publish' as const),
      who: fc.nat(11),
      topic: topicNames,
      qos,
      retain: fc.boolean(),
    }),
  )

  test('delivers once to exactly whom the grants say, and keeps nothing of those who left', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const tree = new SubscriptionTree(LIMITS)
        const listeners = Array.from({ length: 12 }, (_, who) => new Listener(`c${who}`))
        const held = listeners.map(() => new Map<string, TopicGrant>())
        for (const each of steps) {
          const listener = listeners[each.who]
          const grants = held[each.who]
          if (listener === undefined || grants === undefined) throw new Error('no such listener')
          if (each.what === 'subscribe') {
            const { given } = each
            const outcome = grants.has(given.filter) ? 'replaced' : 'new'
            expect(tree.subscribe(listener, given)).toBe(outcome)
            grants.set(given.filter, given)
          } else if (each.what === 'unsubscribe') {
            expect(tree.unsubscribe(listener, each.filter)).toBe(grants.delete(each.filter))
          } else if (each.what === 'remove') {
            expect(tree.removeSubscriber(listener)).toBe(grants.size)
            grants.clear()
          } else {
            const { topic, qos: sentQos, retain } = each
            const sent = message(topic, { qos: sentQos, retain, publisherId: `c${each.who}` })
            const dues = held.map((its, who) => dueBy(its.values(), `c${who}`, sent))
            expect(tree.deliver(sent)).toBe(dues.flat().length)
            expect(listeners.map((one) => shown(one.take()))).toEqual(dues)
          }
          expect(tree.size).toBe(held.reduce((sum, its) => sum + its.size, 0))
        }
        for (const listener of listeners) tree.removeSubscriber(listener)
        expect([tree.size, tree.entryCount]).toEqual([0, 0])
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('overlapping filters', () => {
  test('make one delivery, with the highest QoS and all identifiers [MQTT-3.3.4-2]', () => {
    const tree = new SubscriptionTree(LIMITS)
    const listener = new Listener('c')
    tree.subscribe(listener, grant('a/#', { qos: 1, subscriptionId: 7 }))
    tree.subscribe(listener, grant('a/+', { qos: 2, subscriptionId: 8 }))
    tree.subscribe(listener, grant('a/b', { qos: 0, retainAsPublished: true }))
    tree.subscribe(listener, grant('#', { qos: 0, subscriptionId: 8 }))
    expect(tree.deliver(message('a/b', { qos: 2, retain: true }))).toBe(1)
    const [only, ...more] = listener.take()
    expect([only?.qos, only?.retain, more.length]).toEqual([2, true, 0])
    expect(only?.subscriptionIds.toSorted()).toEqual([7, 8, 8])
  })

  test('with and without No Local: the one without still delivers, and decides the QoS', () => {
    const tree = new SubscriptionTree(LIMITS)
    const listener = new Listener('c')
    tree.subscribe(listener, grant('a/#', { qos: 2, noLocal: true, subscriptionId: 1 }))
    tree.subscribe(listener, grant('a/b', { qos: 1, subscriptionId: 2 }))
    tree.deliver(message('a/b', { qos: 2, publisherId: 'c' }))
    expect(shown(listener.take())).toEqual([{ qos: 1, retain: false, subscriptionIds: [2] }])
    tree.deliver(message('a/c', { qos: 2, publisherId: 'c' }))
    expect(listener.take()).toEqual([])
    tree.deliver(message('a/c', { qos: 2, publisherId: 'd' }))
    expect(listener.take().length).toBe(1)
  })

  test('hold while a delivery publishes the next message', () => {
    const tree = new SubscriptionTree(LIMITS)
    const heard: string[] = []
    const listening = (name: string, then: () => void) => ({
      clientId: name,
      isReady: true,
      deliver: (delivery: TopicDelivery) => {
        heard.push(`${name} ${delivery.message.topic}`)
        if (delivery.message.topic === 'a/1') then()
      },
    })
    const first = listening('first', () => tree.deliver(message('a/2')))
    const second = listening('second', () => {})
    for (const one of [first, second]) {
      for (const filter of ['a/+', 'a/#']) tree.subscribe(one, grant(filter))
    }
    tree.deliver(message('a/1'))
    expect(heard.toSorted()).toEqual(['first a/1', 'first a/2', 'second a/1', 'second a/2'])
  })
})

describe('a fan-out', () => {
  test('shares one delivery among all who get the same', () => {
    const tree = new SubscriptionTree(LIMITS)
    const listeners = Array.from({ length: 1_000 }, (_, index) => new Listener(`c${index}`))
    for (const [index, each] of listeners.entries()) {
      tree.subscribe(each, grant('a', { qos: index % 2 === 0 ? 0 : 1 }))
    }
    expect(tree.deliver(message('a', { qos: 1 }))).toBe(1_000)
    const taken = listeners.map((each) => each.take())
    expect(taken.every(({ length }) => length === 1)).toBe(true)
    expect(new Set(taken.flat()).size).toBe(2)
  })

  test('shares it among receivers of a wildcard beside it too', () => {
    const tree = new SubscriptionTree(LIMITS)
    const listeners = Array.from({ length: 100 }, (_, index) => new Listener(`c${index}`))
    for (const each of listeners) tree.subscribe(each, grant('a'))
    const watcher = new Listener('w')
    tree.subscribe(watcher, grant('#'))
    expect(tree.deliver(message('a'))).toBe(101)
    expect(new Set([...listeners, watcher].flatMap((each) => each.take())).size).toBe(1)
  })

  test('of one identifier shares it as well', () => {
    const tree = new SubscriptionTree(LIMITS)
    const listeners = Array.from({ length: 10 }, (_, index) => new Listener(`c${index}`))
    for (const each of listeners) tree.subscribe(each, grant('a', { subscriptionId: 4 }))
    tree.deliver(message('a'))
    const taken = listeners.flatMap((each) => each.take())
    expect([taken.length, new Set(taken).size]).toEqual([10, 1])
    expect(taken[0]?.subscriptionIds).toEqual([4])
  })
})

describe('shared subscriptions', () => {
  function group(tree: SubscriptionTree, size: number, filter = '$share/g/jobs/+') {
    const members = Array.from({ length: size }, (_, index) => new Listener(`m${index}`))
    for (const each of members) tree.subscribe(each, grant(filter, { qos: 1 }))
    return members
  }
  const counts = (members: readonly Listener[]) => members.map((each) => each.take().length)

  test('deliver each message to one member, in turn (§4.8.2)', () => {
    const tree = new SubscriptionTree(LIMITS)
    const members = group(tree, 4)
    for (let count = 0; count < 12; count++) expect(tree.deliver(message('jobs/a'))).toBe(1)
    expect(counts(members)).toEqual([3, 3, 3, 3])
  })

  test('prefer members that are ready, and lose no turn by those who are not', () => {
    const tree = new SubscriptionTree(LIMITS)
    const members = group(tree, 5)
    for (const index of [0, 1, 3]) Object.assign(members[index] ?? {}, { isReady: false })
    for (let count = 0; count < 10; count++) tree.deliver(message('jobs/a'))
    expect(counts(members)).toEqual([0, 0, 5, 0, 5])
    for (const each of members) each.isReady = true
    for (let count = 0; count < 10; count++) tree.deliver(message('jobs/a'))
    expect(counts(members)).toEqual([2, 2, 2, 2, 2])
  })

  test('where nobody is ready, let it wait at one member, another one each time', () => {
    const tree = new SubscriptionTree(LIMITS)
    const members = group(tree, 3)
    for (const each of members) each.isReady = false
    for (let count = 0; count < 6; count++) expect(tree.deliver(message('jobs/a'))).toBe(1)
    expect(counts(members)).toEqual([2, 2, 2])
  })

  test('look at so many members and no more: a message waits where none of these is ready', () => {
    const tree = new SubscriptionTree(LIMITS)
    const members = group(tree, MEMBER_LOOK_COUNT_MAX + 1)
    for (const each of members.slice(0, -1)) each.isReady = false
    tree.deliver(message('jobs/a'))
    expect(counts(members).indexOf(1)).toBe(0)
    // The first one went behind the last one, who is looked at now.
    tree.deliver(message('jobs/a'))
    expect(counts(members).indexOf(1)).toBe(MEMBER_LOOK_COUNT_MAX)
  })

  test('of other names, and of the same name with another filter, are others', () => {
    const tree = new SubscriptionTree(LIMITS)
    const [one] = group(tree, 1, '$share/g/jobs/+')
    const [other] = group(tree, 1, '$share/h/jobs/+')
    const [wide] = group(tree, 1, '$share/g/#')
    expect(tree.deliver(message('jobs/a'))).toBe(3)
    expect(counts([one, other, wide].flatMap((each) => each ?? []))).toEqual([1, 1, 1])
  })

  test('come beside what a member has by itself', () => {
    const tree = new SubscriptionTree(LIMITS)
    const [member] = group(tree, 1)
    if (member === undefined) throw new Error('no member')
    tree.subscribe(member, grant('jobs/#', { qos: 2 }))
    expect(tree.deliver(message('jobs/a', { qos: 2 }))).toBe(2)
    expect(member.take().map(({ qos }) => qos)).toEqual([2, 1])
  })

  test('leave nothing when their last member goes, however many names there are', () => {
    const tree = new SubscriptionTree(LIMITS)
    const member = new Listener('m')
    for (let name = 0; name < 30; name++) tree.subscribe(member, grant(`$share/g${name}/a/+/#`))
    expect(tree.deliver(message('a/b'))).toBe(30)
    expect(tree.subscribe(member, grant('$share/g3/a/+/#', { qos: 2 }))).toBe('replaced')
    expect(tree.unsubscribe(member, '$share/g3/a/+/#')).toBe(true)
    expect(tree.unsubscribe(member, '$share/g3/a/+/#')).toBe(false)
    expect(tree.deliver(message('a/b'))).toBe(60 - 1 - 30)
    expect(tree.removeSubscriber(member)).toBe(29)
    expect(tree.entryCount).toBe(0)
  })
})

describe('bounds', () => {
  test('on subscriptions: the next one is refused, a replacement is not', () => {
    const tree = new SubscriptionTree({ ...LIMITS, subscriptionCountMax: 2 })
    const listener = new Listener('c')
    expect(tree.subscribe(listener, grant('a'))).toBe('new')
    expect(tree.subscribe(listener, grant('$share/g/a'))).toBe('new')
    expect(tree.subscribe(listener, grant('c'))).toBe('full')
    expect(tree.subscribe(listener, grant('a', { qos: 2 }))).toBe('replaced')
    expect(tree.deliver(message('c'))).toBe(0)
    tree.unsubscribe(listener, 'a')
    expect(tree.subscribe(listener, grant('c'))).toBe('new')
  })

  test('on the text of filters', () => {
    const tree = new SubscriptionTree({ ...LIMITS, filterUnitsMax: 100 })
    const listener = new Listener('c')
    expect(tree.subscribe(listener, grant('x'.repeat(60)))).toBe('new')
    expect(tree.subscribe(listener, grant('y'.repeat(60)))).toBe('full')
    expect(tree.removeSubscriber(listener)).toBe(1)
    expect(tree.subscribe(listener, grant('y'.repeat(60)))).toBe('new')
  })

  test('on nodes: who is refused leaves nothing behind', () => {
    const tree = new SubscriptionTree({ ...LIMITS, nodeCountMax: 10 })
    for (const filter of [`${'+/'.repeat(20)}x`, `$share/g/${'+/'.repeat(20)}x`]) {
      expect(tree.subscribe(new Listener('c'), grant(filter))).toBe('full')
    }
    expect([tree.size, tree.entryCount]).toEqual([0, 0])
  })

  test('on what a million filters chosen for it make one message cost', () => {
    const tree = new SubscriptionTree(LIMITS)
    const listener = new Listener('c')
    let refusedCount = 0
    // Each shape of 20 levels once, in an order in which no beginning comes twice in a row.
    for (let number = 0; number < 1_048_576; number++) {
      let filter = ''
      for (let bit = 0; bit < 20; bit++) filter += (number >> bit) % 2 === 0 ? 'a/' : '+/'
      if (tree.subscribe(listener, grant(`${filter}+`)) === 'full') refusedCount++
    }
    expect(refusedCount).toBeGreaterThan(1_000_000)
    expect(tree.visitCountMax).toBeLessThan(4_100)
    expect(tree.deliver(message(`${'a/'.repeat(20)}z`))).toBe(1)
    tree.removeSubscriber(listener)
    expect(tree.entryCount).toBe(0)
  })
})
