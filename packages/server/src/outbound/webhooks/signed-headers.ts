/**
 * The headers that vouch for a body, made for one attempt. Pure: keys, id and time come in. Of the
 * Standard form every key makes a signature, so that a receiver with the old or the new secret
 * verifies; contract wSocket, part 8, adds one of its own.
 */
import { createHmac, type KeyObject, sign } from 'node:crypto'
import { PUSHER_WEBHOOK_HEADERS } from '@lockgate/protocol/webhooks/pusher'
import {
  STANDARD_WEBHOOK_HEADERS,
  type StandardSignature,
  standardSignatureHeader,
  standardStringToSign,
} from '@lockgate/protocol/webhooks/standard'
import type { SigningKeys, StandardKey } from './signing-keys.ts'

export interface Signed {
  /** The same in every attempt. */
  readonly id: string
  /** When this attempt is made. */
  readonly nowMs: number
  /** Exactly what is sent. */
  readonly body: string
}

type Headers = Readonly<Record<string, string>>

/** Hexadecimal HMAC of the body alone, by the current secret. */
const BODY_SIGNATURE = 'x-wsocket-signature'

/** @param keys as `signing-keys.ts` names them now. */
export function signedHeaders(keys: SigningKeys, signed: Signed): Headers {
  if (keys.format === 'standard') return standardHeaders(keys.keys, signed)
  return {
    [PUSHER_WEBHOOK_HEADERS.key]: keys.appKey,
    [PUSHER_WEBHOOK_HEADERS.signature]: hexHmac(keys.key, signed.body),
  }
}

/** @param keys the current one first. */
export function standardHeaders(keys: readonly StandardKey[], signed: Signed): Headers {
  const { id, nowMs, body } = signed
  const timestampS = Math.floor(nowMs / 1_000)
  const text = standardStringToSign(id, timestampS, body)
  const [current] = keys
  return {
    [STANDARD_WEBHOOK_HEADERS.id]: id,
    [STANDARD_WEBHOOK_HEADERS.timestamp]: String(timestampS),
    [STANDARD_WEBHOOK_HEADERS.signature]: standardSignatureHeader(
      keys.map((key) => signatureBy(key, text)),
    ),
    // A receiver of that header holds a secret: a pair has none to give it.
    ...(current?.algorithm === 'hmac-sha256'
      ? { [BODY_SIGNATURE]: `sha256=${hexHmac(current.key, body)}` }
      : {}),
  }
}

function hexHmac(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

function signatureBy({ algorithm, key }: StandardKey, text: string): StandardSignature {
  switch (algorithm) {
    case 'hmac-sha256':
      return { version: 'v1', text: createHmac('sha256', key).update(text).digest('base64') }
    case 'ed25519':
      return { version: 'v1a', text: sign(null, Buffer.from(text), key).toString('base64') }
    default:
      return algorithm satisfies never
  }
}
