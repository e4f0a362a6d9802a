/**
 * Rules that change while clients are connected: every client of the tenant is held to the new
 * ones, some in each turn, so that a change for ten thousand never stops the messages.
 */
import type { Turns } from '../../ports/turns.ts'
import type { Connection } from '../connection.ts'
import type { Hub } from '../hub.ts'

/** One that is held to rules as they change, in protocols whose clients are. */
export interface RuledConnection extends Connection {
  /** What is lost is taken away. @returns how many subscriptions were looked at. */
  rulesChanged(): number
}

/** Our choice: about a millisecond of work, with some subscriptions each. */
export const CLIENTS_PER_TURN = 50
/** What so many subscriptions of a client cost, one client does. */
export const SUBSCRIPTIONS_PER_CLIENT = 20

export class RuleChanges {
  readonly #hub: Pick<Hub, 'spaces'>
  readonly #turns: Turns
  /** Tenants whose clients are on their turn: another change begins anew. */
  readonly #running = new Map<string, Iterator<RuledConnection>>()

  constructor(ports: { readonly hub: Pick<Hub, 'spaces'>; readonly turns: Turns }) {
    this.#hub = ports.hub
    this.#turns = ports.turns
  }

  changed(tenantId: string): void {
    const isRunning = this.#running.has(tenantId)
    // Who comes in from here on has the new rules already.
    this.#running.set(tenantId, this.#clientsOf(tenantId).values())
    if (!isRunning) this.#goOn(tenantId)
  }

  #goOn(tenantId: string): void {
    const clients = this.#running.get(tenantId)
    if (clients === undefined) return
    for (let left = CLIENTS_PER_TURN; left > 0; left--) {
      const next = clients.next()
      if (next.done === true) return void this.#running.delete(tenantId)
      const client = next.value
      if (client.endedBy !== undefined) continue
      left -= Math.floor(client.rulesChanged() / SUBSCRIPTIONS_PER_CLIENT)
    }
    this.#turns.next(() => this.#goOn(tenantId))
  }

  #clientsOf(tenantId: string): RuledConnection[] {
    return [...this.#hub.spaces()]
      .filter(({ app }) => app.tenantId === tenantId)
      .flatMap(({ connections }) => [...connections.values()])
      .filter(isRuled)
  }
}

function isRuled(connection: Connection): connection is RuledConnection {
  return 'rulesChanged' in connection
}
