/**
 * A client takes its own tokens back (RFC 7009): of a refresh token the whole family ends, with the
 * access tokens it gave out (§2.1); of an access token that one. Whoever holds a token may end it.
 */
import type { KeyObject } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Source } from '../../core/source.ts'
import type { Random } from '../../ports/random.ts'
import type { RegionDatabase } from '../../ports/store.ts'
import type { Revocations } from '../administration/revocations.ts'
import type { LoadedApp } from '../app-directory.ts'
import { randomUuid } from '../identifiers.ts'
import { parseKey } from '../key-format.ts'
import type { AccessTokenDoor } from './access-token-door.ts'
import { peekToken } from './peek.ts'
import { decodeRefreshToken, isRefreshTokenShaped } from './refresh-token.ts'

export interface TokenRevocationDeps {
  readonly door: AccessTokenDoor
  readonly refreshKey: KeyObject
  readonly revocations: Revocations
  readonly regionOf: (app: LoadedApp['app']) => RegionDatabase
  readonly random: Random
}

/** How far the clocks of nodes may be apart. */
const SKEW_MS = 60_000
const REASON = 'revoked by the client'

export interface RevocableToken {
  readonly target:
    | { readonly kind: 'family'; readonly familyId: string }
    | { readonly kind: 'token'; readonly tokenId: string }
  /** Undefined: as long as any token can live. */
  readonly untilMs: number | undefined
}

export class TokenRevocation {
  readonly #deps: TokenRevocationDeps

  constructor(deps: TokenRevocationDeps) {
    this.#deps = deps
  }

  /**
   * What there is to end. @param token untrusted. @param loaded the app of the client that asks.
   * @returns undefined for what is no token of this client, or has ended: there is nothing it could
   * do about that (§2.2). A refusal for what ends elsewhere.
   * @throws Outage
   */
  async find(
    token: string,
    loaded: LoadedApp,
  ): Promise<Result<RevocableToken | undefined, 'unsupported_token_type'>> {
    if (isRefreshTokenShaped(token)) return ok(await this.#findFamily(token, loaded))
    const peeked = peekToken(token)
    if (peeked !== undefined && this.#deps.door.isFor(peeked)) {
      return ok(this.#findAccessToken(token, loaded))
    }
    // Saying ok to these would have somebody believe that they have ended.
    const isOther = peeked !== undefined || parseKey(token).ok
    return isOther ? refuse('unsupported_token_type') : ok(undefined)
  }

  /** @throws Outage before anything was revoked. */
  async end(
    { target, untilMs }: RevocableToken,
    { app, tenant }: LoadedApp,
    source: Source,
  ): Promise<void> {
    const { revocations, random } = this.#deps
    const actor = { kind: 'app' as const, id: app.id }
    const caller = { actor, tenantId: tenant.id, source, requestId: randomUuid(random) }
    const place = { tenantId: tenant.id, appId: app.id, reason: REASON }
    const life = untilMs === undefined ? {} : { untilMs }
    const revoked = await revocations.revoke(target, { ...place, ...life }, caller)
    if (!revoked.ok) throw new Error(`the token of a loaded app was not found: ${revoked.refusal}`)
  }

  async #findFamily(token: string, { app }: LoadedApp): Promise<RevocableToken | undefined> {
    const { refreshKey, regionOf } = this.#deps
    const claims = decodeRefreshToken(token, app.clientId, refreshKey)
    if (claims === undefined || claims.region !== app.region) return undefined
    const { familyId } = claims
    const family = await regionOf(app).transaction((each) => each.findFamily(familyId))
    const isOpen = family !== undefined && family.revokedAtMs === undefined
    return isOpen ? { target: { kind: 'family', familyId }, untilMs: undefined } : undefined
  }

  #findAccessToken(token: string, { app }: LoadedApp): RevocableToken | undefined {
    const verified = this.#deps.door.verify(token)
    if (!verified.ok || verified.value.appId !== app.id) return undefined
    const { tokenId, expiresAtMs } = verified.value
    return { target: { kind: 'token', tokenId }, untilMs: expiresAtMs + SKEW_MS }
  }
}
