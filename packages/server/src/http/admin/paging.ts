/**
 * Pages of lists. A cursor names the last record that was shown by what the list is sorted by, so a
 * page stays right when records come and go in between. Opaque to callers; it lets nobody see more
 * than the list itself would. Pure.
 */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'

/** What records of a list are sorted by: parts of one type at each place. */
export type SortKey = readonly (string | number)[]

export interface PageRequest {
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor?: string
}

export const PAGE_COUNT_DEFAULT = 50
const CURSOR_DEPTH_MAX = 2

/**
 * @param list names the list; a cursor of another one is refused.
 * @returns the records after the cursor, in the order of their keys.
 */
export function pageOf<T>(
  records: Iterable<T>,
  request: PageRequest,
  { list, keyOf }: { readonly list: string; readonly keyOf: (record: T) => SortKey },
): Result<Page<T>, 'input_invalid'> {
  const { cursor, limit = PAGE_COUNT_DEFAULT } = request
  const after = cursor === undefined ? ok(undefined) : readCursor(list, cursor)
  if (!after.ok) return after
  const start = after.value
  const keyed = [...records]
    .map((record) => ({ record, key: keyOf(record) }))
    .filter(({ key }) => start === undefined || compareKeys(key, start) > 0)
    .sort((a, b) => compareKeys(a.key, b.key))
  const shown = keyed.slice(0, limit)
  const last = shown.at(-1)
  const items = shown.map(({ record }) => record)
  if (last === undefined || keyed.length <= limit) return ok({ items })
  return ok({ items, nextCursor: writeCursor(list, last.key) })
}

/** The order of most lists: oldest first, then by id. */
export function byAge(record: { readonly createdAtMs: number; readonly id: string }): SortKey {
  return [record.createdAtMs, record.id]
}

export function writeCursor(list: string, key: SortKey): string {
  return Buffer.from(JSON.stringify({ list, key })).toString('base64url')
}

/** @param cursor untrusted; its length is bounded by the operation. */
export function readCursor(list: string, cursor: string): Result<SortKey, 'input_invalid'> {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const value = parseJsonObject(text, CURSOR_DEPTH_MAX)
  const key = isJsonObject(value) && value['list'] === list ? value['key'] : undefined
  const isKey =
    Array.isArray(key) && key.every((part) => ['string', 'number'].includes(typeof part))
  if (!isKey) return refuse('input_invalid', 'This cursor is not one of this list.')
  return ok(key as SortKey)
}

function compareKeys(a: SortKey, b: SortKey): number {
  for (const [index, part] of a.entries()) {
    const other = b[index]
    if (other === undefined || part > other) return 1
    if (part < other) return -1
  }
  return 0
}
