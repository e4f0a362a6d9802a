/** Why an event was not published. No text and no field holds a secret, a token or the event. */

/**
 * `request_invalid`: it cannot be sent as it is, and was not. `refused`: the server says no, see
 * `refusal`. `rate_limited`: too much at once; nothing was published. `unavailable`: no answer, or
 * one that asks to come later; it may have been published. `answer_unexpected`: whatever answered
 * is no Lockgate.
 */
export type PublishErrorCode =
  | 'request_invalid'
  | 'refused'
  | 'rate_limited'
  | 'unavailable'
  | 'answer_unexpected'

export interface PublishErrorDetails {
  /** HTTP status of the answer, where there was one. */
  readonly status?: number | undefined
  /** The code of the server: `event_data_large`, `unauthenticated` ... */
  readonly refusal?: string | undefined
  readonly retryAfterMs?: number | undefined
  /** What to change, or name and code of the failure behind this one. */
  readonly reason?: string | undefined
}

export class PublishError extends Error {
  override readonly name = 'PublishError'
  readonly code: PublishErrorCode
  readonly status: number | undefined
  readonly refusal: string | undefined
  readonly retryAfterMs: number | undefined
  readonly reason: string | undefined

  constructor(code: PublishErrorCode, details: PublishErrorDetails = {}) {
    const { status, refusal, retryAfterMs, reason } = details
    const known = [refusal, status, reason].filter((each) => each !== undefined)
    super(known.length === 0 ? TEXTS[code] : `${TEXTS[code]} (${known.join(', ')})`)
    this.code = code
    this.status = status
    this.refusal = refusal
    this.retryAfterMs = retryAfterMs
    this.reason = reason
  }
}

const TEXTS: Readonly<Record<PublishErrorCode, string>> = {
  request_invalid: 'The event cannot be sent as it is.',
  refused: 'The server refused the event.',
  rate_limited: 'Too much was published at once. Try again after retryAfterMs.',
  unavailable: 'The server cannot answer now; the event may have been published.',
  answer_unexpected: 'What answered is no Lockgate. Check url.',
}
