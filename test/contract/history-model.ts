/** Random histories against a model of a few lines: a part of the contract of the history store. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  type HistoryWrite,
  type StoredLastEvent,
  type StoredMessage,
  storedMessageBytes,
} from '../../packages/server/src/ports/history-store.ts'
import { kept, lastEventOf, pruneOf, queryOf } from './history-records.ts'

const HISTORY_COUNT = 600
const LONG_MS = 60_000
const APPS = ['app-1', 'app-2']
const CHANNELS = ['a', 'b', 'ü\u{1f600}']
/** Numbers of messages, so few that repetitions and gaps are many. */
const NUMBER_MAX = 9
const END_MS = NUMBER_MAX * CHANNELS.length + 1

type Prune = Parameters<HistoryStore['prune']>[0]
type Step =
  | { readonly kind: 'apply'; readonly writes: readonly HistoryWrite[] }
  | { readonly kind: 'prune'; readonly of: Prune }

/** What the promises say, over one list. */
class Model {
  messages: StoredMessage[] = []
  readonly #tails = new Map<string, { readonly sequence: number; readonly timestampMs: number }>()
  readonly #last = new Map<string, StoredLastEvent>()

  apply(write: HistoryWrite): void {
    if (write.kind === 'app_removed') this.#remove(write.appId)
    else if (write.kind === 'last_event') this.#last.set(keyOf(write.last), write.last)
    else if (write.kind === 'last_event_gone') this.#last.delete(keyOf(write))
    else {
      const given = write.kind === 'message' ? write.message : write
      const tail = this.tail(given)
      const isBeyond = given.sequence > tail.sequence && given.timestampMs > tail.timestampMs
      if (write.kind === 'message' && isBeyond) this.messages.push(write.message)
      const sequence = Math.max(tail.sequence, given.sequence)
      const timestampMs = Math.max(tail.timestampMs, given.timestampMs)
      this.#tails.set(keyOf(given), { sequence, timestampMs })
    }
  }

  prune({ appId, channel, beforeMs, countMax }: Prune): number {
    const found = this.of(appId)
      .filter((each) => channel === undefined || each.channel === channel)
      .filter((each) => beforeMs === undefined || each.timestampMs < beforeMs)
      .slice(0, countMax)
    this.messages = this.messages.filter((each) => !found.includes(each))
    return found.length
  }

  page(query: HistoryQuery): HistoryPage {
    const { afterMs = 0, beforeMs = END_MS } = query
    const all = this.of(query.appId)
      .filter(({ channel }) => channel === query.channel)
      .filter(({ timestampMs }) => timestampMs > afterMs && timestampMs < beforeMs)
    if (query.direction === 'backward') all.reverse()
    const fits = (count: number) => bytesOf(all.slice(0, count)) <= query.byteCountMax
    let count = Math.min(query.countMax, all.length)
    while (count > 1 && !fits(count)) count--
    return { messages: all.slice(0, count), hasMore: count < all.length }
  }

  tail(of: { readonly appId: string; readonly channel: string }) {
    return this.#tails.get(keyOf(of)) ?? { sequence: 0, timestampMs: 0 }
  }

  /** Oldest first. */
  of(appId: string): StoredMessage[] {
    const own = this.messages.filter((each) => each.appId === appId)
    return own.sort((a, b) => a.timestampMs - b.timestampMs)
  }

  lastEvents(): StoredLastEvent[] {
    return [...this.#last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, last]) => last)
  }

  #remove(appId: string): void {
    this.messages = this.messages.filter((each) => each.appId !== appId)
    for (const map of [this.#tails, this.#last]) {
      for (const key of map.keys()) if (key.startsWith(`${appId}/`)) map.delete(key)
    }
  }
}

function keyOf({ appId, channel }: { readonly appId: string; readonly channel: string }): string {
  return `${appId}/${channel}`
}

function bytesOf(messages: readonly StoredMessage[]): number {
  return messages.reduce((sum, message) => sum + storedMessageBytes(message), 0)
}

const place = fc.record({ appId: fc.constantFrom(...APPS), channel: fc.constantFrom(...CHANNELS) })
/** Times are those of one channel only, as they are in an app. */
const numbered = fc
  .tuple(place, fc.integer({ min: 1, max: NUMBER_MAX }), fc.integer({ min: 1, max: NUMBER_MAX }))
  .map(([of, sequence, time]) => {
    return { ...of, sequence, timestampMs: time * CHANNELS.length - CHANNELS.indexOf(of.channel) }
  })
const message = fc
  .tuple(numbered, fc.constantFrom(0, 50, 2_000))
  .map(([of, size]): HistoryWrite => {
    const data = JSON.stringify('ü'.repeat(size))
    return { kind: 'message', message: kept(of.sequence, { ...of, data }) }
  })
const write: fc.Arbitrary<HistoryWrite> = fc.oneof(
  { weight: 12, arbitrary: message },
  { weight: 2, arbitrary: numbered.map((of): HistoryWrite => ({ kind: 'advanced', ...of })) },
  {
    weight: 2,
    arbitrary: fc.tuple(place, fc.integer()).map(([of, value]): HistoryWrite => {
      return { kind: 'last_event', last: lastEventOf({ ...of, data: String(value) }) }
    }),
  },
  { weight: 1, arbitrary: place.map((of): HistoryWrite => ({ kind: 'last_event_gone', ...of })) },
  { weight: 1, arbitrary: place.map(({ appId }) => ({ kind: 'app_removed', appId }) as const) },
)
const timeMs = fc.option(fc.integer({ min: 0, max: END_MS }), { nil: undefined })
const prune = fc
  .record({
    appId: fc.constantFrom(...APPS),
    channel: fc.option(fc.constantFrom(...CHANNELS), { nil: undefined }),
    beforeMs: timeMs,
    countMax: fc.integer({ min: 1, max: 6 }),
  })
  .map((of): Step => ({ kind: 'prune', of: pruneOf(of) }))
const applied = fc
  .array(write, { maxLength: 15 })
  .map((writes): Step => ({ kind: 'apply', writes }))
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: applied }, prune), { maxLength: 6 })
const asked = fc.record({
  direction: fc.constantFrom('forward' as const, 'backward' as const),
  beforeMs: timeMs,
  afterMs: timeMs,
  countMax: fc.integer({ min: 1, max: 5 }),
  byteCountMax: fc.constantFrom(1, 300, 5_000, 1_000_000),
})

export function testHistoryModel(open: () => HistoryStore): void {
  test(
    `${HISTORY_COUNT} random histories are what a list of messages would be`,
    async () => {
      const store = open()
      const property = fc.asyncProperty(steps, asked, async (history, query) => {
        const model = new Model()
        await store.apply(APPS.map((appId) => ({ kind: 'app_removed', appId })))
        const ended = history.map((step) => carryOut(step, { store, model }))
        for (const [given, expected] of await Promise.all(ended)) expect(given).toBe(expected)
        await compare(store, { model, query })
      })
      await fc.assert(property, { numRuns: HISTORY_COUNT })
    },
    LONG_MS,
  )
}

interface Pair {
  readonly store: HistoryStore
  readonly model: Model
}

/** Nothing waits for what was asked before it: the store keeps the order. */
async function carryOut(step: Step, { store, model }: Pair) {
  if (step.kind === 'prune') {
    const expected = model.prune(step.of)
    return [await store.prune(step.of), expected] as const
  }
  for (const each of step.writes) model.apply(each)
  await store.apply(step.writes)
  return [0, 0] as const
}

async function compare(
  store: HistoryStore,
  { model, query }: { readonly model: Model; readonly query: Partial<HistoryQuery> },
): Promise<void> {
  expect(await store.lastEvents(0)).toEqual(model.lastEvents())
  for (const appId of APPS) {
    const all = model.of(appId)
    const usage = { messageCount: all.length, byteCount: bytesOf(all) }
    expect(await store.usage(appId)).toEqual(usage)
    const channels = await store.channels({ appId, after: undefined, countMax: 10 })
    expect(channels.map(({ channel }) => channel)).toEqual(
      CHANNELS.filter((channel) => all.some((each) => each.channel === channel)),
    )
    for (const channel of CHANNELS) {
      const full = queryOf({ ...query, appId, channel })
      expect(await store.page(full)).toEqual(model.page(full))
      const { sequence, timestampMs } = model.tail({ appId, channel })
      expect(await store.tail(appId, channel)).toEqual({
        lastSequence: sequence,
        lastTimestampMs: timestampMs,
        oldestTimestampMs: all.find((each) => each.channel === channel)?.timestampMs,
      })
    }
  }
}
