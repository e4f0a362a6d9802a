import { describe, expect, test } from 'bun:test'
import { added, advanced, readAll } from '../../../../../test/contract/history-records.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { MemoryHistoryStore } from '../../adapters/store-memory/history-store.ts'
import type { HistoryWrite } from '../../ports/history-store.ts'
import { Outage } from '../../ports/outage.ts'
import {
  HISTORY_BATCH_COUNT_MAX,
  HISTORY_RETRY_MS,
  HistoryJournal,
  type HistoryJournalLimits,
} from './history-journal.ts'

/** The store in memory, which can be held, fail, or refuse what is wrong. */
class World {
  readonly clock = new HandClock()
  readonly inner = new MemoryHistoryStore(() => this.#assertUp())
  readonly commits: number[][] = []
  readonly errors: string[] = []
  isOut = false
  #held: PromiseWithResolvers<void> | undefined
  readonly journal: HistoryJournal

  constructor(limits?: HistoryJournalLimits) {
    const quiet = () => {}
    const log = {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (event: string) => void this.errors.push(event),
    }
    const store = { apply: (writes: readonly HistoryWrite[]) => this.#apply(writes) }
    const parts = { store, clock: this.clock, log }
    this.journal = new HistoryJournal(limits === undefined ? parts : { ...parts, limits })
  }

  write(sequence: number) {
    return this.journal.write(added(sequence))
  }

  hold(): void {
    this.#held = Promise.withResolvers()
  }

  letGo(): void {
    this.#held?.resolve()
    this.#held = undefined
  }

  async numbers(): Promise<number[]> {
    return (await readAll(this.inner)).map(({ sequence }) => sequence)
  }

  async #apply(writes: readonly HistoryWrite[]): Promise<void> {
    await this.#held?.promise
    const numbers = writes.map((write) => (write.kind === 'message' ? write.message.sequence : 0))
    if (numbers.includes(Number.POSITIVE_INFINITY)) throw new TypeError('a wrong number')
    await this.inner.apply(writes)
    this.commits.push(numbers)
  }

  #assertUp(): void {
    if (this.isOut) throw new Outage('store_full', 'the disk is full', { port: 'store' })
  }
}

/** What a write was told: it resolves to whether it is durable. */
async function isDurable(acceptance: ReturnType<World['write']>): Promise<boolean> {
  if (!acceptance.accepted) throw new Error('this write was refused')
  return acceptance.durable.then(
    () => true,
    (error: unknown) => {
      expect(error).toBeInstanceOf(Outage)
      return false
    },
  )
}

describe('commits', () => {
  test('hold all writes of a turn, and those that came while the store was busy', async () => {
    const world = new World()
    world.hold()
    const [first] = [world.write(1), world.write(2)]
    await Promise.resolve()
    const third = world.write(3)
    await Promise.resolve()
    world.write(4)
    world.letGo()
    expect(await isDurable(first)).toBe(true)
    expect(await isDurable(third)).toBe(true)
    expect(world.commits).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(world.journal.isSettled).toBe(true)
  })

  test('share one promise', () => {
    const world = new World()
    const [a, b] = [world.write(1), world.write(2)]
    expect(a.accepted && b.accepted && a.durable === b.durable).toBe(true)
  })

  test('are bounded, and keep the order across batches', async () => {
    const world = new World()
    const count = 2 * HISTORY_BATCH_COUNT_MAX + 3
    for (let sequence = 1; sequence <= count; sequence++) world.write(sequence)
    expect(await world.journal.settled()).toBe(true)
    const sizes = world.commits.map(({ length }) => length)
    expect(sizes).toEqual([HISTORY_BATCH_COUNT_MAX, HISTORY_BATCH_COUNT_MAX, 3])
    expect(world.commits.flat()).toEqual(Array.from({ length: count }, (_, at) => at + 1))
    expect(world.journal.metrics()).toMatchObject({
      waitingCount: 0,
      waitingBytes: 0,
      commitCount: 3,
      writtenCount: count,
    })
  })

  test('are bounded in bytes', async () => {
    const world = new World()
    const data = 'x'.repeat(1_500_000)
    for (const sequence of [1, 2, 3]) world.journal.write(added(sequence, { data }))
    await world.journal.settled()
    expect(world.commits).toEqual([[1, 2], [3]])
  })
})

describe('bounds', () => {
  test('refuse what the store does not keep up with, and take it again afterwards', async () => {
    const world = new World({ countMax: 2, bytesMax: 1_000_000 })
    world.hold()
    expect([world.write(1), world.write(2)].every(({ accepted }) => accepted)).toBe(true)
    expect(world.journal.isAccepting).toBe(false)
    expect(world.write(3)).toEqual({ accepted: false })
    expect(world.journal.write(advanced('x', 1, 1)).accepted).toBe(false)
    world.letGo()
    expect(await world.journal.settled()).toBe(true)
    expect(world.write(3).accepted).toBe(true)
    await world.journal.settled()
    expect(await world.numbers()).toEqual([1, 2, 3])
    expect(world.journal.metrics().refusedCount).toBe(2)
  })

  test('count bytes of texts', () => {
    const world = new World({ countMax: 100, bytesMax: 10_000 })
    world.journal.write(added(1, { data: 'x'.repeat(10_000) }))
    expect(world.write(2).accepted).toBe(false)
  })

  test('never keep the removal of an app out', async () => {
    const world = new World({ countMax: 1, bytesMax: 1_000_000 })
    world.write(1)
    expect(world.write(2).accepted).toBe(false)
    const removal = world.journal.write({ kind: 'app_removed', appId: 'app-1' })
    expect(await isDurable(removal)).toBe(true)
    expect(await world.numbers()).toEqual([])
  })
})

describe('an outage', () => {
  test('tells who waits, refuses what is new, and loses nothing that was accepted', async () => {
    const world = new World()
    world.isOut = true
    const first = world.write(1)
    await Promise.resolve()
    const second = world.write(2)
    const settled = world.journal.settled()
    expect([await isDurable(first), await isDurable(second), await settled]).toEqual([
      false,
      false,
      false,
    ])
    expect(world.journal.isDegraded).toBe(true)
    expect(world.write(3)).toEqual({ accepted: false })
    world.isOut = false
    world.clock.pass(HISTORY_RETRY_MS - 1)
    world.journal.tick()
    expect(world.commits).toEqual([])
    world.clock.pass(1)
    world.journal.tick()
    expect(await world.journal.settled()).toBe(true)
    expect(await world.numbers()).toEqual([1, 2])
    expect(world.write(3).accepted).toBe(true)
    expect(await world.journal.settled()).toBe(true)
    expect(await world.numbers()).toEqual([1, 2, 3])
    expect(world.errors).toEqual(['history_store_outage'])
  })

  test('is asked about again and again, a second apart', async () => {
    const world = new World()
    world.isOut = true
    world.write(1)
    for (let failureCount = 1; failureCount <= 3; failureCount++) {
      expect(await world.journal.settled()).toBe(false)
      expect(world.journal.metrics().outageCount).toBe(failureCount)
      world.journal.tick()
      world.clock.pass(HISTORY_RETRY_MS)
      world.journal.tick()
    }
    world.isOut = false
    await world.journal.finish()
    world.journal.tick()
    await world.journal.finish()
    expect(await world.numbers()).toEqual([1])
  })

  test('at the end is tried once more, and then given up', async () => {
    const world = new World()
    world.isOut = true
    world.write(1)
    expect(await world.journal.settled()).toBe(false)
    await world.journal.finish()
    expect(world.journal.metrics()).toMatchObject({ outageCount: 2, waitingCount: 1 })
  })
})

test('a write that the store refuses for what it is holds up nobody, and is not acknowledged', async () => {
  const world = new World()
  for (const sequence of [1, 2, Number.POSITIVE_INFINITY, 4, 5]) world.write(sequence)
  expect(await world.journal.settled()).toBe(false)
  expect(await world.numbers()).toEqual([1, 2, 4, 5])
  world.write(6)
  expect(await world.journal.settled()).toBe(true)
  expect(world.journal.metrics().droppedCount).toBe(1)
  expect(world.errors).toEqual(['history_write_dropped'])
})
