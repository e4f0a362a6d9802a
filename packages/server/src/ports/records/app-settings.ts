/** Settings of an app that belong to one part of the server: messages with history, documents. */

/** Channels whose messages are numbered, kept and replayed. */
export interface MessageSettings {
  /**
   * How long messages are kept, the first that fits decides: a pattern of channels and a time, or
   * `off`, such as `logs:** 1h`, `** 7d`. No entry: nothing is kept.
   */
  readonly history: readonly string[]
  /** Of the whole app; the oldest messages go first. */
  readonly historyBytesMax: number
  /** The largest JSON text of one message. */
  readonly messageBytesMax: number
  /** Whether publishers get their own messages. */
  readonly echo: boolean
  /** How long a member that lost its connection stays present. */
  readonly presenceGraceMs: number
  /** The most messages of one channel that a reconnect replays. */
  readonly resumeMessageCountMax: number
  /** How far back a reconnect reaches. */
  readonly resumeWindowMs: number
  /** `server`: clients are given a name of what they had; `client`: they say it themselves. */
  readonly resumeTokens: 'client' | 'server'
}

/** Documents that several edit at a time. */
export interface DocumentSettings {
  /** False: a document lives as long as somebody has it open, and ten seconds more. */
  readonly documentPersistence: boolean
  /** Of a kept document that nobody has opened; 0: for ever. */
  readonly documentRetentionDays: number
  /** The whole state of one document. */
  readonly documentBytesMax: number
  /** As `expiry`, for those who edit. */
  readonly documentExpiry: 'enforce' | 'handshake'
  /** Which close codes refused editors see: those of WireSocket, or those that make them stop. */
  readonly documentCloseCodes: 'wiresocket' | 'http'
  /** Whether an origin that may not connect sees status 403, or close code 4003. */
  readonly documentOriginRefusal: 'http' | 'close'
}
