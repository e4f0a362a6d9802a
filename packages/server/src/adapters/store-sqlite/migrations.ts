/**
 * Brings a database to the schema of this program. All missing steps of a start run in one
 * transaction.
 */
import { Kysely, sql } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration'
import { Outage } from '../../ports/outage.ts'
import type { Connection } from './connection.ts'
import { WorkerDialect } from './dialect.ts'

type Migrations = Readonly<Record<string, Migration>>

/**
 * Idempotent.
 * @param file names the database for the operator.
 * @throws Outage when the database is newer than this program, or cannot be read or written.
 */
export async function migrate(
  connection: Connection,
  migrations: Migrations,
  file: string,
): Promise<void> {
  const database = new Kysely<unknown>({ dialect: new WorkerDialect(connection) })
  if ((await appliedMigrations(database)).join() === Object.keys(migrations).sort().join()) return
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...migrations }) },
  })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (error instanceof Outage) throw error
  const reason = error instanceof Error ? error.message : 'unknown reason'
  throw new Outage(
    'store_unavailable',
    `${file} in ${connection.dataDir} cannot be brought to the schema of this version: if a ` +
      `newer one made it, run that or a later one (${reason})`,
    { port: 'store', cause: error },
  )
}

/** One query in place of the migrator's dozen: the usual start finds nothing to do. */
export async function appliedMigrations(database: Kysely<unknown>): Promise<readonly string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ${DEFAULT_MIGRATION_TABLE}
  `.execute(database)
  if (tables.length === 0) return []
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)} ORDER BY name
  `.execute(database)
  return rows.map(({ name }) => name)
}
