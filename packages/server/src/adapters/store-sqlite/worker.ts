/**
 * The Worker that owns every SQLite connection of a data directory, so that a slow disk holds this
 * thread and never the event loop. One request at a time, in order.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort } from 'node:worker_threads'
import { BytesIn, BytesOut, type WireMessage } from './worker-bytes.ts'
import type {
  NumberedStatement,
  StatementAnswer,
  Synchronous,
  WorkerFailure,
  WorkerReply,
  WorkerRequest,
} from './worker-protocol.ts'

/** How long opening waits for a foreign lock before it is an outage. */
const OPEN_TIMEOUT_MS = 2_000
/**
 * How long a statement holds this thread for a foreign lock. Short: the other databases are served
 * here too, so the one who asked tries again instead.
 */
const BUSY_TIMEOUT_MS = 10
/** Short: whoever holds the directory keeps it for as long as it lives. */
const DIRECTORY_LOCK_TIMEOUT_MS = 200

interface Connection {
  readonly file: string
  readonly database: DatabaseSync
  /** By the number of their text; as many as the store has texts, which its channel bounds. */
  readonly statements: Map<number, Prepared>
}

interface Prepared {
  readonly statement: StatementSync
  /** Asked once: it costs about what a short statement does. */
  readonly givesRows: boolean
}

type Outcome = Omit<WorkerReply, 'id'>

const DONE: Outcome = { answers: [] }

let lock: DatabaseSync | undefined
const connections: Connection[] = []
const texts = new Map<number, string>()

/**
 * Holds an exclusive lock on an empty database for the life of the Worker. The operating system
 * drops it however the process ends.
 */
function takeDirectory(lockFile: string): void {
  lock = new DatabaseSync(lockFile)
  lock.exec(`PRAGMA busy_timeout = ${DIRECTORY_LOCK_TIMEOUT_MS}`)
  lock.exec('PRAGMA journal_mode = MEMORY') // nothing is ever written, so no journal beside it
  lock.exec('BEGIN EXCLUSIVE')
}

function connect(file: string, synchronous: Synchronous): Connection {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA busy_timeout = ${OPEN_TIMEOUT_MS}`)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(`PRAGMA synchronous = ${synchronous}`)
  database.exec('PRAGMA fullfsync = ON') // macOS: a plain fsync there does not reach the disk
  database.exec('PRAGMA checkpoint_fullfsync = ON')
  database.exec('PRAGMA foreign_keys = ON')
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  return { file, database, statements: new Map() }
}

function open(request: Extract<WorkerRequest, { kind: 'open' }>): Outcome {
  const { lockFile, files, synchronous } = request
  let file = lockFile ?? ''
  try {
    if (lockFile !== undefined) takeDirectory(lockFile)
    for (file of files) connections.push(connect(file, synchronous))
    return DONE
  } catch (error) {
    return { answers: [], failure: describeFailure(error, file) }
  }
}

function run(request: Extract<WorkerRequest, { kind: 'run' }>): Outcome {
  const connection = connectionOf(request.database)
  for (const [number, sql] of request.texts) texts.set(number, sql)
  const answers: StatementAnswer[] = []
  try {
    for (const statement of request.statements) answers.push(runOne(connection, statement))
    return { answers }
  } catch (error) {
    const failure = describeFailure(error, connection.file)
    return { answers, failure, isTransactionOpen: connection.database.isTransaction }
  }
}

function runOne(connection: Connection, [number, parameters]: NumberedStatement): StatementAnswer {
  const { statement, givesRows } = prepare(connection, number)
  if (givesRows)
    return { rows: statement.all(...parameters) as StatementAnswer['rows'], changeCount: 0 }
  return { rows: [], changeCount: Number(statement.run(...parameters).changes) }
}

function prepare({ database, statements }: Connection, number: number): Prepared {
  const known = statements.get(number)
  if (known !== undefined) return known
  const sql = texts.get(number)
  if (sql === undefined) throw new Error(`the SQL text ${number} was never sent`)
  const statement = database.prepare(sql)
  const prepared = { statement, givesRows: statement.columns().length > 0 }
  statements.set(number, prepared)
  return prepared
}

function rollback({ database, file }: Connection): Outcome {
  try {
    if (database.isTransaction) database.exec('ROLLBACK')
    return DONE
  } catch (error) {
    return { answers: [], failure: describeFailure(error, file) }
  }
}

function close(): Outcome {
  for (const { database, statements } of connections) {
    statements.clear()
    database.close()
  }
  lock?.close() // last: until now nobody else may open the databases
  return DONE
}

function connectionOf(index: number): Connection {
  const connection = connections[index]
  if (connection === undefined) throw new Error('a request before open')
  return connection
}

function answer(request: WorkerRequest): Outcome {
  switch (request.kind) {
    case 'open':
      return open(request)
    case 'run':
      return run(request)
    case 'rollback':
      return rollback(connectionOf(request.database))
    case 'close':
      return close()
  }
}

function withBytes(request: WorkerRequest, bytes: BytesIn): WorkerRequest {
  if (request.kind !== 'run') return request
  const statements = request.statements.map(
    ([number, parameters]) => [number, parameters.map((value) => bytes.value(value))] as const,
  )
  return { ...request, statements }
}

function withoutBytes(given: StatementAnswer, bytes: BytesOut) {
  const { rows, changeCount } = given
  if (!rows.some(hasBytes)) return given
  const kept = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, bytes.value(value)])),
  )
  return { rows: kept, changeCount }
}

function hasBytes(row: StatementAnswer['rows'][number]): boolean {
  for (const name in row) if (row[name] instanceof Uint8Array) return true
  return false
}

function describeFailure(error: unknown, file: string): WorkerFailure {
  const resultCode =
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
      ? error.errcode
      : undefined
  return { file, resultCode, message: error instanceof Error ? error.message : String(error) }
}

function serve(port: NonNullable<typeof parentPort>): void {
  port.on('message', (received: WireMessage) => {
    const bytes = new BytesIn(received)
    const { id, request } = JSON.parse(bytes.text) as { id: number; request: WorkerRequest }
    const outcome = answer(bytes.hasBytes ? withBytes(request, bytes) : request)
    const taken = new BytesOut()
    const answers = outcome.answers.map((each) => withoutBytes(each, taken))
    const { message, transfer } = taken.message(JSON.stringify({ id, ...outcome, answers }))
    port.postMessage(message, transfer)
  })
}

if (parentPort === null) throw new Error('worker.ts runs as a Worker only')
serve(parentPort)
