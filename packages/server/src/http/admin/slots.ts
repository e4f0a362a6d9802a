/** How many long calls may run at a time, so that they do not slow down everything else. */

export class Slots {
  #freeCount: number

  /** @param countMax at least 1. */
  constructor(countMax: number) {
    this.#freeCount = countMax
  }

  /** @returns what gives the slot back, once however often it is called; undefined for no slot. */
  take(): (() => void) | undefined {
    if (this.#freeCount === 0) return undefined
    this.#freeCount--
    let isTaken = true
    return () => {
      if (isTaken) this.#freeCount++
      isTaken = false
    }
  }
}
