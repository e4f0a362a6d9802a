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
    this.onConnectionChange?.(state)
    const isConnected = state === 'connected'
    if (isConnected !== (before === 'connected')) this.onConnectionStatusChange?.(isConnected)
    for (const changed of [...this.#watchers]) changed()
  }

  /** Without anybody who listens it is not swallowed, but an error of the page or process. */
  protected tell(error: unknown): void {
    if (this.onError !== null) return this.onError(error)
    queueMicrotask(() => {
      throw error
    })
  }
}
