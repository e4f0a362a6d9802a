/** The operations on deliveries of webhooks. */
import { ok, refuse } from '@lockgate/protocol/result'
import type { DeliverySummary } from '../../ports/delivery-queue.ts'
import type { Handlers } from './handlers.ts'
import { PAGE_COUNT_DEFAULT, readCursor, writeCursor } from './paging.ts'
import { timeText } from './shapes.ts'

type DeliveryName =
  | 'deliveries.list'
  | 'deliveries.get'
  | 'deliveries.replay'
  | 'deliveries.discard'

const LIST = 'deliveries'

export const deliveryHandlers: Pick<Handlers, DeliveryName> = {
  async 'deliveries.list'({ parameters }, { deps }) {
    const { endpointId, state = 'dead', cursor, limit = PAGE_COUNT_DEFAULT } = parameters
    const after = cursor === undefined ? ok(['']) : readCursor(LIST, cursor)
    if (!after.ok) return after
    const afterId = String(after.value[0] ?? '')
    const countMax = limit + 1
    const found = await deps.deliveryChanges.list({ endpointId, state, afterId, countMax })
    if (!found.ok) return found
    const shown = found.value.slice(0, limit)
    const last = shown.at(-1)
    const items = shown.map(deliveryShape)
    if (last === undefined || found.value.length <= limit) return ok({ items })
    return ok({ items, nextCursor: writeCursor(LIST, [last.id]) })
  },
  async 'deliveries.get'({ parameters }, { deps }) {
    const found = await deps.deliveryChanges.find(parameters)
    return found === undefined
      ? refuse('not_found')
      : ok({ ...deliveryShape(found), content: found.body })
  },
  async 'deliveries.replay'({ parameters, body }, { deps, caller }) {
    const replayed = await deps.deliveryChanges.replay({ ...parameters, ...body }, caller)
    return replayed.ok ? ok({ replayedCount: replayed.value }) : replayed
  },
  async 'deliveries.discard'({ parameters, body }, { deps, caller }) {
    const discarded = await deps.deliveryChanges.discard({ ...parameters, ...body }, caller)
    return discarded.ok ? ok({ discardedCount: discarded.value }) : discarded
  },
}

function deliveryShape(delivery: DeliverySummary) {
  const { id, endpointId, appId, state, eventTypes, attemptCount, lastOutcome } = delivery
  const at = timeText(delivery.dueAtMs)
  return {
    id,
    endpointId,
    appId,
    state,
    events: eventTypes,
    attemptCount,
    ...(lastOutcome === undefined ? {} : { lastOutcome }),
    createdAt: timeText(delivery.createdAtMs),
    ...(state === 'dead' ? { diedAt: at } : { dueAt: at }),
  }
}
