/** Queries on webhook endpoints. */
import type { CompiledQuery } from 'kysely'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { region } from './queries.ts'
import type { WebhookEndpointRow } from './schema.ts'

type Stored = Pick<WebhookEndpointRow, 'document'>

export function findEndpoint(id: string): CompiledQuery<Stored> {
  return region.selectFrom('webhook_endpoints').select('document').where('id', '=', id).compile()
}

/** @param appId undefined: of every app. */
export function listEndpoints(appId: string | undefined): CompiledQuery<Stored> {
  let query = region.selectFrom('webhook_endpoints').select('document')
  if (appId !== undefined) query = query.where('app_id', '=', appId)
  return query.orderBy('created_at_ms').orderBy('id').compile()
}

/** Changes no row when the id is taken, or the revision is not the one before. */
export function saveEndpoint(endpoint: WebhookEndpointRecord): CompiledQuery {
  const { id, ...values } = rowOf(endpoint)
  if (endpoint.revision === 1) {
    return region
      .insertInto('webhook_endpoints')
      .values({ id, ...values })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .compile()
  }
  return region
    .updateTable('webhook_endpoints')
    .set(values)
    .where('id', '=', id)
    .where('revision', '=', endpoint.revision - 1)
    .compile()
}

export function removeEndpoint(id: string): CompiledQuery {
  return region.deleteFrom('webhook_endpoints').where('id', '=', id).compile()
}

export function removeEndpoints(appId: string): CompiledQuery {
  return region.deleteFrom('webhook_endpoints').where('app_id', '=', appId).compile()
}

function rowOf(endpoint: WebhookEndpointRecord): WebhookEndpointRow {
  return {
    id: endpoint.id,
    app_id: endpoint.appId,
    name: endpoint.name,
    revision: endpoint.revision,
    created_at_ms: endpoint.createdAtMs,
    document: JSON.stringify(endpoint),
  }
}

/** Only {@link rowOf} writes this column. Absent fields read as undefined. */
export function endpointOf({ document }: Stored): WebhookEndpointRecord {
  return JSON.parse(document) as WebhookEndpointRecord
}
