/**
 * The one format of the secrets Lockgate makes for people to keep, but for those whose form a
 * standard gives (`webhook-secret.ts`):
 * `<prefix>_<keyid>_<secret><checksum>`, 16, 43 and 6 characters of base 62. The key id gives one
 * indexed look-up; the checksum tells garbage from keys without any store, and lets scanners find
 * leaked keys without false alarms. Pure; work is bounded by {@link KEY_LENGTH_MAX}.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Random } from '../ports/random.ts'
import { BASE62, randomBase62 } from './identifiers.ts'

/**
 * `sk` server, `pk` browser and `rk` restricted API keys, `op` operator keys, `cls` client secrets,
 * `mqu` passwords of MQTT users.
 */
export const KEY_PREFIXES = ['sk', 'pk', 'rk', 'op', 'cls', 'mqu'] as const
export type KeyPrefix = (typeof KEY_PREFIXES)[number]

/** Of the keys of an app; the others are no bearer credentials of any app. */
export const API_KEY_PREFIXES: ReadonlySet<KeyPrefix> = new Set(['sk', 'pk', 'rk'])

/** What people call the types, for instance on the command line. */
export const KEY_TYPES = {
  sk: 'sk',
  pk: 'pk',
  rk: 'rk',
  op: 'op',
  'client-secret': 'cls',
  'mqtt-user': 'mqu',
} as const satisfies Record<string, KeyPrefix>

const KEY_ID_LENGTH = 16
/** log2(62^43) = 256.03 random bits. */
const SECRET_LENGTH = 43
/** 62^6 > 2^32. */
const CHECKSUM_LENGTH = 6
const HINT_LENGTH = 4
const PREFIX_LENGTH_MAX = 3
/** Checked before anything else is done with a text. */
export const KEY_LENGTH_MAX =
  PREFIX_LENGTH_MAX + 1 + KEY_ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH

const BODY = `(${KEY_PREFIXES.join('|')})_([0-9A-Za-z]{${KEY_ID_LENGTH}})_[0-9A-Za-z]{${
  SECRET_LENGTH + CHECKSUM_LENGTH
}}`
const WHOLE = new RegExp(`^${BODY}$`)

/** As `webhook-secret.ts` makes them. */
const WEBHOOK_SECRET = 'whsec_[0-9A-Za-z+/]{48}(?![+/=])'

/**
 * Finds keys and webhook secrets inside any text, for scanners and canaries; confirm a hit with
 * {@link parseKey} or `isWebhookSecret`. Linear in the text. Global: for `matchAll` and `replace`,
 * which leave its position alone.
 */
export const KEY_SCANNER = new RegExp(
  `(?<![0-9A-Za-z])(?:${BODY}|${WEBHOOK_SECRET})(?![0-9A-Za-z])`,
  'g',
)

export interface GeneratedKey {
  /** The secret itself: shown once, never stored. */
  readonly value: string
  readonly keyId: string
  /** The last 4 characters of the value. */
  readonly hint: string
}

export interface ParsedKey {
  readonly prefix: KeyPrefix
  readonly keyId: string
  readonly hint: string
}

/** `malformed`: not this format at all. `checksum`: mistyped, cut or made up. */
export type KeyRefusal = 'malformed' | 'checksum'

export function generateKey(prefix: KeyPrefix, random: Random): GeneratedKey {
  const keyId = randomBase62(random, KEY_ID_LENGTH)
  const covered = `${prefix}_${keyId}_${randomBase62(random, SECRET_LENGTH)}`
  const value = covered + checksumOf(covered, covered.length)
  return { value, keyId, hint: hintOf(value) }
}

/** By what people tell secrets apart: the last 4 characters, of values of their own too. */
export function hintOf(value: string): string {
  return value.slice(-HINT_LENGTH)
}

/**
 * Checks form and checksum, which proves nothing about who may use the key.
 * @param text untrusted, of any length.
 */
export function parseKey(text: string): Result<ParsedKey, KeyRefusal> {
  if (text.length > KEY_LENGTH_MAX) return refuse('malformed')
  const parts = WHOLE.exec(text)
  if (parts === null) return refuse('malformed')
  const coveredLength = text.length - CHECKSUM_LENGTH
  if (text.slice(coveredLength) !== checksumOf(text, coveredLength)) return refuse('checksum')
  const [, prefix = '', keyId = ''] = parts
  // The pattern lets no other prefix through.
  return ok({ prefix: prefix as KeyPrefix, keyId, hint: hintOf(text) })
}

/** Whether a text is meant as an API key: form and checksum fit. Says nothing about its truth. */
export function isApiKey(text: string): boolean {
  const parsed = parseKey(text)
  return parsed.ok && API_KEY_PREFIXES.has(parsed.value.prefix)
}

/** CRC-32 of ISO-HDLC (reflected, as in zlib), by byte. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ 0xedb8_8320 : remainder >>> 1
  }
  return remainder
})

/** @returns 32 bits, unsigned. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  return (crc ^ 0xffff_ffff) >>> 0
}

/** Of the first `length` characters, all of them ASCII; most significant digit first. */
function checksumOf(text: string, length: number): string {
  let rest = crc32(Buffer.from(text.slice(0, length)))
  let digits = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = BASE62.charAt(rest % BASE62.length) + digits
    rest = Math.floor(rest / BASE62.length)
  }
  return digits
}
