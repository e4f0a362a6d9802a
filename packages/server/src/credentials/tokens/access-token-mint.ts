/**
 * Makes access tokens: JWTs in the profile of RFC 9068 with the claims of WireSocket, signed with
 * the key of the tenant. What is the same in every token of an app is written once, so that the
 * signature is nearly all of the work.
 */
import { sign } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Clock } from '../../ports/clock.ts'
import type { PlanLimits } from '../../ports/records/plan.ts'
import type { Random } from '../../ports/random.ts'
import { asLimits } from '../../core/limits/narrowed-limits.ts'
import type { AppLimits } from '../../core/limits/charges.ts'
import { isOfInstallation } from '../../core/limits/installation-limits.ts'
import { LIMIT_NAMES } from '../../core/limits/limit-names.ts'
import { defaultLimit, formatLimit } from '../../core/limits/limit-text.ts'
import type { LoadedApp } from '../app-directory.ts'
import { type AppLimitBook, numbersAsTexts } from '../app-limits.ts'
import type { Issuer } from './issuer.ts'
import { API_SCOPE } from './scope.ts'
import type { SigningKeyPair } from './signing-material.ts'
import type { TenantKeys } from './tenant-keys.ts'

/** Exactly this text, never a list. */
export const AUDIENCE = API_SCOPE
/** 128 bits: tokens are told apart by it for as long as they live. */
const TOKEN_ID_BYTES = 16

/** What a token comes from: when it ends, so does the token. */
export interface TokenOrigin {
  /** Of the client credential that was presented, or that started the family. */
  readonly versionId: string
  /** Undefined without a refresh token. */
  readonly familyId: string | undefined
  /** When it was seen to hold; what is revoked from then on ends the token. */
  readonly seenAtMs: number
}

export interface MintedToken {
  readonly token: string
  readonly expiresInSeconds: number
}

export interface MintDeps {
  readonly keys: TenantKeys
  readonly issuer: Issuer
  readonly clock: Clock
  readonly random: Random
  /** The code of the database an app lives in. */
  readonly dbCodeOf: (app: LoadedApp['app']) => string
  /** Of the WebSocket region that documents are opened in here; undefined: there is but one. */
  readonly regionCode?: string | undefined
  readonly lifeMs: number
  readonly limits: AppLimitBook
}

export class AccessTokenMint {
  readonly #deps: MintDeps
  /** By app as the directory holds it, then by scope, of which there are two. */
  readonly #openings = new WeakMap<LoadedApp, Map<string, string>>()

  constructor(deps: MintDeps) {
    this.#deps = deps
  }

  /** Whether {@link mint} can sign now. */
  isReady({ tenant }: LoadedApp): boolean {
    return this.#deps.keys.signer(tenant.id, this.#deps.clock.nowMs()) !== undefined
  }

  /** @returns `no_signing_key` until the tenant has a key again after an emergency. */
  mint(
    loaded: LoadedApp,
    scope: string,
    { versionId, familyId, seenAtMs }: TokenOrigin,
  ): Result<MintedToken, 'no_signing_key'> {
    const { keys, clock, random, lifeMs } = this.#deps
    const nowMs = clock.nowMs()
    const key = keys.signer(loaded.tenant.id, nowMs)
    if (key === undefined) return refuse('no_signing_key')
    const iat = Math.floor(nowMs / 1000)
    const expiresInSeconds = Math.floor(lifeMs / 1000)
    const jti = Buffer.from(random.bytes(TOKEN_ID_BYTES)).toString('base64url')
    const family = familyId === undefined ? '' : `,"family":"${familyId}"`
    // `iat_ms` tells a token from one that was issued before a revocation of the same second.
    const own =
      `,"iat":${iat},"exp":${iat + expiresInSeconds},"jti":"${jti}"` +
      `,"iat_ms":${seenAtMs},"version":"${versionId}"${family}}`
    const payload = Buffer.from(this.#opening(loaded, scope) + own).toString('base64url')
    const input = `${key.accessTokenHeader}.${payload}`
    return ok({ token: `${input}.${signatureOf(input, key.pair)}`, expiresInSeconds })
  }

  #opening(loaded: LoadedApp, scope: string): string {
    let openings = this.#openings.get(loaded)
    if (openings === undefined) {
      openings = new Map()
      this.#openings.set(loaded, openings)
    }
    let opening = openings.get(scope)
    if (opening === undefined) {
      opening = this.#write(loaded, scope)
      openings.set(scope, opening)
    }
    return opening
  }

  /** @returns JSON text of an object without its closing brace. */
  #write(loaded: LoadedApp, scope: string): string {
    const { app, tenant, limits } = loaded
    const [first, second, third] = app.allowedDomains
    const claims = {
      iss: this.#deps.issuer.of(tenant.id),
      sub: app.clientId, // RFC 9068 §2.2: without a resource owner, the client itself
      client_id: app.clientId,
      aud: AUDIENCE,
      scope,
      tenantid: tenant.id,
      appId: app.id,
      licenseRegionCode: app.region,
      dbCode: this.#deps.dbCodeOf(app),
      regionCode: this.#deps.regionCode,
      allowed_domain_1: first,
      allowed_domain_2: second,
      allowed_domain_3: third,
      // Whoever verifies the token knows what holds, and looks nothing up.
      limits: limits && { ...limits, rateLimits: textsOf(this.#deps.limits.of(loaded), limits) },
    }
    return JSON.stringify(claims).slice(0, -1)
  }
}

/** Everybody knows these from the table of limits; tokens stay short without them. */
const DEFAULT_TEXTS: ReadonlySet<string> = new Set(
  LIMIT_NAMES.flatMap((name) => {
    const limit = defaultLimit(name)
    return limit === undefined ? [] : formatLimit(limit)
  }),
)

/** What the numbers say is not said again. */
function textsOf({ effective }: AppLimits, numbers: PlanLimits): readonly string[] | undefined {
  const said = new Set(numbersAsTexts(numbers))
  const texts = asLimits(effective)
    .filter(({ name }) => !isOfInstallation(name))
    .map(formatLimit)
    .filter((text) => !DEFAULT_TEXTS.has(text) && !said.has(text))
  return texts.length === 0 ? undefined : texts
}

/** JWS signature, RFC 7518 §3.3 and §3.4. Synchronous: handing it to a thread costs more. */
function signatureOf(input: string, { algorithm, privateKey }: SigningKeyPair): string {
  const key =
    algorithm === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey
  return sign('sha256', Buffer.from(input), key).toString('base64url')
}
