/**
 * Ends many connections in slices, so that a revocation of ten thousand never holds the event loop,
 * and, where clients come back at once, spread over time so that they do not all arrive together.
 */
import type { Tally } from '../core/tally.ts'
import type { Closings } from '../ports/closings.ts'
import type { Log } from '../ports/log.ts'

/** Ends in one turn of the loop: well below a millisecond each hundred. */
const SLICE_COUNT = 200
/** How often a slice is due when closes are spread. */
const STEP_MS = 20

export function createClosings(ports: { readonly tally: Tally; readonly log: Log }): Closings {
  return {
    async endAll(connections, end, spreadMs) {
      const stepCount = Math.max(1, Math.floor(spreadMs / STEP_MS))
      const perStep = Math.max(1, Math.ceil(connections.length / stepCount))
      let next = 0
      for (let step = 0; next < connections.length; step++) {
        if (step > 0) await wait(spreadMs > 0 ? STEP_MS : 0)
        const stepEnd = Math.min(connections.length, next + perStep)
        while (next < stepEnd) {
          const sliceEnd = Math.min(stepEnd, next + SLICE_COUNT)
          for (const connection of connections.slice(next, sliceEnd)) {
            guard(() => end(connection), ports)
          }
          next = sliceEnd
          if (next < stepEnd) await nextTurn()
        }
      }
    },
  }
}

function guard(work: () => void, { tally, log }: { tally: Tally; log: Log }): void {
  try {
    work()
  } catch (error) {
    tally.bugs++
    log.error('session_bug', error)
  }
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
