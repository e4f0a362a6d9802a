/**
 * The grants of the token endpoint: a client's own credentials (RFC 6749 §4.4) and refresh tokens
 * (§6). What is given rests on the version of the credential that was presented, and every state
 * that can take it away is asked anew at each refresh.
 */
import type { KeyObject } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { REFUSALS } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { RegionDatabase } from '../../ports/store.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../app-directory.ts'
import type { DeniedAttempt, RecordDenial } from '../audit/denied-access.ts'
import { isAccepted, outcomeOf } from '../engine/reading.ts'
import type { RecordUse } from '../use-recorder.ts'
import type { AccessTokenMint, MintedToken, TokenOrigin } from './access-token-mint.ts'
import type { AuthenticatedClient } from './client-authentication.ts'
import { refreshStep } from './refresh-step.ts'
import { decodeRefreshToken, encodeRefreshToken, type RefreshClaims } from './refresh-token.ts'
import { type GrantedScope, parseScope } from './scope.ts'

/** RFC 6749 §5.2 names, and those of contract 3.4. */
export type GrantRefusal =
  | 'invalid_scope'
  | 'invalid_grant'
  /** Told as `invalid_grant`: a token that we made for this client, and that is good no more. */
  | 'grant_ended'
  | 'access_denied'
  | 'temporarily_unavailable'

export interface GrantedTokens {
  readonly accessToken: MintedToken
  readonly refreshToken: string | undefined
  readonly scope: string
}

type Granted = Result<GrantedTokens, GrantRefusal>

export interface TokenTimes {
  /** Slides with each use. */
  readonly refreshTokenMs: number
  /** 0: no end that does not slide. */
  readonly refreshFamilyMs: number
  readonly refreshLeewayMs: number
}

export interface TokenGrantDeps {
  readonly apps: AppDirectory
  readonly mint: AccessTokenMint
  readonly refreshKey: KeyObject
  readonly regionOf: (app: LoadedApp['app']) => RegionDatabase
  readonly clock: Clock
  readonly random: Random
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
  /** Ends a family with everything that came by it. */
  readonly endFamily: (familyId: string, loaded: LoadedApp, source: Source) => Promise<void>
  readonly times: TokenTimes
}

export interface RefreshRequest {
  readonly refreshToken: string
  /** Says whose token it is; the token has to agree. */
  readonly clientId: string
  /** Undefined: what was granted first. */
  readonly scope: string | undefined
}

/** 128 bits, 22 characters of base64url. */
const FAMILY_ID_BYTES = 16

export class TokenGrants {
  readonly #deps: TokenGrantDeps

  constructor(deps: TokenGrantDeps) {
    this.#deps = deps
  }

  /**
   * @returns at once where no refresh token is asked for; else when its family is durable.
   * @throws Outage
   */
  clientCredentials(
    { loaded, versionId }: AuthenticatedClient,
    scopeText: string | undefined,
    source: Source,
  ): Granted | Promise<Granted> {
    const scope = parseScope(scopeText)
    if (!scope.ok) return refuse('invalid_scope', SCOPE_TEXT)
    const admitted = this.#admit(loaded, source)
    if (!admitted.ok) return admitted
    if (scope.value.isOffline) return this.#startFamily(loaded, versionId, scope.value)
    const seenAtMs = this.#deps.clock.nowMs()
    const origin = { scope: scope.value.text, versionId, familyId: undefined, seenAtMs }
    return this.#answer(loaded, origin)
  }

  /** @returns when the step is durable. @throws Outage before anything was changed. */
  async refresh(request: RefreshRequest, source: Source): Promise<Granted> {
    const { apps, refreshKey, clock, times, regionOf } = this.#deps
    const { clientId, refreshToken } = request
    const claims = decodeRefreshToken(refreshToken, clientId, refreshKey)
    const loaded = apps.findByClientId(clientId)
    if (claims === undefined || loaded === undefined) return this.#unknown(loaded, source)
    const scope = request.scope === undefined ? WHOLE_SCOPE : parseScope(request.scope)
    if (!scope.ok) return refuse('invalid_scope', SCOPE_TEXT)
    const nowMs = clock.nowMs()
    // Everything is asked before the step: a refused refresh leaves the token as good as it was.
    if (loaded.app.region !== claims.region || !this.#isResting(loaded, claims, source)) {
      return GRANT_ENDED
    }
    const admitted = this.#admit(loaded, source)
    if (!admitted.ok) return admitted
    if (!this.#deps.mint.isReady(loaded)) return NO_KEY
    const { familyId: id, generation, versionId } = claims
    const expiresAtMs = nowMs + times.refreshTokenMs
    const outcome = await regionOf(loaded.app).advanceFamily({ id, generation, nowMs, expiresAtMs })
    const leewayMs = times.refreshLeewayMs
    const step = refreshStep(outcome, generation, { nowMs, leewayMs })
    if (step === 'reused') await this.#endReused(claims, loaded, source)
    if (step === 'reused' || step === 'ended') return GRANT_ENDED
    const next = { ...claims, generation: generation + 1 }
    const origin = { scope: scope.value.text, versionId, familyId: id, seenAtMs: nowMs }
    return this.#answer(loaded, origin, encodeRefreshToken(next, clientId, refreshKey))
  }

  async #startFamily(
    loaded: LoadedApp,
    versionId: string,
    { text: scope }: GrantedScope,
  ): Promise<Granted> {
    const { clock, random, times, regionOf, refreshKey } = this.#deps
    const { app } = loaded
    const nowMs = clock.nowMs()
    const { refreshTokenMs, refreshFamilyMs } = times
    const familyId = Buffer.from(random.bytes(FAMILY_ID_BYTES)).toString('base64url')
    await regionOf(app).startFamily({
      id: familyId,
      tenantId: app.tenantId,
      appId: app.id,
      clientId: app.clientId,
      versionId,
      scope,
      generation: 1,
      rotatedAtMs: nowMs,
      expiresAtMs: nowMs + refreshTokenMs,
      endsAtMs: refreshFamilyMs === 0 ? undefined : nowMs + refreshFamilyMs,
      revokedAtMs: undefined,
      createdAtMs: nowMs,
    })
    const claims = { region: app.region, familyId, generation: 1, versionId }
    const refreshToken = encodeRefreshToken(claims, app.clientId, refreshKey)
    return this.#answer(loaded, { scope, versionId, familyId, seenAtMs: nowMs }, refreshToken)
  }

  #answer(
    loaded: LoadedApp,
    { scope, ...origin }: TokenOrigin & { readonly scope: string },
    refreshToken?: string,
  ): Granted {
    const minted = this.#deps.mint.mint(loaded, scope, origin)
    if (!minted.ok) return NO_KEY
    return ok({ accessToken: minted.value, refreshToken, scope })
  }

  /** Whether the version that started the family is still accepted (seed: else 401). */
  #isResting(loaded: LoadedApp, { versionId }: RefreshClaims, source: Source): boolean {
    const nowMs = this.#deps.clock.nowMs()
    for (const { record } of loaded.credentials) {
      const version = record.versions.find(({ id }) => id === versionId)
      if (version === undefined) continue
      const outcome = outcomeOf(version, nowMs)
      // Who refreshes still lives on this version: readiness has to name them.
      this.#deps.recordUse({ credentialId: record.id, versionId, outcome }, source, loaded.app)
      if (isAccepted(version, nowMs)) return true
      this.#denied(loaded, { action: 'auth.retired_version', source, reason: 'invalid_grant' })
      return false
    }
    return false
  }

  #admit(loaded: LoadedApp, source: Source): Result<unknown, GrantRefusal> {
    const admitted = admitApp(loaded, this.#deps.clock.nowMs())
    if (admitted.ok) return admitted
    this.#denied(loaded, { action: 'auth.denied', source, reason: admitted.refusal })
    return refuse('access_denied', REFUSALS[admitted.refusal].text)
  }

  #unknown(loaded: LoadedApp | undefined, source: Source): Granted {
    const reason = 'invalid_grant'
    if (loaded !== undefined) this.#denied(loaded, { action: 'auth.failed', source, reason })
    return GRANT_INVALID
  }

  async #endReused(claims: RefreshClaims, loaded: LoadedApp, source: Source): Promise<void> {
    this.#denied(loaded, { action: 'auth.refresh_reused', source, reason: 'refresh_reused' })
    await this.#deps.endFamily(claims.familyId, loaded, source)
  }

  #denied({ app }: LoadedApp, of: Pick<DeniedAttempt, 'action' | 'source' | 'reason'>): void {
    const actor = { kind: 'app' as const, id: app.id }
    const target = { kind: 'client', id: app.clientId }
    this.#deps.recordDenial({ ...of, actor, target }, app)
  }
}

/** A family always has the scope that started it, which is this one. */
const WHOLE_SCOPE = parseScope('WireSocket.API offline_access')
const GRANT_TEXT = 'The refresh token is not valid: expired, used, revoked, or of another client.'
const GRANT_INVALID = refuse('invalid_grant' as const, GRANT_TEXT)
const GRANT_ENDED = refuse('grant_ended' as const, GRANT_TEXT)
const SCOPE_TEXT = 'Ask for WireSocket.API, and offline_access for a refresh token.'
const NO_KEY = refuse(
  'temporarily_unavailable' as const,
  'The tenant has no signing key at the moment. Try again.',
)
