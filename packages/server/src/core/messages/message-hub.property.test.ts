/** The hub against a model that knows every message: nobody misses one, and nobody gets one twice. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  GatedStore,
  Listener,
  MessageWorld,
  publication,
  type MessageNode,
} from '../../../../../test/support/message-world.ts'
import type { AppSpace } from '../app-space.ts'
import type { Replay } from './messages.ts'

const CHANNELS = ['a', 'b']
const CLIENT_COUNT = 4

type Step =
  | { readonly do: 'publish'; readonly channel: string; readonly isKept: boolean }
  | { readonly do: 'subscribe'; readonly client: number; readonly channel: string; replay: number }
  | { readonly do: 'disconnect'; readonly client: number }
  | { readonly do: 'release'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }

const channel = fc.constantFrom(...CHANNELS)
const client = fc.nat(CLIENT_COUNT - 1)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('publish'), channel, isKept: fc.boolean() }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('subscribe'),
        client,
        channel,
        /** Below 0: after a message so far back; 0: nothing is replayed; above: a rewind. */
        replay: fc.integer({ min: -8, max: 8 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('disconnect'), client }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('release'), count: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.nat(50) }) },
  ) as fc.Arbitrary<Step>,
  { minLength: 20, maxLength: 150, size: 'max' },
)

interface Seen {
  readonly sequence: number
  readonly timestampMs: number
  readonly data: number
}

/** One subscription as the model follows it. */
interface Followed {
  readonly channel: string
  readonly expected: number[]
  until: number | undefined
  from: number | undefined
}

class Model {
  readonly node: MessageNode
  readonly space: AppSpace
  readonly store: GatedStore
  readonly kept = new Set<number>()
  readonly #world: MessageWorld
  /** Hears everything from the first message on, so it knows what was published in which order. */
  readonly #witness = new Listener('witness')
  readonly published: Record<string, Seen[]> = { a: [], b: [] }
  readonly clients: { listener: Listener; followed: Followed[] }[] = []
  readonly #all: { listener: Listener; followed: Followed[] }[] = []
  #next = 0

  constructor(world: MessageWorld, node: MessageNode, store: GatedStore) {
    this.#world = world
    this.node = node
    this.store = store
    this.space = node.space({ resumeMessageCountMax: 1_000 })
    for (const name of CHANNELS) {
      void node.hub.subscribe(this.space, this.#witness, { channel: name, confirm: () => {} })
    }
    for (let index = 0; index < CLIENT_COUNT; index++) this.#connect(index)
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'publish': {
        const data = this.#next++
        if (step.isKept) this.kept.add(data)
        const request = publication(data, { channel: step.channel, isKept: step.isKept })
        void this.node.hub.publish(this.space, request)
        break
      }
      case 'subscribe':
        this.#subscribe(step.client, step.channel, step.replay)
        break
      case 'disconnect':
        this.#disconnect(step.client)
        break
      case 'release':
        this.store.release(step.count)
        break
      case 'pass':
        this.#world.clock.pass(step.ms)
        break
      default:
        step satisfies never
    }
    await settle()
    this.#listen()
  }

  async finish(): Promise<void> {
    do {
      this.store.release()
      await settle()
    } while (this.store.waitingCount > 0)
    this.#listen()
  }

  check(): void {
    for (const { listener, followed } of this.#all) {
      const got = listener.take().filter(({ is }) => is === 'message')
      for (const name of CHANNELS) {
        const wanted = followed
          .filter((each) => each.channel === name && each.from !== undefined)
          .flatMap(({ expected, from, until }) => [
            ...expected,
            ...(this.published[name] ?? []).slice(from, until).map(({ data }) => data),
          ])
        const data = got.filter((each) => each['channel'] === name).map((each) => each['data'])
        expect(data).toEqual(wanted)
      }
    }
    for (const seen of Object.values(this.published)) {
      expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1))
    }
    const times = Object.values(this.published).flatMap((seen) => seen.map((e) => e.timestampMs))
    expect(new Set(times).size).toBe(times.length)
  }

  #connect(index: number): void {
    const entry = { listener: new Listener(`client-${index}`), followed: [] }
    this.clients[index] = entry
    this.#all.push(entry)
  }

  #disconnect(index: number): void {
    const entry = this.clients[index]
    if (entry === undefined) return
    this.#listen()
    for (const followed of entry.followed) {
      followed.until ??= this.published[followed.channel]?.length ?? 0
    }
    this.node.hub.disconnect(this.space, entry.listener)
    this.#connect(index)
  }

  #subscribe(index: number, name: string, wish: number): void {
    const entry = this.clients[index]
    // Sessions wait for one subscription before the next of the same channel.
    if (entry === undefined || entry.followed.some((each) => each.channel === name)) return
    const known = this.published[name] ?? []
    const knownMs = wish < 0 ? (known.at(wish)?.timestampMs ?? 1) : 0
    const replays: (Replay | undefined)[] = [
      { kind: 'after', timestampMs: knownMs },
      undefined,
      { kind: 'rewind', count: wish },
    ]
    const replay = replays[Math.sign(wish) + 1]
    const followed: Followed = { channel: name, expected: [], until: undefined, from: undefined }
    entry.followed.push(followed)
    const confirm = () => {
      this.#listen()
      const before = this.published[name] ?? []
      followed.from = before.length
      const kept = before.filter(({ data }) => this.kept.has(data))
      const replayed =
        wish < 0
          ? kept.filter(({ timestampMs }) => timestampMs > knownMs)
          : kept.slice(wish === 0 ? kept.length : -wish)
      followed.expected.push(...replayed.map(({ data }) => data))
    }
    const request = { channel: name, confirm, ...(replay === undefined ? {} : { replay }) }
    void this.node.hub.subscribe(this.space, entry.listener, request)
  }

  #listen(): void {
    for (const { channel: name, sequence, timestampMs, data } of this.#witness.take()) {
      this.published[String(name)]?.push({
        sequence: Number(sequence),
        timestampMs: Number(timestampMs),
        data: Number(data),
      })
    }
  }
}

/** Everything that does not wait for the store has run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

test('subscribers get the replay, then every live message, each once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const store = new GatedStore()
      const world = new MessageWorld(store)
      // So little is in memory that most replays have to be read.
      const limits = { recentCountMax: 3, appBytesMax: 2_500 }
      const model = new Model(world, await world.node(limits), store)
      store.isOpen = false
      for (const step of all) await model.run(step)
      await model.finish()
      model.check()
    }),
    { numRuns: 300 },
  )
})
