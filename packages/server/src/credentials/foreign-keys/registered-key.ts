/**
 * What a customer registers in place of a secret: a public key, or where it publishes its keys.
 * Read from the call or the configuration into what is stored. No answer repeats what was given.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Material } from '../../ports/records/credential.ts'
import { HMAC_ALGORITHMS, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './algorithms.ts'
import { type PublicKeyRefusal, readJwk, readJwkText, readPem } from './public-key.ts'

/** At most one of them. */
export interface KeyFields {
  readonly jwk?: Readonly<Record<string, unknown>> | string | undefined
  readonly publicKeyPem?: string | undefined
  readonly jwksUrl?: string | undefined
}

export type ForeignMaterial = Extract<Material, { storage: 'public' | 'remote' }>

const JWKS_URL = /^https?:\/\/[!-~]{1,2000}$/

/** @returns undefined where none of the fields is given. */
export function readRegisteredKey(
  { jwk, publicKeyPem, jwksUrl }: KeyFields,
  algorithms: readonly string[] | undefined,
): Result<ForeignMaterial | undefined, 'input_invalid' | 'weak_secret'> {
  const given = [jwk, publicKeyPem, jwksUrl].filter((field) => field !== undefined)
  if (given.length === 0) return ok(undefined)
  if (given.length > 1) return refuse('input_invalid', 'Give one of jwk, publicKeyPem, jwksUrl.')
  if (jwksUrl !== undefined) return readUrl(jwksUrl)
  const read =
    publicKeyPem === undefined
      ? typeof jwk === 'string'
        ? readJwkText(jwk)
        : readJwk(jwk ?? {})
      : readPem(publicKeyPem)
  if (!read.ok)
    return refuse(read.refusal === 'weak' ? 'weak_secret' : 'input_invalid', TEXTS[read.refusal])
  const isFit =
    algorithms === undefined || read.value.algorithms.some((each) => algorithms.includes(each))
  if (!isFit)
    return refuse('input_invalid', `This key verifies ${read.value.algorithms.join(', ')}.`)
  return ok({ storage: 'public', jwk: read.value.jwk })
}

/** Whether every one is an algorithm that public keys are for. */
export function areSignatureAlgorithms(
  algorithms: readonly string[],
): algorithms is readonly SignatureAlgorithm[] {
  return algorithms.every((each) => SIGNATURE_ALGORITHMS.some((known) => known === each))
}

export function areHmacAlgorithms(algorithms: readonly string[]): boolean {
  return algorithms.every((each) => HMAC_ALGORITHMS.some((known) => known === each))
}

/** Where it leads is judged when it is called; here only that it is one. */
function readUrl(text: string): Result<ForeignMaterial, 'input_invalid'> {
  const url = JWKS_URL.test(text) ? URL.parse(text) : null
  const isPlain = url !== null && url.username === '' && url.password === '' && url.hash === ''
  if (!isPlain) {
    return refuse('input_invalid', 'jwksUrl is an https URL without user, password and fragment.')
  }
  return ok({ storage: 'remote', jwksUrl: text })
}

const TEXTS: Readonly<Record<PublicKeyRefusal, string>> = {
  malformed: 'This is not a public key: give a JWK, or PEM that begins with BEGIN PUBLIC KEY.',
  private:
    'This key can sign. Register the public key only, and replace this pair: it has been sent.',
  weak: 'RSA keys have 2048 to 8192 bits and the exponent 65537.',
  unsupported: 'Keys are RSA, P-256, P-384 or Ed25519, and for verifying signatures.',
}
