/** Counts malformed frames of one connection: too many in a short time end it (contract 11). */

/** The contract's: the fifth in ten seconds. */
export const MALFORMED_COUNT_MAX = 5
export const MALFORMED_WINDOW_MS = 10_000

export class MalformedFrames {
  readonly #atMs: number[] = []

  /** @param nowMs monotonic. @returns whether it was one too many. */
  add(nowMs: number): boolean {
    this.#atMs.push(nowMs)
    if (this.#atMs.length > MALFORMED_COUNT_MAX) this.#atMs.shift()
    const [first = nowMs] = this.#atMs
    return this.#atMs.length === MALFORMED_COUNT_MAX && nowMs - first < MALFORMED_WINDOW_MS
  }
}
