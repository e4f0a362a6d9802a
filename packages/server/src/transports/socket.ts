/**
 * The types of the WebSocket transport: what Bun keeps per socket and what a listener is.
 */
import type { Server, ServerWebSocket } from 'bun'
import type { SocketOutbox } from './outbox.ts'

/** Bun hands this back with every call about a socket. */
export interface SocketData {
  readonly outbox: SocketOutbox
  /** Its binary frames are pieces of one byte stream; it takes no text. */
  readonly isStream: boolean
}

export type Socket = ServerWebSocket<SocketData>

/** One bound port. Topics live per listener, so a group that spans two publishes on both. */
export type Listener = Server<SocketData>
