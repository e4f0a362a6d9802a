/** An error of a call to a server, with what callers may act on. No secret is in it. */

export interface AnsweredErrorDetails {
  /** HTTP status of the answer, where there was one. */
  readonly status?: number | undefined
  /** The code of the server: `event_data_large`, `insufficient_scope` ... */
  readonly refusal?: string | undefined
  readonly retryAfterMs?: number | undefined
  /** What to change, or name and code of the failure behind this one. */
  readonly reason?: string | undefined
}

export class AnsweredError<Code extends string> extends Error {
  readonly code: Code
  readonly status: number | undefined
  readonly refusal: string | undefined
  readonly retryAfterMs: number | undefined
  readonly reason: string | undefined

  constructor(code: Code, text: string, details: AnsweredErrorDetails) {
    const { status, refusal, retryAfterMs, reason } = details
    const known = [refusal, status, reason].filter((each) => each !== undefined)
    super(known.length === 0 ? text : `${text} (${known.join(', ')})`)
    this.code = code
    this.status = status
    this.refusal = refusal
    this.retryAfterMs = retryAfterMs
    this.reason = reason
  }
}
