/**
 * Who is present in one document: cursors, names, whatever clients say of themselves (contract
 * WireSocket 6). A client id belongs to the connection that announced it first; nobody else changes
 * or removes it. State only; every map is bounded.
 */
import type { AwarenessEntry } from './documents.ts'

/** Our bounds; an editor announces one id and some hundred characters. */
export const AWARENESS_LIMITS = {
  entryCountMax: 10_000,
  ownedCountMax: 100,
  characterCountMax: 16 * 1024 * 1024,
  ownedCharacterCountMax: 256 * 1024,
  /** Clocks of ids that left, the oldest forgotten first: a late echo does not bring them back. */
  goneCountMax: 1_000,
}

export type AwarenessLimits = typeof AWARENESS_LIMITS

interface Present<Owner> {
  readonly clock: number
  readonly state: string
  readonly owner: Owner
}

interface Owned {
  /** A few, mostly one: looked through. */
  readonly clientIds: number[]
  characterCount: number
}

export interface Announced {
  /** For everybody. */
  readonly changed: readonly AwarenessEntry[]
  /**
   * For the announcer alone: ids that left at a clock its own do not pass. A client that came back
   * sees itself gone there, counts on from that clock and announces itself anew.
   */
  readonly gone: readonly AwarenessEntry[]
}

export class Awareness<Owner> {
  readonly #limits: AwarenessLimits
  readonly #present = new Map<number, Present<Owner>>()
  readonly #owned = new Map<Owner, Owned>()
  readonly #gone = new Map<number, number>()
  #characterCount = 0

  constructor(limits: AwarenessLimits = AWARENESS_LIMITS) {
    this.#limits = limits
  }

  /** Of all present, in the order they came. */
  entries(): AwarenessEntry[] {
    return Array.from(this.#present, ([clientId, { clock, state }]) => ({ clientId, clock, state }))
  }

  /** Takes what is newer, belongs to `owner` or to nobody, and fits; leaves out the rest. */
  announce(owner: Owner, entries: readonly AwarenessEntry[]): Announced {
    const changed: AwarenessEntry[] = []
    const gone: AwarenessEntry[] = []
    for (const entry of entries) {
      const goneAt = this.#gone.get(entry.clientId)
      const isLate = goneAt !== undefined && entry.clock <= goneAt && entry.state !== undefined
      if (isLate) gone.push({ ...entry, clock: goneAt, state: undefined })
      else if (this.#take(owner, entry)) changed.push(entry)
    }
    return { changed, gone }
  }

  /** Takes out all that `owner` announced. @returns the news for the others. */
  leave(owner: Owner): readonly AwarenessEntry[] {
    const { clientIds = [] } = this.#owned.get(owner) ?? {}
    return [...clientIds].map((clientId) => {
      // A clock as high as it gets is passed by nobody, and an equal one removes too.
      const clock = Math.min((this.#present.get(clientId)?.clock ?? 0) + 1, Number.MAX_SAFE_INTEGER)
      this.#remove(clientId, clock)
      return { clientId, clock, state: undefined }
    })
  }

  #take(owner: Owner, { clientId, clock, state }: AwarenessEntry): boolean {
    const held = this.#present.get(clientId)
    if (held === undefined)
      return state !== undefined && this.#put(owner, { clientId, clock, state })
    if (held.owner !== owner) return false
    if (clock < held.clock || (clock === held.clock && state !== undefined)) return false
    if (state !== undefined) return this.#put(owner, { clientId, clock, state })
    this.#remove(clientId, clock)
    return true
  }

  #put(
    owner: Owner,
    { clientId, clock, state }: AwarenessEntry & { readonly state: string },
  ): boolean {
    const owned = this.#owned.get(owner) ?? { clientIds: [], characterCount: 0 }
    const held = this.#present.get(clientId)
    const growth = state.length - (held?.state.length ?? 0)
    const hasPlace =
      held !== undefined ||
      (this.#present.size < this.#limits.entryCountMax &&
        owned.clientIds.length < this.#limits.ownedCountMax)
    const fits =
      owned.characterCount + growth <= this.#limits.ownedCharacterCountMax &&
      this.#characterCount + growth <= this.#limits.characterCountMax
    if (!hasPlace || !fits) return false
    if (held === undefined) owned.clientIds.push(clientId)
    owned.characterCount += growth
    this.#characterCount += growth
    this.#owned.set(owner, owned)
    this.#present.set(clientId, { clock, state, owner })
    this.#gone.delete(clientId)
    return true
  }

  #remove(clientId: number, clock: number): void {
    const held = this.#present.get(clientId)
    const owned = held && this.#owned.get(held.owner)
    if (held === undefined || owned === undefined) return
    this.#present.delete(clientId)
    this.#characterCount -= held.state.length
    owned.characterCount -= held.state.length
    owned.clientIds.splice(owned.clientIds.indexOf(clientId), 1)
    if (owned.clientIds.length === 0) this.#owned.delete(held.owner)
    this.#gone.delete(clientId) // so that it is the youngest
    this.#gone.set(clientId, clock)
    const [oldest] = this.#gone.keys()
    if (this.#gone.size > this.#limits.goneCountMax && oldest !== undefined) {
      this.#gone.delete(oldest)
    }
  }
}
