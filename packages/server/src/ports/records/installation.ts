/** Small records of the installation as a whole, in the control database. */

/** A random key of the installation, sealed under the master key; made once, never shown. */
export interface InstallationKeyRecord {
  /** `fingerprint`, `refresh`, `audit-seal`, `audit-sign`, ... */
  readonly name: string
  /** Base64 of what `credentials/sealing.ts` wrote. */
  readonly sealed: string
  readonly createdAtMs: number
}

/** The answer a repeated administrative call gets again (`Idempotency-Key`). */
export interface IdempotencyRecord {
  /** The operator key's credential id and the header, joined by `/`. */
  readonly id: string
  /** Keyed hash in hex of operation and input: another request under the same key is refused. */
  readonly requestHash: string
  /** `running` without an answer: the process ended in the middle. */
  readonly state: 'running' | 'done'
  readonly status: number
  /** Sealed: an answer may hold a secret that is shown once. Empty while running. */
  readonly sealedAnswer: string
  readonly createdAtMs: number
}
