/** Why a webhook is refused: a code, what to do, and the status to answer with. No secrets. */
import { refuse } from '@lockgate/protocol/result'

export type WebhookRefusal =
  | 'body_missing'
  | 'body_too_large'
  | 'headers_missing'
  | 'header_repeated'
  | 'header_malformed'
  | 'content_type_unexpected'
  | 'key_missing'
  | 'signature_invalid'
  | 'timestamp_outside'
  | 'body_malformed'
  | 'replayed'
  | 'replay_store_full'

interface RefusalText {
  readonly status: number
  readonly text: string
}

export const WEBHOOK_REFUSALS: Readonly<Record<WebhookRefusal, RefusalText>> = {
  body_missing: {
    status: 400,
    text: 'There is no body. Read it before any parser does: express.raw({ type: () => true }).',
  },
  body_too_large: { status: 413, text: 'The body is larger than bodyBytesMax.' },
  headers_missing: {
    status: 400,
    text:
      'Hand on all headers: webhook-id, webhook-timestamp and webhook-signature, or x-pusher-key ' +
      'and x-pusher-signature, and not both.',
  },
  header_repeated: { status: 400, text: 'A header of the signature came twice.' },
  header_malformed: { status: 400, text: 'A header of the signature has not its form.' },
  content_type_unexpected: {
    status: 415,
    text: 'The Pusher form has the content type application/json, with nothing after it.',
  },
  key_missing: {
    status: 401,
    text: 'Give a key of this form: whsec_ or whpk_ for Standard, { key, secret } for Pusher.',
  },
  signature_invalid: {
    status: 401,
    text:
      'No key that is known here made this signature over this body. Check that the body is as ' +
      'it arrived, and the keys.',
  },
  timestamp_outside: {
    status: 401,
    text: 'It was signed too long ago, or ahead of the clock here. Check the clock.',
  },
  body_malformed: { status: 400, text: 'The body is signed, and no webhook.' },
  replayed: { status: 409, text: 'This delivery was taken before.' },
  replay_store_full: {
    status: 503,
    text: 'No more deliveries can be remembered. Raise entryCountMax, or use RedisReplayStore.',
  },
}

export interface RefusedWebhook {
  readonly ok: false
  readonly refusal: WebhookRefusal
  /** What to do; for your log, not for who sent it. */
  readonly detail?: string
}

export function refuseWebhook(refusal: WebhookRefusal): RefusedWebhook {
  return refuse(refusal, WEBHOOK_REFUSALS[refusal].text)
}
