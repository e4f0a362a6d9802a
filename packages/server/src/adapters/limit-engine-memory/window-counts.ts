/**
 * What a record counts in its sliding window: seven slots of a seventh of the window each and the
 * one that has begun, all of them whole. Where it matters a log takes over, and the slots run out
 * behind it: for quotas up to {@link EXACT_QUOTA_MAX} from the first use, above as soon as a
 * sixteenth of a quota is used. So nearly all keys cost a record and nothing more, and nearly every
 * decision that is near a limit is exact.
 *
 * Worst case: a slot lies partly in the window and counts whole, so what is in slots, a sixteenth
 * of the quota, may be held against its sender for a seventh of the window too long; with no memory
 * left for logs, all of it. Never is more allowed than the quota in any window, whatever is sent
 * when: two weighted counters would let through up to twice as much.
 */
import { COUNT_SLOTS, FLAG_EXACT, type KeyTable } from './key-table.ts'
import { UseLog } from './use-log.ts'

/** Up to here each use is remembered from the first. */
export const EXACT_QUOTA_MAX = 100
/** A window touches this many whole slots, and a part of one more. */
const WHOLE_SLOTS = COUNT_SLOTS - 1
const COUNT_MAX = 2 ** 32 - 1
/** Shares of a quota: a log begins above the first, and ends below the second. */
const LOG_SHARE = 1 / 16
const SLOTS_SHARE = 1 / 32
/** Ends of slots are quotients: this much later they are over. */
const ROUNDING_MS = 1e-6

export class WindowCounts {
  readonly #table: KeyTable
  readonly #entryCountMax: number
  readonly #logs: (UseLog | undefined)[] = []
  readonly #freeLogs: number[] = []
  #entryCount = 0

  /** @param entryCountMax over all logs; past it, slots count what is new. */
  constructor(table: KeyTable, entryCountMax: number) {
    this.#table = table
    this.#entryCountMax = entryCountMax
  }

  /** Entries all logs have memory for. */
  get entryCount(): number {
    return this.#entryCount
  }

  /** @returns true once nothing is in the window and the record was left alone for one. */
  isIdle(id: number, nowMs: number): boolean {
    const floats = this.#table.floats(id)
    const at = this.#table.floatsAt(id)
    const sinceSlots = (nowMs * WHOLE_SLOTS) / (floats[at + 2] as number)
    if (sinceSlots - (floats[at + 1] as number) < COUNT_SLOTS) return false
    return this.used(id, nowMs) === 0
  }

  /** @returns how much of the window is used; whole. */
  used(id: number, nowMs: number): number {
    const log = this.#logOf(id)
    if (log === undefined) return this.#inSlots(id, nowMs)
    log.expire(nowMs)
    return this.#inSlots(id, nowMs) + log.total
  }

  add(id: number, cost: number, nowMs: number): void {
    const log = this.#logOf(id)
    if (log !== undefined && this.#hasRoom(log)) {
      this.#entryCount -= log.capacity
      log.add(nowMs, cost)
      this.#entryCount += log.capacity
      return
    }
    this.#addToSlot(id, this.#advance(id, nowMs), cost)
  }

  /** Has the record counted as a quota of this size asks that is used as much as `used`. */
  prepare(id: number, quota: number, used: number): void {
    const isExact = quota <= EXACT_QUOTA_MAX
    const hasLog = this.#logNumber(id) > 0
    if (isExact) this.#table.setFlag(id, FLAG_EXACT, true)
    if (!hasLog && (isExact || used > quota * LOG_SHARE)) this.#beginLog(id)
    if (!hasLog || used >= quota * SLOTS_SHARE || this.#table.hasFlag(id, FLAG_EXACT)) return
    this.#foldLog(id, id)
  }

  /**
   * @param excess whole, more than 0, and at most what is used.
   * @returns how long until that much has left the window, given that nothing is added; at least 1.
   */
  waitMs(id: number, nowMs: number, excess: number): number {
    const windowMs = this.#windowOf(id)
    const log = this.#logOf(id)
    const entryCount = log?.entryCount ?? 0
    const newest = this.#advance(id, nowMs)
    let freed = 0
    let entry = 0
    for (let slot = newest - WHOLE_SLOTS; slot <= newest + 1; slot++) {
      const isSlot = slot <= newest
      const slotEndMs = isSlot ? ((slot + 1) * windowMs) / WHOLE_SLOTS : Number.POSITIVE_INFINITY
      for (; entry < entryCount; entry++) {
        const usedAtMs = log?.timeOf(entry) ?? 0
        if (usedAtMs > slotEndMs) break
        freed += log?.costOf(entry) ?? 0
        if (freed >= excess) return waitFor(usedAtMs, { windowMs, nowMs })
      }
      if (isSlot) freed += this.#countOf(id, slot)
      if (freed >= excess) return waitFor(slotEndMs + ROUNDING_MS, { windowMs, nowMs })
    }
    throw new Error('more was to be freed than is used')
  }

  /** Gives to `to`, which is empty, the counts of `from`, which keeps them. */
  copy(from: number, to: number, nowMs: number): void {
    const newest = this.#advance(from, nowMs)
    this.#table.floats(to)[this.#table.floatsAt(to) + 1] = newest
    for (let slot = newest - WHOLE_SLOTS; slot <= newest; slot++) {
      const count = this.#countOf(from, slot)
      if (count > 0) this.#addToSlot(to, slot, count)
    }
    this.#foldLog(from, to)
  }

  /** Before the record goes: its log has to go as well. */
  release(id: number): void {
    const number = this.#logNumber(id)
    if (number === 0) return
    this.#entryCount -= this.#logs[number - 1]?.capacity ?? 0
    this.#logs[number - 1] = undefined
    this.#freeLogs.push(number)
    this.#setLogNumber(id, 0)
  }

  #inSlots(id: number, nowMs: number): number {
    this.#advance(id, nowMs)
    const words = this.#table.words(id)
    const base = this.#table.wordsAt(id) + COUNT_SLOTS
    let sum = 0
    for (let slot = 0; slot < COUNT_SLOTS; slot++) sum += words[base + slot] as number
    return sum
  }

  /** Clears what is out of the window. @returns the newest slot. */
  #advance(id: number, nowMs: number): number {
    const floats = this.#table.floats(id)
    const at = this.#table.floatsAt(id)
    const slot = Math.floor((nowMs * WHOLE_SLOTS) / (floats[at + 2] as number))
    const newest = floats[at + 1] as number
    if (slot <= newest) return newest
    const words = this.#table.words(id)
    const base = this.#table.wordsAt(id) + COUNT_SLOTS
    const passed = Math.min(slot - newest, COUNT_SLOTS)
    for (let step = 0; step < passed; step++) words[base + placeOf(slot - step)] = 0
    floats[at + 1] = slot
    return slot
  }

  #countOf(id: number, slot: number): number {
    return this.#table.words(id)[this.#table.wordsAt(id) + COUNT_SLOTS + placeOf(slot)] ?? 0
  }

  #addToSlot(id: number, slot: number, cost: number): void {
    const words = this.#table.words(id)
    const at = this.#table.wordsAt(id) + COUNT_SLOTS + placeOf(slot)
    words[at] = Math.min(COUNT_MAX, (words[at] as number) + cost)
  }

  #beginLog(id: number): void {
    const log = new UseLog(this.#windowOf(id))
    if (this.#entryCount + log.capacity > this.#entryCountMax) return
    const number = this.#freeLogs.pop() ?? this.#logs.length + 1
    this.#logs[number - 1] = log
    this.#entryCount += log.capacity
    this.#setLogNumber(id, number)
  }

  /** Counts in the slots of `to` what the log of `from` remembers; ends the log of itself. */
  #foldLog(from: number, to: number): void {
    const log = this.#logOf(from)
    if (log === undefined) return
    const slotMs = this.#windowOf(from) / WHOLE_SLOTS
    const newest = this.#table.floats(to)[this.#table.floatsAt(to) + 1] as number
    for (let entry = 0; entry < log.entryCount; entry++) {
      const slot = Math.min(newest, Math.floor(log.timeOf(entry) / slotMs))
      if (slot >= newest - WHOLE_SLOTS) this.#addToSlot(to, slot, log.costOf(entry))
    }
    if (from === to) this.release(from)
  }

  #hasRoom(log: UseLog): boolean {
    return log.hasRoom || this.#entryCount + log.capacity <= this.#entryCountMax
  }

  #logOf(id: number): UseLog | undefined {
    const number = this.#logNumber(id)
    return number === 0 ? undefined : this.#logs[number - 1]
  }

  #logNumber(id: number): number {
    return this.#table.words(id)[this.#table.wordsAt(id) + 7] as number
  }

  #setLogNumber(id: number, number: number): void {
    this.#table.words(id)[this.#table.wordsAt(id) + 7] = number
  }

  #windowOf(id: number): number {
    return this.#table.floats(id)[this.#table.floatsAt(id) + 2] as number
  }
}

/** @returns whole milliseconds after which what was used then is out of the window for sure. */
function waitFor(
  usedAtMs: number,
  { windowMs, nowMs }: { readonly windowMs: number; readonly nowMs: number },
): number {
  const waitMs = Math.max(1, Math.ceil(usedAtMs + windowMs - nowMs))
  // Sums of fractions may come out too small.
  return nowMs + waitMs - usedAtMs >= windowMs ? waitMs : waitMs + 1
}

/** Slots are whole numbers of 64 bits: an operation on 32 would cut them. */
function placeOf(slot: number): number {
  return slot - Math.floor(slot / COUNT_SLOTS) * COUNT_SLOTS
}
