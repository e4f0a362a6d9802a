/**
 * What webhooks are verified with: app keys with their secrets for the Pusher form; `whsec_`
 * secrets and `whpk_` public keys for the Standard form. Old and new stand side by side while a
 * secret rotates. Pure.
 */
import { decodeBase64 } from './base64.ts'

/** An app key with its signing secret, as the `pusher` library has it. */
export interface WebhookToken {
  readonly key: string
  readonly secret: string
}

/** A token, or `whsec_...`, or `whpk_...`, or the text of a secret that was brought. */
export type WebhookKey = WebhookToken | string

export interface WebhookKeys {
  readonly tokens: readonly WebhookToken[]
  readonly hmacKeys: readonly Uint8Array<ArrayBuffer>[]
  /** Ed25519, RFC 8032. */
  readonly publicKeys: readonly Uint8Array<ArrayBuffer>[]
}

/** Our bound: each key that is tried costs a computation. */
export const WEBHOOK_KEY_COUNT_MAX = 8
/** Standard Webhooks, "Signature scheme": 24 to 64 bytes. */
const SECRET_BYTES_MIN = 24
const SECRET_BYTES_MAX = 64
/** The server takes no shorter one in. */
const PLAIN_SECRET_CHARACTERS_MIN = 32
const PUBLIC_KEY_BYTES = 32

/** @throws TypeError that says what is wrong and repeats no secret. */
export function parseWebhookKeys(given: readonly WebhookKey[]): WebhookKeys {
  if (given.length > WEBHOOK_KEY_COUNT_MAX) {
    throw new TypeError(`At most ${WEBHOOK_KEY_COUNT_MAX} webhook keys: drop those that ended.`)
  }
  const tokens: WebhookToken[] = []
  const hmacKeys: Uint8Array<ArrayBuffer>[] = []
  const publicKeys: Uint8Array<ArrayBuffer>[] = []
  for (const each of given) {
    if (typeof each === 'string') {
      const isPublic = each.startsWith('whpk_')
      const keys = isPublic ? publicKeys : hmacKeys
      keys.push(isPublic ? readPublicKey(each) : readSecret(each))
    } else tokens.push(checkToken(each))
  }
  return { tokens, hmacKeys, publicKeys }
}

function checkToken(token: WebhookToken): WebhookToken {
  const { key, secret } = token
  if (typeof key !== 'string' || typeof secret !== 'string' || key === '' || secret === '') {
    throw new TypeError('A webhook token is { key, secret }, both of them text.')
  }
  return { key, secret }
}

function readPublicKey(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(text.slice('whpk_'.length))
  if (bytes?.length === PUBLIC_KEY_BYTES) return bytes
  throw new TypeError('A whpk_ is followed by 32 bytes in base64. Copy the public key again.')
}

/** A secret somebody brought may be without `whsec_`: base64, or text that is used as it is. */
function readSecret(text: string): Uint8Array<ArrayBuffer> {
  if (text.startsWith('whsk_')) {
    throw new TypeError('A whsk_ is a private key and stays with the sender: give its whpk_.')
  }
  const isPrefixed = text.startsWith('whsec_')
  const bytes = decodeBase64(isPrefixed ? text.slice('whsec_'.length) : text)
  const isPlain = text.length >= PLAIN_SECRET_CHARACTERS_MIN && !isPrefixed
  if (isPlain) return bytes ?? new TextEncoder().encode(text)
  const length = bytes?.length ?? 0
  if (bytes !== undefined && length >= SECRET_BYTES_MIN && length <= SECRET_BYTES_MAX) return bytes
  throw new TypeError(
    'A webhook secret is whsec_ and 24 to 64 bytes in base64, or a text of at least ' +
      `${PLAIN_SECRET_CHARACTERS_MIN} characters. For the Pusher form give { key, secret }.`,
  )
}
