/** Answers of the administration: JSON, never kept by anybody, refusals as RFC 9457 problems. */
import { limitFields } from '../../core/limits/limit-refusal.ts'
import type { LimitReading } from '../../ports/limit-engine.ts'
import { refusedHeaders } from '../limit-headers.ts'
import { ADMIN_REFUSALS, type AdminRefusalCode } from '../../core/admin-refusals.ts'

/** ASVS 14.3.2: an answer may hold a secret. */
export const ANSWER_HEADERS = { 'cache-control': 'no-store' }
const RETRY_AFTER_SECONDS = '1'

export function resultAnswer(value: unknown, status: number): Response {
  return jsonTextAnswer(JSON.stringify(value), status)
}

/** @param text JSON. */
export function jsonTextAnswer(text: string, status: number): Response {
  const headers = { ...ANSWER_HEADERS, 'content-type': 'application/json' }
  return new Response(text, { status, headers })
}

export interface ProblemDetail {
  readonly detail?: string | undefined
  /** What is wrong with each field. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
  readonly headers?: Readonly<Record<string, string>>
  /** Of a limit that refused. */
  readonly limit?: LimitReading | undefined
}

export function problemAnswer(code: AdminRefusalCode, more: ProblemDetail = {}): Response {
  const { status, text, retry } = ADMIN_REFUSALS[code]
  const body = {
    type: 'about:blank', // RFC 9457 §4.2.1: the status says it all, `code` says it exactly
    title: text,
    status,
    code,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    ...(more.errors === undefined ? {} : { errors: more.errors }),
    ...(more.limit === undefined ? {} : limitFields(more.limit)),
  }
  const later = retry === 'later' ? { 'retry-after': RETRY_AFTER_SECONDS } : {}
  // A body that still comes is not waited for.
  const ended = code === 'body_slow' ? { connection: 'close' } : {}
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer realm="lockgate"' } : {}
  const headers = {
    ...ANSWER_HEADERS,
    'content-type': 'application/problem+json',
    ...later,
    ...(more.limit === undefined ? {} : refusedHeaders(more.limit)),
    ...ended,
    ...challenge,
  }
  return new Response(JSON.stringify(body), { status, headers: { ...headers, ...more.headers } })
}
