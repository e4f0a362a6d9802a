/**
 * Answers of the token service: JSON without exception, as SDKs parse before they look at the
 * status. What a refusal is called decides what kind of error an SDK makes of it (contract
 * CloudSignal 2.1), so each is in this table.
 */
import { limitText } from '../../core/limits/limit-refusal.ts'
import type { LimitReading } from '../../ports/limit-engine.ts'
import { refusedHeaders } from '../limit-headers.ts'

export const SERVICE_ERRORS = {
  invalid_request: 422,
  missing_claim: 422,
  integration_not_found: 422,
  invalid_secret_key: 401,
  unauthorized: 401,
  invalid_token: 401,
  token_expired: 401,
  token_revoked: 401,
  insufficient_scope: 403,
  limit_exceeded: 403,
  organization_disabled: 403,
  origin_refused: 403,
  organization_not_found: 404,
  provider_not_found: 404,
  token_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  body_slow: 408,
  body_large: 413,
  media_type_unsupported: 415,
  rate_limited: 429,
  internal: 500,
  provider_unavailable: 503,
  unavailable: 503,
} as const satisfies Record<string, number>

export type ServiceError = keyof typeof SERVICE_ERRORS

/** What a call is refused with. */
export interface ServiceRefusal {
  readonly error: ServiceError
  /** Public; never what was sent. */
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const RETRY_AFTER_SECONDS = '1'

export function refusal(
  error: ServiceError,
  description: string,
  headers?: Readonly<Record<string, string>>,
): ServiceRefusal {
  return { error, description, ...(headers === undefined ? {} : { headers }) }
}

/** @returns what a limit refuses with: which, and when it is free again. */
export function limitRefusal(reading: LimitReading): ServiceRefusal {
  return refusal('rate_limited', limitText(reading), refusedHeaders(reading))
}

/** @param body plain JSON. */
export function serviceAnswer(body: unknown, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(body), { headers: { ...HEADERS, ...headers } })
}

/**
 * The text stands under each name a client looks for it: `error_description`, `detail` (a string,
 * never a list), and `message` of the older form.
 */
export function refusalAnswer({ error, description, headers = {} }: ServiceRefusal): Response {
  const status = SERVICE_ERRORS[error]
  const body = { error, error_description: description, detail: description, message: description }
  const later = status === 503 ? { 'retry-after': RETRY_AFTER_SECONDS } : {}
  // A body that still comes is not waited for.
  const ended = error === 'body_slow' ? { connection: 'close' } : {}
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...HEADERS, ...later, ...ended, ...headers },
  })
}
