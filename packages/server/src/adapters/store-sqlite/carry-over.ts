/**
 * Carries apps and signing keys of the first schema, which had one database, over into the database
 * of the region `local`. Runs before control.db drops them; a repeat after a crash changes nothing,
 * because every id follows from what is carried.
 */
import { createHash } from 'node:crypto'
import type { AppRecord, AppSettings } from '../../ports/records/app.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { DirectoryEntry } from '../../ports/records/directory.ts'
import { BEGIN, type Connection } from './connection.ts'
import { placeOutage } from './failures.ts'
import { region as regionQueries } from './queries.ts'
import { statementOf } from './calls.ts'
import { rowOfApp } from './region-transaction.ts'
import { SETTINGS_SINCE } from './settings-since.ts'
import { insertCredential } from './shared-transaction.ts'

/** The only region of the first schema. */
const REGION = 'local'
const DAY_MS = 86_400_000
const COMMIT = { sql: 'COMMIT', parameters: [] }

interface OldApp {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly plan: string
  readonly settings: string
  readonly created_at_ms: number
  readonly updated_at_ms: number
}

interface OldKey {
  readonly key: string
  readonly app_id: string
  readonly sealed_secret: string
  readonly created_at_ms: number
}

/**
 * @param local the connection of the region; undefined when it is not configured.
 * @returns the names to take in control.db, in the step that drops what is carried over.
 * @throws Outage when there are apps and no region to carry them to.
 */
export async function carryOver(
  controlConnection: Connection,
  local: Connection | undefined,
): Promise<readonly DirectoryEntry[]> {
  const [apps, keys] = await controlConnection.runAll([
    { sql: 'SELECT * FROM apps ORDER BY created_at_ms, id', parameters: [] },
    { sql: 'SELECT * FROM signing_keys ORDER BY created_at_ms, key', parameters: [] },
  ])
  const oldApps = (apps?.rows ?? []) as unknown as readonly OldApp[]
  const oldKeys = (keys?.rows ?? []) as unknown as readonly OldKey[]
  if (oldApps.length === 0) return []
  if (local === undefined) {
    throw placeOutage(
      `control.db in ${controlConnection.dataDir} holds apps of the region ${REGION}, which is ` +
        `not configured: add a region with the code ${REGION}, and start again`,
    )
  }
  const records = oldApps.map(appOf)
  const tenants = new Map(records.map((app) => [app.id, app.tenantId]))
  const statements = [
    ...records.map((app) =>
      regionQueries
        .insertInto('apps')
        .values(rowOfApp(app))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .compile(),
    ),
    ...oldKeys.map((key) => insertCredential(credentialOf(key, tenants.get(key.app_id) ?? ''))),
  ].map(statementOf)
  await local.runAll([BEGIN, ...statements, COMMIT])
  return [...records.flatMap(namesOf), ...oldKeys.map((key) => keyName(key, tenants))]
}

function appOf(row: OldApp): AppRecord {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    region: REGION,
    type: 'confidential',
    clientId: `cl_${digest('client', row.id, 22)}`,
    subscription: {
      plan: row.plan,
      state: 'active',
      sinceMs: row.created_at_ms,
      endsAtMs: undefined,
    },
    allowedDomains: [],
    settings: { ...SETTINGS_SINCE, ...JSON.parse(row.settings) } as AppSettings,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }
}

/** The sealed bytes stay as they are; an empty fingerprint tells how they were sealed. */
function credentialOf(row: OldKey, tenantId: string): CredentialRecord {
  const { key, app_id: appId, created_at_ms: createdAtMs } = row
  return {
    id: `cred_${digest('credential', key, 20)}`,
    kind: 'signing_secret',
    tenantId,
    appId,
    name: key,
    attributes: { appKey: key },
    policy: {
      overlapMaxMs: 30 * DAY_MS,
      overlapDefaultMs: DAY_MS,
      maxAgeDays: undefined,
      isAutomatic: false,
    },
    versions: [
      {
        id: `ver_${digest('version', key, 20)}`,
        number: 1,
        state: 'current',
        keyId: undefined,
        material: { storage: 'sealed', sealed: row.sealed_secret, fingerprint: '' },
        hint: '',
        origin: 'declared',
        createdAtMs,
        createdBy: 'configuration:configuration',
        activatedAtMs: createdAtMs,
        expiresAtMs: undefined,
        acceptUntilMs: undefined,
        disabledAtMs: undefined,
        endedAtMs: undefined,
      },
    ],
    revision: 1,
    createdAtMs,
  }
}

function namesOf(app: AppRecord): DirectoryEntry[] {
  const of = (kind: DirectoryEntry['kind'], value: string) =>
    entryOf({ kind, value, tenantId: app.tenantId, appId: app.id, createdAtMs: app.createdAtMs })
  return [
    of('app_id', app.id),
    of('app_name', `${app.tenantId}/${app.name}`),
    of('client_id', app.clientId),
  ]
}

function keyName(row: OldKey, tenants: ReadonlyMap<string, string>): DirectoryEntry {
  const { key: value, app_id: appId, created_at_ms: createdAtMs } = row
  const tenantId = tenants.get(appId) ?? ''
  return entryOf({ kind: 'app_key', value, tenantId, appId, createdAtMs })
}

function entryOf(entry: Omit<DirectoryEntry, 'region' | 'state'>): DirectoryEntry {
  return { ...entry, region: REGION, state: 'confirmed' }
}

/** Letters and digits that follow from `text`, so that a repeat makes the same id. */
function digest(purpose: string, text: string, length: number): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([purpose, text]))
    .digest('base64url')
  return hash.replaceAll(/[-_]/g, '0').slice(0, length)
}
