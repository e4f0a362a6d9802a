/**
 * A JWT as a customer signs it: compact JWS, RFC 7515 §7.1. What the header asks for is held to
 * RFC 8725; nothing in it names a key beyond an id. Pure.
 */
import { peekToken } from '../tokens/peek.ts'
import { type Algorithm, parseAlgorithm } from './algorithms.ts'
import { isKid } from './public-key.ts'

/** Unverified until a key of the app fits. */
export interface SignedToken {
  readonly algorithm: Algorithm
  readonly kid: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
  /** What was signed, RFC 7515 §5.2. */
  readonly input: string
  readonly signature: Uint8Array
}

/** Our bounds: what has more members is nothing a backend mints by hand. */
export const HEADER_COUNT_MAX = 16
export const CLAIM_COUNT_MAX = 64

/**
 * Keys that come with the token (RFC 8725 §3.10), extensions that would have to be understood
 * (RFC 7515 §4.1.11), and what only encrypted or unencoded tokens have.
 */
const REFUSED_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'enc', 'zip', 'cty'] as const

/**
 * @param types what `typ` may be, in upper case.
 * @returns undefined for everything that is not one, whatever is wrong with it.
 */
export function readSignedToken(
  token: string,
  types: ReadonlySet<string> = PLAIN_TYPES,
): SignedToken | undefined {
  const peeked = peekToken(token)
  if (peeked === undefined) return undefined
  const { header, claims } = peeked
  const { alg, typ, kid } = header
  const algorithm = parseAlgorithm(alg)
  const isPlain =
    Object.keys(header).length <= HEADER_COUNT_MAX &&
    Object.keys(claims).length <= CLAIM_COUNT_MAX &&
    !REFUSED_MEMBERS.some((name) => Object.hasOwn(header, name))
  if (algorithm === undefined || !isPlain || !isOfType(typ, types)) return undefined
  if (kid !== undefined && (typeof kid !== 'string' || !isKid(kid))) return undefined
  const end = token.lastIndexOf('.')
  const encoded = token.slice(end + 1)
  const signature = Buffer.from(encoded, 'base64url')
  // One spelling for each signature, so that a token is not many tokens.
  if (signature.toString('base64url') !== encoded) return undefined
  return { algorithm, kid, claims, input: token.slice(0, end), signature }
}

/** RFC 7519 §5.1; access tokens of ours and others' say `at+jwt` (RFC 8725 §3.11). */
const PLAIN_TYPES: ReadonlySet<string> = new Set(['JWT'])

function isOfType(typ: unknown, types: ReadonlySet<string>): boolean {
  return typ === undefined || (typeof typ === 'string' && types.has(typ.toUpperCase()))
}
