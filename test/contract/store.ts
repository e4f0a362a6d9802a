/**
 * The promises of the store port, kept by every adapter: a function of a harness that
 * registers tests.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Conflict, type Store } from '../../packages/server/src/ports/store.ts'
import { appOf, credentialOf, tenantOf } from './records.ts'
import { testHistoryStore } from './history-store.ts'
import { testDocumentStore } from './document-store.ts'
import { testSessionStore } from './session-store.ts'
import { testStoreAdministration } from './store-administration.ts'
import { StoreBench, type StoreHarness } from './store-bench.ts'
import { testStoreDeliveries } from './store-deliveries.ts'
import { testStoreDurability } from './store-durability.ts'
import { testStoreCredentials } from './store-credentials.ts'
import { testStoreRules } from './store-rules.ts'
import { testStoreTokens } from './store-tokens.ts'
import { regionOf, saveUnit } from './store-units.ts'
import { testStoreWebhooks } from './store-webhooks.ts'

export function testStoreContract(name: string, harness: StoreHarness): void {
  describe(`${name} keeps the store contract`, () => {
    const bench = new StoreBench(harness)
    beforeEach(() => bench.start())
    afterEach(() => bench.stop())
    testRecords(bench)
    testConflicts(bench)
    testAtomicity(bench)
    testOrder(bench)
    testClosing(bench)
    testStoreCredentials(bench)
    testStoreAdministration(bench)
    testStoreRules(bench)
    testStoreWebhooks(bench)
    testStoreDeliveries(bench)
    testStoreTokens(bench)
    testSessionStore(bench)
    testHistoryStore(bench)
    testDocumentStore(bench)
  })
  if (harness.durability !== undefined) testStoreDurability(name, harness.open, harness.durability)
}

function testRecords(bench: StoreBench): void {
  test('an empty store lists nothing and finds nothing', async () => {
    const control = await bench.store.control.transaction(async (transaction) => [
      await transaction.listTenants(),
      await transaction.listPlans(),
      await transaction.listNames({}),
      await transaction.listCredentials({}),
      await transaction.findTenant('none'),
      await transaction.findName('app_id', 'none'),
      await transaction.findAuditHead('none'),
    ])
    expect(control).toEqual([[], [], [], [], undefined, undefined, undefined])
    const region = await regionOf(bench.store).transaction(async (transaction) => [
      await transaction.listApps(),
      await transaction.listCredentials({}),
      await transaction.findApp('none'),
      await transaction.findFamily('none'),
    ])
    expect(region).toEqual([[], [], undefined, undefined])
  })

  test('what was saved comes back field for field', async () => {
    const tenant = {
      ...tenantOf(1),
      name: 'Größe "x" \u{1f600} \'; --',
      state: 'suspended' as const,
      signingAlgorithm: 'RS256' as const,
    }
    await bench.store.control.transaction((each) => each.saveTenant(tenant))
    await regionOf(bench.store).transaction(async (transaction) => {
      await transaction.saveApp(appOf(1))
      await transaction.saveCredential(credentialOf(1))
    })
    const found = await bench.store.control.transaction((each) => each.findTenant(tenant.id))
    expect(found).toEqual(tenant)
    await regionOf(bench.store).transaction(async (transaction) => {
      expect(await transaction.findApp(appOf(1).id)).toEqual(appOf(1))
      expect(await transaction.listCredentials({})).toEqual([credentialOf(1)])
    })
  })

  test('a second save replaces the first and keeps what hangs on it', async () => {
    await saveUnit(bench.store, 1)
    const tenant = { ...tenantOf(1), shortId: 'org_renamed22222', name: 'renamed' }
    const app = { ...appOf(1), name: 'renamed', settings: { ...appOf(1).settings, enabled: false } }
    await bench.store.control.transaction((each) => each.saveTenant(tenant))
    await regionOf(bench.store).transaction(async (transaction) => {
      await transaction.saveApp(app)
      expect(await transaction.listApps()).toEqual([app])
      expect(await transaction.listCredentials({})).toEqual([credentialOf(1)])
    })
    expect(await bench.store.control.transaction((each) => each.listTenants())).toEqual([tenant])
  })

  test('lists come oldest first, then by id, whatever the order of saving', async () => {
    const times = new Map([
      [5, 10],
      [3, 20],
      [4, 20],
      [1, 30],
    ])
    for (const number of [1, 4, 5, 3])
      await saveUnit(bench.store, number, { createdAtMs: times.get(number) ?? 0 })
    const order = [...times.keys()]
    const tenants = await bench.store.control.transaction((each) => each.listTenants())
    expect(tenants.map(({ id }) => id)).toEqual(order.map((number) => tenantOf(number).id))
    await regionOf(bench.store).transaction(async (transaction) => {
      const apps = await transaction.listApps()
      const credentials = await transaction.listCredentials({})
      expect(apps.map(({ id }) => id)).toEqual(order.map((number) => appOf(number).id))
      expect(credentials.map(({ id }) => id)).toEqual(
        order.map((number) => credentialOf(number).id),
      )
    })
  })

  test('nobody can change a stored record through a reference', async () => {
    await saveUnit(bench.store, 1)
    const given = structuredClone(appOf(1)) as { name: string } & ReturnType<typeof appOf>
    await regionOf(bench.store).transaction((each) => each.saveApp(given))
    given.name = 'changed'
    const find = () => regionOf(bench.store).transaction((each) => each.findApp(appOf(1).id))
    const first = (await find()) as { name: string } | undefined
    if (first !== undefined) first.name = 'changed'
    expect((await find())?.name).toBe(appOf(1).name)
  })
}

function testConflicts(bench: StoreBench): void {
  const conflictOf = (work: Parameters<Store['control']['transaction']>[0]) =>
    ruleOf(bench.store.control.transaction(work))

  test('a short id belongs to one tenant', async () => {
    await saveUnit(bench.store, 1)
    const taken = { ...tenantOf(2), shortId: tenantOf(1).shortId }
    expect(await conflictOf((each) => each.saveTenant(taken))).toBe('tenant_short_id')
  })

  test('a member needs a tenant, and its address is free in another one only', async () => {
    await saveUnit(bench.store, 1)
    await saveUnit(bench.store, 2)
    const member = {
      id: 'mem_1',
      tenantId: tenantOf(1).id,
      email: 'a@example.org',
      name: 'A',
      role: 'admin' as const,
      createdAtMs: 1,
    }
    await bench.store.control.transaction((each) => each.saveMember(member))
    const there = { ...member, id: 'mem_2', tenantId: tenantOf(2).id }
    expect(await conflictOf((each) => each.saveMember(there))).toBeUndefined()
    const here = { ...member, id: 'mem_3' }
    expect(await conflictOf((each) => each.saveMember(here))).toBe('member_email')
    const lost = { ...member, id: 'mem_4', tenantId: 'none' }
    expect(await conflictOf((each) => each.saveMember(lost))).toBe('unknown_parent')
  })

  test('a caught conflict still rolls the whole transaction back', async () => {
    await saveUnit(bench.store, 1)
    const rule = await conflictOf(async (transaction) => {
      await transaction.saveTenant(tenantOf(2))
      const taken = { ...tenantOf(3), shortId: tenantOf(1).shortId }
      await transaction.saveTenant(taken).catch((error: unknown) => error)
    })
    expect(rule).toBe('tenant_short_id')
    expect(await tenantIds(bench.store)).toEqual([tenantOf(1).id])
  })
}

function testAtomicity(bench: StoreBench): void {
  test('nothing of a transaction that throws is visible, and its error comes through', async () => {
    await saveUnit(bench.store, 1)
    const failure = new Error('on purpose')
    const result = bench.store.control.transaction(async (transaction) => {
      await transaction.saveTenant(tenantOf(2))
      await transaction.saveTenant({ ...tenantOf(1), name: 'changed' })
      throw failure
    })
    expect(await result.catch((error: unknown) => error)).toBe(failure)
    await bench.store.control.transaction(async (transaction) => {
      expect(await transaction.listTenants()).toEqual([tenantOf(1)])
    })
  })

  test('a transaction sees its own writes', async () => {
    await bench.store.control.transaction(async (transaction) => {
      await transaction.saveTenant(tenantOf(1))
      expect(await transaction.findTenant(tenantOf(1).id)).toEqual(tenantOf(1))
      expect(await transaction.listTenants()).toHaveLength(1)
    })
  })

  test('a transaction resolves with what its work returned', async () => {
    expect(await bench.store.control.transaction(async () => 'answer')).toBe('answer')
  })

  test('a handle kept beyond its transaction writes nothing', async () => {
    const kept = await bench.store.control.transaction(async (transaction) => transaction)
    const error: unknown = await kept.saveTenant(tenantOf(1)).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(await tenantIds(bench.store)).toEqual([])
  })
}

function testOrder(bench: StoreBench): void {
  test('transactions run one at a time in call order', async () => {
    const steps: string[] = []
    const one = (name: string) =>
      bench.store.control.transaction(async (transaction) => {
        steps.push(`${name} begins`)
        await transaction.listTenants()
        await new Promise(setImmediate)
        steps.push(`${name} ends`)
      })
    await Promise.all(['a', 'b', 'c'].map(one))
    expect(steps).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]))
  })

  test('concurrent read-modify-write loses no update', async () => {
    await bench.store.control.transaction((each) =>
      each.saveTenant({ ...tenantOf(1), createdAtMs: 0 }),
    )
    const increment = () =>
      bench.store.control.transaction(async (transaction) => {
        const tenant = await transaction.findTenant(tenantOf(1).id)
        if (tenant === undefined) throw new Error('the tenant is gone')
        await transaction.saveTenant({ ...tenant, createdAtMs: tenant.createdAtMs + 1 })
      })
    await Promise.all(Array.from({ length: 50 }, increment))
    const tenant = await bench.store.control.transaction((each) => each.findTenant(tenantOf(1).id))
    expect(tenant?.createdAtMs).toBe(50)
  })

  test('a failed transaction does not stop the ones behind it', async () => {
    const failing = bench.store.control.transaction(async () => {
      throw new Error('on purpose')
    })
    const next = bench.store.control.transaction((transaction) =>
      transaction.saveTenant(tenantOf(1)),
    )
    expect(await failing.catch(() => 'failed')).toBe('failed')
    await next
    expect(await tenantIds(bench.store)).toEqual([tenantOf(1).id])
  })

  test('a transaction inside another is refused and does not hang', async () => {
    const nested = bench.store.control.transaction(() =>
      bench.store.control.transaction(async () => undefined),
    )
    expect(await nested.catch((error: unknown) => String(error))).toContain('do not nest')
    await bench.store.control.transaction((transaction) => transaction.saveTenant(tenantOf(1)))
  })
}

function testClosing(bench: StoreBench): void {
  test('an open store answers ping, a closed one is an outage', async () => {
    await bench.store.ping()
    await bench.store.close()
    expect(await outageCode(bench.store.ping())).toBe('store_unavailable')
    const late = bench.store.control.transaction(async () => undefined)
    expect(await outageCode(late)).toBe('store_unavailable')
  })

  test('close waits for what runs, and closing twice is no error', async () => {
    const running = bench.store.control.transaction(async (transaction) => {
      await new Promise(setImmediate)
      await transaction.saveTenant(tenantOf(1))
      return 'committed'
    })
    await Promise.all([bench.store.close(), bench.store.close()])
    expect(await running).toBe('committed')
    await bench.store.close()
  })
}

async function ruleOf(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof Conflict ? error.rule : error
}

async function tenantIds(store: Store): Promise<string[]> {
  return (await store.control.transaction((each) => each.listTenants())).map(({ id }) => id)
}

async function outageCode(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.catch((reason: unknown) => reason)
  return error instanceof Error && 'code' in error ? error.code : error
}
