/**
 * The writes of all MQTT sessions of one region on their way to the store. Those of one turn, and
 * those that come while the store is busy, are one commit. One commit at a time, in order: what is
 * durable is always a prefix of what happened. Bounded: over {@link JOURNAL_BYTES_MAX}, and from an
 * outage until the store answers again, nothing new is accepted.
 */
import type { TopicMessage } from '../../../core/topics/topic-message.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Log } from '../../../ports/log.ts'
import { Outage } from '../../../ports/outage.ts'
import type { QueuedFor, SessionStore, SessionWrite } from '../../../ports/session-store.ts'
import { messageBytes } from './message-size.ts'

/** Our bound on what waits for the store in memory. */
export const JOURNAL_BYTES_MAX = 64 * 1024 * 1024
/** Ours: from here on, who adds to it waits for it. */
export const JOURNAL_BUSY_BYTES = JOURNAL_BYTES_MAX / 4
/** A store that failed is asked again so often. */
export const JOURNAL_RETRY_MS = 1_000
/** What a write without a message is counted as. */
const WRITE_BYTES = 128

interface Batch {
  /** Rises with every batch. */
  number: number
  readonly writes: SessionWrite[]
  bytes: number
  /** Told whether this attempt was durable. */
  waiters: ((isDurable: boolean) => void)[]
  /** Told once it is durable, however many attempts that takes. */
  readonly listeners: (() => void)[]
}

export interface JournalPorts {
  readonly store: SessionStore
  readonly clock: Clock
  readonly log: Log
}

export class SessionJournal {
  /** Compare before and after: it moved when there is something to wait for. */
  writeCount = 0
  /** Compare before and after: it moved when something was refused for want of the store. */
  refusedCount = 0
  outageCount = 0
  commitCount = 0
  readonly #ports: JournalPorts
  #pending: Batch = newBatch(1)
  #flying: Batch | undefined
  #durableNumber = 0
  #isScheduled = false
  /** Set while the store is out; monotonic. */
  #retryAtMs: number | undefined
  #waitingBytes = 0
  /** The write of the message that is being published, while more receivers of it may follow. */
  #queuing: { readonly message: TopicMessage; readonly receivers: QueuedFor[] } | undefined

  constructor(ports: JournalPorts) {
    this.#ports = ports
  }

  /** The store failed and has not answered since. */
  get isDegraded(): boolean {
    return this.#retryAtMs !== undefined
  }

  /**
   * Whether new sessions, subscriptions and messages may be added. What ends something is always
   * written: it frees what was accepted.
   */
  get isAccepting(): boolean {
    return this.#retryAtMs === undefined && this.#waitingBytes < JOURNAL_BYTES_MAX
  }

  /** So much waits that who writes more is read no further: long before others are refused. */
  get isBusy(): boolean {
    return this.#waitingBytes >= JOURNAL_BUSY_BYTES
  }

  get isSettled(): boolean {
    return this.#flying === undefined && this.#pending.writes.length === 0
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Number of the batch that what is written now belongs to. */
  get batchNumber(): number {
    return this.#pending.number
  }

  /** Whether all that was written to the batch of this number is durable. */
  isDurable(batchNumber: number): boolean {
    return batchNumber <= this.#durableNumber || this.isSettled
  }

  add(write: SessionWrite, bytes: number = WRITE_BYTES): void {
    // Only the steps of deliveries may come between the receivers of one message.
    if (write.kind !== 'sent' && write.kind !== 'done') this.#queuing = undefined
    this.#push(write, bytes)
  }

  /** One more receiver of `message`: the message itself is written once for all of them. */
  addQueued(message: TopicMessage, receiver: QueuedFor): void {
    if (this.#queuing?.message === message) {
      this.#queuing.receivers.push(receiver)
      this.#count(WRITE_BYTES)
      return
    }
    const receivers = [receiver]
    this.#push({ kind: 'queued', message, receivers }, WRITE_BYTES + messageBytes(message))
    this.#queuing = { message, receivers }
  }

  /** Something was not accepted: who caused it has to be told. */
  refused(): void {
    this.refusedCount++
  }

  /** Nothing new, but an answer may not leave before what was written earlier is durable. */
  touch(): void {
    if (!this.isSettled) this.writeCount++
  }

  /**
   * @returns once everything written so far survives `kill -9`: true; false as soon as the store
   * fails. The writes are kept and tried again; what was to be acknowledged must not be.
   */
  settled(): Promise<boolean> {
    const batch = this.#pending.writes.length > 0 ? this.#pending : this.#flying
    if (batch === undefined) return Promise.resolve(true)
    return new Promise((resolve) => batch.waiters.push(resolve))
  }

  /** Calls back once what was written so far is durable, outages or not. */
  whenDurable(listener: () => void): void {
    const batch = this.#pending.writes.length > 0 ? this.#pending : this.#flying
    if (batch === undefined) listener()
    else batch.listeners.push(listener)
  }

  /** Tries again what failed, when it is time. */
  tick(): void {
    if (this.#retryAtMs === undefined || this.#flying !== undefined) return
    if (this.#ports.clock.monotonicMs() >= this.#retryAtMs) void this.#commit()
  }

  /** At the end: waits for everything, and tries once more what failed. */
  async finish(): Promise<void> {
    if (this.#flying === undefined && this.isDegraded) void this.#commit()
    while (!this.isSettled && (await this.settled()));
  }

  #push(write: SessionWrite, bytes: number): void {
    this.#pending.writes.push(write)
    this.#count(bytes)
    if (this.#isScheduled || this.#flying !== undefined || this.isDegraded) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      void this.#commit()
    })
  }

  #count(bytes: number): void {
    this.writeCount++
    this.#pending.bytes += bytes
    this.#waitingBytes += bytes
  }

  async #commit(): Promise<void> {
    if (this.#flying !== undefined || this.#pending.writes.length === 0) return
    const batch = this.#pending
    this.#flying = batch
    this.#pending = newBatch(batch.number + 1)
    this.#queuing = undefined
    try {
      await this.#ports.store.apply(batch.writes)
    } catch (error) {
      this.#failed(batch, error)
      return
    }
    this.#flying = undefined
    this.#retryAtMs = undefined
    this.#durableNumber = batch.number
    this.#waitingBytes -= batch.bytes
    this.commitCount++
    void this.#commit()
    for (const resolve of batch.waiters) resolve(true)
    for (const listener of batch.listeners) listener()
  }

  /** Nothing was written: what came since goes behind it, and waits with it. */
  #failed(batch: Batch, error: unknown): void {
    const later = this.#pending
    const waiters = [...batch.waiters, ...later.waiters]
    for (const write of later.writes) batch.writes.push(write)
    for (const listener of later.listeners) batch.listeners.push(listener)
    batch.bytes += later.bytes
    batch.number = later.number
    batch.waiters = []
    this.#queuing = undefined
    this.#pending = batch
    this.#flying = undefined
    this.outageCount++
    this.#retryAtMs = this.#ports.clock.monotonicMs() + JOURNAL_RETRY_MS
    const kind = error instanceof Outage ? 'session_store_outage' : 'session_store_bug'
    this.#ports.log.error(kind, error, { waitingBytes: this.#waitingBytes })
    for (const resolve of waiters) resolve(false)
  }
}

function newBatch(number: number): Batch {
  return { number, writes: [], bytes: 0, waiters: [], listeners: [] }
}
