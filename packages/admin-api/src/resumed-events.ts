/** Events over as many connections as it takes, each beginning after the last event before it. */
import type { Ambient } from './exchange.ts'
import { AdminProblem, AdminUnreachable } from './problem.ts'
import { readServerSentEvents } from './server-sent-events.ts'

/** Our bounds on the wait before a connection that was lost is made anew. */
const PAUSE_FIRST_MS = 200
const PAUSE_MAX_MS = 5_000

export interface EventSource extends Pick<Ambient, 'pause' | 'random'> {
  /** @param after the id of the last event; undefined at the beginning. @throws what it meets. */
  readonly open: (after: string | undefined) => Promise<AsyncIterable<Uint8Array>>
  readonly signal: AbortSignal | undefined
}

/**
 * @throws what the first connection meets; from then on only what waiting does not mend.
 */
export async function* resumedEvents({ open, pause, random, signal }: EventSource): AsyncGenerator {
  let after: string | undefined
  let wasOpen = false
  let failureCount = 0
  const isGivenUp = () => signal?.aborted === true
  while (!isGivenUp()) {
    try {
      const chunks = await open(after)
      wasOpen = true
      for await (const { id, event, data } of readServerSentEvents(chunks)) {
        failureCount = 0
        after = id ?? after
        // After it the server closes: it goes away, or the key has ended, which the next call says.
        if (event !== 'end' && data !== undefined) yield JSON.parse(data) as unknown
      }
    } catch (error) {
      if (isGivenUp()) return
      if (!wasOpen || !mayPass(error)) throw error
    }
    const ceilingMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** failureCount++)
    await pause(ceilingMs / 2 + (random() * ceilingMs) / 2, signal)
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof AdminUnreachable) return true
  return error instanceof AdminProblem && (error.status === 429 || error.status >= 500)
}
