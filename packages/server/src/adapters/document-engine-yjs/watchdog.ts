/**
 * Watches a Worker from the outside. Work that takes too long is asked to stop; a Worker that does
 * not answer that is lost.
 */
import type { SharedProgress } from './yjs-bounds.ts'

/** Our bounds: an honest update of the largest document takes less than the first. */
const CHECK_MS = 500
const STOP_CHECK_COUNT = 5
const LOST_CHECK_COUNT = 60

export class Watchdog {
  readonly #progress: SharedProgress
  readonly #onStuck: () => void
  #timer: ReturnType<typeof setInterval> | undefined
  #at = 0
  #sameCount = 0

  constructor(progress: SharedProgress, onStuck: () => void) {
    this.#progress = progress
    this.#onStuck = onStuck
  }

  /** Idempotent. @param isBusy whether the Worker has something to answer. */
  watch(isBusy: () => boolean): void {
    this.#timer ??= setInterval(() => {
      if (isBusy()) this.check()
      else this.end()
    }, CHECK_MS)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#sameCount = 0
  }

  check(): void {
    const { at } = this.#progress
    this.#sameCount = at === this.#at ? this.#sameCount + 1 : 0
    this.#at = at
    if (this.#sameCount === STOP_CHECK_COUNT) this.#progress.stop(at)
    if (this.#sameCount === LOST_CHECK_COUNT) this.#onStuck()
  }
}
