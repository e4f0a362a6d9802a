/**
 * Whether a share stays high: a short burst is none of its business. Pure; bounded by the window
 * and the least time between two samples.
 */

export interface Threshold {
  readonly enter: number
  /** Below this it is over; less than `enter`, so that a share in between changes nothing. */
  readonly leave: number
}

/** Samples that stand for less say little and are left out; so their number is bounded too. */
const SAMPLE_MS_MIN = 100

export class SustainedShare {
  readonly #windowMs: number
  readonly #samples: { readonly share: number; readonly forMs: number }[] = []
  #coveredMs = 0
  #isOver = false

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** @param forMs how long the share was so. */
  add(share: number, forMs: number): void {
    if (forMs < SAMPLE_MS_MIN) return
    this.#samples.push({ share, forMs })
    this.#coveredMs += forMs
    for (;;) {
      const [oldest] = this.#samples
      if (oldest === undefined || this.#coveredMs - oldest.forMs < this.#windowMs) return
      this.#samples.shift()
      this.#coveredMs -= oldest.forMs
    }
  }

  /**
   * @returns true from when every sample of a whole window reached `enter`, until their mean is
   * below `leave`.
   */
  isOver({ enter, leave }: Threshold): boolean {
    if (this.#isOver) this.#isOver = this.#mean() >= leave
    else {
      const isCovered = this.#coveredMs >= this.#windowMs
      this.#isOver = isCovered && this.#samples.every(({ share }) => share >= enter)
    }
    return this.#isOver
  }

  #mean(): number {
    const sum = this.#samples.reduce((total, { share, forMs }) => total + share * forMs, 0)
    return this.#coveredMs === 0 ? 0 : sum / this.#coveredMs
  }
}
