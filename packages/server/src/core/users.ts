/**
 * Signed-in users of one app and who watches them. Both maps hold live connections only, so they
 * are bounded by connections times {@link WATCHLIST_LENGTH_MAX}.
 */
import type { Fanout } from '../ports/fanout.ts'
import { Audience } from './audience.ts'
import type { ChannelConnection, Connection } from './connection.ts'
import type { Encoder, WatchEvent } from './encoder.ts'

/** Pusher's bound. */
export const WATCHLIST_LENGTH_MAX = 100

export class UserDirectory {
  /** One alone stands for itself: most users have one. */
  readonly #connections = new Map<string, Connection | Set<Connection>>()
  readonly #watchers = new Map<string, Audience<Encoder>>()
  readonly #fanout: Fanout

  constructor(fanout: Fanout) {
    this.#fanout = fanout
  }

  connectionsOf(userId: string): readonly Connection[] {
    const known = this.#connections.get(userId)
    if (known === undefined) return []
    return known instanceof Set ? [...known] : [known]
  }

  connectionCount(userId: string): number {
    const known = this.#connections.get(userId)
    if (known === undefined) return 0
    return known instanceof Set ? known.size : 1
  }

  /** Ends every connection of a user. @returns how many there were. */
  terminate(userId: string): number {
    const connections = this.connectionsOf(userId)
    return connections.filter((connection) => connection.end('user_terminated')).length
  }

  isWatched(userId: string): boolean {
    return this.#watchers.has(userId)
  }

  /** Adds a connection of a user and tells the watchers when it is the first. */
  arrive(userId: string, connection: Connection): void {
    const known = this.#connections.get(userId)
    if (known instanceof Set) return void known.add(connection)
    if (known === connection) return
    if (known !== undefined) {
      this.#connections.set(userId, new Set([known, connection]))
      return
    }
    this.#connections.set(userId, connection)
    this.#tellWatchers({ name: 'online', userIds: [userId] }, userId)
  }

  /** Removes a connection of a user and tells the watchers when it was the last. */
  depart(userId: string, connection: Connection): void {
    const known = this.#connections.get(userId)
    const isIn = known instanceof Set ? known.delete(connection) : known === connection
    if (!isIn || (known instanceof Set && known.size > 0)) return
    this.#connections.delete(userId)
    this.#tellWatchers({ name: 'offline', userIds: [userId] }, userId)
  }

  /** @param watchlist distinct ids. @returns who of them is online and who is not. */
  watch(watchlist: readonly string[], connection: ChannelConnection): readonly WatchEvent[] {
    for (const id of watchlist) {
      const watchers = this.#watchers.get(id) ?? new Audience<Encoder>(this.#fanout)
      watchers.join(connection)
      this.#watchers.set(id, watchers)
    }
    const isOnline = (id: string) => this.#connections.has(id)
    const events: WatchEvent[] = [
      { name: 'online', userIds: watchlist.filter(isOnline) },
      { name: 'offline', userIds: watchlist.filter((id) => !isOnline(id)) },
    ]
    return events.filter((event) => event.userIds.length > 0)
  }

  unwatch(watchlist: readonly string[], connection: ChannelConnection): void {
    for (const id of watchlist) {
      const watchers = this.#watchers.get(id)
      watchers?.leave(connection)
      if (watchers?.size === 0) this.#watchers.delete(id)
    }
  }

  #tellWatchers(event: WatchEvent, userId: string): void {
    this.#watchers.get(userId)?.tell((encoder) => encoder.watchEvents([event]))
  }
}
