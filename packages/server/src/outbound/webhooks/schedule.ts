/**
 * When a delivery that failed is tried again, and when it is given up. Pure but for the random
 * port. Contract wSocket, part 8, for the Standard form; contract Sockudo 1H.1 for Pusher's.
 */
import type { Random } from '../../ports/random.ts'
import type { WebhookFormat } from '../../ports/records/webhook.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** After each attempt that failed; after the one more, it is given up. */
export const STANDARD_DELAYS_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  HOUR_MS,
  6 * HOUR_MS,
] as const

/** "For 5 min": from when it was made to the last attempt. */
export const PUSHER_WINDOW_MS = 5 * MINUTE_MS
const PUSHER_DELAY_MS_MIN = SECOND_MS
const PUSHER_DELAY_MS_MAX = MINUTE_MS

/** Ours: what fails together is not to come back together. */
const JITTER = 0.25
const UINT32_COUNT = 2 ** 32

/** Our bounds on what a receiver may ask for with `Retry-After`. */
const RETRY_AFTER_MS_MIN = SECOND_MS
const RETRY_AFTER_MS_MAX = HOUR_MS
/** How long an endpoint is left alone that says it has too much to do, and not for how long. */
const SLOW_DOWN_MS = 10 * SECOND_MS

/** No delivery is due later than so long after it was written; a clock set back could do it. */
export const DELAY_MS_MAX = (1 + JITTER) * 6 * HOUR_MS + RETRY_AFTER_MS_MAX

export interface FailedAttempt {
  readonly format: WebhookFormat
  /** This one included. */
  readonly attemptCount: number
  /** Since it was made. */
  readonly ageMs: number
  /** Asked for by the receiver, inside its bounds. */
  readonly retryAfterMs: number | undefined
}

/** @returns how long to wait; undefined: it is given up. */
export function nextDelayMs(failed: FailedAttempt, random: Random): number | undefined {
  return failed.format === 'standard'
    ? standardDelayMs(failed, random)
    : pusherDelayMs(failed, random)
}

function standardDelayMs(failed: FailedAttempt, random: Random): number | undefined {
  const baseMs = STANDARD_DELAYS_MS[failed.attemptCount - 1]
  if (baseMs === undefined) return undefined
  return Math.max(withJitter(baseMs, random), failed.retryAfterMs ?? 0)
}

function pusherDelayMs(failed: FailedAttempt, random: Random): number | undefined {
  const leftMs = PUSHER_WINDOW_MS - failed.ageMs
  if (leftMs <= 0) return undefined
  const baseMs = Math.min(PUSHER_DELAY_MS_MIN * 2 ** (failed.attemptCount - 1), PUSHER_DELAY_MS_MAX)
  // The last attempt is at the end of the window and not a little after it.
  return Math.min(Math.max(withJitter(baseMs, random), failed.retryAfterMs ?? 0), leftMs)
}

/**
 * How long an endpoint as a whole gets nothing after such an answer. Standard Webhooks: "429, 502
 * and 504 ... throttle".
 * @returns 0 where the answer asks for nothing.
 */
export function pauseMs(status: number, retryAfterMs: number | undefined): number {
  if (retryAfterMs !== undefined) return retryAfterMs
  return status === 429 || status === 502 || status === 504 ? SLOW_DOWN_MS : 0
}

/**
 * Reads `Retry-After`, RFC 9110 §10.2.3: seconds or a date.
 * @param text untrusted. @returns undefined for what is neither; else inside our bounds.
 */
export function readRetryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const seconds = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : undefined
  const askedMs = seconds === undefined ? Date.parse(text) - nowMs : seconds * SECOND_MS
  if (Number.isNaN(askedMs)) return undefined
  return Math.min(Math.max(askedMs, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX)
}

/** @returns between `baseMs` and a quarter more. */
export function withJitter(baseMs: number, random: Random): number {
  return Math.round(baseMs * (1 + (JITTER * random.uint32()) / UINT32_COUNT))
}
