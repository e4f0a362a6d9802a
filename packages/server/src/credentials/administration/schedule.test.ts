import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { CredentialKind, CredentialRecord } from '../../ports/records/credential.ts'
import { SCHEDULED_WAIT_MS } from './schedule.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MAX_AGE_DAYS = 40
const DUE_MS = MAX_AGE_DAYS * DAY_MS

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

async function make(kind: CredentialKind, isAutomatic = true) {
  const owner = { tenantId: TENANT_ID, appId: 'app' }
  const policy = { maxAgeDays: MAX_AGE_DAYS, isAutomatic }
  const request = { ...owner, kind, name: 'made', attributes: {}, policy }
  const made = await world.core.changes.create(request, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  return { id: made.value.credential.id, value: made.value.value ?? '' }
}

async function waitAndRun(ms: number): Promise<void> {
  world.time.ms += ms
  await world.core.deadlines.check()
  await world.core.schedule.run()
}

function record(id: string): CredentialRecord {
  const found = world.core.authority.findCredential(id)
  if (found === undefined) throw new Error('it is not there')
  return found
}

const states = (id: string) => record(id).versions.map(({ state }) => state)
const lastVersion = (id: string) => record(id).versions.at(-1)?.id ?? ''

const fetchLast = (id: string) =>
  world.core.deliveries.fetch({ credentialId: id, versionId: lastVersion(id) }, CALLER)

function use(id: string, versionId = lastVersion(id)): void {
  const { app } = world.core.authority.apps.findById('app') ?? {}
  if (app === undefined) throw new Error('no app')
  const used = { credentialId: id, versionId, outcome: 'accepted' as const }
  world.core.recordUse(used, { ip: '192.0.2.9', agent: 'consumer', protocol: 'http' }, app)
}

async function actionsOf(id: string): Promise<string[]> {
  const region = world.store.regions.get('local')
  const page = { tenantId: TENANT_ID, afterSeq: 0, countMax: 200 }
  const rows = (await region?.transaction((each) => each.listAudit(page))) ?? []
  const entries = rows.map(({ entry }) => JSON.parse(entry))
  return entries.filter(({ target }) => target.id === id).map(({ action }) => action)
}

describe.each(['client_secret', 'signing_secret', 'api_key'] as const)('a due %s', (kind) => {
  test('gets a version that waits, and takes over once it was fetched and used', async () => {
    const { id, value: oldValue } = await make(kind)
    await waitAndRun(DUE_MS - 1)
    expect(states(id)).toEqual(['current'])
    await waitAndRun(1)
    expect(states(id)).toEqual(['current', 'pending'])
    const fetched = await fetchLast(id)
    if (!fetched.ok) throw new Error(fetched.refusal)
    expect(fetched.value.value).not.toBe(oldValue)
    const { check } = world.core
    const match = check.match(fetched.value.value ?? '', record(id).versions, world.time.ms)
    expect(match).toMatchObject({ outcome: 'accepted', version: { id: lastVersion(id) } })
    // Fetched is not in use: whoever deploys it takes as long as it takes.
    await waitAndRun(30 * DAY_MS)
    expect(states(id)).toEqual(['current', 'pending'])
    use(id)
    await waitAndRun(0)
    expect(states(id)).toEqual(['previous', 'current'])
    expect(record(id).versions[0]?.acceptUntilMs).toBe(world.time.ms + DAY_MS)
    await waitAndRun(DAY_MS)
    expect(states(id)).toEqual(['disabled', 'current'])
    await waitAndRun(7 * DAY_MS)
    expect(states(id)).toEqual(['removed', 'current'])
    expect(record(id).versions[0]?.material).toEqual({ storage: 'erased' })
  })
})

test('a version that nobody fetched never takes over: it is given up, and another one waits', async () => {
  const { id } = await make('api_key')
  await waitAndRun(DUE_MS)
  const first = lastVersion(id)
  const promoted = await world.core.changes.promote({ credentialId: id }, CALLER)
  expect(promoted).toMatchObject({ ok: false, refusal: 'invalid_transition' })
  await waitAndRun(SCHEDULED_WAIT_MS - 1)
  expect(lastVersion(id)).toBe(first)
  await waitAndRun(1)
  expect(states(id)).toEqual(['current', 'discarded', 'pending'])
  const [, given] = record(id).versions
  expect(given).toMatchObject({ material: { storage: 'erased' }, delivery: {} })
  expect(given?.delivery?.sealed).toBeUndefined()
  const late = { credentialId: id, versionId: first }
  expect(await world.core.deliveries.fetch(late, CALLER)).toMatchObject({
    refusal: 'fetch_expired',
  })
})

test('a stopped schedule lengthens no life, and the wait ends when it is read', async () => {
  const { id } = await make('client_secret')
  await waitAndRun(DUE_MS)
  world.time.ms += SCHEDULED_WAIT_MS
  expect(await fetchLast(id)).toMatchObject({ refusal: 'fetch_expired' })
})

test('a webhook secret waits for a person to promote it: nothing sees who verifies with it', async () => {
  const { id } = await make('webhook_secret')
  await waitAndRun(DUE_MS)
  const fetched = await fetchLast(id)
  expect(fetched).toMatchObject({ ok: true, value: { value: expect.stringMatching(/^whsec_/) } })
  await waitAndRun(30 * DAY_MS)
  expect(states(id)).toEqual(['current', 'pending'])
  await world.core.changes.promote({ credentialId: id }, CALLER)
  expect(states(id)).toEqual(['previous', 'current'])
})

test('what does not rotate by itself is only told of, each time once', async () => {
  const { id } = await make('api_key', false)
  for (const days of [9, 1, 16, 1, 6, 6, 1, 1, 1]) {
    for (let round = 0; round < 2; round++) await waitAndRun(round === 0 ? days * DAY_MS : 0)
  }
  expect(states(id)).toEqual(['current'])
  // 30, 14, 7 and 1 days before, on the day, and the day after.
  expect(await actionsOf(id)).toEqual([
    'credential.created',
    ...Array.from({ length: 5 }, () => 'rotation.due'),
    'rotation.overdue',
  ])
})

test('the end of an overlap and of a life is told before it comes, with whether it is in use', async () => {
  const { id } = await make('api_key', false)
  use(id)
  await world.core.changes.rotate({ credentialId: id, overlapMs: 4 * DAY_MS }, CALLER)
  await waitAndRun(HOUR_MS)
  expect(await actionsOf(id)).not.toContain('secret.expiring')
  for (const hours of [23, 48, 23]) await waitAndRun(hours * HOUR_MS)
  const expiring = (await actionsOf(id)).filter((action) => action === 'secret.expiring')
  expect(expiring).toHaveLength(3)
})

test('an overlap that was short from the start is not told to be ending at once', async () => {
  const { id } = await make('api_key', false)
  await world.core.changes.rotate({ credentialId: id, overlapMs: HOUR_MS }, CALLER)
  await waitAndRun(1)
  expect(await actionsOf(id)).not.toContain('secret.expiring')
})

describe('a disabled version', () => {
  test('can be enabled until it is removed, and never after', async () => {
    const { id } = await make('api_key', false)
    const versionId = lastVersion(id)
    await world.core.changes.rotate({ credentialId: id, overlapMs: 20 * DAY_MS }, CALLER)
    const change = { credentialId: id, versionId, isForced: true, reason: 'tested' }
    await world.core.changes.disable(change, CALLER)
    await waitAndRun(7 * DAY_MS - 1)
    expect(await world.core.changes.enable(change, CALLER)).toMatchObject({ ok: true })
    await world.core.changes.disable(change, CALLER)
    await waitAndRun(7 * DAY_MS)
    expect(states(id)).toEqual(['removed', 'current'])
    const enabled = await world.core.changes.enable(change, CALLER)
    expect(enabled).toMatchObject({ refusal: 'invalid_transition' })
    expect(await actionsOf(id)).toContain('secret.removed')
  })

  test('of the configuration is kept, so that the next start does not bring it back', async () => {
    const [declared] = [...(world.core.authority.apps.findById('app')?.credentials ?? [])]
    const id = declared?.record.id ?? ''
    await world.core.changes.rotate({ credentialId: id, overlapMs: HOUR_MS }, CALLER)
    await waitAndRun(HOUR_MS)
    await waitAndRun(30 * DAY_MS)
    expect(states(id)).toEqual(['disabled', 'current'])
    await declareTenant(world)
    expect(states(id)).toEqual(['disabled', 'current'])
  })
})

test('an operator key follows the same schedule', async () => {
  const made = await world.core.changes.create(
    {
      tenantId: undefined,
      appId: undefined,
      kind: 'operator_key',
      name: 'robot',
      attributes: { role: 'viewer' },
      policy: { maxAgeDays: MAX_AGE_DAYS, isAutomatic: true },
    },
    CALLER,
  )
  if (!made.ok) throw new Error(made.refusal)
  const { id } = made.value.credential
  await waitAndRun(DUE_MS)
  expect(states(id)).toEqual(['current', 'pending'])
  expect(await fetchLast(id)).toMatchObject({ value: { value: expect.stringMatching(/^op_/) } })
})

test('one credential that fails keeps no other from its turn', async () => {
  const broken = await make('api_key')
  const sound = await make('api_key')
  const { changes } = world.core
  const stage = changes.stage.bind(changes)
  changes.stage = (request, caller) => {
    if (request.credentialId === broken.id) return Promise.reject(new Error('broken'))
    return stage(request, caller)
  }
  world.time.ms += DUE_MS
  const failure: unknown = await world.core.schedule.run().catch((error: unknown) => error)
  expect(failure).toEqual(new Error('broken'))
  expect(states(sound.id)).toEqual(['current', 'pending'])
})
