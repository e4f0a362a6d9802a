import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { CredentialKind } from '../../ports/records/credential.ts'
import { readReportLine } from './credential-report.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

async function make(kind: CredentialKind = 'api_key') {
  const owner = { tenantId: TENANT_ID, appId: 'app' }
  const made = await world.core.changes.create(
    { ...owner, kind, name: 'x', attributes: {} },
    CALLER,
  )
  if (!made.ok) throw new Error(made.refusal)
  return { credentialId: made.value.credential.id, versionId: made.value.versionId }
}

function line(credentialId: string) {
  const record = world.core.authority.findCredential(credentialId)
  if (record === undefined) throw new Error('it is not there')
  return readReportLine(record, world.core.useReport)
}

function use(of: { readonly credentialId: string; readonly versionId: string }): void {
  const { app } = world.core.authority.apps.findById('app') ?? {}
  if (app !== undefined) world.core.recordUse({ ...of, outcome: 'accepted' }, CALLER.source, app)
}

describe('the report', () => {
  test('tells a new secret that nobody has used yet', async () => {
    const { credentialId } = await make()
    world.time.ms += 5 * DAY_MS
    expect(await line(credentialId)).toMatchObject({
      ageDays: 5,
      due: { state: 'ok' },
      isNeverUsed: true,
      isUnused90Days: false,
      endedCount: 0,
      isWaiting: false,
    })
  })

  test('tells use, and 90 days without any', async () => {
    const made = await make()
    use(made)
    const usedAtMs = world.time.ms
    world.time.ms += 90 * DAY_MS - 1
    expect(await line(made.credentialId)).toMatchObject({
      isNeverUsed: false,
      isUnused90Days: false,
    })
    world.time.ms += 1
    expect(await line(made.credentialId)).toMatchObject({
      isUnused90Days: true,
      lastUsedAtMs: usedAtMs,
      due: { state: 'due' },
    })
  })

  test('says nothing of use where the server never sees any', async () => {
    const { credentialId } = await make('webhook_secret')
    const { isNeverUsed, isUnused90Days } = await line(credentialId)
    expect([isNeverUsed, isUnused90Days]).toEqual([undefined, undefined])
  })

  test('tells an open overlap, and later that its version is not removed yet', async () => {
    const { credentialId } = await make()
    world.time.ms += DAY_MS
    await world.core.changes.rotate({ credentialId, overlapMs: HOUR_MS }, CALLER)
    expect(await line(credentialId)).toMatchObject({
      ageDays: 0,
      overlapUntilMs: world.time.ms + HOUR_MS,
      lastRotatedAtMs: world.time.ms,
      endedCount: 0,
    })
    world.time.ms += HOUR_MS
    const ended = await line(credentialId)
    expect(ended).toMatchObject({ endedCount: 1 })
    expect(ended.overlapUntilMs).toBeUndefined()
  })

  test('tells a revoked secret by having no current version', async () => {
    const { credentialId } = await make()
    await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    const { current, ageDays, due } = await line(credentialId)
    expect([current, ageDays, due.state]).toEqual([undefined, undefined, 'none'])
  })
})

describe('the figures', () => {
  const figure = (name: string) =>
    world.core.figures
      .metrics()
      .plain.find((each) => each.name === `lockgate_${name}`)
      ?.read()
  const oldUses = () => new Map(world.core.figures.metrics().labelled[0]?.read() ?? [])

  test('follow age, overlaps and what is overdue', async () => {
    const { credentialId } = await make()
    expect(figure('credential_oldest_accepted_age_seconds')).toBe(0)
    await world.core.changes.rotate({ credentialId, overlapMs: HOUR_MS }, CALLER)
    expect([figure('credential_overlaps_open'), figure('credentials_overdue')]).toEqual([1, 0])
    world.time.ms += 91 * DAY_MS
    expect(figure('credential_overlaps_open')).toBe(0)
    expect(figure('credential_oldest_accepted_age_seconds')).toBe((91 * DAY_MS) / 1_000)
    expect(figure('credentials_overdue')).toBeGreaterThan(0)
  })

  test('count uses of old versions once the store has them, and those of current ones never', async () => {
    const made = await make()
    use(made)
    await world.core.uses.flush()
    expect(oldUses()).toEqual(new Map())
    await world.core.changes.rotate({ ...made, overlapMs: HOUR_MS }, CALLER)
    for (let count = 0; count < 3; count++) use(made)
    expect(oldUses()).toEqual(new Map())
    await world.core.uses.flush()
    expect(oldUses()).toEqual(new Map([['previous', 3]]))
    const { app } = world.core.authority.apps.findById('app') ?? {}
    if (app === undefined) throw new Error('no app')
    world.core.recordUse({ ...made, outcome: 'revoked' }, CALLER.source, app)
    await world.core.uses.flush()
    expect(oldUses().get('revoked')).toBe(1)
  })
})
