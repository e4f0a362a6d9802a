import { TIMESTAMP_LEAD_MS_MAX } from '../history/history-limits.ts'
import { describe, expect, test } from 'bun:test'
import {
  GatedStore,
  Listener,
  MessageWorld,
  publication,
  type MessageNode,
} from '../../../../../test/support/message-world.ts'
import type { AppSpace } from '../app-space.ts'
import { encodeMessageEnvelope, MESSAGES_TOPIC } from './message-envelope.ts'
import type { MessageConnection, PublishRequest, Replay } from './messages.ts'

async function publish(node: MessageNode, space: AppSpace, request: PublishRequest) {
  const published = await node.hub.publish(space, request)
  if (!published.ok) throw new Error(published.refusal)
  await published.value.durable
  return published.value
}

async function subscribe(
  node: MessageNode,
  space: AppSpace,
  of: { readonly to: MessageConnection; readonly channel?: string; readonly replay?: Replay },
) {
  let confirmations = 0
  const { channel = 'a', replay } = of
  const outcome = await node.hub.subscribe(space, of.to, {
    channel,
    ...(replay === undefined ? {} : { replay }),
    confirm: () => void confirmations++,
  })
  return outcome.ok ? { ...outcome.value, confirmations } : outcome.refusal
}

describe('messages', () => {
  test('reach all who are subscribed, their publisher unless it is left out', async () => {
    const node = await new MessageWorld().node()
    const space = node.space()
    const [one, two] = [new Listener('one'), new Listener('two')]
    for (const to of [one, two]) await subscribe(node, space, { to })
    await publish(node, space, publication(1))
    await publish(node, space, publication(2, { except: two }))
    await publish(node, space, publication(3, { channel: 'b' }))
    expect([one.heard(), two.heard()]).toEqual([['1', '2'], ['1']])
    expect([node.tally.messagesPublished, node.tally.messagesDelivered]).toEqual([3, 3])
    expect(node.told.filter(({ type }) => type === 'message.published')).toHaveLength(3)
  })

  test('of an app that was deleted are refused, and nothing of it comes back', async () => {
    const node = await new MessageWorld().node()
    const space = node.space()
    await publish(node, space, publication(1))
    node.history.forget('app', [node])
    node.hub.forget(space)
    space.isGone = true
    const late = await node.hub.publish(space, publication(2))
    expect(late).toMatchObject({ ok: false, refusal: 'app_unknown' })
    await node.journal.settled()
    expect(node.history.appIds()).toEqual([])
    expect(await node.history.regionOf(space.app).store.usage('app')).toMatchObject({
      messageCount: 0,
    })
  })

  test('are numbered by channel, and their times rise in the app', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const space = node.space()
    const all = []
    for (const channel of ['a', 'b', 'a']) {
      all.push((await publish(node, space, publication(0, { channel }))).message)
    }
    expect(all.map(({ sequence }) => sequence)).toEqual([1, 1, 2])
    const times = all.map(({ timestampMs }) => timestampMs)
    expect(times).toEqual([0, 1, 2].map((each) => world.clock.wallMs + each))
  })

  test('go on where they were after a restart, even where the clock was set back', async () => {
    const world = new MessageWorld()
    const first = await world.node()
    const { message } = await publish(first, first.space(), publication(1))
    await publish(first, first.space(), publication(2, { isKept: false }))
    await new Promise((resolve) => setImmediate(resolve))
    world.clock.wallMs -= 3_600_000
    const second = await world.node()
    const next = await publish(second, second.space(), publication(3))
    expect(next.message.sequence).toBe(3)
    expect(next.message.timestampMs).toBeGreaterThan(message.timestampMs + 1)
  })

  test('wait for the clock rather than run ahead of it by more than a minute', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const space = node.space()
    for (let count = 0; count <= TIMESTAMP_LEAD_MS_MAX; count++) {
      await publish(node, space, publication(0, { isKept: false }))
    }
    expect(await node.hub.publish(space, publication(0))).toEqual({
      ok: false,
      refusal: 'overloaded',
    })
    world.clock.pass(1)
    expect(await node.hub.publish(space, publication(0))).toMatchObject({ ok: true })
  })

  test('are the same again under the same id, for two minutes and the same publisher', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const space = node.space()
    const to = new Listener()
    await subscribe(node, space, { to })
    const first = await publish(node, space, publication(1, { id: 'x' }))
    const again = await publish(node, space, publication(1, { id: 'x' }))
    const { sequence, timestampMs } = first.message
    expect(again).toMatchObject({ isRepeated: true, message: { id: 'x', sequence, timestampMs } })
    const other = publication(2, { id: 'x', publisherKey: 'other', publisherId: 'other' })
    expect((await publish(node, space, other)).message.id).not.toBe('x')
    expect((await publish(node, space, publication(3, { id: 'x', channel: 'b' }))).isRepeated).toBe(
      false,
    )
    world.clock.pass(120_000)
    expect((await publish(node, space, publication(4, { id: 'x' }))).isRepeated).toBe(false)
    expect(to.heard()).toEqual(['1', '2', '4'])
  })

  test('are refused where they are too large or nothing has room', async () => {
    const node = await new MessageWorld().node()
    const space = node.space({ messageBytesMax: 6 })
    const of = async (data: unknown) => {
      const outcome = await node.hub.publish(space, publication(data))
      return outcome.ok ? 'ok' : outcome.refusal
    }
    expect([await of('abcd'), await of('abcde'), await of('äö'), await of('äöü')]).toEqual([
      'ok',
      'message_large',
      'ok',
      'message_large',
    ])
    node.fanout.isFull = true
    expect(await of(1)).toBe('overloaded')
  })

  test('come to the subscribers of other nodes, which drop what is no message', async () => {
    const world = new MessageWorld()
    const [one, two] = [await world.node(), await world.node()]
    const to = new Listener()
    const space = two.space()
    await subscribe(two, space, { to, replay: { kind: 'rewind', count: 1 } })
    const { message } = await publish(one, one.space(), publication({ n: 1 }))
    const wrong = { appId: 'app', message: { ...message, data: '{"n":' }, isKept: true }
    one.broker.publish(MESSAGES_TOPIC, encodeMessageEnvelope(wrong))
    one.broker.publish(MESSAGES_TOPIC, '{}')
    await new Promise((resolve) => setImmediate(resolve))
    expect(to.heard()).toEqual(['{"n":1}'])
    const next = await publish(two, space, publication(2))
    expect(next.message.sequence).toBe(2)
    expect(next.message.timestampMs).toBeGreaterThan(message.timestampMs)
  })
})

describe('a subscription', () => {
  test('is confirmed again without a replay, and ends once', async () => {
    const node = await new MessageWorld().node()
    const space = node.space()
    const to = new Listener()
    await publish(node, space, publication(1))
    const replay = { kind: 'rewind', count: 5 } as const
    expect(await subscribe(node, space, { to, replay })).toMatchObject({ confirmations: 1 })
    expect(await subscribe(node, space, { to, replay })).toMatchObject({ confirmations: 1 })
    expect(to.heard()).toEqual(['1'])
    node.hub.unsubscribe(space, to, 'a')
    node.hub.unsubscribe(space, to, 'a')
    await publish(node, space, publication(2))
    expect(to.heard()).toEqual([])
    expect(space.messages).toBeUndefined()
    const types = node.told.map(({ type }) => type).filter((type) => type.startsWith('channel'))
    expect(types).toEqual(['channel.occupied', 'channel.vacated'])
  })

  test('is bounded for a connection and for an app', async () => {
    const node = await new MessageWorld().node()
    const space = node.space()
    const to = new Listener()
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const outcomes = []
    for (const channel of names) outcomes.push(await subscribe(node, space, { to, channel }))
    expect(outcomes.slice(3)).toEqual(names.slice(3).map(() => 'subscriptions_full'))
    const other = new Listener()
    for (const channel of names.slice(3, 5)) await subscribe(node, space, { to: other, channel })
    expect(await subscribe(node, space, { to: other, channel: 'f' })).toBe('channels_full')
    expect(await subscribe(node, space, { to: other, channel: 'a' })).toMatchObject({
      isComplete: true,
    })
  })

  test('gives what is kept and no older than it may be, though it is still there', async () => {
    const world = new MessageWorld()
    const node = await world.node()
    const space = node.space({ history: ['tmp:** off', '** 1m'] })
    for (const channel of ['a', 'tmp:a']) await publish(node, space, publication(1, { channel }))
    world.clock.pass(30_000)
    await publish(node, space, publication(2, { isKept: false }))
    await publish(node, space, publication(3))
    const rewind = { kind: 'rewind', count: 9 } as const
    const of = async (channel: string) => {
      const to = new Listener()
      await subscribe(node, space, { to, channel, replay: rewind })
      return to.heard()
    }
    expect([await of('a'), await of('tmp:a')]).toEqual([['1', '3'], []])
    world.clock.pass(30_000)
    expect(await of('a')).toEqual(['3'])
    const page = { direction: 'backward', beforeMs: undefined, afterMs: undefined } as const
    const history = (channel: string) => node.hub.history(space, { channel, ...page, countMax: 10 })
    expect(await history('tmp:a')).toEqual({ ok: false, refusal: 'history_off' })
    const read = await history('a')
    expect(read.ok && read.value.messages.map(({ data }) => data)).toEqual(['3'])
  })

  test('says where something was missed that it cannot give', async () => {
    const world = new MessageWorld()
    const node = await world.node({ recentCountMax: 2 })
    const space = node.space({ resumeWindowMs: 60_000, resumeMessageCountMax: 3 })
    const times: number[] = []
    for (const n of [1, 2, 3, 4, 5]) {
      times.push((await publish(node, space, publication(n))).message.timestampMs)
      world.clock.pass(20_000)
    }
    const after = async (timestampMs = 0) => {
      const to = new Listener()
      const outcome = await subscribe(node, space, { to, replay: { kind: 'after', timestampMs } })
      return [to.heard().join(), typeof outcome === 'object' && outcome.isComplete]
    }
    // The window reaches back to the third message.
    expect(await after(times[4])).toEqual(['', true])
    expect(await after(times[3])).toEqual(['5', true])
    expect(await after(times[2])).toEqual(['4,5', true])
    expect(await after(times[1])).toEqual(['4,5', false])
    expect(await after(times[0])).toEqual(['4,5', false])
    node.space({ resumeWindowMs: 600_000, resumeMessageCountMax: 3 })
    expect(await after(times[1])).toEqual(['3,4,5', true])
    expect(await after(times[0])).toEqual(['3,4,5', false])
    node.space({ resumeWindowMs: 600_000, history: ['** 90s'] })
    expect(await after(times[1])).toEqual(['3,4,5', true])
    expect(await after(times[0])).toEqual(['2,3,4,5', false])
  })

  test('does not begin for who left while it was read, nor where the store fails', async () => {
    const store = new GatedStore()
    const node = await new MessageWorld(store).node()
    const space = node.space()
    const to = new Listener()
    store.isOpen = false
    const replay = { kind: 'rewind', count: 1 } as const
    const subscribing = subscribe(node, space, { to, replay })
    node.hub.disconnect(space, to)
    store.isOpen = true
    store.release()
    expect(await subscribing).toBe('draining')
    expect([to.channels.size, space.messages]).toEqual([0, undefined])
  })
})

describe('presence', () => {
  async function world(settings: Parameters<MessageNode['space']>[0] = {}) {
    const made = new MessageWorld()
    const node = await made.node()
    const space = node.space(settings)
    const watcher = new Listener('watcher')
    await subscribe(node, space, { to: watcher })
    const enter = (connection: MessageConnection, data?: string) =>
      node.hub.enter(space, connection, { channel: 'a', data })
    const members = () => node.hub.members(space, 'a').map(({ clientId, data }) => [clientId, data])
    return { clock: made.clock, node, space, watcher, enter, members }
  }

  test('has one member for each client, told to everybody', async () => {
    const { node, space, watcher, enter, members } = await world()
    const [one, two] = [new Listener('anna'), new Listener('anna')]
    enter(one, '{"n":1}')
    enter(two, '{"n":2}')
    enter(one, '{"n":3}')
    enter(one, '{"n":3}')
    expect(members()).toEqual([['anna', '{"n":3}']])
    node.hub.leave(space, one, 'a')
    node.hub.leave(space, one, 'a')
    expect(watcher.heard()).toEqual(['enter anna', 'update anna', 'update anna'])
    node.hub.unsubscribe(space, two, 'a')
    expect(watcher.heard()).toEqual(['leave anna'])
    const types = node.told.map(({ type }) => type).filter((type) => type.startsWith('presence'))
    expect(types).toEqual(['presence.enter', 'presence.leave'])
  })

  test('waits for who lost its connection, and tells nobody where it comes back', async () => {
    const { node, space, watcher, enter, members, clock } = await world()
    const lost = new Listener('anna')
    enter(lost, '{}')
    node.hub.disconnect(space, lost)
    clock.pass(9_999)
    node.hub.tick()
    const back = new Listener('anna')
    await subscribe(node, space, { to: back })
    clock.pass(20_000)
    node.hub.tick()
    expect([watcher.heard(), members()]).toEqual([['enter anna'], [['anna', '{}']]])
    node.hub.disconnect(space, back)
    clock.pass(10_000)
    node.hub.tick()
    expect([watcher.heard(), members()]).toEqual([['leave anna'], []])
    expect(space.messages?.awaiting.size).toBe(0)
  })

  test('goes on by entering again, and ends at once for who was thrown out or left', async () => {
    const { node, space, watcher, enter } = await world()
    const lost = new Listener('anna')
    enter(lost, '{}')
    node.hub.disconnect(space, lost)
    const back = new Listener('anna')
    enter(back, '{}')
    expect(watcher.heard()).toEqual(['enter anna'])
    back.end('credential_revoked')
    node.hub.disconnect(space, back)
    expect(watcher.heard()).toEqual(['leave anna'])
    const last = new Listener('anna')
    enter(last)
    node.hub.unsubscribe(space, last, 'a')
    node.hub.disconnect(space, last)
    expect(watcher.heard()).toEqual(['enter anna', 'leave anna'])
  })

  test('lets nobody take the place of somebody else', async () => {
    const { node, space, enter, members, watcher } = await world()
    const own = new Listener('anna')
    enter(own, '{"own":true}')
    const thief = new Listener('anna', 'somebody else')
    const taken = { ok: false, refusal: 'client_id_taken' }
    expect(enter(thief, '{}')).toMatchObject(taken)
    node.hub.disconnect(space, own)
    await subscribe(node, space, { to: thief })
    expect(enter(thief, '{}')).toMatchObject(taken)
    node.hub.disconnect(space, thief)
    expect([members(), watcher.heard()]).toEqual([[['anna', '{"own":true}']], ['enter anna']])
  })

  test('is bounded in members and in what is known of each', async () => {
    const { enter } = await world({ presenceMemberCountMax: 1 })
    const refusals = [
      enter(new Listener('anna'), JSON.stringify({ text: 'x'.repeat(4_096) })),
      enter(new Listener('anna'), '{}'),
      enter(new Listener('bert'), '{}'),
    ].map((each) => (each.ok ? 'ok' : each.refusal))
    expect(refusals).toEqual(['member_large', 'ok', 'members_full'])
  })
})
