/** Reads of a session file, page by page, so that no answer holds the event loop for long. */
import type { StoredGrant, StoredSessions } from '../../ports/session-store.ts'
import { messageOf, sessionOf } from './session-rows.ts'
import type { Statement } from './worker-channel.ts'
import type { SqlValue, StatementAnswer } from './worker-protocol.ts'

/** Our bounds on one answer of the Worker; a message may be larger and then comes alone. */
const ROW_COUNT_MAX = 1_000
const PAGE_BYTES_MAX = 1_048_576

/** Runs one statement of the transaction that reads. */
export type Read = (statement: Statement) => Promise<StatementAnswer['rows']>

type Row = StatementAnswer['rows'][number]

const SESSIONS = 'SELECT id, document FROM sessions WHERE id > ? ORDER BY id LIMIT ?'
const GRANTS = `SELECT session_id, filter, document FROM grants
  WHERE (session_id, filter) > (?, ?) ORDER BY session_id, filter LIMIT ?`
const TAKEN = `SELECT session_id, packet_id FROM taken
  WHERE (session_id, packet_id) > (?, ?) ORDER BY session_id, packet_id LIMIT ?`
const QUEUES = `SELECT session_id, count(*) AS count, max(seq) AS last_seq,
    sum(packet_id IS NULL) AS queued, sum(iif(packet_id IS NULL, bytes, 0)) AS queued_bytes
  FROM deliveries WHERE session_id > ? GROUP BY session_id ORDER BY session_id LIMIT ?`
/** The sizes are summed first, over columns that come before any payload. */
const RETAINED = `SELECT retained.app_id, retained.topic, head, hex(payload) AS payload
  FROM (
    SELECT app_id, topic, sum(bytes) OVER (ORDER BY app_id, topic) - bytes AS before FROM (
      SELECT app_id, topic, bytes FROM retained
      WHERE (app_id, topic) > (?1, ?2) ORDER BY app_id, topic LIMIT ?3
    )
  ) AS page JOIN retained USING (app_id, topic)
  WHERE before < ?4 ORDER BY retained.app_id, retained.topic`
const QUEUED = `SELECT each.seq, qos, retain, subscription_ids, packet_id, is_received,
    coalesce(each.head, messages.head) AS head,
    hex(coalesce(each.payload, messages.payload)) AS payload
  FROM (
    SELECT seq, sum(bytes) OVER (ORDER BY seq) - bytes AS before FROM (
      SELECT seq, bytes FROM deliveries WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3
    )
  ) AS page
  JOIN deliveries AS each ON each.session_id = ?1 AND each.seq = page.seq
  LEFT JOIN messages ON messages.number = each.message
  WHERE before < ?4 ORDER BY each.seq`

/** The first message number that is free. */
export const NEXT_NUMBER: Statement = {
  sql: 'SELECT coalesce(max(number), 0) + 1 AS number FROM messages',
  parameters: [],
}

export function queuedStatement(page: {
  readonly sessionId: string
  readonly afterSeq: number
  readonly countMax: number
}): Statement {
  const countMax = Math.min(page.countMax, ROW_COUNT_MAX)
  return { sql: QUEUED, parameters: [page.sessionId, page.afterSeq, countMax, PAGE_BYTES_MAX] }
}

/** @param read all in one transaction, so that what is read was true at one moment. */
export async function readSessions(read: Read): Promise<StoredSessions> {
  const grants = new Map<string, StoredGrant[]>()
  for await (const row of rowsOf(read, { sql: GRANTS, first: ['', ''], keys: GRANT_KEYS }))
    listOf(grants, String(row['session_id'])).push(grantOf(String(row['document'])))
  const taken = new Map<string, number[]>()
  for await (const row of rowsOf(read, { sql: TAKEN, first: ['', 0], keys: TAKEN_KEYS }))
    listOf(taken, String(row['session_id'])).push(Number(row['packet_id']))
  const queues = new Map<string, Row>()
  for await (const row of rowsOf(read, { sql: QUEUES, first: [''], keys: ['session_id'] }))
    queues.set(String(row['session_id']), row)
  const sessions: StoredSessions['sessions'][number][] = []
  for await (const row of rowsOf(read, { sql: SESSIONS, first: [''], keys: ['id'] })) {
    const id = String(row['id'])
    const [count, queued] = [queues.get(id)?.['count'] ?? 0, queues.get(id)?.['queued'] ?? 0]
    sessions.push({
      ...sessionOf(String(row['document'])),
      grants: grants.get(id) ?? [],
      takenPacketIds: taken.get(id) ?? [],
      queuedCount: Number(queued),
      queuedBytes: Number(queues.get(id)?.['queued_bytes'] ?? 0),
      sentCount: Number(count) - Number(queued),
      lastSeq: Number(queues.get(id)?.['last_seq'] ?? 0),
    })
  }
  const retained: StoredSessions['retained'][number][] = []
  const pages = { sql: RETAINED, first: ['', ''], keys: RETAINED_KEYS, last: [PAGE_BYTES_MAX] }
  for await (const row of rowsOf(read, pages)) {
    const message = messageOf({ head: String(row['head']), payload: String(row['payload']) })
    retained.push({ appId: String(row['app_id']), message })
  }
  return { sessions, retained }
}

const GRANT_KEYS = ['session_id', 'filter']
const TAKEN_KEYS = ['session_id', 'packet_id']
const RETAINED_KEYS = ['app_id', 'topic']

/** Every row of a query that is asked page by page, each from the keys of the last row on. */
async function* rowsOf(
  read: Read,
  query: {
    readonly sql: string
    readonly first: readonly SqlValue[]
    readonly keys: readonly string[]
    readonly last?: readonly SqlValue[]
  },
): AsyncGenerator<Row> {
  let after = query.first
  for (;;) {
    const parameters = [...after, ROW_COUNT_MAX, ...(query.last ?? [])]
    const rows = await read({ sql: query.sql, parameters })
    const end = rows.at(-1)
    if (end === undefined) return
    yield* rows
    after = query.keys.map((key) => end[key] ?? '')
  }
}

function listOf<T>(lists: Map<string, T[]>, key: string): T[] {
  const known = lists.get(key)
  if (known !== undefined) return known
  const list: T[] = []
  lists.set(key, list)
  return list
}

/** Absent fields read as undefined. */
function grantOf(document: string): StoredGrant {
  const grant = JSON.parse(document) as StoredGrant
  return { ...grant, subscriptionId: grant.subscriptionId }
}
