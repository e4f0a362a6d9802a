/**
 * Live events of limits under a flood: the first of a limit and subject is told at once, and those
 * of the second that follows are counted and told as one. Nothing is lost: what is told adds up.
 * Knows no timer.
 */
import type { LiveEvent, LiveEvents } from '../live-events.ts'

export type LimitEvent = Extract<LiveEvent, { type: 'rate_limit.exceeded' | 'rate_limit.warned' }>

/** How often one limit and subject is told of at most. */
export const TOLD_EVERY_MS = 1_000
/** Our bound on limits and subjects that are told apart in a second; the rest is told by limit. */
export const TOLD_COUNT_MAX = 1_000
/**
 * Of one app, whose clients open connections as they like: each event may be a webhook of its
 * customer, and a place in the stream that operators watch.
 */
export const TOLD_OF_APP_COUNT_MAX = 100
/** Stands for the subjects that are not told apart. */
export const MANY_SUBJECTS = '*'

interface Told {
  /** Monotonic. */
  atMs: number
  /** The last of those that were counted since. */
  last: LimitEvent
  count: number
}

export class LimitNews {
  readonly #events: LiveEvents
  readonly #told = new Map<string, Told>()
  /** How many of each app are told apart. */
  readonly #ofApp = new Map<string, number>()

  constructor(events: LiveEvents) {
    this.#events = events
  }

  /** @param nowMs monotonic. */
  take(event: LimitEvent, nowMs: number): void {
    const key = keyOf(event)
    const known = this.#told.get(key)
    if (known === undefined && !isOfMany(event)) {
      if (this.#isFull(event)) {
        this.take(ofMany(event), nowMs)
        return
      }
      this.#addOfApp(event, 1)
    }
    const told = known ?? { atMs: Number.NEGATIVE_INFINITY, last: event, count: 0 }
    told.last = event
    told.count += event.details.count
    this.#told.set(key, told)
    if (nowMs - told.atMs >= TOLD_EVERY_MS) this.#tell(told, nowMs)
  }

  /** Tells what was counted in seconds that are over. Called about once a second. */
  tick(nowMs: number): void {
    for (const [key, told] of this.#told) {
      if (nowMs - told.atMs < TOLD_EVERY_MS) continue
      if (told.count > 0) this.#tell(told, nowMs)
      else this.#forget(key, told)
    }
  }

  /** Tells all that was counted. */
  finish(nowMs: number): void {
    for (const told of this.#told.values()) if (told.count > 0) this.#tell(told, nowMs)
    this.#told.clear()
    this.#ofApp.clear()
  }

  #isFull({ appId }: LimitEvent): boolean {
    if (this.#told.size >= TOLD_COUNT_MAX) return true
    return appId !== undefined && (this.#ofApp.get(appId) ?? 0) >= TOLD_OF_APP_COUNT_MAX
  }

  #forget(key: string, { last }: Told): void {
    this.#told.delete(key)
    if (!isOfMany(last)) this.#addOfApp(last, -1)
  }

  #addOfApp({ appId }: LimitEvent, change: 1 | -1): void {
    if (appId === undefined) return
    const count = (this.#ofApp.get(appId) ?? 0) + change
    if (count === 0) this.#ofApp.delete(appId)
    else this.#ofApp.set(appId, count)
  }

  #tell(told: Told, nowMs: number): void {
    const { last, count } = told
    told.atMs = nowMs
    told.count = 0
    this.#events.tell({ ...last, details: { ...last.details, count } })
  }
}

/** What no caller chooses but for the subject, whose number is bounded. */
function keyOf({ type, tenantId = '', appId = '', details }: LimitEvent): string {
  const { limit, windowMs, isShadow, subject } = details
  return [type, tenantId, appId, limit, windowMs, isShadow, subject].join('\n')
}

function isOfMany({ details }: LimitEvent): boolean {
  return details.subject === MANY_SUBJECTS
}

function ofMany(event: LimitEvent): LimitEvent {
  return { ...event, details: { ...event.details, subject: MANY_SUBJECTS } }
}
