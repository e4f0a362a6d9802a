/** Everything that is told live, kept for a test. */
import type {
  LiveEvent,
  LiveEvents,
  LiveEventType,
} from '../../packages/server/src/core/live-events.ts'

export interface HeardEvents {
  readonly all: LiveEvent[]
  /** @returns what was heard since the last call: type, and details. */
  take(): (readonly [LiveEventType, LiveEvent['details']])[]
}

/** @param types undefined: every one. */
export function hearing(events: LiveEvents, types?: readonly LiveEventType[]): HeardEvents {
  const all: LiveEvent[] = []
  let taken = 0
  events.listen({
    wants: (type) => types === undefined || types.includes(type),
    hear: (event) => void all.push(event),
  })
  return {
    all,
    take() {
      const fresh = all.slice(taken)
      taken = all.length
      return fresh.map(({ type, details }) => [type, details] as const)
    },
  }
}
