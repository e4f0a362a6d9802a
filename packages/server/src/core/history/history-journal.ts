/**
 * What is published on its way to the history store of one region. Those who write do not wait; one
 * batch is under way at a time, in order, so what is durable is a prefix of what was accepted.
 * Bounded: past its limits, and from an outage until the store answers again, nothing is accepted.
 */
import type { Clock } from '../../ports/clock.ts'
import {
  type HistoryStore,
  type HistoryWrite,
  storedMessageBytes,
} from '../../ports/history-store.ts'
import type { Log } from '../../ports/log.ts'
import { Outage } from '../../ports/outage.ts'

export interface HistoryJournalLimits {
  readonly countMax: number
  readonly bytesMax: number
}

/** Our bounds on what waits for the store in memory: some seconds of a busy server. */
export const HISTORY_JOURNAL_LIMITS: HistoryJournalLimits = {
  countMax: 100_000,
  bytesMax: 64 * 1024 * 1024,
}
/** Our bounds on one commit: the first of it waits for the last, and pages wait for both. */
export const HISTORY_BATCH_COUNT_MAX = 4_096
export const HISTORY_BATCH_BYTES_MAX = 2 * 1024 * 1024
/** A store that failed is asked again so often. */
export const HISTORY_RETRY_MS = 1_000
/** What a write is counted as beside its texts. */
const WRITE_BYTES = 128

interface Batch {
  readonly writes: HistoryWrite[]
  bytes: number
  /** Shared by all writes of it; a new one after every attempt that failed. */
  outcome: PromiseWithResolvers<void>
}

/** `durable` resolves once the write survives `kill -9`, and rejects with the first outage. */
export type HistoryAcceptance =
  | { readonly accepted: true; readonly durable: Promise<void> }
  | { readonly accepted: false }

export interface HistoryJournalMetrics {
  readonly waitingCount: number
  readonly waitingBytes: number
  readonly commitCount: number
  readonly writtenCount: number
  readonly refusedCount: number
  readonly outageCount: number
  /** Writes that the store refuses for what they are: a bug. */
  readonly droppedCount: number
}

export interface HistoryJournalParts {
  readonly store: Pick<HistoryStore, 'apply'>
  readonly clock: Clock
  readonly log: Log
  readonly limits?: HistoryJournalLimits
}

const REFUSED: HistoryAcceptance = { accepted: false }

export class HistoryJournal {
  readonly #parts: HistoryJournalParts
  readonly #limits: HistoryJournalLimits
  /** In order; the first may be under way. */
  readonly #batches: Batch[] = []
  #isFlying = false
  #isScheduled = false
  /** Set while the store is out; monotonic. */
  #retryAtMs: number | undefined
  #waitingCount = 0
  #waitingBytes = 0
  #commitCount = 0
  #writtenCount = 0
  #refusedCount = 0
  #outageCount = 0
  #droppedCount = 0

  constructor(parts: HistoryJournalParts) {
    this.#parts = parts
    this.#limits = parts.limits ?? HISTORY_JOURNAL_LIMITS
  }

  /** The store failed and has not answered since. */
  get isDegraded(): boolean {
    return this.#retryAtMs !== undefined
  }

  /** Whether {@link write} would accept a message. Ask before a message is numbered. */
  get isAccepting(): boolean {
    const { countMax, bytesMax } = this.#limits
    return !this.isDegraded && this.#waitingCount < countMax && this.#waitingBytes < bytesMax
  }

  get isSettled(): boolean {
    return this.#batches.length === 0
  }

  /**
   * What is accepted is written, however many attempts that takes. The removal of an app is always
   * accepted.
   * @param write nobody changes it afterwards.
   */
  write(write: HistoryWrite): HistoryAcceptance {
    if (!this.isAccepting && write.kind !== 'app_removed') {
      this.#refusedCount++
      return REFUSED
    }
    const bytes = bytesOf(write)
    const batch = this.#openBatch()
    batch.writes.push(write)
    batch.bytes += bytes
    this.#waitingCount++
    this.#waitingBytes += bytes
    this.#schedule()
    return { accepted: true, durable: batch.outcome.promise }
  }

  /** @returns true once all that was written so far is durable; false when the store fails. */
  settled(): Promise<boolean> {
    const last = this.#batches.at(-1)
    if (last === undefined) return Promise.resolve(true)
    return last.outcome.promise.then(
      () => true,
      () => false,
    )
  }

  /** Tries again what failed, when it is time. */
  tick(): void {
    if (this.#retryAtMs === undefined || this.#isFlying) return
    if (this.#parts.clock.monotonicMs() >= this.#retryAtMs) void this.#commit()
  }

  /** At the end: waits for everything, and tries once more what failed. */
  async finish(): Promise<void> {
    if (this.isDegraded && !this.#isFlying) void this.#commit()
    while (!this.isSettled && (await this.settled()));
  }

  metrics(): HistoryJournalMetrics {
    return {
      waitingCount: this.#waitingCount,
      waitingBytes: this.#waitingBytes,
      commitCount: this.#commitCount,
      writtenCount: this.#writtenCount,
      refusedCount: this.#refusedCount,
      outageCount: this.#outageCount,
      droppedCount: this.#droppedCount,
    }
  }

  /** The last batch, unless it is under way or full. */
  #openBatch(): Batch {
    const last = this.#batches.at(-1)
    const isUnderWay = this.#isFlying && this.#batches.length === 1
    if (last !== undefined && !isUnderWay && hasRoom(last)) return last
    const batch = { writes: [], bytes: 0, outcome: newOutcome() }
    this.#batches.push(batch)
    return batch
  }

  /** All of one turn come into one batch. */
  #schedule(): void {
    if (this.#isScheduled || this.#isFlying || this.isDegraded) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      void this.#commit()
    })
  }

  async #commit(): Promise<void> {
    const [batch] = this.#batches
    if (this.#isFlying || batch === undefined) return
    this.#isFlying = true
    const droppedBefore = this.#droppedCount
    try {
      await this.#apply(batch.writes)
    } catch (error) {
      this.#isFlying = false
      this.#failed(error)
      return
    }
    this.#isFlying = false
    this.#retryAtMs = undefined
    this.#batches.shift()
    this.#waitingCount -= batch.writes.length
    this.#waitingBytes -= batch.bytes
    this.#commitCount++
    this.#writtenCount += batch.writes.length
    void this.#commit() // before those who waited write more
    // Nobody knows whose it was: a publisher that is told no tries again, and is known by its id.
    if (this.#droppedCount > droppedBefore) batch.outcome.reject(notKept())
    else batch.outcome.resolve()
  }

  /**
   * A write that the store refuses for what it is must not hold up all that came after it: it is
   * found by halves, and left out. @throws Outage
   */
  async #apply(writes: readonly HistoryWrite[]): Promise<void> {
    try {
      await this.#parts.store.apply(writes)
    } catch (error) {
      if (error instanceof Outage) throw error
      if (writes.length === 1) return this.#dropped(error, writes[0]?.kind)
      const middle = writes.length >>> 1
      await this.#apply(writes.slice(0, middle))
      await this.#apply(writes.slice(middle))
    }
  }

  #dropped(error: unknown, kind: HistoryWrite['kind'] | undefined): void {
    this.#droppedCount++
    this.#parts.log.error('history_write_dropped', error, { kind })
  }

  /** Everything is kept and tried again; who waits is told, and gives no acknowledgement. */
  #failed(error: unknown): void {
    this.#outageCount++
    this.#retryAtMs = this.#parts.clock.monotonicMs() + HISTORY_RETRY_MS
    this.#parts.log.error('history_store_outage', error, { waitingBytes: this.#waitingBytes })
    for (const batch of this.#batches) {
      const { reject } = batch.outcome
      batch.outcome = newOutcome()
      reject(error)
    }
  }
}

function hasRoom({ writes, bytes }: Batch): boolean {
  return writes.length < HISTORY_BATCH_COUNT_MAX && bytes < HISTORY_BATCH_BYTES_MAX
}

function notKept(): Outage {
  const text = 'Something that was published at this moment was not kept. See the log.'
  return new Outage('store_unavailable', text, { port: 'store' })
}

/** Not everybody waits for it: a rejection that nobody hears is no error. */
function newOutcome(): PromiseWithResolvers<void> {
  const outcome = Promise.withResolvers<void>()
  void Promise.allSettled([outcome.promise])
  return outcome
}

function bytesOf(write: HistoryWrite): number {
  if (write.kind === 'message') return WRITE_BYTES + storedMessageBytes(write.message)
  if (write.kind !== 'last_event') return WRITE_BYTES
  return WRITE_BYTES + write.last.event.length + write.last.data.length
}
