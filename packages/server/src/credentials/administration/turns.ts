/** Lets changes of one thing happen one at a time, while those of others go on. */

export class Turns {
  /** By what is changed; only while something runs or waits. */
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs `work` after everything that was asked for the same `key` before. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const result = before.then(work)
    // Whoever asked is told of a failure; the next one only waits for its turn.
    const tail = Promise.allSettled([result])
    this.#tails.set(key, tail)
    await tail
    if (this.#tails.get(key) === tail) this.#tails.delete(key)
    return result
  }
}
