/** What is in a webhook, once it is known to be genuine. Pure. */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result } from '@lockgate/protocol/result'
import { parsePusherWebhook, type PusherWebhookEvent } from '@lockgate/protocol/webhooks/pusher'
import type { WebhookEventType } from '@lockgate/protocol/webhooks/webhook-events'
import type { ClaimedWebhook } from './webhook-form.ts'
import { refuseWebhook, type WebhookRefusal } from './webhook-refusal.ts'

export type { PusherWebhookEvent, WebhookEventType }

/** A later release may tell more than this one knows. */
type LaterName = string & {}

/** One event of the Standard form. */
export interface StandardWebhookEvent {
  readonly type: WebhookEventType | LaterName
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

/** One event of the Pusher form that this release does not know. */
export interface LaterPusherEvent {
  readonly name: LaterName
  readonly [field: string]: unknown
}

interface Verified {
  /** The same in every attempt to deliver it: handle each id once. */
  readonly id: string
  /** When it happened; of the Pusher form, when the webhook was made. */
  readonly timestamp: Date
}

export interface VerifiedPusherWebhook extends Verified {
  readonly form: 'pusher'
  readonly type: undefined
  readonly data: undefined
  readonly events: readonly (PusherWebhookEvent | LaterPusherEvent)[]
}

export interface VerifiedStandardWebhook extends Verified {
  readonly form: 'standard'
  readonly type: StandardWebhookEvent['type']
  readonly data: StandardWebhookEvent['data']
  /** The one event. */
  readonly events: readonly [StandardWebhookEvent]
}

export type VerifiedWebhook = VerifiedPusherWebhook | VerifiedStandardWebhook

const BODY_DEPTH_MAX = 64
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** To be called once the signature holds: what is in the body is the sender's word then. */
export function openWebhook({
  form,
  id,
  body,
}: ClaimedWebhook): Result<VerifiedWebhook, WebhookRefusal> {
  const text = textOf(body)
  if (text === undefined) return refuseWebhook('body_malformed')
  return form === 'pusher' ? openPusher(text, id) : openStandard(text, id)
}

function openPusher(body: string, id: string): Result<VerifiedWebhook, WebhookRefusal> {
  const parsed = parsePusherWebhook(body)
  const timestamp = new Date(parsed.ok ? parsed.value.timeMs : Number.NaN)
  if (!parsed.ok || Number.isNaN(timestamp.getTime())) return refuseWebhook('body_malformed')
  const { events } = parsed.value
  return ok({ form: 'pusher', id, timestamp, events, type: undefined, data: undefined })
}

function openStandard(body: string, id: string): Result<VerifiedWebhook, WebhookRefusal> {
  const { type, timestamp: at, data } = parseJsonObject(body, BODY_DEPTH_MAX) ?? {}
  const isFormed = typeof type === 'string' && typeof at === 'string' && isJsonObject(data)
  const timestamp = new Date(isFormed ? at : Number.NaN)
  if (!isFormed || Number.isNaN(timestamp.getTime())) return refuseWebhook('body_malformed')
  const event = { type, timestamp: at, data }
  return ok({ form: 'standard', id, timestamp, type, data, events: [event] })
}

/** @returns undefined for bytes that are not UTF-8. */
function textOf(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
