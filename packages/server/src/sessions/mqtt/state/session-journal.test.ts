import { describe, expect, test } from 'bun:test'
import { SessionWorld, TestLink } from '../../../../../../test/support/session-world.ts'
import { grant, message } from '../../../../../../test/support/topic-world.ts'
import { RetainedWriter, UNWRITTEN_COUNT_MAX } from './retained-writer.ts'
import { JOURNAL_BYTES_MAX, JOURNAL_RETRY_MS } from './session-journal.ts'

const KEPT = { expirySeconds: 100 }

/** The store fails at the next write, and everybody knows. */
async function breakStore(world: SessionWorld): Promise<void> {
  world.store.isOut = true
  world.journal.add({ kind: 'released', sessionId: 'nobody', packetId: 1 })
  expect(await world.journal.settled()).toBe(false)
}

async function repairStore(world: SessionWorld): Promise<void> {
  world.store.isOut = false
  world.clock.pass(JOURNAL_RETRY_MS)
  world.states.tick()
  await world.settle()
}

describe('commits', () => {
  test('hold all writes of a turn, and those that came while the store was busy', async () => {
    const world = new SessionWorld()
    const { state } = (await world.connect(KEPT)).subscribe('t')
    await world.settle()
    world.store.commits.length = 0
    world.store.hold()
    state.take(1)
    world.publish('a')
    await Promise.resolve()
    await Promise.resolve()
    state.take(2)
    await Promise.resolve()
    state.take(3)
    world.store.letGo()
    await world.settle()
    const kinds = world.store.commits.map((writes) => writes.map(({ kind }) => kind))
    expect(kinds).toEqual([
      ['taken', 'queued', 'sent'],
      ['taken', 'taken'],
    ])
    expect(world.journal.isSettled).toBe(true)
  })

  test('keep a message once for all who get it', async () => {
    const world = new SessionWorld()
    for (const clientId of ['1', '2', '3']) {
      const client = await world.connect({ clientId, ...KEPT })
      client.subscribe('t')
      if (clientId === '2') client.lose()
    }
    await world.settle()
    world.store.commits.length = 0
    world.publish('a')
    world.publish('b')
    await world.settle()
    const queued = world.store.commits.flat().filter((write) => write.kind === 'queued')
    expect(queued.map(({ receivers }) => receivers.length)).toEqual([3, 3])
  })

  test('do not put a message before the session it is for', async () => {
    const world = new SessionWorld()
    const text = message('t', { qos: 1 })
    ;(await world.connect({ clientId: '1', ...KEPT })).subscribe('t')
    await world.settle()
    world.store.commits.length = 0
    world.hub.publish(world.space, text)
    const later = world.claim({ clientId: '2', ...KEPT })
    const state = world.states.find(world.space, '2')
    // A retained message is delivered again as the same value.
    state?.deliver({ message: text, qos: 1, retain: true, subscriptionIds: [] })
    expect((await later).ok).toBe(true)
    await world.settle()
    const kinds = world.store.commits.flat().map(({ kind }) => kind)
    expect(kinds).toEqual(['queued', 'sent', 'session_saved', 'queued'])
  })

  test('are waited for by the answer to a repetition too', async () => {
    const world = new SessionWorld()
    const { state } = await world.connect(KEPT)
    world.store.hold()
    state.take(1)
    const before = world.journal.writeCount
    expect(state.take(1)).toBe('repeated')
    expect(world.journal.writeCount).toBe(before + 1)
    let isSettled = false
    const settled = world.journal.settled().then((isDurable) => {
      isSettled = isDurable
    })
    await Promise.resolve()
    expect(isSettled).toBe(false)
    world.store.letGo()
    await settled
    expect(isSettled).toBe(true)
    await world.settle()
    const now = world.journal.writeCount
    expect([state.take(1), state.release(9)]).toEqual(['repeated', false])
    expect(world.journal.writeCount).toBe(now)
  })

  test('never happen for sessions that end with their connection', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect()).subscribe('t')
    world.publish('a', { qos: 2 })
    state.take(1)
    state.take(1)
    state.release(1)
    state.received(1, 0)
    state.completed(1)
    state.unsubscribe('t')
    expect(link.take()).toEqual(['a qos2 #1', 'pubrel #1'])
    expect([world.journal.writeCount, world.store.commits.length]).toEqual([0, 0])
  })
})

describe('a store that is full or gone', () => {
  test('refuses what would have to be kept, and nothing else', async () => {
    const world = new SessionWorld()
    const kept = (await world.connect({ clientId: 'kept', ...KEPT })).subscribe('t')
    await world.settle()
    await breakStore(world)
    expect(world.journal.isDegraded).toBe(true)
    const fresh = await world.claim({ clientId: 'new', ...KEPT })
    expect(fresh).toMatchObject({ ok: false, refusal: 'unavailable' })
    expect(kept.state.subscribe(grant('u'))).toEqual({ ok: false, refusal: 'unavailable' })
    expect(kept.state.take(1)).toBe('refused')
    const before = world.journal.refusedCount
    world.publish('lost', { topic: 't' })
    expect(world.journal.refusedCount).toBe(before + 1)
    expect(world.figures.droppedFor('store')).toBe(1)
    world.publish('now', { qos: 0 })
    expect(kept.link.take()).toEqual(['now qos0 #0'])
    const clean = (await world.connect({ clientId: 'clean' })).subscribe('t')
    world.publish('go on', { qos: 2 })
    expect(clean.link.take()).toEqual(['go on qos2 #1'])
    expect([clean.state.take(1), clean.state.release(1)]).toEqual(['taken', true])
    await repairStore(world)
    expect(world.journal.isDegraded).toBe(false)
    expect((await world.claim({ clientId: 'new', ...KEPT })).ok).toBe(true)
    expect(kept.state.take(1)).toBe('taken')
    world.publish('again')
    expect(kept.link.take()).toEqual(['again qos1 #1'])
  })

  test('loses nothing that was accepted: it is written when the store answers again', async () => {
    const world = new SessionWorld()
    const { link, state } = (await world.connect(KEPT)).subscribe('t')
    await world.settle()
    world.store.isOut = true
    world.publish('a', { qos: 2 })
    world.publish('b')
    const [first, second] = [world.journal.settled(), world.journal.settled()]
    expect(await Promise.all([first, second])).toEqual([false, false])
    expect(world.errors).toEqual(['session_store_outage'])
    // QoS 2 does not leave before its packet id is durable.
    expect(link.take()).toEqual(['b qos1 #2'])
    state.acknowledged(2)
    world.clock.pass(JOURNAL_RETRY_MS - 1)
    world.states.tick()
    await world.turns()
    expect(link.take()).toEqual([])
    await repairStore(world)
    expect(link.take()).toEqual(['a qos2 #1'])
    expect(world.journal.waitingBytes).toBe(0)
    const { sessions } = await world.store.load()
    expect(sessions[0]).toMatchObject({ queuedCount: 0, sentCount: 1 })
  })

  test('keeps the retained messages of memory and store together in the end', async () => {
    const world = new SessionWorld()
    const options = { qos: 0, retain: true } as const
    world.publish('1', { topic: 'a', ...options })
    world.publish('1', { topic: 'b', ...options })
    await world.settle()
    await breakStore(world)
    const { refusedCount } = world.journal
    world.publish('2', { topic: 'a', ...options })
    world.publish('3', { topic: 'a', ...options })
    world.publish('', { topic: 'b', ...options })
    world.publish('1', { topic: '$c', ...options })
    expect(world.journal.refusedCount).toBe(refusedCount + 4)
    await repairStore(world)
    world.states.tick()
    await world.settle()
    const { retained } = await world.store.load()
    const words = retained.map((each) => [
      each.message.topic,
      new TextDecoder().decode(each.message.payload),
    ])
    expect(words).toEqual([
      ['$c', '1'],
      ['a', '3'],
    ])
    world.publish('4', { topic: 'a', ...options })
    expect(world.journal.refusedCount).toBe(refusedCount + 4)
  })

  test('remembers a bounded number of topics, and none of an app that is gone', async () => {
    const world = new SessionWorld()
    await breakStore(world)
    const writer = new RetainedWriter(world.hub)
    const change = (topic: string) => {
      writer.changed(world.space, world.journal, { topic, message: undefined })
    }
    for (let count = 0; count < UNWRITTEN_COUNT_MAX + 5; count++) change(`${count}`)
    expect(writer.unwrittenCount).toBe(UNWRITTEN_COUNT_MAX)
    writer.forget(world.space)
    expect(writer.unwrittenCount).toBe(0)
  })

  test('a session that was never kept is taken back', async () => {
    const world = new SessionWorld()
    world.store.isOut = true
    const will = { message: message('will'), delaySeconds: 0, lifetimeSeconds: undefined }
    const refused = await world.claim({ ...KEPT, will })
    expect(refused).toMatchObject({ ok: false, refusal: 'unavailable' })
    expect([world.figures.storedCount, world.figures.connectedCount]).toEqual([0, 0])
    expect(world.wills).toEqual([])
    await repairStore(world)
    expect((await world.store.load()).sessions).toEqual([])
  })

  test('a client whose messages cannot be read is refused, and its session stays', async () => {
    const world = new SessionWorld()
    const one = (await world.connect(KEPT)).subscribe('t')
    world.publish('a')
    await world.settle()
    one.lose()
    await world.settle()
    await breakStore(world)
    expect(await world.claim(KEPT)).toMatchObject({ ok: false, refusal: 'unavailable' })
    await repairStore(world)
    const back = await world.connect(KEPT)
    await world.settle()
    expect(back.link.take()).toEqual(['a qos1 #1 again'])
  })

  test('one that only waits for new messages comes in, and gets them when it can be read', async () => {
    const world = new SessionWorld()
    ;(await world.connect(KEPT)).subscribe('t').lose()
    world.publish('a')
    await world.settle()
    await breakStore(world)
    const { link } = await world.connect(KEPT)
    await world.turns()
    expect(link.take()).toEqual([])
    world.states.tick()
    await world.turns()
    expect(link.take()).toEqual([])
    await repairStore(world)
    world.states.tick()
    await world.settle()
    expect(link.take()).toEqual(['a qos1 #1'])
  })

  test('a will of before is heard all the same, and a session ends on time', async () => {
    const world = new SessionWorld()
    const will = { message: message('will'), delaySeconds: 0, lifetimeSeconds: undefined }
    const one = await world.connect({ ...KEPT, will })
    await world.settle()
    await breakStore(world)
    one.lose()
    expect(world.wills).toHaveLength(1)
    world.clock.pass(100_000)
    world.states.tick()
    expect(world.states.find(world.space, 'c')).toBeUndefined()
    await repairStore(world)
    await repairStore(world)
    expect((await world.store.load()).sessions).toEqual([])
  })
})

describe('a store that does not keep up', () => {
  test('takes nothing new over the bound, and everything again below it', async () => {
    const world = new SessionWorld({ queueBytesMax: 2 * JOURNAL_BYTES_MAX })
    ;(await world.connect(KEPT)).subscribe('t').lose()
    await world.settle()
    world.store.hold()
    const payload = 'x'.repeat(JOURNAL_BYTES_MAX / 4)
    for (let count = 0; count < 10; count++) world.publish(payload)
    expect(world.figures.droppedFor('store')).toBe(6)
    expect(world.journal.refusedCount).toBe(6)
    expect(world.journal.isAccepting).toBe(false)
    expect((await world.claim({ clientId: 'd' }, new TestLink())).ok).toBe(true)
    world.store.letGo()
    await world.settle()
    expect(world.journal.isAccepting).toBe(true)
    const { sessions } = await world.store.load()
    expect(sessions.map(({ queuedCount }) => queuedCount)).toEqual([4])
  })
})

describe('the end', () => {
  test('waits until everything is written', async () => {
    const world = new SessionWorld()
    const { state } = await world.connect(KEPT)
    state.take(1)
    await world.states.finish()
    expect((await world.store.load()).sessions[0]?.takenPacketIds).toEqual([1])
  })

  test('tries once more after an outage, and gives up then', async () => {
    const world = new SessionWorld()
    const { state } = await world.connect(KEPT)
    await breakStore(world)
    state.release(1)
    await world.states.finish()
    expect(world.journal.outageCount).toBe(2)
    world.store.isOut = false
    await world.states.finish()
    expect(world.journal.isSettled).toBe(true)
  })
})
