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
import { storeError } from './failures.ts'
import { CONTROL_DATABASE_FILE, regionFileOf } from './file-names.ts'
import { SqlDocumentStore } from './document-store.ts'
import { Gate } from './gate.ts'
import { SqlHistoryStore } from './history-store.ts'
import { appliedMigrations, migrate } from './migrations.ts'
import { claimPlace } from './place.ts'
import { REGION_MIGRATIONS } from './region-migrations.ts'
import { SqlSessionStore } from './session-store.ts'
import { WorkerChannel } from './worker-channel.ts'
import type { Synchronous } from './worker-protocol.ts'

export interface SqliteStoreOptions {
  /** Made with its parents if it is not there. */
  readonly dataDir: string
  /** At least one; codes and `dbCode`s are unique. */
  readonly regions: readonly RegionPlace[]
  /** What the commits of the session stores survive beyond `kill -9`; `full`: the loss of power. */
  readonly sessionDurability?: 'normal' | 'full'
}

interface OpenRegion {
  readonly place: RegionPlace
  readonly connection: Connection
}

/**
 * Takes the data directory for this process, makes what is missing and migrates.
 * @throws Outage with the reason and what to do; the directory is free again then.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { dataDir, regions, sessionDurability } = options
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
    const synchronous = sessionDurability === 'full' ? 'FULL' : 'NORMAL'
    return new SqliteStore(channel, { control, open, synchronous })
  } catch (error) {
    await channel.terminate()
    throw error
  }
}

async function openFiles(channel: WorkerChannel, files: DataFiles): Promise<void> {
  const { lockFile, controlFile, regionFiles } = files
  const all = [controlFile, ...regionFiles]
  const open = { kind: 'open', lockFile, files: all, synchronous: 'FULL' } as const
  const { failure } = await channel.request(open)
  if (failure !== undefined) throw storeError(failure, channel.dataDir)
}

async function prepareRegion({ place, connection }: OpenRegion): Promise<void> {
  const file = regionFileOf(place.dbCode)
  await migrate(connection, REGION_MIGRATIONS, file)
  await claimPlace(connection, { place, file })
}

async function prepareControl(control: Connection, regions: readonly OpenRegion[]): Promise<void> {
  const kysely = new Kysely<unknown>({ dialect: new WorkerDialect(control) })
  const isOld = (await appliedMigrations(kysely)).length === 1
  const local = regions.find(({ place }) => place.region === 'local')?.connection
  const names = isOld ? await carryOver(control, local) : []
  await migrate(control, controlMigrations(names), CONTROL_DATABASE_FILE)
}

interface Opened {
  readonly control: Connection
  readonly open: readonly OpenRegion[]
  readonly synchronous: Synchronous
}

class SqliteStore implements Store {
  readonly control: SqlControlDatabase
  readonly regions: ReadonlyMap<string, SqlRegionDatabase>
  readonly #channel: WorkerChannel
  readonly #gate: Gate
  readonly #connections: readonly Connection[]
  #closing: Promise<void> | undefined

  constructor(channel: WorkerChannel, { control, open, synchronous }: Opened) {
    const { dataDir } = channel
    const gate = new Gate(dataDir)
    this.#channel = channel
    this.#gate = gate
    this.#connections = [control, ...open.map(({ connection }) => connection)]
    this.control = new SqlControlDatabase(control, gate)
    const regions = open.map(({ place, connection }) => {
      const sessions = new SqlSessionStore({ dataDir, place, gate, synchronous })
      const history = new SqlHistoryStore({ dataDir, place, gate, synchronous: 'NORMAL' })
      const documents = new SqlDocumentStore({ dataDir, place, gate, synchronous: 'NORMAL' })
      const parts = { connection, gate, sessions, history, documents }
      return [place.region, new SqlRegionDatabase(place, parts)] as const
    })
    this.regions = new Map(regions)
  }

  async ping(): Promise<void> {
    this.#gate.assertOpen()
    const query = { sql: 'SELECT id FROM credentials LIMIT 1', parameters: [] }
    await Promise.all([
      ...this.#connections.map((connection) => connection.runAll([query])),
      ...this.#filesBeside().map((file) => file.ping()),
    ])
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #filesBeside() {
    return [...this.regions.values()].flatMap(({ sessions, history, documents }) => [
      sessions,
      history,
      documents,
    ])
  }

  async #close(): Promise<void> {
    this.#gate.close()
    const databases = [this.control, ...this.regions.values()]
    await Promise.all(databases.map((database) => database.drained()))
    try {
      await Promise.all(this.#filesBeside().map((file) => file.close()))
      await this.#channel.request({ kind: 'close' })
    } finally {
      await this.#channel.terminate()
    }
  }
}
