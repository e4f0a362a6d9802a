/**
 * What a token of an identity provider says, held to what its integration asks for: RFC 7519 §4.1,
 * contract CloudSignal 2.3. The signature has been verified, or nothing here is asked. Pure.
 */
import { isJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { ProviderRecord } from '../../ports/records/rule-set.ts'
import { LEEWAY_MS, readTimes } from '../foreign-keys/token-times.ts'
import { UNVERIFIED } from './lineage.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface ProvedUser {
  /** Lowercase. */
  readonly email: string
  readonly userId: string
  /** Text claims that rules may name. */
  readonly claims: Readonly<Record<string, string>>
  readonly expiresAtMs: number
}

export type ClaimRefusal = 'token_expired' | 'invalid_token' | 'missing_claim'

/** Our bounds on what is kept of one token. */
export const KEPT_CLAIM_COUNT_MAX = 16
export const KEPT_CLAIM_CHARACTERS_MAX = 200
const IDENTITY_CHARACTERS_MAX = 200
const AUDIENCE_COUNT_MAX = 16
const EMAIL_CHARACTERS_MAX = 254
/** One `@` or more, and neither spaces nor control characters. */
const EMAIL = /^[^\s\p{Cc}]+@[^\s@\p{Cc}]+$/u
/** What is for the verifier, and means nothing to a rule. */
const UNKEPT: ReadonlySet<string> = new Set(['iss', 'aud', 'jti', 'nonce', 'at_hash', 'c_hash'])

/** @returns the address in lower case; undefined for what is none. */
export function parseEmail(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > EMAIL_CHARACTERS_MAX) return undefined
  return EMAIL.test(value) ? foldCase(value) : undefined
}

/**
 * Letters of ASCII alone: `toLowerCase` makes a `k` of the sign for Kelvin, and with that one
 * address of another.
 */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Whether the issuer says of the address that nobody has proved it; some say so in a text. */
export function isUnverified(claims: Claims): boolean {
  const verified = claims['email_verified']
  return verified !== undefined && verified !== true && verified !== 'true'
}

export function readProvedUser(
  claims: Claims,
  provider: ProviderRecord,
  nowMs: number,
): Result<ProvedUser, ClaimRefusal> {
  // The provider says how long its tokens live; ours do not outlive our own bounds.
  const times = readTimes(claims, { nowMs, lifeMsMax: Number.POSITIVE_INFINITY })
  if (!times.ok) return refuse(times.refusal === 'expired' ? 'token_expired' : 'invalid_token')
  if (!isMeantFor(claims, provider) || !isOfType(claims, provider, nowMs)) {
    return refuse('invalid_token')
  }
  const { requiredClaims, emailClaim, userIdClaim } = provider
  const missing = requiredClaims.find((name) => !isPresent(claimAt(claims, name)))
  if (missing !== undefined) return refuse('missing_claim', missing)
  const email = parseEmail(claimAt(claims, emailClaim))
  if (email === undefined) return refuse('missing_claim', emailClaim)
  const userId = claimAt(claims, userIdClaim)
  if (!isIdentity(userId)) return refuse('missing_claim', userIdClaim)
  return ok({
    email,
    userId,
    claims: keptOf(claims, emailClaim),
    expiresAtMs: times.value.expiresAtMs,
  })
}

/** RFC 7519 §4.1.1 and §4.1.3; `azp` of OpenID Connect Core §2. */
function isMeantFor({ iss, aud, azp }: Claims, provider: ProviderRecord): boolean {
  const { issuer, audience, authorizedParties } = provider
  if (issuer !== '' && iss !== issuer) return false
  if (authorizedParties.length > 0 && !authorizedParties.some((each) => each === azp)) return false
  if (audience.length === 0) return true
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return named.length <= AUDIENCE_COUNT_MAX && audience.some((each) => named.includes(each))
}

/** What Firebase asks verifiers to check beside the rest. */
function isOfType({ sub, auth_time }: Claims, { type }: ProviderRecord, nowMs: number): boolean {
  if (type !== 'firebase') return true
  if (typeof sub !== 'string' || sub === '') return false
  return typeof auth_time === 'number' && auth_time * 1_000 <= nowMs + LEEWAY_MS
}

/**
 * A claim by its whole name, which may be a URL (`https://example.com/email`), else by the way to
 * it: `user_metadata.email`.
 */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (!isJsonObject(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function isIdentity(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false
  return value.length <= IDENTITY_CHARACTERS_MAX && !/\p{Cc}/u.test(value)
}

function keptOf(claims: Claims, emailClaim: string): Readonly<Record<string, string>> {
  const isOpen = isUnverified(claims)
  const texts = Object.entries(claims).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' &&
      !UNKEPT.has(entry[0]) &&
      // An address that is nobody's stands for nobody in rules, whatever they call it.
      !(isOpen && (entry[0] === 'email' || entry[0] === emailClaim)) &&
      entry[0].length <= KEPT_CLAIM_CHARACTERS_MAX &&
      entry[1].length <= KEPT_CLAIM_CHARACTERS_MAX,
  )
  const kept = Object.fromEntries(texts.slice(0, KEPT_CLAIM_COUNT_MAX))
  return isOpen ? { ...kept, ...UNVERIFIED } : kept
}
