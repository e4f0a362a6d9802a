/**
 * Answers to who publishes: JSON without exception, a refusal under every name its callers look
 * for (contract CloudSignal 8). What is refused is called as everywhere in the server.
 */
import { limitText, waitSeconds } from '../../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import type { LimitReading } from '../../ports/limit-engine.ts'
import { jsonAnswer } from '../answers.ts'
import { limitHeaders } from '../limit-headers.ts'

export interface PublishRefusal {
  readonly refusal: RefusalCode
  /** What is wrong with this very request; public. */
  readonly detail?: string | undefined
  /** Of the limit that refused. */
  readonly reading?: LimitReading
  readonly headers?: Readonly<Record<string, string>>
}

export function publishedAnswer(
  messageId: string,
  headers: Readonly<Record<string, string>>,
): Response {
  return jsonAnswer(JSON.stringify({ success: true, message_id: messageId }), 200, headers)
}

export function refusedPublish(
  { refusal, detail, reading, headers }: PublishRefusal,
  told: Readonly<Record<string, string>> = {},
): Response {
  const { status, text, retry } = REFUSALS[refusal]
  const described = reading === undefined ? (detail ?? text) : limitText(reading)
  const body = { success: false, error: refusal, error_description: described, detail: described }
  const seconds = reading === undefined ? 1 : waitSeconds(reading)
  const later = retry === 'later' ? { 'retry-after': String(seconds) } : {}
  // A body that still comes is not waited for.
  const ended = refusal === 'body_slow' ? { connection: 'close' } : {}
  return jsonAnswer(JSON.stringify(body), status, { ...later, ...ended, ...told, ...headers })
}

/**
 * @param readings of the limits a call counts for.
 * @returns the fields of the IETF, and the older ones that publishers read: how many requests are
 * left of how many, and the epoch second at which one more is.
 */
export function publishLimitHeaders(
  readings: readonly LimitReading[],
  nowMs: number,
): Readonly<Record<string, string>> {
  const [scarcest] = readings
    .filter(({ rule }) => rule.windowMs > 0 && !rule.isShadow)
    .sort((one, other) => one.remaining - other.remaining)
  if (scarcest === undefined) return {}
  const { rule, remaining, resetMs } = scarcest
  return {
    ...limitHeaders(readings),
    'x-ratelimit-limit': String(rule.quota),
    'x-ratelimit-remaining': String(Math.max(0, Math.floor(remaining))),
    'x-ratelimit-reset': String(Math.ceil((nowMs + resetMs) / 1_000)),
  }
}
