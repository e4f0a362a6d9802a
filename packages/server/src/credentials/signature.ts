/**
 * Verifies Pusher signatures: HMAC-SHA256 in lowercase hex under a signing secret of the app.
 * Contract 1C. An unknown key costs the same HMAC as a known one, and comparisons take constant
 * time.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { LoadedApp } from './app-directory.ts'

/** Stands in for the secret of a key that does not exist, so that both cases do the same work. */
const NO_SECRET = new Uint8Array(32)

/**
 * Whether `signature` covers `text` under the secret of `key`, and `key` is one of this app's.
 * @param loaded undefined for an unknown app: the answer is false after the same work.
 * @param signature 64 lowercase hex digits.
 */
export function isSignedBy(
  loaded: LoadedApp | undefined,
  auth: { readonly key: string; readonly signature: string },
  text: string,
): boolean {
  const pair = loaded?.signingKeys.find((candidate) => candidate.key === auth.key)
  const expected = createHmac('sha256', pair?.secret ?? NO_SECRET)
    .update(text)
    .digest()
  const given = Buffer.from(auth.signature, 'hex')
  if (given.length !== expected.length) return false
  return timingSafeEqual(given, expected) && pair !== undefined
}

/**
 * Whether `digest` is the MD5 of a body. MD5 is the protocol's (1G.1); it proves nothing alone, the
 * signature covers it.
 * @param digest untrusted hex.
 */
export function isMd5Of(digest: string, body: Uint8Array): boolean {
  return hash('md5', body) === digest.toLowerCase()
}
