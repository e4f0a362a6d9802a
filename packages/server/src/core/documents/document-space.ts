/** What is alive of the documents of one app. State only. */
import type { DocumentRoom } from './document-room.ts'
import type { DocumentLimits } from './documents.ts'

export class DocumentSpace {
  /** By name; those that load and those in their last seconds included. */
  readonly rooms = new Map<string, DocumentRoom>()
  #limits: DocumentLimits | undefined

  /**
   * Of two tokens that differ the newer counts (contract WireSocket 8), for the one that comes with
   * the older too. Lasts as long as the app is live here.
   * @returns the limits that hold.
   */
  newest(limits: DocumentLimits): DocumentLimits {
    if (this.#limits === undefined || limits.issuedAtMs >= this.#limits.issuedAtMs) {
      this.#limits = limits
    }
    return this.#limits
  }
}
