/**
 * What sessions ask of documents that several edit at a time. The hub of documents implements it;
 * it knows no protocol, no socket and no Yjs: updates and vectors are bytes to it, states of
 * awareness are text. Whether a caller may ask is decided before.
 */
import type { Result } from '@lockgate/protocol/result'
import type { Frame, Outbox } from '../../ports/fanout.ts'
import type { AppSpace } from '../app-space.ts'
import type { Connection } from '../connection.ts'
import type { RefusalCode } from '../refusals.ts'

/** One client of awareness (contract WireSocket 6). */
export interface AwarenessEntry {
  /** Of a Y.Doc, chosen by the client. */
  readonly clientId: number
  readonly clock: number
  /** JSON text; undefined: gone. */
  readonly state: string | undefined
}

/** Frames that all receivers of one framing share. Those that share one object share frames. */
export interface DocumentEncoder {
  update(update: Uint8Array): Frame
  awareness(entries: readonly AwarenessEntry[]): Frame
}

/** What the plan behind a token allows; undefined: no such limit. */
export interface DocumentLimits {
  readonly connectionCountMax: number | undefined
  readonly documentCountMax: number | undefined
  readonly usersPerDocumentMax: number | undefined
  /** Epoch, of the token: of two that differ the newer counts. */
  readonly issuedAtMs: number
}

export interface DocumentConnection extends Connection {
  readonly outbox: Outbox
}

export interface OpenDocument {
  /** `[A-Za-z0-9_-]{1,255}` */
  readonly name: string
  readonly encoder: DocumentEncoder
  readonly isReadOnly: boolean
  readonly limits: DocumentLimits
  /** Told when the document itself ends: removed, or lost with its engine. */
  readonly ended: (refusal: RefusalCode) => void
}

/** A refusal with what its text needs: which limit, how much is there, where the document is. */
export interface DocumentRefusal {
  readonly limit?: number
  readonly active?: number
  /** URL of the region that has the document, without its name. */
  readonly redirect?: string
}

export type DocumentAnswer<T> = Result<T, RefusalCode> & { readonly about?: DocumentRefusal }

/** A connection's place in one document. */
export interface DocumentSeat {
  /** Of all present, in the order they came. */
  awareness(): readonly AwarenessEntry[]
  /** Sync step 1 of ours. @throws Outage */
  stateVector(): Promise<Uint8Array>
  /** Sync step 2 for a vector; `update_malformed` for one that is none. @throws Outage */
  missing(stateVector: Uint8Array): Promise<Result<Uint8Array, RefusalCode>>
  /**
   * Applies an update and relays it to all others, in the order of these calls; of a persisted
   * document once it is durable.
   * @returns whether it brought something new. @throws Outage
   */
  submit(update: Uint8Array): Promise<Result<'applied' | 'known' | 'pending', RefusalCode>>
  /**
   * Takes states of clients that this connection owns, or that nobody does, and sends what changed
   * to all, this connection included. What belongs to another connection is left out.
   */
  announce(entries: readonly AwarenessEntry[]): void
  /** Leaves: what it announced is gone for all. Idempotent. */
  leave(): void
}

export interface Documents {
  /**
   * Counts a connection of the app against its plan; asked once for each, before its first
   * document. Freed by `hub.disconnect`.
   */
  admit(space: AppSpace, limits: DocumentLimits): DocumentAnswer<true>
  /** Opens a document for a connection, loading it where it is kept. @throws Outage */
  open(
    space: AppSpace,
    connection: DocumentConnection,
    request: OpenDocument,
  ): Promise<DocumentAnswer<DocumentSeat>>
}
