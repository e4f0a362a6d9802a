/**
 * Public keys of customers, as JWK (RFC 7517) or PEM: read, judged and kept in one form. A private
 * or symmetric key is refused, and nothing of it is kept or shown. Pure.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { thumbprintOf } from '../tokens/signing-material.ts'
import { algorithmsOf, type SignatureAlgorithm } from './algorithms.ts'

export interface PublicKey {
  readonly key: KeyObject
  /** What it may verify: what its type fits, and no other than its `alg` if it has one. */
  readonly algorithms: readonly SignatureAlgorithm[]
  readonly kid: string | undefined
  /** RFC 7638; also names it. */
  readonly thumbprint: string
  /** JWK text with the members that count, and no other. */
  readonly jwk: string
}

/**
 * `private`: it can sign, or is symmetric. `weak`: too small to trust or too large to verify with.
 * `unsupported`: of a type, or for a use, that verifies no token here.
 */
export type PublicKeyRefusal = 'malformed' | 'private' | 'weak' | 'unsupported'

/** RFC 7518 §3.3 and §3.5 ask for 2048 bits; the upper bound is ours, because verifying costs. */
export const RSA_BITS_MIN = 2_048
export const RSA_BITS_MAX = 8_192
/** Smaller ones have been broken in too many implementations; larger ones only cost time. */
const RSA_EXPONENTS: ReadonlySet<string> = new Set(['AQAB'])
export const JWK_CHARACTERS_MAX = 8_192
export const KID_CHARACTERS_MAX = 200
const DEPTH_MAX = 4

/** RFC 7518 §6.2.2, §6.3.2, §6.4.1. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const
const MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const
const PEM =
  /^\s*-----BEGIN (RSA )?PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END (RSA )?PUBLIC KEY-----\s*$/

type Read = Result<PublicKey, PublicKeyRefusal>

export function readJwkText(text: string): Read {
  const isBounded = text.length <= JWK_CHARACTERS_MAX
  const jwk = isBounded ? parseJsonObject(text, DEPTH_MAX) : undefined
  return jwk === undefined ? refuse('malformed') : readJwk(jwk)
}

/** @param jwk untrusted. */
export function readJwk(jwk: Readonly<Record<string, unknown>>): Read {
  // Judged first, so that a key with a secret in it is told as what it is whatever else is wrong.
  if (jwk['kty'] === 'oct' || PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) {
    return refuse('private')
  }
  const { kid, alg, use, key_ops: operations } = jwk
  const isForVerifying =
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  const algorithms = algorithmsOf(jwk).filter((each) => alg === undefined || each === alg)
  if (!isForVerifying || algorithms.length === 0) return refuse('unsupported')
  if (kid !== undefined && (typeof kid !== 'string' || !isKid(kid))) return refuse('malformed')
  const members = Object.fromEntries(
    MEMBERS.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])),
  )
  if (Object.values(members).some((value) => typeof value !== 'string')) return refuse('malformed')
  const key = imported(() => createPublicKey({ key: members, format: 'jwk' }))
  if (key === undefined) return refuse('malformed')
  if (key.asymmetricKeyType === 'rsa' && !isSoundRsa(key)) return refuse('weak')
  const named = { ...(kid === undefined ? {} : { kid }), ...(alg === undefined ? {} : { alg }) }
  const text = JSON.stringify({ ...members, ...named })
  return ok({ key, algorithms, kid, thumbprint: thumbprintOf(members), jwk: text })
}

/** @param text SubjectPublicKeyInfo or PKCS #1; no certificate, which has an end of its own. */
export function readPem(text: string): Read {
  if (text.includes('PRIVATE KEY')) return refuse('private')
  if (text.length > JWK_CHARACTERS_MAX || !PEM.test(text)) return refuse('malformed')
  const key = imported(() => createPublicKey(text))
  const jwk = key === undefined ? undefined : exported(key)
  return isJsonObject(jwk) ? readJwk(jwk) : refuse(key === undefined ? 'malformed' : 'unsupported')
}

/** What travels in a header and is compared as a whole; it never names a file or a row. */
export function isKid(text: string): boolean {
  return text.length > 0 && text.length <= KID_CHARACTERS_MAX && !/\p{Cc}/u.test(text)
}

function isSoundRsa(key: KeyObject): boolean {
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  const isSized = modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX
  return isSized && RSA_EXPONENTS.has(String(key.export({ format: 'jwk' }).e))
}

/** The runtime tells a bad key by throwing, with texts of its own. */
function imported(read: () => KeyObject): KeyObject | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}

/** Some types have no JWK. */
function exported(key: KeyObject): unknown {
  try {
    return key.export({ format: 'jwk' })
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}
