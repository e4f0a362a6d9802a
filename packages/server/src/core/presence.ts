/**
 * Who is present on one channel. A user counts once however many connections it has.
 */

export interface Member {
  /** As the application signed it: some applications use numbers. */
  readonly userId: string | number
  readonly userInfo: unknown
}

interface Entry {
  readonly member: Member
  connectionCount: number
}

export class PresenceRoster {
  readonly #entries = new Map<string, Entry>()

  /** Distinct users. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * @returns whether the user is new here (`first`), has another connection here, or finds no room.
   */
  enter(member: Member, memberCountMax: number): 'first' | 'again' | 'full' {
    const key = String(member.userId)
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

  /** @returns the member when its last connection left, else undefined. */
  leave(userKey: string): Member | undefined {
    const entry = this.#entries.get(userKey)
    if (entry === undefined || --entry.connectionCount > 0) return undefined
    this.#entries.delete(userKey)
    return entry.member
  }

  *members(): Generator<Member> {
    for (const entry of this.#entries.values()) yield entry.member
  }
}
