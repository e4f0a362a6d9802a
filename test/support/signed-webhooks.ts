/**
 * Webhooks as a sender signs them, computed here from the text of the two standards alone, so that
 * the code that verifies them is not its own judge.
 */
import { createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto'

export interface SentWebhook {
  readonly rawBody: string
  readonly headers: Readonly<Record<string, string>>
}

export interface StandardParts {
  readonly id?: string
  readonly atMs: number
  readonly body: string
  /** `whsec_...` or the private key of an Ed25519 pair; each makes one signature. */
  readonly keys: readonly (string | KeyObject)[]
}

/** Standard Webhooks 1.0: several signatures, separated by a space. */
export function standardWebhook({ id = 'msg_1', atMs, body, keys }: StandardParts): SentWebhook {
  const timestamp = String(Math.floor(atMs / 1000))
  const content = `${id}.${timestamp}.${body}`
  const signatures = keys.map((key) => {
    if (typeof key !== 'string')
      return `v1a,${sign(null, Buffer.from(content), key).toString('base64')}`
    const secret = Buffer.from(key.replace(/^whsec_/, ''), 'base64')
    return `v1,${createHmac('sha256', secret).update(content).digest('base64')}`
  })
  return {
    rawBody: body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signatures.join(' '),
    },
  }
}

/** `whpk_...` of an Ed25519 private key. */
export function publicTextOf(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return `whpk_${der.subarray(-32).toString('base64')}`
}

/** Pusher webhooks, contract 1H.1. */
export function pusherWebhook(
  body: string,
  { key, secret }: { readonly key: string; readonly secret: string },
): SentWebhook {
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  return {
    rawBody: body,
    headers: {
      'content-type': 'application/json',
      'x-pusher-key': key,
      'x-pusher-signature': signature,
    },
  }
}
