/** What a running server does by itself, driven by its clock alone. */
import { expect, test } from 'bun:test'
import { CALLER, openCoreWorld } from '../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../test/support/declared-tenant.ts'
import { Upkeep } from '../core/upkeep.ts'
import { AppLimitBook } from '../credentials/app-limits.ts'
import { createTokenService } from './token-service.ts'
import { upkeepTasks } from './upkeep-tasks.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TOKENS = {
  accessTokenMs: 900_000,
  refreshTokenMs: 7 * DAY_MS,
  refreshFamilyMs: 0,
  refreshLeewayMs: 10_000,
  signingKeyDays: 30,
  signingKeyTailMs: DAY_MS,
}

async function openServing() {
  const world = await openCoreWorld()
  await declareTenant(world)
  const config = { tokens: TOKENS, publicUrl: 'https://lockgate.example' }
  const { signingKeys } = createTokenService(config, world.core, {
    limits: new AppLimitBook([]),
  })
  const more = {
    signingKeys,
    connectionTokens: { sweep: async () => {}, finish: async () => {} },
    checkpointSeconds: 60,
    watching: [],
    webhooks: { tasks: [] },
    mqtt: { tasks: [] },
    messaging: { tasks: [] },
    documents: { tasks: [] },
    guard: { tick: () => {}, finish: () => {} },
  }
  const tasks = upkeepTasks(world.core, world.store, more)
  const clock = { nowMs: () => world.time.ms, monotonicMs: () => world.time.ms }
  const errors: unknown[] = []
  const nothing = () => {}
  const error = (_event: string, cause: unknown) => void errors.push(cause)
  const upkeep = new Upkeep(tasks, {
    clock,
    log: { debug: nothing, info: nothing, warn: nothing, error },
  })
  const wait = async (ms: number) => {
    world.time.ms += ms
    upkeep.tick()
    // `finish` waits for what runs; the tasks that have nothing to do then do nothing.
    await upkeep.finish()
    expect(errors).toEqual([])
  }
  return { ...world, wait }
}

const rowsOf = (credential: { readonly versions: readonly { readonly state: string }[] }) =>
  credential.versions.map(({ state }) => state)

test('a credential that is due gets its next version without being asked for', async () => {
  const { core, wait } = await openServing()
  const made = await core.changes.create(
    {
      tenantId: TENANT_ID,
      appId: 'app',
      kind: 'api_key',
      name: 'backend',
      attributes: {},
      policy: { maxAgeDays: 40, isAutomatic: true },
    },
    CALLER,
  )
  if (!made.ok) throw new Error(made.refusal)
  const states = () =>
    rowsOf(core.authority.findCredential(made.value.credential.id) ?? made.value.credential)
  await wait(39 * DAY_MS)
  expect(states()).toEqual(['current'])
  await wait(DAY_MS)
  expect(states()).toEqual(['current', 'pending'])
})

test('an overlap that is over is written down, and uses and checkpoints reach the store', async () => {
  const { core, store, wait } = await openServing()
  const app = core.authority.apps.findById('app')
  const signing = app?.credentials.find(({ record }) => record.kind === 'signing_secret')?.record
  if (app === undefined || signing === undefined) throw new Error('it is not there')
  const credentialId = signing.id
  const [first] = signing.versions
  const use = { credentialId, versionId: first?.id ?? '', outcome: 'accepted' as const }
  core.recordUse(use, { ip: '192.0.2.9', agent: 'worker', protocol: 'http' }, app.app)
  await core.changes.rotate({ credentialId, overlapMs: HOUR_MS }, CALLER)
  await wait(HOUR_MS)
  const after = core.authority.findCredential(credentialId)
  expect(rowsOf(after ?? signing)).toEqual(['disabled', 'current'])
  const region = store.regions.get('local')
  const uses = await region?.transaction((each) => each.listUses({ credentialId }))
  expect(uses?.map(({ count }) => count)).toEqual([1])
  const checkpoint = await store.control.transaction((each) => each.findCheckpoint(TENANT_ID))
  expect(checkpoint?.tenantId).toBe(TENANT_ID)
})

test('a tenant`s signing key is followed by another one in its time', async () => {
  const { core, wait } = await openServing()
  const keys = () =>
    core.authority.tenants
      .find(TENANT_ID)
      ?.credentials.filter(({ record }) => record.kind === 'tenant_signing_key')
      .flatMap(({ record }) => record.versions)
  expect(keys()).toHaveLength(1)
  await wait(30 * DAY_MS)
  expect(keys()).toHaveLength(2)
})

test('what can concern nothing any more is swept', async () => {
  const { core, wait } = await openServing()
  const place = { tenantId: TENANT_ID, appId: 'app', reason: 'a test' }
  await core.revocations.revoke({ kind: 'user', appId: 'app', userId: 'u' }, place, CALLER)
  expect(core.authority.revocations.size).toBe(1)
  await wait(26 * HOUR_MS)
  expect(core.authority.revocations.size).toBe(0)
})
