import { describe, expect, test } from 'bun:test'
import { SessionWorld, TestLink } from '../../../../../../test/support/session-world.ts'
import { grant } from '../../../../../../test/support/topic-world.ts'
import { IN_FLIGHT_BYTES_MAX, IN_FLIGHT_COUNT_MAX } from './outgoing-flows.ts'
import { MEMORY_COUNT_MAX } from './waiting-messages.ts'

const KEPT = { expirySeconds: 3_600 }
const SUCCESS = 0x00
const FAILURE = 0x80

describe.each([
  ['a session that ends with its connection', { expirySeconds: 0 }],
  ['a session that is kept', KEPT],
])('%s', (_name, claim) => {
  test('sends QoS 1 and 2 under ids of their own, and each flow to its end', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect(claim)).subscribe('t')
    world.publish('a', { qos: 0 })
    world.publish('b')
    world.publish('c', { qos: 2 })
    await world.settle()
    expect(link.take()).toEqual(['a qos0 #0', 'b qos1 #1', 'c qos2 #2'])
    expect(state.waitingCount).toBe(2)
    expect(state.acknowledged(1)).toBe(true)
    expect(state.received(2, SUCCESS)).toBe(true)
    await world.settle()
    expect(link.take()).toEqual(['pubrel #2'])
    expect(state.completed(2)).toBe(true)
    expect(state.waitingCount).toBe(0)
    expect(world.figures.inFlightCount).toBe(0)
  })

  test('knows which packet ids are on which step', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect(claim)).subscribe('t')
    world.publish('one')
    world.publish('two', { qos: 2 })
    await world.settle()
    link.take()
    expect([state.acknowledged(2), state.received(1, SUCCESS), state.completed(2)]).toEqual([
      false,
      false,
      false,
    ])
    expect([state.acknowledged(9), state.received(9, SUCCESS), state.completed(9)]).toEqual([
      false,
      false,
      false,
    ])
    // A PUBREC that comes again gets its PUBREL again (§4.3.3).
    state.received(2, SUCCESS)
    await world.settle()
    expect(link.take()).toEqual(['pubrel #2'])
    state.received(2, SUCCESS)
    expect(link.take()).toEqual(['pubrel #2'])
    expect(state.completed(2)).toBe(true)
    expect(state.completed(2)).toBe(false)
  })

  test('PUBREC with a failure ends the flow and frees its place', async () => {
    const world = new SessionWorld()
    const link = new TestLink()
    link.receiveMaximum = 1
    const { state } = (await world.connect(claim, link)).subscribe('t')
    world.publish('a', { qos: 2 })
    world.publish('b', { qos: 2 })
    await world.settle()
    expect(link.take()).toEqual(['a qos2 #1'])
    expect(state.received(1, FAILURE)).toBe(true)
    await world.settle()
    expect(link.take()).toEqual(['b qos2 #2'])
    expect(state.completed(1)).toBe(false)
  })

  test('never has more on the way than the client takes [MQTT-3.3.4-9], and keeps the order', async () => {
    const world = new SessionWorld()
    const link = new TestLink()
    link.receiveMaximum = 2
    const { state } = (await world.connect(claim, link)).subscribe('t')
    for (const payload of ['a', 'b', 'c', 'd']) world.publish(payload)
    expect(link.take()).toEqual(['a qos1 #1', 'b qos1 #2'])
    expect([world.figures.queuedCount, state.isReady]).toEqual([2, false])
    state.acknowledged(2)
    expect(link.take()).toEqual(['c qos1 #3'])
    state.acknowledged(1)
    state.acknowledged(3)
    expect(link.take()).toEqual(['d qos1 #4'])
    expect([world.figures.queuedCount, world.figures.queuedBytes, state.isReady]).toEqual([
      0,
      0,
      true,
    ])
  })

  test('waits for an outbox that is full, and drops QoS 0 for it', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect(claim)).subscribe('t')
    link.hasRoom = false
    expect(state.isReady).toBe(false)
    world.publish('a', { qos: 0 })
    world.publish('b')
    expect(link.take()).toEqual([])
    expect(world.figures.droppedFor('no_room')).toBe(1)
    link.hasRoom = true
    state.pump()
    expect(link.take()).toEqual(['b qos1 #1'])
  })

  test('ends as acknowledged what is larger than the client takes [MQTT-3.1.2-25]', async () => {
    const world = new SessionWorld()
    const link = new TestLink()
    link.receiveMaximum = 1
    link.payloadBytesMax = 3
    const { state } = (await world.connect(claim, link)).subscribe('t')
    world.publish('long', { qos: 0 })
    world.publish('longer')
    world.publish('longest', { qos: 2 })
    world.publish('fit')
    await world.settle()
    expect(link.take()).toHaveLength(1)
    expect(world.figures.droppedFor('packet_large')).toBe(3)
    expect(state.waitingCount).toBe(1)
  })

  test('a queue that is full loses its oldest, and nothing that is in flight', async () => {
    const world = new SessionWorld({ queueCountMax: 2 })
    const link = new TestLink()
    link.receiveMaximum = 1
    const { state } = (await world.connect(claim, link)).subscribe('t')
    for (const payload of ['a', 'b', 'c', 'd', 'e']) world.publish(payload)
    expect(world.figures.droppedFor('queue_full')).toBe(2)
    for (let packetId = 1; packetId <= 3; packetId++) state.acknowledged(packetId)
    await world.settle()
    expect(link.take().map((each) => each[0])).toEqual(['a', 'd', 'e'])
  })

  test('or its newest, by setting', async () => {
    const world = new SessionWorld({ queueCountMax: 2, queueDrops: 'newest' })
    const link = new TestLink()
    link.receiveMaximum = 1
    const { state } = (await world.connect(claim, link)).subscribe('t')
    for (const payload of ['a', 'b', 'c', 'd', 'e']) world.publish(payload)
    expect(world.figures.droppedFor('queue_full')).toBe(2)
    for (let packetId = 1; packetId <= 3; packetId++) state.acknowledged(packetId)
    await world.settle()
    expect(link.take().map((each) => each[0])).toEqual(['a', 'b', 'c'])
  })

  test('is bounded in bytes: in the queue, and in flight', async () => {
    const world = new SessionWorld({ queueBytesMax: 2_000 })
    const { link, state } = (await world.connect(claim)).subscribe('t')
    for (const payload of ['a', 'b', 'c', 'd', 'e', 'f']) world.publish(payload.repeat(500))
    expect(link.take().map((each) => each[0])).toEqual(['a', 'b', 'c'])
    world.publish('g'.repeat(500))
    expect(world.figures.queuedBytes).toBeLessThanOrEqual(2_000)
    expect(world.figures.droppedFor('queue_full')).toBe(1)
    world.publish('h'.repeat(5_000))
    expect(world.figures.droppedFor('queue_full')).toBe(2)
    for (let packetId = 1; packetId <= 3; packetId++) state.acknowledged(packetId)
    await world.settle()
    expect(link.take().map((each) => each[0])).toEqual(['e', 'f', 'g'])
  })

  test('shares the bound of its app with others, and makes room in itself alone', async () => {
    const world = new SessionWorld({ appQueueBytesMax: 2_000 })
    const slow = (id: string) => {
      const link = new TestLink()
      link.receiveMaximum = 1
      return world.connect({ ...claim, clientId: id }, link)
    }
    const [one, two] = [await slow('1'), await slow('2')]
    one.subscribe('one')
    two.subscribe('two')
    for (const payload of ['-', 'a', 'b', 'c']) {
      world.publish(payload.repeat(500), { topic: 'one' })
    }
    for (const payload of ['-', 'd', 'e']) world.publish(payload.repeat(500), { topic: 'two' })
    // 'd' had no room, and nothing of its own to push out; so had 'e'.
    expect(world.figures.droppedFor('queue_full')).toBe(2)
    world.publish('f'.repeat(500), { topic: 'one' })
    expect(world.figures.droppedFor('queue_full')).toBe(3)
    for (let packetId = 1; packetId <= 4; packetId++) one.state.acknowledged(packetId)
    await world.settle()
    expect(one.link.take().map((each) => each[0])).toEqual(['-', 'b', 'c', 'f'])
    // What left makes room for everybody.
    world.publish('g'.repeat(500), { topic: 'two' })
    two.state.acknowledged(1)
    await world.settle()
    expect(two.link.take().map((each) => each[0])).toEqual(['-', 'g'])
    expect([world.figures.queuedBytes, world.figures.memoryQueuedBytes]).toEqual([0, 0])
  })

  test('shares the bound of memory with others where it is not in the store', async () => {
    const world = new SessionWorld({ memoryQueueBytesMax: 2_000 })
    const clients = []
    for (const clientId of ['1', '2']) {
      const link = new TestLink()
      link.receiveMaximum = 1
      const { state } = await world.connect({ ...claim, clientId }, link)
      state.subscribe(grant('t', { qos: 1 }))
      clients.push({ link, state })
    }
    for (const payload of ['-', 'a', 'b', 'c']) world.publish(payload.repeat(500))
    const isStored = claim.expirySeconds > 0
    expect(world.figures.droppedFor('queue_full')).toBe(isStored ? 0 : 3)
    expect(world.figures.memoryQueuedBytes).toBeLessThanOrEqual(2_000)
    for (const { state } of clients) world.states.end(state)
    expect([world.figures.queuedBytes, world.figures.memoryQueuedBytes]).toEqual([0, 0])
  })

  test('keeps no more bytes in flight than our bound', async () => {
    const world = new SessionWorld({ queueBytesMax: 10 * IN_FLIGHT_BYTES_MAX })
    const { link } = (await world.connect(claim)).subscribe('t')
    for (let count = 0; count < 10; count++) world.publish('x'.repeat(IN_FLIGHT_BYTES_MAX / 4))
    expect(link.take()).toHaveLength(3)
  })

  test('keeps no more in flight than our bound, whatever the client takes', async () => {
    const world = new SessionWorld({ queueCountMax: 10, queueBytesMax: 10_000_000 })
    const { link } = (await world.connect(claim)).subscribe('t')
    for (let count = 0; count < IN_FLIGHT_COUNT_MAX + 100; count++) world.publish('x')
    expect(link.take()).toHaveLength(IN_FLIGHT_COUNT_MAX)
    expect([world.figures.queuedCount, world.figures.droppedFor('queue_full')]).toEqual([10, 90])
  })

  test('tells what is left of the life of a message, and drops what is over [MQTT-3.3.2-5]', async () => {
    const world = new SessionWorld()
    const link = new TestLink()
    link.receiveMaximum = 1
    const { state } = (await world.connect(claim, link)).subscribe('t')
    const expiresAtMs = world.clock.wallMs + 10_000
    for (const payload of ['a', 'b', 'c']) world.publish(payload, { expiresAtMs })
    world.publish('d', { qos: 0, expiresAtMs })
    world.clock.pass(4_500)
    state.acknowledged(1)
    // [MQTT-3.3.2-6]
    expect(link.publishes.map(({ sending }) => sending.expirySeconds)).toEqual([10, 10, 6])
    world.clock.pass(5_500)
    world.publish('e')
    state.acknowledged(2)
    await world.settle()
    expect(link.take().map((each) => each[0])).toEqual(['a', 'd', 'b', 'e'])
    expect(world.figures.droppedFor('expired')).toBe(1)
  })

  test('goes round with packet ids, past those that are on the way', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect(claim)).subscribe('t')
    world.publish('first')
    for (let packetId = 2; packetId <= 65_535; packetId++) {
      world.publish('x')
      state.acknowledged(packetId)
    }
    link.take()
    world.publish('round')
    expect(link.take()).toEqual(['round qos1 #2'])
  })
})

describe('a session that is kept', () => {
  test('QoS 2 leaves once its packet id is durable, PUBREL once PUBREC is', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect(KEPT)).subscribe('t')
    await world.settle()
    world.store.hold()
    world.publish('a', { qos: 2 })
    world.publish('b')
    await Promise.resolve()
    expect(link.take()).toEqual(['b qos1 #2'])
    expect(state.received(1, SUCCESS)).toBe(false)
    world.store.letGo()
    await world.settle()
    expect(link.take()).toEqual(['a qos2 #1'])
    world.store.hold()
    state.received(1, SUCCESS)
    await Promise.resolve()
    expect(link.take()).toEqual([])
    expect(state.completed(1)).toBe(false)
    world.store.letGo()
    await world.settle()
    expect(link.take()).toEqual(['pubrel #1'])
  })

  test('comes back with what was on the way, under the same ids, in order [MQTT-4.4.0-1]', async () => {
    const world = new SessionWorld()
    const first = (await world.connect(KEPT)).subscribe('t')
    world.publish('a')
    world.publish('b', { qos: 2 })
    world.publish('c', { qos: 2 })
    world.publish('d')
    await world.settle()
    first.state.received(2, SUCCESS)
    await world.settle()
    first.link.take()
    first.lose()
    expect(world.figures.inFlightCount).toBe(0)
    world.publish('e')
    world.publish('f', { qos: 0 })
    const { link, state, sessionPresent } = await world.connect(KEPT)
    await world.settle()
    expect(sessionPresent).toBe(true)
    expect(link.take()).toEqual([
      'pubrel #2',
      'a qos1 #1 again',
      'c qos2 #3 again',
      'd qos1 #4 again',
      'e qos1 #5',
    ])
    expect(world.figures.droppedFor('offline')).toBe(1)
    expect(state.completed(2)).toBe(true)
    for (const packetId of [1, 4, 5]) expect(state.acknowledged(packetId)).toBe(true)
    state.received(3, SUCCESS)
    await world.settle()
    state.completed(3)
    await world.settle()
    expect([state.waitingCount, world.figures.inFlightCount]).toEqual([0, 0])
    const stored = await world.store.load()
    expect(stored.sessions[0]).toMatchObject({ queuedCount: 0, sentCount: 0 })
  })

  test('sends again no more at a time than the client takes now, before anything new', async () => {
    const world = new SessionWorld()
    const first = (await world.connect(KEPT)).subscribe('t')
    for (const payload of ['a', 'b', 'c']) world.publish(payload)
    first.lose()
    const link = new TestLink()
    link.receiveMaximum = 1
    world.store.pageCountMax = 2
    const { state } = await world.connect(KEPT, link)
    world.publish('d')
    await world.settle()
    expect(link.take()).toEqual(['a qos1 #1 again'])
    state.acknowledged(1)
    expect(link.take()).toEqual(['b qos1 #2 again'])
    // One that was acknowledged before its turn is not sent again.
    state.acknowledged(3)
    state.acknowledged(2)
    expect(link.take()).toEqual(['d qos1 #4'])
  })

  test('a PUBREL of before takes no place of the receive maximum', async () => {
    const world = new SessionWorld()
    const first = (await world.connect(KEPT)).subscribe('t')
    world.publish('a', { qos: 2 })
    await world.settle()
    first.state.received(1, SUCCESS)
    await world.settle()
    first.lose()
    const link = new TestLink()
    link.receiveMaximum = 1
    const { state } = await world.connect(KEPT, link)
    await world.settle()
    world.publish('b')
    world.publish('c')
    expect(link.take()).toEqual(['pubrel #1', 'b qos1 #2'])
    state.completed(1)
    expect(link.take()).toEqual([])
    state.acknowledged(2)
    expect(link.take()).toEqual(['c qos1 #3'])
  })

  test('keeps its queue in the store, and reads it by pages behind which new messages wait', async () => {
    const world = new SessionWorld()
    const first = (await world.connect(KEPT)).subscribe('t')
    first.lose()
    const count = 3 * MEMORY_COUNT_MAX + 5
    for (let index = 0; index < count; index++) world.publish(`${index}`)
    const link = new TestLink()
    link.receiveMaximum = 10
    const { state } = await world.connect(KEPT, link)
    world.publish('new')
    const got: string[] = []
    for (let round = 0; round < count && got.at(-1) !== 'new'; round++) {
      await world.settle()
      for (const { delivery, packetId } of link.publishes.splice(0)) {
        got.push(new TextDecoder().decode(delivery.message.payload))
        state.acknowledged(packetId)
      }
    }
    expect(got).toEqual([...Array.from({ length: count }, (_, index) => `${index}`), 'new'])
    await world.settle()
    const { sessions } = await world.store.load()
    expect(sessions[0]).toMatchObject({ queuedCount: 0, sentCount: 0 })
  })

  test('is bounded while nobody is there, over a restart too, and never loses what is in flight', async () => {
    const before = new SessionWorld({ queueCountMax: 3 })
    const first = (await before.connect(KEPT)).subscribe('t')
    before.publish('sent')
    first.lose()
    for (const payload of ['a', 'b', 'c', 'd']) before.publish(payload)
    await before.settle()
    const world = await before.restart()
    expect(world.figures.queuedCount).toBe(3)
    for (const payload of ['e', 'f']) world.publish(payload)
    expect(world.figures.droppedFor('queue_full')).toBe(2)
    const { link } = await world.connect(KEPT)
    await world.settle()
    expect(link.take().map((each) => each.split(' ')[0])).toEqual(['sent', 'd', 'e', 'f'])
  })

  test('does not send again what its client may not have any more', async () => {
    const world = new SessionWorld()
    const first = (await world.connect(KEPT)).subscribe('#')
    for (const topic of ['mine/1', 'theirs/1']) world.publish(topic, { topic })
    for (const topic of ['mine/2', 'theirs/2']) world.publish(topic, { topic, qos: 2 })
    await world.settle()
    first.lose()
    for (const topic of ['theirs/3', 'mine/3']) world.publish(topic, { topic })
    const link = new TestLink()
    const claimed = await world.claim(KEPT, link)
    if (!claimed.ok) throw new Error(claimed.refusal)
    const { state } = claimed.value
    world.publish('between', { topic: 'theirs/4' })
    const maySubscribe = (filter: string) => filter.startsWith('mine/')
    expect(state.resume(link, { maySubscribe })).toEqual(['#'])
    await world.settle()
    // The client may hold the id of the QoS 2 message, which PUBREL frees.
    expect(link.take().toSorted()).toEqual([
      'mine/1 qos1 #1 again',
      'mine/2 qos2 #3 again',
      'mine/3 qos1 #5',
      'pubrel #4',
    ])
    expect(world.figures.droppedFor('not_allowed')).toBe(4)
    expect(state.grants.size).toBe(0)
    // What comes under the new rules is not measured by the old ones.
    state.subscribe(grant('theirs/5', { qos: 1 }))
    world.publish('later', { topic: 'theirs/5' })
    expect(link.take()).toEqual(['later qos1 #6'])
  })
})
