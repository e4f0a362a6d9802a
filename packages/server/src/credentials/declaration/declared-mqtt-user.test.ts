import { describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { applyDeclarations } from './declare.ts'
import type { DeclaredMqttUser } from './declared.ts'

const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const PLAN = {
  name: 'unlimited',
  limits: { maxConnections: 9, maxDocuments: 9, maxUsersPerDoc: 9, opsPerMinute: 9 },
  isOnePerTenant: false,
  isOpenToTenants: false,
}

const ALICE: DeclaredMqttUser = { name: 'alice', password: 'first-password', ruleSet: 'sensors' }

async function declare({ core, time }: CoreWorld, ...mqttUsers: readonly DeclaredMqttUser[]) {
  time.ms += 1_000
  const app = {
    id: 'app',
    name: 'app',
    type: 'confidential' as const,
    plan: 'unlimited',
    region: 'local',
    clientId: 'client',
    clientSecret: undefined,
    signingKeys: [{ key: 'key', secret: 'secret' }],
    apiKeys: [],
    jwtSecrets: [],
    mqttUsers,
    allowedDomains: [],
    settings: SETTINGS,
  }
  const tenant = {
    id: TENANT_ID,
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
    signingAlgorithm: 'ES256' as const,
    plans: [],
    apps: [app],
  }
  const { administration, revocations } = core
  const declarations = { plans: [PLAN], tenants: [tenant], operatorKeys: [] }
  const applied = await applyDeclarations(declarations, { administration, revocations })
  if (!applied.ok) throw new Error(applied.refusal)
  return applied.value.changeCount
}

const usersOf = ({ core }: CoreWorld) =>
  (core.authority.apps.findById('app')?.credentials ?? [])
    .map(({ record }) => record)
    .filter(({ kind }) => kind === 'mqtt_user')

/** The state of the version of this password; undefined where there is none. */
function stateOf(world: CoreWorld, password: string): string | undefined {
  const match = usersOf(world)
    .map(({ versions }) => world.core.check.match(password, versions, world.time.ms))
    .find((each) => each !== undefined)
  return match?.version.state
}

describe('a declared MQTT user', () => {
  test('is made once, with its password as a hash', async () => {
    const world = await openCoreWorld()
    await declare(world, ALICE)
    const [user] = usersOf(world)
    expect(user).toMatchObject({ name: 'alice', attributes: { ruleSet: 'sensors' } })
    expect(user?.versions).toMatchObject([{ origin: 'declared', material: { storage: 'hashed' } }])
    expect(stateOf(world, 'first-password')).toBe('current')
    expect(await declare(world, ALICE)).toBe(0)
    expect(usersOf(world)).toHaveLength(1)
  })

  test('with another password takes that one at once, and the first no more', async () => {
    const world = await openCoreWorld()
    await declare(world, ALICE)
    await declare(world, { ...ALICE, password: 'second-password' })
    expect(usersOf(world)).toHaveLength(1)
    expect(stateOf(world, 'second-password')).toBe('current')
    expect(stateOf(world, 'first-password')).not.toBe('current')
  })

  test('follows its rule set, also where none is declared any more', async () => {
    const world = await openCoreWorld()
    await declare(world, ALICE)
    expect(await declare(world, { ...ALICE, ruleSet: 'other' })).toBe(1)
    expect(usersOf(world)[0]?.attributes).toEqual({ ruleSet: 'other' })
    await declare(world, { ...ALICE, ruleSet: undefined })
    expect(usersOf(world)[0]?.attributes).toEqual({})
    expect(usersOf(world)[0]?.versions).toHaveLength(1)
  })

  test('that is dropped is removed, and one that an operator made stays', async () => {
    const world = await openCoreWorld()
    await declare(world, ALICE)
    const owner = { tenantId: TENANT_ID, appId: 'app', attributes: {} }
    const request = { ...owner, kind: 'mqtt_user' as const, name: 'bob' }
    expect(await world.core.changes.create(request, CALLER)).toMatchObject({ ok: true })
    await declare(world)
    expect(usersOf(world).map(({ name }) => name)).toEqual(['bob'])
  })

  test('adopts the user of that name, so that it is one', async () => {
    const world = await openCoreWorld()
    await declare(world)
    const owner = { tenantId: TENANT_ID, appId: 'app', attributes: {} }
    const request = { ...owner, kind: 'mqtt_user' as const, name: 'alice' }
    await world.core.changes.create(request, CALLER)
    await declare(world, ALICE)
    expect(usersOf(world)).toHaveLength(1)
    expect(stateOf(world, 'first-password')).toBe('current')
  })

  test('that was revoked stays revoked under its password, and is made anew under another', async () => {
    const world = await openCoreWorld()
    await declare(world, ALICE)
    const [user] = usersOf(world)
    await world.core.changes.revoke({ credentialId: user?.id ?? '', reason: 'leaked' }, CALLER)
    expect(await declare(world, ALICE)).toBe(0)
    expect(stateOf(world, 'first-password')).toBe('revoked')
    await declare(world, { ...ALICE, password: 'second-password' })
    expect(stateOf(world, 'second-password')).toBe('current')
    expect(stateOf(world, 'first-password')).not.toBe('current')
  })
})
