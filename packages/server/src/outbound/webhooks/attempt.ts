/**
 * One attempt of a delivery: whether it may be made now, who signs it, and what it leads to. Every
 * question is asked at the moment of sending: endpoints, secrets and limits may have changed since
 * the delivery was queued.
 */
import { admitApp, type EndpointEntry } from '../../credentials/app-directory.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import type { SendResult, WebhookSender } from '../../ports/webhook-sender.ts'
import { nextDelayMs, pauseMs, readRetryAfterMs } from './schedule.ts'
import { signedHeaders } from './signed-headers.ts'
import { signingKeysOf } from './signing-keys.ts'

/**
 * Whether a retry may be made now, by the limit `webhook_retries.endpoint`.
 * @returns how long to wait; 0: it may.
 */
export type AskRetry = (entry: EndpointEntry) => number

export interface AttemptDeps {
  readonly sender: Pick<WebhookSender, 'send'>
  readonly clock: Pick<Clock, 'nowMs'>
  readonly random: Random
  readonly askRetry: AskRetry
}

export type AttemptResult =
  /** It was not sent, and is to wait so long; `isForAll`: and so is everything of its endpoint. */
  | { readonly kind: 'postponed'; readonly waitMs: number; readonly isForAll: boolean }
  | { readonly kind: 'delivered'; readonly answer: string }
  | {
      readonly kind: 'failed'
      /** HTTP status, or why there is none. */
      readonly answer: string
      /** Undefined: it is given up. */
      readonly delayMs: number | undefined
      /** How long the endpoint as a whole is left alone. */
      readonly pauseMs: number
      /** It answered that it wants nothing any more. */
      readonly isGone: boolean
    }

/** Nothing can sign now: it is looked at again then. */
const NO_KEY_WAIT_MS = 30_000

/** What the npm package of Pusher compares exactly, without a charset. */
const CONTENT_TYPE = { 'content-type': 'application/json' }

export function isServed({ loaded, endpoint }: EndpointEntry, nowMs: number): boolean {
  return endpoint.disabled === undefined && admitApp(loaded, nowMs).ok
}

/** @param ageMs since it was made, by the time that never goes back. */
export async function makeAttempt(
  entry: EndpointEntry,
  { delivery, ageMs }: { readonly delivery: WebhookDeliveryRecord; readonly ageMs: number },
  deps: AttemptDeps,
): Promise<AttemptResult> {
  const { endpoint, loaded } = entry
  const { id, body } = delivery
  const waitMs = delivery.attemptCount === 0 ? 0 : deps.askRetry(entry)
  if (waitMs > 0) return { kind: 'postponed', waitMs, isForAll: false }
  const nowMs = deps.clock.nowMs()
  const keys = signingKeysOf(loaded, endpoint, nowMs)
  if (keys === undefined) {
    return { kind: 'postponed', waitMs: NO_KEY_WAIT_MS, isForAll: true }
  }
  const result = await deps.sender.send({
    connectionKey: endpoint.id,
    url: endpoint.url,
    headers: { ...CONTENT_TYPE, ...signedHeaders(keys, { id, body, nowMs }) },
    body,
  })
  if (result.kind === 'answered' && result.status >= 200 && result.status < 300) {
    return { kind: 'delivered', answer: String(result.status) }
  }
  return failureOf(result, { entry, delivery, ageMs }, deps)
}

function failureOf(
  result: SendResult,
  {
    entry,
    delivery,
    ageMs,
  }: {
    readonly entry: EndpointEntry
    readonly delivery: WebhookDeliveryRecord
    readonly ageMs: number
  },
  { clock, random }: AttemptDeps,
): AttemptResult {
  const { format } = entry.endpoint
  const status = result.kind === 'answered' ? result.status : 0
  const retryAfter = result.kind === 'answered' ? result.retryAfter : undefined
  const retryAfterMs = readRetryAfterMs(retryAfter, clock.nowMs())
  // Pusher's receivers know no such answer: "any non-2xx" is tried again.
  const isGone = status === 410 && format === 'standard'
  const attemptCount = delivery.attemptCount + 1
  const delayMs = nextDelayMs({ format, attemptCount, ageMs, retryAfterMs }, random)
  return {
    kind: 'failed',
    answer: result.kind === 'answered' ? String(status) : result.failure,
    delayMs: isGone ? undefined : delayMs,
    pauseMs: pauseMs(status, retryAfterMs),
    isGone,
  }
}
