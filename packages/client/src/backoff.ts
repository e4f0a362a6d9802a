/** How long to wait before another try. Pure. */

const FACTOR = 1.6
/** Doublings beyond this change nothing any more, and never overflow. */
const STEP_MAX = 20

/**
 * Waits grow from try to try and are spread, so that many clients which lost the same server do
 * not come back in one moment.
 * @param attempt 0 for the first wait.
 * @returns between half of the wait and all of it, `maxMs` at most.
 */
export function backoffMs(
  attempt: number,
  { firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number },
  random: () => number,
): number {
  const full = Math.min(firstMs * FACTOR ** Math.min(attempt, STEP_MAX), maxMs)
  return Math.round(full / 2 + (full / 2) * random())
}
