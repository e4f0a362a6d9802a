/**
 * Webhooks of the Pusher form: `POST` with {@link PUSHER_WEBHOOK_HEADERS} and a body of one or more
 * events. The signature is the hex HMAC-SHA256 of the raw bytes under the secret of the key that is
 * named. Contract Sockudo, 1H.1; the field names are Pusher's. Pure: signing is the sender's.
 */
import { isJsonObject, parseJsonObject } from '../bytes.ts'
import { ok, refuse, type Result } from '../result.ts'

export const PUSHER_WEBHOOK_HEADERS = {
  key: 'x-pusher-key',
  signature: 'x-pusher-signature',
} as const

/** Exactly, without a charset: npm `pusher` compares the whole value. */
export const PUSHER_WEBHOOK_CONTENT_TYPE = 'application/json'

export type PusherWebhookEvent =
  | {
      readonly name: 'channel_occupied' | 'channel_vacated' | 'cache_miss'
      readonly channel: string
    }
  | {
      readonly name: 'member_added' | 'member_removed'
      readonly channel: string
      readonly user_id: string
    }
  | {
      readonly name: 'client_event'
      readonly channel: string
      readonly event: string
      /** JSON text of what the client sent. */
      readonly data: string
      readonly socket_id: string
      /** On presence channels. */
      readonly user_id?: string
    }
  | {
      readonly name: 'subscription_count'
      readonly channel: string
      readonly subscription_count: number
    }

/** @returns the text of one event, as {@link pusherWebhookBody} takes it. */
export function pusherEventText(event: PusherWebhookEvent): string {
  return JSON.stringify(event)
}

/**
 * @param timeMs when the body is made.
 * @param eventTexts each of {@link pusherEventText}, in the order in which they happened.
 */
export function pusherWebhookBody(timeMs: number, eventTexts: readonly string[]): string {
  return `{"time_ms":${timeMs},"events":[${eventTexts.join(',')}]}`
}

export interface PusherWebhook {
  readonly timeMs: number
  /** Names that are not ours are among them: a later release may tell more. */
  readonly events: readonly { readonly name: string; readonly [field: string]: unknown }[]
}

/** An event nests none; what clients sent travels as text. */
const BODY_DEPTH_MAX = 16

/** @param body the raw text, whose signature holds. */
export function parsePusherWebhook(body: string): Result<PusherWebhook, 'body_malformed'> {
  const parsed = parseJsonObject(body, BODY_DEPTH_MAX)
  const timeMs = parsed?.['time_ms']
  const events = parsed?.['events']
  if (typeof timeMs !== 'number' || !Array.isArray(events) || !events.every(isEvent)) {
    return refuse('body_malformed')
  }
  return ok({ timeMs, events })
}

function isEvent(value: unknown): value is PusherWebhook['events'][number] {
  return isJsonObject(value) && typeof value['name'] === 'string'
}
