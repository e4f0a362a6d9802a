/**
 * One document as the Worker holds it. At rest it is its bytes; it becomes a Y.Doc when it is
 * edited, and bytes again when it is not any more. Every update is applied whole or not at all.
 */
import { diffUpdate, encodeStateVector, encodeStateVectorFromUpdate } from 'yjs'
import type { DocumentTerms } from '../../ports/document-engine.ts'
import {
  attemptOf,
  type Change,
  isSameWaiting,
  LiveDocument,
  newPartOf,
  NOTHING_WAITS,
  type Waiting,
  waitingBytesOf,
  waitingClientsOf,
} from './live-document.ts'
import { newsAtFront, TOGETHER_BYTES_MAX } from './news.ts'
import {
  CLIENT_COUNT_MAX,
  isStateVector,
  NO_BOUNDS,
  shapeOfUpdate,
  type UpdateShape,
} from './update-shape.ts'
import { openPatiently, TooSlow } from './yjs-bounds.ts'

/** `as_it_came`: others need the update itself. */
export type HeldOutcome =
  | { readonly kind: 'as_it_came'; readonly byteCount: number }
  | { readonly kind: 'part'; readonly update: Uint8Array; readonly byteCount: number }
  | { readonly kind: 'known' | 'pending' | 'update_malformed' | 'document_large' }

const EMPTY_STATE = new Uint8Array(2)
const EMPTY_VECTOR_LENGTH = 1
/**
 * Our bounds on what is kept beside the state until that is made anew: making it costs as much as
 * the state is large, so it is made the less often.
 */
const LOG_BYTES_MIN = 65_536
const LOG_COUNT_MIN = 2_000
/** An entry takes about a hundred bytes beside its own. */
const LOG_STATE_BYTES = 32
/** Our bound: each page that ever wrote is a client, and Yjs looks through them at each update. */
const DOCUMENT_CLIENT_COUNT_MAX = 100_000
/** Our bound: as a Y.Doc they take 400 MB, be they a few bytes each. */
export const DOCUMENT_STRUCT_COUNT_MAX = 1_000_000

export class HeldDocument {
  readonly #terms: DocumentTerms
  /** What has been applied, without what waits: a state, and updates since. */
  #state: Uint8Array = EMPTY_STATE
  #log: Uint8Array[] = []
  #logBytes = 0
  #waiting: Waiting = NOTHING_WAITS
  #live: LiveDocument | undefined
  #vector: Uint8Array | undefined

  /** @param updates a state first. @throws Error for a document that cannot be read */
  constructor(updates: readonly Uint8Array[], terms: DocumentTerms) {
    this.#terms = terms
    const [first, ...others] = updates
    if (first === undefined) return
    const shape = others.length === 0 ? shapeOfUpdate(first, NO_BOUNDS) : undefined
    if (shape?.isWhole) {
      this.#state = first
      this.#vector = encodeStateVector(new Map(shape.ends))
    } else this.#loadAll(updates)
  }

  get isLive(): boolean {
    return this.#live !== undefined
  }

  /** Of the state, never less than it has. */
  get byteCount(): number {
    return this.#state.length + this.#logBytes
  }

  /** Of the Y.Doc; 0: it is bytes. */
  get structCount(): number {
    return this.#live?.structCount ?? 0
  }

  apply(update: Uint8Array): HeldOutcome {
    const shape = shapeOfUpdate(update)
    if (shape === undefined) return { kind: 'update_malformed' }
    const live = this.#wake()
    if (live.clientCount(shape) > DOCUMENT_CLIENT_COUNT_MAX) return { kind: 'document_large' }
    const [before, structsBefore] = [this.#waiting, live.structCount]
    const change = this.#attempt(update, shape) ?? this.#attemptAlone(update, shape)
    if (change === undefined) return { kind: 'update_malformed' }
    try {
      if (this.#hasTooManyStructs(structsBefore)) return this.#takeBack(before)
      return this.#judge(update, { change, before })
    } catch {
      // It took too long to write down; a state that nobody can be given is none.
      this.#takeBack(before)
      return { kind: 'update_malformed' }
    }
  }

  /**
   * Applies those at the front that are plainly new, in one go: most of what a small update costs
   * Yjs is what it does once for each transaction.
   * @param goesOn asked before each but the first.
   * @returns their outcomes; none where they have to be applied one by one.
   */
  applyTogether(updates: readonly Uint8Array[], goesOn: () => boolean): readonly HeldOutcome[] {
    if (this.#waiting !== NOTHING_WAITS) return []
    const live = this.#wake()
    // A struct is a byte at least: near the bound they are looked at one by one.
    if (live.structCount + TOGETHER_BYTES_MAX > DOCUMENT_STRUCT_COUNT_MAX) return []
    const clientCountMax = DOCUMENT_CLIENT_COUNT_MAX
    const bytesMax = this.#terms.stateBytesMax - this.byteCount
    const news = newsAtFront(updates, live, { clientCountMax, bytesMax })
    if (news.length < 2) return []
    const count = attemptOf(() => live.applyTogether(news, goesOn))
    if (count === undefined) {
      this.#drop()
      return []
    }
    this.#vector = undefined
    const outcomes = news.slice(0, count).map(({ update }): HeldOutcome => {
      this.#log.push(update)
      this.#logBytes += update.length
      return { kind: 'as_it_came', byteCount: this.byteCount }
    })
    // They hold whatever becomes of this: what takes too long is tried again after the next ones.
    attemptOf(() => this.#compactWhenDue(live))
    return outcomes
  }

  stateVector(): Uint8Array {
    this.#vector ??= this.#isPlain
      ? encodeStateVectorFromUpdate(this.#state)
      : this.#wake().stateVector()
    return this.#vector
  }

  /** @returns undefined for a vector that cannot be read. */
  diff(stateVector: Uint8Array): Uint8Array | undefined {
    if (!isStateVector(stateVector)) return undefined
    if (stateVector.length === EMPTY_VECTOR_LENGTH) {
      // Written down as for one, and the same bytes for all who come before the next update.
      if (this.#log.length > 0) this.#compact(this.#wake())
      return this.#state
    }
    return this.#isPlain ? diffUpdate(this.#state, stateVector) : this.#wake().state(stateVector)
  }

  /** With what waits. */
  state(): Uint8Array {
    if (this.#waiting !== NOTHING_WAITS) return this.#wake().stateWithWaiting()
    if (this.#log.length > 0) this.#compact(this.#wake())
    return this.#state
  }

  /** Keeps its bytes only. */
  rest(): void {
    if (this.#live === undefined) return
    if (this.#log.length > 0) this.#compact(this.#live)
    this.#drop()
  }

  get #isPlain(): boolean {
    return this.#live === undefined && this.#log.length === 0
  }

  /** @returns undefined when it threw; nothing has changed then. */
  #attempt(update: Uint8Array, shape: UpdateShape): Change | undefined {
    const live = this.#wake()
    try {
      return live.apply(update, shape)
    } catch {
      this.#drop()
      return undefined
    }
  }

  /** What waited may be what threw: an update of somebody else must not suffer from it. */
  #attemptAlone(update: Uint8Array, shape: UpdateShape): Change | undefined {
    const waiting = this.#waiting
    if (waiting === NOTHING_WAITS) return undefined
    this.#waiting = NOTHING_WAITS
    const change = this.#attempt(update, shape)
    if (change === undefined) this.#waiting = waiting
    return change
  }

  #judge(
    update: Uint8Array,
    { change, before }: { readonly change: Change; readonly before: Waiting },
  ): HeldOutcome {
    const live = this.#wake()
    const waiting = live.waiting()
    if (this.#waitsTooMuch(waiting, before)) return this.#takeBack(before)
    if (change.kind === 'none') {
      this.#waiting = waiting
      return { kind: isSameWaiting(waiting, before) ? 'known' : 'pending' }
    }
    const applied = newPartOf(change, update)
    if (this.byteCount + applied.length > this.#terms.stateBytesMax) {
      const state = live.state()
      if (state.length > this.#terms.stateBytesMax) return this.#takeBack(before)
      this.#setState(state)
    } else this.#addToLog(applied, live)
    this.#waiting = waiting
    this.#vector = undefined
    const { byteCount } = this
    if (change.kind === 'part') return { kind: 'part', update: applied, byteCount }
    return { kind: 'as_it_came', byteCount }
  }

  /** One that was kept may have more, and may lose some. */
  #hasTooManyStructs(before: number): boolean {
    const { structCount } = this
    return structCount > DOCUMENT_STRUCT_COUNT_MAX && structCount > before
  }

  /** What waits is small beside its reading: it is written as compactly as it can be. */
  #waitsTooMuch(waiting: Waiting, before: Waiting): boolean {
    const bytes = waitingBytesOf(waiting)
    if (bytes > this.#terms.pendingBytesMax && bytes > waitingBytesOf(before)) return true
    const count = waitingClientsOf(waiting)
    return count > CLIENT_COUNT_MAX && count > waitingClientsOf(before)
  }

  #takeBack(before: Waiting): HeldOutcome {
    this.#drop()
    this.#waiting = before
    return { kind: 'document_large' }
  }

  #addToLog(update: Uint8Array, live: LiveDocument): void {
    this.#log.push(update)
    this.#logBytes += update.length
    this.#compactWhenDue(live)
  }

  #compactWhenDue(live: LiveDocument): void {
    const bytesMax = Math.max(LOG_BYTES_MIN, this.#state.length)
    const countMax = Math.max(LOG_COUNT_MIN, this.#state.length / LOG_STATE_BYTES)
    if (this.#logBytes > bytesMax || this.#log.length > countMax) this.#compact(live)
  }

  #compact(live: LiveDocument): void {
    this.#setState(live.state())
  }

  #setState(state: Uint8Array): void {
    this.#state = state
    this.#log = []
    this.#logBytes = 0
  }

  #drop(): void {
    this.#live?.end()
    this.#live = undefined
  }

  #wake(): LiveDocument {
    if (this.#live !== undefined) return this.#live
    const live = new LiveDocument()
    live.load([this.#state, ...this.#log], this.#waiting)
    this.#live = live
    return live
  }

  /**
   * What is kept was applied once, but for what waited: if that cannot be applied now, the rest is
   * kept without it. A document that takes too long stays as it is: it would be cut short.
   */
  #loadAll(updates: readonly Uint8Array[]): void {
    if (updates.some((update) => shapeOfUpdate(update, NO_BOUNDS) === undefined))
      throw new Error('a kept update cannot be read')
    try {
      const live = new LiveDocument()
      live.load(updates, NOTHING_WAITS)
      this.#live = live
      this.#waiting = live.waiting()
      this.#compact(live)
    } catch (error) {
      this.#drop()
      if (error instanceof TooSlow) throw error
      openPatiently(() => {
        for (const update of updates) this.#applyKept(update)
      })
    }
  }

  #applyKept(update: Uint8Array): void {
    const shape = shapeOfUpdate(update, NO_BOUNDS)
    const change = shape && (this.#attempt(update, shape) ?? this.#attemptAlone(update, shape))
    if (change === undefined) throw new Error('a kept update cannot be applied')
    const live = this.#wake()
    this.#waiting = live.waiting()
    if (change.kind !== 'none') this.#addToLog(newPartOf(change, update), live)
  }
}
