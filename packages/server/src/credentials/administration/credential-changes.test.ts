import { beforeEach, describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import { applyDeclarations } from '../declaration/declare.ts'
import { acceptedVersions } from '../engine/reading.ts'
import type { NewCredential } from './issued.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const HOUR_MS = 3_600_000
const LIMITS = { maxConnections: 9, maxDocuments: 9, maxUsersPerDoc: 9, opsPerMinute: 9 }

function appOf(id: string, type: 'confidential' | 'public' = 'confidential') {
  return {
    id,
    name: id,
    type,
    region: 'local',
    plan: 'unlimited',
    clientId: `client-${id}`,
    clientSecret: undefined,
    signingKeys: [{ key: `key-${id}`, secret: `secret-${id}` }],
    apiKeys: [],
    jwtSecrets: [],
    allowedDomains: [],
    settings: SETTINGS,
  }
}

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  const { administration, revocations } = world.core
  const tenant = {
    id: TENANT,
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
    signingAlgorithm: 'ES256' as const,
    plans: [],
    apps: [appOf('app'), appOf('spa', 'public')],
  }
  const plans = [
    { name: 'unlimited', limits: LIMITS, isOnePerTenant: false, isOpenToTenants: false },
  ]
  const declarations = { plans, tenants: [tenant], operatorKeys: [] }
  const applied = await applyDeclarations(declarations, { administration, revocations })
  expect(applied).toMatchObject({ ok: true })
})

function newCredential(changes: Partial<NewCredential> = {}): NewCredential {
  return {
    tenantId: TENANT,
    appId: 'app',
    kind: 'client_secret',
    name: 'backend',
    attributes: {},
    ...changes,
  }
}

async function issue(changes: Partial<NewCredential> = {}) {
  const made = await world.core.changes.create(newCredential(changes), CALLER)
  if (!made.ok) throw new Error(made.refusal)
  return made.value
}

async function rotate(credentialId: string, overlapMs?: number) {
  const rotated = await world.core.changes.rotate({ credentialId, overlapMs }, CALLER)
  if (!rotated.ok) throw new Error(rotated.refusal)
  return rotated.value
}

const region = () => {
  const found = world.store.regions.get('local')
  if (found === undefined) throw new Error('no region')
  return found
}

const stored = (id: string) => region().transaction((each) => each.findCredential(id))

const auditOf = async () => {
  const page = { tenantId: TENANT, afterSeq: 0, countMax: 200 }
  const rows = await region().transaction((each) => each.listAudit(page))
  return rows.map(({ entry }) => JSON.parse(entry))
}

const statesOf = (record: CredentialRecord | undefined) =>
  record?.versions.map(({ state }) => state)

function familyOf(versionId: string): RefreshFamilyRecord {
  return {
    id: `family-${versionId}`,
    tenantId: TENANT,
    appId: 'app',
    clientId: 'client-app',
    versionId,
    scope: 'WireSocket.API',
    generation: 1,
    rotatedAtMs: world.time.ms,
    expiresAtMs: world.time.ms + HOUR_MS,
    endsAtMs: undefined,
    revokedAtMs: undefined,
    createdAtMs: world.time.ms,
  }
}

describe('a credential', () => {
  test('is given out once; the store holds nothing that discloses it', async () => {
    const { credential, value } = await issue({ kind: 'api_key', attributes: { prefix: 'sk' } })
    expect(value).toMatch(/^sk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
    const text = JSON.stringify([await stored(credential.id), await auditOf()])
    expect(text).not.toContain(value ?? '')
    expect(text).not.toContain((value ?? '').split('_')[2] ?? '')
    expect((await auditOf()).at(-1)).toMatchObject({
      action: 'credential.created',
      actor: CALLER.actor,
      source: CALLER.source,
      outcome: 'success',
    })
  })

  test('that would be a secret of a public app is refused', async () => {
    const made = await world.core.changes.create(newCredential({ appId: 'spa' }), CALLER)
    expect(made).toMatchObject({ ok: false, refusal: 'public_client' })
  })

  test('of a weak, reused or forbidden value of one`s own is refused', async () => {
    const create = (changes: Partial<NewCredential>) =>
      world.core.changes.create(newCredential(changes), CALLER)
    const strong = 'Kq7-vT2_bN9xLw4ZrY8sPd3JfHc6mGe1UaXo0iBt5QE'
    expect(await create({ value: 'password' })).toMatchObject({ refusal: 'weak_secret' })
    expect(await create({ value: strong })).toMatchObject({ ok: true })
    expect(await create({ value: strong })).toMatchObject({ refusal: 'weak_secret' })
    const key = { kind: 'api_key' as const, value: strong }
    expect(await create(key)).toMatchObject({ refusal: 'custom_value_denied' })
  })

  test('of an app that is not there is not found', async () => {
    const made = await world.core.changes.create(newCredential({ appId: 'none' }), CALLER)
    expect(made).toMatchObject({ refusal: 'not_found' })
    const rotated = await world.core.changes.rotate({ credentialId: 'cred_none' }, CALLER)
    expect(rotated).toMatchObject({ refusal: 'not_found' })
  })
})

describe('a rotation', () => {
  test('with an overlap keeps both values, then only the new one, without any sweeper', async () => {
    const first = await issue()
    const second = await rotate(first.credential.id, HOUR_MS)
    const record = second.credential
    const accepted = (nowMs: number) => acceptedVersions(record, nowMs).map(({ id }) => id)
    expect(accepted(world.time.ms + HOUR_MS - 1)).toEqual([first.versionId, second.versionId])
    expect(accepted(world.time.ms + HOUR_MS)).toEqual([second.versionId])
    expect(second.receipt?.closedCount).toBe(0)
  })

  test('without one ends the old version and its refresh families at once', async () => {
    const first = await issue()
    await region().startFamily(familyOf(first.versionId))
    const second = await rotate(first.credential.id, 0)
    expect(statesOf(second.credential)).toEqual(['revoked', 'current'])
    expect(second.receipt?.familyCount).toBe(1)
    const family = await region().transaction((each) =>
      each.findFamily(`family-${first.versionId}`),
    )
    expect(family?.revokedAtMs).toBe(world.time.ms)
    // Access tokens that were issued live on until they expire.
    expect(world.core.authority.revocations.size).toBe(0)
  })

  test('that another one overtook is refused: no value is given out that is dead already', async () => {
    const { credential } = await issue()
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        world.core.changes.rotate({ credentialId: credential.id, overlapMs: 0 }, CALLER),
      ),
    )
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    const refusals = outcomes.flatMap((each) => (each.ok ? [] : [each.refusal]))
    expect(new Set(refusals)).toEqual(new Set(['changed_meanwhile']))
    const record = await stored(credential.id)
    expect(statesOf(record)?.filter((state) => state === 'current')).toHaveLength(1)
  })

  test('beyond two accepted versions is refused, unless forced', async () => {
    const { credential } = await issue()
    await rotate(credential.id, HOUR_MS)
    const request = { credentialId: credential.id, overlapMs: HOUR_MS }
    const third = await world.core.changes.rotate(request, CALLER)
    expect(third).toMatchObject({ refusal: 'too_many_active_secrets' })
    const forced = await world.core.changes.rotate({ ...request, isForced: true }, CALLER)
    expect(forced).toMatchObject({ ok: true })
    expect(statesOf(await stored(credential.id))).toEqual(['revoked', 'previous', 'current'])
  })

  test('longer than the policy allows is refused, not clipped', async () => {
    const { credential } = await issue()
    const request = { credentialId: credential.id, overlapMs: 31 * 24 * HOUR_MS }
    expect(await world.core.changes.rotate(request, CALLER)).toMatchObject({
      refusal: 'overlap_too_long',
    })
  })

  test('in steps can be tried, promoted, rolled back and given up', async () => {
    const { changes } = world.core
    const { credential } = await issue()
    const credentialId = credential.id
    expect(await changes.stage({ credentialId }, CALLER)).toMatchObject({ ok: true })
    expect(statesOf(await stored(credentialId))).toEqual(['current', 'pending'])
    await changes.promote({ credentialId, overlapMs: HOUR_MS }, CALLER)
    expect(statesOf(await stored(credentialId))).toEqual(['previous', 'current'])
    await changes.rollback({ credentialId }, CALLER)
    expect(statesOf(await stored(credentialId))).toEqual(['current', 'previous'])
    const actions = (await auditOf()).map(({ action }) => action)
    expect(actions.slice(-3)).toEqual(['secret.staged', 'secret.promoted', 'secret.rolled_back'])
  })
})

describe('the end of a version', () => {
  const use = (credentialId: string, versionId: string) => {
    const app = world.core.authority.apps.findById('app')?.app
    if (app === undefined) throw new Error('no app')
    const source = { ip: '198.51.100.4', agent: 'old-worker/1', protocol: 'oauth' }
    world.core.recordUse({ credentialId, versionId, outcome: 'accepted' }, source, app)
  }

  test('is refused while somebody uses it, who is named, and allowed with force and a reason', async () => {
    const first = await issue()
    const credentialId = first.credential.id
    await rotate(credentialId, HOUR_MS)
    use(credentialId, first.versionId)
    const request = { credentialId, versionId: first.versionId }
    const { changes } = world.core
    const refused = await changes.disable(request, CALLER)
    expect(refused).toMatchObject({ refusal: 'still_in_use' })
    expect(!refused.ok && refused.detail).toContain('198.51.100.4 (old-worker/1)')
    await world.core.uses.flush()
    expect(await changes.disable(request, CALLER)).toMatchObject({ refusal: 'still_in_use' })
    const forced = { ...request, isForced: true }
    expect(await changes.disable(forced, CALLER)).toMatchObject({ refusal: 'reason_missing' })
    const reasoned = { ...forced, reason: 'the worker is gone' }
    expect(await changes.disable(reasoned, CALLER)).toMatchObject({ ok: true })
    expect((await auditOf()).at(-1)).toMatchObject({ reason: 'the worker is gone' })
  })

  test('is undone before the value is removed, and not afterwards', async () => {
    const first = await issue()
    const credentialId = first.credential.id
    await rotate(credentialId, HOUR_MS)
    const request = { credentialId, versionId: first.versionId }
    const { changes } = world.core
    await changes.disable(request, CALLER)
    expect(await changes.enable(request, CALLER)).toMatchObject({ ok: true })
    await changes.disable(request, CALLER)
    await changes.remove(request, CALLER)
    expect(await changes.enable(request, CALLER)).toMatchObject({ refusal: 'invalid_transition' })
    const [removed] = (await stored(credentialId))?.versions ?? []
    expect(removed?.material).toEqual({ storage: 'erased' })
  })

  test('in an emergency also ends families and what was issued', async () => {
    const first = await issue()
    await region().startFamily(familyOf(first.versionId))
    const revoked = await world.core.changes.revoke(
      { credentialId: first.credential.id, reason: 'leaked' },
      CALLER,
    )
    expect(revoked).toMatchObject({ ok: true, value: { receipt: { familyCount: 1 } } })
    const { revocations } = world.core.authority
    const reliance = `version:${first.versionId}` as Parameters<typeof revocations.isRevoked>[0][0]
    expect(revocations.isRevoked([reliance], world.time.ms)).toBe(true)
    expect(revocations.isRevoked([reliance], world.time.ms + 1)).toBe(false)
    const records = await region().transaction((each) => each.listRevocations(world.time.ms))
    expect(records.map(({ reliance: text }) => text)).toEqual([reliance])
  })

  test('in an emergency also reaches what a regenerated secret had bought before', async () => {
    const first = await issue()
    await rotate(first.credential.id, 0)
    const { revocations } = world.core.authority
    expect(revocations.size).toBe(0)
    const request = { credentialId: first.credential.id, versionId: first.versionId }
    const revoked = await world.core.changes.revoke({ ...request, reason: 'leaked' }, CALLER)
    expect(revoked).toMatchObject({ ok: true })
    const reliance = `version:${first.versionId}` as Parameters<typeof revocations.isRevoked>[0][0]
    expect(revocations.isRevoked([reliance], world.time.ms)).toBe(true)
    expect(statesOf(await stored(first.credential.id))).toEqual(['revoked', 'current'])
  })

  test('by time, while nothing ran, is written down at the next start', async () => {
    const first = await issue()
    await rotate(first.credential.id, HOUR_MS)
    const next = await openCoreWorld({ store: world.store, keyText: world.keyText() })
    next.time.ms += HOUR_MS
    await next.core.deadlines.start()
    expect(statesOf(await stored(first.credential.id))).toEqual(['disabled', 'current'])
  })

  test('by time is written down once it has come, so that no clock set back undoes it', async () => {
    const first = await issue()
    await rotate(first.credential.id, HOUR_MS)
    await world.core.deadlines.start()
    await world.core.deadlines.check()
    expect(statesOf(await stored(first.credential.id))).toEqual(['previous', 'current'])
    world.time.ms += HOUR_MS
    await world.core.deadlines.check()
    expect(statesOf(await stored(first.credential.id))).toEqual(['disabled', 'current'])
    world.time.ms -= HOUR_MS
    const record = world.core.authority.findCredential(first.credential.id)
    expect(acceptedVersions(record ?? { versions: [] }, world.time.ms)).toHaveLength(1)
  })
})

describe('the master key', () => {
  test('rotates under everything that is sealed, and the next start opens with the new one', async () => {
    const { masterKeyChanges } = world.core
    expect(await masterKeyChanges.status()).toMatchObject({ currentVersion: 1, outdatedCount: 0 })
    const rotated = await masterKeyChanges.rotate(CALLER)
    expect(rotated).toMatchObject({ ok: true, value: { currentVersion: 2, outdatedCount: 0 } })
    const next = await openCoreWorld({ store: world.store, keyText: world.keyText() })
    const entry = next.core.authority.apps.findByAppKey('key-app')
    const secrets = [...(entry?.credential.secrets.values() ?? [])]
    expect(secrets.map((each) => Buffer.from(each).toString())).toEqual(['secret-app'])
  })

  test('that lost its newest version opens nothing, and says what to put back', async () => {
    const before = world.keyText()
    await world.core.masterKeyChanges.rotate(CALLER)
    const start = openCoreWorld({ store: world.store, keyText: before })
    expect(await start.then(() => 'started', String)).toContain('master key')
  })
})
