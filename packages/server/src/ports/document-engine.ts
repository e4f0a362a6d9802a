/**
 * Applies, merges and diffs documents, off the event loop: what a client sends may be large,
 * malformed or made to be slow. Holds the state of every open document; a document that is not
 * edited costs its bytes and no more. The adapter is Yjs in a Worker.
 */

export type DocumentOutcome =
  /**
   * It brought something new. `update` is what others need: what came, or its new part with what
   * had waited for it. `byteCount` is that of the whole state afterwards, never less than it has.
   */
  | { readonly kind: 'applied'; readonly update: Uint8Array; readonly byteCount: number }
  /** Everything in it was known. */
  | { readonly kind: 'known' }
  /** It builds on something that is not there yet; kept, within a bound, until that comes. */
  | { readonly kind: 'pending' }
  /** Nothing of it was applied. */
  | { readonly kind: 'refused'; readonly refusal: 'update_malformed' | 'document_large' }

export interface DocumentTerms {
  /** Of the merged state; an update that would pass it is refused whole. */
  readonly stateBytesMax: number
  /** Of updates that wait for others. */
  readonly pendingBytesMax: number
}

export interface DocumentEngine {
  /**
   * Begins to hold a document. Calls for one document are carried out in order.
   * @param id unique; until {@link close} it names the document in every call.
   * @param updates what is kept of it, a state first. @throws Outage
   */
  open(id: string, updates: readonly Uint8Array[], terms: DocumentTerms): Promise<void>
  /**
   * Applies updates one after the other, each whole or not at all; calls of one turn share a trip.
   * @returns an outcome for each of the first ones, in order, one at least: the rest was not looked
   * at, because one was refused or they take long, and is to be offered again. @throws Outage when
   * the engine was lost: whatever it held is gone, and documents have to be opened anew.
   */
  apply(id: string, updates: readonly Uint8Array[]): Promise<readonly DocumentOutcome[]>
  /** @returns the state vector. @throws Outage */
  stateVector(id: string): Promise<Uint8Array>
  /**
   * @param stateVector of a peer, not trusted.
   * @returns what the peer lacks (sync step 2). Pending ones are not in it: nobody can tell yet
   * whether they can be applied; they are told when what they wait for comes. @throws Outage
   */
  diff(id: string, stateVector: Uint8Array): Promise<Uint8Array | 'malformed'>
  /** @returns the whole state as one compact update, pending ones included. @throws Outage */
  state(id: string): Promise<Uint8Array>
  /** Forgets a document. Idempotent. */
  close(id: string): void
  /**
   * Tells whenever the engine was lost with every open document; it starts anew with the next
   * {@link open}.
   */
  onLost(listener: () => void): void
  /** Ends the engine. */
  stop(): Promise<void>
}
