/**
 * Kysely over a connection of the database Worker, for the migrations; everything dialect-bound is
 * here and in `queries.ts`, so that the same queries run on another database.
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
import { statementOf } from './calls.ts'
import { BEGIN, type Connection } from './connection.ts'

export class WorkerDialect implements Dialect {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  createAdapter(): TransactionalDdlAdapter {
    return new TransactionalDdlAdapter()
  }

  createDriver(): Driver {
    return new WorkerDriver(this.#connection)
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
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The connection is open before the dialect is made. */
  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new WorkerConnection(this.#connection)
  }

  async beginTransaction(): Promise<void> {
    await this.#connection.runAll([BEGIN])
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('COMMIT'))
  }

  async rollbackTransaction(): Promise<void> {
    await this.#connection.rollback()
  }

  async releaseConnection(): Promise<void> {}

  /** The store closes the Worker itself. */
  async destroy(): Promise<void> {}
}

class WorkerConnection implements DatabaseConnection {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const [answer] = await this.#connection.runAll([statementOf(query)])
    const { rows = [], changeCount = 0 } = answer ?? {}
    return { rows: [...rows] as R[], numAffectedRows: BigInt(changeCount) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('this dialect does not stream')
  }
}
