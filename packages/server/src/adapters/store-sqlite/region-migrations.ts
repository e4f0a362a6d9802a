/** The schema of a region's database, step by step. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { createSharedTables } from './shared-migration.ts'

export const REGION_MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_apps_credentials_families_uses': { up },
  '0002_webhook_endpoints': { up: createWebhookEndpoints },
}

async function up(database: Kysely<unknown>): Promise<void> {
  await createSharedTables(database)
  await database.schema
    .createTable('place')
    .addColumn('region', 'text', (column) => column.primaryKey().notNull())
    .addColumn('db_code', 'text', (column) => column.notNull())
    .execute()
  await database.schema
    .createTable('apps')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute()
  await database.schema.createIndex('apps_of_tenant').on('apps').column('tenant_id').execute()
  await createFamilies(database)
  await database.schema
    .createTable('revocations')
    .addColumn('reliance', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('until_ms', 'bigint', (column) => column.notNull())
    .execute()
}

async function createWebhookEndpoints({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('webhook_endpoints')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('app_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('revision', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .addUniqueConstraint('webhook_endpoints_name_in_app', ['app_id', 'name'])
    .execute()
}

/** No index holds a time: one more index would be written with each use of a token. */
async function createFamilies(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('refresh_families')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('app_id', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('version_id', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('rotated_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('ends_at_ms', 'bigint')
    .addColumn('revoked_at_ms', 'bigint')
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  for (const owner of ['tenant', 'app', 'version']) {
    await database.schema
      .createIndex(`refresh_families_of_${owner}`)
      .on('refresh_families')
      .column(`${owner}_id`)
      .execute()
  }
}
