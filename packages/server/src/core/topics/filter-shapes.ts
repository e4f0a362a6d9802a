/**
 * Bounds what looking a topic up in a trie of filters can cost. The shape of a filter is which of
 * its levels are `+`. On the way down, a topic comes through at most one node of the trie for each
 * beginning of a shape that is in use; so as many as there are of these, a look-up visits at most.
 * Ten filters or ten million of one shape count the same.
 */

/** Ours. Applications have tens; filters chosen to make each look-up dear have as many as fit. */
export const SHAPE_STEP_COUNT_MAX = 4_096

/** One beginning of a shape. */
class ShapeStep {
  plus: ShapeStep | undefined
  text: ShapeStep | undefined
  /** Filters whose shape begins so. */
  count = 0
}

export class FilterShapes {
  readonly #root = new ShapeStep()
  readonly #stepCountMax: number
  #stepCount = 0

  constructor(stepCountMax = SHAPE_STEP_COUNT_MAX) {
    this.#stepCountMax = stepCountMax
  }

  /** What a look-up visits at most, beside the root. */
  get stepCount(): number {
    return this.#stepCount
  }

  /** @param levels of the filter, without a `#`. */
  hasRoom(levels: readonly string[]): boolean {
    let step: ShapeStep | undefined = this.#root
    for (const [index, level] of levels.entries()) {
      step = level === '+' ? step.plus : step.text
      if (step === undefined) return this.#stepCount + levels.length - index <= this.#stepCountMax
    }
    return true
  }

  add(levels: readonly string[]): void {
    let step = this.#root
    for (const level of levels) {
      const next: ShapeStep = (level === '+' ? step.plus : step.text) ?? new ShapeStep()
      if (level === '+') step.plus = next
      else step.text = next
      if (next.count++ === 0) this.#stepCount++
      step = next
    }
  }

  /** @param levels were added before. */
  remove(levels: readonly string[]): void {
    let step = this.#root
    for (const [index, level] of levels.entries()) {
      const next = level === '+' ? step.plus : step.text
      if (next === undefined) return
      if (--next.count === 0) {
        if (level === '+') step.plus = undefined
        else step.text = undefined
        // All below was there for this filter alone.
        this.#stepCount -= levels.length - index
        return
      }
      step = next
    }
  }
}
