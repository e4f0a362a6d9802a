/**
 * HMAC-SHA256 on WebCrypto: what Pusher signatures are made of. RFC 2104, FIPS 180-4. No state.
 */
import { constantTimeEqual } from './constant-time.ts'

/** Our bound on secrets that are tried for one signature: each costs a computation. */
export const SECRET_COUNT_MAX = 8

const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' } as const
const encoder = new TextEncoder()

/**
 * @param secret text, used as its UTF-8 bytes; not empty.
 * @param content text counts as UTF-8; bytes are signed as they are.
 * @returns 64 lowercase hex digits.
 * @throws TypeError for an empty secret, which would sign what anybody can sign.
 */
export async function signHmac(secret: string, content: string | Uint8Array): Promise<string> {
  if (secret === '') throw new TypeError('An empty secret signs nothing.')
  const bytes = encoder.encode(secret)
  const key = await crypto.subtle.importKey('raw', bytes, ALGORITHM, false, ['sign'])
  return hexOf(await crypto.subtle.sign('HMAC', key, contentBytes(content)))
}

/**
 * Whether one of several secrets made a signature, so that old and new both hold during a rotation.
 * All are tried, whichever fits.
 * @param secrets at most {@link SECRET_COUNT_MAX}; the rest are not tried.
 * @param signed the content and its signature in hex, untrusted.
 */
export async function verifyHmac(
  secrets: readonly string[],
  signed: { readonly content: string | Uint8Array; readonly signature: string },
): Promise<boolean> {
  const wanted = await Promise.all(
    secrets.slice(0, SECRET_COUNT_MAX).map((secret) => signHmac(secret, signed.content)),
  )
  const fits = wanted.map((each) => constantTimeEqual(signed.signature, each))
  return fits.includes(true)
}

/** @returns lowercase hex. */
export function hexOf(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A view over an ArrayBuffer, which is what WebCrypto takes. */
function contentBytes(content: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof content === 'string' ? encoder.encode(content) : new Uint8Array(content)
}
