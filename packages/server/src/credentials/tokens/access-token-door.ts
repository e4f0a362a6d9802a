/**
 * Verifies our own access tokens, in memory only: RFC 9068 §4, and the rules of RFC 8725. The
 * tenant is read from the issuer before anything is verified and only chooses whose keys may
 * verify; after that everything the token says has to agree. A token that was verified is
 * remembered, so that its next use costs look-ups and no signature.
 */
import { verify } from 'node:crypto'
import { isJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PlanLimits } from '../../ports/records/plan.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../app-directory.ts'
import { readLimits } from '../app-limits.ts'
import type { BearerIdentity, TokenDoor } from '../bearers.ts'
import type { RevocationList } from '../revocation-list.ts'
import { permissionsOfScopes } from '../scopes.ts'
import { AUDIENCE } from './access-token-mint.ts'
import type { Issuer } from './issuer.ts'
import { type PeekedToken, peekToken } from './peek.ts'
import { readPlanLimits } from './plan-claim.ts'
import { API_SCOPE } from './scope.ts'
import type { SigningKeyPair } from './signing-material.ts'
import type { TenantKeys } from './tenant-keys.ts'
import { tokenIdOf } from './token-id.ts'

/** Our bound: about 1.5 KiB each. The oldest go first, and cost a signature when used again. */
export const KNOWN_TOKEN_COUNT_MAX = 10_000
/** How far the clocks of nodes may be apart. */
const SKEW_MS = 60_000
/** RFC 7518 §3.4: R and S of 32 bytes each. */
const ES256_SIGNATURE_BYTES = 64

export interface AccessTokenDeps {
  readonly apps: AppDirectory
  readonly keys: TenantKeys
  readonly issuer: Issuer
  readonly revocations: RevocationList
  readonly clock: Clock
  /** {@link KNOWN_TOKEN_COUNT_MAX} unless a test asks for less. */
  readonly knownCountMax?: number
}

/** A token whose signature and claims hold; whether it still counts is asked at every use. */
export interface AccessToken {
  readonly claims: Readonly<Record<string, unknown>>
  /** As {@link tokenIdOf} gives it. */
  readonly tokenId: string
  readonly tenantId: string
  readonly appId: string
  readonly kid: string
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  /** What ends for ever when it is revoked, whenever that was. */
  readonly rests: readonly Reliance[]
  /** What can be revoked and go on with newer tokens. */
  readonly belongs: readonly Reliance[]
  /** What held when it was made; undefined in tokens of older versions. */
  readonly limits: CredentialLimits | undefined
  readonly planLimits: PlanLimits | undefined
}

/** Nothing but its own app: what an API key without scopes may do. */
const PERMISSIONS = permissionsOfScopes(undefined)

export class AccessTokenDoor implements TokenDoor {
  readonly #deps: AccessTokenDeps
  readonly #known = new Map<string, AccessToken>()

  constructor(deps: AccessTokenDeps) {
    this.#deps = deps
  }

  isFor({ claims }: PeekedToken): boolean {
    return this.#deps.issuer.tenantOf(claims['iss']) !== undefined
  }

  recall(token: string): BearerIdentity | undefined {
    const known = this.#known.get(token)
    if (known === undefined) return undefined
    const identity = this.#admit(known)
    if (identity.ok) return identity.value
    this.#known.delete(token)
    return undefined
  }

  async authenticate(token: string): Promise<Result<BearerIdentity, RefusalCode>> {
    const verified = this.verify(token)
    if (!verified.ok) return verified
    const identity = this.#admit(verified.value)
    if (identity.ok) this.#remember(token, verified.value)
    return identity
  }

  /**
   * Whether the token is one of ours, unexpired and not revoked. Says nothing about its app.
   * @returns `credential_invalid` for every forgery.
   */
  verify(token: string): Result<AccessToken, RefusalCode> {
    const peeked = peekToken(token)
    const known = peeked === undefined ? undefined : this.#verifySigned(token, peeked)
    if (known === undefined) return refuse('credential_invalid')
    const state = this.#stateOf(known)
    return state.ok ? ok(known) : state
  }

  #admit(known: AccessToken): Result<BearerIdentity, RefusalCode> {
    const state = this.#stateOf(known)
    if (!state.ok) return state
    const loaded = this.#deps.apps.findById(known.appId)
    if (loaded === undefined || !isOf(known, loaded)) return refuse('credential_invalid')
    const admitted = admitApp(loaded, this.#deps.clock.nowMs())
    if (!admitted.ok) return admitted
    return ok({
      loaded,
      permissions: PERMISSIONS,
      reliances: known.rests,
      userId: undefined,
      expiresAtMs: known.expiresAtMs,
      limits: known.limits,
      planLimits: known.planLimits,
      issuedAtMs: known.issuedAtMs,
    })
  }

  /** Everything time and revocations can change. */
  #stateOf(known: AccessToken): Result<true, RefusalCode> {
    const { keys, revocations, clock } = this.#deps
    const nowMs = clock.nowMs()
    if (nowMs >= known.expiresAtMs) return refuse('token_expired')
    // From the future: the clock was set back, and a revocation of now would miss it.
    if (known.issuedAtMs > nowMs + SKEW_MS) return refuse('credential_invalid')
    if (keys.verifier(known.tenantId, known.kid, nowMs) === undefined) {
      return refuse('credential_revoked')
    }
    const isRevoked =
      revocations.isRevoked(known.rests, 0) ||
      revocations.isRevoked(known.belongs, known.issuedAtMs)
    return isRevoked ? refuse('credential_revoked') : ok(true)
  }

  #verifySigned(token: string, { header, claims }: PeekedToken): AccessToken | undefined {
    const { keys, issuer, clock } = this.#deps
    const { alg, typ, kid, ...others } = header
    // We write these three and no others: no jku, x5u, jwk or crit (RFC 8725 §3.10, RFC 7515 §4).
    if (typ !== 'at+jwt' || Object.keys(others).length > 0) return undefined
    const tenantId = issuer.tenantOf(claims['iss'])
    if (tenantId === undefined || claims['tenantid'] !== tenantId) return undefined
    const key = keys.verifier(tenantId, kid, clock.nowMs())
    // RFC 8725 §3.1: the key says which algorithm, the token only repeats it.
    if (key === undefined || alg !== key.pair.algorithm) return undefined
    if (!isSignedWith(token, key.pair)) return undefined
    return readClaims(claims, { tenantId, kid: key.pair.kid })
  }

  #remember(token: string, known: AccessToken): void {
    const { knownCountMax = KNOWN_TOKEN_COUNT_MAX } = this.#deps
    this.#known.set(token, known)
    if (this.#known.size <= knownCountMax) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function isOf({ tenantId, claims }: AccessToken, { app, tenant }: LoadedApp): boolean {
  return tenant.id === tenantId && claims['client_id'] === app.clientId
}

function isSignedWith(token: string, { algorithm, publicKey }: SigningKeyPair): boolean {
  const cut = token.lastIndexOf('.')
  const input = Buffer.from(token.slice(0, cut))
  const signature = Buffer.from(token.slice(cut + 1), 'base64url')
  if (algorithm === 'RS256') return verify('sha256', input, publicKey, signature)
  if (signature.length !== ES256_SIGNATURE_BYTES) return false
  return verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
}

/** @param claims signed by us; still held to what RFC 9068 §2.2 asks of them. */
function readClaims(
  claims: Readonly<Record<string, unknown>>,
  { tenantId, kid }: { readonly tenantId: string; readonly kid: string },
): AccessToken | undefined {
  const { aud, scope, exp, jti, appId, version, family } = claims
  const issuedAtMs = claims['iat_ms']
  if (aud !== AUDIENCE || typeof scope !== 'string') return undefined
  if (!scope.split(' ').includes(API_SCOPE)) return undefined
  if (!isWhole(exp) || !isWhole(issuedAtMs) || !isWhole(claims['iat'])) return undefined
  if (typeof jti !== 'string' || typeof appId !== 'string' || typeof version !== 'string') {
    return undefined
  }
  if (family !== undefined && typeof family !== 'string') return undefined
  return {
    claims,
    tokenId: tokenIdOf(appId, jti),
    tenantId,
    appId,
    kid,
    issuedAtMs,
    expiresAtMs: exp * 1000,
    rests: [
      relianceOn({ kind: 'token', tokenId: tokenIdOf(appId, jti) }),
      relianceOn({ kind: 'version', versionId: version }),
      ...(family === undefined ? [] : [relianceOn({ kind: 'family', familyId: family })]),
    ],
    belongs: [relianceOn({ kind: 'app', appId }), relianceOn({ kind: 'tenant', tenantId })],
    limits: readTokenLimits(claims['limits'], tokenIdOf(appId, jti)),
    planLimits: readPlanLimits(claims['limits']),
  }
}

/** We wrote them; a name that a newer version knows is passed over. */
function readTokenLimits(claim: unknown, holder: string): CredentialLimits | undefined {
  const texts = isJsonObject(claim) ? claim['rateLimits'] : undefined
  if (!Array.isArray(texts)) return undefined
  const isText = (each: unknown): each is string => typeof each === 'string'
  return { holder, limits: readLimits(texts.filter(isText)) }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
