/**
 * Keeps one token fresh: renews it ahead of its expiry, tries again when that fails, and says what
 * came of it. One renewal at a time; every wait is called off by {@link TokenRenewal.stop}.
 */
import { backoffMs } from './backoff.ts'
import { ClientError, nameFailure } from './client-error.ts'
import type { System } from './system.ts'
import { renewalDelayMs, type TokenGrant } from './token-grant.ts'
import type { TokenSource } from './token-source.ts'

export interface RenewalSettings {
  readonly autoRefresh: boolean
  readonly refreshBufferMs: number
  /** Tries after the first one, in one round. */
  readonly maxRefreshRetries: number
}

export interface RenewalEvents {
  /** The new token is in {@link TokenRenewal.grant} already. */
  readonly renewed: (grant: TokenGrant) => void
  /** A whole round of tries came to nothing. */
  readonly failed: (error: ClientError) => void
}

const RETRY = { firstMs: 2_000, maxMs: 30_000 }
/** Between rounds, while the token still lives. */
const ROUND_MS_MIN = 5_000

export class TokenRenewal {
  readonly #source: TokenSource
  readonly #settings: RenewalSettings
  readonly #events: RenewalEvents
  readonly #system: System
  #grant: TokenGrant | undefined
  #running: Promise<TokenGrant> | undefined
  #isStopped = false
  /** Calls off the wait that is going on. */
  #callOff: () => void = () => undefined

  constructor(
    source: TokenSource,
    settings: RenewalSettings,
    { events, system }: { readonly events: RenewalEvents; readonly system: System },
  ) {
    this.#source = source
    this.#settings = settings
    this.#events = events
    this.#system = system
  }

  /** The newest token there is. */
  get grant(): TokenGrant | undefined {
    return this.#grant
  }

  get isRenewing(): boolean {
    return this.#running !== undefined
  }

  /** Gets the first token; one try, as somebody waits for it. @throws ClientError */
  async begin(): Promise<TokenGrant> {
    return this.#keep(await this.#source.first())
  }

  /** Another token from where the first one came, without regard to the one at hand. */
  async replace(): Promise<TokenGrant> {
    const grant = this.#keep(await this.#source.first())
    this.#events.renewed(grant)
    return grant
  }

  /**
   * Renews now; whoever asks meanwhile gets the same renewal.
   * @throws ClientError `refresh_failed` after all tries, or what time does not mend at once.
   */
  renew(): Promise<TokenGrant> {
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  stop(): void {
    this.#isStopped = true
    this.#callOff()
  }

  async #round(): Promise<TokenGrant> {
    const before = this.#grant
    if (before === undefined) throw new ClientError('not_connected')
    this.#callOff()
    for (let attempt = 0; ; attempt += 1) {
      try {
        const grant = this.#keep(await this.#source.next(before))
        this.#events.renewed(grant)
        return grant
      } catch (error) {
        const cause = error instanceof ClientError ? error : undefined
        if (this.#isStopped) throw new ClientError('destroyed')
        const isLast = attempt >= this.#settings.maxRefreshRetries || cause?.isTemporary !== true
        if (isLast) throw this.#failed(cause, error)
        await this.#pause(Math.max(backoffMs(attempt, RETRY, this.#system.random), waitOf(cause)))
      }
    }
  }

  #failed(cause: ClientError | undefined, error: unknown): ClientError {
    const { status, retryAfterMs } = cause ?? {}
    const reason = cause?.reason ?? cause?.code ?? nameFailure(error)
    const code = cause === undefined || cause.isTemporary ? 'refresh_failed' : cause.code
    const failure = new ClientError(code, { status, retryAfterMs, reason })
    const { expiresAtMs = 0 } = this.#grant ?? {}
    const leftMs = expiresAtMs - this.#system.nowMs()
    // Half of what is left, again and again: often enough near the end, and never many.
    if (leftMs > ROUND_MS_MIN && this.#settings.autoRefresh) {
      this.#scheduleIn(Math.max(leftMs / 2, ROUND_MS_MIN, waitOf(cause)))
    }
    this.#events.failed(failure)
    return failure
  }

  #keep(grant: TokenGrant): TokenGrant {
    if (this.#isStopped) throw new ClientError('destroyed')
    this.#grant = grant
    if (this.#settings.autoRefresh) {
      const { refreshBufferMs: bufferMs } = this.#settings
      const nowMs = this.#system.nowMs()
      this.#scheduleIn(renewalDelayMs(grant, { nowMs, bufferMs }, this.#system.random))
    }
    return grant
  }

  #scheduleIn(ms: number): void {
    this.#callOff()
    this.#callOff = this.#system.after(ms, () => {
      // What went wrong was told by the event.
      this.renew().catch((error: unknown) => void error)
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#system.after(ms, resolve)
      this.#callOff = () => {
        stop()
        resolve()
      }
    })
  }
}

function waitOf(cause: ClientError | undefined): number {
  return cause?.retryAfterMs ?? 0
}
