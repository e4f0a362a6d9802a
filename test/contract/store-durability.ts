/**
 * What a durable store promises beyond its process: acknowledged is kept, unacknowledged is whole
 * or absent, and every failure of its place is a clear outage. Part of the store contract.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Outage } from '../../packages/server/src/ports/outage.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import { DOCUMENT_UNITS } from './document-units.ts'
import { HISTORY_UNITS } from './history-units.ts'
import { SESSION_UNITS } from './session-units.ts'
import { RECORD_UNITS, type Units } from './store-units.ts'

/** What is written for itself: records, what outlives connections, documents, messages. */
export type DurablePart = 'records' | 'sessions' | 'documents' | 'history'

/** The units of each part. */
const UNITS_OF: Readonly<Record<DurablePart, Units>> = {
  records: RECORD_UNITS,
  sessions: SESSION_UNITS,
  documents: DOCUMENT_UNITS,
  history: HISTORY_UNITS,
}

export interface Durability {
  /** Command of a process that runs `commitUnits` on one part of the store of a place. */
  readonly writer: (place: string, part: DurablePart) => readonly string[]
  /** Locks a part of the store of a place as a foreign program would. @returns how to unlock it. */
  readonly lock: (place: string, part: DurablePart) => () => void
  /** Puts other bytes in the place of the closed store's database. */
  readonly spoil: (place: string, part: DurablePart) => void
}

/** One part of a store that is tested. */
interface Bench {
  readonly open: Open
  readonly units: Units
  readonly writer: (place: string) => readonly string[]
  readonly lock: (place: string) => () => void
}

type Open = (place: string) => Promise<Store>

/** Kills per run; each starts a process, so the count is what a person waits for. */
const KILL_COUNT = 8
const ACKNOWLEDGED_COUNT_MAX = 40
const DELAY_MS_MAX = 4
/** Lands while the database is being made, or soon after. */
const START_MS_MAX = 300
/** Blocks of 512 bytes that one file of the limited process may have. */
const FILE_BLOCKS_MAX = 1_200
const LONG_MS = 60_000

export function testStoreDurability(name: string, open: Open, durability: Durability): void {
  for (const part of ['records', 'sessions', 'documents', 'history'] as const)
    testPart(name, { open, durability, part })
}

function testPart(
  name: string,
  {
    open,
    durability,
    part,
  }: { readonly open: Open; readonly durability: Durability; readonly part: DurablePart },
): void {
  const units = UNITS_OF[part]
  const bench: Bench = {
    open,
    units,
    writer: (place) => durability.writer(place, part),
    lock: (place) => durability.lock(place, part),
  }
  describe(`${name} keeps what it acknowledged of ${part}`, () => {
    let place = ''
    beforeEach(() => {
      place = mkdtempSync(join(tmpdir(), 'lockgate-durable-'))
    })
    afterEach(() => rmSync(place, { recursive: true }))

    test('everything committed is there after close and open', async () => {
      for (let round = 0; round < 3; round++) {
        const store = await open(place)
        expect(await units.countWhole(store)).toBe(round)
        await units.save(store, round)
        await store.close()
      }
    })

    test(
      'a process killed at any point loses nothing acknowledged and leaves nothing half-done',
      () => killRepeatedly(place, bench),
      LONG_MS,
    )

    test(
      'a full disk is a clear outage, keeps what was acknowledged, and heals',
      () => fillDisk(place, bench),
      LONG_MS,
    )

    test(
      'a foreign lock is a clear outage that holds nothing else up, and heals',
      () => lockOut(place, bench),
      LONG_MS,
    )

    test('a damaged database is refused with what to do, and is not overwritten', async () => {
      const store = await open(place)
      await units.save(store, 0)
      await store.close()
      durability.spoil(place, part)
      const read = async () => {
        const damaged = await open(place)
        try {
          await units.countWhole(damaged)
        } finally {
          await damaged.close()
        }
      }
      for (let round = 0; round < 2; round++) {
        const outage = await outageOf(read())
        expect(outage.code).toBe('store_corrupt')
        expect(outage.message).toContain('backup')
      }
    })

    test('a place has one holder: a second opening is an outage while it is held', async () => {
      const store = await open(place)
      const outage = await outageOf(open(place))
      expect(outage.code).toBe('store_locked')
      expect(outage.message).toContain('another Lockgate process')
      await units.save(store, 0)
      await store.close()
      const next = await open(place)
      expect(await units.countWhole(next)).toBe(1)
      await next.close()
    })
  })
}

async function killRepeatedly(place: string, { open, units, writer: start }: Bench): Promise<void> {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
  const random = seededRandom(seed)
  let knownCount = 0
  for (let round = 0; round < KILL_COUNT; round++) {
    const writer = Bun.spawn([...start(place)], { stdout: 'pipe', stderr: 'inherit' })
    const enough = Math.floor(random() * ACKNOWLEDGED_COUNT_MAX)
    const kill = async (delayMsMax: number) => {
      await pause(random() * delayMsMax) // no wait for anything: picks where the kill lands
      writer.kill('SIGKILL')
    }
    const early = enough === 0 || round === 0 ? kill(START_MS_MAX) : undefined
    let acknowledgedCount = 0
    for await (const line of linesOf(writer.stdout)) {
      if (line.startsWith('ack ') && ++acknowledgedCount === enough) await kill(DELAY_MS_MAX)
    }
    await early
    await writer.exited
    const store = await open(place)
    const count = await units.countWhole(store)
    await store.close()
    // The last transaction may have been committed and not yet acknowledged.
    const atLeast = knownCount + acknowledgedCount
    expect(count - atLeast, `seed ${seed} round ${round}`).toBeOneOf([0, 1])
    knownCount = count
  }
  expect(knownCount, `seed ${seed}`).toBeGreaterThan(0)
}

async function fillDisk(place: string, { open, units, writer: start }: Bench): Promise<void> {
  const limited = `trap '' XFSZ; ulimit -f ${FILE_BLOCKS_MAX}; exec "$@"`
  const command = ['sh', '-c', limited, 'sh', ...start(place)]
  const writer = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  const lines = await Array.fromAsync(linesOf(writer.stdout))
  expect(await writer.exited).toBe(0)
  const acknowledgedCount = lines.filter((line) => line.startsWith('ack ')).length
  expect(acknowledgedCount).toBeGreaterThan(0)
  expect(lines.slice(acknowledgedCount)).toEqual([
    'outage store_full',
    'outage store_full',
    `readable ${acknowledgedCount}`,
  ])
  const store = await open(place)
  expect(await units.countWhole(store)).toBe(acknowledgedCount)
  await units.save(store, acknowledgedCount)
  expect(await units.countWhole(store)).toBe(acknowledgedCount + 1)
  await store.close()
}

async function lockOut(place: string, { open, units, lock }: Bench): Promise<void> {
  const store = await open(place)
  await units.save(store, 0)
  const unlock = lock(place)
  const loop = { isRunning: true, turnCount: 0 }
  const refused = outageOf(units.save(store, 1)).finally(() => {
    loop.isRunning = false
  })
  while (loop.isRunning) {
    await pause(1)
    loop.turnCount++
  }
  const outage = await refused
  expect(outage.code).toBe('store_locked')
  expect(outage.message).toContain('locked by another program')
  expect(outage.retryAfterMs).toBeGreaterThan(0)
  // A store that waited on this thread would have left no turn to anybody.
  expect(loop.turnCount).toBeGreaterThan(10)
  unlock()
  expect(await units.countWhole(store)).toBe(1)
  await units.save(store, 1)
  expect(await units.countWhole(store)).toBe(2)
  await store.close()
}

async function outageOf(promise: Promise<unknown>): Promise<Outage> {
  const error: unknown = await promise.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  )
  if (error instanceof Outage) return error
  throw error
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** Mulberry32: small, and the same numbers for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
