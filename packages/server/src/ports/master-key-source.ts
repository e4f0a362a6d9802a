/** Where the master key comes from: a file, a command, or a value that was given. */
export interface MasterKeySource {
  readonly kind: 'file' | 'command' | 'value' | 'memory'
  /** @returns the text as it is now. @throws Outage or a start problem when it cannot be had. */
  read(): Promise<string>
  /**
   * Puts `text` in the place of what is there, so that a crash leaves the old or the new text
   * whole. Undefined where only the operator can change it.
   */
  readonly write: ((text: string) => Promise<void>) | undefined
}
