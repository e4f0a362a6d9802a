/** Which of many things is due next: a binary heap. Things that moved meanwhile are asked again. */

/** Entries that are out of date are thrown away when there are so many more than things. */
const SPARE_COUNT = 64

interface Entry<T> {
  readonly dueAtMs: number
  readonly item: T
}

export class DueTimes<T extends object> {
  readonly #dueAtMs: (item: T) => number | undefined
  #heap: Entry<T>[] = []
  /** How many entries there may be before those out of date are looked for. */
  #sizeMax = SPARE_COUNT

  /** @param dueAtMs when an item is due as things are now; undefined: not at all. */
  constructor(dueAtMs: (item: T) => number | undefined) {
    this.#dueAtMs = dueAtMs
  }

  get size(): number {
    return this.#heap.length
  }

  /** Called whenever the time of an item has changed. */
  add(item: T): void {
    const dueAtMs = this.#dueAtMs(item)
    if (dueAtMs === undefined) return
    if (this.#heap.length >= this.#sizeMax) this.#tidy()
    this.#push({ dueAtMs, item })
  }

  /** @returns an item that is due, taken out; undefined when none is. */
  take(nowMs: number): T | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.dueAtMs > nowMs) return undefined
      this.#pop()
      if (this.#dueAtMs(first.item) === first.dueAtMs) return first.item
    }
    return undefined
  }

  #tidy(): void {
    const seen = new Set<T>()
    const entries = this.#heap.filter(({ dueAtMs, item }) => {
      if (seen.has(item) || this.#dueAtMs(item) !== dueAtMs) return false
      seen.add(item)
      return true
    })
    this.#heap = []
    for (const entry of entries) this.#push(entry)
    this.#sizeMax = 2 * this.#heap.length + SPARE_COUNT
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.dueAtMs <= entry.dueAtMs) break
      heap[at] = parent
      at = above
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      const isRight = right !== undefined && left !== undefined && right.dueAtMs < left.dueAtMs
      const child = isRight ? right : left
      if (child === undefined || child.dueAtMs >= last.dueAtMs) break
      heap[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
  }
}
