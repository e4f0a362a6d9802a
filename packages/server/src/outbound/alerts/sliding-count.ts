/**
 * How many there were lately, in ten numbers. Never more than were within the window, and all of
 * the last nine tenths of it.
 */

const BUCKET_COUNT = 10

export class SlidingCount {
  readonly #bucketMs: number
  readonly #buckets = new Uint32Array(BUCKET_COUNT)
  #newest = 0
  #total = 0

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKET_COUNT
  }

  /** @param nowMs of a clock that never goes back. */
  add(nowMs: number, count: number): void {
    this.#advance(nowMs)
    const place = this.#newest % BUCKET_COUNT
    this.#buckets[place] = (this.#buckets[place] ?? 0) + count
    this.#total += count
  }

  totalAt(nowMs: number): number {
    this.#advance(nowMs)
    return this.#total
  }

  #advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs)
    const passedCount = Math.min(BUCKET_COUNT, bucket - this.#newest)
    if (passedCount <= 0) return
    for (let passed = 1; passed <= passedCount; passed++) {
      const place = (bucket - passedCount + passed) % BUCKET_COUNT
      this.#total -= this.#buckets[place] ?? 0
      this.#buckets[place] = 0
    }
    this.#newest = bucket
  }
}
