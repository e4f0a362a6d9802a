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

const REASON = 'revoked by the client'

export class TokenRevocation {
  readonly #deps: TokenRevocationDeps

  constructor(deps: TokenRevocationDeps) {
    this.#deps = deps
  }

  /**
   * @param token untrusted. @param loaded the app of the client that asks.
   * @returns ok also for what is no token of this client, or has ended: there is nothing it could
   * do about that (§2.2). A refusal for what ends elsewhere.
   * @throws Outage before anything was revoked.
   */
  async revoke(
    token: string,
    loaded: LoadedApp,
    source: Source,
  ): Promise<Result<true, 'unsupported_token_type'>> {
    if (isRefreshTokenShaped(token)) {
      await this.#revokeFamily(token, loaded, source)
      return ok(true)
    }
    const peeked = peekToken(token)
    const isOurs = peeked !== undefined && this.#deps.door.isFor(peeked)
    if (isOurs) await this.#revokeAccessToken(token, loaded, source)
    // Saying ok to these would have somebody believe that they have ended.
    const isOther = peeked === undefined ? parseKey(token).ok : !isOurs
    return isOther ? refuse('unsupported_token_type') : ok(true)
  }

  async #revokeFamily(token: string, loaded: LoadedApp, source: Source): Promise<void> {
    const { refreshKey, regionOf } = this.#deps
    const { app } = loaded
    const claims = decodeRefreshToken(token, app.clientId, refreshKey)
    if (claims === undefined || claims.region !== app.region) return
    const { familyId } = claims
    const family = await regionOf(app).transaction((each) => each.findFamily(familyId))
    if (family === undefined || family.revokedAtMs !== undefined) return
    await this.#carryOut({ kind: 'family', familyId }, loaded, source)
  }

  async #revokeAccessToken(token: string, loaded: LoadedApp, source: Source): Promise<void> {
    const verified = this.#deps.door.verify(token)
    if (!verified.ok || verified.value.appId !== loaded.app.id) return
    await this.#carryOut({ kind: 'token', tokenId: verified.value.tokenId }, loaded, source)
  }

  async #carryOut(
    target: { kind: 'family'; familyId: string } | { kind: 'token'; tokenId: string },
    { app, tenant }: LoadedApp,
    source: Source,
  ): Promise<void> {
    const { revocations, random } = this.#deps
    const actor = { kind: 'app' as const, id: app.id }
    const caller = { actor, source, requestId: randomUuid(random) }
    const place = { tenantId: tenant.id, appId: app.id, reason: REASON }
    const revoked = await revocations.revoke(target, place, caller)
    if (!revoked.ok) throw new Error(`the token of a loaded app was not found: ${revoked.refusal}`)
  }
}
