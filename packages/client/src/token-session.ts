/**
 * The token of a connection: which credentials the next connect shows, and how the one that is
 * there learns of a new token.
 */
import type { ClientError } from './client-error.ts'
import type { Settings } from './client-options.ts'
import { type TokenInfo, tokenInfo } from './connection-state.ts'
import type { MqttLink } from './mqtt-link.ts'
import type { Credentials } from './renewal-in-place.ts'
import type { System } from './system.ts'
import type { TokenGrant } from './token-grant.ts'
import { TokenRenewal } from './token-renewal.ts'
import { TokenService } from './token-service.ts'
import { type TokenLogin, tokenSource } from './token-source.ts'

export interface TokenSessionDeps {
  readonly settings: Settings
  readonly system: System
  readonly link: () => MqttLink | undefined
  readonly refreshed: (token: TokenInfo) => void
  readonly failed: (error: ClientError) => void
}

/** A token that ends within this time is renewed before it is shown. */
const NEARLY_EXPIRED_MS = 2_000

export class TokenSession {
  readonly #deps: TokenSessionDeps
  readonly #renewal: TokenRenewal
  /** Of the token that the connection was made or renewed with. */
  #shownTokenId: string | undefined

  /** @throws ClientError `options_invalid` */
  constructor(login: TokenLogin, deps: TokenSessionDeps) {
    const { settings, system, failed } = deps
    const service = new TokenService(settings.tokenServiceUrl ?? '', system)
    const source = tokenSource(login, service, system)
    const events = { renewed: (grant: TokenGrant) => this.#renewed(grant), failed }
    this.#deps = deps
    this.#renewal = new TokenRenewal(source, settings, { events, system })
  }

  get info(): TokenInfo | undefined {
    const { grant } = this.#renewal
    return grant && tokenInfo(grant)
  }

  async credentials(why: 'connect' | 'refused'): Promise<Credentials> {
    const grant = await this.#grantFor(why)
    this.#shownTokenId = grant.tokenId
    return grant
  }

  /** Renews now. @throws ClientError */
  async renew(): Promise<TokenInfo> {
    return tokenInfo(await this.#renewal.renew())
  }

  stop(): void {
    this.#renewal.stop()
  }

  async #grantFor(why: 'connect' | 'refused'): Promise<TokenGrant> {
    const { grant } = this.#renewal
    if (grant === undefined) return this.#renewal.begin()
    if (why === 'refused') return this.#renewal.replace()
    const isOver = grant.expiresAtMs - NEARLY_EXPIRED_MS <= this.#deps.system.nowMs()
    return isOver ? this.#renewal.renew() : grant
  }

  /**
   * A refresh makes the token longer that the connection rests on. A broker that takes the new one
   * in place is shown it, too. Elsewhere what an own endpoint has made anew needs another
   * connection of the same session.
   */
  #renewed(grant: TokenGrant): void {
    const link = this.#deps.link()
    const isSame = grant.tokenId !== undefined && grant.tokenId === this.#shownTokenId
    if (link?.renewsInPlace === true) {
      this.#shownTokenId = grant.tokenId
      // Where it fails the connection ends, and the next one shows the new token.
      link.renew(grant).catch((error: unknown) => void error)
    } else if (link?.isUp === true && !isSame) {
      link.restart()
    }
    this.#deps.refreshed(tokenInfo(grant))
  }
}
