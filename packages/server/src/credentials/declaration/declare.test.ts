import { describe, expect, test } from 'bun:test'
import { REGIONS, SETTINGS } from '../../../../../test/contract/records.ts'
import { type CoreWorld, openCoreWorld } from '../../../../../test/support/credential-core.ts'
import { ecPair } from '../../../../../test/support/foreign-world.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import type { Store } from '../../ports/store.ts'
import { type AuditEntry, INSTALLATION } from '../audit/entry.ts'
import { generateKey } from '../key-format.ts'
import { applyDeclarations } from './declare.ts'
import type { Declarations, DeclaredApp, DeclaredPlan, DeclaredTenant } from './declared.ts'

const UNLIMITED = {
  name: 'unlimited',
  limits: { maxConnections: 9, maxDocuments: 9, maxUsersPerDoc: 9, opsPerMinute: 9 },
  isOnePerTenant: false,
  isOpenToTenants: false,
}
const FREE = { ...UNLIMITED, name: 'free', isOnePerTenant: true }

const APP: DeclaredApp = {
  id: 'app-1',
  name: 'chat',
  type: 'confidential',
  plan: 'unlimited',
  region: 'local',
  clientId: 'client-1',
  clientSecret: undefined,
  signingKeys: [{ key: 'key-1', secret: 'secret-1' }],
  apiKeys: [],
  jwtSecrets: [],
  allowedDomains: [],
  settings: SETTINGS,
}
const ACME: DeclaredTenant = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_k7xm4pqr2n5t',
  name: 'Acme',
  signingAlgorithm: 'ES256',
  plans: [],
  apps: [APP],
}
const OTHER: DeclaredTenant = {
  ...ACME,
  id: '11111111-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_zzzzzzzzzzzz',
  name: 'Other',
  apps: [
    {
      ...APP,
      id: 'app-2',
      clientId: 'client-2',
      signingKeys: [{ key: 'key-2', secret: 'secret-2' }],
    },
  ],
}

const declarations = (...tenants: readonly DeclaredTenant[]): Declarations => ({
  plans: [UNLIMITED, FREE],
  tenants,
  operatorKeys: [],
})

function declare({ core, time }: CoreWorld, ...tenants: readonly DeclaredTenant[]) {
  time.ms += 1_000
  const { administration, revocations } = core
  return applyDeclarations(declarations(...tenants), { administration, revocations })
}

const acmeWith = (changes: Partial<DeclaredApp>): DeclaredTenant => ({
  ...ACME,
  apps: [{ ...APP, ...changes }],
})

function secretsOf({ core }: CoreWorld, appId = 'app-1'): Record<string, string | undefined> {
  const loaded = core.authority.apps.findById(appId)
  const pairs = (loaded?.credentials ?? []).map(({ record, secrets }) => {
    const current = record.versions.find(({ state }) => state === 'current')
    const secret = current === undefined ? undefined : secrets.get(current.id)
    return [record.attributes.appKey ?? record.name, secret && Buffer.from(secret).toString()]
  })
  return Object.fromEntries(pairs)
}

/** Everything a store holds, as one text. */
async function dumpOf(store: Store): Promise<string> {
  const control = await store.control.transaction(async (each) => [
    await each.listTenants(),
    await each.listPlans(),
    await each.listCredentials({}),
    await each.listNames({}),
    await each.listInstallationKeys(),
    await each.listAudit({ tenantId: ACME.id, afterSeq: 0, countMax: 1_000 }),
  ])
  const regions = [...store.regions.values()].map((region) =>
    region.transaction(async (each) => [
      await each.listApps(),
      await each.listCredentials({}),
      await each.listAudit({ tenantId: ACME.id, afterSeq: 0, countMax: 1_000 }),
    ]),
  )
  return JSON.stringify([control, await Promise.all(regions)])
}

describe('a declaration', () => {
  test('makes tenants, plans and apps that work, and no secret is stored plain', async () => {
    const world = await openCoreWorld()
    expect(await declare(world, ACME, OTHER)).toMatchObject({ ok: true })
    expect(secretsOf(world)).toEqual({ 'key-1': 'secret-1' })
    const loaded = world.core.authority.apps.findByAppKey('key-2')?.loaded
    expect(loaded?.tenant).toMatchObject({ id: OTHER.id, state: 'active' })
    expect(loaded?.limits).toEqual(UNLIMITED.limits)
    const dump = await dumpOf(world.store)
    expect(dump).toContain('app.created')
    expect(dump).not.toContain('secret-1')
    expect(dump).not.toContain('secret-2')
  })

  test('written twice changes nothing, whatever the order of its settings', async () => {
    const world = await openCoreWorld()
    await declare(world, ACME)
    const before = await dumpOf(world.store)
    const settings = Object.fromEntries(Object.entries(SETTINGS).reverse()) as typeof SETTINGS
    const again = await declare(world, acmeWith({ settings }))
    expect(again).toEqual({ ok: true, value: { changeCount: 0 } })
    expect(await dumpOf(world.store)).toBe(before)
  })

  test('is the same to a server that starts anew on what an earlier one left', async () => {
    const store = openMemoryStore(REGIONS)
    const first = await openCoreWorld({ store })
    await declare(first, ACME)
    const second = await openCoreWorld({ store, keyText: first.keyText() })
    expect(secretsOf(second)).toEqual({ 'key-1': 'secret-1' })
    expect(await declare(second, ACME)).toEqual({ ok: true, value: { changeCount: 0 } })
  })

  test('with changed settings or another name writes the app and keeps its creation', async () => {
    const world = await openCoreWorld()
    await declare(world, ACME)
    const created = world.core.authority.apps.findById('app-1')?.app.createdAtMs ?? 0
    await declare(world, acmeWith({ name: 'talk', settings: { ...SETTINGS, enabled: false } }))
    const app = world.core.authority.apps.findById('app-1')?.app
    expect(app).toMatchObject({ name: 'talk', createdAtMs: created, settings: { enabled: false } })
    const name = (value: string) =>
      world.store.control.transaction((each) => each.findName('app_name', value))
    expect(await name(`${ACME.id}/chat`)).toBeUndefined()
    expect(await name(`${ACME.id}/talk`)).toMatchObject({ state: 'confirmed' })
  })

  test('with another secret under the same key ends the old one at once', async () => {
    const world = await openCoreWorld()
    await declare(world, ACME)
    await declare(world, acmeWith({ signingKeys: [{ key: 'key-1', secret: 'secret-new' }] }))
    expect(secretsOf(world)).toEqual({ 'key-1': 'secret-new' })
    const record = world.core.authority.apps.findByAppKey('key-1')?.credential.record
    expect(record?.versions.map(({ state }) => state)).toEqual(['revoked', 'current'])
  })

  test('of a value that was rotated away does not bring it back', async () => {
    const world = await openCoreWorld()
    await declare(world, ACME)
    await declare(world, acmeWith({ signingKeys: [{ key: 'key-1', secret: 'secret-new' }] }))
    await declare(world, ACME)
    expect(secretsOf(world)).toEqual({ 'key-1': 'secret-new' })
  })

  test('takes away what it no longer lists and gives the key free', async () => {
    const world = await openCoreWorld()
    const both = [...APP.signingKeys, { key: 'key-3', secret: 'secret-3' }]
    await declare(world, acmeWith({ signingKeys: both }), OTHER)
    await declare(world, ACME, OTHER)
    expect(secretsOf(world)).toEqual({ 'key-1': 'secret-1' })
    const [app] = OTHER.apps
    const moved = { ...OTHER, apps: [{ ...(app ?? APP), signingKeys: both.slice(1) }] }
    expect(await declare(world, ACME, moved)).toMatchObject({ ok: true })
    expect(secretsOf(world, 'app-2')).toEqual({ 'key-3': 'secret-3' })
  })

  test('brings client secrets, API keys and JWT secrets, and finds them again', async () => {
    const world = await openCoreWorld()
    const { value } = generateKey('sk', systemRandom)
    const changes = {
      clientSecret: 'a-client-secret-of-my-own',
      apiKeys: [{ value, scopes: ['publish'] }],
      jwtSecrets: [{ value: 'a jwt secret of thirty-two bytes!', kid: 'main' }],
    }
    await declare(world, acmeWith(changes))
    const kinds = world.core.authority.apps
      .findById('app-1')
      ?.credentials.map(({ record }) => record.kind)
    expect(kinds?.toSorted()).toEqual(['api_key', 'client_secret', 'jwt_secret', 'signing_secret'])
    expect(await declare(world, acmeWith(changes))).toEqual({ ok: true, value: { changeCount: 0 } })
  })

  test('brings public keys and key sets, and finds them again', async () => {
    const world = await openCoreWorld()
    const jwk = JSON.stringify(ecPair().jwk)
    const jwksUrl = 'https://keys.example/jwks'
    const jwtSecrets = [
      { jwk, kid: 'fixed' },
      { jwksUrl, audience: ['chat'] },
    ]
    await declare(world, acmeWith({ jwtSecrets }))
    const made = () =>
      (world.core.authority.apps.findById('app-1')?.credentials ?? [])
        .map(({ record }) => record)
        .filter(({ kind }) => kind === 'jwt_secret')
    const storages = made().map(({ versions: [version] }) => version?.material.storage)
    expect(new Set(storages)).toEqual(new Set(['public', 'remote']))
    const same = await declare(world, acmeWith({ jwtSecrets }))
    expect(same).toEqual({ ok: true, value: { changeCount: 0 } })
    // Held to something else, it is another credential, and the one before is gone.
    const before = made().find(({ name }) => name === 'fixed')
    const held = [{ jwk, kid: 'fixed', issuer: 'https://a.example' }]
    await declare(world, acmeWith({ jwtSecrets: held }))
    expect(made()).toMatchObject([{ name: 'fixed', attributes: { issuer: 'https://a.example' } }])
    expect(made()[0]?.id).not.toBe(before?.id)
    // Another key under the same name takes its place at once.
    const next = JSON.stringify(ecPair().jwk)
    await declare(world, acmeWith({ jwtSecrets: [{ ...held[0], jwk: next }] }))
    expect(made()).toHaveLength(1)
    const material = made()[0]?.versions[0]?.material
    const kept = material?.storage === 'public' ? material.jwk : '{}'
    expect(JSON.parse(kept)).toEqual(JSON.parse(next))
  })

  test('brings operator keys once', async () => {
    const world = await openCoreWorld()
    const { administration, revocations } = world.core
    const { value } = generateKey('op', systemRandom)
    const operatorKeys = [{ value, role: 'auditor' as const, tenant: ACME.id }]
    const all = { ...declarations(ACME), operatorKeys }
    for (let round = 0; round < 2; round++) {
      expect(await applyDeclarations(all, { administration, revocations })).toMatchObject({
        ok: true,
      })
    }
    const operators = world.core.authority.tenants.operators()
    expect(operators.map(({ attributes, tenantId }) => [attributes.role, tenantId])).toEqual([
      ['auditor', ACME.id],
    ])
  })
})

describe('a declaration is refused, and nothing of it is written,', () => {
  const [otherApp = APP] = OTHER.apps
  test.each<[string, DeclaredTenant[]]>([
    ['short_id_taken', [{ ...OTHER, shortId: ACME.shortId }]],
    ['key_malformed', [acmeWith({ jwtSecrets: [{ jwk: '{"kty":"EC"}' }] })]],
    ['app_of_other_tenant', [{ ...OTHER, apps: [{ ...otherApp, id: 'app-1' }] }]],
    ['region_immutable', [acmeWith({ region: 'elsewhere' })]],
    ['client_id_taken', [{ ...OTHER, apps: [{ ...otherApp, clientId: 'client-1' }] }]],
    ['key_of_other_app', [{ ...OTHER, apps: [{ ...otherApp, signingKeys: APP.signingKeys }] }]],
    ['key_malformed', [acmeWith({ apiKeys: [{ value: 'sk_mistyped', scopes: undefined }] })]],
  ])('with %s', async (refusal, tenants) => {
    const world = await openCoreWorld()
    await declare(world, ACME)
    const before = await dumpOf(world.store)
    expect(await declare(world, ...tenants)).toMatchObject({ ok: false, refusal })
    expect(await dumpOf(world.store)).toBe(before)
  })

  test('and a suspended tenant stays suspended', async () => {
    const world = await openCoreWorld()
    await declare(world, ACME)
    const tenant = world.core.authority.tenants.find(ACME.id)?.tenant
    if (tenant === undefined) throw new Error('no tenant')
    await world.store.control.transaction((each) =>
      each.saveTenant({ ...tenant, state: 'suspended' }),
    )
    await world.core.authority.changed({ kind: 'tenant', tenantId: ACME.id })
    await declare(world, { ...ACME, name: 'Acme Ltd' })
    expect(world.core.authority.tenants.find(ACME.id)?.tenant).toMatchObject({
      name: 'Acme Ltd',
      state: 'suspended',
    })
  })
})

test('a built-in plan is made once, and what was made of it since stays', async () => {
  const world = await openCoreWorld()
  const { administration, revocations, authority } = world.core
  const builtIn = { ...FREE, isBuiltIn: true as const }
  const apply = (plans: Declarations['plans']) =>
    applyDeclarations({ plans, tenants: [], operatorKeys: [] }, { administration, revocations })
  expect(await apply([builtIn])).toEqual({ ok: true, value: { changeCount: 1 } })
  const limits = { ...FREE.limits, maxConnections: 77 }
  await world.store.control.transaction((each) =>
    each.savePlan({ ...FREE, tenantId: undefined, limits, createdAtMs: 1 }),
  )
  await authority.changed({ kind: 'plans' })
  expect(await apply([builtIn])).toEqual({ ok: true, value: { changeCount: 0 } })
  expect(authority.tenants.plans[0]?.limits.maxConnections).toBe(77)
  expect(await apply([FREE])).toEqual({ ok: true, value: { changeCount: 1 } })
})

test('a declared plan is as in the file in everything it says, and says so in the audit', async () => {
  const world = await openCoreWorld()
  const { administration, revocations, authority } = world.core
  const apply = (plan: DeclaredPlan) =>
    applyDeclarations(
      { plans: [plan], tenants: [], operatorKeys: [] },
      { administration, revocations },
    )
  await apply(UNLIMITED)
  const rateLimits = ['publish.user 10/1s']
  const limited = { ...UNLIMITED, limits: { ...UNLIMITED.limits, rateLimits } }
  for (const plan of [limited, { ...limited, isOpenToTenants: true }, UNLIMITED]) {
    expect(await apply(plan)).toEqual({ ok: true, value: { changeCount: 1 } })
    expect(await apply(plan)).toEqual({ ok: true, value: { changeCount: 0 } })
    expect(authority.tenants.plans).toMatchObject([plan])
    expect(authority.tenants.plans[0]?.limits).toEqual(plan.limits)
  }
  const page = { tenantId: INSTALLATION, afterSeq: 0, countMax: 10 }
  const rows = await world.store.control.transaction((each) => each.listAudit(page))
  const told = rows.map(({ entry }) => JSON.parse(entry) as AuditEntry)
  const saved = told.filter(({ action }) => action === 'plan.saved')
  expect(saved.map(({ after }) => after?.['isOpenToTenants'])).toEqual([false, false, true, false])
})
