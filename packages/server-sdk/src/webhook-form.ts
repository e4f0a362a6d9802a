/**
 * The two forms of a webhook, read before anything is believed: which content was signed, with
 * what, and when. Pusher webhooks (contract 1H) and Standard Webhooks 1.0. Pure.
 */
import { ok, type Result } from '@lockgate/protocol/result'
import {
  PUSHER_WEBHOOK_CONTENT_TYPE,
  PUSHER_WEBHOOK_HEADERS,
} from '@lockgate/protocol/webhooks/pusher'
import {
  parseStandardHeaders,
  STANDARD_WEBHOOK_HEADERS,
  type StandardSignature,
  standardStringToSign,
} from '@lockgate/protocol/webhooks/standard'
import { decodeBase64 } from './base64.ts'
import type { SignatureQuestion } from './signature-check.ts'
import type { WebhookKeys } from './webhook-keys.ts'
import { refuseWebhook, type WebhookRefusal } from './webhook-refusal.ts'
import type { KnownHeaders } from './webhook-request.ts'

export type WebhookForm = 'pusher' | 'standard'

/** A webhook that says of itself what it is; nothing of it is known to be true. */
export interface ClaimedWebhook {
  readonly form: WebhookForm
  /** The same in every attempt to deliver it. */
  readonly id: string
  /** When it was signed; undefined where only the body says so. */
  readonly signedAtMs: number | undefined
  readonly body: Uint8Array
  readonly question: SignatureQuestion
}

const HEX_MAC = /^[0-9a-f]{64}$/
/** Enough to tell deliveries apart, and too little to be the signature. */
const PUSHER_ID_CHARACTERS = 32

export function readClaimed(
  headers: KnownHeaders,
  body: Uint8Array<ArrayBuffer>,
  keys: WebhookKeys,
): Result<ClaimedWebhook, WebhookRefusal> {
  const isStandard = headers.has(STANDARD_WEBHOOK_HEADERS.signature)
  const isPusher = headers.has(PUSHER_WEBHOOK_HEADERS.signature)
  // Two forms at once could be read two ways, by us and by what stands before us.
  if (isStandard === isPusher) return refuseWebhook('headers_missing')
  return isStandard ? readStandard(headers, body, keys) : readPusher(headers, body, keys)
}

function readStandard(
  headers: KnownHeaders,
  body: Uint8Array<ArrayBuffer>,
  { hmacKeys, publicKeys }: WebhookKeys,
): Result<ClaimedWebhook, WebhookRefusal> {
  const parsed = parseStandardHeaders({
    id: headers.get(STANDARD_WEBHOOK_HEADERS.id),
    timestamp: headers.get(STANDARD_WEBHOOK_HEADERS.timestamp),
    signature: headers.get(STANDARD_WEBHOOK_HEADERS.signature),
  })
  if (!parsed.ok) return refuseWebhook(parsed.refusal)
  if (hmacKeys.length + publicKeys.length === 0) return refuseWebhook('key_missing')
  const { id, timestampS, signatures: given } = parsed.value
  // As it was sent: a number that is written again could lose a zero before it.
  const timestamp = headers.get(STANDARD_WEBHOOK_HEADERS.timestamp) ?? ''
  const start = new TextEncoder().encode(standardStringToSign(id, timestamp, ''))
  const content = joined(start, body)
  const macs = signaturesOf('v1', given)
  const signatures = signaturesOf('v1a', given)
  const question = { content, hmacKeys, publicKeys, macs, signatures }
  return ok({ form: 'standard', id, signedAtMs: timestampS * 1000, body, question })
}

function signaturesOf(
  version: StandardSignature['version'],
  given: readonly StandardSignature[],
): Uint8Array<ArrayBuffer>[] {
  return given.flatMap((each) => {
    const bytes = each.version === version ? decodeBase64(each.text) : undefined
    return bytes === undefined ? [] : [bytes]
  })
}

function readPusher(
  headers: KnownHeaders,
  body: Uint8Array<ArrayBuffer>,
  { tokens }: WebhookKeys,
): Result<ClaimedWebhook, WebhookRefusal> {
  const key = headers.get(PUSHER_WEBHOOK_HEADERS.key)
  const signature = headers.get(PUSHER_WEBHOOK_HEADERS.signature) ?? ''
  if (key === undefined) return refuseWebhook('headers_missing')
  if (headers.get('content-type') !== PUSHER_WEBHOOK_CONTENT_TYPE) {
    return refuseWebhook('content_type_unexpected')
  }
  if (!HEX_MAC.test(signature)) return refuseWebhook('header_malformed')
  if (tokens.length === 0) return refuseWebhook('key_missing')
  const named = tokens.filter((token) => token.key === key)
  const mac = Uint8Array.from({ length: signature.length / 2 }, (_, index) =>
    Number.parseInt(signature.slice(index * 2, index * 2 + 2), 16),
  )
  const question = {
    content: body,
    // An unknown key costs as much as a wrong signature, and has none that could fit.
    hmacKeys: (named.length > 0 ? named : tokens).map(({ secret }) =>
      new TextEncoder().encode(secret),
    ),
    macs: named.length > 0 ? [mac] : [],
    publicKeys: [],
    signatures: [],
  }
  const id = `pusher_${signature.slice(0, PUSHER_ID_CHARACTERS)}`
  return ok({ form: 'pusher', id, signedAtMs: undefined, body, question })
}

function joined(start: Uint8Array, end: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(start.byteLength + end.byteLength)
  bytes.set(start)
  bytes.set(end, start.byteLength)
  return bytes
}
