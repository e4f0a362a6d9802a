/**
 * Events that somebody who attacks makes as many of as he likes: of each kind the first is told,
 * and what follows is counted and told once a minute. Knows no timer. Bounded: kinds beyond the
 * bound are counted, and told to nobody.
 */
import type { LiveEvent } from '../../core/live-events.ts'

/** Our bounds. */
export const FLOOD_WINDOW_MS = 60_000
/** Kinds are of reasons and limits, which no caller chooses, times the apps that ask for them. */
export const FLOOD_KIND_COUNT_MAX = 10_000

export type FloodEvent = Extract<
  LiveEvent,
  { type: 'auth.failed' | 'auth.denied' | 'rate_limit.exceeded' | 'rate_limit.warned' }
>

/** One event that stands for `count` alike, the first of which it is. */
export interface CountedEvent {
  readonly event: FloodEvent
  readonly count: number
}

interface Window {
  /** Monotonic: when the last one was told. */
  readonly toldAtMs: number
  first: FloodEvent | undefined
  count: number
}

export class FloodCounts {
  /** Those told longest ago are in front. */
  readonly #windows = new Map<string, Window>()
  readonly #tell: (counted: CountedEvent) => void
  /** How many were not told: there were too many kinds. */
  lostCount = 0

  constructor(tell: (counted: CountedEvent) => void) {
    this.#tell = tell
  }

  /** @param nowMs monotonic. */
  take(event: FloodEvent, nowMs: number): void {
    const kind = kindOf(event)
    const window = this.#windows.get(kind)
    if (window !== undefined && nowMs - window.toldAtMs < FLOOD_WINDOW_MS) {
      window.first ??= event
      window.count += countOf(event)
      return
    }
    if (window === undefined && this.#windows.size >= FLOOD_KIND_COUNT_MAX) {
      this.lostCount++
      return
    }
    const { first = event, count = 0 } = window ?? {}
    this.#open(kind, nowMs)
    this.#tell({ event: first, count: count + countOf(event) })
  }

  /** Tells what was counted in windows that are over. @param nowMs monotonic. */
  tick(nowMs: number): void {
    for (const [kind, window] of this.#windows) {
      if (nowMs - window.toldAtMs < FLOOD_WINDOW_MS) return
      this.#windows.delete(kind)
      if (window.first === undefined) continue
      // A flood that goes on keeps its window: one a minute, not two.
      this.#open(kind, nowMs)
      this.#tellCounted(window)
    }
  }

  /** Tells what was counted, windows that are not over included. */
  finish(): void {
    for (const window of this.#windows.values()) this.#tellCounted(window)
    this.#windows.clear()
  }

  #open(kind: string, nowMs: number): void {
    this.#windows.delete(kind)
    this.#windows.set(kind, { toldAtMs: nowMs, first: undefined, count: 0 })
  }

  #tellCounted({ first, count }: Window): void {
    if (first !== undefined) this.#tell({ event: first, count })
  }
}

/** Limits count under a flood themselves. */
function countOf({ details }: FloodEvent): number {
  return 'count' in details ? details.count : 1
}

/** Refusal codes, states and names of limits: never what a caller sent. */
function kindOf({ type, appId = '', details }: FloodEvent): string {
  const what = 'reason' in details ? details.reason : `${details.limit} ${details.isShadow}`
  return `${appId}\n${type}\n${what}`
}
