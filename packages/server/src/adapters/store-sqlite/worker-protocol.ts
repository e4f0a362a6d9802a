/**
 * What the store and its database Worker say to each other. Every request gets exactly one reply
 * with its id, in the order of the requests. Both travel as JSON text: for the many small
 * statements of a commit that takes a third of what cloning objects between threads takes. Bytes
 * in it travel beside the text (`worker-bytes.ts`).
 */

/** What may be bound to a parameter or come back in a column. */
export type SqlValue = string | number | null | Uint8Array

/** The place of a database in the list of the `open` request. */
export type DatabaseIndex = number

/** The number of an SQL text, and what is bound to it. */
export type NumberedStatement = readonly [textNumber: number, parameters: readonly SqlValue[]]

/** `FULL`: a commit survives the loss of power. `NORMAL`: it survives the end of the process. */
export type Synchronous = 'FULL' | 'NORMAL'

export type WorkerRequest =
  /** Takes the directory and opens the files. */
  | {
      readonly kind: 'open'
      /** Undefined: another Worker of this process holds the directory. */
      readonly lockFile: string | undefined
      readonly files: readonly string[]
      readonly synchronous: Synchronous
    }
  /** Runs statements up to the first that fails. */
  | {
      readonly kind: 'run'
      readonly database: DatabaseIndex
      /** SQL texts that no request before this one has used, with their numbers. */
      readonly texts: readonly (readonly [textNumber: number, sql: string])[]
      readonly statements: readonly NumberedStatement[]
    }
  /** Ends the open transaction if there is one; a failed statement may already have ended it. */
  | { readonly kind: 'rollback'; readonly database: DatabaseIndex }
  | { readonly kind: 'close' }

export interface StatementAnswer {
  readonly rows: readonly Readonly<Record<string, SqlValue>>[]
  /** Rows inserted, updated or deleted. */
  readonly changeCount: number
}

export interface WorkerFailure {
  /** The file it happened on, as it was named in `open`. */
  readonly file: string
  /** SQLite's extended result code; undefined when SQLite did not raise it. */
  readonly resultCode: number | undefined
  readonly message: string
}

export interface WorkerReply {
  readonly id: number
  /** Of the statements that ran, in their order; the next one is what failed. */
  readonly answers: readonly StatementAnswer[]
  readonly failure?: WorkerFailure
  /** Given with a failure of `run`: whether a transaction is still open. */
  readonly isTransactionOpen?: boolean
}
