/**
 * Ends many connections in slices, so that a revocation of ten thousand never holds the event loop,
 * and, where clients come back at once, spread over time so that they do not all arrive together.
 * Every close goes out before the first of them is undone (ADR 0008).
 */
import type { Tally } from '../core/tally.ts'
import type { Closings } from '../ports/closings.ts'
import type { Log } from '../ports/log.ts'
import type { Departures } from './departures.ts'

/**
 * Ends in one turn of the loop: a little over a tenth of a second. Between two turns the replies of
 * everyone who was closed are read, which takes half as long as closing them; with many small turns
 * the last connections would wait for the replies of the first (ADR 0008).
 */
const SLICE_COUNT = 10_000
/** More than these are spread by the time that closing them takes. */
const SPREAD_COUNT_MAX = 5_000
/** How often a part is due when closes are spread. */
const STEP_MS = 20

export interface ClosingsPorts {
  readonly tally: Tally
  readonly log: Log
  /** Of the transport whose connections are ended. */
  readonly departures: Departures
}

export function createClosings(ports: ClosingsPorts): Closings {
  return {
    async endAll(connections, end, wantedSpreadMs) {
      const spreadMs = connections.length > SPREAD_COUNT_MAX ? 0 : wantedSpreadMs
      const perStep = Math.ceil(connections.length / Math.max(1, Math.floor(spreadMs / STEP_MS)))
      const stepCount = Math.ceil(connections.length / Math.max(1, perStep))
      // All timers start now: closing takes from the pauses and is never added to them.
      const starts = Array.from({ length: stepCount }, (_, step) => wait(step * STEP_MS))
      ports.departures.hold()
      try {
        for (const [step, start] of starts.entries()) {
          const part = connections.slice(step * perStep, (step + 1) * perStep)
          if (step > 0) await start
          await endInSlices(part, end, ports)
        }
      } finally {
        ports.departures.release()
      }
    },
  }
}

async function endInSlices<C>(
  part: readonly C[],
  end: (connection: C) => void,
  { tally, log }: ClosingsPorts,
): Promise<void> {
  for (let next = 0; next < part.length; next += SLICE_COUNT) {
    if (next > 0) await nextTurn()
    for (const connection of part.slice(next, next + SLICE_COUNT)) {
      try {
        end(connection)
      } catch (error) {
        tally.bugs++
        log.error('session_bug', error)
      }
    }
  }
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
