/**
 * Finds the record of a key by open addressing: an index of slots over records that lie densely in
 * chunks of typed arrays, so that a key costs no object. A record is 64 bytes, one line of a cache;
 * the index adds 8 to 16. Nothing here knows what is counted.
 *
 * Record, in words of 32 bits: 0 and 1 the hash; 2 and 3 the newest slot, 4 and 5 the window in
 * milliseconds, both 64-bit floats; 6 the flags, and from bit 8 the number of its owner; 7 the
 * number of its log, from 1, or the next free record; 8 to 15 what is counted.
 */

export const RECORD_BYTES = 64
export const COUNT_SLOTS = 8
const WORDS_SHIFT = 4
const FLOATS_SHIFT = 3
const CHUNK_SHIFT = 10
const CHUNK_RECORDS = 1 << CHUNK_SHIFT
const CHUNK_MASK = CHUNK_RECORDS - 1
const FIRST_INDEX_SIZE = 1_024
/** Our bounds on a look-up. With a secret hash and a half empty index nobody gets there. */
const PROBES_MAX = 64
/** Smaller, so that what was added is found after the index has grown, too. */
const ADD_PROBES_MAX = 32

const FLAG_USED = 1
export const FLAG_SHARED = 2
export const FLAG_WARNED = 4
export const FLAG_WARNED_SHADOW = 8
/** A quota small enough to be counted exactly has asked for it. */
export const FLAG_EXACT = 16
const OWNER_SHIFT = 8

export class KeyTable {
  #index = new Int32Array(FIRST_INDEX_SIZE)
  #mask = FIRST_INDEX_SIZE - 1
  readonly #words: Uint32Array[] = []
  readonly #floats: Float64Array[] = []
  /** Records ever made; each is used or in the chain of free ones. */
  #madeCount = 0
  #freeHead = 0
  #usedCount = 0
  readonly #secret: number

  /** @param secret 32 random bits: nobody chooses windows that pile up in one place. */
  constructor(secret: number) {
    this.#secret = secret | 1
  }

  get usedCount(): number {
    return this.#usedCount
  }

  /** Of records, used or free: what a sweep goes round. */
  get madeCount(): number {
    return this.#madeCount
  }

  /** Bytes of index and chunks. */
  get byteCount(): number {
    return this.#index.byteLength + this.#words.length * CHUNK_RECORDS * RECORD_BYTES
  }

  /** The chunk that holds a record, and where its words begin: read and written by its owner. */
  words(id: number): Uint32Array {
    return this.#words[id >> CHUNK_SHIFT] as Uint32Array // every id was made here
  }

  wordsAt(id: number): number {
    return (id & CHUNK_MASK) << WORDS_SHIFT
  }

  floats(id: number): Float64Array {
    return this.#floats[id >> CHUNK_SHIFT] as Float64Array // every id was made here
  }

  floatsAt(id: number): number {
    return (id & CHUNK_MASK) << FLOATS_SHIFT
  }

  isUsed(id: number): boolean {
    return this.hasFlag(id, FLAG_USED)
  }

  hasFlag(id: number, flag: number): boolean {
    return ((this.words(id)[this.wordsAt(id) + 6] as number) & flag) !== 0
  }

  setFlag(id: number, flag: number, isSet: boolean): void {
    const words = this.words(id)
    const at = this.wordsAt(id) + 6
    words[at] = isSet ? (words[at] as number) | flag : (words[at] as number) & ~flag
  }

  /** A number the caller has given it: 0 to 2^24 - 1. */
  ownerOf(id: number): number {
    return (this.words(id)[this.wordsAt(id) + 6] as number) >>> OWNER_SHIFT
  }

  /** @param id of a record that was just added. */
  setOwner(id: number, owner: number): void {
    const words = this.words(id)
    const at = this.wordsAt(id) + 6
    words[at] = (words[at] as number) | (owner << OWNER_SHIFT)
  }

  /** @returns its number, or -1. */
  find(low: number, high: number, windowMs: number): number {
    const index = this.#index
    for (let probe = 0, at = this.#home(low, windowMs); probe < PROBES_MAX; probe++) {
      const id = (index[at] as number) - 1
      if (id < 0) return -1
      const words = this.words(id)
      const base = this.wordsAt(id)
      if (words[base] === low && words[base + 1] === high) {
        if (this.floats(id)[this.floatsAt(id) + 2] === windowMs) return id
      }
      at = (at + 1) & this.#mask
    }
    return -1
  }

  /** @returns every record of a hash, whatever its window. Looks at all: for rare calls. */
  findAll(low: number, high: number): number[] {
    const found: number[] = []
    for (let id = 0; id < this.#madeCount; id++) {
      const base = this.wordsAt(id)
      const isSame = this.words(id)[base] === low && this.words(id)[base + 1] === high
      if (isSame && this.isUsed(id)) found.push(id)
    }
    return found
  }

  /** Whether a record of this hash can be added. */
  hasPlace(low: number, windowMs: number): boolean {
    if (this.#usedCount * 2 >= this.#index.length) this.#growIndex()
    return this.#emptyPlace(low, windowMs) >= 0
  }

  /**
   * @param key not there yet.
   * @returns an empty record, or -1 where its neighbourhood is full.
   */
  add(key: { readonly low: number; readonly high: number; readonly windowMs: number }): number {
    if (this.#usedCount * 2 >= this.#index.length) this.#growIndex()
    const at = this.#emptyPlace(key.low, key.windowMs)
    if (at < 0) return -1
    const id = this.#freeRecord()
    this.#index[at] = id + 1
    this.#usedCount++
    const words = this.words(id)
    const base = this.wordsAt(id)
    words.fill(0, base, base + (1 << WORDS_SHIFT))
    words[base] = key.low
    words[base + 1] = key.high
    words[base + 6] = FLAG_USED
    this.floats(id)[this.floatsAt(id) + 2] = key.windowMs
    return id
  }

  remove(id: number): void {
    const words = this.words(id)
    const base = this.wordsAt(id)
    let at = this.#homeOf(id)
    while (this.#index[at] !== id + 1) at = (at + 1) & this.#mask
    this.#closeGap(at)
    words[base + 6] = 0
    words[base + 7] = this.#freeHead
    this.#freeHead = id + 1
    this.#usedCount--
  }

  #homeOf(id: number): number {
    const low = this.words(id)[this.wordsAt(id)] as number
    return this.#home(low, this.floats(id)[this.floatsAt(id) + 2] as number)
  }

  /** Where a search begins: windows of one subject are spread, as subjects are. */
  #home(low: number, windowMs: number): number {
    let mixed = (low + Math.imul(windowMs, this.#secret)) | 0
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    return (mixed ^ (mixed >>> 13)) & this.#mask
  }

  /** Moves back what was pushed on by the one that went, so that no mark has to stay behind. */
  #closeGap(gap: number): void {
    const index = this.#index
    let hole = gap
    for (let at = (gap + 1) & this.#mask; index[at] !== 0; at = (at + 1) & this.#mask) {
      const id = (index[at] as number) - 1
      const home = this.#homeOf(id)
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue
      index[hole] = id + 1
      hole = at
    }
    index[hole] = 0
  }

  #emptyPlace(low: number, windowMs: number): number {
    for (let probe = 0, at = this.#home(low, windowMs); probe < ADD_PROBES_MAX; probe++) {
      if (this.#index[at] === 0) return at
      at = (at + 1) & this.#mask
    }
    return -1
  }

  #freeRecord(): number {
    if (this.#freeHead > 0) {
      const id = this.#freeHead - 1
      this.#freeHead = this.words(id)[this.wordsAt(id) + 7] as number
      return id
    }
    if ((this.#madeCount & CHUNK_MASK) === 0) {
      const buffer = new ArrayBuffer(CHUNK_RECORDS * RECORD_BYTES)
      this.#words.push(new Uint32Array(buffer))
      this.#floats.push(new Float64Array(buffer))
    }
    return this.#madeCount++
  }

  /** Probes grow no longer by it: twice the places for the same records. */
  #growIndex(): void {
    const old = this.#index
    const index = new Int32Array(old.length * 2)
    this.#mask = index.length - 1
    this.#index = index
    for (const entry of old) {
      if (entry === 0) continue
      let at = this.#homeOf(entry - 1)
      while (index[at] !== 0) at = (at + 1) & this.#mask
      index[at] = entry
    }
  }
}
