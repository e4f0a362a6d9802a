/**
 * The process is killed at every step of every change, on the real store: what was acknowledged is
 * there, what was not is whole or absent, and each change that is there has its audit row.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  NEW_APP_NAME,
  type Prepared,
  prepare,
  type Scenario,
  SCENARIOS,
} from '../../../../test/contract/change-scenarios.ts'
import { REGIONS } from '../../../../test/contract/records.ts'
import { CALLER, type CoreWorld, openCoreWorld } from '../../../../test/support/credential-core.ts'
import { TENANT_ID } from '../../../../test/support/declared-tenant.ts'
import { openSqliteStore } from '../adapters/store-sqlite/store.ts'
import { namesOfApp, namesOfCredential } from '../credentials/app-names.ts'
import { FIRST_HASH, hashOf, isSealed } from '../credentials/audit/chain.ts'
import { sealedVersionOf } from '../credentials/sealing.ts'
import { acceptedVersions } from '../credentials/engine/reading.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'

const WRITER = new URL('../../../../test/contract/change-writer.ts', import.meta.url).pathname
const LONG_MS = 120_000
/** Longer than any change is: the first run of a scenario counts its steps. */
const NEVER = 10_000

let home = ''
let prepared: Prepared
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'lockgate-killed-'))
  const dataDir = join(home, 'template')
  const store = await openSqliteStore({ dataDir, regions: REGIONS })
  const world = await openCoreWorld({ store })
  prepared = await prepare(world)
  writeFileSync(join(dataDir, 'prepared.json'), JSON.stringify(prepared))
  writeFileSync(join(dataDir, 'master.key'), world.keyText(), { mode: 0o600 })
  await store.close()
})
afterAll(() => rmSync(home, { recursive: true }))

interface Killed {
  readonly steps: readonly string[]
  readonly isAcknowledged: boolean
  readonly dataDir: string
}

async function run({ name }: Scenario, killAt: number): Promise<Killed> {
  const dataDir = join(home, 'killed')
  rmSync(dataDir, { recursive: true, force: true })
  cpSync(join(home, 'template'), dataDir, { recursive: true })
  const command = [process.execPath, WRITER, dataDir, name, String(killAt)]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' })
  const lines = (await new Response(child.stdout).text()).split('\n')
  await child.exited
  const steps = lines.filter((line) => line.startsWith('step '))
  const isKilled = child.signalCode === 'SIGKILL'
  const complaint = await new Response(child.stderr).text()
  expect(isKilled, complaint).toBe(killAt !== NEVER)
  return { steps, isAcknowledged: lines.includes('acknowledged'), dataDir }
}

async function reopen(dataDir: string): Promise<CoreWorld> {
  const store = await openSqliteStore({ dataDir, regions: REGIONS })
  return openCoreWorld({ store, keyText: readFileSync(join(dataDir, 'master.key'), 'utf8') })
}

function regionOf({ store }: CoreWorld) {
  const region = store.regions.get('local')
  if (region === undefined) throw new Error('no region')
  return region
}

interface Row {
  readonly action: string
  readonly outcome: string
  readonly actor: { readonly id: string }
  readonly target: { readonly id: string; readonly name?: string }
}

/** Every row, after its chain was verified as the verifier does it. */
async function soundRows(world: CoreWorld): Promise<readonly Row[]> {
  const { auditSeal: sealKey } = world.core.keys
  const rows: Row[] = []
  for (const database of [world.store.control, regionOf(world)]) {
    const { code } = database
    for (const tenantId of [TENANT_ID, '-']) {
      const [head, list] = await database.transaction(
        async (each) =>
          [
            await each.findAuditHead(tenantId),
            await each.listAudit({ tenantId, afterSeq: 0, countMax: 500 }),
          ] as const,
      )
      let hash = FIRST_HASH
      for (const [index, row] of list.entries()) {
        expect(row.seq).toBe(index + 1)
        hash = hashOf(row, hash, code)
        expect(row.hash).toBe(hash)
        expect(isSealed('row', row, { code, sealKey })).toBe(true)
        rows.push(JSON.parse(row.entry))
      }
      expect(head?.seq ?? 0).toBe(list.length)
      if (head !== undefined) {
        expect(head.hash).toBe(hash)
        expect(isSealed('head', head, { code, sealKey })).toBe(true)
      }
    }
  }
  return rows
}

/** What holds whatever happened. */
async function expectSound(world: CoreWorld, { name }: Scenario): Promise<readonly Row[]> {
  const rows = await soundRows(world)
  const region = regionOf(world)
  const { apps, credentials } = await region.transaction(async (each) => ({
    apps: await each.listApps(),
    credentials: await each.listCredentials({}),
  }))
  for (const record of credentials) expectSoundVersions(record, world)
  // Each revision is one committed change, and has one row; sealing anew changes nothing.
  if (name !== 'a rotation of the master key') {
    for (const { id, revision } of credentials) {
      const own = rows.filter(({ target, outcome }) => target.id === id && outcome === 'success')
      expect(own).toHaveLength(revision)
    }
  }
  const made = rows.filter(({ action }) => action === 'app.created').map(({ target }) => target.id)
  const gone = rows.filter(({ action }) => action === 'app.deleted').map(({ target }) => target.id)
  expect(apps.map(({ id }) => id).toSorted(byText)).toEqual(
    made.filter((id) => !gone.includes(id)).toSorted(byText),
  )
  // Names are neither lost nor leaked: exactly those of what is there, and none is in doubt.
  const names = await world.store.control.transaction((each) => each.listNames({}))
  const wanted = [
    ...apps.flatMap((app) => namesOfApp(app, false)),
    ...credentials.flatMap(namesOfCredential),
  ]
  expect(names.every(({ state }) => state === 'confirmed')).toBe(true)
  const heldKinds = new Set(['app_id', 'app_name', 'client_id', 'app_key'])
  const textsOf = (list: readonly { readonly kind: string; readonly value: string }[]) =>
    list
      .filter(({ kind }) => heldKinds.has(kind))
      .map(({ kind, value }) => `${kind} ${value}`)
      .toSorted(byText)
  expect(textsOf(names)).toEqual(textsOf(wanted))
  return rows
}

function expectSoundVersions(record: CredentialRecord, { time }: CoreWorld): void {
  const isRevoked = record.versions.every(({ state }) => state === 'revoked')
  const currents = record.versions.filter(({ state }) => state === 'current')
  expect(currents).toHaveLength(isRevoked ? 0 : 1)
  expect(acceptedVersions(record, time.ms).length).toBeLessThanOrEqual(2)
}

/** Whether the change is there, told by its records alone. */
async function isThere(world: CoreWorld, scenario: Scenario): Promise<boolean> {
  const { apps } = world.core.authority
  const versions = (id: string) => apps.findCredential(id)?.record.versions ?? []
  const states = (id: string) => versions(id).map(({ state }) => state)
  const family = await regionOf(world).transaction((each) =>
    each.findFamily('family-of-the-client-0'),
  )
  // A version and what rests on it end together.
  const isEnded = states(prepared.client)[0] === 'revoked'
  expect(family?.revokedAtMs !== undefined).toBe(isEnded)
  switch (scenario.action) {
    case 'secret.rotated':
    case 'secret.staged':
      return versions(scenario.target(prepared) ?? '').length === 2
    case 'secret.promoted':
      return states(prepared.staged)[1] === 'current'
    case 'secret.fetched':
      return versions(prepared.waiting)[1]?.delivery?.fetchedAtMs !== undefined
    case 'secret.disabled':
      return states(prepared.overlapping)[0] === 'disabled'
    case 'secret.revoked':
      return isEnded
    case 'credential.created':
      return apps.findByAppKey('further-key') !== undefined
    case 'app.created':
      return [...apps.apps()].some(({ app }) => app.name === NEW_APP_NAME)
    case 'app.deleted':
      return apps.findById('spa') === undefined
    default:
      return world.core.administration.masterKey.currentVersion === 2
  }
}

function rowsOf({ action, target }: Scenario, rows: readonly Row[]): number {
  const id = target(prepared)
  const own = rows.filter(
    (row) => row.action === action && (id === undefined || row.target.id === id),
  )
  // What was there before the change has rows of the same action.
  const names = ['further', NEW_APP_NAME]
  return own.filter(({ target: { name } }) => id !== undefined || names.includes(name ?? '')).length
}

describe.each(SCENARIOS)('$name', (scenario) => {
  test(
    'killed at any step is whole or absent, with its row or without',
    async () => {
      const whole = await run(scenario, NEVER)
      expect(whole.isAcknowledged).toBe(true)
      expect(whole.steps.length).toBeGreaterThan(4)
      const seen = new Set<boolean>()
      for (let killAt = 1; killAt <= whole.steps.length; killAt++) {
        const { steps, isAcknowledged, dataDir } = await run(scenario, killAt)
        const where = steps.at(-1) ?? ''
        const world = await reopen(dataDir)
        try {
          const rows = await expectSound(world, scenario)
          const isDone = await isThere(world, scenario)
          seen.add(isDone)
          if (isAcknowledged) expect(isDone, where).toBe(true)
          if (scenario.action === 'master_key.rotated') await expectResumed(world, isDone)
          else expect(rowsOf(scenario, rows), where).toBe(isDone ? 1 : 0)
        } finally {
          await world.store.close()
        }
      }
      // Some kills came before the commit and some after it.
      expect(seen.size).toBe(2)
    },
    LONG_MS,
  )
})

/** Every value opens under what is left of the key, and the next start seals what is left anew. */
async function expectResumed(world: CoreWorld, isReplaced: boolean): Promise<void> {
  const { masterKeyChanges, authority } = world.core
  for (const { credentials } of authority.apps.apps()) {
    for (const { record, secrets } of credentials) {
      const sealed = record.versions.filter(({ material }) => material.storage === 'sealed')
      expect([...secrets.keys()]).toEqual(sealed.map(({ id }) => id))
    }
  }
  const atStart = keyRows(await soundRows(world))
  // Whoever replaced the key is known, wherever it was cut short.
  if (isReplaced) expect(atStart[0]).toEqual(['master_key.rotation_begun', CALLER.actor.id])
  await masterKeyChanges.finish()
  const told = keyRows(await soundRows(world)).map(([action]) => action)
  if (isReplaced) expect(told.at(-1)).toMatch(/^master_key\.(?:rotated|rewrapped)$/)
  else expect(told).not.toContain('master_key.rotated')
  expect(await masterKeyChanges.status()).toMatchObject({ outdatedCount: 0 })
  const { currentVersion } = world.core.administration.masterKey
  const keys = await world.store.control.transaction((each) => each.listInstallationKeys())
  for (const { sealed } of keys) expect(sealedVersionOf(sealed)).toBe(currentVersion)
}

function keyRows(rows: readonly Row[]) {
  const own = rows.filter(({ action }) => action.startsWith('master_key.'))
  return own.map(({ action, actor }) => [action, actor.id])
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
