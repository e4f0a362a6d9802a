/**
 * The schema of control.db, step by step. A released step never changes; a new one gets the next
 * number. What apps and keys the first step held is in the region's database before the second
 * drops it (`carry-over.ts`).
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { DirectoryEntry } from '../../ports/records/directory.ts'
import { rowOfName } from './control-rows.ts'
import type { ControlTables } from './schema.ts'
import { createSharedTables } from './shared-migration.ts'

/** @param names of what was carried over: taken in the step that drops where it was. */
export function controlMigrations(
  names: readonly DirectoryEntry[],
): Readonly<Record<string, Migration>> {
  return {
    ...FIRST,
    '0002_credential_core': {
      async up(database: Kysely<unknown>): Promise<void> {
        await createPeopleAndPlans(database)
        await createInstallation(database)
        await createSharedTables(database)
        for (const name of names) {
          const tables = database as Kysely<ControlTables>
          await tables.insertInto('names').values(rowOfName(name)).execute()
        }
        await database.schema.dropTable('signing_keys').execute()
        await database.schema.dropTable('apps').execute()
      },
    },
    '0003_audit_witnessed': {
      async up({ schema }: Kysely<unknown>): Promise<void> {
        await schema
          .createTable('audit_witnessed')
          .addColumn('witness', 'text', (column) => column.notNull())
          .addColumn('tenant_id', 'text', (column) => column.notNull())
          .addColumn('seq', 'bigint', (column) => column.notNull())
          .addPrimaryKeyConstraint('audit_witnessed_key', ['witness', 'tenant_id'])
          .execute()
      },
    },
    '0004_plans_open_to_tenants': {
      // The switch is part of the document. Of what there was only `free` was meant for everybody.
      async up(database: Kysely<unknown>): Promise<void> {
        const isOpen = sql`CASE WHEN owner = '' AND name = 'free' THEN 'true' ELSE 'false' END`
        const path = '$.isOpenToTenants'
        await sql`UPDATE plans SET document = json_set(document, ${path}, json(${isOpen}))`.execute(
          database,
        )
      },
    },
    '0005_rule_sets_integrations': {
      async up({ schema }: Kysely<unknown>): Promise<void> {
        for (const table of ['rule_sets', 'integrations']) {
          await schema
            .createTable(table)
            .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id'))
            .addColumn('name', 'text', (column) => column.notNull())
            .addColumn('revision', 'bigint', (column) => column.notNull())
            .addColumn('document', 'text', (column) => column.notNull())
            .addPrimaryKeyConstraint(`${table}_key`, ['tenant_id', 'name'])
            .execute()
        }
      },
    },
  }
}

async function createPeopleAndPlans({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('tenants')
    .addColumn('signing_algorithm', 'text', (column) => column.notNull().defaultTo('ES256'))
    .execute()
  await schema
    .createTable('members')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id'))
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('members_email_in_tenant', ['tenant_id', 'email'])
    .execute()
  await schema
    .createTable('plans')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('tenant_id', 'text', (column) => column.references('tenants.id'))
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('plans_key', ['owner', 'name'])
    .execute()
}

async function createInstallation({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('names')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('app_id', 'text', (column) => column.notNull())
    .addColumn('region', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('names_key', ['kind', 'value'])
    .execute()
  await schema.createIndex('names_of_app').on('names').column('app_id').execute()
  await schema
    .createTable('installation_keys')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('audit_checkpoints')
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('signature', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('audit_checkpoints_key', ['tenant_id', 'seq'])
    .execute()
  await schema
    .createTable('idempotency')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('status', 'bigint', (column) => column.notNull())
    .addColumn('sealed_answer', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
}

const FIRST: Readonly<Record<string, Migration>> = {
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
