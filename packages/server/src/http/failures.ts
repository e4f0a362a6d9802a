/** What a failure inside becomes for whoever runs the server: a line of the log and a number. */
import type { Tally } from '../core/tally.ts'
import type { Log } from '../ports/log.ts'
import { Outage } from '../ports/outage.ts'

export interface FailureDeps {
  readonly tally: Tally
  readonly log: Log
}

/** @returns the refusal that callers see. */
export function tellFailure(
  error: unknown,
  { tally, log }: FailureDeps,
): 'unavailable' | 'internal' {
  if (error instanceof Outage) {
    tally.refused('unavailable')
    log.error('http_outage', error, { port: error.port, code: error.code })
    return 'unavailable'
  }
  tally.bugs++
  log.error('http_bug', error)
  return 'internal'
}
