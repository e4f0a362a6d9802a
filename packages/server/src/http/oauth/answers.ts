/** Answers of the OAuth endpoints: JSON that nobody keeps (RFC 6749 §5.1), errors as in §5.2. */
import { REFUSALS } from '../../core/refusals.ts'
import type { ReadParameters } from './parameters.ts'

/** The status of each error (contract 3.4): 401 where the seed's clients expect it. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  /** RFC 6749 §5.2 says 400; clients of the seed look for 401 to begin anew with the secret. */
  invalid_grant: 401,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  unsupported_token_type: 400,
  access_denied: 403,
  slow_down: 429,
  temporarily_unavailable: 503,
} as const satisfies Record<string, number>

export type OauthError = keyof typeof OAUTH_ERRORS

const HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  pragma: 'no-cache',
}
const RETRY_AFTER_SECONDS = '1'

/** @param body JSON text. */
export function oauthAnswer(
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { headers: { ...HEADERS, ...headers } })
}

/**
 * @param description public; of the characters §5.2 allows.
 * @param headers in addition to the usual ones.
 */
export function oauthError(
  error: OauthError,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const status = OAUTH_ERRORS[error]
  return errorAnswer({ error, description, status }, headers)
}

/** @returns what to say of a body that was not read, in the words RFC 6749 §5.2 has for it. */
export function unreadAnswer(unread: Exclude<ReadParameters, { ok: true }>): Response {
  const { refusal, detail } = unread
  if (refusal === 'invalid_request') return oauthError(refusal, detail ?? '')
  const { status, text } = REFUSALS[refusal]
  // A body that still comes is not waited for.
  const headers = refusal === 'body_slow' ? { connection: 'close' } : {}
  const error = 'invalid_request'
  return errorAnswer({ error, description: detail ?? text, status }, headers)
}

function errorAnswer(
  told: { readonly error: OauthError; readonly description: string; readonly status: number },
  headers: Readonly<Record<string, string>>,
): Response {
  const { error, description, status } = told
  const body = JSON.stringify({ error, error_description: description })
  const later = error === 'temporarily_unavailable' ? { 'retry-after': RETRY_AFTER_SECONDS } : {}
  return new Response(body, { status, headers: { ...HEADERS, ...later, ...headers } })
}
