/** Messages that somebody deleted: nobody gets them any more, from memory or from a late read. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  GatedStore,
  Listener,
  type MessageNode,
  MessageWorld,
  publication,
} from '../../../../../test/support/message-world.ts'
import type { AppSpace } from '../app-space.ts'

const settings = { history: ['** 1h'], resumeWindowMs: 3_600_000, resumeMessageCountMax: 100 }

async function publish(node: MessageNode, space: AppSpace, data: readonly unknown[]) {
  const times: number[] = []
  for (const each of data) {
    const published = await node.hub.publish(space, publication(each))
    if (!published.ok) throw new Error(published.refusal)
    await published.value.durable
    times.push(published.value.message.timestampMs)
  }
  return times
}

type Replay = NonNullable<Parameters<MessageNode['hub']['subscribe']>[2]['replay']>

/** @returns what a new subscriber hears at once, and whether it is told that this is all. */
async function replayed(node: MessageNode, space: AppSpace, replay: Replay) {
  const listener = new Listener()
  const request = { channel: 'a', replay, confirm() {} }
  const joined = await node.hub.subscribe(space, listener, request)
  node.hub.disconnect(space, listener)
  return { heard: listener.heard(), isComplete: joined.ok && joined.value.isComplete }
}

async function pageOf(node: MessageNode, space: AppSpace): Promise<readonly string[]> {
  const range = { beforeMs: undefined, afterMs: undefined, countMax: 100 }
  const page = await node.hub.history(space, { channel: 'a', direction: 'forward', ...range })
  return page.ok ? page.value.messages.map(({ data }) => data) : [page.refusal]
}

async function remove(world: MessageWorld, node: MessageNode, beforeMs: number): Promise<void> {
  const of = { appId: 'app', channel: 'a', beforeMs }
  node.history.forgetBefore(of)
  await world.store.prune({ ...of, countMax: 1_000 })
  node.history.forgetBefore(of)
}

const REWIND = { kind: 'rewind', count: 100 } as const

describe('what was deleted', () => {
  test('comes with no rewind, no resume and no page; what is later does', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const space = node.space(settings)
    const times = await publish(node, space, [1, 2, 3, 4])
    const [, second = 0, third = 0] = times
    expect((await replayed(node, space, REWIND)).heard).toEqual(['1', '2', '3', '4'])
    await remove(world, node, third)
    expect(await replayed(node, space, REWIND)).toEqual({ heard: ['3', '4'], isComplete: true })
    expect(await pageOf(node, space)).toEqual(['3', '4'])
    const since = (timestampMs: number) => replayed(node, space, { kind: 'after', timestampMs })
    // Who missed one that is gone is told that it missed something.
    expect(await since((times[0] ?? 0) - 1)).toEqual({ heard: ['3', '4'], isComplete: false })
    expect(await since(third)).toEqual({ heard: ['4'], isComplete: true })
    expect(second).toBeLessThan(third)
    // Numbers go on.
    const next = await node.hub.publish(space, publication(5))
    expect(next.ok && next.value.message.sequence).toBe(5)
  })

  test('goes from memory in every channel where none is named, and the memory is given back', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const space = node.space(settings)
    const quiet = node.history.byteCount
    for (const channel of ['a', 'b']) {
      const large = publication('x'.repeat(10_000), { channel })
      const published = await node.hub.publish(space, large)
      if (published.ok) await published.value.durable
    }
    const full = node.history.byteCount
    const beforeMs = node.history.lastTimestampMs('app') + 1
    node.history.forgetBefore({ appId: 'app', channel: undefined, beforeMs })
    expect(full - node.history.byteCount).toBeGreaterThan(2 * 10_000)
    expect(node.history.byteCount).toBeGreaterThan(quiet)
    expect(node.history.find('app', 'a')?.keptSince(0)).toBeUndefined()
    expect(node.history.find('app', 'b')?.keptSince(1)).toEqual([])
  })

  test('is not put into memory by a read that was under way', async () => {
    const store = new GatedStore()
    const world = new MessageWorld(store)
    const before = await world.node()
    const [, second = 0] = await publish(before, before.space(settings), [1, 2])
    // Another start, with nothing in memory.
    const node = await world.node()
    const space = node.space(settings)
    store.isOpen = false
    const opening = Promise.resolve(node.history.use(space.app, 'a', (log) => log.recent(WISH)))
    await waiting(store)
    store.release()
    store.isOpen = true
    // Its read has been answered, and not been looked at.
    node.history.forgetBefore({ appId: 'app', channel: 'a', beforeMs: second })
    const opened = await opening
    expect(opened.ok).toBe(true)
    const log = node.history.find('app', 'a')
    const left = log?.recent({ ...WISH, floorMs: second - 1 })
    expect(left?.messages.map(({ data }) => data)).toEqual(['2'])
    // Of what was deleted it knows nothing, and says so.
    expect(log?.recent(WISH)).toBeUndefined()
  })

  test('is what was asked for, whatever was published and deleted before', async () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('publish' as const), isKept: fc.boolean() }),
      fc.record({ kind: fc.constant('delete' as const), back: fc.nat(12) }),
    )
    const property = fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const world = new MessageWorld()
      // A memory that is smaller than what is kept, too.
      const node = await world.node({ recentCountMax: 5 })
      const space = node.space(settings)
      let kept: { readonly data: string; readonly timestampMs: number }[] = []
      for (const [index, each] of actions.entries()) {
        if (each.kind === 'delete') {
          const beforeMs = node.history.lastTimestampMs('app') + 1 - each.back
          await remove(world, node, beforeMs)
          kept = kept.filter(({ timestampMs }) => timestampMs >= beforeMs)
          continue
        }
        const published = await node.hub.publish(space, publication(index, each))
        if (!published.ok) throw new Error(published.refusal)
        await published.value.durable
        const { data, timestampMs } = published.value.message
        if (each.isKept) kept.push({ data, timestampMs })
      }
      const expected = kept.map(({ data }) => data)
      expect(await pageOf(node, space)).toEqual(expected)
      expect((await replayed(node, space, REWIND)).heard).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 100 })
  })
})

const WISH = { floorMs: 0, countMax: 100, bytesMax: 1_000_000 }

/** Until a call waits for the store. */
async function waiting(store: GatedStore): Promise<void> {
  while (store.waitingCount === 0) await Promise.resolve()
}
