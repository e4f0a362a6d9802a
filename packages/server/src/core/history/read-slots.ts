/**
 * Reads of the store, so many at a time and in the order they came: each may bring a page into
 * memory, and after a restart everybody asks at once.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'

export interface ReadSlotLimits {
  readonly readCountMax: number
  readonly readWaitCountMax: number
}

export class ReadSlots {
  readonly #limits: ReadSlotLimits
  #busyCount = 0
  #waiting: (() => void)[] = []

  constructor(limits: ReadSlotLimits) {
    this.#limits = limits
  }

  /** @throws what `read` throws. */
  async run<T>(read: () => Promise<T>): Promise<Result<T, 'overloaded'>> {
    if (this.#busyCount >= this.#limits.readCountMax) {
      if (this.#waiting.length >= this.#limits.readWaitCountMax) return refuse('overloaded')
      // Who ends gives its slot to who has waited longest.
      await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    } else this.#busyCount++
    try {
      return ok(await read())
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#busyCount--
      else next()
    }
  }
}
