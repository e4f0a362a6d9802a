/** A connection's place in a document. */
import { refuse, type Result } from '@lockgate/protocol/result'
import type { Outbox } from '../../ports/fanout.ts'
import type { RefusalCode } from '../refusals.ts'
import type { DocumentRoom } from './document-room.ts'
import type { AwarenessEntry, DocumentConnection, DocumentEncoder } from './documents.ts'
import type { DocumentSeat, OpenDocument } from './documents.ts'

export class Seat implements DocumentSeat {
  readonly connectionId: string
  readonly outbox: Outbox
  readonly encoder: DocumentEncoder
  readonly ended: (refusal: RefusalCode) => void
  readonly #room: DocumentRoom
  readonly #isReadOnly: boolean

  constructor(room: DocumentRoom, connection: DocumentConnection, request: OpenDocument) {
    this.#room = room
    this.connectionId = connection.id
    this.outbox = connection.outbox
    this.encoder = request.encoder
    this.ended = request.ended
    this.#isReadOnly = request.isReadOnly
  }

  awareness(): readonly AwarenessEntry[] {
    return this.#room.present()
  }

  stateVector(): Promise<Uint8Array> {
    return this.#room.stateVector()
  }

  missing(stateVector: Uint8Array): Promise<Result<Uint8Array, RefusalCode>> {
    return this.#room.missing(stateVector)
  }

  async submit(update: Uint8Array): Promise<Result<'applied' | 'known' | 'pending', RefusalCode>> {
    return this.#isReadOnly ? refuse('operation_denied') : this.#room.submit(this, update)
  }

  announce(entries: readonly AwarenessEntry[]): void {
    this.#room.announce(this, entries)
  }

  leave(): void {
    this.#room.leave(this)
  }
}
