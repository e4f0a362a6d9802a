/**
 * Where open documents are: each is in one region at a time, so that its editors meet. Core keeps a
 * pin fresh while the document is open; what nobody keeps fresh runs out, so a node that crashed
 * frees its own.
 *
 * The adapter is memory, for one process. One that several nodes share is made with the name of its
 * node and notes who holds a pin: it lasts until each of them has let go or run out. Its regions
 * are alive as long as one of their nodes renews anything; nodes without documents say so with an
 * empty renewal. Calls of one node are carried out in the order they were made.
 */

export interface DocumentPin {
  /** `tenant::app::name` */
  readonly key: string
  /** Code of a WebSocket region. */
  readonly region: string
}

export interface DocumentPins {
  /**
   * Pins a document that is not, for `ttlMs`; atomic over all nodes.
   * @returns the region that has it now. @throws Outage
   */
  claim(pin: DocumentPin, ttlMs: number): Promise<string>
  /**
   * As {@link claim} for documents that are open.
   * @returns those that another region has by now. @throws Outage
   */
  renew(pins: readonly DocumentPin[], ttlMs: number): Promise<readonly DocumentPin[]>
  /** Idempotent; does nothing where another region has it. @throws Outage */
  release(pin: DocumentPin): Promise<void>
  /** @returns undefined for a document that is nowhere open. @throws Outage */
  find(key: string): Promise<string | undefined>
}
