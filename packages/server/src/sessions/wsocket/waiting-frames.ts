/**
 * Frames of a client that came while one before them waits for the store. Reading is paused then,
 * so these are what had been read already. Bounded.
 */

/** Our bounds: what a transport reads at a time holds fewer frames of any use. */
export const WAITING_FRAME_COUNT_MAX = 4_096
export const WAITING_FRAME_UNITS_MAX = 2 * 1024 * 1024

export class WaitingFrames {
  readonly #frames: string[] = []
  #start = 0
  #units = 0

  get isEmpty(): boolean {
    return this.#start === this.#frames.length
  }

  /** @returns false when there is no room. */
  add(frame: string): boolean {
    const isFull = this.#frames.length - this.#start >= WAITING_FRAME_COUNT_MAX
    if (isFull || this.#units + frame.length > WAITING_FRAME_UNITS_MAX) return false
    this.#units += frame.length
    this.#frames.push(frame)
    return true
  }

  next(): string | undefined {
    const frame = this.#frames[this.#start]
    if (frame === undefined) return undefined
    this.#units -= frame.length
    this.#start++
    if (this.isEmpty) this.clear()
    return frame
  }

  clear(): void {
    this.#frames.length = 0
    this.#start = 0
    this.#units = 0
  }
}
