/**
 * Why there is no token, and what went on although something failed. No text and no field here
 * holds a secret or a token: only codes, and names of errors.
 */

/**
 * `invalid_client`: the server knows none of the secrets. `access_denied`: no plan, or the app or
 * its tenant is disabled. `request_refused`: another answer of RFC 6749 §5.2, see `oauthError`.
 * `unavailable`: no answer, or one that asks to come later. `answer_unexpected`: whatever answered
 * is no token endpoint. `secrets_unavailable`: `fetchSecrets` failed or gave no secret. `busy`:
 * another instance is renewing the token and did not end in time.
 */
export type TokenErrorCode =
  | 'invalid_client'
  | 'access_denied'
  | 'request_refused'
  | 'unavailable'
  | 'answer_unexpected'
  | 'secrets_unavailable'
  | 'busy'

export interface TokenErrorDetails {
  /** HTTP status of the answer, where there was one. */
  readonly status?: number | undefined
  /** The `error` of RFC 6749 §5.2. */
  readonly oauthError?: string | undefined
  /** How long the keeper will not ask the server again. */
  readonly retryAfterMs?: number | undefined
  /** Name and code of the failure behind this one. */
  readonly reason?: string | undefined
}

export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode
  readonly status: number | undefined
  readonly oauthError: string | undefined
  readonly retryAfterMs: number | undefined
  readonly reason: string | undefined

  constructor(code: TokenErrorCode, details: TokenErrorDetails = {}) {
    const { status, oauthError, retryAfterMs, reason } = details
    const known = [oauthError, status, reason].filter((each) => each !== undefined)
    super(known.length === 0 ? TEXTS[code] : `${TEXTS[code]} (${known.join(', ')})`)
    this.code = code
    this.status = status
    this.oauthError = oauthError
    this.retryAfterMs = retryAfterMs
    this.reason = reason
  }
}

const TEXTS: Readonly<Record<TokenErrorCode, string>> = {
  invalid_client: 'The token endpoint accepts none of the client secrets.',
  access_denied: 'The app gets no token: no active plan, or it or its tenant is disabled.',
  request_refused: 'The token endpoint refused the request.',
  unavailable: 'The token endpoint cannot answer now.',
  answer_unexpected: 'What answered is no token endpoint.',
  secrets_unavailable: 'fetchSecrets gave no client secret.',
  busy: 'Another instance is renewing the token and did not end in time.',
}

/**
 * `cache_unavailable`: the keeper goes on with what it has in memory. `cache_unreadable`: what is
 * kept was sealed with another key or is no entry; it is replaced. `family_ended`: the refresh
 * token was refused, so secrets are fetched again. `older_secret_used`: the newest was refused;
 * `index` says which of the list is still valid. `renewal_failed`: the token in hand is used until
 * it expires.
 */
export type TokenWarning =
  | { readonly code: 'cache_unavailable'; readonly reason: string }
  | { readonly code: 'cache_unreadable' }
  | { readonly code: 'family_ended' }
  | { readonly code: 'older_secret_used'; readonly index: number }
  | { readonly code: 'renewal_failed'; readonly error: TokenError }
