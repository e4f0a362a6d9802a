/**
 * What the store and its database Worker say to each other. Values only; every request gets exactly
 * one reply with its id, in the order of the requests.
 */

/** What may be bound to a parameter or come back in a column. */
export type SqlValue = string | number | null | Uint8Array

export type WorkerRequest =
  | { readonly kind: 'open'; readonly lockFile: string; readonly controlFile: string }
  | { readonly kind: 'query'; readonly sql: string; readonly parameters: readonly SqlValue[] }
  /** Ends the open transaction if there is one; a failed statement may already have ended it. */
  | { readonly kind: 'rollback' }
  | { readonly kind: 'close' }

export interface WorkerAnswer {
  readonly rows: readonly Readonly<Record<string, SqlValue>>[]
  /** Rows inserted, updated or deleted. */
  readonly changeCount: number
}

export interface WorkerFailure {
  /** `directory_lock`: taking the data directory; `control`: everything on control.db. */
  readonly on: 'directory_lock' | 'control'
  /** SQLite's extended result code; undefined when SQLite did not raise it. */
  readonly resultCode: number | undefined
  readonly message: string
}

export type WorkerReply =
  | { readonly id: number; readonly answer: WorkerAnswer }
  | { readonly id: number; readonly failure: WorkerFailure }
