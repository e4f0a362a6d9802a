/**
 * Stops Yjs where an update was made to be slow. Integrating one item may look at all the others,
 * so a few megabytes can take hours; a Worker that is ended instead takes every document with it.
 * Both threads share two numbers: which piece of work is under way, and which one has to stop.
 */
import { ContentType, GC, Item } from 'yjs'

/** Our bound: deletion and every client's rendering recurse into types. */
const TYPE_DEPTH_MAX = 256

/** Our bound on opening, in times that it is asked to stop: about 12 s. */
const OPENING_STOP_COUNT = 5

const AT = 0
const STOPPED = 1

export class SharedProgress {
  readonly buffer: SharedArrayBuffer
  readonly #numbers: Int32Array

  /** @param buffer of the other thread's. */
  constructor(buffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#numbers = new Int32Array(buffer)
  }

  get at(): number {
    return Atomics.load(this.#numbers, AT)
  }

  get isStopped(): boolean {
    return Atomics.load(this.#numbers, STOPPED) === this.at
  }

  /** In the Worker: another piece of work begins. The numbers may wrap around. */
  begin(): void {
    Atomics.add(this.#numbers, AT, 1)
  }

  /** Asks that this piece of work ends; another that has begun meanwhile goes on. */
  stop(at: number): void {
    Atomics.store(this.#numbers, STOPPED, at)
  }
}

/** How often the work under way may still be asked to stop before it does; of this thread. */
let patience = 0

/**
 * Opens a document: stopped halfway it would be less than is kept, so it has longer.
 * @throws TooSlow when that did not suffice
 */
export function openPatiently(open: () => void): void {
  if (patience > 0) return open()
  patience = OPENING_STOP_COUNT
  try {
    open()
  } finally {
    patience = 0
  }
}

export class TooSlow extends Error {
  override readonly name = 'TooSlow'
}

/** For the whole thread, once. From then on Yjs throws where a bound is passed. */
export function boundYjs(progress: SharedProgress): void {
  progress.begin() // so that no work has the number of "none is stopped"
  const integrate = methodOf(Item.prototype, 'integrate')
  const remove = methodOf(Item.prototype, 'delete')
  const write = methodOf(Item.prototype, 'write')
  const getMissing = methodOf(Item.prototype, 'getMissing')
  const mergeItem = methodOf(Item.prototype, 'mergeWith')
  const mergeGap = methodOf(GC.prototype, 'mergeWith')
  Item.prototype.integrate = function boundIntegrate(this: Item, ...given) {
    assertInTime(progress)
    if (this.content instanceof ContentType) assertShallow(this)
    Reflect.apply(integrate, this, given)
  }
  Item.prototype.delete = function boundDelete(this: Item, ...given) {
    assertInTime(progress)
    Reflect.apply(remove, this, given)
  }
  Item.prototype.write = function boundWrite(this: Item, ...given) {
    assertInTime(progress)
    Reflect.apply(write, this, given)
  }
  // What waits for others is looked at without being integrated, what is done is tidied up after.
  Item.prototype.getMissing = function boundGetMissing(this: Item, ...given) {
    assertInTime(progress)
    return Reflect.apply(getMissing, this, given)
  }
  Item.prototype.mergeWith = function boundMergeItem(this: Item, ...given) {
    assertInTime(progress)
    return Reflect.apply(mergeItem, this, given)
  }
  GC.prototype.mergeWith = function boundMergeGap(this: GC, ...given) {
    assertInTime(progress)
    return Reflect.apply(mergeGap, this, given)
  }
}

function methodOf<T, K extends keyof T>(of: T, name: K): T[K] {
  return of[name]
}

function assertInTime(progress: SharedProgress): void {
  if (!progress.isStopped) return
  progress.begin() // what follows is another piece of work
  if (--patience >= 0) return
  patience = 0
  throw new TooSlow('the update takes too long')
}

function assertShallow(item: Item): void {
  let depth = 0
  let { parent } = item
  while (parent !== null && parent !== undefined && 'parent' in parent) {
    if (++depth > TYPE_DEPTH_MAX) throw new Error('the types nest too deeply')
    parent = parent.parent
  }
}
