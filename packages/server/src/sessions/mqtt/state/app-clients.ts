/** The MQTT sessions of one app on this node, by client id, and whose turn it is. State only. */
import { ClientState } from './client-state.ts'
import { type ClientWill, WILL_BYTES_MAX, WILL_BYTES_SPARED, willBytes } from './client-will.ts'
import type { SessionHome } from './session-home.ts'
import type { KeptSession } from './session-life.ts'

export class AppClients {
  readonly states = new Map<string, ClientState>()
  readonly home: SessionHome
  /** Of sessions that outlive connections. */
  keptCount = 0
  /** The same by owner. */
  readonly #ownerCounts = new Map<string, number>()
  /** What waits for something, by client id: the last of each. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(home: SessionHome) {
    this.home = home
  }

  /** Nobody has the client id now. */
  add(
    who: { readonly clientId: string; readonly owner: string },
    kept: KeptSession | undefined,
  ): ClientState {
    const state = new ClientState(this.home, who, kept)
    this.states.set(who.clientId, state)
    if (kept !== undefined) {
      this.#countKept(who.owner, 1)
    }
    return state
  }

  /** Whether wills take so much memory that there is no room for this one. */
  isFullForWill(will: ClientWill | undefined): boolean {
    const bytes = willBytes(will)
    return bytes > WILL_BYTES_SPARED && this.home.figures.willBytes + bytes > WILL_BYTES_MAX
  }

  /** Whether an owner may have no further session that outlives its connection. */
  isFullFor(owner: string): boolean {
    const { settings, figures } = this.home
    if (figures.storedCount >= settings.sessionCountMax) return true
    if (this.keptCount >= settings.appSessionCountMax) return true
    return this.#keptCountOf(owner) >= settings.ownerSessionCountMax
  }

  has(state: ClientState): boolean {
    return this.states.get(state.clientId) === state
  }

  /** Ends a session that is there. */
  end(state: ClientState): void {
    if (!this.has(state)) return
    this.states.delete(state.clientId)
    if (state.isKept) {
      this.#countKept(state.owner, -1)
    }
    state.end()
  }

  /** Whether somebody with this client id waits. */
  isWaiting(clientId: string): boolean {
    return this.#turns.has(clientId)
  }

  /** Runs `step` at once, or when all that came before for the same client id is through. */
  inTurn<T>(clientId: string, step: () => T | Promise<T>): T | Promise<T> {
    const before = this.#turns.get(clientId)
    const done = before === undefined ? step() : before.then(step)
    return done instanceof Promise ? this.#following(clientId, done) : done
  }

  #keptCountOf(owner: string): number {
    return this.#ownerCounts.get(owner) ?? 0
  }

  #countKept(owner: string, by: 1 | -1): void {
    this.keptCount += by
    this.home.figures.storedCount += by
    const count = this.#keptCountOf(owner) + by
    if (count === 0) this.#ownerCounts.delete(owner)
    else this.#ownerCounts.set(owner, count)
  }

  async #following<T>(clientId: string, done: Promise<T>): Promise<T> {
    // One that fails does not keep the next one from its turn.
    const turn = done.then(
      () => undefined,
      () => undefined,
    )
    this.#turns.set(clientId, turn)
    try {
      return await done
    } finally {
      if (this.#turns.get(clientId) === turn) this.#turns.delete(clientId)
    }
  }
}
