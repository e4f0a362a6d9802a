/**
 * Repeatable randomness for tests: the seed is printed, and can be given again to repeat a failure.
 */

export interface Seeded {
  readonly seed: number
  /** A uniform integer in [0, bound). */
  below(bound: number): number
  pick<T>(items: readonly T[]): T
  bytes(count: number): Buffer
}

/** @param seed from `LOCKGATE_TEST_SEED`, else fresh. */
export function seeded(
  seed = Number(process.env['LOCKGATE_TEST_SEED'] ?? Date.now() % 2 ** 32),
): Seeded {
  let state = seed >>> 0
  /** Mulberry32: 32 bits of state are plenty to vary inputs. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (bound: number): number => next() % bound
  return {
    seed,
    below,
    pick: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  }
}
