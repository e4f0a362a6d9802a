/**
 * Verifies Pusher signatures: HMAC-SHA256 in lowercase hex under a signing secret of the app.
 * Contract 1C. During a rotation every accepted version is tried. An unknown key costs the same
 * HMAC as a known one, and comparisons take constant time.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { UseOutcome } from '../ports/records/use.ts'
import type { LoadedCredential } from './app-directory.ts'
import { outcomeOf } from './engine/reading.ts'

/** Stands in for the secret of a key that does not exist, so that both cases do the same work. */
const NO_SECRET = new Uint8Array(32)

/** The version whose secret made a signature; only `accepted` ones vouch for anything. */
export interface Signer {
  readonly credentialId: string
  readonly versionId: string
  readonly outcome: UseOutcome
}

/**
 * @param credential of the app key that was named; undefined for an unknown one: the answer is
 * undefined after the same work.
 * @param signature 64 lowercase hex digits over `text`.
 * @returns who signed, also where that version is no longer accepted; undefined for nobody.
 */
export function signerOf(
  credential: LoadedCredential | undefined,
  given: { readonly signature: string; readonly text: string },
  nowMs: number,
): Signer | undefined {
  const signature = Buffer.from(given.signature, 'hex')
  if (credential === undefined) {
    isMadeWith(NO_SECRET, given.text, signature)
    return undefined
  }
  const { record, secrets } = credential
  let signer: Signer | undefined
  for (const version of record.versions) {
    const secret = secrets.get(version.id)
    if (secret === undefined || !isMadeWith(secret, given.text, signature)) continue
    const outcome = outcomeOf(version, nowMs)
    if (signer?.outcome !== 'accepted') {
      signer = { credentialId: record.id, versionId: version.id, outcome }
    }
  }
  return signer
}

function isMadeWith(secret: Uint8Array, text: string, signature: Uint8Array): boolean {
  const expected = createHmac('sha256', secret).update(text).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}

/**
 * Whether `digest` is the MD5 of a body. MD5 is the protocol's (1G.1); it proves nothing alone, the
 * signature covers it.
 * @param digest untrusted hex.
 */
export function isMd5Of(digest: string, body: Uint8Array): boolean {
  return hash('md5', body) === digest.toLowerCase()
}
