/**
 * Remembers when how much was used. Exact up to {@link EXACT_ENTRY_COUNT} uses in a window; beyond,
 * uses of one tick, a part of the window, are one entry, as late as the last of them.
 */

/** Our bound: more entries would cost more than they tell. There are at most twice as many. */
export const EXACT_ENTRY_COUNT = 4_000
const FIRST_CAPACITY = 4

export class UseLog {
  /** What is remembered and not expired. */
  total = 0
  #times = new Float64Array(FIRST_CAPACITY)
  #costs = new Float64Array(FIRST_CAPACITY)
  #first = 0
  #count = 0
  readonly #tickMs: number
  readonly #windowMs: number

  constructor(windowMs: number) {
    this.#windowMs = windowMs
    this.#tickMs = windowMs / EXACT_ENTRY_COUNT
  }

  /** Entries it has memory for, of 16 bytes. */
  get capacity(): number {
    return this.#times.length
  }

  get entryCount(): number {
    return this.#count
  }

  /** Whether the next {@link UseLog.add} needs no more memory. */
  get hasRoom(): boolean {
    return this.#count < this.#times.length
  }

  /** Forgets what is out of the window at `nowMs`. */
  expire(nowMs: number): void {
    while (this.#count > 0 && nowMs - this.timeOf(0) >= this.#windowMs) {
      this.total -= this.costOf(0)
      this.#first = (this.#first + 1) & (this.#times.length - 1)
      this.#count--
    }
  }

  /** @param atMs not before the last one. */
  add(atMs: number, cost: number): void {
    this.total += cost
    if (this.#count > 0) {
      const place = this.#place(this.#count - 1)
      const lastMs = this.#times[place] ?? 0
      if (lastMs === atMs || (this.#isFull && this.#isSameTick(lastMs, atMs))) {
        this.#times[place] = atMs
        this.#costs[place] = (this.#costs[place] ?? 0) + cost
        return
      }
    }
    if (!this.hasRoom) this.#grow()
    const place = this.#place(this.#count++)
    this.#times[place] = atMs
    this.#costs[place] = cost
  }

  get #isFull(): boolean {
    return this.#count >= EXACT_ENTRY_COUNT
  }

  #isSameTick(one: number, other: number): boolean {
    return Math.floor(one / this.#tickMs) === Math.floor(other / this.#tickMs)
  }

  /** @param entry from the oldest, which is 0. */
  timeOf(entry: number): number {
    return this.#times[this.#place(entry)] ?? 0
  }

  costOf(entry: number): number {
    return this.#costs[this.#place(entry)] ?? 0
  }

  /** Capacities are powers of two. */
  #place(entry: number): number {
    return (this.#first + entry) & (this.#times.length - 1)
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    const costs = new Float64Array(times.length)
    for (let entry = 0; entry < this.#count; entry++) {
      times[entry] = this.timeOf(entry)
      costs[entry] = this.costOf(entry)
    }
    this.#times = times
    this.#costs = costs
    this.#first = 0
  }
}
