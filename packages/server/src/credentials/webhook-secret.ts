/**
 * Values that sign webhooks, as Standard Webhooks spells them: `whsec_` and base64 for HMAC-SHA256,
 * `whsk_` (private) and `whpk_` (public) and base64 for Ed25519. A generated HMAC key carries a
 * checksum inside its bytes, so that scanners tell a leaked one from text, as with every other key.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Random } from '../ports/random.ts'
import type { WebhookAlgorithm } from '../ports/records/webhook.ts'
import { crc32 } from './key-format.ts'

const HMAC_PREFIX = 'whsec_'
const PRIVATE_PREFIX = 'whsk_'
const PUBLIC_PREFIX = 'whpk_'

/** 256 random bits, then their checksum: 36 bytes are 48 characters of base64 without padding. */
const RANDOM_BYTES = 32
const CHECKSUM_BYTES = 4
/** "Between 24 bytes (192 bits) and 64 bytes (512 bits)". */
const KEY_BYTES_MIN = 24
const KEY_BYTES_MAX = 64
/** RFC 8032 §5.1.5: the private key is a seed; the public key follows it, as in libsodium. */
const SEED_BYTES = 32
const PAIR_BYTES = 64
/** RFC 8410 §7: what stands before the seed in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** What signs; the algorithm is the key's own. */
export interface WebhookKey {
  readonly algorithm: WebhookAlgorithm
  readonly key: KeyObject
}

/** @returns a new value for HMAC: `whsec_` and 48 characters of base64. */
export function newWebhookSecret(random: Random): string {
  const secret = Buffer.from(random.bytes(RANDOM_BYTES))
  return HMAC_PREFIX + Buffer.concat([secret, checksumOf(secret)]).toString('base64')
}

/** @returns a new Ed25519 pair: `whsk_` and base64 of the seed and the public key. */
export function newWebhookPair(random: Random): string {
  const seed = Buffer.from(random.bytes(SEED_BYTES))
  return PRIVATE_PREFIX + Buffer.concat([seed, publicBytesOf(keyOfSeed(seed))]).toString('base64')
}

/** Whether a text is a value of {@link newWebhookSecret}, and not mistyped or made up. */
export function isWebhookSecret(text: string): boolean {
  const bytes = bytesAfter(HMAC_PREFIX, text)
  if (bytes?.length !== RANDOM_BYTES + CHECKSUM_BYTES) return false
  return checksumOf(bytes.subarray(0, RANDOM_BYTES)).equals(bytes.subarray(RANDOM_BYTES))
}

/**
 * Whether a value somebody brought can sign in the way receivers expect of its form.
 * @returns a detail that says what to change, and never quotes the value.
 */
export function checkWebhookSecret(
  text: string,
  algorithm: WebhookAlgorithm,
): Result<true, 'weak_secret'> {
  if (algorithm === 'ed25519') {
    if (pairOf(text) !== undefined) return ok(true)
    return refuse('weak_secret', 'Use whsk_ and base64 of the 64 bytes of an Ed25519 pair.')
  }
  if (text.startsWith(PRIVATE_PREFIX) || text.startsWith(PUBLIC_PREFIX)) {
    return refuse('weak_secret', 'Keys of Ed25519 sign at endpoints of that algorithm only.')
  }
  if (!text.startsWith(HMAC_PREFIX)) return ok(true)
  const { length = 0 } = bytesAfter(HMAC_PREFIX, text) ?? {}
  if (length >= KEY_BYTES_MIN && length <= KEY_BYTES_MAX) return ok(true)
  const bounds = `${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes`
  return refuse('weak_secret', `After whsec_ comes base64, with its padding, of ${bounds}.`)
}

/**
 * @param text a value that was taken in. Of an HMAC key its base64 is decoded, with or without
 *   `whsec_`, as libraries of receivers do; what is no base64 is used as it is, their format `raw`.
 */
export function webhookKeyOf(text: string): WebhookKey {
  const pair = pairOf(text)
  if (pair !== undefined) return { algorithm: 'ed25519', key: pair }
  const bytes = bytesAfter(HMAC_PREFIX, text) ?? bytesAfter('', text) ?? Buffer.from(text)
  return { algorithm: 'hmac-sha256', key: createSecretKey(bytes) }
}

/** @returns what a receiver verifies with, `whpk_...`; undefined for HMAC, which has none. */
export function publicTextOf({ algorithm, key }: WebhookKey): string | undefined {
  if (algorithm !== 'ed25519') return undefined
  return PUBLIC_PREFIX + publicBytesOf(key).toString('base64')
}

function pairOf(text: string): KeyObject | undefined {
  const bytes = bytesAfter(PRIVATE_PREFIX, text)
  if (bytes?.length !== PAIR_BYTES) return undefined
  const key = keyOfSeed(bytes.subarray(0, SEED_BYTES))
  return publicBytesOf(key).equals(bytes.subarray(SEED_BYTES)) ? key : undefined
}

function keyOfSeed(seed: Uint8Array): KeyObject {
  const key = Buffer.concat([PKCS8_HEAD, seed])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

function publicBytesOf(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return Buffer.from(der.subarray(-SEED_BYTES)) // A public key is as long as a seed.
}

/** @returns undefined for what is not exactly the prefix and base64 with its padding. */
function bytesAfter(prefix: string, text: string): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined
  const encoded = text.slice(prefix.length)
  const bytes = Buffer.from(encoded, 'base64')
  // Node skips what is no base64: only what comes out as it went in was all of it.
  return encoded !== '' && bytes.toString('base64') === encoded ? bytes : undefined
}

function checksumOf(bytes: Uint8Array): Buffer {
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  checksum.writeUInt32BE(crc32(bytes))
  return checksum
}
