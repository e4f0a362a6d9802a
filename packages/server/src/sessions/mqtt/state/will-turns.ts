/**
 * Publishes wills, few in each turn. Ten thousand connections that end at one moment may all have
 * left a will that all of them would hear: published one by one as they end, the first ones would
 * reach all others, and nobody is told that it is over before that is done.
 */
import type { Turns } from '../../../ports/turns.ts'

/** Our choice: a will may have ten thousand receivers. */
export const WILLS_PER_TURN = 10
/** Our bound on wills that wait; over it the oldest is published at once. */
export const WAITING_WILL_COUNT_MAX = 100_000

export class WillTurns {
  readonly #turns: Turns
  /** By author, in order. */
  readonly #waiting = new Map<object, () => void>()
  #left = WILLS_PER_TURN
  #isTurnDue = false

  constructor(turns: Turns) {
    this.#turns = turns
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /** Runs `publish` in this turn where there were few before it. One of each author waits. */
  add(author: object, publish: () => void): void {
    this.#nextTurn()
    if (this.#left > 0 && this.#waiting.size === 0) {
      this.#left--
      publish()
      return
    }
    this.#waiting.set(author, publish)
    if (this.#waiting.size > WAITING_WILL_COUNT_MAX) this.#publish(1)
  }

  isWaiting(author: object): boolean {
    return this.#waiting.has(author)
  }

  /** At the end: all of them, now. */
  finish(): void {
    this.#publish(this.#waiting.size)
  }

  #nextTurn(): void {
    if (this.#isTurnDue) return
    this.#isTurnDue = true
    this.#turns.next(() => {
      this.#isTurnDue = false
      this.#left = WILLS_PER_TURN
      if (this.#waiting.size === 0) return
      this.#nextTurn()
      this.#publish(WILLS_PER_TURN)
      this.#left = 0
    })
  }

  #publish(count: number): void {
    let left = count
    for (const [author, publish] of this.#waiting) {
      if (left-- <= 0) return
      this.#waiting.delete(author)
      publish()
    }
  }
}
