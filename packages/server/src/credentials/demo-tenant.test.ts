import { expect, test } from 'bun:test'
import { SETTINGS } from '../../../../test/contract/records.ts'
import { openMemoryStore } from '../adapters/store-memory/store.ts'
import { systemClock } from '../adapters/system/clock.ts'
import { systemRandom } from '../adapters/system/random.ts'
import { createDemoTenant } from './demo-tenant.ts'
import { parseMasterKey } from './master-key.ts'
import { loadSigningSecrets } from './signing-keys.ts'

const parsed = parseMasterKey(Buffer.alloc(32, 7).toString('base64'))
if (!parsed.ok) throw new Error('refused')
const deps = { clock: systemClock, random: systemRandom, masterKey: parsed.value }

test('an empty store gets one demo app with the credentials that are given out', async () => {
  const store = openMemoryStore()
  const demo = await createDemoTenant(store, SETTINGS, deps)
  if (demo === undefined) throw new Error('no demo tenant was made')
  expect(demo.tenantId).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
  expect(demo.appId).toMatch(/^app_[a-z2-9]{16}$/)
  expect(demo.key).toMatch(/^[a-z2-9]{20}$/)
  expect(demo.secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
  const loaded = await loadSigningSecrets(store, deps.masterKey)
  expect(loaded.ok && loaded.value).toMatchObject([
    {
      app: { id: demo.appId, name: 'demo', region: 'local', plan: 'unlimited', settings: SETTINGS },
      tenant: { id: demo.tenantId, name: 'Demo', state: 'active' },
      signingKeys: [{ key: demo.key, secret: new TextEncoder().encode(demo.secret) }],
    },
  ])
  const [tenant] = await store.transaction((transaction) => transaction.listTenants())
  expect(tenant?.shortId).toMatch(/^org_[a-z2-9]{12}$/)
})

test('a store with any tenant gets none, and nothing is given out', async () => {
  const store = openMemoryStore()
  await createDemoTenant(store, SETTINGS, deps)
  expect(await createDemoTenant(store, SETTINGS, deps)).toBeUndefined()
  expect(await store.transaction((transaction) => transaction.listTenants())).toHaveLength(1)
})

test('no two demo tenants share anything', async () => {
  const demos = [
    await createDemoTenant(openMemoryStore(), SETTINGS, deps),
    await createDemoTenant(openMemoryStore(), SETTINGS, deps),
  ]
  const values = demos.flatMap((demo) => Object.values(demo ?? {}))
  expect(new Set(values).size).toBe(8)
})
