/**
 * Keys that stand in where an app has none that fits, so that a token of an unknown app or client
 * takes as long to refuse as one with a wrong signature (ASVS 5.0 §6.3.8). What they verify does
 * not matter: nobody looks.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  type Algorithm,
  isHmac,
  isMacValid,
  isSignatureValid,
  type SignatureAlgorithm,
} from './algorithms.ts'
import type { SignedToken } from './signed-token.ts'

const SECRET = new Uint8Array(64)
/** Verifying costs the same with any odd number of this size. */
const MODULUS = Buffer.alloc(256, 0xc5).toString('base64url')
const KEYS = new Map<Algorithm, KeyObject>()

/** Does the work of one try, for nothing. */
export function tryDecoy(token: SignedToken): void {
  const { algorithm } = token
  if (isHmac(algorithm)) isMacValid(algorithm, SECRET, token)
  else isSignatureValid(algorithm, decoyOf(algorithm), token)
}

function decoyOf(algorithm: SignatureAlgorithm): KeyObject {
  const known = KEYS.get(algorithm)
  if (known !== undefined) return known
  const made = makeDecoy(algorithm)
  KEYS.set(algorithm, made)
  return made
}

function makeDecoy(algorithm: SignatureAlgorithm): KeyObject {
  switch (algorithm) {
    case 'RS256':
    case 'PS256':
      return createPublicKey({ key: { kty: 'RSA', n: MODULUS, e: 'AQAB' }, format: 'jwk' })
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
    case 'EdDSA':
    case 'Ed25519':
      return generateKeyPairSync('ed25519').publicKey
    default:
      return algorithm satisfies never
  }
}
