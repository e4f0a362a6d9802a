/**
 * HTTP answers our code makes: small JSON, never cached, a refusal always in the same shape.
 * Security headers are not their business: `security-headers.ts` has them for every answer.
 */
import { limitFields, type LimitRefusal } from '../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../core/refusals.ts'
import type { Asset } from '../ports/asset.ts'
import { refusedHeaders } from './limit-headers.ts'

const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }

/**
 * @param body JSON text.
 * @param headers in addition to the usual ones.
 */
export function jsonAnswer(
  body: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { ...JSON_HEADERS, ...headers } })
}

/** @returns a file as it is; browsers ask each time whether it has changed. */
export function assetAnswer({ contentType, bytes }: Asset): Response {
  return new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': contentType, 'cache-control': 'no-cache' },
  })
}

/**
 * @param detail what is wrong with this very request; public.
 * @param headers in addition to the usual ones.
 */
export function refusedAnswer(
  refusal: RefusalCode,
  detail?: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status, text, retry } = REFUSALS[refusal]
  const body = JSON.stringify({ error: detail ?? text, code: refusal, status })
  const later = retry === 'later' ? { 'retry-after': RETRY_AFTER_SECONDS } : {}
  // A body that still comes is not waited for.
  const ended = refusal === 'body_slow' ? { connection: 'close' } : {}
  return new Response(body, {
    status,
    headers: { ...JSON_HEADERS, ...later, ...ended, ...headers },
  })
}

/** @returns what a limit refuses with: which, of what, how much, and when it is free again. */
export function limitedAnswer({ refusal, detail, reading }: LimitRefusal): Response {
  const body = { error: detail, code: refusal, status: LIMITED_STATUS, ...limitFields(reading) }
  const headers = { ...JSON_HEADERS, ...refusedHeaders(reading) }
  return new Response(JSON.stringify(body), { status: LIMITED_STATUS, headers })
}

/** RFC 6585 §4. */
const LIMITED_STATUS = 429
const RETRY_AFTER_SECONDS = '1'
