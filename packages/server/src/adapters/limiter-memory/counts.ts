/**
 * What one bucket remembers. Both kinds promise the same: never more than the maximum in any window
 * that is open at its end. Pure; times are whole milliseconds that never go back.
 */

/** The policy and the time of one call. */
export interface Moment {
  /** Rounded down, to see what is over. */
  readonly nowMs: number
  /** Rounded up, to remember. */
  readonly addedAtMs: number
  readonly windowMs: number
  readonly countMax: number
}

export interface Count {
  /** How many more are allowed now; may be below 0 after the maximum was lowered. */
  remaining(moment: Moment): number
  /** Counts one. Only after {@link Count.remaining} gave at least 1 for the same moment. */
  add(moment: Moment): void
  /** How long until one is allowed, given that none is now and nothing is added; at least 1. */
  waitMs(moment: Moment): number
  /** @returns an equal count that lives on by itself. */
  copy(): Count
  /** Memory in units of one remembered time. */
  readonly size: number
  /** Whether the next {@link Count.add} needs no more memory. */
  readonly hasRoom: boolean
}

const FIRST_CAPACITY = 4

/** Exact: remembers the time of each. Grows with use, up to the maximum of the policy. */
export class TimeLog implements Count {
  #times: Float64Array
  #first = 0
  #count = 0

  constructor(times = new Float64Array(FIRST_CAPACITY)) {
    this.#times = times
  }

  get size(): number {
    return this.#times.length
  }

  get hasRoom(): boolean {
    return this.#count < this.#times.length
  }

  remaining({ nowMs, windowMs, countMax }: Moment): number {
    while (this.#count > 0 && nowMs - this.#at(0) >= windowMs) {
      this.#first = (this.#first + 1) % this.#times.length
      this.#count--
    }
    return countMax - this.#count
  }

  add({ addedAtMs }: Moment): void {
    if (!this.hasRoom) this.#grow()
    this.#times[(this.#first + this.#count) % this.#times.length] = addedAtMs
    this.#count++
  }

  waitMs({ nowMs, windowMs, countMax }: Moment): number {
    if (countMax < 1) return windowMs
    // Only when this one is out of the window are there fewer than the maximum.
    return this.#at(this.#count - countMax) + windowMs - nowMs
  }

  copy(): Count {
    const log = new TimeLog(this.#times.slice())
    log.#first = this.#first
    log.#count = this.#count
    return log
  }

  #at(index: number): number {
    return this.#times[(this.#first + index) % this.#times.length] ?? 0
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    for (let index = 0; index < this.#count; index++) times[index] = this.#at(index)
    this.#times = times
    this.#first = 0
  }
}

/** A window touches this many full slots and a part of one more. */
const FULL_SLOTS = 60
const SLOTS = FULL_SLOTS + 1

/**
 * For large maxima: counts by slots of a sixtieth of the window. A slot that lies partly in the
 * window counts whole, so this refuses up to a sixtieth of a window longer than it must, never too
 * late.
 */
export class SlotCount implements Count {
  readonly size = SLOTS
  readonly hasRoom = true
  readonly #counts: Uint32Array
  /** Number of the newest slot since the clock began. */
  #newest = 0
  #total = 0

  constructor(counts = new Uint32Array(SLOTS)) {
    this.#counts = counts
  }

  remaining(moment: Moment): number {
    const slot = Math.floor(moment.nowMs / slotMsOf(moment))
    const passed = Math.min(slot - this.#newest, SLOTS)
    for (let step = 1; step <= passed; step++) this.#clear(this.#newest + step)
    this.#newest = slot
    return moment.countMax - this.#total
  }

  add(): void {
    const index = this.#newest % SLOTS
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
  }

  waitMs(moment: Moment): number {
    const { nowMs, windowMs, countMax } = moment
    const excess = this.#total - countMax
    let freed = 0
    for (let age = FULL_SLOTS; age >= 0; age--) {
      freed += this.#counts[(this.#newest - age + SLOTS) % SLOTS] ?? 0
      if (freed <= excess) continue
      return (this.#newest - age + SLOTS) * slotMsOf(moment) - nowMs
    }
    return windowMs
  }

  copy(): Count {
    const count = new SlotCount(this.#counts.slice())
    count.#newest = this.#newest
    count.#total = this.#total
    return count
  }

  #clear(slot: number): void {
    const index = slot % SLOTS
    this.#total -= this.#counts[index] ?? 0
    this.#counts[index] = 0
  }
}

/** Rounded up, so that the slots together are never shorter than the window. */
function slotMsOf({ windowMs }: Moment): number {
  return Math.ceil(windowMs / FULL_SLOTS)
}
