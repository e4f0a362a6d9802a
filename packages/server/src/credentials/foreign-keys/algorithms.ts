/**
 * The signature algorithms customers may use, RFC 7518 §3, RFC 8037, RFC 9864. The key decides
 * which of them is meant, never the token alone (RFC 8725 §3.1). Pure.
 */
import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'

export const HMAC_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const
export type HmacAlgorithm = (typeof HMAC_ALGORITHMS)[number]

export const SIGNATURE_ALGORITHMS = [
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
  'PS256',
  'RS256',
] as const
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number]

export type Algorithm = HmacAlgorithm | SignatureAlgorithm

const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const
/** RFC 7518 §3.2: a key is at least as long as the hash. */
const SECRET_BYTES_MIN = { HS256: 32, HS384: 48, HS512: 64 } as const

/** `none` is not among them, so it is never an algorithm (RFC 8725 §3.2). */
export function parseAlgorithm(text: unknown): Algorithm | undefined {
  return [...HMAC_ALGORITHMS, ...SIGNATURE_ALGORITHMS].find((each) => each === text)
}

export function isHmac(algorithm: Algorithm): algorithm is HmacAlgorithm {
  return HMAC_ALGORITHMS.some((each) => each === algorithm)
}

/** @returns false also for a secret that is too short for the algorithm. */
export function isMacValid(
  algorithm: HmacAlgorithm,
  secret: Uint8Array,
  { input, signature }: { readonly input: string; readonly signature: Uint8Array },
): boolean {
  if (secret.length < SECRET_BYTES_MIN[algorithm]) return false
  const expected = createHmac(HASHES[algorithm], secret).update(input).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}

/** @param key fits the algorithm: {@link algorithmsOf} named it. */
export function isSignatureValid(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  { input, signature }: { readonly input: string; readonly signature: Uint8Array },
): boolean {
  const text = Buffer.from(input)
  switch (algorithm) {
    case 'ES256':
    case 'ES384': {
      const hash = algorithm === 'ES256' ? 'sha256' : 'sha384'
      const byteCount = algorithm === 'ES256' ? 64 : 96
      // RFC 7518 §3.4: both numbers with leading zeros, nothing else.
      if (signature.length !== byteCount) return false
      return verify(hash, text, { key, dsaEncoding: 'ieee-p1363' }, signature)
    }
    case 'EdDSA':
    case 'Ed25519':
      return verify(null, text, key, signature)
    case 'PS256': {
      const padding = constants.RSA_PKCS1_PSS_PADDING
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST // RFC 7518 §3.5
      return verify('sha256', text, { key, padding, saltLength }, signature)
    }
    case 'RS256':
      return verify('sha256', text, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    default:
      return algorithm satisfies never
  }
}

/** What keys of a type may verify; a key of any other type verifies nothing. */
export function algorithmsOf({
  kty,
  crv,
}: {
  readonly kty?: unknown
  readonly crv?: unknown
}): readonly SignatureAlgorithm[] {
  if (kty === 'RSA') return ['RS256', 'PS256']
  if (kty === 'EC' && crv === 'P-256') return ['ES256']
  if (kty === 'EC' && crv === 'P-384') return ['ES384']
  if (kty === 'OKP' && crv === 'Ed25519') return ['EdDSA', 'Ed25519']
  return []
}
