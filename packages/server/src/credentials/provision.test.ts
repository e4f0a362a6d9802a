import { describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../test/contract/records.ts'
import { openMemoryStore } from '../adapters/store-memory/store.ts'
import { systemRandom } from '../adapters/system/random.ts'
import type { Store } from '../ports/store.ts'
import { parseMasterKey } from './master-key.ts'
import { type DeclaredApp, type DeclaredTenant, declareTenants } from './provision.ts'
import { loadSigningSecrets } from './signing-keys.ts'

const START_MS = 1_790_000_000_000

function masterKeyFilledWith(byte: number) {
  const parsed = parseMasterKey(Buffer.alloc(32, byte).toString('base64'))
  if (!parsed.ok) throw new Error('refused')
  return parsed.value
}

const APP: DeclaredApp = {
  id: 'app-1',
  name: 'chat',
  plan: 'unlimited',
  region: 'local',
  settings: SETTINGS,
  signingKeys: [{ key: 'key-1', secret: 'secret-1' }],
}
const ACME: DeclaredTenant = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_k7xm4pqr2n5t',
  name: 'Acme',
  apps: [APP],
}
const OTHER: DeclaredTenant = {
  id: '11111111-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_zzzzzzzzzzzz',
  name: 'Other',
  apps: [{ ...APP, id: 'app-2', signingKeys: [{ key: 'key-2', secret: 'secret-2' }] }],
}

/** A store with time that moves on with every declaration. */
function openBench() {
  const store = openMemoryStore()
  const masterKey = masterKeyFilledWith(7)
  let nowMs = START_MS
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }
  const declare = (...declarations: readonly DeclaredTenant[]) => {
    nowMs += 1_000
    return declareTenants(store, declarations, { clock, random: systemRandom, masterKey })
  }
  return { store, masterKey, declare }
}

const acmeWith = (...apps: readonly DeclaredApp[]): DeclaredTenant => ({ ...ACME, apps })

async function everythingIn(store: Store) {
  return await store.transaction(async (transaction) => ({
    tenants: await transaction.listTenants(),
    apps: await transaction.listApps(),
    keys: await transaction.listSigningKeys(),
  }))
}

async function secretsIn({ store, masterKey }: ReturnType<typeof openBench>) {
  const loaded = await loadSigningSecrets(store, masterKey)
  if (!loaded.ok) throw new Error(loaded.detail)
  const text = new TextDecoder()
  return Object.fromEntries(
    loaded.value.flatMap(({ app, signingKeys }) =>
      signingKeys.map(({ key, secret }) => [`${app.id}/${key}`, text.decode(secret)]),
    ),
  )
}

describe('a declaration', () => {
  test('makes active tenants and apps whose secrets open, and none is stored plain', async () => {
    const bench = openBench()
    expect(await bench.declare(ACME, OTHER)).toEqual({ ok: true, value: { changeCount: 6 } })
    const { tenants, apps, keys } = await everythingIn(bench.store)
    expect(tenants.map(({ name, state }) => [name, state])).toEqual([
      ['Other', 'active'],
      ['Acme', 'active'],
    ])
    expect(apps.map(({ id, tenantId }) => [id, tenantId])).toEqual([
      ['app-1', ACME.id],
      ['app-2', OTHER.id],
    ])
    expect(await secretsIn(bench)).toEqual({
      'app-1/key-1': 'secret-1',
      'app-2/key-2': 'secret-2',
    })
    const stored = Buffer.concat(keys.map(({ sealedSecret }) => sealedSecret))
    expect(stored.includes('secret-')).toBe(false)
  })

  test('written twice changes nothing, whatever the order of its settings', async () => {
    const bench = openBench()
    await bench.declare(ACME)
    const before = await everythingIn(bench.store)
    const reversed = Object.fromEntries(Object.entries(SETTINGS).reverse()) as typeof SETTINGS
    const again = await bench.declare(acmeWith({ ...APP, settings: reversed }))
    expect(again).toEqual({ ok: true, value: { changeCount: 0 } })
    expect(await everythingIn(bench.store)).toEqual(before)
  })

  test('writes exactly what differs and keeps the creation times', async () => {
    const bench = openBench()
    await bench.declare(ACME, OTHER)
    const before = await everythingIn(bench.store)
    const settings = { ...SETTINGS, allowedOrigins: [] }
    const changed = { ...acmeWith({ ...APP, settings }), name: 'Acme Ltd' }
    expect(await bench.declare(changed, OTHER)).toEqual({ ok: true, value: { changeCount: 2 } })
    const after = await everythingIn(bench.store)
    expect(after.keys).toEqual(before.keys)
    const [app, otherApp] = after.apps
    expect(app).toMatchObject({ settings, createdAtMs: before.apps[0]?.createdAtMs })
    expect(app?.updatedAtMs).toBeGreaterThan(app?.createdAtMs ?? 0)
    expect(otherApp).toEqual(before.apps[1])
    expect(after.tenants.map(({ name }) => name)).toEqual(['Other', 'Acme Ltd'])
  })

  test('with a changed secret seals that one anew', async () => {
    const bench = openBench()
    await bench.declare(ACME)
    const changed = { ...APP, signingKeys: [{ key: 'key-1', secret: 'changed' }] }
    expect(await bench.declare(acmeWith(changed))).toMatchObject({ value: { changeCount: 1 } })
    expect(await secretsIn(bench)).toEqual({ 'app-1/key-1': 'changed' })
  })

  test('adds the keys an app lists and removes those it no longer lists', async () => {
    const bench = openBench()
    await bench.declare(ACME, OTHER)
    const next = { key: 'key-3', secret: 'secret-3' }
    await bench.declare(acmeWith({ ...APP, signingKeys: [...APP.signingKeys, next] }))
    expect(Object.keys(await secretsIn(bench)).sort()).toEqual([
      'app-1/key-1',
      'app-1/key-3',
      'app-2/key-2',
    ])
    await bench.declare(acmeWith({ ...APP, signingKeys: [next] }))
    expect(Object.keys(await secretsIn(bench)).sort()).toEqual(['app-1/key-3', 'app-2/key-2'])
  })

  test('leaves alone what it does not name', async () => {
    const bench = openBench()
    await bench.declare(ACME, OTHER)
    const before = await everythingIn(bench.store)
    expect(await bench.declare()).toEqual({ ok: true, value: { changeCount: 0 } })
    expect(await bench.declare(acmeWith())).toEqual({ ok: true, value: { changeCount: 0 } })
    expect(await everythingIn(bench.store)).toEqual(before)
  })

  test('does not wake a suspended tenant', async () => {
    const bench = openBench()
    await bench.declare(ACME)
    await bench.store.transaction(async (transaction) => {
      const [tenant] = await transaction.listTenants()
      if (tenant !== undefined) await transaction.saveTenant({ ...tenant, state: 'suspended' })
    })
    await bench.declare({ ...ACME, name: 'renamed' })
    const { tenants } = await everythingIn(bench.store)
    expect(tenants).toMatchObject([{ name: 'renamed', state: 'suspended' }])
  })

  test('may move a key between two apps it names', async () => {
    const bench = openBench()
    const keys = [{ key: 'key-1', secret: 'secret-1' }]
    const others = [{ key: 'key-2', secret: 'secret-2' }]
    const second = { ...APP, id: 'app-9', name: 'second' }
    await bench.declare(acmeWith(APP, { ...second, signingKeys: others }))
    await bench.declare(acmeWith({ ...APP, signingKeys: others }, { ...second, signingKeys: keys }))
    expect(await secretsIn(bench)).toEqual({
      'app-1/key-2': 'secret-2',
      'app-9/key-1': 'secret-1',
    })
  })
})

describe('a declaration is refused as a whole, with the name of the culprit', () => {
  const sameKey = { ...APP, id: 'app-3', name: 'third' }
  const sameName = { name: APP.name, signingKeys: [{ key: 'key-3', secret: 'secret-3' }] }
  const cases: Record<string, { culprit: string; declarations: readonly DeclaredTenant[] }> = {
    region_immutable: { culprit: 'app-1', declarations: [acmeWith({ ...APP, region: 'eu' })] },
    app_of_other_tenant: { culprit: 'app-1', declarations: [{ ...OTHER, apps: [APP] }] },
    key_of_other_app: { culprit: 'key-1', declarations: [{ ...OTHER, apps: [sameKey] }] },
    'key_of_other_app twice': { culprit: 'key-1', declarations: [acmeWith(APP, sameKey)] },
    short_id_taken: { culprit: 'shortId', declarations: [{ ...OTHER, shortId: ACME.shortId }] },
    app_name_taken: { culprit: 'name', declarations: [acmeWith({ ...sameKey, ...sameName })] },
  }
  test.each(Object.entries(cases))('%s', async (name, { culprit, declarations }) => {
    const bench = openBench()
    await bench.declare(ACME)
    const before = await everythingIn(bench.store)
    const fresh = {
      ...OTHER,
      id: '22222222-2d9e-4c3e-a1f1-3b2c99e6b111',
      shortId: 'org_yyyyyyyyyyyy',
    }
    const answer = await bench.declare({ ...fresh, apps: [] }, ...declarations)
    expect(answer).toMatchObject({
      ok: false,
      refusal: name.split(' ')[0],
      detail: expect.stringContaining(culprit),
    })
    expect(await everythingIn(bench.store)).toEqual(before)
  })

  test('wrong_master_key: the stored secrets do not open', async () => {
    const bench = openBench()
    await bench.declare(ACME)
    const before = await everythingIn(bench.store)
    const deps = {
      clock: { nowMs: () => START_MS, monotonicMs: () => 0 },
      random: systemRandom,
      masterKey: masterKeyFilledWith(8),
    }
    const answer = await declareTenants(bench.store, [ACME], deps)
    expect(answer).toMatchObject({ ok: false, refusal: 'wrong_master_key' })
    expect(JSON.stringify(answer)).not.toContain('secret-1')
    expect(await everythingIn(bench.store)).toEqual(before)
  })
})

describe('loading the signing secrets', () => {
  test('gives every app with its tenant and all of its keys', async () => {
    const bench = openBench()
    await bench.declare(acmeWith(APP, { ...APP, id: 'app-0', name: 'no keys', signingKeys: [] }))
    const loaded = await loadSigningSecrets(bench.store, bench.masterKey)
    expect(loaded.ok && loaded.value.map(({ app, tenant }) => [app.id, tenant.name])).toEqual([
      ['app-0', 'Acme'],
      ['app-1', 'Acme'],
    ])
    expect(loaded.ok && loaded.value.map(({ signingKeys }) => signingKeys.length)).toEqual([0, 1])
  })

  test('is refused with the key and the remedy when a secret does not open', async () => {
    const bench = openBench()
    await bench.declare(ACME, OTHER)
    const refused = await loadSigningSecrets(bench.store, masterKeyFilledWith(8))
    expect(refused).toMatchObject({ ok: false, refusal: 'wrong_master_key' })
    expect(refused.ok ? '' : refused.detail).toMatch(/key-1.*master\.key/)
  })

  test('is refused when a sealed secret was copied into the row of another key', async () => {
    const bench = openBench()
    await bench.declare(ACME, OTHER)
    await bench.store.transaction(async (transaction) => {
      const [first, second] = await transaction.listSigningKeys()
      if (first === undefined || second === undefined) throw new Error('keys are missing')
      await transaction.saveSigningKey({ ...second, sealedSecret: first.sealedSecret })
    })
    const refused = await loadSigningSecrets(bench.store, bench.masterKey)
    expect(refused).toMatchObject({ ok: false, detail: expect.stringContaining('key-2') })
  })
})
