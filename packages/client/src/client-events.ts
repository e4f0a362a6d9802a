/** What applications hear of a client: its state, its token, and what no call is left to tell. */
import type { ClientError } from './client-error.ts'
import type { ConnectionState, TokenInfo } from './connection-state.ts'

export class ClientEvents {
  /** Told after each change of {@link state}. */
  onConnectionChange: ((state: ConnectionState) => void) | null = null
  /** The same as yes or no. */
  onConnectionStatusChange: ((isConnected: boolean) => void) | null = null
  onReconnecting: ((attempt: number) => void) | null = null
  onTokenRefreshed: ((token: TokenInfo) => void) | null = null
  /** A round of renewals has failed; the connection lasts until the token expires. */
  onTokenError: ((error: ClientError) => void) | null = null
  /** The credentials are refused for good: sign in again and make another client. */
  onAuthError: ((error: ClientError) => void) | null = null
  /** What no call is left to tell: a handler that threw, a subscription that was taken away. */
  onError: ((error: unknown) => void) | null = null

  readonly #watchers = new Set<() => void>()
  #state: ConnectionState = 'disconnected'

  get state(): ConnectionState {
    return this.#state
  }

  /** Hears of every change of {@link state}. @returns what ends it. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  protected become(state: ConnectionState): void {
    const before = this.#state
    if (before === state) return
    this.#state = state
    this.hear(this.onConnectionChange, state)
    const isConnected = state === 'connected'
    if (isConnected !== (before === 'connected')) {
      this.hear(this.onConnectionStatusChange, isConnected)
    }
    for (const changed of [...this.#watchers]) this.hear(changed, undefined)
  }

  /** Calls back. What the application throws there is told, and keeps nothing from going on. */
  protected hear<T>(listener: ((told: T) => void) | null, told: T): void {
    try {
      listener?.(told)
    } catch (error) {
      this.tell(error)
    }
  }

  /** Without anybody who listens it is not swallowed, but an error of the page or process. */
  protected tell(error: unknown): void {
    try {
      if (this.onError !== null) return this.onError(error)
    } catch (thrown) {
      return raise(thrown)
    }
    raise(error)
  }
}

/** An error of the page or process, in a turn of its own. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
