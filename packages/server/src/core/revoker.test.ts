import { describe, expect, test } from 'bun:test'
import { pusherWorld, SECOND_KEY, KEY, sign } from '../../../../test/support/pusher-world.ts'
import { createMemoryBus } from '../adapters/broker-memory/broker.ts'
import { createClosings } from '../transports/closings.ts'
import { Departures } from '../transports/departures.ts'
import { relianceOn, type RevocationTarget } from './reliance.ts'
import { ANSWER_MS_MAX, Revoker } from './revoker.ts'

const nothing = () => {}
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

function nodes(count: number) {
  const bus = createMemoryBus({ onError: (error) => expect(error).toBeUndefined() })
  return Array.from({ length: count }, (_, index) => {
    const world = pusherWorld()
    const { hub, clock, tally } = world
    const closings = createClosings({ tally, log, departures: new Departures({ tally, log }) })
    const broker = bus.connect()
    const revoker = new Revoker({ hub, broker, clock, closings, nodeId: `node-${index}` })
    revoker.tick()
    return { ...world, revoker, broker }
  })
}

function node() {
  const [only] = nodes(1)
  if (only === undefined) throw new Error('no node')
  return only
}

/** Lets deliveries of the bus and slices of closes happen. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

const version = (key: string): RevocationTarget => ({ kind: 'version', versionId: `ver_${key}` })

describe('who is not in the hub yet', () => {
  const rests = (target: RevocationTarget) => [relianceOn(target)]
  const lineage = { kind: 'token', tokenId: 'app/1' } as const

  test('asks whether what it rests on was ended while it waited', async () => {
    const { hub, revoker, clock } = node()
    const sinceMs = clock.monotonicMs()
    expect(hub.ended.hasEnded(rests(version(KEY)), sinceMs)).toBe(false)
    await revoker.revoke(version(KEY))
    await revoker.revokeHere({ kind: 'app', appId: 'app' })
    await revoker.endOpenedBy('app', new Set(rests(lineage)), 'credential_revoked')
    for (const target of [version(KEY), { kind: 'app', appId: 'app' } as const, lineage]) {
      expect(hub.ended.hasEnded(rests(target), sinceMs)).toBe(true)
      expect(hub.ended.hasEnded(rests(target), clock.monotonicMs() + 1)).toBe(false)
    }
    expect(hub.ended.hasEnded(rests(version(SECOND_KEY)), sinceMs)).toBe(false)
  })

  test('learns it of what another node has ended', async () => {
    const [one, two] = nodes(2)
    if (one === undefined || two === undefined) throw new Error('no nodes')
    const sinceMs = two.clock.monotonicMs()
    void one.revoker.revoke(version(KEY))
    await settle()
    expect(two.hub.ended.hasEnded(rests(version(KEY)), sinceMs)).toBe(true)
  })
})

describe('revoking', () => {
  test('a version closes what it authorized with 4200, and nothing else', async () => {
    const { connect, revoker } = node()
    const [subscribed, publicOnly, signedIn] = [connect(), connect(), connect()]
    subscribed.subscribe('private-a')
    publicOnly.subscribe('public')
    signedIn.signIn({ id: 'user-1' })
    const receipt = await revoker.revoke(version(KEY))
    expect(receipt).toMatchObject({ closedCount: 2, narrowedCount: 0, silentNodeCount: 0 })
    expect(receipt.nodes).toMatchObject([{ node: 'node-0', closed: { pusher: 2 } }])
    expect(subscribed.outbox.closed?.code).toBe(4200)
    expect(signedIn.outbox.closed?.code).toBe(4200)
    expect(publicOnly.outbox.closed).toBeUndefined()
  })

  test('another version of the same app leaves everything alone', async () => {
    const { connect, revoker } = node()
    const client = connect()
    client.subscribe('private-a')
    expect(await revoker.revoke(version(SECOND_KEY))).toMatchObject({ closedCount: 0 })
    expect(client.outbox.closed).toBeUndefined()
  })

  test('what was authorized anew rests on the newer version only', async () => {
    const { connect, revoker } = node()
    const client = connect()
    client.subscribe('private-a')
    const auth = sign(`${client.session.id}:private-a`, SECOND_KEY, 'second-secret')
    client.send({ event: 'pusher:subscribe', data: { channel: 'private-a', auth } })
    expect(await revoker.revoke(version(KEY))).toMatchObject({ closedCount: 0 })
    expect(await revoker.revoke(version(SECOND_KEY))).toMatchObject({ closedCount: 1 })
  })

  test('a subscription that was left does not count any more', async () => {
    const { connect, revoker } = node()
    const client = connect()
    client.subscribe('private-a')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-a' } })
    expect(await revoker.revoke(version(KEY))).toMatchObject({ closedCount: 0 })
  })

  test.each<[string, RevocationTarget]>([
    ['an app key', { kind: 'credential', credentialId: `cred_${KEY}` }],
    ['an app', { kind: 'app', appId: 'app' }],
    ['a tenant', { kind: 'tenant', tenantId: 'tenant' }],
  ])('%s closes every connection that came by it with 4009', async (_, target) => {
    const { connect, revoker } = node()
    const clients = [connect(), connect()]
    expect(await revoker.revoke(target)).toMatchObject({ closedCount: 2 })
    expect(clients.map(({ outbox }) => outbox.closed?.code)).toEqual([4009, 4009])
  })

  test('a user closes the connections of that user with 4009', async () => {
    const { connect, revoker } = node()
    const [one, other] = [connect(), connect()]
    one.signIn({ id: 'one' })
    other.signIn({ id: 'other' })
    const target = { kind: 'user', appId: 'app', userId: 'one' } as const
    expect(await revoker.revoke(target)).toMatchObject({ closedCount: 1 })
    expect(one.outbox.closed?.code).toBe(4009)
    expect(other.outbox.closed).toBeUndefined()
  })

  test('of another app or tenant touches nobody', async () => {
    const { connect, revoker } = node()
    const client = connect()
    for (const target of [
      { kind: 'app', appId: 'other' },
      { kind: 'tenant', tenantId: 'other' },
      { kind: 'user', appId: 'other', userId: 'one' },
    ] as const) {
      expect(await revoker.revoke(target)).toMatchObject({ closedCount: 0 })
    }
    expect(client.outbox.closed).toBeUndefined()
  })
})

describe('what was revoked', () => {
  test('counts once, however often it is revoked before it is gone', async () => {
    const { connect, revoker } = node()
    connect().signIn({ id: 'one' })
    const target = { kind: 'user', appId: 'app', userId: 'one' } as const
    const receipts = await Promise.all([revoker.revoke(target), revoker.revoke(target)])
    expect(receipts.map(({ closedCount }) => closedCount)).toEqual([1, 0])
  })

  test('gives its place free with the close, before its session is told', async () => {
    const { connect, revoker, space, hub } = node()
    const client = connect()
    client.subscribe('private-a')
    await revoker.revoke({ kind: 'app', appId: 'app' })
    // A recording outbox never says that the socket is gone.
    expect(client.session.subscriptions.size).toBe(1)
    expect(space.connections.size).toBe(0)
    hub.disconnect(space, client.session)
    expect(space.channels.size).toBe(0)
  })
})

describe('with several nodes', () => {
  test('every node closes its own, and the receipt names each', async () => {
    const [first, second] = nodes(2)
    if (first === undefined || second === undefined) throw new Error('two nodes')
    await settle()
    const clients = [first.connect(), second.connect(), second.connect()]
    const receipt = await first.revoker.revoke({ kind: 'app', appId: 'app' })
    expect(receipt).toMatchObject({ closedCount: 3, silentNodeCount: 0 })
    const byNode = receipt.nodes.map(({ node: name, closed }) => [name, closed])
    expect(byNode).toEqual([
      ['node-0', { pusher: 1 }],
      ['node-1', { pusher: 2 }],
    ])
    expect(clients.every(({ outbox }) => outbox.closed?.code === 4009)).toBe(true)
  })

  test('a node that does not answer in time is counted as silent, never waited for', async () => {
    const [first, second] = nodes(2)
    if (first === undefined || second === undefined) throw new Error('two nodes')
    await settle()
    second.revoker.close()
    const receipt = first.revoker.revoke({ kind: 'app', appId: 'app' })
    await settle()
    first.time.ms += ANSWER_MS_MAX
    first.revoker.tick()
    expect(await receipt).toMatchObject({ silentNodeCount: 1 })
  })

  test('a node that went away is forgotten', async () => {
    const [first, second] = nodes(2)
    if (first === undefined || second === undefined) throw new Error('two nodes')
    await settle()
    second.revoker.close()
    first.time.ms += 60_000
    first.revoker.tick()
    expect(await first.revoker.revoke({ kind: 'app', appId: 'app' })).toMatchObject({
      silentNodeCount: 0,
    })
  })

  test('what no node would have written is dropped', async () => {
    const [first, second] = nodes(2)
    if (first === undefined || second === undefined) throw new Error('two nodes')
    await settle()
    const client = second.connect()
    for (const payload of ['', '{}', '{"kind":"revoke","from":"x","id":"1","target":{}}', '[1]']) {
      first.broker.publish('nodes', payload)
    }
    await settle()
    expect(client.outbox.closed).toBeUndefined()
  })
})
