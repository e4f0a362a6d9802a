/**
 * The socket below a stream, as far as it is used: Bun's, or one that a test makes. Bun keeps no
 * byte of what it did not take.
 */
export interface StreamSocket {
  /** @returns the bytes that were taken; below zero when the socket is gone. */
  write(bytes: Uint8Array): number
  /** Sends FIN; the peer can still be read. */
  shutdown(): void
  end(): void
  terminate(): void
  pause(): void
  resume(): void
}
