/** Makes and reads the private keys that tenants sign access tokens with. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type webcrypto,
} from 'node:crypto'
import type { SigningAlgorithm } from '../../ports/records/tenant.ts'

/** RFC 7518 §3.3 asks for 2048 bits at least. */
const RSA_BITS = 2048

export interface SigningKeyPair {
  /** JWK thumbprint, RFC 7638. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** As a key set publishes it, RFC 7517. */
  readonly jwk: webcrypto.JsonWebKey & { readonly kid: string }
}

/** @returns a fresh private key as base64 of PKCS #8; made off the event loop. */
export function makeSigningMaterial(algorithm: SigningAlgorithm): Promise<string> {
  const privateKeyEncoding = { format: 'der', type: 'pkcs8' } as const
  const publicKeyEncoding = { format: 'der', type: 'spki' } as const
  const encodings = { privateKeyEncoding, publicKeyEncoding }
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _public: Buffer, privateKey: Buffer) => {
      if (error === null) resolve(privateKey.toString('base64'))
      else reject(error)
    }
    if (algorithm === 'ES256') generateKeyPair('ec', { namedCurve: 'P-256', ...encodings }, done)
    else generateKeyPair('rsa', { modulusLength: RSA_BITS, ...encodings }, done)
  })
}

/** @param material the opened value: UTF-8 of what {@link makeSigningMaterial} gave. */
export function readSigningMaterial(material: Uint8Array): SigningKeyPair {
  const key = Buffer.from(Buffer.from(material).toString('latin1'), 'base64')
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const algorithm = privateKey.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256'
  const bare = publicKey.export({ format: 'jwk' })
  const kid = thumbprintOf(bare)
  return {
    kid,
    algorithm,
    privateKey,
    publicKey,
    jwk: { ...bare, kid, alg: algorithm, use: 'sig' },
  }
}

/** RFC 7638 §3.2: the required members of the key, in lexical order. */
export function thumbprintOf(jwk: webcrypto.JsonWebKey): string {
  const { crv, e, kty, n, x, y } = jwk
  const members = Object.entries({ crv, e, kty, n, x, y }).filter(
    ([, value]) => value !== undefined,
  )
  const text = JSON.stringify(Object.fromEntries(members))
  return createHash('sha256').update(text).digest('base64url')
}
