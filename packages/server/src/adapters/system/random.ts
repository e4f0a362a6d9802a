/**
 * The operating system's generator, read in pages: a call costs a copy and not a system call. Bytes
 * are wiped from the page as they are handed out, so none is given twice or can be found there
 * later.
 */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../../ports/random.ts'

const PAGE_BYTES = 8_192
/** Larger requests go past the page. */
const PAGED_BYTES_MAX = 256

class SystemRandom implements Random {
  readonly #page = new Uint8Array(PAGE_BYTES)
  readonly #view = new DataView(this.#page.buffer)
  #used = PAGE_BYTES

  bytes(byteCount: number): Uint8Array {
    if (byteCount > PAGED_BYTES_MAX) return randomFillSync(new Uint8Array(byteCount))
    const start = this.#take(byteCount)
    const bytes = this.#page.slice(start, start + byteCount)
    this.#page.fill(0, start, start + byteCount)
    return bytes
  }

  uint32(): number {
    const start = this.#take(4)
    const value = this.#view.getUint32(start)
    this.#view.setUint32(start, 0)
    return value
  }

  /** @returns where `byteCount` fresh bytes begin in the page. */
  #take(byteCount: number): number {
    if (!Number.isInteger(byteCount) || byteCount < 0)
      throw new RangeError(`${byteCount} is no count of bytes`)
    if (this.#used + byteCount > PAGE_BYTES) {
      randomFillSync(this.#page)
      this.#used = 0
    }
    const start = this.#used
    this.#used += byteCount
    return start
  }
}

export const systemRandom: Random = new SystemRandom()
