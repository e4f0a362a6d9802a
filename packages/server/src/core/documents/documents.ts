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

/** Our bounds on what one connection has on the way, in all its documents. */
export const SUBMIT_COUNT_MAX = 128
export const SUBMIT_BYTES_MAX = 1024 * 1024

export interface DocumentConnection extends Connection {
  readonly outbox: Outbox
}

export interface OpenDocument {
  /** `[A-Za-z0-9_-]{1,255}` */
  readonly name: string
  /** Header of the upgrade: it says which region was asked. */
  readonly host: string
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
   * document once it is durable. A caller with {@link SUBMIT_COUNT_MAX} or {@link SUBMIT_BYTES_MAX}
   * unanswered stops reading until fewer are; the hub itself refuses as `overloaded` only where a
   * whole document or the whole node has far more than its readers could have sent so.
   * @returns whether it brought something new; `operation_denied` where it is read-only.
   * @throws Outage
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
   * Whether the plan has room for one more connection of the app, of whatever protocol. Asked once
   * for each, in the same turn and before `hub.connect`, which is what counts it.
   */
  admit(space: AppSpace, limits: DocumentLimits): DocumentAnswer<true>
  /**
   * Opens a document for a connection, loading it where it is kept. A connection that has it open
   * already under another encoder is one user all the same. Whoever closed meanwhile leaves the
   * seat it gets. @throws Outage
   */
  open(
    space: AppSpace,
    connection: DocumentConnection,
    request: OpenDocument,
  ): Promise<DocumentAnswer<DocumentSeat>>
}

export interface DocumentUsage {
  /** Of the app, in every protocol. */
  readonly connectionCount: number
  /** Open here, those in their last ten seconds included. */
  readonly documentCount: number
  /** Those that hold: the newest that any token brought. */
  readonly limits: DocumentLimits
}

/** What `/usage` asks (contract WireSocket 8). */
export interface DocumentCounts {
  /** @param limits of the token that asks. */
  usage(space: AppSpace, limits: DocumentLimits): DocumentUsage
}
