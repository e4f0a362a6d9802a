/**
 * The types of the WebSocket transport: what Bun keeps per socket and what a listener is.
 */
import type { Server, ServerWebSocket } from 'bun'
import type { ProtocolName } from '../core/tally.ts'
import type { SocketOutbox } from './outbox.ts'
import type { PingPlan } from './ping-plan.ts'

/** Bun hands this back with every call about a socket. */
export interface SocketData {
  readonly outbox: SocketOutbox
  /** Its binary frames are pieces of one byte stream; it takes no text. */
  readonly isStream: boolean
  /** Larger ones are closed with 1009. */
  readonly frameBytesMax: number
  /** Undefined: only its session asks for signs of life. */
  readonly pings: PingPlan | undefined
  /** Undefined: it is refused, and was let in to be told so. */
  readonly protocol: ProtocolName | undefined
}

export type Socket = ServerWebSocket<SocketData>

/** One bound port. Topics live per listener, so a group that spans two publishes on both. */
export type Listener = Server<SocketData>
