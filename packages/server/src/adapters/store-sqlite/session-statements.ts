/**
 * Writes of the session store as statements. Pure. Their texts are fixed, so that the Worker
 * compiles each once; building them anew for each of many thousands a second would cost more than
 * running them.
 */
import type { SessionWrite } from '../../ports/session-store.ts'
import { columnsOf, sessionDocument } from './session-rows.ts'
import type { Statement } from './worker-channel.ts'
import type { SqlValue } from './worker-protocol.ts'

type Write<K extends SessionWrite['kind']> = Extract<SessionWrite, { readonly kind: K }>

/**
 * Our bounds on messages that stand in the deliveries of their receivers: of one receiver, a row
 * that needs no page beside its own; of many, about what the reference to a shared one costs.
 */
const LONE_INLINE_BYTES_MAX = 768
const INLINE_BYTES_MAX = 256

/** Our bounds on what is made and sent in one go. */
const PORTION_STATEMENT_COUNT = 2_000
const PORTION_BYTES = 262_144

const DELIVERY_COLUMNS = `session_id, seq, qos, retain, subscription_ids, packet_id, is_received,
  bytes, message, head, payload`

const SAVE_SESSION = `INSERT INTO sessions (id, app_id, document) VALUES (?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET app_id = excluded.app_id, document = excluded.document`
const SUBSCRIBE = `INSERT INTO grants (session_id, filter, document)
  SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?1)
  ON CONFLICT (session_id, filter) DO UPDATE SET document = excluded.document`
const UNSUBSCRIBE = 'DELETE FROM grants WHERE session_id = ? AND filter = ?'
const QUEUE_LONE = `INSERT INTO deliveries (${DELIVERY_COLUMNS})
  SELECT ?1, ?2, ?3, ?4, ?5, NULL, 0, ?6, NULL, ?7, unhex(?8)
  WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?1) ON CONFLICT DO NOTHING`
/** The receivers are one JSON list of lists: `[[session id, seq, qos, retain, ids], ...]`. */
const QUEUE_MANY = `INSERT INTO deliveries (${DELIVERY_COLUMNS})
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, NULL, 0,
    ?2, ?3, ?4, unhex(?5)
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM sessions WHERE id = value ->> 0)
  ON CONFLICT DO NOTHING`
const KEEP_MESSAGE = 'INSERT INTO messages (number, head, payload) VALUES (?, ?, unhex(?))'
/** Of the statement before it, which added the deliveries: unknown sessions are not among them. */
const COUNT = 'INSERT INTO receivers (message, count) SELECT ?, changes()'
/** Where no session took it: the triggers end only what had a receiver. */
const DROP_MESSAGE = `DELETE FROM messages WHERE number = ?1
  AND (SELECT count FROM receivers WHERE message = ?1) = 0`
const DROP_COUNT = 'DELETE FROM receivers WHERE message = ? AND count = 0'
const SEND = 'UPDATE deliveries SET packet_id = ? WHERE session_id = ? AND seq = ?'
const RECEIVE = `UPDATE deliveries
  SET is_received = 1, bytes = 0, message = NULL, head = NULL, payload = NULL
  WHERE session_id = ? AND seq = ?`
const FINISH = 'DELETE FROM deliveries WHERE session_id = ? AND seq = ?'
const TAKE = `INSERT INTO taken (session_id, packet_id)
  SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?1) ON CONFLICT DO NOTHING`
const RELEASE = 'DELETE FROM taken WHERE session_id = ? AND packet_id = ?'
const RETAIN = `INSERT INTO retained (app_id, topic, bytes, head, payload)
  VALUES (?, ?, ?, ?, unhex(?))
  ON CONFLICT (app_id, topic) DO UPDATE
  SET bytes = excluded.bytes, head = excluded.head, payload = excluded.payload`
const UNRETAIN = 'DELETE FROM retained WHERE app_id = ? AND topic = ?'
const SESSION_TABLES = ['deliveries', 'grants', 'taken'] as const
const REMOVE_SESSION = [
  ...SESSION_TABLES.map((table) => `DELETE FROM ${table} WHERE session_id = ?`),
  'DELETE FROM sessions WHERE id = ?',
]
const REMOVE_APP = [
  ...SESSION_TABLES.map(
    (table) =>
      `DELETE FROM ${table} WHERE session_id IN (SELECT id FROM sessions WHERE app_id = ?)`,
  ),
  'DELETE FROM sessions WHERE app_id = ?',
  'DELETE FROM retained WHERE app_id = ?',
]

/** @param nextNumber gives a shared message a number that no other has had since the start. */
function statementsOf(write: SessionWrite, nextNumber: () => number): readonly Statement[] {
  switch (write.kind) {
    case 'queued':
      return queue(write, nextNumber)
    case 'sent':
      return [{ sql: SEND, parameters: [write.packetId, write.sessionId, write.seq] }]
    case 'received':
      return [{ sql: RECEIVE, parameters: [write.sessionId, write.seq] }]
    case 'done':
      return [{ sql: FINISH, parameters: [write.sessionId, write.seq] }]
    case 'taken':
      return [{ sql: TAKE, parameters: [write.sessionId, write.packetId] }]
    case 'released':
      return [{ sql: RELEASE, parameters: [write.sessionId, write.packetId] }]
    case 'session_saved': {
      const { session } = write
      const parameters = [session.id, session.appId, sessionDocument(session)]
      return [{ sql: SAVE_SESSION, parameters }]
    }
    case 'session_removed':
      return REMOVE_SESSION.map((sql) => ({ sql, parameters: [write.sessionId] }))
    case 'subscribed': {
      const { sessionId, grant } = write
      const parameters = [sessionId, grant.filter, JSON.stringify(grant)]
      return [{ sql: SUBSCRIBE, parameters }]
    }
    case 'unsubscribed':
      return [{ sql: UNSUBSCRIBE, parameters: [write.sessionId, write.filter] }]
    case 'retained': {
      const { appId, message } = write
      const { bytes, head, payload } = columnsOf(message)
      return [{ sql: RETAIN, parameters: [appId, message.topic, bytes, head, payload] }]
    }
    case 'unretained':
      return [{ sql: UNRETAIN, parameters: [write.appId, write.topic] }]
    case 'app_removed':
      return REMOVE_APP.map((sql) => ({ sql, parameters: [write.appId] }))
    default:
      return write satisfies never
  }
}

/**
 * The statements of many writes, in portions that are each made when they are asked for: neither
 * making nor sending one holds the event loop for long. Only a single write may be larger.
 */
export function* portionsOf(
  writes: readonly SessionWrite[],
  nextNumber: () => number,
): Generator<readonly Statement[], void> {
  let portion: Statement[] = []
  let bytes = 0
  for (const write of writes) {
    portion.push(...statementsOf(write, nextNumber))
    if (write.kind === 'queued' || write.kind === 'retained') bytes += write.message.payload.length
    if (portion.length < PORTION_STATEMENT_COUNT && bytes < PORTION_BYTES) continue
    yield portion
    portion = []
    bytes = 0
  }
  if (portion.length > 0) yield portion
}

function queue(
  { message, receivers }: Write<'queued'>,
  nextNumber: () => number,
): readonly Statement[] {
  const { head, payload, bytes } = columnsOf(message)
  const size = head.length + payload.length / 2
  const rows = receivers.map(({ sessionId, seq, qos, retain, subscriptionIds }) => {
    return [sessionId, seq, qos, retain ? 1 : 0, JSON.stringify(subscriptionIds)] as const
  })
  const [lone] = rows
  if (lone === undefined) return []
  if (rows.length === 1 && size <= LONE_INLINE_BYTES_MAX)
    return [{ sql: QUEUE_LONE, parameters: [...lone, bytes, head, payload] }]
  const many = (rest: readonly SqlValue[]) => {
    return { sql: QUEUE_MANY, parameters: [JSON.stringify(rows), bytes, ...rest] }
  }
  if (size <= INLINE_BYTES_MAX) return [many([null, head, payload])]
  const number = nextNumber()
  return [
    { sql: KEEP_MESSAGE, parameters: [number, head, payload] },
    many([number, null, null]),
    { sql: COUNT, parameters: [number] },
    { sql: DROP_MESSAGE, parameters: [number] },
    { sql: DROP_COUNT, parameters: [number] },
  ]
}
