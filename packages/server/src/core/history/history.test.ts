import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import {
  GatedStore,
  Listener,
  MessageWorld,
  publication,
} from '../../../../../test/support/message-world.ts'
import { openSqliteStore } from '../../adapters/store-sqlite/store.ts'
import { OPENING_WAIT_COUNT_MAX } from './history-limits.ts'
import { Pruning } from './pruning.ts'
import { ReadSlots } from './read-slots.ts'
import { keepMsOf } from './retention-rules.ts'
import { SteadyTime } from './steady-time.ts'

test('how long a channel is kept is said by the first entry that fits', () => {
  const history = ['logs:** 1h', 'tmp:* off', 'tmp:** 2d', '** 7d']
  const of = (channel: string) => keepMsOf({ history }, channel) / 3_600_000
  expect([of('logs:a:b'), of('logs'), of('tmp:a'), of('other')]).toEqual([1, 168, 0, 168])
  expect(keepMsOf({ history: [] }, 'a')).toBe(0)
})

test('time goes on steadily where the clock is set back, and from what was used', () => {
  const clock = new HandClock()
  const time = new SteadyTime(clock)
  const startMs = time.nowMs()
  clock.wallMs -= 10_000
  clock.runningMs += 5
  expect(time.nowMs()).toBe(startMs + 5)
  clock.wallMs += 20_000
  expect(time.nowMs()).toBe(startMs + 10_000)
  time.saw(startMs + 30_000)
  expect(time.nowMs()).toBe(startMs + 30_000)
})

test('reads of the store wait for a slot, in order, and not endlessly', async () => {
  const slots = new ReadSlots({ readCountMax: 1, readWaitCountMax: 1 })
  const done: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = slots.run(() => gate.promise)
  const second = slots.run(async () => {
    done.push('second')
    throw new Error('it fails')
  })
  expect(await slots.run(async () => {})).toEqual({ ok: false, refusal: 'overloaded' })
  expect(done).toEqual([])
  gate.resolve()
  await first
  const failure = await second.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toEqual(new Error('it fails'))
  expect(await slots.run(async () => 3)).toEqual({ ok: true, value: 3 })
})

describe('what is in memory', () => {
  test('is bounded for an app and for all, and numbers go on where logs were let go', async () => {
    const limits = { appBytesMax: 20_000, nodeBytesMax: 30_000 }
    const world = new MessageWorld()
    const node = await world.node(limits)
    for (const id of ['one', 'two']) {
      const space = node.space({}, id)
      for (let index = 0; index < 50; index++) {
        const channel = `channel-${index}`
        const isKept = index % 2 === 0
        await node.hub.publish(space, publication(index, { channel, isKept }))
        await new Promise((resolve) => setImmediate(resolve))
        expect(node.history.byteCount).toBeLessThanOrEqual(limits.nodeBytesMax)
      }
      expect(node.history.find(id, 'channel-0')).toBeUndefined()
      expect(node.history.find(id, 'channel-49')).toBeDefined()
      for (const channel of ['channel-0', 'channel-1']) {
        const published = await node.hub.publish(space, publication(0, { channel }))
        expect(published.ok && published.value.message.sequence).toBe(2)
      }
    }
  })

  test('waits for one channel in order, and for no more calls than the bound', async () => {
    const store = new GatedStore()
    const node = await new MessageWorld(store).node()
    const space = node.space()
    store.isOpen = false
    const publishing = Array.from({ length: OPENING_WAIT_COUNT_MAX + 1 }, async (_, index) =>
      node.hub.publish(space, publication(index)),
    )
    const last = publishing.pop()
    expect(await last).toEqual({ ok: false, refusal: 'overloaded' })
    store.isOpen = true
    store.release()
    const outcomes = await Promise.all(publishing)
    expect(outcomes.map((each) => each.ok && each.value.message.sequence)).toEqual(
      publishing.map((_, index) => index + 1),
    )
  })

  test('goes with a deleted app, whatever is being read of it', async () => {
    const store = new GatedStore()
    const node = await new MessageWorld(store).node()
    const space = node.space()
    await node.hub.publish(space, publication(1))
    store.isOpen = false
    const late = node.hub.publish(space, publication(1, { channel: 'b' }))
    node.history.forget('app', [node])
    node.hub.forget(space)
    store.isOpen = true
    store.release()
    expect(await late).toMatchObject({ ok: false })
    await node.journal.settled()
    expect(node.history.byteCount).toBe(0)
    expect(await store.usage('app')).toMatchObject({ messageCount: 0 })
  })
})

describe('pruning', () => {
  test('deletes what is too old by channel, and the oldest of an app that keeps too much', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const history = ['short 1m', '** 1d']
    const space = node.space({ history })
    for (const channel of ['short', 'long']) {
      for (const data of ['old', 'older']) {
        await node.hub.publish(space, publication(data, { channel }))
      }
    }
    world.clock.pass(61_000)
    await node.hub.publish(space, publication('new', { channel: 'short' }))
    await node.journal.settled()
    const pruning = new Pruning({ history: node.history, findApp: () => space.app })
    const left = async (channel: string) =>
      (
        await world.store.page({
          ...{ appId: 'app', channel, direction: 'forward', countMax: 10, byteCountMax: 10_000 },
          ...{ beforeMs: undefined, afterMs: undefined },
        })
      ).messages.map(({ data }) => data)
    await pruning.run()
    expect([await left('short'), await left('long')]).toEqual([['"new"'], ['"old"', '"older"']])
    expect(node.history.isCut('app', world.clock.wallMs)).toBe(false)
    node.space({ history, historyBytesMax: 1 })
    await pruning.run()
    expect([await left('short'), await left('long')]).toEqual([[], []])
    expect(node.history.isCut('app', world.clock.wallMs)).toBe(true)
    // What was deleted for its size may have been missed: nobody knows any more.
    node.space({ history })
    const fresh = await world.node({ recentCountMax: 1 })
    fresh.history.cut('app')
    const again = fresh.space({ history })
    for (const n of [1, 2]) await fresh.hub.publish(again, publication(n, { channel: 'long' }))
    const outcome = await fresh.hub.subscribe(again, new Listener(), {
      channel: 'long',
      replay: { kind: 'after', timestampMs: world.clock.wallMs - 1_000 },
      confirm: () => {},
    })
    expect(outcome).toEqual({ ok: true, value: { isComplete: false } })
  })
})

test('what was deleted for its size is said to who resumes after a restart, and nothing else', async () => {
  const world = new MessageWorld()
  const node = await world.node()
  const space = node.space({ resumeWindowMs: 600_000 })
  const times: number[] = []
  for (const data of [1, 2, 3]) {
    const published = await node.hub.publish(space, publication(data))
    if (published.ok) times.push(published.value.message.timestampMs)
    await node.journal.settled()
  }
  const channel = undefined
  await world.store.prune({ appId: 'app', channel, beforeMs: undefined, countMax: 2 })
  const fresh = await world.node()
  const again = fresh.space({ resumeWindowMs: 600_000 })
  const resume = async (name: string, timestampMs: number) => {
    const to = new Listener()
    const replay = { kind: 'after', timestampMs } as const
    const of = { channel: name, replay, confirm: () => {} }
    const joined = await fresh.hub.subscribe(again, to, of)
    return { heard: to.heard(), isComplete: joined.ok && joined.value.isComplete }
  }
  const [first = 0, , third = 0] = times
  expect(await resume('a', first)).toEqual({ heard: ['3'], isComplete: false })
  expect(await resume('a', third - 1)).toEqual({ heard: ['3'], isComplete: false })
  expect(await resume('a', third)).toEqual({ heard: [], isComplete: true })
  await fresh.hub.publish(again, publication(4))
  expect(await resume('a', third)).toEqual({ heard: ['4'], isComplete: true })
  await fresh.hub.publish(again, publication(5, { channel: 'new' }))
  expect(await resume('new', third)).toEqual({ heard: ['5'], isComplete: true })
  // Whoever was there since then has lost nothing, whatever was deleted before.
  world.clock.pass(60_000)
  expect(fresh.history.isCut('app', world.clock.wallMs)).toBe(false)
})

test('messages and their numbers survive a restart on SQLite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-history-'))
  const open = () => openSqliteStore({ dataDir, regions: [{ region: 'local', dbCode: 'local' }] })
  try {
    for (const life of [0, 1]) {
      const store = await open()
      const [region] = store.regions.values()
      if (region === undefined) throw new Error('there is no region')
      const node = await new MessageWorld(region.history).node()
      const space = node.space()
      const to = new Listener()
      const replay = { kind: 'rewind', count: 10 } as const
      await node.hub.subscribe(space, to, { channel: 'a', replay, confirm: () => {} })
      expect(to.heard()).toEqual(life === 0 ? [] : ['"life 0"'])
      const published = await node.hub.publish(space, publication(`life ${life}`))
      if (!published.ok) throw new Error(published.refusal)
      await published.value.durable
      expect(published.value.message.sequence).toBe(life + 1)
      await node.journal.finish()
      await store.close()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
