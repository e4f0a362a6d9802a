/**
 * Sliding-window limits in the memory of one process. Deciding allocates nothing unless there is
 * something to tell. What is exact stands in `window-counts.ts`, what happens when many subjects
 * are invented in `subject-keys.ts`.
 */
import type { Clock } from '../../ports/clock.ts'
import {
  LIMIT_CHARGE_COUNT_MAX,
  type LimitCharge,
  type LimitCounts,
  type LimitEngine,
  type LimitReading,
  type LimitRule,
  type LimitVerdict,
} from '../../ports/limit-engine.ts'
import { FLAG_SHARED, FLAG_WARNED, FLAG_WARNED_SHADOW } from './key-table.ts'
import { SubjectKeys } from './subject-keys.ts'

/** Our bounds. A key takes 64 bytes and its place in the index; one owner has half of them. */
const KEY_COUNT_MAX = 2 ** 19
/** Of 16 bytes each, over all logs. */
const LOG_ENTRIES_MAX = 2 ** 20
/** Places in which a call marks the keys it has seen. */
const SEEN_SIZE = 2 ** 13
/** Odd, so that windows are spread over the places. */
const WINDOW_FACTOR = 0x9e3779b1

const WARN_SHARE = 0.8
/** Below this it is warned again. */
const WARN_AGAIN_SHARE = 0.6

const NONE: readonly LimitReading[] = Object.freeze([])
const ALLOWED: LimitVerdict = Object.freeze({
  isAllowed: true,
  refused: undefined,
  warned: NONE,
  shadowed: NONE,
})

export interface MemoryLimitEngineOptions {
  readonly clock: Clock
  readonly keyCountMax?: number
  readonly logEntriesMax?: number
}

/** What the engine holds, for metrics and measurements. */
export interface LimitEngineFigures {
  readonly keyCount: number
  readonly logEntryCount: number
  /** Of keys, used or free; logs aside. */
  readonly byteCount: number
}

export function openMemoryLimitEngine(
  options: MemoryLimitEngineOptions,
): LimitEngine & LimitCounts & LimitEngineFigures {
  return new MemoryLimitEngine(options)
}

/**
 * What is known of one charge of the call that runs; there is one for each place, for good. Its
 * hash is kept for the next call: one tier often is what it was.
 */
class Look {
  /** No name of a limit: nothing is known yet. */
  name = ''
  subject = ''
  windowMs = 0
  low = 0
  high = 0
  isShadow = false
  cost = 0
  /** Its record, or the one it shares; -1: none yet. */
  id = -1
  /** Perhaps an earlier charge of the call is of the same key; false: none is. */
  hasEarlier = false
  /** With what earlier charges of the call take. */
  used = 0
  isWithin = false
}

class MemoryLimitEngine implements LimitEngine, LimitCounts, LimitEngineFigures {
  readonly #clock: Clock
  readonly #keys: SubjectKeys
  /** Of the last call: never goes back, whatever the clock does. */
  #nowMs = 0
  readonly #looks: Look[] = []
  /** By a part of its hash, the last call that saw a key there. */
  readonly #seen = new Uint32Array(SEEN_SIZE)
  #callNumber = 0

  constructor(options: MemoryLimitEngineOptions) {
    const { clock, keyCountMax = KEY_COUNT_MAX, logEntriesMax = LOG_ENTRIES_MAX } = options
    this.#clock = clock
    this.#keys = new SubjectKeys({ keyCountMax, logEntriesMax })
  }

  get keyCount(): number {
    return this.#keys.table.usedCount
  }

  get logEntryCount(): number {
    return this.#keys.counts.entryCount
  }

  get byteCount(): number {
    return this.#keys.table.byteCount
  }

  take(charges: readonly LimitCharge[]): LimitVerdict {
    const count = charges.length
    if (count > LIMIT_CHARGE_COUNT_MAX) throw new Error('more charges than a call may have')
    while (this.#looks.length < count) this.#looks.push(new Look())
    this.#callNumber = (this.#callNumber + 1) >>> 0
    const nowMs = this.#now()
    this.#keys.sweep(nowMs, count)
    let refused: LimitReading | undefined
    let shadowed = NONE
    for (let at = 0; at < count; at++) {
      const charge = charges[at] as LimitCharge // at is below the count
      if (this.#look(charge, at, count)) continue
      const reading = this.#refusedReading(charge, at)
      if (charge.rule.isShadow) shadowed = [...shadowed, reading]
      else if (refused === undefined || reading.resetMs > refused.resetMs) refused = reading
    }
    if (refused !== undefined) return { isAllowed: false, refused, warned: NONE, shadowed }
    let warned = NONE
    for (let at = 0; at < count; at++) {
      const { rule, subject } = charges[at] as LimitCharge // at is below the count
      if (!this.#looks[at]?.isWithin || !this.#charge(rule, at)) continue
      warned = [...warned, this.read(rule, subject)]
    }
    if (warned === NONE && shadowed === NONE) return ALLOWED
    return { isAllowed: true, refused: undefined, warned, shadowed }
  }

  read(rule: LimitRule, subject: string): LimitReading {
    const nowMs = this.#now()
    const { low, high } = this.#keys.hash(rule.name, subject)
    const id = this.#keys.find({ name: rule.name, subject, windowMs: rule.windowMs, low, high })
    const used = id < 0 ? 0 : this.#keys.counts.used(id, nowMs)
    const remaining = Math.max(0, rule.quota - used)
    return { rule, subject, used, remaining, resetMs: this.#resetMs(id, rule, used) }
  }

  reset(name: string, subject: string): void {
    this.#keys.forget(name, subject)
  }

  absorb({ rule, subject, cost }: LimitCharge): void {
    const nowMs = this.#now()
    this.#keys.sweep(nowMs, 1)
    const { low, high } = this.#keys.hash(rule.name, subject)
    const { name, windowMs } = rule
    const id = this.#keys.admit({ name, subject, windowMs, low, high }, nowMs)
    // No room: what strangers invent elsewhere is not counted at the cost of what is known here.
    if (id < 0) return
    const { counts } = this.#keys
    counts.prepare(id, rule.quota, counts.used(id, nowMs) + cost)
    counts.add(id, cost, nowMs)
  }

  #now(): number {
    this.#nowMs = Math.max(this.#nowMs, this.#clock.monotonicMs())
    return this.#nowMs
  }

  /** Notes the key and the use of a charge. @returns whether it stays within its quota. */
  #look({ rule, subject, cost }: LimitCharge, at: number, count: number): boolean {
    const keys = this.#keys
    const look = this.#looks[at] as Look // there is one for each charge
    if (look.subject !== subject || look.name !== rule.name) {
      const { low, high } = keys.hash(rule.name, subject)
      look.name = rule.name
      look.subject = subject
      look.low = low
      look.high = high
    }
    look.windowMs = rule.windowMs
    look.isShadow = rule.isShadow
    look.cost = cost
    const id = keys.find(look)
    look.id = id
    look.used = id < 0 ? 0 : keys.counts.used(id, this.#nowMs)
    // Rules of one name and other windows have the same hash, and are other keys.
    const place = (look.low ^ Math.imul(rule.windowMs, WINDOW_FACTOR)) & (SEEN_SIZE - 1)
    look.hasEarlier = this.#seen[place] === this.#callNumber
    this.#seen[place] = this.#callNumber
    if (look.hasEarlier) look.used += this.#earlier(at, rule.isShadow)
    look.isWithin = look.used + cost <= rule.quota && (id >= 0 || keys.hasRoom(look, count - 1))
    return look.isWithin
  }

  /** What charges before `at` take from the same count in one mode. */
  #earlier(at: number, isShadow: boolean): number {
    const own = this.#looks[at] as Look // there is one for each charge
    let sum = 0
    for (let before = 0; before < at; before++) {
      const look = this.#looks[before] as Look // there is one for each charge
      if (look.low !== own.low || look.high !== own.high) continue
      if (look.windowMs !== own.windowMs || look.isShadow !== isShadow) continue
      if (look.isWithin) sum += look.cost
    }
    return sum
  }

  /** Counts a charge that is within its quota. @returns whether it is to be warned of. */
  #charge(rule: LimitRule, at: number): boolean {
    const look = this.#looks[at] as Look // there is one for each charge
    const { cost, used } = look
    const { table } = this.#keys
    const hasOwn = look.id >= 0 && !table.hasFlag(look.id, FLAG_SHARED)
    const id = hasOwn ? look.id : this.#keys.admit(look, this.#nowMs)
    // The last place of its neighbourhood went to another charge of this call: the next is refused.
    if (id < 0) return false
    this.#keys.counts.prepare(id, rule.quota, used + cost)
    // One in shadow beside one that is enforced counts the same use: only once.
    const mine = look.hasEarlier ? this.#earlier(at, rule.isShadow) : 0
    const other = look.hasEarlier ? this.#earlier(at, !rule.isShadow) : 0
    const added = mine + cost - Math.max(mine, other)
    if (added > 0) this.#keys.counts.add(id, added, this.#nowMs)
    return this.#crossesWarning(id, rule, at)
  }

  #crossesWarning(id: number, rule: LimitRule, at: number): boolean {
    const { used, cost } = this.#looks[at] as Look // there is one for each charge
    const { table } = this.#keys
    const flag = rule.isShadow ? FLAG_WARNED_SHADOW : FLAG_WARNED
    const wasWarned = table.hasFlag(id, flag) && used >= rule.quota * WARN_AGAIN_SHARE
    const isNear = used + cost >= rule.quota * WARN_SHARE
    table.setFlag(id, flag, wasWarned || isNear)
    return isNear && !wasWarned
  }

  #refusedReading({ rule, subject, cost }: LimitCharge, at: number): LimitReading {
    const look = this.#looks[at] as Look // there is one for each charge
    const { used } = look
    const excess = used + cost - rule.quota
    // Without a place for its key nothing is left, whatever was used.
    const remaining = excess > 0 ? Math.max(0, rule.quota - used) : 0
    const id = this.#keys.find(look)
    const counted = id < 0 ? 0 : this.#keys.counts.used(id, this.#nowMs)
    const canSucceed = excess > 0 && cost <= rule.quota && excess <= counted
    const resetMs = canSucceed ? this.#keys.counts.waitMs(id, this.#nowMs, excess) : rule.windowMs
    return { rule, subject, used, remaining, resetMs }
  }

  /** Until one more is allowed where none is, or else until all is free. */
  #resetMs(id: number, rule: LimitRule, used: number): number {
    if (rule.quota === 0) return rule.windowMs
    if (id < 0 || used === 0) return 0
    const excess = used < rule.quota ? used : used + 1 - rule.quota
    return this.#keys.counts.waitMs(id, this.#nowMs, excess)
  }
}
