/**
 * Which record counts a subject. Records are bounded, and one that still counts is never dropped,
 * or a flood of invented subjects would wash away what is held against the others. So nobody may
 * have more of them than are left: of one owner, such as an app with the channels and users its
 * clients invent, half of all; of two, a third each. Beyond that, subjects of the owner that have
 * no record share {@link SHARED_KEY_COUNT} for each name and window: they may be refused for what
 * others of the owner did, but none gets more than its limit, and subjects that have a record
 * notice nothing. It is over as soon as records have been idle for a window.
 */
import { randomInt } from 'node:crypto'
import { KeyedHash } from './keyed-hash.ts'
import { FLAG_SHARED, KeyTable } from './key-table.ts'
import { WindowCounts } from './window-counts.ts'

/** Our bounds. */
export const SHARED_KEY_COUNT = 64
const SHARED_KEYS_MAX = 2 ** 12
/** Owners told apart; two that fall together are held to what one may have. */
const OWNER_COUNT = 2 ** 12
/** An owner may have so many, whatever the others have. */
const OWNER_KEYS_MIN = 64
const NAME_COUNT_MAX = 256
const SUBJECT_UNITS_MAX = 400
/** Records looked at, whether they are still needed: at each call, for each new one, when full. */
const SWEEP_COUNT = 1
const NEW_SWEEP_COUNT = 4
const FULL_SWEEP_COUNT = 64

/** What is counted together. */
export interface SubjectKey {
  readonly name: string
  readonly subject: string
  readonly windowMs: number
  /** Of {@link SubjectKeys.hash}. */
  readonly low: number
  readonly high: number
}

export class SubjectKeys {
  readonly table = new KeyTable(randomInt(2 ** 32))
  readonly counts: WindowCounts
  readonly #keyCountMax: number
  readonly #hash = new KeyedHash({ key0: randomInt(2 ** 32), key1: randomInt(2 ** 32) })
  readonly #names = new Map<string, number>()
  /** Records by number of the owner; shared ones aside. */
  readonly #ownerCounts = new Uint32Array(OWNER_COUNT)
  #sharedCount = 0
  #sweepAt = 0
  /** Records made since the last sweep. */
  #newCount = 0

  constructor(bounds: { readonly keyCountMax: number; readonly logEntriesMax: number }) {
    this.#keyCountMax = bounds.keyCountMax
    this.counts = new WindowCounts(this.table, bounds.logEntriesMax)
  }

  /** @returns the same object each time: what is needed longer has to be read out. */
  hash(name: string, subject: string): { readonly low: number; readonly high: number } {
    this.#hash.hash(this.#numberOf(name), subject, SUBJECT_UNITS_MAX)
    return this.#hash
  }

  /** @returns the record of a subject, or the one it shares; -1 where nothing counts. */
  find(key: SubjectKey): number {
    const id = this.table.find(key.low, key.high, key.windowMs)
    return id >= 0 || this.#sharedCount === 0 ? id : this.#findShared(key)
  }

  /** @returns whether {@link SubjectKeys.admit} will find a place for this and `more` others. */
  hasRoom(key: SubjectKey, more: number): boolean {
    if (this.#mayHaveOwn(this.#ownerOf(key), more) && this.table.hasPlace(key.low, key.windowMs))
      return true
    if (this.#findShared(key) >= 0) return true
    if (this.#sharedCount + more >= SHARED_KEYS_MAX) return false
    return this.table.hasPlace(this.#hash.low, key.windowMs)
  }

  /** @returns a record for a subject: the one it has, a new one, or one it shares; -1: no room. */
  admit(key: SubjectKey, nowMs: number): number {
    const own = this.table.find(key.low, key.high, key.windowMs)
    if (own >= 0) return own
    const shared = this.#sharedCount > 0 ? this.#findShared(key) : -1
    this.#newCount++
    const owner = this.#ownerOf(key)
    if (this.#mayHaveOwn(owner, 0)) {
      const id = this.table.add(key)
      if (id >= 0) this.#own(id, owner)
      // What it may have used up in the shared one still counts.
      if (id >= 0 && shared >= 0) this.counts.copy(shared, id, nowMs)
      if (id >= 0) return id
    }
    if (shared >= 0 || this.#sharedCount >= SHARED_KEYS_MAX) return shared
    this.#hashShared(key)
    const { low, high } = this.#hash
    const id = this.table.add({ low, high, windowMs: key.windowMs })
    if (id < 0) return -1
    this.table.setFlag(id, FLAG_SHARED, true)
    this.#sharedCount++
    return id
  }

  /**
   * Goes on round the records and drops those that count nothing any more; makes enough room for
   * `more`, where it can. Between a call of this and the next, records stay what they are.
   */
  sweep(nowMs: number, more: number): void {
    const { madeCount } = this.table
    const isFull = this.#ownCount + more > this.#keyCountMax
    const recordCount = SWEEP_COUNT + this.#newCount * NEW_SWEEP_COUNT
    this.#newCount = 0
    let left = Math.min(madeCount, isFull ? recordCount + FULL_SWEEP_COUNT : recordCount)
    for (; left > 0; left--) {
      if (++this.#sweepAt >= madeCount) this.#sweepAt = 0
      const id = this.#sweepAt
      if (this.table.isUsed(id) && this.counts.isIdle(id, nowMs)) this.#remove(id)
    }
  }

  /** Forgets a subject in every window, with what it shares with others. */
  forget(name: string, subject: string): void {
    const { low, high } = this.hash(name, subject)
    this.#removeAll(low, high)
    if (this.#sharedCount === 0) return
    this.#hashShared({ name, subject, low })
    this.#removeAll(this.#hash.low, this.#hash.high)
  }

  get #ownCount(): number {
    return this.table.usedCount - this.#sharedCount
  }

  #findShared(key: SubjectKey): number {
    this.#hashShared(key)
    return this.table.find(this.#hash.low, this.#hash.high, key.windowMs)
  }

  #hashShared({ name, subject, low }: Pick<SubjectKey, 'name' | 'subject' | 'low'>): void {
    const family = NAME_COUNT_MAX + this.#numberOf(name)
    const owner = this.#ownerOf({ subject })
    this.#hash.hash(family, `${low % SHARED_KEY_COUNT} ${owner}`, SUBJECT_UNITS_MAX)
  }

  /**
   * What stands before the first colon or dot: the app of what is an app's, of an address its first
   * part. All subjects without one are of one owner.
   */
  #ownerOf({ subject }: Pick<SubjectKey, 'subject'>): number {
    let end = 0
    while (end < subject.length && !isOwnerEnd(subject.charCodeAt(end))) end++
    this.#hash.hash(OWNER_FAMILY, subject, end === subject.length ? 0 : end)
    return this.#hash.low % OWNER_COUNT
  }

  /** @returns whether this owner may have one more record, with `more` of any others. */
  #mayHaveOwn(owner: number, more: number): boolean {
    const free = this.#keyCountMax - this.#ownCount - more
    const count = (this.#ownerCounts[owner] as number) + more // each number is below the length
    return free > 0 && (count < OWNER_KEYS_MIN || count < free)
  }

  #own(id: number, owner: number): void {
    this.table.setOwner(id, owner)
    this.#ownerCounts[owner] = (this.#ownerCounts[owner] as number) + 1
  }

  #remove(id: number): void {
    const owner = this.table.ownerOf(id)
    if (this.table.hasFlag(id, FLAG_SHARED)) this.#sharedCount--
    else this.#ownerCounts[owner] = (this.#ownerCounts[owner] as number) - 1
    this.counts.release(id)
    this.table.remove(id)
  }

  #removeAll(low: number, high: number): void {
    for (const id of this.table.findAll(low, high)) this.#remove(id)
  }

  #numberOf(name: string): number {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    if (this.#names.size >= NAME_COUNT_MAX) {
      throw new Error(`more than ${NAME_COUNT_MAX} names of limits: they are constants`)
    }
    this.#names.set(name, this.#names.size)
    return this.#names.size - 1
  }
}

function isOwnerEnd(unit: number): boolean {
  return unit === COLON || unit === DOT
}

const COLON = 0x3a
const DOT = 0x2e
/** Behind those of names and of what they share. */
const OWNER_FAMILY = 2 * NAME_COUNT_MAX
