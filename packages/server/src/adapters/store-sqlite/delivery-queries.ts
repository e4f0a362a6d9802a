/** Queries on webhook deliveries. Pure: they only make SQL. */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type {
  DeadSelection,
  DeliveryCounts,
  DeliveryOutcome,
  DeliveryPage,
  DeliverySummary,
  DeliverySweep,
  EndpointPlace,
  NewDelivery,
  TakeOrder,
  WantedDeliveries,
} from '../../ports/delivery-queue.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import { bind } from './calls.ts'
import { region } from './queries.ts'
import type { DeliveryRow } from './schema.ts'

const at = (place: number): RawBuilder<unknown> => sql`${place}`

const INSERT = region
  .insertInto('webhook_deliveries')
  .values({
    id: '',
    app_id: '',
    endpoint_id: '',
    state: 'waiting',
    due_at_ms: 0,
    created_at_ms: 0,
    is_taken: 0,
    attempt_count: 0,
    last_outcome: '',
    event_types: '',
    body: '',
  })
  .compile()

const TAKE = sql<DeliveryRow>`
  UPDATE webhook_deliveries SET due_at_ms = ${at(0)}, is_taken = 1
  WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE app_id = ${at(1)} AND endpoint_id = ${at(2)} AND state = 'waiting'
      AND due_at_ms <= ${at(3)}
    ORDER BY due_at_ms, id LIMIT ${at(4)}
  )
  RETURNING *
`.compile(region)

const NEXT_DUE = region
  .selectFrom('webhook_deliveries')
  .select((each) => each.fn.min('due_at_ms').as('due_at_ms'))
  .where('app_id', '=', '')
  .where('endpoint_id', '=', '')
  .where('state', '=', 'waiting')
  .compile()

const DELIVERED = region.deleteFrom('webhook_deliveries').where('id', '=', '').compile()

const RELEASED = region
  .updateTable('webhook_deliveries')
  .set({ due_at_ms: 0, is_taken: 0 })
  .where('id', '=', '')
  .where('state', '=', 'waiting')
  .compile()

/** `retry` and `dead`. */
const FAILED = region
  .updateTable('webhook_deliveries')
  .set({ state: 'dead', attempt_count: 0, due_at_ms: 0, last_outcome: '', is_taken: 0 })
  .where('id', '=', '')
  .where('state', '=', 'waiting')
  .compile()

/** The newest are kept: an id rises with time. */
const TRIM = sql`
  DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE app_id = ${at(0)} AND endpoint_id = ${at(1)} AND state = 'dead'
    ORDER BY id DESC LIMIT ${at(2)} OFFSET ${at(3)}
  )
`.compile(region)

/** Our bound on what one trim removes; more is removed by the next. */
const TRIM_COUNT_MAX = 10_000

const COUNT = sql<DeliveryCounts>`
  SELECT app_id AS "appId", endpoint_id AS "endpointId",
    sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) AS "waitingCount",
    sum(CASE WHEN state = 'dead' THEN 1 ELSE 0 END) AS "deadCount",
    min(CASE WHEN state = 'waiting' THEN due_at_ms END) AS "nextDueAtMs",
    min(CASE WHEN state = 'waiting' THEN created_at_ms END) AS "oldestAtMs"
  FROM webhook_deliveries GROUP BY app_id, endpoint_id ORDER BY app_id, endpoint_id
`.compile(region)

export function insertDelivery(delivery: NewDelivery): CompiledQuery {
  const { id, appId, endpointId, state, dueAtMs, createdAtMs, isTaken } = delivery
  const place = [id, appId, endpointId, state, dueAtMs, createdAtMs, isTaken ? 1 : 0]
  const { attemptCount, lastOutcome = null, eventTypes, body } = delivery
  return bind(INSERT, [...place, attemptCount, lastOutcome, eventTypes.join(' '), body])
}

export function takeDueDeliveries(
  { nowMs, leaseMs }: TakeOrder,
  { appId, endpointId, countMax }: WantedDeliveries,
): CompiledQuery<DeliveryRow> {
  return bind(TAKE, [nowMs + leaseMs, appId, endpointId, nowMs, countMax])
}

export function findNextDue({ appId, endpointId }: EndpointPlace): CompiledQuery {
  return bind(NEXT_DUE, [appId, endpointId, 'waiting'])
}

/** @param row of {@link findNextDue}: of nothing the first is null. */
export function nextDueOf(row: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const dueAtMs = row?.['due_at_ms']
  return typeof dueAtMs === 'number' ? dueAtMs : undefined
}

export function finishDelivery(outcome: DeliveryOutcome): CompiledQuery {
  const { id } = outcome
  switch (outcome.kind) {
    case 'delivered':
      return bind(DELIVERED, [id])
    case 'released':
      return bind(RELEASED, [outcome.dueAtMs, 0, id, 'waiting'])
    case 'retry': {
      const { attemptCount, dueAtMs, lastOutcome } = outcome
      return bind(FAILED, ['waiting', attemptCount, dueAtMs, lastOutcome, 0, id, 'waiting'])
    }
    case 'dead': {
      const { attemptCount, atMs, lastOutcome } = outcome
      return bind(FAILED, ['dead', attemptCount, atMs, lastOutcome, 0, id, 'waiting'])
    }
  }
}

export function trimDead({ appId, endpointId }: EndpointPlace, countMax: number): CompiledQuery {
  return bind(TRIM, [appId, endpointId, TRIM_COUNT_MAX, countMax])
}

export function releaseDeliveries(nowMs: number, horizonMs: number): CompiledQuery {
  return region
    .updateTable('webhook_deliveries')
    .set({ due_at_ms: nowMs, is_taken: 0 })
    .where('state', '=', 'waiting')
    .where((each) => each.or([each('is_taken', '=', 1), each('due_at_ms', '>', horizonMs)]))
    .compile()
}

export function countDeliveries(): CompiledQuery {
  return COUNT
}

/** Absent times of a group come as null. */
export function countsOf(row: Readonly<Record<string, unknown>>): DeliveryCounts {
  const counts = row as unknown as { [K in keyof DeliveryCounts]: DeliveryCounts[K] | null }
  const { nextDueAtMs, oldestAtMs } = counts
  return {
    ...(counts as DeliveryCounts),
    nextDueAtMs: nextDueAtMs ?? undefined,
    oldestAtMs: oldestAtMs ?? undefined,
  }
}

export function findDelivery(id: string): CompiledQuery<DeliveryRow> {
  return region.selectFrom('webhook_deliveries').selectAll().where('id', '=', id).compile()
}

const SUMMARY = [
  'id',
  'app_id',
  'endpoint_id',
  'state',
  'due_at_ms',
  'created_at_ms',
  'attempt_count',
  'last_outcome',
  'event_types',
] as const satisfies readonly (keyof DeliveryRow)[]
type SummaryRow = Pick<DeliveryRow, (typeof SUMMARY)[number]>

export function listDeliveries(page: DeliveryPage): CompiledQuery<SummaryRow> {
  return region
    .selectFrom('webhook_deliveries')
    .select([...SUMMARY])
    .where('app_id', '=', page.appId)
    .where('endpoint_id', '=', page.endpointId)
    .where('state', '=', page.state)
    .where('id', '>', page.afterId)
    .orderBy('id')
    .limit(page.countMax)
    .compile()
}

/** @returns the ids of the dead letters that are chosen, the oldest first. */
function chosen({ appId, endpointId }: EndpointPlace, { id, countMax }: DeadSelection) {
  const dead = region
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('app_id', '=', appId)
    .where('endpoint_id', '=', endpointId)
    .where('state', '=', 'dead')
    .orderBy('id')
    .limit(countMax)
  return id === undefined ? dead : dead.where('id', '=', id)
}

export function replayDeliveries(
  place: EndpointPlace,
  selection: DeadSelection & { readonly dueAtMs: number },
): CompiledQuery<Pick<DeliveryRow, 'id'>> {
  return region
    .updateTable('webhook_deliveries')
    .set({
      state: 'waiting',
      attempt_count: 0,
      is_taken: 0,
      due_at_ms: selection.dueAtMs,
      created_at_ms: selection.dueAtMs,
    })
    .where('id', 'in', chosen(place, selection))
    .returning('id')
    .compile()
}

export function discardDeliveries(place: EndpointPlace, selection: DeadSelection): CompiledQuery {
  return region
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', chosen(place, selection))
    .compile()
}

/** Before the endpoint itself goes: its app is what the index begins with. */
export function removeDeliveries(endpointId: string): CompiledQuery {
  const app = region.selectFrom('webhook_endpoints').select('app_id').where('id', '=', endpointId)
  return region
    .deleteFrom('webhook_deliveries')
    .where('app_id', 'in', app)
    .where('endpoint_id', '=', endpointId)
    .compile()
}

export function sweepDeliveries(
  { appId, endpointId }: EndpointPlace,
  sweep: DeliverySweep,
): readonly CompiledQuery[] {
  const remove = region
    .deleteFrom('webhook_deliveries')
    .where('app_id', '=', appId)
    .where('endpoint_id', '=', endpointId)
    .where('state', '=', 'dead')
    .where('due_at_ms', '<', sweep.deadBeforeMs)
  const { nowMs, lastOutcome } = sweep
  const giveUp = region
    .updateTable('webhook_deliveries')
    .set({ state: 'dead', is_taken: 0, due_at_ms: nowMs, last_outcome: lastOutcome })
    .where('app_id', '=', appId)
    .where('endpoint_id', '=', endpointId)
    .where('state', '=', 'waiting')
    .where('created_at_ms', '<', sweep.waitingBeforeMs)
  return [remove.compile(), giveUp.compile()]
}

export function deliveryOf(row: DeliveryRow): WebhookDeliveryRecord {
  return { ...summaryOf(row), body: row.body }
}

export function summaryOf(row: SummaryRow): DeliverySummary {
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    appId: row.app_id,
    eventTypes: row.event_types === '' ? [] : row.event_types.split(' '),
    createdAtMs: row.created_at_ms,
    attemptCount: row.attempt_count,
    dueAtMs: row.due_at_ms,
    state: row.state,
    lastOutcome: row.last_outcome ?? undefined,
  }
}
