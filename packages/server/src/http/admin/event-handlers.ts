/** The operations on what happens now: follow it, and read the last of it. */
import { type EventType, readEventTypes } from '@lockgate/admin-api/event-types'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { LiveEventType } from '../../core/live-events.ts'
import { operatorHolds } from '../../credentials/operators.ts'
import type { JournalEntry } from '../../outbound/watch/entry-queue.ts'
import type { EventFilter } from '../../outbound/watch/event-filter.ts'
import type { Watcher, WatchStep } from '../../outbound/watch/watcher.ts'
import { type EventSource, eventText } from './event-stream.ts'
import type { HandlerContext, Handlers } from './handlers.ts'
import { PAGE_COUNT_DEFAULT, readCursor, writeCursor } from './paging.ts'
import { timeText } from './shapes.ts'

/** One that does not compile when the names clients know differ from those of the server. */
const SAME_NAMES: [EventType, LiveEventType] extends [LiveEventType, EventType] ? true : never =
  true

const OTHER_START_TEXT = 'This cursor is of before a restart. Begin the list anew.'

interface Asked {
  readonly types?: string | undefined
  readonly tenantId?: string | undefined
  readonly appId?: string | undefined
}

export const eventHandlers: Pick<Handlers, 'events.watch' | 'events.list'> = {
  async 'events.watch'({ parameters }, { deps, principal }) {
    const filter = filterOf(parameters, principal)
    if (!filter.ok) return filter
    const watcher = deps.watchers.open({
      filter: filter.value,
      scope: principal.tenantId,
      after: parameters.after,
      holds: () => operatorHolds(principal, deps.operators),
    })
    return watcher.ok ? ok(sourceOf(watcher.value, () => deps.clock.nowMs())) : watcher
  },
  async 'events.list'({ parameters }, { deps, principal }) {
    const { cursor, limit = PAGE_COUNT_DEFAULT, order = 'newest' } = parameters
    const filter = filterOf(parameters, principal)
    if (!filter.ok) return filter
    const { journal } = deps.watchers
    const { tenantId: scope } = principal
    const list = `events.list ${order}`
    const start = cursor === undefined ? ok([]) : readCursor(list, cursor)
    if (!start.ok) return start
    const [id] = start.value
    const isFirst = id === undefined
    const seq = typeof id === 'string' ? journal.seqOf(scope, id) : undefined
    if (!isFirst && seq === undefined) return refuse('input_invalid', OTHER_START_TEXT)
    const found =
      order === 'newest'
        ? journal.readBefore(filter.value, seq ?? Infinity, limit + 1)
        : journal.readAfter(filter.value, seq ?? 0, limit + 1).entries
    const shown = found.slice(0, limit)
    const last = shown.at(-1)
    const next =
      found.length > limit && last !== undefined
        ? { nextCursor: writeCursor(list, [journal.idOf(scope, last)]) }
        : {}
    const items = shown.map((entry) => eventShape(journal.idOf(scope, entry), entry))
    return ok({ items, ...next })
  },
}

/** A tenant's own key sees that tenant, whatever it asks for. */
function filterOf(
  { types, tenantId, appId }: Asked,
  principal: HandlerContext['principal'],
): Result<EventFilter, 'input_invalid'> {
  const read = readEventTypes(types)
  if (!read.ok || !SAME_NAMES) return refuse('input_invalid')
  return ok({ types: read.types, tenantId: principal.tenantId ?? tenantId, appId })
}

/** Our advice to browsers; others have their own. */
const RETRY_MS = 1_000

function sourceOf(watcher: Watcher, nowMs: () => number): EventSource {
  let retryMs: number | undefined = RETRY_MS
  return {
    async next() {
      const steps = await watcher.next()
      if (steps === undefined) return undefined
      const texts = steps.map((step) => stepText(step, nowMs))
      const advice = retryMs === undefined ? '' : `retry: ${retryMs}\n`
      retryMs = undefined
      return advice + texts.join('')
    },
    close: () => watcher.close(),
  }
}

function stepText(step: WatchStep, nowMs: () => number): string {
  switch (step.kind) {
    case 'event':
      return eventText({
        id: step.id,
        event: step.entry.event.type,
        data: eventShape(step.id, step.entry),
      })
    case 'beat':
      return eventText({ id: step.id })
    case 'gap': {
      const { id, reason, after } = step
      const data = { id, type: 'gap', at: timeText(nowMs()), details: { reason, after } }
      return eventText({ id, event: 'gap', data })
    }
    case 'end':
      return eventText({ event: 'end', data: { reason: step.reason } })
    default:
      return step satisfies never
  }
}

function eventShape(id: string, { event }: JournalEntry) {
  const { type, atMs, tenantId, appId, details } = event
  return { id, type, at: timeText(atMs), tenantId, appId, details: shownDetails(details) }
}

/** Contents of messages are not kept, so they are not shown as if they were empty. */
function shownDetails(details: JournalEntry['event']['details']): object {
  if (!('data' in details)) return details
  const { data: _, ...rest } = details
  return rest
}
