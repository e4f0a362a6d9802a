/**
 * The last events of this node, in memory: what watchers read from, each at its own pace, and go on
 * from after a break. Bounded by tenant, lane and in total; what is dropped is known to be missing.
 */
import type { LiveEvent, LiveEventType, LiveListener } from '../../core/live-events.ts'
import type { Random } from '../../ports/random.ts'
import { EntryQueue, type JournalEntry } from './entry-queue.ts'
import { type EventFilter, fits, isNamedOnly, type Lane, laneOf, lanesOf } from './event-filter.ts'
import { Interests } from './interests.ts'

/** Our bounds; an entry takes about half a kilobyte. */
export const JOURNAL_COUNT_MAX = 50_000
/** Of one tenant in one lane, so that a flood drops what is like it and nothing else. */
export const LANE_COUNT_MAX = 2_000
/** Taken from the fullest lane at a time when there are too many in total. */
const DROP_COUNT = 256
const EPOCH_BYTES = 8

/** Whose numbers an id counts in; undefined for the whole installation. */
export type Scope = string | undefined

/** Where a reader is, and whether what it asks to go on from is still there. */
export interface Place {
  readonly afterSeq: number
  readonly gap: 'restarted' | 'dropped' | 'not_kept' | undefined
}

export interface Reading {
  readonly entries: readonly JournalEntry[]
  /** Everything up to this one was looked at. */
  readonly throughSeq: number
}

export interface JournalBounds {
  readonly countMax: number
  readonly laneCountMax: number
}

interface TenantLog {
  readonly epoch: string
  lastOwnSeq: number
  readonly lanes: Readonly<Record<Lane, EntryQueue>>
}

export class EventJournal implements LiveListener {
  readonly interests = new Interests()
  readonly #random: Pick<Random, 'bytes'>
  readonly #bounds: JournalBounds
  readonly #epoch: string
  /** In the order of their numbers, dropped ones among them until they are cleared up. */
  #entries: JournalEntry[] = []
  #droppedCount = 0
  readonly #logs = new Map<Scope, TenantLog>()
  readonly #droppedThrough: Record<Lane, number> = { connections: 0, channels: 0, others: 0 }
  readonly #listeners = new Set<(event: LiveEvent) => void>()
  #lastSeq = 0

  constructor(
    random: Pick<Random, 'bytes'>,
    bounds: JournalBounds = { countMax: JOURNAL_COUNT_MAX, laneCountMax: LANE_COUNT_MAX },
  ) {
    this.#random = random
    this.#bounds = bounds
    this.#epoch = this.#newEpoch()
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  get count(): number {
    return this.#entries.length - this.#droppedCount
  }

  /** @param listen called after each event that was taken. @returns what stops it. */
  onEvent(listen: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listen)
    return () => this.#listeners.delete(listen)
  }

  wants(type: LiveEventType, appId: string | undefined): boolean {
    return !isNamedOnly(type) || this.interests.wants(type, appId)
  }

  hear(told: LiveEvent): void {
    if (isNamedOnly(told.type) && !this.interests.isFor(told)) return
    const event = withoutContent(told)
    const log = this.#logOf(event.tenantId)
    const lane = laneOf(event.type)
    const entry = { seq: ++this.#lastSeq, ownSeq: ++log.lastOwnSeq, event, isDropped: false }
    this.#entries.push(entry)
    log.lanes[lane].push(entry)
    if (log.lanes[lane].length > this.#bounds.laneCountMax) this.#drop(lane, log.lanes[lane])
    if (this.count > this.#bounds.countMax) this.#dropOfFullest()
    for (const listen of this.#listeners) listen(event)
  }

  /** @returns the id of an entry, `<epoch>-<number>`; no two are ever the same. */
  idOf(scope: Scope, { seq, ownSeq }: Pick<JournalEntry, 'seq' | 'ownSeq'>): string {
    return scope === undefined ? `${this.#epoch}-${seq}` : `${this.#logOf(scope).epoch}-${ownSeq}`
  }

  /** @returns the id to go on from so that the entry comes next. */
  idBefore(scope: Scope, { seq, ownSeq }: JournalEntry): string {
    const numbers = { seq: seq - 1, ownSeq: ownSeq - 1 }
    return this.idOf(scope, numbers)
  }

  /** @returns the id to go on from after everything that is there. */
  idNow(scope: Scope): string {
    if (scope === undefined) return `${this.#epoch}-${this.#lastSeq}`
    const { epoch, lastOwnSeq } = this.#logOf(scope)
    return `${epoch}-${lastOwnSeq}`
  }

  /** @param id as {@link idOf} gave it, maybe before a restart; untrusted. */
  find(scope: Scope, id: string, filter: EventFilter): Place {
    const number = this.#parse(scope, id)
    if (number === undefined) return { afterSeq: 0, gap: 'restarted' }
    const afterSeq = scope === undefined ? number : this.#seqAfter(scope, number)
    const lanes = scope === undefined ? undefined : this.#logOf(scope).lanes
    const isDropped =
      lanes === undefined
        ? this.droppedThrough(filter) > number
        : [...lanesOf(filter)].some((lane) => lanes[lane].droppedThroughOwnSeq > number)
    if (isDropped) return { afterSeq, gap: 'dropped' }
    return { afterSeq, gap: this.interests.covers(filter, afterSeq) ? undefined : 'not_kept' }
  }

  /** @returns the number of an entry, or of where it was; undefined for an id of another start. */
  seqOf(scope: Scope, id: string): number | undefined {
    const own = this.#parse(scope, id)
    if (own === undefined) return undefined
    return scope === undefined ? own : this.#seqAfter(scope, own - 1) + 1
  }

  /** @returns the newest entry that may have fitted and is no longer here; 0 for none. */
  droppedThrough(filter: EventFilter): number {
    let throughSeq = 0
    for (const lane of lanesOf(filter)) {
      const { tenantId } = filter
      const seq =
        tenantId === undefined
          ? this.#droppedThrough[lane]
          : (this.#logs.get(tenantId)?.lanes[lane].droppedThroughSeq ?? 0)
      throughSeq = Math.max(throughSeq, seq)
    }
    return throughSeq
  }

  /** Oldest first. */
  readAfter(filter: EventFilter, afterSeq: number, countMax: number): Reading {
    const entries: JournalEntry[] = []
    for (let index = this.#indexAfter(afterSeq); index < this.#entries.length; index++) {
      const entry = this.#entries[index]
      if (entry === undefined || entry.isDropped || !fits(filter, entry.event)) continue
      entries.push(entry)
      if (entries.length === countMax) return { entries, throughSeq: entry.seq }
    }
    return { entries, throughSeq: this.#lastSeq }
  }

  /** Newest first, of those before `beforeSeq`. */
  readBefore(filter: EventFilter, beforeSeq: number, countMax: number): readonly JournalEntry[] {
    const entries: JournalEntry[] = []
    for (let index = this.#indexAfter(beforeSeq - 1) - 1; index >= 0; index--) {
      const entry = this.#entries[index]
      if (entry === undefined || entry.isDropped || !fits(filter, entry.event)) continue
      entries.push(entry)
      if (entries.length === countMax) break
    }
    return entries
  }

  /** @returns the number in an id of this start. */
  #parse(scope: Scope, id: string): number | undefined {
    const [, epoch, digits] = /^([0-9a-f]{16})-(\d{1,15})$/.exec(id) ?? []
    const log = scope === undefined ? undefined : this.#logOf(scope)
    const known = log ?? { epoch: this.#epoch, lastOwnSeq: this.#lastSeq }
    const number = Number(digits)
    return epoch === known.epoch && number <= known.lastOwnSeq ? number : undefined
  }

  /** @returns the number in the journal behind which everything after a tenant's own is. */
  #seqAfter(tenantId: string, ownSeq: number): number {
    for (const entry of this.#entries) {
      if (entry.event.tenantId === tenantId && entry.ownSeq > ownSeq) return entry.seq - 1
    }
    return this.#lastSeq
  }

  /** @returns the index of the first entry after the number. */
  #indexAfter(seq: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]?.seq ?? 0) > seq) high = middle
      else low = middle + 1
    }
    return low
  }

  #logOf(tenantId: Scope): TenantLog {
    const known = this.#logs.get(tenantId)
    if (known !== undefined) return known
    const lanes = {
      connections: new EntryQueue(),
      channels: new EntryQueue(),
      others: new EntryQueue(),
    }
    const log = { epoch: this.#newEpoch(), lastOwnSeq: 0, lanes }
    this.#logs.set(tenantId, log)
    return log
  }

  #dropOfFullest(): void {
    let fullest: { readonly lane: Lane; readonly queue: EntryQueue } | undefined
    for (const { lanes } of this.#logs.values()) {
      for (const [lane, queue] of Object.entries(lanes) as [Lane, EntryQueue][]) {
        if (queue.length > (fullest?.queue.length ?? 0)) fullest = { lane, queue }
      }
    }
    if (fullest === undefined) return
    const { lane, queue } = fullest
    const count = Math.min(DROP_COUNT, Math.ceil(queue.length / 2))
    for (let dropped = 0; dropped < count; dropped++) this.#drop(lane, queue)
  }

  #drop(lane: Lane, queue: EntryQueue): void {
    queue.drop()
    this.#droppedThrough[lane] = Math.max(this.#droppedThrough[lane], queue.droppedThroughSeq)
    this.#droppedCount++
    // Copying half of them each time as many were dropped costs each entry a few nanoseconds.
    if (this.#droppedCount < this.#bounds.laneCountMax) return
    if (this.#droppedCount * 2 < this.#entries.length) return
    this.#entries = this.#entries.filter(({ isDropped }) => !isDropped)
    this.#droppedCount = 0
  }

  #newEpoch(): string {
    return Array.from(this.#random.bytes(EPOCH_BYTES), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('')
  }
}

/** What messages say is nobody's business here, and would be most of the memory. */
function withoutContent(event: LiveEvent): LiveEvent {
  if (event.type === 'message.published')
    return { ...event, details: { ...event.details, data: '' } }
  if (event.type === 'client_event') return { ...event, details: { ...event.details, data: '' } }
  return event
}
