/** The audit log: one hash chain per tenant and database (`credentials/audit`). */

export interface AuditRow {
  /** `-` for what concerns the installation. */
  readonly tenantId: string
  /** 1, 2, ... without gaps inside tenant and database. */
  readonly seq: number
  readonly atMs: number
  /** Canonical JSON of an `AuditEntry`; hashed as these very bytes. */
  readonly entry: string
  /** SHA-256 in hex over the previous hash and this row. */
  readonly hash: string
  /** HMAC in hex of the hash under the audit key, so that a rebuilt chain does not pass. */
  readonly seal: string
}

export interface AuditHead {
  readonly tenantId: string
  readonly seq: number
  readonly hash: string
  readonly seal: string
}

/** How far a witness has the checkpoints of a tenant. Control database. */
export interface WitnessedRecord {
  /** {@link Witness.name}. */
  readonly witness: string
  readonly tenantId: string
  /** Of the last checkpoint it has; it has all before it too. */
  readonly seq: number
}

/** Signed over the heads of a tenant in all databases at one time. Control database. */
export interface AuditCheckpoint {
  readonly tenantId: string
  /** 1, 2, ... inside the tenant. */
  readonly seq: number
  readonly atMs: number
  /** Canonical JSON: heads by database code, and the hash of the checkpoint before. */
  readonly body: string
  /** Ed25519 over `body`, base64url. */
  readonly signature: string
  /** Names the public key in the installation's list. */
  readonly keyId: string
}
