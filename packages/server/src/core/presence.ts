/**
 * Who is present on one channel. A user counts once however many connections it has. `M`: what is
 * known of a member; each kind of channel has its own.
 */

export interface Member {
  /** As the application signed it: some applications use numbers. */
  readonly userId: string | number
  readonly userInfo: unknown
}

interface Entry<M> {
  member: M
  connectionCount: number
}

export class PresenceRoster<M> {
  readonly #entries = new Map<string, Entry<M>>()

  /** Distinct users. */
  get size(): number {
    return this.#entries.size
  }

  find(key: string): M | undefined {
    return this.#entries.get(key)?.member
  }

  /**
   * @returns whether the user is new here (`first`), has another connection here, or finds no room.
   */
  enter(key: string, member: M, memberCountMax: number): 'first' | 'again' | 'full' {
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.connectionCount++
      return 'again'
    }
    // Only new users meet the limit: a second tab of a member always fits.
    if (this.#entries.size >= memberCountMax) return 'full'
    this.#entries.set(key, { member, connectionCount: 1 })
    return 'first'
  }

  /** What is known of somebody present has changed. */
  replace(key: string, member: M): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) entry.member = member
  }

  /** @returns the member when its last connection left, else undefined. */
  leave(key: string): M | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || --entry.connectionCount > 0) return undefined
    this.#entries.delete(key)
    return entry.member
  }

  *members(): Generator<M> {
    for (const entry of this.#entries.values()) yield entry.member
  }
}
