/** Everybody who follows events on this node: how many, since when silent, and who still may. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Clock } from '../../ports/clock.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import type { EventJournal, Scope } from './event-journal.ts'
import { Watcher, type WatchRequest } from './watcher.ts'

/**
 * Our bounds on watchers at a time: of the node, of the keys of all tenants, so that operators of
 * the installation find a place, and of one tenant's keys.
 */
export const WATCHER_COUNT_MAX = 64
export const TENANTS_WATCHER_COUNT_MAX = 48
export const TENANT_WATCHER_COUNT_MAX = 8
/** Well below what proxies and clients take for a connection that is gone. */
export const HEARTBEAT_MS = 5_000

export class Watchers {
  readonly journal: EventJournal
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #watchers = new Map<Watcher, Scope>()
  #beatAtMs = 0
  #isClosed = false

  constructor(journal: EventJournal, clock: Pick<Clock, 'monotonicMs'>) {
    this.journal = journal
    this.#clock = clock
    journal.onEvent((event) => {
      for (const watcher of this.#watchers.keys()) watcher.hear(event)
    })
  }

  get count(): number {
    return this.#watchers.size
  }

  open(request: WatchRequest): Result<Watcher, 'overloaded' | 'draining'> {
    if (this.#isClosed) return refuse('draining')
    const { scope } = request
    const ofTenants = [...this.#watchers.values()].filter((each) => each !== undefined)
    const ownCount = ofTenants.filter((each) => each === scope).length
    const isFull =
      scope !== undefined &&
      (ownCount >= TENANT_WATCHER_COUNT_MAX || ofTenants.length >= TENANTS_WATCHER_COUNT_MAX)
    if (isFull || this.count >= WATCHER_COUNT_MAX) {
      return refuse('overloaded', 'As many follow events as may. Try again when one has left.')
    }
    const watcher = new Watcher(this.journal, request)
    const { interests, lastSeq } = this.journal
    const release = interests.hold(request.filter, lastSeq)
    watcher.onClosed = () => {
      this.#watchers.delete(watcher)
      release?.(this.#clock.monotonicMs())
    }
    this.#watchers.set(watcher, scope)
    return ok(watcher)
  }

  /** Ends those whose key was revoked or has another role; called after every change of keys. */
  check(): void {
    for (const watcher of this.#watchers.keys()) {
      if (!watcher.holds()) watcher.end('credential_revoked')
    }
  }

  /** Called about once a second: keys also end by time. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs()
    this.check()
    this.journal.interests.sweep(nowMs)
    if (nowMs < this.#beatAtMs) return
    this.#beatAtMs = nowMs + HEARTBEAT_MS
    for (const watcher of this.#watchers.keys()) watcher.beat()
  }

  metrics(): MetricDefinitions {
    const gauge = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_${name}`, help, kind: 'gauge', read }) as const
    return {
      plain: [
        gauge('event_watchers', 'Who follows events now', () => this.count),
        gauge('event_journal_entries', 'Events that are kept now', () => this.journal.count),
      ],
      labelled: [],
    }
  }

  /** Ends all, and lets nobody in any more. */
  close(): void {
    this.#isClosed = true
    for (const watcher of this.#watchers.keys()) watcher.end('draining')
  }
}
