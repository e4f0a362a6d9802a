/**
 * Who asks for events that are kept only while somebody does. An interest lingers after its last
 * holder, so that a watcher who comes back soon missed nothing.
 */
import type { LiveEvent, LiveEventType } from '../../core/live-events.ts'
import { type EventFilter, fits, isNamedOnly } from './event-filter.ts'

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

export class Interests {
  readonly #interests = new Map<string, Interest>()

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
    return (nowMs) => {
      interest.holderCount--
      interest.untilMs = nowMs + INTEREST_LINGER_MS
    }
  }

  /** Whether somebody may ask for events of the type. */
  wants(type: LiveEventType, appId: string | undefined): boolean {
    for (const { filter } of this.#interests.values()) {
      if (filter.types.has(type) && (filter.appId ?? appId) === appId) return true
    }
    return false
  }

  isFor(event: LiveEvent): boolean {
    for (const { filter } of this.#interests.values()) if (fits(filter, event)) return true
    return false
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
