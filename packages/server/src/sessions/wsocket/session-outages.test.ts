/** A store that fails, or takes its time: told to who asked, and nobody else notices. */
import { describe, expect, test } from 'bun:test'
import { MemoryHistoryStore } from '../../adapters/store-memory/history-store.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { openWSocketWorld } from '../../../../../test/support/wsocket-world.ts'
import type { HistoryQuery, HistoryWrite } from '../../ports/history-store.ts'
import { Outage } from '../../ports/outage.ts'
import { WAITING_FRAME_COUNT_MAX } from './waiting-frames.ts'

class FailingStore extends MemoryHistoryStore {
  isFailing = false
  /** Pages wait for this. */
  gate: Promise<void> | undefined

  constructor() {
    super(() => {})
  }

  override async apply(writes: readonly HistoryWrite[]): Promise<void> {
    this.#check()
    return super.apply(writes)
  }

  override async page(query: HistoryQuery) {
    await this.gate
    this.#check()
    return super.page(query)
  }

  #check(): void {
    if (this.isFailing) throw new Outage('store_unavailable', 'down', { port: 'store' })
  }
}

async function failingWorld() {
  const store = new FailingStore()
  const world = await openWSocketWorld({ store })
  const ann = await world.connect({ key: await world.keyOf() })
  await ann.send({ action: 'publish', channel: 'a', id: 'first', data: 1 })
  return { store, world, ann }
}

const history = { action: 'history', channel: 'a' }
const publish = (id: string) => ({ action: 'publish', channel: 'a', id, data: 1 })

describe('a store that fails', () => {
  test('is told instead of a page, and the connection lives', async () => {
    const { store, ann, world } = await failingWorld()
    store.isFailing = true
    const told = await ann.send(history)
    expect(told).toMatchObject([{ action: 'error', code: 'unavailable', channel: 'a' }])
    store.isFailing = false
    expect(await ann.send(history)).toMatchObject([{ action: 'history' }])
    expect(world.errors).toContain('session_outage')
  })

  test('is told instead of an ack: what is not durable is not acknowledged', async () => {
    const { store, ann, world } = await failingWorld()
    store.isFailing = true
    ann.say(publish('lost'))
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    const told = ann.outbox.frames.splice(0).map((text) => JSON.parse(text))
    expect(told).toMatchObject([{ action: 'error', code: 'unavailable', id: 'lost' }])
    expect(ann.outbox.closed).toBeUndefined()
    expect(world.errors).toEqual(['history_store_outage'])
    store.isFailing = false
    world.time.ms += 2_000
    world.journal.tick()
    expect(await ann.send(publish('lost'))).toMatchObject([{ action: 'ack', id: 'lost' }])
  })
})

describe('while the store takes its time', () => {
  test('frames wait in their order, and reading stops', async () => {
    const { store, ann } = await failingWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    store.gate = promise
    ann.say(history)
    ann.say({ action: 'ping' })
    ann.say(publish('later'))
    expect(ann.inflow.isPaused).toBe(true)
    expect(ann.outbox.frames).toEqual([])
    resolve()
    const told = await ann.take()
    expect(told.map(({ action }) => action)).toEqual(['history', 'pong', 'ack'])
    expect(ann.inflow.isPaused).toBe(false)
  })

  test('a client that sends on without end is let go, and what comes later is nothing', async () => {
    const { store, ann } = await failingWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    store.gate = promise
    ann.say(history)
    for (let count = 0; count <= WAITING_FRAME_COUNT_MAX; count++) ann.say({ action: 'ping' })
    expect(ann.outbox.closed?.code).toBe(4429)
    const before = ann.outbox.frames.length
    resolve()
    await ann.take()
    expect(before).toBe(1)
    expect(ann.outbox.frames).toEqual([])
  })

  /** Everything was said before this world began: it has to be read. */
  async function narrowed(frame: unknown, scopes: readonly string[]) {
    const { store } = await failingWorld()
    const world = await openWSocketWorld({ store })
    const { value = '', credential } = await world.make('api_key', { name: 'narrowed' })
    const ann = await world.connect({ key: value })
    const { promise, resolve } = Promise.withResolvers<void>()
    store.gate = promise
    ann.say(frame)
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    await world.core.changes.update({ credentialId: credential.id, scopes: [...scopes] }, CALLER)
    resolve()
    const told = await ann.take()
    return { ann, told: told.map(({ action, code }) => [action, code ?? ''].join(' ').trim()) }
  }

  test.each([
    ['a rewind', { action: 'subscribe', channel: 'a', rewind: 5 }],
    ['a resume', { action: 'resume', token: btoa('{"channels":["a"],"since":1}') }],
    ['a page', history],
  ])('rights that are taken away meanwhile are gone: %s', async (_name, frame) => {
    const { ann, told } = await narrowed(frame, ['publish'])
    expect(told).not.toContain('message')
    expect(told).not.toContain('subscribed')
    expect(told).not.toContain('history')
    expect(told).toContain('error forbidden')
    expect([...ann.session.channels]).toEqual([])
  })

  test('who may not read any more what was said is subscribed without it', async () => {
    const frame = { action: 'subscribe', channel: 'a', rewind: 5 }
    const { ann, told } = await narrowed(frame, ['subscribe'])
    expect(told).toEqual(['error forbidden', 'subscribed'])
    expect([...ann.session.channels]).toEqual(['a'])
  })

  test('a client that leaves while it resumes leaves no name behind, and reads no more', async () => {
    const { store } = await failingWorld()
    const world = await openWSocketWorld({ store })
    world.set('app', { resumeTokens: 'server' })
    const ann = await world.connect({ key: await world.keyOf() })
    const { promise, resolve } = Promise.withResolvers<void>()
    store.gate = promise
    ann.say({ action: 'resume', token: btoa('{"channels":["a","b","c"],"since":1}') })
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    ann.drop()
    resolve()
    await world.settle()
    expect(world.resumes.size).toBe(0)
    expect(world.history.find('app', 'b')).toBeUndefined()
  })

  test('a client that leaves meanwhile holds nothing', async () => {
    const { store, world, ann } = await failingWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    store.gate = promise
    ann.say({ action: 'subscribe', channel: 'fresh', rewind: 5 })
    ann.say({ action: 'subscribe', channel: 'b' })
    ann.drop()
    resolve()
    await world.settle()
    expect([...ann.session.channels]).toEqual([])
    expect(ann.session.space.messages).toBeUndefined()
    expect(ann.session.space.connections.size).toBe(0)
  })
})
