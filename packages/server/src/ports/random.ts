/** Cryptographically secure randomness as the core sees it. */
export interface Random {
  /** @returns `byteCount` fresh bytes from a CSPRNG; never reused, never shared. */
  bytes(byteCount: number): Uint8Array
  /** @returns a uniform integer in [0, 2^32). */
  uint32(): number
}
