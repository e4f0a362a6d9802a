/**
 * Kysely over the database Worker. Queries are compiled here and run there; everything
 * dialect-bound is in this file, so that the same queries run on another database.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { WorkerChannel } from './worker-channel.ts'
import type { SqlValue } from './worker-protocol.ts'

export class WorkerDialect implements Dialect {
  readonly #channel: WorkerChannel

  constructor(channel: WorkerChannel) {
    this.#channel = channel
  }

  createAdapter(): TransactionalDdlAdapter {
    return new TransactionalDdlAdapter()
  }

  createDriver(): Driver {
    return new WorkerDriver(this.#channel)
  }

  createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(database)
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler()
  }
}

/** SQLite rolls `CREATE TABLE` back like anything else: the migrations of a start are one unit. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class WorkerDriver implements Driver {
  readonly #channel: WorkerChannel
  readonly #connection: WorkerConnection

  constructor(channel: WorkerChannel) {
    this.#channel = channel
    this.#connection = new WorkerConnection(channel)
  }

  /** The channel is open before the dialect is made. */
  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  /** Takes the write lock at once: a later upgrade could fail half-way against a foreign writer. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('BEGIN IMMEDIATE'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('COMMIT'))
  }

  async rollbackTransaction(): Promise<void> {
    await this.#channel.request({ kind: 'rollback' })
  }

  async releaseConnection(): Promise<void> {}

  /** The store closes the channel itself, after the last transaction. */
  async destroy(): Promise<void> {}
}

class WorkerConnection implements DatabaseConnection {
  readonly #channel: WorkerChannel

  constructor(channel: WorkerChannel) {
    this.#channel = channel
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changeCount } = await this.#channel.request({
      kind: 'query',
      sql,
      parameters: parameters as readonly SqlValue[],
    })
    return { rows: [...rows] as R[], numAffectedRows: BigInt(changeCount) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('this dialect does not stream')
  }
}
