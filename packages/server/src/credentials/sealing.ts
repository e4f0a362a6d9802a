/**
 * Seals secrets that must be used again, so that the database alone discloses none of them:
 * AES-256-GCM (NIST SP 800-38D) under the master key. A sealed value opens only in the context it
 * was sealed for, so moving it to another row is refused. Layout, all lengths in bytes: format 1 |
 * master key version 4, big-endian | nonce 12 | ciphertext | tag 16.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Random } from '../ports/random.ts'
import type { MasterKey } from './master-key.ts'

/** Where a sealed value belongs; authenticated, not stored in it. */
export interface SealingContext {
  /** What the secret is for; one constant per kind of secret. */
  readonly purpose: string
  /** The ids of the row and its owners, outermost first. */
  readonly owner: readonly string[]
}

/**
 * `malformed`: not written by this module. `unknown_key_version`: sealed under a version this
 * master key lacks. `not_authentic`: another master key, another context, or changed bytes; which
 * is not told apart.
 */
export type OpeningRefusal = 'malformed' | 'unknown_key_version' | 'not_authentic'

const FORMAT = 1
const HEADER_BYTES = 5
/** Random nonces of 96 bits are safe for 2^32 values per key version (SP 800-38D §8.3). */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/** @returns a value of its own on every call, even for the same input. */
export function sealSecret(
  plain: Uint8Array,
  context: SealingContext,
  deps: { readonly masterKey: MasterKey; readonly random: Random },
): Uint8Array {
  const { currentVersion, versions } = deps.masterKey
  const key = versions.get(currentVersion)
  if (key === undefined) throw new Error('the current version of the master key is missing')
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt8(FORMAT, 0)
  header.writeUInt32BE(currentVersion, 1)
  const nonce = deps.random.bytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(additionalData(header, context))
  const sealed = [header, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]
  return new Uint8Array(Buffer.concat(sealed))
}

/** @param sealed as stored; every byte of it is checked before any of the result is believed. */
export function openSecret(
  sealed: Uint8Array,
  context: SealingContext,
  masterKey: MasterKey,
): Result<Uint8Array, OpeningRefusal> {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || bytes[0] !== FORMAT)
    return refuse('malformed')
  const key = masterKey.versions.get(bytes.readUInt32BE(1))
  if (key === undefined) return refuse('unknown_key_version')
  const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(additionalData(bytes.subarray(0, HEADER_BYTES), context))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  const start = decipher.update(bytes.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES))
  try {
    return ok(new Uint8Array(Buffer.concat([start, decipher.final()])))
  } catch {
    return refuse('not_authentic') // `final` throws for nothing else
  }
}

/**
 * @param base64 a sealed value as records keep it.
 * @returns the version of the master key it was sealed under; undefined for what is no such text.
 */
export function sealedVersionOf(base64: string): number | undefined {
  const header = Buffer.from(base64.slice(0, HEADER_TEXT_LENGTH), 'base64')
  return header.length >= HEADER_BYTES ? header.readUInt32BE(1) : undefined
}

/** Eight characters of base64 hold six bytes. */
const HEADER_TEXT_LENGTH = 8

/** Unambiguous: JSON keeps the parts apart whatever they hold. */
function additionalData(header: Uint8Array, { purpose, owner }: SealingContext): Uint8Array {
  return Buffer.concat([header, Buffer.from(JSON.stringify([purpose, ...owner]))])
}
