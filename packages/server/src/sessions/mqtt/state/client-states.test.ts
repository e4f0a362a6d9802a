import { describe, expect, test } from 'bun:test'
import { ANYTHING, SessionWorld, TestLink } from '../../../../../../test/support/session-world.ts'
import { message } from '../../../../../../test/support/topic-world.ts'
import { WILL_BYTES_MAX } from './client-will.ts'
import type { SessionClaim } from './session-claim.ts'

const KEPT = { expirySeconds: 100 }

function willOf(options: { delaySeconds?: number; lifetimeSeconds?: number } = {}) {
  const { delaySeconds = 0, lifetimeSeconds } = options
  return { message: message('will', { qos: 1 }), delaySeconds, lifetimeSeconds }
}

function refusalOf(result: { readonly ok: boolean; readonly refusal?: string }) {
  return result.ok ? undefined : result.refusal
}

describe('a client id', () => {
  test('begins at once where nothing is kept', () => {
    const world = new SessionWorld()
    const link = new TestLink()
    const claimed = world.claim({ cleanStart: true }, link)
    expect(claimed).toMatchObject({ ok: true, value: { sessionPresent: false } })
    expect([world.figures.connectedCount, world.figures.storedCount]).toEqual([1, 0])
    expect(world.journal.writeCount).toBe(0)
  })

  test('is one for each app', async () => {
    const world = new SessionWorld()
    const one = await world.connect()
    const claimed = await world.claim({ owner: 'user:2' }, new TestLink(), world.spaceOf('other'))
    expect(claimed).toMatchObject({ ok: true, value: { sessionPresent: false } })
    expect([one.link.isTakenOver, world.figures.connectedCount]).toEqual([false, 2])
    expect(world.states.find(world.space, 'c')).toBe(one.state)
  })

  test('is taken over by a new connection of its owner [MQTT-3.1.4-3]', async () => {
    const world = new SessionWorld()
    const one = (await world.connect()).subscribe('t')
    const two = await world.connect()
    expect([one.link.isTakenOver, two.link.isTakenOver]).toEqual([true, false])
    // The session ended with its connection: nothing of it is left.
    expect([two.sessionPresent, two.state.grants.size]).toEqual([false, 0])
    world.publish('x')
    expect([one.link.take(), two.link.take()]).toEqual([[], []])
    // The first one notices its end later, and takes nothing away.
    one.lose()
    expect(world.states.find(world.space, 'c')).toBe(two.state)
    expect([world.figures.connectedCount, world.figures.takeoverCount]).toEqual([1, 1])
  })

  test('and with it the session, if that is kept', async () => {
    const world = new SessionWorld()
    const one = (await world.connect(KEPT)).subscribe('t')
    world.publish('x')
    const two = await world.connect(KEPT)
    expect([two.sessionPresent, two.state]).toEqual([true, one.state])
    await world.settle()
    expect(two.link.take()).toEqual(['x qos1 #1 again'])
    one.lose()
    expect(two.state.isConnected).toBe(true)
    world.publish('y')
    expect([one.link.take(), two.link.take()]).toEqual([['x qos1 #1'], ['y qos1 #2']])
  })

  test('of somebody else is refused, connected or not, and hands nothing over', async () => {
    const world = new SessionWorld()
    const one = (await world.connect(KEPT)).subscribe('t')
    const other: Partial<SessionClaim> = { owner: 'user:2', cleanStart: true }
    expect(refusalOf(await world.claim(other))).toBe('client_id_taken')
    expect(one.link.isTakenOver).toBe(false)
    one.lose()
    world.publish('secret')
    for (const cleanStart of [true, false]) {
      expect(refusalOf(await world.claim({ ...other, cleanStart }))).toBe('client_id_taken')
    }
    expect((await world.connect(KEPT)).sessionPresent).toBe(true)
    // Once its time is over it is anybody's, empty.
    world.states
      .find(world.space, 'c')
      ?.detach(world.states.find(world.space, 'c')?.link as never, {
        isWillDue: false,
      })
    world.clock.pass(100_000)
    const late = await world.connect({ ...other, cleanStart: false })
    await world.settle()
    expect([late.sessionPresent, late.link.take()]).toEqual([false, []])
  })

  test('starts clean when it is asked to [MQTT-3.1.2-4]', async () => {
    const world = new SessionWorld()
    const one = (await world.connect(KEPT)).subscribe('t')
    one.lose()
    world.publish('x')
    const two = await world.connect({ ...KEPT, cleanStart: true })
    await world.settle()
    expect([two.sessionPresent, two.state.grants.size, two.link.take()]).toEqual([false, 0, []])
    expect([world.figures.storedCount, world.figures.queuedCount]).toEqual([1, 0])
    expect(world.figures.droppedFor('session_ended')).toBe(1)
    expect((await world.store.load()).sessions).toHaveLength(1)
  })

  test('is claimed by one after the other: the last one has it', async () => {
    const world = new SessionWorld()
    const links = Array.from({ length: 5 }, () => new TestLink())
    const claims = links.map(async (link) => world.claim(KEPT, link))
    const results = await Promise.all(claims)
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true, true])
    expect(links.map(({ isTakenOver }) => isTakenOver)).toEqual([true, true, true, true, false])
    expect(results.map((each) => each.ok && each.value.sessionPresent)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ])
    expect([world.figures.connectedCount, world.figures.storedCount]).toEqual([1, 1])
  })
})

describe('the life of a session', () => {
  test('is the seconds after its connection, decided when it is asked', async () => {
    const world = new SessionWorld()
    const one = (await world.connect(KEPT)).subscribe('t')
    world.clock.pass(1_000_000)
    one.lose()
    world.clock.pass(99_999)
    const two = await world.connect(KEPT)
    expect(two.sessionPresent).toBe(true)
    two.lose()
    world.clock.pass(100_000)
    expect((await world.connect(KEPT)).sessionPresent).toBe(false)
    expect(world.figures.expiredCount).toBe(1)
  })

  test('ends by the tick, with its subscriptions and what waits', async () => {
    const world = new SessionWorld()
    const one = (await world.connect(KEPT)).subscribe('t')
    one.lose()
    world.publish('x')
    world.clock.pass(100_000)
    world.states.tick()
    expect(world.states.find(world.space, 'c')).toBeUndefined()
    expect(world.space.topics).toBeUndefined()
    expect([
      world.figures.storedCount,
      world.figures.queuedCount,
      world.figures.queuedBytes,
    ]).toEqual([0, 0, 0])
    await world.settle()
    expect((await world.store.load()).sessions).toEqual([])
  })

  test('may be changed by DISCONNECT (§3.14.2.2.2), and ends with the credential', async () => {
    const world = new SessionWorld()
    const one = await world.connect(KEPT)
    one.leave(10)
    world.clock.pass(10_000)
    const two = await world.connect(KEPT)
    expect(two.sessionPresent).toBe(false)
    two.leave(0)
    expect(world.states.find(world.space, 'c')).toBeUndefined()
    const three = await world.connect(KEPT)
    const untilMs = world.clock.wallMs + 5_000
    three.state.detach(three.link, { isWillDue: true, untilMs })
    world.clock.pass(4_999)
    expect((await world.connect(KEPT)).sessionPresent).toBe(true)
    const four = await world.connect(KEPT)
    four.state.detach(four.link, { isWillDue: true, untilMs: world.clock.wallMs - 1 })
    expect(world.states.find(world.space, 'c')).toBeUndefined()
  })

  test('a kept one that is resumed for its connection alone ends with it', async () => {
    const world = new SessionWorld()
    ;(await world.connect(KEPT)).subscribe('t').lose()
    world.publish('x')
    const two = await world.connect({ expirySeconds: 0 })
    await world.settle()
    expect([two.sessionPresent, two.link.take()]).toEqual([true, ['x qos1 #1']])
    two.lose()
    await world.settle()
    expect((await world.store.load()).sessions).toEqual([])
  })

  test('nothing grows with clients that come back again and again', async () => {
    const world = new SessionWorld()
    for (let round = 0; round < 2_000; round++) {
      world.clock.pass(1)
      ;(await world.connect(KEPT)).lose()
    }
    await world.settle()
    expect((await world.store.load()).sessions).toHaveLength(1)
    world.clock.pass(100_000)
    world.states.tick()
    expect([world.figures.storedCount, world.figures.expiredCount]).toEqual([0, 1])
  })
})

describe('a will', () => {
  test('is published when the connection breaks, and not after DISCONNECT', async () => {
    const world = new SessionWorld()
    ;(await world.connect({ will: willOf() })).lose()
    expect(world.wills).toMatchObject([
      { message: { topic: 'will' }, author: { clientId: 'c', owner: 'user:1' } },
    ])
    ;(await world.connect({ will: willOf() })).leave()
    ;(await world.connect({ ...KEPT, will: willOf() })).leave()
    world.clock.pass(1_000_000)
    world.states.tick()
    expect([world.wills.length, world.figures.willCount]).toEqual([1, 1])
  })

  test('lives from its publication (§3.1.3.2.4)', async () => {
    const world = new SessionWorld()
    const will = willOf({ delaySeconds: 5, lifetimeSeconds: 60 })
    ;(await world.connect({ ...KEPT, will })).lose()
    world.clock.pass(5_000)
    world.states.tick()
    expect(world.wills.map((each) => each.message.expiresAtMs)).toEqual([
      world.clock.wallMs + 60_000,
    ])
  })

  test('waits for its delay, and is not sent when its client is back in time [MQTT-3.1.3-9]', async () => {
    const world = new SessionWorld()
    const will = willOf({ delaySeconds: 10 })
    ;(await world.connect({ ...KEPT, will })).lose()
    world.clock.pass(9_999)
    world.states.tick()
    const two = await world.connect({ ...KEPT, will })
    world.clock.pass(20_000)
    world.states.tick()
    expect(world.wills).toHaveLength(0)
    two.lose()
    world.clock.pass(10_000)
    world.states.tick()
    world.states.tick()
    expect(world.wills).toHaveLength(1)
    // It is sent once.
    ;(await world.connect(KEPT)).lose()
    world.clock.pass(100_000)
    world.states.tick()
    expect(world.wills).toHaveLength(1)
  })

  test('is sent with the end of the session at the latest', async () => {
    const world = new SessionWorld()
    const will = willOf({ delaySeconds: 1_000 })
    ;(await world.connect({ expirySeconds: 0, will })).lose()
    expect(world.wills).toHaveLength(1)
    ;(await world.connect({ ...KEPT, will })).lose()
    world.clock.pass(100_000)
    world.states.tick()
    expect(world.wills).toHaveLength(2)
    ;(await world.connect({ ...KEPT, will })).lose()
    await world.connect({ ...KEPT, cleanStart: true })
    expect(world.wills).toHaveLength(3)
  })

  test('of a connection that is taken over is sent, unless it waits for the same session', async () => {
    const world = new SessionWorld()
    await world.connect({ ...KEPT, will: willOf() })
    await world.connect({ ...KEPT, will: willOf({ delaySeconds: 1 }) })
    expect(world.wills).toHaveLength(1)
    await world.connect({ ...KEPT, will: willOf({ delaySeconds: 1 }) })
    expect(world.wills).toHaveLength(1)
    await world.connect({ ...KEPT, cleanStart: true })
    expect(world.wills).toHaveLength(2)
  })

  test('reaches subscribers, and is kept for a client that is not there', async () => {
    const world = new SessionWorld()
    ;(await world.connect({ clientId: 'watcher', ...KEPT })).subscribe('will').lose()
    ;(await world.connect({ will: willOf() })).lose()
    const back = await world.connect({ clientId: 'watcher', ...KEPT })
    await world.settle()
    expect(back.link.take()).toEqual(['x qos1 #1'])
  })

  test('survives a restart: the connection broke then, and its delay counts from there', async () => {
    const before = new SessionWorld()
    await before.connect({ ...KEPT, will: willOf({ delaySeconds: 10 }) })
    await before.connect({ clientId: 'left', ...KEPT, will: willOf() })
    before.states
      .find(before.space, 'left')
      ?.detach(before.states.find(before.space, 'left')?.link as never, { isWillDue: false })
    await before.settle()
    const world = await before.restart()
    world.states.tick()
    expect(world.wills).toHaveLength(0)
    world.clock.pass(10_000)
    world.states.tick()
    expect(world.wills).toMatchObject([{ message: { topic: 'will', publisherId: 'c' } }])
    await world.settle()
    const again = await world.restart()
    again.clock.pass(50_000)
    again.states.tick()
    expect(again.wills).toHaveLength(0)
  })
})

describe('a start', () => {
  test('brings back sessions, subscriptions, what was taken, and retained messages', async () => {
    const before = new SessionWorld()
    const one = (await before.connect(KEPT)).subscribe('t').subscribe('u').subscribe('v')
    one.state.unsubscribe('u')
    one.subscribe('v', { qos: 0, subscriptionId: 7 })
    expect([one.state.take(3), one.state.take(4)]).toEqual(['taken', 'taken'])
    one.state.release(4)
    await before.connect({ clientId: 'clean' })
    before.publish('kept', { topic: 'r', retain: true })
    before.publish('gone', { topic: 's', retain: true })
    before.publish('', { topic: 's', retain: true })
    await before.settle()
    const world = await before.restart()
    expect([world.figures.storedCount, world.figures.connectedCount]).toEqual([1, 0])
    expect([...world.hub.retainedFor(world.space, '#')].map(({ topic }) => topic)).toEqual(['r'])
    world.publish('x')
    const two = await world.connect(KEPT)
    await world.settle()
    expect([two.sessionPresent, two.link.take()]).toEqual([true, ['x qos1 #1']])
    expect([...two.state.grants.keys()]).toEqual(['t', 'v'])
    expect(two.state.grants.get('v')).toMatchObject({ qos: 0, subscriptionId: 7 })
    expect([two.state.take(3), two.state.take(4)]).toEqual(['repeated', 'taken'])
    expect(world.states.find(world.space, 'clean')).toBeUndefined()
  })

  test('ends what was over meanwhile; a connection of before counts from the start', async () => {
    const before = new SessionWorld()
    ;(await before.connect({ clientId: 'short', expirySeconds: 10, will: willOf() })).lose()
    ;(
      await before.connect({
        clientId: 'delayed',
        expirySeconds: 10,
        will: willOf({ delaySeconds: 99 }),
      })
    ).lose()
    await before.connect({ clientId: 'connected', expirySeconds: 10 })
    await before.settle()
    before.clock.pass(60_000)
    const world = await before.restart()
    world.states.tick()
    expect(world.states.find(world.space, 'short')).toBeUndefined()
    expect(world.wills).toHaveLength(1)
    expect(world.states.find(world.space, 'connected')).toBeDefined()
    await world.settle()
    world.clock.pass(9_999)
    expect((await world.connect({ clientId: 'connected', expirySeconds: 10 })).sessionPresent).toBe(
      true,
    )
  })

  test('removes what belongs to no app any more', async () => {
    const before = new SessionWorld()
    await before.claim(KEPT, new TestLink(), before.spaceOf('gone'))
    before.hub.publish(before.spaceOf('gone'), message('r', { retain: true }))
    await before.settle()
    const world = await before.restart()
    await world.settle()
    const { sessions, retained } = await world.store.load()
    expect([sessions, retained]).toEqual([[], []])
    expect(world.figures.storedCount).toBe(0)
  })

  test('does not begin without its store', async () => {
    const world = new SessionWorld()
    world.store.isOut = true
    const load = world.states.load({ store: world.store, journal: world.journal }, () => undefined)
    expect(load).rejects.toThrow('The disk is full.')
  })
})

describe('an app that was deleted', () => {
  test('takes its sessions with it, and no will is heard', async () => {
    const world = new SessionWorld()
    await world.connect({ ...KEPT, will: willOf() })
    const gone = await world.connect({ clientId: 'd', ...KEPT, will: willOf({ delaySeconds: 1 }) })
    gone.subscribe('t').lose()
    const other = await world.claim(KEPT, new TestLink(), world.spaceOf('other'))
    world.publish('x')
    world.states.removeApp(world.space)
    expect([world.wills, world.figures.connectedCount, world.figures.storedCount]).toEqual([
      [],
      1,
      1,
    ])
    expect(world.figures.queuedCount).toBe(0)
    await world.settle()
    expect((await world.store.load()).sessions.map(({ appId }) => appId)).toEqual(['other'])
    expect(other.ok).toBe(true)
  })

  test('while its client was on the way back', async () => {
    const world = new SessionWorld()
    ;(await world.connect(KEPT)).subscribe('t')
    world.publish('x')
    world.states
      .find(world.space, 'c')
      ?.detach(world.states.find(world.space, 'c')?.link as never, {
        isWillDue: true,
      })
    const back = world.claim(KEPT)
    world.states.removeApp(world.space)
    expect(refusalOf(await back)).toBe('unavailable')
    const fresh = world.claim({ clientId: 'new', ...KEPT })
    world.states.removeApp(world.space)
    expect(refusalOf(await fresh)).toBe('unavailable')
    expect([world.figures.connectedCount, world.figures.storedCount]).toEqual([0, 0])
  })
})

describe('too many', () => {
  test('sessions are refused by app and by node, and those that end with their connection are not', async () => {
    const world = new SessionWorld({ sessionCountMax: 3, appSessionCountMax: 2 })
    await world.connect({ clientId: '1', ...KEPT })
    await world.connect({ clientId: '2', ...KEPT })
    expect(refusalOf(await world.claim({ clientId: '3', ...KEPT }))).toBe('sessions_full')
    expect((await world.claim({ clientId: '3' })).ok).toBe(true)
    // Who is there already comes back.
    expect((await world.connect({ clientId: '1', ...KEPT })).sessionPresent).toBe(true)
    const other = world.spaceOf('other')
    expect((await world.claim(KEPT, new TestLink(), other)).ok).toBe(true)
    const one_more = await world.claim({ clientId: 'd', ...KEPT }, new TestLink(), other)
    expect(refusalOf(one_more)).toBe('sessions_full')
    world.states.end(world.states.find(world.space, '2') as never)
    expect((await world.claim({ clientId: 'd', ...KEPT }, new TestLink(), other)).ok).toBe(true)
  })
})

test('large wills are refused where all of them take too much memory, and small ones are not', async () => {
  const world = new SessionWorld()
  const large = { ...willOf(), message: message('will', { payload: new Uint8Array(60_000) }) }
  const one = await world.connect({ clientId: '1', ...KEPT, will: large })
  const { willBytes } = world.figures
  expect(willBytes).toBeGreaterThan(60_000)
  await world.connect({ clientId: '1', ...KEPT, will: large })
  expect(world.figures.willBytes).toBe(willBytes)
  world.figures.willBytes = WILL_BYTES_MAX
  expect(refusalOf(await world.claim({ clientId: '2', will: large }))).toBe('sessions_full')
  expect((await world.claim({ clientId: '2', will: willOf() })).ok).toBe(true)
  expect((await world.claim({ clientId: '3' })).ok).toBe(true)
  world.figures.willBytes = willBytes
  one.lose()
  world.states.end(world.states.find(world.space, '1') as never)
  expect(world.figures.willBytes).toBe(0)
  const delayed = { ...large, delaySeconds: 50 }
  ;(await world.connect({ clientId: '4', ...KEPT, will: delayed })).lose()
  await world.settle()
  expect((await world.restart()).figures.willBytes).toBe(willBytes)
})

test('no owner takes all the sessions of an app', async () => {
  const world = new SessionWorld({ ownerSessionCountMax: 2 })
  const ann = { owner: 'user:ann', ...KEPT }
  await world.connect({ clientId: '1', ...ann })
  const second = await world.connect({ clientId: '2', ...ann })
  expect(refusalOf(await world.claim({ clientId: '3', ...ann }))).toBe('sessions_full')
  const bob = { owner: 'user:bob', ...KEPT }
  expect((await world.claim({ clientId: '4', ...bob })).ok).toBe(true)
  expect((await world.claim({ clientId: '3', ...ann, expirySeconds: 0 })).ok).toBe(true)
  expect((await world.connect({ clientId: '1', ...ann })).sessionPresent).toBe(true)
  expect((await world.connect({ clientId: '1', ...ann, cleanStart: true })).sessionPresent).toBe(
    false,
  )
  const next = await world.restart()
  expect(refusalOf(await next.claim({ clientId: '3', ...ann }))).toBe('sessions_full')
  second.leave(0)
  expect((await world.claim({ clientId: '5', ...ann })).ok).toBe(true)
})

describe('a client that is let in', () => {
  test('gets nothing before it was told so', async () => {
    const world = new SessionWorld()
    ;(await world.connect(KEPT)).subscribe('t').lose()
    const link = new TestLink()
    const claimed = await world.claim(KEPT, link)
    if (!claimed.ok) throw new Error(claimed.refusal)
    const { state } = claimed.value
    world.publish('a')
    world.publish('b', { qos: 0 })
    expect([link.take(), state.isReady]).toEqual([[], false])
    state.resume(link, ANYTHING)
    await world.settle()
    expect([link.take(), state.isReady]).toEqual([['a qos1 #1'], true])
    expect(state.resume(link, ANYTHING)).toEqual([])
    expect(link.take()).toEqual([])
  })

  test('keeps the subscriptions it still may have', async () => {
    const world = new SessionWorld()
    ;(await world.connect(KEPT)).subscribe('a').subscribe('b').subscribe('$share/g/b').lose()
    const link = new TestLink()
    const claimed = await world.claim(KEPT, link)
    if (!claimed.ok) throw new Error(claimed.refusal)
    const { state } = claimed.value
    const lost = state.resume(link, { maySubscribe: (filter) => filter !== 'b' })
    expect(lost).toEqual(['b', '$share/g/b'])
    world.publish('x', { topic: 'b' })
    world.publish('y', { topic: 'a' })
    expect(link.take()).toEqual(['y qos1 #1'])
    await world.settle()
    expect((await world.store.load()).sessions[0]?.grants.map(({ filter }) => filter)).toEqual([
      'a',
    ])
  })
})
