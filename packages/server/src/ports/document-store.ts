/**
 * Documents that are kept: each a state and the updates since. One of these per region, in a file
 * of its own. It survives `kill -9` (`synchronous=NORMAL`). Bytes are opaque here. Adapters: memory
 * and SQLite; the contract suite is `test/contract/document-store.ts`.
 */

/** An append says as well that somebody has it open, at most this often. */
export const OPENED_NOTE_MS = 3_600_000

export interface DocumentKey {
  readonly appId: string
  /** `[A-Za-z0-9_-]{1,255}` */
  readonly name: string
}

export interface StoredDocument {
  /** Undefined: it was never compacted. */
  readonly state: Uint8Array | undefined
  /** In the order they were appended. */
  readonly updates: readonly Uint8Array[]
  /** Of the last update; pass it to {@link DocumentStore.compact}. 0: there is none. */
  readonly lastNumber: number
}

export interface DocumentSummary {
  readonly name: string
  readonly byteCount: number
  readonly updateCount: number
  readonly createdAtMs: number
  readonly openedAtMs: number
}

export interface DocumentStore {
  /**
   * Calls are carried out in the order they were made; those that wait together share a commit.
   * @param nowMs epoch; a document that was not there is made.
   * @returns the number of each, in order, once they survive `kill -9`; numbers of one document
   * rise. @throws Outage when none was written.
   */
  append(
    updates: readonly { readonly key: DocumentKey; readonly update: Uint8Array }[],
    nowMs: number,
  ): Promise<readonly number[]>
  /** Notes that somebody opened it. @returns undefined where nothing is kept. @throws Outage */
  load(key: DocumentKey, nowMs: number): Promise<StoredDocument | undefined>
  /**
   * Puts `state` in the place of the state and of all updates up to and including `upToNumber`;
   * later updates stay. Does nothing for a document that has been removed. @throws Outage
   */
  compact(key: DocumentKey, upToNumber: number, state: Uint8Array): Promise<void>
  /** Idempotent. @throws Outage */
  remove(key: DocumentKey): Promise<void>
  /** Idempotent. @throws Outage */
  removeApp(appId: string): Promise<void>
  /** By name, after `after`. @throws Outage */
  list(page: {
    readonly appId: string
    readonly after: string | undefined
    readonly countMax: number
  }): Promise<readonly DocumentSummary[]>
  /** Removes at most `countMax` that nobody has opened since. @returns how many. @throws Outage */
  prune(of: {
    readonly appId: string
    readonly openedBeforeMs: number
    readonly countMax: number
  }): Promise<number>
}
