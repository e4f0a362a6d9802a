import { expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { hearing } from '../../../../../test/support/heard-events.ts'
import { Outage } from '../../ports/outage.ts'

const HOUR_MS = 3_600_000

async function worldWithApp() {
  const world = await AdministrationWorld.open()
  const tenantId = await world.tenant()
  const made = await world.done(
    world.apps.create(
      {
        tenantId,
        name: 'shop',
        type: 'confidential',
        plan: 'unlimited',
        allowedDomains: [],
        settings: {},
      },
      CALLER,
    ),
  )
  return { world, tenantId, appId: made.loaded.app.id }
}

test('every audited change of a credential is told once, after its commit, with its app', async () => {
  const world = await AdministrationWorld.open()
  const heard = hearing(world.events, ['credential.changed'])
  const { core } = world
  const tenantId = await world.tenant()
  const settings = {}
  const shop = { tenantId, name: 'shop', type: 'confidential' as const, settings }
  const made = await world.done(
    world.apps.create({ ...shop, plan: 'unlimited', allowedDomains: [] }, CALLER),
  )
  const appId = made.loaded.app.id
  const request = { tenantId, appId, kind: 'api_key' as const, name: 'key' }
  const key = await world.done(
    core.changes.create({ ...request, attributes: { prefix: 'sk' } }, CALLER),
  )
  const credentialId = key.credential.id
  const waitsUntilMs = world.time.ms + HOUR_MS
  const staged = await world.done(core.changes.stage({ credentialId, waitsUntilMs }, CALLER))
  const { versionId } = staged
  await world.done(core.deliveries.fetch({ credentialId, versionId }, CALLER))
  await world.done(core.changes.promote({ credentialId }, CALLER))
  await world.done(core.changes.revoke({ credentialId, reason: 'tested' }, CALLER))
  const audited = [
    ...(await world.actions(tenantId, 'control')),
    ...(await world.actions(tenantId, 'local')),
  ].filter((action) => /^(secret|rotation|credential)\./.test(action))
  expect(audited).toContain('secret.revoked')
  const told = heard.all.map((event) => event.details)
  expect(told.map((each) => ('action' in each ? each.action : '')).toSorted()).toEqual(
    audited.toSorted(),
  )
  const ofKey = heard.all.filter(({ details }) => JSON.stringify(details).includes(credentialId))
  expect(ofKey.map(({ details }) => ('versionId' in details ? details.versionId : ''))).toEqual([
    key.versionId,
    versionId,
    versionId,
    versionId,
    key.versionId,
  ])
  for (const event of ofKey) expect(event).toMatchObject({ tenantId, appId })
  const value = key.value ?? ''
  expect(value.length).toBeGreaterThan(30)
  expect(JSON.stringify(heard.all)).not.toContain(value)
})

test('a change that was rolled back is told to nobody', async () => {
  const { world, tenantId, appId } = await worldWithApp()
  const heard = hearing(world.events)
  const request = { tenantId, appId, kind: 'api_key' as const, name: 'key' }
  world.failOnce('region', new Outage('store_unavailable', 'cut off', { port: 'store' }))
  const making = world.core.changes.create({ ...request, attributes: { prefix: 'sk' } }, CALLER)
  expect(await making.catch((error: unknown) => error)).toBeInstanceOf(Outage)
  expect(heard.all).toEqual([])
})

test('a value that is asked for too late is told as a denial', async () => {
  const { world, tenantId, appId } = await worldWithApp()
  const heard = hearing(world.events, ['auth.denied'])
  const request = { tenantId, appId, kind: 'api_key' as const, name: 'key' }
  const made = await world.done(
    world.core.changes.create({ ...request, attributes: { prefix: 'sk' } }, CALLER),
  )
  const { id: credentialId } = made.credential
  const waitsUntilMs = world.time.ms + HOUR_MS
  const { versionId } = await world.done(
    world.core.changes.stage({ credentialId, waitsUntilMs }, CALLER),
  )
  await world.done(world.core.deliveries.fetch({ credentialId, versionId }, CALLER))
  expect(heard.all).toEqual([])
  await world.core.deliveries.fetch({ credentialId, versionId }, CALLER)
  expect(heard.all).toMatchObject([
    {
      appId,
      details: { reason: 'already_fetched', target: { kind: 'api_key', id: credentialId } },
    },
  ])
})
