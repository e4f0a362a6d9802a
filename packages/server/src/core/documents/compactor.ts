/**
 * Puts states in the place of updates, one document of a region at a time: a state may be large,
 * and nobody waits for it. Bounded by its callers, who ask once for each document.
 */
export class Compactor {
  #last: Promise<void> = Promise.resolve()

  /** @param work never rejects. @returns when it is done, after all that were asked for before. */
  run(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work)
    return this.#last
  }

  /** @returns when nothing is left to do of what was asked for. */
  settled(): Promise<void> {
    return this.#last
  }
}
