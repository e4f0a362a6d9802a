/** What is in a webhook, once it is known to be genuine. Pure. */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result } from '@lockgate/protocol/result'
import { parsePusherWebhook, type PusherWebhookEvent } from '@lockgate/protocol/webhooks/pusher'
import type { WebhookData } from '@lockgate/protocol/webhooks/webhook-data'
import type { WebhookEventType } from '@lockgate/protocol/webhooks/webhook-events'
import type { ClaimedWebhook } from './webhook-form.ts'
import { refuseWebhook, type WebhookRefusal } from './webhook-refusal.ts'

export type { PusherWebhookEvent, WebhookData, WebhookEventType }

/** One event of the Standard form. */
export interface StandardWebhookEvent<T extends WebhookEventType = WebhookEventType> {
  readonly type: T
  readonly timestamp: string
  readonly data: WebhookData[T]
}

interface Verified {
  /** The same in every attempt to deliver it: handle each id once. */
  readonly id: string
  /** When it happened; of the Pusher form, when the webhook was made. */
  readonly timestamp: Date
}

/** A later server may tell more: pass over names that you do not know. */
export interface VerifiedPusherWebhook extends Verified {
  readonly form: 'pusher'
  readonly type: undefined
  readonly data: undefined
  readonly events: readonly PusherWebhookEvent[]
}

/** Knowing its type tells what is in its data; pass over types that you do not know. */
export type VerifiedStandardWebhook = {
  readonly [T in WebhookEventType]: Verified & {
    readonly form: 'standard'
    readonly type: T
    readonly data: WebhookData[T]
    /** The one event. */
    readonly events: readonly [StandardWebhookEvent<T>]
  }
}[WebhookEventType]

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
  const webhook = { form: 'pusher', id, timestamp, events, type: undefined, data: undefined }
  // The sender vouches for the fields of each event: the signature holds.
  return ok(webhook as VerifiedPusherWebhook)
}

function openStandard(body: string, id: string): Result<VerifiedWebhook, WebhookRefusal> {
  const { type, timestamp: at, data } = parseJsonObject(body, BODY_DEPTH_MAX) ?? {}
  const isFormed = typeof type === 'string' && typeof at === 'string' && isJsonObject(data)
  const timestamp = new Date(isFormed ? at : Number.NaN)
  if (!isFormed || Number.isNaN(timestamp.getTime())) return refuseWebhook('body_malformed')
  const events = [{ type, timestamp: at, data }]
  const webhook = { form: 'standard', id, timestamp, type, data, events }
  return ok(webhook as unknown as VerifiedStandardWebhook)
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
