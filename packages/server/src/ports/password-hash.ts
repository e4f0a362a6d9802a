/** A deliberately slow hash, computed off the event loop. */
export interface PasswordHash {
  /** @param text at most 72 bytes. @returns a bcrypt string. */
  hash(text: string): Promise<string>
  /** Whether `text` is what was hashed; takes as long for every answer. */
  verify(text: string, hash: string): Promise<boolean>
}
