import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { CredentialKind } from '../../ports/records/credential.ts'
import { Bearers } from '../bearers.ts'
import type { TermsRequest } from '../engine/terms.ts'
import { DEFAULT_SCOPES } from '../scopes.ts'

const DAY_MS = 86_400_000

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

async function make(kind: CredentialKind, scopes?: readonly string[], value?: string) {
  const attributes = scopes === undefined ? {} : { scopes }
  const owner = { tenantId: TENANT_ID, appId: 'app' }
  const request = { ...owner, kind, name: 'made', attributes, value }
  const made = await world.core.changes.create(request, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  return { id: made.value.credential.id, value: made.value.value ?? '' }
}

const update = (credentialId: string, terms: TermsRequest) =>
  world.core.changes.update({ credentialId, reason: 'tested', ...terms }, CALLER)

const ACCOUNT = 'an-account-of-somebody-else'

describe('scopes of an API key', () => {
  async function rulesOf(value: string) {
    const { check, authority, recordUse, recordDenial } = world.core
    const clock = world.core.administration.clock
    const bearers = new Bearers({
      apps: authority.apps,
      check,
      clock,
      recordUse,
      recordDenial,
      doors: [],
    })
    const identity = await bearers.authenticate(value, CALLER.source)
    if (!identity.ok) throw new Error(identity.refusal)
    return identity.value.permissions.rules
  }

  test('that are narrowed hold from the next call on, and widen again', async () => {
    const { id, value } = await make('api_key')
    expect(await rulesOf(value)).toHaveLength(DEFAULT_SCOPES.length)
    await update(id, { scopes: ['publish:news'] })
    expect(await rulesOf(value)).toEqual([{ pattern: 'news', actions: ['publish'] }])
    await update(id, { scopes: [] })
    expect(await rulesOf(value)).toEqual([])
    await update(id, { scopes: null })
    expect(await rulesOf(value)).toHaveLength(DEFAULT_SCOPES.length)
  })

  test('belong to API keys only', async () => {
    const { id } = await make('jwt_secret')
    expect(await update(id, { scopes: [] })).toMatchObject({ refusal: 'input_invalid' })
  })
})

describe('a policy', () => {
  test('that is stricter than the configuration is kept, and used by the next rotation', async () => {
    const { id } = await make('webhook_secret')
    const policy = { overlapDefaultMs: 5_000, overlapMaxMs: DAY_MS, maxAgeDays: 7 }
    expect(await update(id, { policy })).toMatchObject({
      ok: true,
      value: { policy: { ...policy, isAutomatic: false } },
    })
    const rotated = await world.core.changes.rotate({ credentialId: id }, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    const [old] = rotated.value.credential.versions
    expect(old?.acceptUntilMs).toBe(world.time.ms + 5_000)
    const long = { credentialId: id, overlapMs: 2 * DAY_MS, isForced: true }
    const refused = await world.core.changes.rotate(long, CALLER)
    expect(refused).toMatchObject({ refusal: 'overlap_too_long' })
  })

  test.each([
    ['a longer overlap', { overlapMaxMs: 31 * DAY_MS }],
    ['a default beyond the longest', { overlapMaxMs: 1_000, overlapDefaultMs: 2_000 }],
    ['a greater age', { maxAgeDays: 91 }],
    ['no greatest age', { maxAgeDays: null }],
  ])('with %s than the configuration allows is refused and changes nothing', async (_, policy) => {
    const { id } = await make('webhook_secret')
    const before = world.core.authority.findCredential(id)
    expect(await update(id, { policy, name: 'x' })).toMatchObject({ refusal: 'policy_denied' })
    expect(world.core.authority.findCredential(id)).toEqual(before as never)
  })

  test('makes nothing automatic that is made elsewhere, and lets it be as old as it is', async () => {
    const { id } = await make('provider_credential', undefined, ACCOUNT)
    const automatic = await update(id, { policy: { isAutomatic: true } })
    expect(automatic).toMatchObject({ refusal: 'policy_denied' })
    expect(await update(id, { policy: { maxAgeDays: null } })).toMatchObject({ ok: true })
  })

  test("of a signing key of a tenant is the configuration's alone", async () => {
    const [tenant] = world.core.authority.tenants.tenants()
    const key = tenant?.credentials.find(({ record }) => record.kind === 'tenant_signing_key')
    const denied = await update(key?.record.id ?? '', { policy: { isAutomatic: false } })
    expect(denied).toMatchObject({ refusal: 'policy_denied' })
  })

  test('that changes is audited with what it was and is; what stays is not repeated', async () => {
    const { id } = await make('api_key')
    await update(id, { name: 'renamed', policy: { maxAgeDays: 7 } })
    const page = { tenantId: TENANT_ID, afterSeq: 0, countMax: 200 }
    const region = world.store.regions.get('local')
    const rows = (await region?.transaction((each) => each.listAudit(page))) ?? []
    const row = JSON.parse(rows.at(-1)?.entry ?? '{}')
    expect(row).toMatchObject({
      action: 'policy.changed',
      reason: 'tested',
      before: { name: 'made', policy: { maxAgeDays: 90 } },
      after: { name: 'renamed', policy: { maxAgeDays: 7 } },
    })
    expect(row.after).not.toHaveProperty('scopes')
    expect(row.after).not.toHaveProperty('ruleSet')
  })

  test('of an MQTT user names the rule set that was and is', async () => {
    const { id } = await make('mqtt_user')
    await update(id, { ruleSet: 'sensors' })
    await update(id, { ruleSet: null })
    const page = { tenantId: TENANT_ID, afterSeq: 0, countMax: 200 }
    const region = world.store.regions.get('local')
    const rows = (await region?.transaction((each) => each.listAudit(page))) ?? []
    const changes = rows.slice(-2).map(({ entry }) => JSON.parse(entry))
    expect(changes.map(({ before, after }) => [before.ruleSet, after.ruleSet])).toEqual([
      [null, 'sensors'],
      ['sensors', null],
    ])
  })
})

test('a change of nothing and one of nobody are refused', async () => {
  const { id } = await make('api_key')
  expect(await update(id, {})).toMatchObject({ refusal: 'input_invalid' })
  expect(await update('cred_none', { name: 'x' })).toMatchObject({ refusal: 'not_found' })
})
