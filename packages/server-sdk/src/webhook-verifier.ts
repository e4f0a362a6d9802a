/**
 * Verifies the webhooks of Lockgate, and of other senders of the same two forms: Pusher webhooks
 * and Standard Webhooks. Web standards only; holds no timer and no connection.
 */
import { MemoryReplayStore, type ReplayStore } from './replay-store.ts'
import { SYSTEM } from './system.ts'
import { Webhook, type WebhookRules } from './webhook.ts'
import { parseWebhookKeys, type WebhookKey } from './webhook-keys.ts'
import type { WebhookRequest } from './webhook-request.ts'

export type {
  PusherWebhookEvent,
  StandardWebhookEvent,
  VerifiedPusherWebhook,
  VerifiedStandardWebhook,
  VerifiedWebhook,
  WebhookData,
  WebhookEventType,
} from './webhook-event.ts'
export type { Webhook, WebhookKey, WebhookRequest }
export type { RefusedWebhook, WebhookRefusal } from './webhook-refusal.ts'

export interface WebhookVerifierOptions {
  /**
   * Pusher form: `{ key, secret }`. Standard form: `whsec_...`, or `whpk_...` where the sender
   * signs with Ed25519. During a rotation give the old and the new ones.
   */
  readonly keys: WebhookKey | readonly WebhookKey[]
  /** {@link WEBHOOK_TOLERANCE_MS} unless given. */
  readonly toleranceMs?: number
  /** {@link WEBHOOK_BODY_BYTES_MAX} unless given. */
  readonly bodyBytesMax?: number
  /**
   * Where deliveries that came already are remembered. Absent: those of the Standard form, in the
   * memory of this process. The Pusher form sends the same bytes when it tries again, so that a
   * second attempt looks like a replay: give a store to have it refused, and call `release` where
   * handling failed; `webhookHandler` does both.
   */
  readonly replay?: ReplayStore | 'off'
  /** For tests. */
  readonly now?: () => number
}

/** Standard Webhooks, reference libraries: five minutes, back and ahead. */
export const WEBHOOK_TOLERANCE_MS = 5 * 60_000
/** How long a sender of the Pusher form tries: its body keeps the time of the first attempt. */
export const PUSHER_RETRY_MS = 5 * 60_000
/** Our bound. */
export const WEBHOOK_BODY_BYTES_MAX = 1024 * 1024

export class WebhookVerifier {
  readonly #rules: WebhookRules
  readonly #handled: WebhookRules

  /** @throws TypeError for what is no key; its text repeats none. */
  constructor(options: WebhookVerifierOptions) {
    const { replay, toleranceMs = WEBHOOK_TOLERANCE_MS, now = SYSTEM.now } = options
    const keys = isList(options.keys) ? options.keys : [options.keys]
    parseWebhookKeys(keys)
    if (!(toleranceMs > 0)) throw new TypeError('toleranceMs is more than 0.')
    const given = replay === 'off' ? undefined : replay
    const standard = replay === undefined ? new MemoryReplayStore({ now }) : given
    this.#rules = {
      keys,
      now,
      bodyBytesMax: options.bodyBytesMax ?? WEBHOOK_BODY_BYTES_MAX,
      window: {
        standard: { pastMs: toleranceMs, aheadMs: toleranceMs },
        pusher: { pastMs: toleranceMs + PUSHER_RETRY_MS, aheadMs: toleranceMs },
      },
      replay: { standard, pusher: given },
      isById: false,
    }
    this.#handled = { ...this.#rules, replay: { standard, pusher: standard }, isById: true }
  }

  get bodyBytesMax(): number {
    return this.#rules.bodyBytesMax
  }

  /** Takes what arrived; nothing of it is checked before `isValid` or `verify`. */
  webhook(request: WebhookRequest): Webhook {
    return new Webhook(request, this.#rules)
  }

  /**
   * As {@link webhook}, for a caller that says how each one ended, by `finish` or `release`: then
   * both forms are remembered, and by their id, so that what was handled is not handled again when
   * the sender did not hear of it.
   */
  handled(request: WebhookRequest): Webhook {
    return new Webhook(request, this.#handled)
  }
}

function isList(keys: WebhookKey | readonly WebhookKey[]): keys is readonly WebhookKey[] {
  return Array.isArray(keys)
}
