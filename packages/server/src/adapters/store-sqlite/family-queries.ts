/** Queries on refresh families. Pure: they only make SQL. */
import type { CompiledQuery, ExpressionBuilder } from 'kysely'
import type { FamilySelector, RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { FamilyStep } from '../../ports/store.ts'
import { bind } from './calls.ts'
import { region } from './queries.ts'
import type { FamilyRow, RegionTables } from './schema.ts'

const FIND = region.selectFrom('refresh_families').selectAll().where('id', '=', '').compile()

const INSERT = region
  .insertInto('refresh_families')
  .values({
    id: '',
    tenant_id: '',
    app_id: '',
    client_id: '',
    version_id: '',
    scope: '',
    generation: 0,
    rotated_at_ms: 0,
    expires_at_ms: 0,
    ends_at_ms: 0,
    revoked_at_ms: 0,
    created_at_ms: 0,
  })
  .onConflict((conflict) => conflict.column('id').doNothing())
  .compile()

/** A compare-and-set of the generation. */
const ADVANCE = region
  .updateTable('refresh_families')
  .set({ generation: 0, rotated_at_ms: 0, expires_at_ms: 0 })
  .where('id', '=', '')
  .where('generation', '=', 0)
  .where((each) => isAlive(each, 0))
  .compile()

export function findFamily(id: string): CompiledQuery<FamilyRow> {
  return bind(FIND, [id])
}

export interface FamilyPage {
  readonly appId: string
  readonly afterId: string
  readonly countMax: number
}

export function listFamilies({ appId, afterId, countMax }: FamilyPage): CompiledQuery<FamilyRow> {
  return region
    .selectFrom('refresh_families')
    .selectAll()
    .where('app_id', '=', appId)
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(countMax)
    .compile()
}

/** Changes one row, or none where the id is taken. */
export function insertFamily(family: RefreshFamilyRecord): CompiledQuery {
  const { id, tenantId, appId, clientId, versionId, scope, generation } = family
  const { rotatedAtMs, expiresAtMs, endsAtMs, revokedAtMs, createdAtMs } = family
  const times = [rotatedAtMs, expiresAtMs, endsAtMs ?? null, revokedAtMs ?? null, createdAtMs]
  return bind(INSERT, [id, tenantId, appId, clientId, versionId, scope, generation, ...times])
}

/** Changes one row where the step may be taken, else none. */
export function advanceFamily({ id, generation, nowMs, expiresAtMs }: FamilyStep): CompiledQuery {
  const after = [generation + 1, nowMs, expiresAtMs]
  return bind(ADVANCE, [...after, id, generation, nowMs, nowMs])
}

/**
 * The first query changes every family that is alive. The second marks those that have ended by
 * their times too: a clock that is set back must not bring them to life again.
 */
export function revokeFamilies(selector: FamilySelector, atMs: number): readonly CompiledQuery[] {
  const revoke = region
    .updateTable('refresh_families')
    .set({ revoked_at_ms: atMs })
    .where((each) => isSelected(each, selector))
  return [
    revoke.where((each) => isAlive(each, atMs)).compile(),
    revoke.where('revoked_at_ms', 'is', null).compile(),
  ]
}

export function sweepFamilies(beforeMs: number): CompiledQuery {
  return region
    .deleteFrom('refresh_families')
    .where((each) =>
      each.or([
        each('expires_at_ms', '<', beforeMs),
        each('ends_at_ms', '<', beforeMs),
        each('revoked_at_ms', '<', beforeMs),
      ]),
    )
    .compile()
}

type FamilyExpressions = ExpressionBuilder<RegionTables, 'refresh_families'>

function isAlive(each: FamilyExpressions, nowMs: number) {
  return each.and([
    each('revoked_at_ms', 'is', null),
    each('expires_at_ms', '>', nowMs),
    each.or([each('ends_at_ms', 'is', null), each('ends_at_ms', '>', nowMs)]),
  ])
}

function isSelected(each: FamilyExpressions, selector: FamilySelector) {
  switch (selector.by) {
    case 'id':
      return each('id', '=', selector.id)
    case 'version':
      return each('version_id', '=', selector.versionId)
    case 'app':
      return each('app_id', '=', selector.appId)
    case 'tenant':
      return each('tenant_id', '=', selector.tenantId)
  }
}

export function familyOf(row: FamilyRow): RefreshFamilyRecord {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    appId: row.app_id,
    clientId: row.client_id,
    versionId: row.version_id,
    scope: row.scope,
    generation: row.generation,
    rotatedAtMs: row.rotated_at_ms,
    expiresAtMs: row.expires_at_ms,
    endsAtMs: row.ends_at_ms ?? undefined,
    revokedAtMs: row.revoked_at_ms ?? undefined,
    createdAtMs: row.created_at_ms,
  }
}
