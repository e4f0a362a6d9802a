import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { REGIONS, SETTINGS } from '../../../../../test/contract/records.ts'
import { DEFAULT_APP_SETTINGS } from '../../config/app-schema.ts'
import { openSqliteStore } from './store.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-carry-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

/** A data directory as the release with one database left it. */
function makeOldDirectory(settings: object = SETTINGS): void {
  const database = new DatabaseSync(join(dataDir, 'control.db'))
  database.exec(`
    CREATE TABLE kysely_migration (name varchar(255) NOT NULL PRIMARY KEY, timestamp varchar(255) NOT NULL);
    CREATE TABLE kysely_migration_lock (
      id varchar(255) NOT NULL PRIMARY KEY, is_locked integer DEFAULT 0 NOT NULL);
    INSERT INTO kysely_migration_lock VALUES ('migration_lock', 0);
    INSERT INTO kysely_migration VALUES ('0001_tenants_apps_signing_keys', '2026-01-01T00:00:00.000Z');
    CREATE TABLE tenants (id text PRIMARY KEY NOT NULL, short_id text NOT NULL UNIQUE, name text NOT NULL,
      state text NOT NULL, created_at_ms bigint NOT NULL);
    CREATE TABLE apps (id text PRIMARY KEY NOT NULL,
      tenant_id text NOT NULL REFERENCES tenants (id), name text NOT NULL, region text NOT NULL,
      plan text NOT NULL, settings text NOT NULL, created_at_ms bigint NOT NULL,
      updated_at_ms bigint NOT NULL, UNIQUE (tenant_id, name));
    CREATE TABLE signing_keys (key text PRIMARY KEY NOT NULL, app_id text NOT NULL REFERENCES apps (id),
      sealed_secret text NOT NULL, created_at_ms bigint NOT NULL);
    CREATE INDEX signing_keys_of_app ON signing_keys (app_id);
    INSERT INTO tenants VALUES ('t1', 'org_aaaaaaaaaaaa', 'Acme', 'suspended', 1);
  `)
  const app = database.prepare('INSERT INTO apps VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  app.run('app-1', 't1', 'chat', 'local', 'unlimited', JSON.stringify(settings), 2, 3)
  const key = database.prepare('INSERT INTO signing_keys VALUES (?, ?, ?, ?)')
  key.run('key-1', 'app-1', 'c2VhbGVkLTE=', 4)
  key.run('key-2', 'app-1', 'c2VhbGVkLTI=', 5)
  database.close()
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => 'nothing failed', String)
}

async function readAll() {
  const store = await openSqliteStore({ dataDir, regions: REGIONS })
  const control = await store.control.transaction(async (each) => ({
    tenants: await each.listTenants(),
    names: await each.listNames({}),
  }))
  const region = await store.regions.get('local')?.transaction(async (each) => ({
    apps: await each.listApps(),
    credentials: await each.listCredentials({}),
  }))
  await store.close()
  return { ...control, ...region }
}

test('an older data directory is carried over whole, sealed secrets byte for byte', async () => {
  makeOldDirectory()
  const { tenants, names, apps, credentials } = await readAll()
  expect(tenants).toMatchObject([{ id: 't1', state: 'suspended', signingAlgorithm: 'ES256' }])
  expect(apps).toMatchObject([
    { id: 'app-1', name: 'chat', settings: SETTINGS, subscription: { plan: 'unlimited' } },
  ])
  expect(credentials?.map(({ attributes }) => attributes.appKey)).toEqual(['key-1', 'key-2'])
  expect(credentials?.map(({ versions }) => versions[0]?.material)).toEqual([
    { storage: 'sealed', sealed: 'c2VhbGVkLTE=', fingerprint: '' },
    { storage: 'sealed', sealed: 'c2VhbGVkLTI=', fingerprint: '' },
  ])
  const taken = names.map(({ kind, value, state }) => [kind, value, state])
  expect(taken).toContainEqual(['app_key', 'key-2', 'confirmed'])
  expect(taken).toContainEqual(['app_name', 't1/chat', 'confirmed'])
  expect(names).toHaveLength(5)
})

/** The settings that the first release wrote of an app. */
const FIRST = `enabled requireTls clientMessages subscriptionCount watchlist requireAuthorization
  authorizationTimeoutMs allowedOrigins dangerousAnyOrigin missingOrigin originRefusal rejectReplays
  connectionCountMax clientEventsPerSecondMax eventDataBytesMax presenceMemberCountMax
  presenceMemberBytesMax cacheTtlMs`.split(/\s+/)

const firstSettings = () =>
  Object.fromEntries(Object.entries(DEFAULT_APP_SETTINGS).filter(([name]) => FIRST.includes(name)))

test('settings that an app of the first release did not have are at their defaults', async () => {
  makeOldDirectory(firstSettings())
  expect((await readAll()).apps?.[0]?.settings).toEqual(DEFAULT_APP_SETTINGS)
})

test('so are they in a row of any release since', async () => {
  makeOldDirectory()
  await readAll()
  const database = new DatabaseSync(join(dataDir, 'region-local.db'))
  const change = "UPDATE apps SET document = json_set(document, '$.settings', json(?))"
  database.prepare(change).run(JSON.stringify(firstSettings()))
  database.close()
  expect((await readAll()).apps?.[0]?.settings).toEqual(DEFAULT_APP_SETTINGS)
})

test('a carry-over that was cut short is repeated without a second copy', async () => {
  makeOldDirectory()
  const first = await readAll()
  // The region's part is durable and control.db is as it was before: the moment of the crash.
  for (const name of ['control.db', 'lock.db']) rmSync(join(dataDir, name))
  makeOldDirectory()
  expect(await readAll()).toEqual(first)
})

test('a second start finds everything and changes nothing', async () => {
  makeOldDirectory()
  const first = await readAll()
  expect(await readAll()).toEqual(first)
})

test('without the region it belongs to it is refused, and nothing is dropped', async () => {
  makeOldDirectory()
  const other = [{ region: 'elsewhere', dbCode: 'elsewhere' }]
  const open = openSqliteStore({ dataDir, regions: other })
  expect(await messageOf(open)).toContain('add a region with the code local')
  rmSync(join(dataDir, 'region-elsewhere.db'))
  expect((await readAll()).apps).toHaveLength(1)
})

test('a region left out of the configuration, or given another file, is refused', async () => {
  makeOldDirectory()
  await readAll()
  const without = openSqliteStore({ dataDir, regions: [{ region: 'b', dbCode: 'b' }] })
  expect(await messageOf(without)).toContain('put the region with the dbCode local back')
  const renamed = openSqliteStore({ dataDir, regions: [{ region: 'b', dbCode: 'local' }] })
  expect(await messageOf(renamed)).toContain('the database of the region local')
})
