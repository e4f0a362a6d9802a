/** What can be wrong with a log, in words for people. Codes are never reused after removal. */

export const FAULTS = {
  row_missing: 'The row is missing.',
  row_changed: 'The row was changed, or put in the place of another.',
  row_forged: 'The row carries no valid seal: it was written without the key of this server.',
  tail_cut: 'The rows from here on were cut off.',
  head_missing: 'The chain has rows and no head: its head was removed.',
  head_forged: 'The head carries no valid seal: rows were cut off or added after this one.',
  head_behind: 'The head is older than the rows: rows were added after it from here on.',
  chain_missing: 'The whole chain is gone, though a checkpoint names it: its database was emptied.',
  database_missing: 'The database is gone, though a checkpoint names it.',
  rolled_back: 'The chain ends before what a checkpoint has signed: an older copy was put back.',
  rebuilt: 'The chain was written anew: a row differs from what a checkpoint has signed.',
  checkpoint_missing: 'The checkpoint is missing.',
  checkpoint_forged: 'The signature of the checkpoint does not hold.',
  checkpoint_unlinked: 'The checkpoint does not follow the one before it.',
  checkpoint_behind: 'The checkpoint signs less than the one before it.',
  witness_forged: 'A checkpoint of the witness does not hold under the public key.',
  not_as_witnessed: 'A row differs from what the witness has: the log was written anew.',
  less_than_witnessed: 'The log ends before what the witness has: an older copy was put back.',
} as const

export type FaultCode = keyof typeof FAULTS

export interface AuditFault {
  readonly tenantId: string
  readonly database: string
  /** The first bad row; of `checkpoint_*` and `witness_forged` the checkpoint. */
  readonly seq: number
  /** Where only a range is known: it begins at `seq`, after the last row that is confirmed. */
  readonly throughSeq?: number
  readonly code: FaultCode
}
