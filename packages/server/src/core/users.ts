/**
 * Signed-in users of one app and who watches them. Both maps hold live connections only, so they
 * are bounded by connections times {@link WATCHLIST_LENGTH_MAX}.
 */
import type { Connection } from './connection.ts'

/** Pusher's bound. */
export const WATCHLIST_LENGTH_MAX = 100

export class UserDirectory {
  readonly #connections = new Map<string, Set<Connection>>()
  readonly #watchers = new Map<string, Set<Connection>>()

  isOnline(userId: string): boolean {
    return this.#connections.has(userId)
  }

  connectionsOf(userId: string): readonly Connection[] {
    return [...(this.#connections.get(userId) ?? [])]
  }

  watchersOf(userId: string): readonly Connection[] {
    return [...(this.#watchers.get(userId) ?? [])]
  }

  /** @returns whether this is the user's first connection. */
  arrive(userId: string, connection: Connection): boolean {
    return add(this.#connections, userId, connection)
  }

  /** @returns whether this was the user's last connection. */
  depart(userId: string, connection: Connection): boolean {
    return remove(this.#connections, userId, connection)
  }

  watch(userId: string, connection: Connection): void {
    add(this.#watchers, userId, connection)
  }

  unwatch(userId: string, connection: Connection): void {
    remove(this.#watchers, userId, connection)
  }
}

function add(index: Map<string, Set<Connection>>, key: string, value: Connection): boolean {
  const known = index.get(key)
  if (known !== undefined) {
    known.add(value)
    return false
  }
  index.set(key, new Set([value]))
  return true
}

function remove(index: Map<string, Set<Connection>>, key: string, value: Connection): boolean {
  const known = index.get(key)
  if (known === undefined || !known.delete(value) || known.size > 0) return false
  index.delete(key)
  return true
}
