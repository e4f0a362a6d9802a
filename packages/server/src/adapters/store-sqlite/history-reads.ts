/** Reads of a history file, each one bounded in rows or bytes. Pure. */
import type {
  ChannelTail,
  HistoryPage,
  HistoryQuery,
  HistoryUsage,
  StoredLastEvent,
  StoredMessage,
} from '../../ports/history-store.ts'
import type { Statement } from './worker-channel.ts'
import type { StatementAnswer } from './worker-protocol.ts'

/** Our bounds on one answer of the Worker; an event may be larger and then comes alone. */
const LAST_COUNT_MAX = 1_000
const LAST_BYTES_MAX = 1_048_576

type Row = StatementAnswer['rows'][number]
/** Runs one statement of the transaction that reads. */
export type Read = (statement: Statement) => Promise<readonly Row[]>

const CHANNEL = `(SELECT channels.number FROM apps
  JOIN channels ON channels.app = apps.number AND channels.name = ?2 WHERE apps.app_id = ?1)`

const PAGES = { forward: pageSql('ASC'), backward: pageSql('DESC') }

/** Sizes are summed first, over columns that come before any text; one row more tells the end. */
function pageSql(order: 'ASC' | 'DESC'): string {
  return `WITH place AS MATERIALIZED (SELECT ${CHANNEL} AS channel),
    page AS MATERIALIZED (
      SELECT timestamp_ms, count(*) OVER () AS total,
        row_number() OVER (ORDER BY timestamp_ms ${order}) AS at,
        sum(bytes) OVER (ORDER BY timestamp_ms ${order}) AS bytes
      FROM (
        SELECT timestamp_ms, bytes FROM messages
        WHERE channel = (SELECT channel FROM place) AND timestamp_ms > ?3 AND timestamp_ms < ?4
        ORDER BY timestamp_ms ${order} LIMIT ?5 + 1
      )
    )
    SELECT id, data, publisher_id, each.timestamp_ms, sequence, total
    FROM page CROSS JOIN messages AS each
      ON each.channel = (SELECT channel FROM place) AND each.timestamp_ms = page.timestamp_ms
    WHERE at = 1 OR (at <= ?5 AND page.bytes <= ?6)
    ORDER BY page.timestamp_ms ${order}`
}

export function pageStatement(query: HistoryQuery): Statement {
  const { appId, channel, direction, countMax, byteCountMax } = query
  const between = [query.afterMs ?? -1, query.beforeMs ?? Number.MAX_SAFE_INTEGER]
  return { sql: PAGES[direction], parameters: [appId, channel, ...between, countMax, byteCountMax] }
}

/** @param rows of {@link pageStatement}. */
export function pageOf({ appId, channel }: HistoryQuery, rows: readonly Row[]): HistoryPage {
  const messages = rows.map(
    (row): StoredMessage => ({
      appId,
      channel,
      id: String(row['id']),
      data: String(row['data']),
      publisherId: String(row['publisher_id']),
      timestampMs: Number(row['timestamp_ms']),
      sequence: Number(row['sequence']),
    }),
  )
  return { messages, hasMore: Number(rows[0]?.['total'] ?? 0) > rows.length }
}

export function tailStatement(appId: string, channel: string): Statement {
  const sql = `SELECT last_sequence, last_timestamp_ms, oldest_ms FROM channels
    WHERE number = ${CHANNEL}`
  return { sql, parameters: [appId, channel] }
}

/** @param row of {@link tailStatement}. */
export function tailOf(row: Row | undefined): ChannelTail {
  return {
    lastSequence: Number(row?.['last_sequence'] ?? 0),
    lastTimestampMs: Number(row?.['last_timestamp_ms'] ?? 0),
    oldestTimestampMs: numberOf(row?.['oldest_ms']),
  }
}

export const NEWEST: Statement = {
  sql: 'SELECT app_id, newest_ms FROM apps WHERE app_id IS NOT NULL AND newest_ms > 0',
  parameters: [],
}

/** @param rows of {@link NEWEST}. */
export function newestOf(rows: readonly Row[]): ReadonlyMap<string, number> {
  return new Map(rows.map((row) => [String(row['app_id']), Number(row['newest_ms'])]))
}

export function usageStatement(appId: string): Statement {
  const sql = 'SELECT message_count, byte_count FROM apps WHERE app_id = ?'
  return { sql, parameters: [appId] }
}

/** @param row of {@link usageStatement}. */
export function usageOf(row: Row | undefined): HistoryUsage {
  return {
    messageCount: Number(row?.['message_count'] ?? 0),
    byteCount: Number(row?.['byte_count'] ?? 0),
  }
}

export function channelsStatement(page: {
  readonly appId: string
  readonly after: string | undefined
  readonly countMax: number
}): Statement {
  const sql = `SELECT name, oldest_ms FROM channels
    WHERE app = (SELECT number FROM apps WHERE app_id = ?) AND name > ? AND oldest_ms IS NOT NULL
    ORDER BY name LIMIT ?`
  return { sql, parameters: [page.appId, page.after ?? '', page.countMax] }
}

/** @param rows of {@link channelsStatement}. */
export function channelsOf(rows: readonly Row[]) {
  return rows.map((row) => ({
    channel: String(row['name']),
    oldestTimestampMs: Number(row['oldest_ms']),
  }))
}

const LAST_EVENTS = `SELECT each.app_id, each.channel, expires_at_ms, event, data
  FROM (
    SELECT app_id, channel, sum(bytes) OVER (ORDER BY app_id, channel) - bytes AS before FROM (
      SELECT app_id, channel, bytes FROM last_events
      WHERE (app_id, channel) > (?1, ?2) ORDER BY app_id, channel LIMIT ?3
    )
  ) AS page JOIN last_events AS each USING (app_id, channel)
  WHERE before < ?4 ORDER BY each.app_id, each.channel`

/** @param read all in one transaction. Those that expired are deleted: nobody asks again. */
export async function readLastEvents(read: Read, nowMs: number): Promise<StoredLastEvent[]> {
  await read({ sql: 'DELETE FROM last_events WHERE expires_at_ms <= ?', parameters: [nowMs] })
  const all: StoredLastEvent[] = []
  for (;;) {
    const last = all.at(-1)
    const after = [last?.appId ?? '', last?.channel ?? '']
    const parameters = [...after, LAST_COUNT_MAX, LAST_BYTES_MAX]
    const rows = await read({ sql: LAST_EVENTS, parameters })
    if (rows.length === 0) return all
    for (const row of rows) {
      all.push({
        appId: String(row['app_id']),
        channel: String(row['channel']),
        event: String(row['event']),
        data: String(row['data']),
        expiresAtMs: Number(row['expires_at_ms']),
      })
    }
  }
}

function numberOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}
