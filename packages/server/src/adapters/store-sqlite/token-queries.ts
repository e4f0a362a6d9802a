/** Queries on connection tokens. Pure: they only make SQL. */
import { type CompiledQuery, type ExpressionBuilder, sql } from 'kysely'
import type {
  ConnectionTokenEnd,
  ConnectionTokenPage,
  ConnectionTokenStep,
} from '../../ports/connection-token-records.ts'
import {
  type ConnectionTokenRecord,
  type ConnectionTokenSelector,
  TOKEN_CLIENT_COUNT_MAX,
} from '../../ports/records/connection-token.ts'
import { bind } from './calls.ts'
import { region } from './queries.ts'
import type { ConnectionTokenRow, RegionTables } from './schema.ts'

const FIND = region.selectFrom('connection_tokens').selectAll().where('id', '=', '').compile()

const NEW = region.insertInto('connection_tokens').values({
  id: '',
  app_id: '',
  user_email: '',
  integration: '',
  provider: '',
  generation: 0,
  refreshed_at_ms: 0,
  expires_at_ms: 0,
  ends_at_ms: 0,
  revoked_at_ms: 0,
  replaced_at_ms: 0,
  client_ids: '',
  document: '',
})

const INSERT = NEW.onConflict((conflict) => conflict.column('id').doNothing()).compile()

const SAVE = NEW.onConflict((conflict) =>
  conflict.column('id').doUpdateSet((given) => ({
    app_id: given.ref('excluded.app_id'),
    user_email: given.ref('excluded.user_email'),
    integration: given.ref('excluded.integration'),
    provider: given.ref('excluded.provider'),
    generation: given.ref('excluded.generation'),
    refreshed_at_ms: given.ref('excluded.refreshed_at_ms'),
    expires_at_ms: given.ref('excluded.expires_at_ms'),
    ends_at_ms: given.ref('excluded.ends_at_ms'),
    revoked_at_ms: given.ref('excluded.revoked_at_ms'),
    replaced_at_ms: given.ref('excluded.replaced_at_ms'),
    client_ids: given.ref('excluded.client_ids'),
    document: given.ref('excluded.document'),
  })),
).compile()

/** A compare-and-set of the generation. */
const ADVANCE = region
  .updateTable('connection_tokens')
  .set({ generation: 0, refreshed_at_ms: 0, expires_at_ms: 0 })
  .where('id', '=', '')
  .where('generation', '=', 0)
  .where('revoked_at_ms', 'is', null)
  .where('replaced_at_ms', 'is', null)
  .where('ends_at_ms', '>', 0)
  .compile()

/** Changes nothing where the id is in the list already, or the list is full. */
const BIND = region
  .updateTable('connection_tokens')
  .set({ client_ids: sql<string>`json_insert(client_ids, '$[#]', ${''})` })
  .where('id', '=', '')
  .where(sql<number>`json_array_length(client_ids)`, '<', 0)
  .where(sql<boolean>`NOT EXISTS (SELECT 1 FROM json_each(client_ids) WHERE value = ${''})`)
  .compile()

export function findToken(id: string): CompiledQuery<ConnectionTokenRow> {
  return bind(FIND, [id])
}

/** Changes one row, or none where the id is taken. */
export function insertToken(token: ConnectionTokenRecord): CompiledQuery {
  return bind(INSERT, valuesOf(token))
}

export function saveToken(token: ConnectionTokenRecord): CompiledQuery {
  return bind(SAVE, valuesOf(token))
}

/** Changes one row where the step may be taken, else none. */
export function advanceToken(step: ConnectionTokenStep): CompiledQuery {
  const { id, generation, nowMs, expiresAtMs } = step
  return bind(ADVANCE, [generation + 1, nowMs, expiresAtMs, id, generation, nowMs])
}

export function bindClient(id: string, clientId: string): CompiledQuery {
  return bind(BIND, [clientId, id, TOKEN_CLIENT_COUNT_MAX, clientId])
}

export function listTokens(page: ConnectionTokenPage): CompiledQuery<ConnectionTokenRow> {
  const { selector, liveAtMs, unexpiredAtMs, afterId, countMax } = page
  let query = region.selectFrom('connection_tokens').selectAll().where('id', '>', afterId)
  if (selector !== undefined) query = query.where((each) => isSelected(each, selector))
  if (unexpiredAtMs !== undefined) query = query.where('expires_at_ms', '>', unexpiredAtMs)
  if (liveAtMs !== undefined) {
    query = query.where((each) => isUnended(each)).where((each) => lastsBeyond(each, liveAtMs))
  }
  return query.orderBy('id').limit(countMax).compile()
}

/**
 * The first query answers with the ids of those that had not expired. The second marks the others
 * too: a clock that is set back must not bring them to life again.
 */
export function endTokens(
  selector: ConnectionTokenSelector,
  end: ConnectionTokenEnd,
): readonly [CompiledQuery<{ id: string }>, CompiledQuery] {
  const selected = region
    .updateTable('connection_tokens')
    .where((each) => isSelected(each, selector))
  if ('revokedAtMs' in end) {
    const { revokedAtMs: atMs } = end
    const revoke = selected.set({ revoked_at_ms: atMs }).where('revoked_at_ms', 'is', null)
    const alive = revoke.where((each) => lastsBeyond(each, atMs))
    return [alive.returning('id').compile(), revoke.compile()]
  }
  const { replacedAtMs: atMs } = end
  const replace = selected.set({ replaced_at_ms: atMs }).where((each) => isUnended(each))
  const alive = replace.where((each) => lastsBeyond(each, atMs))
  return [alive.returning('id').compile(), replace.compile()]
}

export function sweepTokens(beforeMs: number): CompiledQuery {
  return region.deleteFrom('connection_tokens').where('expires_at_ms', '<', beforeMs).compile()
}

export function removeTokens(appId: string): CompiledQuery {
  return region.deleteFrom('connection_tokens').where('app_id', '=', appId).compile()
}

type TokenExpressions = ExpressionBuilder<RegionTables, 'connection_tokens'>

function isUnended(each: TokenExpressions) {
  return each.and([each('revoked_at_ms', 'is', null), each('replaced_at_ms', 'is', null)])
}

function lastsBeyond(each: TokenExpressions, atMs: number) {
  return each.and([each('expires_at_ms', '>', atMs), each('ends_at_ms', '>', atMs)])
}

function isSelected(each: TokenExpressions, selector: ConnectionTokenSelector) {
  const { appId, id, userEmail, integration, provider } = selector
  const conditions = [each('app_id', '=', appId)]
  if (id !== undefined) conditions.push(each('id', '=', id))
  if (userEmail !== undefined) conditions.push(each('user_email', '=', userEmail))
  if (integration !== undefined) conditions.push(each('integration', 'is', integration))
  if (provider !== undefined) conditions.push(each('provider', '=', provider))
  return each.and(conditions)
}

/** In the order of the columns of {@link NEW}. */
function valuesOf(token: ConnectionTokenRecord): (string | number | null)[] {
  const { id, appId, userEmail, integration, provider, generation, refreshedAtMs } = token
  const { expiresAtMs, endsAtMs, revokedAtMs, replacedAtMs, clientIds, ...rest } = token
  return [
    ...[id, appId, userEmail, integration ?? null, provider, generation, refreshedAtMs ?? null],
    ...[expiresAtMs, endsAtMs, revokedAtMs ?? null, replacedAtMs ?? null],
    ...[JSON.stringify(clientIds), JSON.stringify(rest)],
  ]
}

/** Only {@link valuesOf} and the steps write these columns. Absent fields read as undefined. */
export function tokenOf(row: ConnectionTokenRow): ConnectionTokenRecord {
  return {
    ...(JSON.parse(row.document) as ConnectionTokenRecord),
    generation: row.generation,
    refreshedAtMs: row.refreshed_at_ms ?? undefined,
    expiresAtMs: row.expires_at_ms,
    endsAtMs: row.ends_at_ms,
    revokedAtMs: row.revoked_at_ms ?? undefined,
    replacedAtMs: row.replaced_at_ms ?? undefined,
    clientIds: JSON.parse(row.client_ids) as readonly string[],
  }
}
