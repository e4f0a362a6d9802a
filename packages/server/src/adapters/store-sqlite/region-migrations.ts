/** The schema of a region's database, step by step. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { createSharedTables } from './shared-migration.ts'

export const REGION_MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_apps_credentials_families_uses': { up },
  '0002_webhook_endpoints': { up: createWebhookEndpoints },
  '0003_webhook_deliveries': { up: createDeliveries },
  '0004_connection_tokens': { up: createConnectionTokens },
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

/** One index serves taking, counting and listing. The body is last, so that a scan skips it. */
async function createDeliveries(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('webhook_deliveries')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('app_id', 'text', (column) => column.notNull())
    .addColumn('endpoint_id', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('due_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('is_taken', 'bigint', (column) => column.notNull())
    .addColumn('attempt_count', 'bigint', (column) => column.notNull())
    .addColumn('last_outcome', 'text')
    .addColumn('event_types', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute()
  await database.schema
    .createIndex('webhook_deliveries_of_endpoint')
    .on('webhook_deliveries')
    .columns(['app_id', 'endpoint_id', 'state', 'due_at_ms', 'created_at_ms'])
    .execute()
}

/** One index is for pages of an app, the other finds what a new token of a user replaces. */
async function createConnectionTokens({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('connection_tokens')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('app_id', 'text', (column) => column.notNull())
    .addColumn('user_email', 'text', (column) => column.notNull())
    .addColumn('integration', 'text')
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('refreshed_at_ms', 'bigint')
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('ends_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at_ms', 'bigint')
    .addColumn('replaced_at_ms', 'bigint')
    .addColumn('client_ids', 'text', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute()
  for (const [name, second] of [
    ['app', 'id'],
    ['user', 'user_email'],
  ] as const) {
    await schema
      .createIndex(`connection_tokens_of_${name}`)
      .on('connection_tokens')
      .columns(['app_id', second])
      .execute()
  }
}
