/**
 * An outage: something we need failed. Thrown by adapters, caught only at the edge of a session, a route
 * or a command, where it becomes "unavailable". A missing row is never an outage, nor the reverse.
 */
export type OutageCode =
  | 'store_locked'
  | 'store_full'
  | 'store_readonly'
  | 'store_corrupt'
  | 'store_unavailable'
  | 'broker_unavailable'

export class Outage extends Error {
  override readonly name = 'Outage'

  /**
   * @param code stable, for logs and exit texts.
   * @param message what failed and what the operator does next; holds no secret.
   * @param options `port` names the port that failed; `retryAfterMs` when trying again may help.
   */
  constructor(
    readonly code: OutageCode,
    message: string,
    readonly options: {
      readonly port: 'store' | 'broker'
      readonly retryAfterMs?: number
      readonly cause?: unknown
    },
  ) {
    super(message, { cause: options.cause })
  }
}
