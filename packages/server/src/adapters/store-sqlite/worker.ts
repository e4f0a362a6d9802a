/**
 * The Worker that owns both SQLite connections of a data directory, so that a slow disk or a
 * foreign lock holds this thread and never the event loop. One request at a time, in order.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort } from 'node:worker_threads'
import type { WorkerAnswer, WorkerFailure, WorkerReply, WorkerRequest } from './worker-protocol.ts'

/** How long a statement waits for a foreign lock on control.db before it is an outage. */
const BUSY_TIMEOUT_MS = 2_000
/** Short: whoever holds the directory keeps it for as long as it lives. */
const DIRECTORY_LOCK_TIMEOUT_MS = 200
/** Caps the memory of compiled statements; the query texts of the store are far fewer. */
const STATEMENT_COUNT_MAX = 128

const NOTHING: WorkerAnswer = { rows: [], changeCount: 0 }

let lock: DatabaseSync | undefined
let control: DatabaseSync | undefined
/** In order of last use, oldest first. */
const statements = new Map<string, StatementSync>()

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

function openControl(controlFile: string): void {
  control = new DatabaseSync(controlFile)
  control.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  control.exec('PRAGMA journal_mode = WAL')
  control.exec('PRAGMA synchronous = FULL')
  control.exec('PRAGMA fullfsync = ON') // macOS: a plain fsync there does not reach the disk
  control.exec('PRAGMA checkpoint_fullfsync = ON')
  control.exec('PRAGMA foreign_keys = ON')
}

function answer(request: WorkerRequest): WorkerAnswer {
  switch (request.kind) {
    case 'open':
      takeDirectory(request.lockFile)
      openControl(request.controlFile)
      return NOTHING
    case 'query':
      return query(request)
    case 'rollback':
      if (control?.isTransaction) control.exec('ROLLBACK')
      return NOTHING
    case 'close':
      statements.clear()
      control?.close()
      lock?.close() // last: until now nobody else may open control.db
      return NOTHING
  }
}

function query({ sql, parameters }: Extract<WorkerRequest, { kind: 'query' }>): WorkerAnswer {
  const statement = prepare(sql)
  if (statement.columns().length > 0) {
    const rows = statement.all(...parameters) as WorkerAnswer['rows']
    return { rows, changeCount: 0 }
  }
  return { rows: [], changeCount: Number(statement.run(...parameters).changes) }
}

function prepare(sql: string): StatementSync {
  if (control === undefined) throw new Error('a query before open')
  const known = statements.get(sql)
  const statement = known ?? control.prepare(sql)
  statements.delete(sql)
  statements.set(sql, statement)
  const oldest = statements.keys().next()
  if (statements.size > STATEMENT_COUNT_MAX && !oldest.done) statements.delete(oldest.value)
  return statement
}

function describeFailure(error: unknown): WorkerFailure {
  const resultCode =
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
      ? error.errcode
      : undefined
  return {
    on: control === undefined && resultCode !== undefined ? placeOfOpenFailure() : 'control',
    resultCode,
    message: error instanceof Error ? error.message : String(error),
  }
}

/** Until the exclusive lock is held, what failed was taking it. */
function placeOfOpenFailure(): WorkerFailure['on'] {
  return lock?.isTransaction ? 'control' : 'directory_lock'
}

function serve(port: NonNullable<typeof parentPort>): void {
  port.on('message', ({ id, request }: { id: number; request: WorkerRequest }) => {
    let reply: WorkerReply
    try {
      reply = { id, answer: answer(request) }
    } catch (error) {
      reply = { id, failure: describeFailure(error) }
    }
    port.postMessage(reply)
  })
}

if (parentPort === null) throw new Error('worker.ts runs as a Worker only')
serve(parentPort)
