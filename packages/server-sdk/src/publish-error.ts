/** Why an event was not published. No text and no field holds a secret, a token or the event. */
import { AnsweredError, type AnsweredErrorDetails } from './answered-error.ts'

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

export class PublishError extends AnsweredError<PublishErrorCode> {
  override readonly name = 'PublishError'

  constructor(code: PublishErrorCode, details: AnsweredErrorDetails = {}) {
    super(code, TEXTS[code], details)
  }
}

const TEXTS: Readonly<Record<PublishErrorCode, string>> = {
  request_invalid: 'The event cannot be sent as it is.',
  refused: 'The server refused the event.',
  rate_limited: 'Too much was published at once. Try again after retryAfterMs.',
  unavailable: 'The server cannot answer now; the event may have been published.',
  answer_unexpected: 'What answered is no Lockgate. Check url.',
}
