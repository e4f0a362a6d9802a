/** What a link asks of the client it belongs to, and tells it. */
import type { IPublishPacket } from 'mqtt'
import type { ClientError } from './client-error.ts'
import type { Credentials } from './renewal-in-place.ts'

export interface Drop {
  /** The number of the next try; 0: it is made at once. */
  readonly attempt: number
  /** Whether the broker had accepted the connection, and it was not left. */
  readonly isLost: boolean
}

export interface LinkEvents {
  /** @throws ClientError: temporary ones count as a try, others end the link. */
  readonly credentials: (why: 'connect' | 'refused') => Promise<Credentials>
  readonly up: (session: { readonly sessionPresent: boolean }) => void
  readonly down: (next: Drop) => void
  /** There will be no further try. */
  readonly ended: (error: ClientError) => void
  readonly message: (topic: string, payload: Uint8Array, packet: IPublishPacket) => void
}
