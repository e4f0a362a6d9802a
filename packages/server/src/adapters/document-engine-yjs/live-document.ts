/**
 * A document as a Y.Doc. An update that throws in the middle of integrating leaves it half applied;
 * whoever holds it then throws it away.
 */
import {
  applyUpdate,
  applyUpdateV2,
  Doc,
  encodeStateAsUpdate,
  encodeStateVector,
  getState,
  type Transaction,
} from 'yjs'
import { ROOT_COUNT_MAX, SUBDOCUMENT_COUNT_MAX, type UpdateShape } from './update-shape.ts'
import { UpdateReader } from './update-reader.ts'
import { openPatiently } from './yjs-bounds.ts'

/** What waits for something that has not come, in the second encoding of Yjs. */
export interface Waiting {
  readonly structs: Uint8Array | undefined
  readonly deletes: Uint8Array | undefined
}

export const NOTHING_WAITS: Waiting = { structs: undefined, deletes: undefined }

/** Our bound: with more deletes most may be known, and Yjs then tells only the new ones. */
export const RELAYED_DELETE_COUNT_MAX = 16

/**
 * `as_it_came`: all of it was new. `part`: `update` is what was new, together with what had waited
 * for it.
 */
export type Change =
  | { readonly kind: 'none' }
  | { readonly kind: 'as_it_came' }
  | { readonly kind: 'part'; readonly update: Uint8Array }

/** Of which all is new, and nothing is missing. */
export interface NewUpdate {
  readonly update: Uint8Array
  readonly shape: UpdateShape
}

/** A field of transactions that Yjs has no method for. */
const FORMATTING_DUE = '_needFormattingCleanup'

const NO_CHANGE: Change = { kind: 'none' }
const AS_IT_CAME: Change = { kind: 'as_it_came' }

export class LiveDocument {
  readonly #doc = new Doc()
  /** Of the update that is applied; undefined: nobody asks what it changes. */
  #shape: UpdateShape | undefined
  /** Before it: what had waited may be applied with it, and its deletions move no clock. */
  #isAlone = true
  #change: Change = NO_CHANGE
  /** Of the last transaction. */
  #tickCount = 0

  constructor() {
    this.#doc.on('afterTransaction', (transaction) => this.#onTransaction(transaction))
  }

  /** Applies what was applied before, in one go. @throws what Yjs throws, or TooSlow */
  load(updates: readonly Uint8Array[], waiting: Waiting): void {
    openPatiently(() => {
      this.#doc.transact(() => {
        for (const update of updates) applyUpdate(this.#doc, update)
        for (const update of [waiting.structs, waiting.deletes])
          if (update !== undefined) applyUpdateV2(this.#doc, update)
      })
    })
  }

  /** @throws what Yjs throws, or beyond a bound; the document may be half changed then. */
  apply(update: Uint8Array, shape: UpdateShape): Change {
    this.#shape = shape
    this.#isAlone = this.waiting() === NOTHING_WAITS
    this.#change = NO_CHANGE
    applyUpdate(this.#doc, update)
    this.#shape = undefined
    this.#assertBounds()
    return this.#change
  }

  /**
   * Applies several in one go.
   * @param goesOn asked before each but the first.
   * @returns how many were applied, one at least.
   * @throws where they bring something else than they say, what Yjs throws, or beyond a bound; the
   * document may be half changed then.
   */
  applyTogether(updates: readonly NewUpdate[], goesOn: () => boolean): number {
    let [count, tickCount] = [0, 0]
    this.#doc.transact(() => {
      for (const { update, shape } of updates) {
        if (count > 0 && !goesOn()) return
        applyUpdate(this.#doc, update)
        count++
        tickCount += shape.tickCount
      }
    })
    this.#assertBounds()
    if (this.#tickCount !== tickCount || this.waiting() !== NOTHING_WAITS)
      throw new Error('some of the updates were not new')
    return count
  }

  /** How far a client has come. */
  clock(client: number): number {
    return getState(this.#doc.store, client)
  }

  #assertBounds(): void {
    if (this.#doc.share.size > ROOT_COUNT_MAX) throw new Error('the document has too many names')
    if (this.#doc.subdocs.size > SUBDOCUMENT_COUNT_MAX)
      throw new Error('the document has too many subdocuments')
  }

  /** Of now; it does not change any more. */
  waiting(): Waiting {
    const { pendingStructs, pendingDs } = this.#doc.store
    if (pendingStructs === null && pendingDs === null) return NOTHING_WAITS
    return { structs: pendingStructs?.update, deletes: pendingDs ?? undefined }
  }

  /** Each is an object that takes some hundred bytes, of whatever size. */
  get structCount(): number {
    let count = 0
    for (const structs of this.#doc.store.clients.values()) count += structs.length
    return count
  }

  /** Of clients that have written, together with those of an update. */
  clientCount({ ends }: UpdateShape): number {
    const { clients } = this.#doc.store
    let count = clients.size
    for (const client of ends.keys()) if (!clients.has(client)) count++
    return count
  }

  /** Without what waits: nobody has seen yet whether that can be applied. */
  state(stateVector?: Uint8Array): Uint8Array {
    const { store } = this.#doc
    const { pendingStructs, pendingDs } = store
    store.pendingStructs = null
    store.pendingDs = null
    try {
      return encodeStateAsUpdate(this.#doc, stateVector)
    } finally {
      store.pendingStructs = pendingStructs
      store.pendingDs = pendingDs
    }
  }

  stateWithWaiting(): Uint8Array {
    return encodeStateAsUpdate(this.#doc)
  }

  stateVector(): Uint8Array {
    return encodeStateVector(this.#doc)
  }

  end(): void {
    this.#doc.destroy()
  }

  #onTransaction(transaction: Transaction): void {
    // Yjs would tidy formatting marks up by itself; here nobody edits, every client does so too.
    Reflect.set(transaction, FORMATTING_DUE, false)
    const tickCount = ticksOf(transaction)
    this.#tickCount = tickCount
    const shape = this.#shape
    if (shape === undefined) return
    if (tickCount === 0 && transaction.deleteSet.clients.size === 0) return
    const isWhole =
      this.#isAlone &&
      tickCount === shape.tickCount &&
      shape.deleteCount <= RELAYED_DELETE_COUNT_MAX &&
      this.waiting() === NOTHING_WAITS
    this.#change = AS_IT_CAME
    if (isWhole) return
    this.#doc.once('update', (update: Uint8Array) => {
      this.#change = { kind: 'part', update }
    })
  }
}

/** How far the transaction moved the clocks. */
function ticksOf({ beforeState, afterState }: Transaction): number {
  let count = 0
  for (const [client, clock] of afterState) count += clock - (beforeState.get(client) ?? 0)
  return count
}

export function waitingBytesOf({ structs, deletes }: Waiting): number {
  return (structs?.length ?? 0) + (deletes?.length ?? 0)
}

/** Columns of the second encoding that stand before the one which begins with the count. */
const COLUMN_COUNT = 9

/** Of clients whose structs wait: the next update may have Yjs look at all of them. */
export function waitingClientsOf({ structs }: Waiting): number {
  if (structs === undefined) return 0
  const reader = new UpdateReader(structs)
  reader.byte()
  for (let left = COLUMN_COUNT; left > 0; left--) reader.skipBytes()
  return reader.number()
}

/** Whether the same waits: what is new may take the place of a gap, and no more bytes. */
export function isSameWaiting(one: Waiting, other: Waiting): boolean {
  return isSameBytes(one.structs, other.structs) && isSameBytes(one.deletes, other.deletes)
}

function isSameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined || one.length !== other.length) return one === other
  return one.every((byte, at) => byte === other[at])
}

/** @returns undefined when it threw. */
export function attemptOf<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

export function newPartOf(change: Change, update: Uint8Array): Uint8Array {
  return change.kind === 'part' ? change.update : update
}
