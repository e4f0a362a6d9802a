/**
 * Answers of the data plane: JSON without exception, a refusal as `{error, message, statusCode}`
 * (contract WireSocket 8).
 */
import { type LimitRefusal, limitFields } from '../../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import { jsonAnswer } from '../answers.ts'
import { refusedHeaders } from '../limit-headers.ts'
import type { NodeLoad } from './deps.ts'

export interface DataRefusal {
  readonly refusal: RefusalCode
  /** What is wrong with this very request; public. */
  readonly detail?: string
  readonly headers?: Readonly<Record<string, string>>
}

export function dataAnswer(
  value: Readonly<Record<string, unknown>>,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonAnswer(JSON.stringify(value), status, headers)
}

export function refusedData({ refusal, detail, headers }: DataRefusal, load: NodeLoad): Response {
  const { status, text } = REFUSALS[refusal]
  const body = { error: refusal, message: detail ?? text, statusCode: status }
  const later = status === 503 ? busyHeaders(load) : {}
  return jsonAnswer(JSON.stringify(body), status, { ...later, ...headers })
}

export function limitedData({ refusal, detail, reading }: LimitRefusal): Response {
  const statusCode = 429
  const body = { error: refusal, message: detail, statusCode, ...limitFields(reading) }
  return jsonAnswer(JSON.stringify(body), statusCode, refusedHeaders(reading))
}

/** @returns what is said to those for whom there is no room. */
export function busyHeaders(load: Pick<NodeLoad, 'retryAfterSeconds'>): Record<string, string> {
  return { 'retry-after': String(load.retryAfterSeconds()) }
}
