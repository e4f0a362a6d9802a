/**
 * One renewal, from what memory and cache hold to a token that is fresh: by the refresh token, or,
 * where there is none or its family has ended, by the client secrets, which are forgotten right
 * after. Of all instances that share a cache one at a time does this; the others take what it kept.
 */
import { before, nameFailure, type System } from './system.ts'
import type { Grant, GrantOutcome, TokenEndpoint } from './token-endpoint.ts'
import type { TokenEntry } from './token-entry.ts'
import { TokenError, type TokenWarning } from './token-error.ts'
import { LEASE_MS, type Reading, type TokenStore } from './token-store.ts'

export interface RenewalOptions {
  readonly endpoint: TokenEndpoint
  readonly store: TokenStore
  readonly fetchSecrets: () => Promise<string | readonly string[]>
  readonly system: System
  readonly warn: (warning: TokenWarning) => void
}

/** What the keeper knows when it asks for a renewal. */
export interface Wish {
  readonly held: TokenEntry | undefined
  /** Needs no renewal. */
  readonly isFresh: (entry: TokenEntry) => boolean
  /** Is accepted by servers for some time yet. */
  readonly isUsable: (entry: TokenEntry) => boolean
}

export interface Renewed {
  readonly entry: TokenEntry
  /** Whether the cache has it. */
  readonly isSaved: boolean
}

/** Our bounds. Asking the server under a lease ends before the lease does. */
const WORK_MS_MAX = LEASE_MS - 1_000
const LEASE_WAIT_MS_MAX = LEASE_MS + 2_000
const REQUEST_MS_MAX = 4_000
/** A vault may be slow; should the lease end meanwhile, what is stored first is kept by all. */
const SECRETS_MS_MAX = 15_000
const ATTEMPT_COUNT_MAX = 4
const WRITE_COUNT_MAX = 3
export const SECRET_COUNT_MAX = 8
const SECRET_CHARACTERS_MAX = 512
const BACKOFF_FIRST_MS = 200
const POLL_FIRST_MS = 50
const POLL_MAX_MS = 500

export class TokenRenewal {
  readonly #options: RenewalOptions

  constructor(options: RenewalOptions) {
    this.#options = options
  }

  /** @throws TokenError */
  async renew(wish: Wish): Promise<Renewed> {
    const { store, system } = this.#options
    const waitEndMs = system.now() + LEASE_WAIT_MS_MAX
    for (let count = 0; ; count += 1) {
      const found = await store.read()
      const newest = newestOf(found.entry, wish.held)
      if (newest !== undefined && wish.isFresh(newest)) return this.#keep(newest, found)
      const lease = found.isOut ? 'out' : await store.lease()
      if (lease !== 'busy') return this.#renewUnder(lease, wish)
      // Somebody else is at it: what is usable is used meanwhile.
      if (newest !== undefined && wish.isUsable(newest)) return { entry: newest, isSaved: true }
      if (system.now() >= waitEndMs) throw new TokenError('busy')
      await system.pause(this.#spread(Math.min(POLL_MAX_MS, POLL_FIRST_MS * 2 ** count)))
    }
  }

  async #renewUnder(lease: (() => Promise<void>) | 'out', wish: Wish): Promise<Renewed> {
    if (lease === 'out') {
      return { entry: await this.#obtain(wish.held), isSaved: false }
    }
    try {
      // Read again: between the first look and the lease another may have renewed.
      const found = await this.#options.store.read()
      const newest = newestOf(found.entry, wish.held)
      if (newest !== undefined && wish.isFresh(newest)) return await this.#keep(newest, found)
      // Kept before it is handed out: an instance that dies now leaves its successor in the cache.
      return await this.#keep(await this.#obtain(newest), found)
    } finally {
      await lease()
    }
  }

  /** Stores what is newer than the cache's; the newer entry of another keeper wins. */
  async #keep(entry: TokenEntry, read: Reading): Promise<Renewed> {
    const { store } = this.#options
    let found = read
    for (let count = 1; !found.isOut; count += 1) {
      const newest = newestOf(found.entry, entry) ?? entry
      if (newest === found.entry) return { entry: newest, isSaved: true }
      if (await store.write(entry, found)) return { entry, isSaved: true }
      if (count === WRITE_COUNT_MAX) break
      found = await store.read()
    }
    return { entry, isSaved: false }
  }

  async #obtain(known: TokenEntry | undefined): Promise<TokenEntry> {
    const { system, warn } = this.#options
    if (known !== undefined) {
      const { refreshToken } = known
      const endMs = system.now() + WORK_MS_MAX
      const answer = await this.#request({ kind: 'refresh_token', refreshToken }, endMs)
      // 401 by the server, 400 by RFC 6749 §5.2: expired, revoked, or of a secret that has ended.
      const isEnded = answer.kind === 'refused' && answer.oauthError === 'invalid_grant'
      if (!isEnded) return entryOf(answer, known)
      warn({ code: 'family_ended' })
    }
    return this.#bootstrap(known)
  }

  async #bootstrap(known: TokenEntry | undefined): Promise<TokenEntry> {
    const secrets = await this.#secrets()
    const endMs = this.#options.system.now() + WORK_MS_MAX
    let last: TokenError | undefined
    for (const [index, secret] of secrets.entries()) {
      const answer = await this.#request({ kind: 'client_credentials', secret }, endMs)
      // Only this error says that another secret may do better.
      const isRefused = answer.kind === 'refused' && answer.oauthError === 'invalid_client'
      if (!isRefused) {
        // A new family, so nothing of the old one goes on but the count.
        const generation = known?.generation ?? 0
        const entry = entryOf(answer, { refreshToken: undefined, generation })
        if (index > 0) this.#options.warn({ code: 'older_secret_used', index })
        return entry
      }
      last = errorOf(answer)
    }
    throw last ?? new TokenError('secrets_unavailable', { reason: 'an empty list' })
  }

  async #secrets(): Promise<readonly string[]> {
    const { fetchSecrets, system } = this.#options
    let given: unknown
    try {
      given = await before(system.deadline(SECRETS_MS_MAX), fetchSecrets())
    } catch (error) {
      // The text of a foreign error may hold the secret: parsers quote what they cannot read.
      throw new TokenError('secrets_unavailable', { reason: nameFailure(error) })
    }
    const secrets: unknown[] = Array.isArray(given) ? given : [given]
    if (secrets.length > SECRET_COUNT_MAX || !secrets.every(isSecret)) {
      throw new TokenError('secrets_unavailable', { reason: 'not a secret or a list of them' })
    }
    return secrets
  }

  /** Asks until something is decided, at most so often and so long. */
  async #request(grant: Grant, endMs: number): Promise<Answer> {
    const { endpoint, system } = this.#options
    for (let count = 1; ; count += 1) {
      const startedMs = system.now()
      const leftMs = endMs - startedMs
      if (leftMs <= 0) throw new TokenError('unavailable', { reason: 'not in time' })
      const outcome = await endpoint.exchange(grant, Math.min(REQUEST_MS_MAX, leftMs))
      if (outcome.kind !== 'later') return { ...outcome, startedMs }
      // A wait that the server asked for is never cut short, only spread.
      const wishedMs = outcome.retryAfterMs ?? 0
      const waitMs = wishedMs + this.#spread(BACKOFF_FIRST_MS * 2 ** (count - 1))
      if (count === ATTEMPT_COUNT_MAX || system.now() + waitMs >= endMs) {
        const { status, reason, retryAfterMs } = outcome
        throw new TokenError('unavailable', { status, reason, retryAfterMs })
      }
      await system.pause(waitMs)
    }
  }

  /** @returns between half of it and all of it. */
  #spread(ms: number): number {
    return ms * (0.5 + this.#options.system.random() / 2)
  }
}

/** What decided something, and when it was asked for. */
type Answer = Exclude<GrantOutcome, { kind: 'later' }> & { readonly startedMs: number }

function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= SECRET_CHARACTERS_MAX
}

/** @param known its refresh token goes on where the answer brings no successor. */
function entryOf(
  answer: Answer,
  known: { readonly refreshToken: string | undefined; readonly generation: number },
): TokenEntry {
  if (answer.kind !== 'tokens') throw errorOf(answer)
  const { accessToken, expiresInMs, startedMs } = answer
  const refreshToken = answer.refreshToken ?? known.refreshToken
  if (refreshToken === undefined) throw new TokenError('answer_unexpected', { status: 200 })
  // Counted from before the request, so that the token never seems to live longer than it does.
  return {
    accessToken,
    refreshToken,
    generation: known.generation + 1,
    obtainedAtMs: startedMs,
    expiresAtMs: Math.floor(startedMs + expiresInMs),
  }
}

function errorOf(answer: Exclude<Answer, { kind: 'tokens' }>): TokenError {
  if (answer.kind === 'unexpected') {
    return new TokenError('answer_unexpected', { status: answer.status })
  }
  const { status, oauthError } = answer
  const isKnown = oauthError === 'invalid_client' || oauthError === 'access_denied'
  return new TokenError(isKnown ? oauthError : 'request_refused', { status, oauthError })
}

/** The first one where both are of the same generation. */
function newestOf(
  one: TokenEntry | undefined,
  other: TokenEntry | undefined,
): TokenEntry | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.generation > one.generation ? other : one
}
