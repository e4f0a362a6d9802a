/**
 * Checks access tokens of Lockgate where they are presented: RFC 9068, RFC 8725. The signature is
 * verified by jose with the published keys of one issuer, which is one tenant.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { checkedUrl } from './endpoint-url.ts'
import { KeySet } from './key-set.ts'
import { type System, SYSTEM } from './system.ts'

export interface VerifierOptions {
  /** `https://HOST/TENANT_ID`, exactly as tokens say it. */
  readonly issuer: string
  /** `ISSUER/.well-known/jwks` unless given. */
  readonly jwksUrl?: string
  /** {@link API_AUDIENCE} unless given; tokens have to name it, and have it among their scopes. */
  readonly audience?: string
  readonly dangerousPlainHttp?: boolean
  /** For tests. */
  readonly system?: System
}

export const API_AUDIENCE = 'WireSocket.API'

/** What a good token says; the rest of its claims is there too. */
export interface AccessTokenClaims extends JWTPayload {
  readonly iss: string
  /** The client. */
  readonly sub: string
  readonly jti: string
  readonly exp: number
  readonly iat: number
  readonly scope: string
  readonly tenantid: string
  readonly appId: string
}

/** `token_invalid` is every way of not being a token of this issuer for this audience. */
export type TokenRefusal = 'token_malformed' | 'token_expired' | 'token_invalid'

/** Our bound on the text of a token. */
export const TOKEN_CHARACTERS_MAX = 8_192
/** What the tokens of Lockgate are signed with. The key decides which of them. */
const ALGORITHMS = ['ES256', 'RS256']
const SKEW_SECONDS = 30

export class AccessTokenVerifier {
  readonly #keys: KeySet
  readonly #options: VerifierOptions
  readonly #system: System

  /** @throws TypeError for an address that keys must not come from. */
  constructor(options: VerifierOptions) {
    const { issuer, jwksUrl = `${issuer}/.well-known/jwks`, system = SYSTEM } = options
    this.#keys = new KeySet(checkedUrl(jwksUrl, options.dangerousPlainHttp === true).href, system)
    this.#options = options
    this.#system = system
  }

  /**
   * @param token untrusted.
   * @throws KeysUnavailable when the keys cannot be had: an outage, and no judgement of the token.
   */
  async verify(token: string): Promise<Result<AccessTokenClaims, TokenRefusal>> {
    if (token.length > TOKEN_CHARACTERS_MAX) return refuse('token_malformed')
    const first = await this.#verifyWith(await this.#keys.current(), token)
    if (first !== 'key_unknown') return first
    // The issuer may have a new key; it is asked now and then, not for each invented name.
    if (!(await this.#keys.renew())) return refuse('token_invalid')
    const second = await this.#verifyWith(await this.#keys.current(), token)
    return second === 'key_unknown' ? refuse('token_invalid') : second
  }

  async #verifyWith(
    keys: JWTVerifyGetKey,
    token: string,
  ): Promise<Result<AccessTokenClaims, TokenRefusal> | 'key_unknown'> {
    const { issuer, audience = API_AUDIENCE } = this.#options
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        typ: 'at+jwt', // RFC 9068 §4: no other JWT of the issuer passes for an access token
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'scope', 'tenantid', 'appId'],
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(this.#system.now()),
      })
      // RFC 8725 §3.10: a token does not say where its key comes from.
      const { jku, x5u, jwk } = protectedHeader
      const isNaming = [jku, x5u, jwk].some((each) => each !== undefined)
      if (isNaming || !isAccessToken(payload, { issuer, audience })) return refuse('token_invalid')
      return ok(payload)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return 'key_unknown'
      if (error instanceof errors.JWTExpired) return refuse('token_expired')
      if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
        return refuse('token_malformed')
      }
      if (error instanceof errors.JOSEError) return refuse('token_invalid')
      throw error
    }
  }
}

function isAccessToken(
  payload: JWTPayload,
  { issuer, audience }: { readonly issuer: string; readonly audience: string },
): payload is AccessTokenClaims {
  const { aud, scope, tenantid, sub, appId, jti } = payload
  // One audience: a token for several could be taken from one of them to another.
  const isForUs = aud === audience || (Array.isArray(aud) && aud.length === 1)
  const texts = [scope, tenantid, sub, appId, jti]
  if (!isForUs || !texts.every((each) => typeof each === 'string')) return false
  const isOfTenant = issuer.endsWith(`/${String(tenantid)}`)
  return isOfTenant && String(scope).split(' ').includes(audience)
}
