/**
 * Webhooks of the Standard form, one event each. Pure: this builds and takes apart text; signing
 * and comparing is done where the keys are.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { ok, refuse, type Result } from '../result.ts'

export const STANDARD_WEBHOOK_HEADERS = {
  /** The same in every attempt. */
  id: 'webhook-id',
  /** Whole seconds since 1970, of this attempt. */
  timestamp: 'webhook-timestamp',
  /** One or more signatures, with spaces. */
  signature: 'webhook-signature',
} as const

/** `v1` is HMAC-SHA256 with a shared secret, `v1a` is Ed25519. */
export type StandardSignatureVersion = 'v1' | 'v1a'

export interface StandardSignature {
  readonly version: StandardSignatureVersion
  /** Base64 with padding. */
  readonly text: string
}

/** Our bound; two secrets live at one time, and seldom more. */
export const STANDARD_SIGNATURE_COUNT_MAX = 8
/** An Ed25519 signature of 64 bytes takes 88 characters. */
const SIGNATURE_LENGTH_MAX = 88
/** A dot would move the border between the id and the timestamp inside what is signed. */
const ID = /^[\w:-]{1,128}$/
/** As much as `Number` holds, and far beyond any clock. */
const TIMESTAMP = /^\d{1,12}$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** The text whose bytes in UTF-8 are signed. @param body exactly as it is sent. */
export function standardStringToSign(
  id: string,
  timestampS: number | string,
  body: string,
): string {
  return `${id}.${timestampS}.${body}`
}

/** @param data plain JSON; a field that is undefined is left out. */
export function standardWebhookBody(event: {
  readonly type: string
  readonly atMs: number
  readonly data: Readonly<Record<string, unknown>>
}): string {
  const { type, atMs, data } = event
  return JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data })
}

/** @returns the value of the signature header, the newest secret's signature first. */
export function standardSignatureHeader(signatures: readonly StandardSignature[]): string {
  return signatures.map(({ version, text }) => `${version},${text}`).join(' ')
}

export interface StandardHeaders {
  readonly id: string
  readonly timestampS: number
  /** Of versions that are known here; those of others are for other receivers. */
  readonly signatures: readonly StandardSignature[]
}

/** Takes the three headers apart. Untrusted: nothing of it is true before a signature holds. */
export function parseStandardHeaders(headers: {
  readonly id: string | undefined
  readonly timestamp: string | undefined
  readonly signature: string | undefined
}): Result<StandardHeaders, 'headers_missing' | 'header_malformed'> {
  const { id, timestamp, signature } = headers
  if (id === undefined || timestamp === undefined || signature === undefined) {
    return refuse('headers_missing')
  }
  const signatures = parseSignatureHeader(signature)
  if (!ID.test(id) || !TIMESTAMP.test(timestamp) || signatures === undefined) {
    return refuse('header_malformed')
  }
  return ok({ id, timestampS: Number(timestamp), signatures })
}

function parseSignatureHeader(text: string): readonly StandardSignature[] | undefined {
  const parts = text.split(' ', STANDARD_SIGNATURE_COUNT_MAX + 1)
  if (parts.length > STANDARD_SIGNATURE_COUNT_MAX) return undefined
  return parts.flatMap((part) => {
    const comma = part.indexOf(',')
    const version = part.slice(0, Math.max(0, comma))
    const signature = part.slice(comma + 1)
    const isKnown = version === 'v1' || version === 'v1a'
    const isSound = signature.length <= SIGNATURE_LENGTH_MAX && BASE64.test(signature)
    return isKnown && isSound ? [{ version, text: signature }] : []
  })
}
