/**
 * What is asked of a file of documents, as statements. Pure. Their texts are fixed, so that the
 * Worker compiles each once.
 */
import { type DocumentKey, OPENED_NOTE_MS } from '../../ports/document-store.ts'
import type { Statement } from './worker-channel.ts'

/** Our bounds on one answer of the Worker; an update may be larger and then comes alone. */
const ROW_COUNT_MAX = 1_000
const PAGE_BYTES_MAX = 4_194_304

const MAKE = `INSERT INTO documents
    (app_id, name, first_number, created_at_ms, opened_at_ms, state_bytes, state)
  VALUES (?1, ?2, ?3, ?4, ?4, 0, NULL)
  ON CONFLICT (app_id, name) DO UPDATE SET opened_at_ms = excluded.opened_at_ms
    WHERE documents.opened_at_ms < excluded.opened_at_ms - ${OPENED_NOTE_MS}`
const ADD = `INSERT INTO updates (document_id, number, bytes, content)
  SELECT id, ?3, ?4, ?5 FROM documents WHERE app_id = ?1 AND name = ?2`
const OPEN = 'UPDATE documents SET opened_at_ms = ? WHERE app_id = ? AND name = ?'
const STATE = 'SELECT id, state FROM documents WHERE app_id = ? AND name = ?'
/** The sizes are summed first, over columns that come before the bytes. */
const UPDATES = `SELECT each.number, each.content
  FROM (
    SELECT number, sum(bytes) OVER (ORDER BY number) - bytes AS before FROM (
      SELECT number, bytes FROM updates
      WHERE document_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3
    )
  ) AS page
  JOIN updates AS each ON each.document_id = ?1 AND each.number = page.number
  WHERE before < ?4 ORDER BY each.number`
const SHORTEN = `DELETE FROM updates WHERE number <= ?3
  AND document_id = (SELECT id FROM documents WHERE app_id = ?1 AND name = ?2)`
const REPLACE = `UPDATE documents SET state = ?4, state_bytes = ?5
  WHERE app_id = ?1 AND name = ?2 AND first_number <= ?3`
const REMOVE = 'DELETE FROM documents WHERE app_id = ? AND name = ?'
const REMOVE_APP = 'DELETE FROM documents WHERE app_id = ?'
const LIST = `SELECT name, created_at_ms, opened_at_ms,
    state_bytes + coalesce(sum(updates.bytes), 0) AS byte_count,
    count(updates.number) AS update_count
  FROM (
    SELECT * FROM documents WHERE app_id = ?1 AND (?2 IS NULL OR name > ?2)
    ORDER BY name LIMIT ?3
  ) AS page
  LEFT JOIN updates ON updates.document_id = page.id
  GROUP BY page.id ORDER BY name`
const PRUNE = `DELETE FROM documents WHERE id IN (
    SELECT id FROM documents WHERE app_id = ? AND opened_at_ms < ?
    ORDER BY opened_at_ms LIMIT ?
  )`

/** The first number that is free: after every update, and after every beginning. */
export const NEXT_NUMBER: Statement = {
  sql: `SELECT max(
      (SELECT coalesce(max(number), 0) FROM updates),
      (SELECT coalesce(max(first_number), 0) FROM documents)
    ) + 1 AS number`,
  parameters: [],
}

export const PING: Statement = { sql: 'SELECT id FROM documents LIMIT 1', parameters: [] }

export interface NumberedUpdate {
  readonly key: DocumentKey
  readonly update: Uint8Array
  readonly number: number
}

export function appendStatements(
  updates: readonly NumberedUpdate[],
  nowMs: number,
): readonly Statement[] {
  const made = new Set<string>()
  return updates.flatMap(({ key: { appId, name }, update, number }) => {
    const add = { sql: ADD, parameters: [appId, name, number, update.length, update] }
    const place = `${appId} ${name}`
    if (made.has(place)) return [add]
    made.add(place)
    return [{ sql: MAKE, parameters: [appId, name, number, nowMs] }, add]
  })
}

export function loadStatements({ appId, name }: DocumentKey, nowMs: number): readonly Statement[] {
  return [
    { sql: OPEN, parameters: [nowMs, appId, name] },
    { sql: STATE, parameters: [appId, name] },
  ]
}

export function updatesStatement(documentId: number, afterNumber: number): Statement {
  return { sql: UPDATES, parameters: [documentId, afterNumber, ROW_COUNT_MAX, PAGE_BYTES_MAX] }
}

export function compactStatements(
  { appId, name }: DocumentKey,
  { upToNumber, state }: { readonly upToNumber: number; readonly state: Uint8Array },
): readonly Statement[] {
  return [
    { sql: SHORTEN, parameters: [appId, name, upToNumber] },
    { sql: REPLACE, parameters: [appId, name, upToNumber, state, state.length] },
  ]
}

export function removeStatement({ appId, name }: DocumentKey): Statement {
  return { sql: REMOVE, parameters: [appId, name] }
}

export function removeAppStatement(appId: string): Statement {
  return { sql: REMOVE_APP, parameters: [appId] }
}

export function listStatement(page: {
  readonly appId: string
  readonly after: string | undefined
  readonly countMax: number
}): Statement {
  const countMax = Math.min(page.countMax, ROW_COUNT_MAX)
  return { sql: LIST, parameters: [page.appId, page.after ?? null, countMax] }
}

export function pruneStatement(of: {
  readonly appId: string
  readonly openedBeforeMs: number
  readonly countMax: number
}): Statement {
  return { sql: PRUNE, parameters: [of.appId, of.openedBeforeMs, of.countMax] }
}
