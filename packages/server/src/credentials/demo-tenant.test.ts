import { expect, test } from 'bun:test'
import { SETTINGS } from '../../../../test/contract/records.ts'
import { type CoreWorld, openCoreWorld } from '../../../../test/support/credential-core.ts'
import { createDemoTenant } from './demo-tenant.ts'

const demoOf = ({ core: { administration, revocations } }: CoreWorld) =>
  createDemoTenant({ region: 'local', settings: SETTINGS }, { administration, revocations })

test('an empty store gets one demo app with the credentials that are given out', async () => {
  const world = await openCoreWorld()
  const demo = await demoOf(world)
  if (demo === undefined) throw new Error('no demo tenant was made')
  expect(demo.tenantId).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
  expect(demo.appId).toMatch(/^app_[a-z2-9]{16}$/)
  expect(demo.key).toMatch(/^[a-z2-9]{20}$/)
  expect(demo.secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
  const entry = world.core.authority.apps.findByAppKey(demo.key)
  expect(entry?.loaded).toMatchObject({
    app: { id: demo.appId, name: 'demo', region: 'local', settings: SETTINGS },
    tenant: { id: demo.tenantId, name: 'Demo', state: 'active' },
  })
  const secrets = [...(entry?.credential.secrets.values() ?? [])]
  expect(secrets).toEqual([new TextEncoder().encode(demo.secret)])
})

test('a store with any tenant gets none, and nothing is given out', async () => {
  const world = await openCoreWorld()
  await demoOf(world)
  expect(await demoOf(world)).toBeUndefined()
  expect([...world.core.authority.tenants.tenants()]).toHaveLength(1)
})

test('no two demo tenants share anything', async () => {
  const demos = [await demoOf(await openCoreWorld()), await demoOf(await openCoreWorld())]
  const values = demos.flatMap((demo) => Object.values(demo ?? {}))
  expect(new Set(values).size).toBe(8)
})
