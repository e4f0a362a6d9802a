/**
 * An outage: something we need failed. Thrown by adapters, caught only at the edge of a session, a
 * route or a command, where it becomes "unavailable". A missing row is never an outage, nor the
 * reverse.
 */
export type OutageCode =
  | 'store_locked'
  | 'store_full'
  | 'store_readonly'
  | 'store_corrupt'
  | 'store_unavailable'
  | 'broker_unavailable'
  | 'witness_unavailable'
  | 'fetch_unavailable'
  | 'mail_unavailable'
  | 'documents_unavailable'

export type OutagePort = 'store' | 'broker' | 'witness' | 'fetcher' | 'mailer' | 'documents'

export class Outage extends Error {
  override readonly name = 'Outage'
  readonly code: OutageCode
  readonly port: OutagePort
  /** Given when trying again may help. */
  readonly retryAfterMs: number | undefined

  /**
   * @param code stable, for logs and exit texts.
   * @param message what failed and what the operator does next; holds no secret.
   */
  constructor(
    code: OutageCode,
    message: string,
    options: {
      readonly port: OutagePort
      readonly retryAfterMs?: number
      readonly cause?: unknown
    },
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.port = options.port
    this.retryAfterMs = options.retryAfterMs
  }
}
