/**
 * Keeps one valid access token, by the use-once pattern: the client secret is fetched once, traded
 * for an access and a refresh token, and forgotten; from then on the refresh token does the work,
 * over restarts too where a cache is shared. Web standards only; holds no timer and no connection.
 */
import { MemoryCache } from './memory-cache.ts'
import { SYSTEM, type System } from './system.ts'
import type { TokenCache } from './token-cache.ts'
import { TokenEndpoint } from './token-endpoint.ts'
import type { TokenEntry } from './token-entry.ts'
import { TokenError, type TokenWarning } from './token-error.ts'
import { type Renewed, TokenRenewal } from './token-renewal.ts'
import { TokenStore } from './token-store.ts'

export interface TokenKeeperOptions {
  /** `https://HOST/connect/token`; or give `issuer`, whose metadata name it. */
  readonly tokenUrl?: string
  readonly issuer?: string
  readonly clientId: string
  /**
   * Gives the client secret, or several, newest first; the next one is tried where the server does
   * not know the one before, and for no other reason. Called at a cold start without a cached
   * token, and when the refresh token is refused. What it gives is not kept.
   */
  readonly fetchSecrets: () => Promise<string | readonly string[]>
  /** {@link DEFAULT_SCOPE} unless given. `offline_access` is what brings refresh tokens. */
  readonly scope?: string
  /** In memory unless given: then each instance has tokens of its own. */
  readonly cache?: TokenCache
  /**
   * Keys of 32 bytes in base64, newest first: what is cached is sealed with the first and opened
   * with any. A refresh token is a secret; without keys the cache can read it.
   */
  readonly cacheKeysBase64?: readonly string[]
  /** Names this service where the server lists who uses which secret: visible ASCII. */
  readonly agent?: string
  /** Hears of what went wrong without keeping the token from being given. Holds no secret. */
  readonly onWarning?: (warning: TokenWarning) => void
  /** Lets secrets travel to another machine without TLS. */
  readonly dangerousPlainHttp?: boolean
  /** For tests. */
  readonly system?: System
}

export const DEFAULT_SCOPE = 'WireSocket.API offline_access'

/** A token is renewed after this share of its life, each keeper at a point of its own. */
const RENEW_SHARE_MIN = 0.65
const RENEW_SHARE_SPREAD = 0.2
/**
 * A token is not handed out at the end of its life: it has to arrive somewhere yet, and the clock
 * of the instance that got it may differ from ours by as much.
 */
const LAST_MS_MAX = 60_000
const LAST_SHARE_MAX = 0.1
/** Pauses before the cache, or a token that another instance renews, are looked at again. */
const SAVE_AGAIN_MS = 5_000
const LOOK_AGAIN_MS = 1_000
/** Pauses after a failure, doubling. A refusal does not mend itself soon; an outage may. */
const REFUSED_FIRST_MS = 10_000
const REFUSED_MAX_MS = 5 * 60_000
const OUTAGE_FIRST_MS = 1_000
const OUTAGE_MAX_MS = 60_000

interface Failure {
  readonly error: TokenError
  readonly atMs: number
  readonly untilMs: number
}

export class TokenKeeper {
  readonly #renewal: TokenRenewal
  readonly #system: System
  readonly #warn: (warning: TokenWarning) => void
  readonly #renewShare: number
  #held: Renewed | undefined
  #flight: Promise<Renewed> | undefined
  #failure: Failure | undefined
  #failureCount = 0
  #nextLookMs = 0
  #discarded: string | undefined

  /** @throws TypeError for options that cannot work. */
  constructor(options: TokenKeeperOptions) {
    const { fetchSecrets, system = SYSTEM, scope = DEFAULT_SCOPE } = options
    const { tokenUrl, issuer, clientId, agent, dangerousPlainHttp } = options
    if (!scope.split(' ').includes('offline_access')) {
      throw new TypeError('scope needs offline_access, which brings the refresh token.')
    }
    this.#system = system
    this.#warn = (warning) => options.onWarning?.(warning)
    this.#renewShare = RENEW_SHARE_MIN + RENEW_SHARE_SPREAD * system.random()
    const server = { tokenUrl, issuer, dangerousPlainHttp, system }
    const endpoint = new TokenEndpoint({ ...server, clientId, scope, agent })
    const store = new TokenStore({
      cache: options.cache ?? new MemoryCache(system.now),
      keysBase64: options.cacheKeysBase64 ?? [],
      name: nameOf([tokenUrl ?? issuer ?? '', clientId, scope]),
      system,
      warn: this.#warn,
    })
    this.#renewal = new TokenRenewal({ endpoint, store, fetchSecrets, system, warn: this.#warn })
  }

  /**
   * @returns an access token that is valid for some time yet. Calls at the same time share one
   *   renewal, and those who can use the old token meanwhile do not wait for it.
   * @throws {@link TokenError} when there is none.
   */
  async getToken(): Promise<string> {
    const nowMs = this.#system.now()
    const token = this.#usableToken(nowMs)
    if (token !== undefined && (this.#flight !== undefined || !this.#isDue(nowMs))) return token
    const failure = this.#failureNow(nowMs)
    if (failure !== undefined) {
      if (token !== undefined) return token
      throw failure
    }
    try {
      this.#flight ??= this.#renew().finally(() => {
        this.#flight = undefined
      })
      return (await this.#flight).entry.accessToken
    } catch (error) {
      const left = this.#usableToken(this.#system.now())
      if (left === undefined || !(error instanceof TokenError)) throw error
      return left
    }
  }

  /**
   * Says that a server refused this access token, so that the next call gets another one. A token
   * that is not the one in hand is already replaced.
   */
  discard(accessToken: string): void {
    if (this.#held?.entry.accessToken === accessToken) this.#discarded = accessToken
  }

  async #renew(): Promise<Renewed> {
    try {
      const renewed = await this.#renewal.renew({
        held: this.#held?.entry,
        isFresh: (entry) => this.#isFresh(entry, this.#system.now()),
        isUsable: (entry) => this.#isUsable(entry, this.#system.now()),
      })
      const nowMs = this.#system.now()
      const isWaiting = !this.#isFresh(renewed.entry, nowMs)
      this.#held = renewed
      this.#failure = undefined
      this.#failureCount = 0
      this.#nextLookMs = nowMs + (isWaiting ? LOOK_AGAIN_MS : SAVE_AGAIN_MS)
      return renewed
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      this.#remember(error)
      const isMissed = this.#usableToken(this.#system.now()) === undefined
      if (!isMissed) this.#warn({ code: 'renewal_failed', error })
      throw error
    }
  }

  #remember(error: TokenError): void {
    const isOutage = error.code === 'unavailable' || error.code === 'busy'
    const [firstMs, maxMs] = isOutage
      ? [OUTAGE_FIRST_MS, OUTAGE_MAX_MS]
      : [REFUSED_FIRST_MS, REFUSED_MAX_MS]
    const backoffMs = Math.min(maxMs, firstMs * 2 ** this.#failureCount)
    const waitMs = Math.max(error.retryAfterMs ?? 0, backoffMs * (0.5 + this.#system.random() / 2))
    const atMs = this.#system.now()
    this.#failureCount += 1
    this.#failure = { error, atMs, untilMs: atMs + waitMs }
  }

  /** @returns the last failure while it is too early to try again. */
  #failureNow(nowMs: number): TokenError | undefined {
    if (this.#failure === undefined || this.#flight !== undefined) return undefined
    const { error, atMs, untilMs } = this.#failure
    // A clock that was set back would make the pause endless.
    if (nowMs >= untilMs || nowMs < atMs - LAST_MS_MAX) return undefined
    const { status, oauthError, reason } = error
    return new TokenError(error.code, { status, oauthError, reason, retryAfterMs: untilMs - nowMs })
  }

  #usableToken(nowMs: number): string | undefined {
    const entry = this.#held?.entry
    return entry !== undefined && this.#isUsable(entry, nowMs) ? entry.accessToken : undefined
  }

  #isDue(nowMs: number): boolean {
    if (this.#held === undefined) return true
    const { entry, isSaved } = this.#held
    if (this.#isFresh(entry, nowMs) && isSaved) return false
    return nowMs >= this.#nextLookMs || nowMs < this.#nextLookMs - SAVE_AGAIN_MS
  }

  #isFresh(entry: TokenEntry, nowMs: number): boolean {
    const { obtainedAtMs, expiresAtMs } = entry
    const dueMs = obtainedAtMs + (expiresAtMs - obtainedAtMs) * this.#renewShare
    return nowMs < dueMs && this.#isUsable(entry, nowMs)
  }

  #isUsable({ accessToken, obtainedAtMs, expiresAtMs }: TokenEntry, nowMs: number): boolean {
    const lastMs = Math.min(LAST_MS_MAX, (expiresAtMs - obtainedAtMs) * LAST_SHARE_MAX)
    const isInTime = nowMs >= obtainedAtMs - lastMs && nowMs < expiresAtMs - lastMs
    return isInTime && accessToken !== this.#discarded
  }
}

/** One name for what shares a family of tokens: the same server, client and scope. */
function nameOf(parts: readonly string[]): string {
  return parts.map((part) => encodeURIComponent(part)).join('|')
}
