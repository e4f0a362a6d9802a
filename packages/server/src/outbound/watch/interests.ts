/**
 * Who asks for events that are kept only while somebody does. An interest lingers after its last
 * holder, so that a watcher who comes back soon missed nothing.
 */
import type { LiveEvent, LiveEventType } from '../../core/live-events.ts'
import { type EventFilter, isNamedOnly } from './event-filter.ts'

/** How long an interest outlives who had it. */
export const INTEREST_LINGER_MS = 60_000
/** Our bound on interests; over it those that only linger go. */
export const INTEREST_COUNT_MAX = 256

interface Interest {
  readonly filter: EventFilter
  /** What came after this entry was kept. */
  readonly sinceSeq: number
  holderCount: number
  /** On the monotonic clock, once nobody holds it. */
  untilMs: number
}

/** Of one type: which apps it is asked for of, and of whom in all. */
interface Asked {
  readonly apps: Set<string | undefined>
  readonly owners: Set<string>
}

export class Interests {
  readonly #interests = new Map<string, Interest>()
  /** The same by type: asked on the message path, where a list of interests would be felt. */
  readonly #asked = new Map<LiveEventType, Asked>()

  /** @returns what ends it; undefined where the filter names nothing that needs an interest. */
  hold(filter: EventFilter, lastSeq: number): ((nowMs: number) => void) | undefined {
    const types = [...filter.types].filter(isNamedOnly).sort()
    if (types.length === 0) return undefined
    const key = JSON.stringify([filter.tenantId, filter.appId, types])
    const known = this.#interests.get(key)
    const named = { ...filter, types: new Set(types) }
    const interest = known ?? { filter: named, sinceSeq: lastSeq, holderCount: 0, untilMs: 0 }
    interest.holderCount++
    this.#interests.set(key, interest)
    this.#bound()
    this.#index()
    return (nowMs) => {
      interest.holderCount--
      interest.untilMs = nowMs + INTEREST_LINGER_MS
    }
  }

  /** Whether somebody may ask for events of the type. */
  wants(type: LiveEventType, appId: string | undefined): boolean {
    const apps = this.#asked.get(type)?.apps
    return apps !== undefined && (apps.has(undefined) || apps.has(appId))
  }

  isFor({ type, tenantId, appId }: LiveEvent): boolean {
    const owners = this.#asked.get(type)?.owners
    if (owners === undefined) return false
    return (
      owners.has(ownerOf(tenantId, appId)) ||
      owners.has(ownerOf(tenantId, undefined)) ||
      owners.has(ownerOf(undefined, appId)) ||
      owners.has(ownerOf(undefined, undefined))
    )
  }

  /** Whether everything the filter names was kept from the entry on. */
  covers(filter: EventFilter, afterSeq: number): boolean {
    const held = [...this.#interests.values()].filter(({ sinceSeq }) => sinceSeq <= afterSeq)
    return [...filter.types]
      .filter(isNamedOnly)
      .every((type) =>
        held.some(
          ({ filter: { types, tenantId = filter.tenantId, appId = filter.appId } }) =>
            types.has(type) && tenantId === filter.tenantId && appId === filter.appId,
        ),
      )
  }

  sweep(nowMs: number): void {
    for (const [key, { holderCount, untilMs }] of this.#interests) {
      if (holderCount === 0 && nowMs >= untilMs) this.#interests.delete(key)
    }
    this.#index()
  }

  #index(): void {
    this.#asked.clear()
    for (const { filter } of this.#interests.values()) {
      for (const type of filter.types) {
        const asked = this.#asked.get(type) ?? { apps: new Set(), owners: new Set() }
        asked.apps.add(filter.appId)
        asked.owners.add(ownerOf(filter.tenantId, filter.appId))
        this.#asked.set(type, asked)
      }
    }
  }

  #bound(): void {
    if (this.#interests.size <= INTEREST_COUNT_MAX) return
    for (const [key, { holderCount }] of this.#interests) {
      if (holderCount > 0) continue
      this.#interests.delete(key)
      return
    }
  }
}

/** Ids hold no slash. */
function ownerOf(tenantId: string | undefined, appId: string | undefined): string {
  return `${tenantId ?? ''}/${appId ?? ''}`
}
