/**
 * Posts webhooks to addresses that customers chose. What {@link Fetcher} promises of URLs and
 * addresses holds here too; beside that, connections are kept for a while: one receiver gets many.
 * Adapter: node.
 */
import type { FetchRefusal } from './fetcher.ts'

/** Why there is no status. */
export type SendFailure =
  | FetchRefusal
  /** No whole answer inside {@link SEND_TIME_MS_MAX}. */
  | 'too_slow'
  /** No such name, no connection, or one that broke. */
  | 'unreachable'
  /** The certificate is not one for this name that is trusted. */
  | 'certificate_refused'
  /** Over {@link SENDS_IN_FLIGHT_MAX}. */
  | 'busy'

export type SendResult =
  | {
      readonly kind: 'answered'
      readonly status: number
      /** As it came, at most 64 characters; RFC 9110 §10.2.3. */
      readonly retryAfter: string | undefined
    }
  | { readonly kind: 'failed'; readonly failure: SendFailure }

export interface SendOrder {
  /** Connections are kept for one key and url, never shared with another. */
  readonly connectionKey: string
  readonly url: string
  /** Beside those the adapter sets. No line breaks. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Contract wSocket, part 8: from the look-up of the name to the status. */
export const SEND_TIME_MS_MAX = 10_000
/** Our bounds on an answer's body, which is read for nothing but the next use of its connection. */
export const DISCARDED_BYTES_MAX = 65_536
export const DISCARD_TIME_MS_MAX = 1_000
/** Our bound on posts at a time. */
export const SENDS_IN_FLIGHT_MAX = 512
/** A connection is used for no longer after its address was judged. */
export const CONNECTION_KEPT_MS = 30_000
/** Our bound on keys whose connections are kept. */
export const CONNECTION_KEYS_MAX = 512

export interface WebhookSender {
  /**
   * Posts once; where a kept connection turns out to be closed, again over a new one. Does not
   * throw for anything the other side does.
   */
  send(order: SendOrder): Promise<SendResult>
  /** Closes connections that were kept long enough; asked about once a second. */
  tick(): void
  /** Closes every connection. Idempotent. */
  close(): void
}
