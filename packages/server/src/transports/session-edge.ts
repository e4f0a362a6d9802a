/**
 * The edge of a session: an outage of something we need is told to the client as unavailable, a bug
 * ends that connection, and neither touches another one.
 */
import type { Tally } from '../core/tally.ts'
import type { Log } from '../ports/log.ts'
import { Outage } from '../ports/outage.ts'
import type { Session } from '../sessions/session.ts'

export interface EdgePorts {
  readonly tally: Tally
  readonly log: Log
}

/** The connection that pays for what its session throws. */
export interface GuardedConnection {
  readonly session: Session | undefined
  terminate(): void
}

export function atEdge(connection: GuardedConnection, ports: EdgePorts, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (error instanceof Outage) {
      ports.log.error('session_outage', error, { port: error.port, code: error.code })
      connection.session?.end('unavailable')
      return
    }
    ports.tally.bugs++
    ports.log.error('session_bug', error)
    connection.terminate()
  }
}
