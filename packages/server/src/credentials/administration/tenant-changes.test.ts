import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'

let world: AdministrationWorld
beforeEach(async () => {
  world = await AdministrationWorld.open()
})

const ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

async function withApp(tenantId: string) {
  const request = { tenantId, name: 'chat', plan: 'unlimited', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...request, type: 'confidential' }, CALLER))
  return made.loaded.app.id
}

describe('a tenant that is made', () => {
  test('is active, has a key to sign tokens with, and says so in its log', async () => {
    const tenant = await world.done(world.tenants.create({ name: 'Acme' }, CALLER))
    expect(tenant).toMatchObject({ name: 'Acme', state: 'active', signingAlgorithm: 'ES256' })
    expect(tenant.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(tenant.shortId).toMatch(/^org_[a-z2-9]{12}$/)
    const loaded = world.core.authority.tenants.find(tenant.id)
    expect(loaded?.credentials.map(({ record }) => record.kind)).toEqual(['tenant_signing_key'])
    const actions = await world.actions(tenant.id, 'control')
    expect(actions).toEqual(['tenant.created', 'credential.created'])
  })

  test('takes what it is given', async () => {
    const given = { id: ID.toUpperCase(), shortId: 'org_k7xm4pqr2n5t', name: 'Acme' }
    const more = { signingAlgorithm: 'RS256', state: 'pending' } as const
    const tenant = await world.done(world.tenants.create({ ...given, ...more }, CALLER))
    expect(tenant).toMatchObject({ ...given, ...more, id: ID })
  })

  test.each([
    ['id', { id: ID, shortId: 'org_zzzzzzzzzzzz' }],
    ['shortId', { shortId: 'org_k7xm4pqr2n5t' }],
  ])('is refused where its %s is taken, and leaves nothing', async (_, second) => {
    const first = { id: ID, shortId: 'org_k7xm4pqr2n5t', name: 'Acme' }
    await world.done(world.tenants.create(first, CALLER))
    const before = await world.everything()
    const refused = await world.tenants.create({ name: 'Other', ...second }, CALLER)
    expect(refused).toMatchObject({ ok: false, refusal: 'id_taken' })
    expect(await world.everything()).toEqual(before)
  })
})

test('an app works only while its tenant is active', async () => {
  const created = world.tenants.create({ name: 'Acme', state: 'pending' }, CALLER)
  const { id: tenantId } = await world.done(created)
  const appId = await withApp(tenantId)
  expect(world.admitted(appId)).toBe('tenant_inactive')
  await world.done(world.tenants.activate({ tenantId }, CALLER))
  expect(world.admitted(appId)).toBe('admitted')
  const { receipt } = await world.done(
    world.tenants.suspend({ tenantId, reason: 'unpaid' }, CALLER),
  )
  expect(receipt.nodes.length).toBe(1)
  expect(world.admitted(appId)).toBe('tenant_inactive')
  await world.done(world.tenants.activate({ tenantId }, CALLER))
  expect(world.admitted(appId)).toBe('admitted')
  expect((await world.actions(tenantId, 'control')).slice(-3)).toEqual([
    'tenant.activated',
    'tenant.suspended',
    'tenant.activated',
  ])
})

test('an update changes what is named and keeps the rest', async () => {
  const tenantId = await world.tenant()
  const renamed = await world.done(world.tenants.update({ tenantId, name: 'New' }, CALLER))
  expect(renamed).toMatchObject({ name: 'New', signingAlgorithm: 'ES256', state: 'active' })
  const signingAlgorithm = 'RS256' as const
  const changed = await world.done(world.tenants.update({ tenantId, signingAlgorithm }, CALLER))
  expect(changed).toMatchObject({ name: 'New', signingAlgorithm })
  expect(world.core.authority.tenants.find(tenantId)?.tenant).toEqual(changed)
})

test('what is not there is not found', async () => {
  const missing = { ok: false, refusal: 'not_found' }
  expect(await world.tenants.update({ tenantId: ID, name: 'x' }, CALLER)).toMatchObject(missing)
  expect(await world.tenants.activate({ tenantId: ID }, CALLER)).toMatchObject(missing)
  const suspended = world.tenants.suspend({ tenantId: ID, reason: 'x' }, CALLER)
  expect(await suspended).toMatchObject(missing)
})
