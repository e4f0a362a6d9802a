/**
 * The embedded store: one SQLite database per data directory, held by one process. A resolved
 * transaction is on the disk (WAL, synchronous=FULL); an outage at the commit itself leaves the
 * transaction either whole or absent after the next start.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Worker } from 'node:worker_threads'
import { Kysely } from 'kysely'
import type { Store, StoreTransaction } from '../../ports/store.ts'
import { prepareDataDirectory } from './data-directory.ts'
import { WorkerDialect } from './dialect.ts'
import { storeOutage } from './failures.ts'
import { migrate } from './migrations.ts'
import type { ControlDatabase } from './schema.ts'
import { SqlTransaction } from './transaction.ts'
import { WorkerChannel } from './worker-channel.ts'

/** Our bound on transactions that wait for their turn. */
export const TRANSACTION_QUEUE_MAX = 10_000

/**
 * Takes the data directory for this process, makes what is missing and migrates.
 * @param options `dataDir` is made with its parents if it is not there.
 * @throws Outage with the reason and what to do; the directory is free again then.
 */
export async function openSqliteStore(options: { readonly dataDir: string }): Promise<Store> {
  const { dataDir } = options
  const files = prepareDataDirectory(dataDir)
  const channel = new WorkerChannel(new Worker(new URL('./worker.ts', import.meta.url)), dataDir)
  try {
    await channel.request({ kind: 'open', ...files })
    const database = new Kysely<ControlDatabase>({ dialect: new WorkerDialect(channel) })
    await migrate(database, dataDir)
    return new SqliteStore(channel, database, dataDir)
  } catch (error) {
    await channel.terminate()
    throw error
  }
}

class SqliteStore implements Store {
  readonly #channel: WorkerChannel
  readonly #database: Kysely<ControlDatabase>
  readonly #dataDir: string
  /** Which transaction the running code is inside of, so that a nested one fails and not hangs. */
  readonly #current = new AsyncLocalStorage<{ isRunning: boolean }>()
  /** Settles when the last transaction asked for is over; never rejects. */
  #tail: Promise<void> = Promise.resolve()
  #waitingCount = 0
  #closing: Promise<void> | undefined

  constructor(channel: WorkerChannel, database: Kysely<ControlDatabase>, dataDir: string) {
    this.#channel = channel
    this.#database = database
    this.#dataDir = dataDir
  }

  async transaction<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.#current.getStore()?.isRunning) throw new Error('transactions do not nest')
    this.#assertOpen()
    if (this.#waitingCount >= TRANSACTION_QUEUE_MAX)
      throw storeOutage('store_unavailable', this.#dataDir, 'too many transactions are waiting')
    this.#waitingCount++
    const result = this.#tail.then(() => this.#run(work))
    const settle = () => {
      this.#waitingCount--
    }
    this.#tail = result.then(settle, settle)
    return result
  }

  async ping(): Promise<void> {
    this.#assertOpen()
    await this.#channel.request({
      kind: 'query',
      sql: 'SELECT id FROM tenants LIMIT 1',
      parameters: [],
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #run<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    const scope = { isRunning: true }
    return this.#current
      .run(scope, () =>
        this.#database.transaction().execute(async (database) => {
          const transaction = new SqlTransaction(database)
          let result: T
          try {
            result = await work(transaction)
          } finally {
            await transaction.end()
          }
          transaction.assertSound()
          return result
        }),
      )
      .finally(() => {
        scope.isRunning = false
      })
  }

  async #close(): Promise<void> {
    await this.#tail
    try {
      await this.#channel.request({ kind: 'close' })
    } finally {
      await this.#channel.terminate()
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw storeOutage('store_unavailable', this.#dataDir, 'the store is closed')
  }
}
