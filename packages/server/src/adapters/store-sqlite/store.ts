/**
 * The embedded store: one SQLite database for control and one for each region, in a data directory
 * that one process holds. A resolved transaction is on the disk (WAL, synchronous=FULL); an outage
 * at the commit itself leaves the transaction either whole or absent after the next start.
 */
import { Worker } from 'node:worker_threads'
import { Kysely } from 'kysely'
import type { RegionPlace, Store } from '../../ports/store.ts'
import { carryOver } from './carry-over.ts'
import { Connection } from './connection.ts'
import { controlMigrations } from './control-migrations.ts'
import { type DataFiles, prepareDataDirectory } from './data-directory.ts'
import { SqlControlDatabase, SqlRegionDatabase } from './database.ts'
import { WorkerDialect } from './dialect.ts'
import { placeOutage, storeError } from './failures.ts'
import { CONTROL_DATABASE_FILE, regionFileOf } from './file-names.ts'
import { Gate } from './gate.ts'
import { appliedMigrations, migrate } from './migrations.ts'
import { REGION_MIGRATIONS } from './region-migrations.ts'
import { WorkerChannel } from './worker-channel.ts'

export interface SqliteStoreOptions {
  /** Made with its parents if it is not there. */
  readonly dataDir: string
  /** At least one; codes and `dbCode`s are unique. */
  readonly regions: readonly RegionPlace[]
}

interface OpenRegion {
  readonly place: RegionPlace
  readonly connection: Connection
}

/**
 * Takes the data directory for this process, makes what is missing and migrates.
 * @throws Outage with the reason and what to do; the directory is free again then.
 */
export async function openSqliteStore({ dataDir, regions }: SqliteStoreOptions): Promise<Store> {
  const files = prepareDataDirectory(dataDir, regions)
  const channel = new WorkerChannel(new Worker(new URL('./worker.ts', import.meta.url)), dataDir)
  try {
    await openFiles(channel, files)
    const control = new Connection(channel, 0)
    const open = regions.map((place, index) => ({
      place,
      connection: new Connection(channel, index + 1),
    }))
    for (const region of open) await prepareRegion(region)
    await prepareControl(control, open)
    return new SqliteStore(channel, control, open)
  } catch (error) {
    await channel.terminate()
    throw error
  }
}

async function openFiles(channel: WorkerChannel, files: DataFiles): Promise<void> {
  const { lockFile, controlFile, regionFiles } = files
  const all = [controlFile, ...regionFiles]
  const { failure } = await channel.request({ kind: 'open', lockFile, files: all })
  if (failure !== undefined) throw storeError(failure, channel.dataDir)
}

async function prepareRegion({ place, connection }: OpenRegion): Promise<void> {
  const file = regionFileOf(place.dbCode)
  await migrate(connection, REGION_MIGRATIONS, file)
  const [found] = await connection.runAll([
    { sql: 'SELECT region, db_code FROM place', parameters: [] },
  ])
  const row = found?.rows[0]
  if (row === undefined) {
    const parameters = [place.region, place.dbCode]
    await connection.runAll([
      { sql: 'INSERT INTO place (region, db_code) VALUES (?, ?)', parameters },
    ])
    return
  }
  if (row['region'] === place.region && row['db_code'] === place.dbCode) return
  throw placeOutage(
    `${file} in ${connection.dataDir} is the database of the region ${String(row['region'])} ` +
      `(dbCode ${String(row['db_code'])}), not of ${place.region}: give each region its own ` +
      'dbCode back; the region of an app never changes',
  )
}

async function prepareControl(control: Connection, regions: readonly OpenRegion[]): Promise<void> {
  const kysely = new Kysely<unknown>({ dialect: new WorkerDialect(control) })
  const isOld = (await appliedMigrations(kysely)).length === 1
  const local = regions.find(({ place }) => place.region === 'local')?.connection
  const names = isOld ? await carryOver(control, local) : []
  await migrate(control, controlMigrations(names), CONTROL_DATABASE_FILE)
}

class SqliteStore implements Store {
  readonly control: SqlControlDatabase
  readonly regions: ReadonlyMap<string, SqlRegionDatabase>
  readonly #channel: WorkerChannel
  readonly #gate: Gate
  readonly #connections: readonly Connection[]
  #closing: Promise<void> | undefined

  constructor(channel: WorkerChannel, control: Connection, regions: readonly OpenRegion[]) {
    this.#channel = channel
    this.#gate = new Gate(channel.dataDir)
    this.#connections = [control, ...regions.map(({ connection }) => connection)]
    this.control = new SqlControlDatabase(control, this.#gate)
    this.regions = new Map(
      regions.map(({ place, connection }) => [
        place.region,
        new SqlRegionDatabase(place, connection, this.#gate),
      ]),
    )
  }

  async ping(): Promise<void> {
    this.#gate.assertOpen()
    const query = { sql: 'SELECT id FROM credentials LIMIT 1', parameters: [] }
    await Promise.all(this.#connections.map((connection) => connection.runAll([query])))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#gate.close()
    const databases = [this.control, ...this.regions.values()]
    await Promise.all(databases.map((database) => database.drained()))
    try {
      await this.#channel.request({ kind: 'close' })
    } finally {
      await this.#channel.terminate()
    }
  }
}
