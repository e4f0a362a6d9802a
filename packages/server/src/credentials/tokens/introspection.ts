/**
 * What a token says, for the app it is of (RFC 7662). Of tokens of other apps, of garbage and of
 * what has ended, all that is told is that they are not active: nothing here finds out which of
 * these it is (§2.2).
 */
import type { KeyObject } from 'node:crypto'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { VersionRecord } from '../../ports/records/credential.ts'
import type { RegionDatabase } from '../../ports/store.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../app-directory.ts'
import type { Bearers } from '../bearers.ts'
import { isAccepted } from '../engine/reading.ts'
import { parseKey } from '../key-format.ts'
import { DEFAULT_SCOPES } from '../scopes.ts'
import type { SecretCheck } from '../secret-check.ts'
import { peekToken } from './peek.ts'
import { decodeRefreshToken, isRefreshTokenShaped } from './refresh-token.ts'

/** Members of an answer about an active token, RFC 7662 §2.2, without `active` itself. */
export type TokenDescription = Readonly<Record<string, unknown>>

export interface IntrospectionDeps {
  readonly apps: AppDirectory
  readonly bearers: Bearers
  readonly check: SecretCheck
  readonly refreshKey: KeyObject
  readonly regionOf: (app: LoadedApp['app']) => RegionDatabase
  readonly clock: Clock
}

export class Introspection {
  readonly #deps: IntrospectionDeps

  constructor(deps: IntrospectionDeps) {
    this.#deps = deps
  }

  /**
   * @param token untrusted, of any kind we know. @param loaded the app that asks.
   * @returns undefined for everything that is not active, or not of this app.
   * @throws Outage
   */
  async describe(
    token: string,
    loaded: LoadedApp,
    source: Source,
  ): Promise<TokenDescription | undefined> {
    if (!admitApp(loaded, this.#deps.clock.nowMs()).ok) return undefined
    if (isRefreshTokenShaped(token)) return this.#describeRefresh(token, loaded)
    const peeked = peekToken(token)
    if (peeked === undefined) return this.#describeKey(token, loaded)
    const identity = await this.#deps.bearers.verifySigned(token, source)
    if (!identity.ok || identity.value.loaded.app.id !== loaded.app.id) return undefined
    return { ...peeked.claims, token_type: 'Bearer' }
  }

  async #describeRefresh(
    token: string,
    { app, credentials }: LoadedApp,
  ): Promise<TokenDescription | undefined> {
    const { refreshKey, regionOf, clock } = this.#deps
    const claims = decodeRefreshToken(token, app.clientId, refreshKey)
    if (claims === undefined || claims.region !== app.region) return undefined
    const family = await regionOf(app).transaction((each) => each.findFamily(claims.familyId))
    const nowMs = clock.nowMs()
    const version = credentials
      .flatMap(({ record }) => record.versions)
      .find(({ id }) => id === claims.versionId)
    if (version === undefined || !isAccepted(version, nowMs)) return undefined
    // One that was used is not active, though a repeated refresh may still be answered.
    if (family?.generation !== claims.generation || family.revokedAtMs !== undefined) {
      return undefined
    }
    const expiresAtMs = Math.min(family.expiresAtMs, family.endsAtMs ?? Number.POSITIVE_INFINITY)
    if (nowMs >= expiresAtMs) return undefined
    return {
      client_id: app.clientId,
      sub: app.clientId,
      scope: family.scope,
      iat: seconds(family.rotatedAtMs),
      exp: seconds(expiresAtMs),
      token_type: 'refresh_token',
    }
  }

  async #describeKey(token: string, { app }: LoadedApp): Promise<TokenDescription | undefined> {
    const { apps, check, clock } = this.#deps
    const parsed = parseKey(token)
    if (!parsed.ok) return undefined
    const entry = apps.findByKeyId(parsed.value.keyId)
    const nowMs = clock.nowMs()
    // Looking is no use of the key: nothing is recorded.
    const match = check.match(token, entry === undefined ? [] : [entry.version], nowMs)
    if (entry === undefined || match?.outcome !== 'accepted') return undefined
    if (entry.loaded.app.id !== app.id) return undefined
    if (!(await check.confirm(token, match.version))) return undefined
    const { id, attributes } = entry.credential.record
    return {
      client_id: app.clientId,
      sub: id,
      scope: (attributes.scopes ?? DEFAULT_SCOPES).join(' '),
      iat: seconds(match.version.createdAtMs),
      ...expiryOf(match.version),
      token_type: 'api_key',
    }
  }
}

function expiryOf({ expiresAtMs, acceptUntilMs }: VersionRecord): { readonly exp?: number } {
  const ends = [expiresAtMs, acceptUntilMs].filter((each) => each !== undefined)
  return ends.length === 0 ? {} : { exp: seconds(Math.min(...ends)) }
}

/** NumericDate, RFC 7519 §2. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
