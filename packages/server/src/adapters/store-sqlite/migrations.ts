/**
 * The schema of control.db, step by step. A released step never changes; a new one gets the next
 * number. All missing steps of a start run in one transaction.
 */
import { type Kysely, sql } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration'
import { Outage } from '../../ports/outage.ts'
import type { ControlDatabase } from './schema.ts'

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_tenants_apps_signing_keys': {
    async up(database: Kysely<unknown>): Promise<void> {
      await database.schema
        .createTable('tenants')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('short_id', 'text', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
        .execute()
      await database.schema
        .createTable('apps')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id'))
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('region', 'text', (column) => column.notNull())
        .addColumn('plan', 'text', (column) => column.notNull())
        .addColumn('settings', 'text', (column) => column.notNull())
        .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
        .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
        .addUniqueConstraint('apps_name_in_tenant', ['tenant_id', 'name'])
        .execute()
      await database.schema
        .createTable('signing_keys')
        .addColumn('key', 'text', (column) => column.primaryKey().notNull())
        .addColumn('app_id', 'text', (column) => column.notNull().references('apps.id'))
        .addColumn('sealed_secret', 'text', (column) => column.notNull())
        .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
        .execute()
      await database.schema
        .createIndex('signing_keys_of_app')
        .on('signing_keys')
        .column('app_id')
        .execute()
    },
  },
}

/**
 * Brings control.db to the schema of this program; idempotent.
 * @throws Outage when the database is newer than this program, or cannot be read or written.
 */
export async function migrate(database: Kysely<ControlDatabase>, dataDir: string): Promise<void> {
  if (await isUpToDate(database)) return
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...MIGRATIONS }) },
  })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (error instanceof Outage) throw error
  const reason = error instanceof Error ? error.message : 'unknown reason'
  throw new Outage(
    'store_unavailable',
    `control.db in ${dataDir} cannot be brought to the schema of this version: if a newer one ` +
      `made it, run that or a later one (${reason})`,
    { port: 'store', cause: error },
  )
}

/** One query in place of the migrator's dozen: the usual start finds nothing to do. */
async function isUpToDate(database: Kysely<ControlDatabase>): Promise<boolean> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ${DEFAULT_MIGRATION_TABLE}
  `.execute(database)
  if (tables.length === 0) return false
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)} ORDER BY name
  `.execute(database)
  return rows.map(({ name }) => name).join() === Object.keys(MIGRATIONS).sort().join()
}
