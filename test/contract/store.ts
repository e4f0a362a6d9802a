/**
 * The promises of the store port, kept by every adapter: a function of a harness that
 * registers tests.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Conflict, type Store } from '../../packages/server/src/ports/store.ts'
import { appOf, keyOf, tenantOf } from './records.ts'
import { StoreBench, type StoreHarness } from './store-bench.ts'
import { testStoreDurability } from './store-durability.ts'
import { saveUnit } from './store-units.ts'

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
  })
  if (harness.durability !== undefined) testStoreDurability(name, harness.open, harness.durability)
}

function testRecords(bench: StoreBench): void {
  test('an empty store lists nothing and finds nothing', async () => {
    const found = await bench.store.transaction(async (transaction) => [
      await transaction.listTenants(),
      await transaction.listApps(),
      await transaction.listSigningKeys(),
      await transaction.findTenant('none'),
      await transaction.findApp('none'),
    ])
    expect(found).toEqual([[], [], [], undefined, undefined])
  })

  test('what was saved comes back field for field', async () => {
    const tenant = {
      ...tenantOf(1),
      name: 'Größe "x" \u{1f600} \'; --',
      state: 'suspended' as const,
    }
    const app = appOf(1)
    const key = { ...keyOf(1), sealedSecret: Uint8Array.from({ length: 256 }, (_, byte) => byte) }
    await bench.store.transaction(async (transaction) => {
      await transaction.saveTenant(tenant)
      await transaction.saveApp(app)
      await transaction.saveSigningKey(key)
    })
    await bench.store.transaction(async (transaction) => {
      expect(await transaction.findTenant(tenant.id)).toEqual(tenant)
      expect(await transaction.findApp(app.id)).toEqual(app)
      expect(await transaction.listSigningKeys()).toEqual([key])
    })
  })

  test('a second save replaces the first and keeps what hangs on it', async () => {
    await saveUnit(bench.store, 1)
    const tenant = { ...tenantOf(1), shortId: 'org_renamed22222', name: 'renamed' }
    const app = { ...appOf(1), name: 'renamed', settings: { ...appOf(1).settings, enabled: false } }
    const key = { ...keyOf(1), sealedSecret: new Uint8Array([9]) }
    await bench.store.transaction(async (transaction) => {
      await transaction.saveTenant(tenant)
      await transaction.saveApp(app)
      await transaction.saveSigningKey(key)
    })
    await bench.store.transaction(async (transaction) => {
      expect(await transaction.listTenants()).toEqual([tenant])
      expect(await transaction.listApps()).toEqual([app])
      expect(await transaction.listSigningKeys()).toEqual([key])
    })
  })

  test('a removed key is gone, and removing it again is no error', async () => {
    await saveUnit(bench.store, 1)
    const { key } = keyOf(1)
    for (let round = 0; round < 2; round++)
      await bench.store.transaction((transaction) => transaction.removeSigningKey(key))
    expect(await bench.store.transaction((each) => each.listSigningKeys())).toEqual([])
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
    await bench.store.transaction(async (transaction) => {
      const [tenants, apps] = [await transaction.listTenants(), await transaction.listApps()]
      const keys = await transaction.listSigningKeys()
      expect(tenants.map(({ id }) => id)).toEqual(order.map((number) => tenantOf(number).id))
      expect(apps.map(({ id }) => id)).toEqual(order.map((number) => appOf(number).id))
      expect(keys.map(({ key }) => key)).toEqual(order.map((number) => keyOf(number).key))
    })
  })

  test('nobody can change a stored record through a reference', async () => {
    const given = { ...keyOf(1), sealedSecret: new Uint8Array([1, 2, 3]) }
    await saveUnit(bench.store, 1)
    const saved = bench.store.transaction((transaction) => transaction.saveSigningKey(given))
    await saved
    given.sealedSecret.fill(0)
    const list = () => bench.store.transaction((transaction) => transaction.listSigningKeys())
    const [first] = await list()
    first?.sealedSecret.fill(0)
    expect((await list())[0]?.sealedSecret).toEqual(new Uint8Array([1, 2, 3]))
  })
}

function testConflicts(bench: StoreBench): void {
  const conflictOf = async (work: Parameters<Store['transaction']>[0]) => {
    const error: unknown = await bench.store.transaction(work).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    return error instanceof Conflict ? error.rule : error
  }

  test('a short id belongs to one tenant', async () => {
    await saveUnit(bench.store, 1)
    const taken = { ...tenantOf(2), shortId: tenantOf(1).shortId }
    expect(await conflictOf((each) => each.saveTenant(taken))).toBe('tenant_short_id')
  })

  test('an app name is free in another tenant and taken in its own', async () => {
    await saveUnit(bench.store, 1)
    await saveUnit(bench.store, 2)
    const there = { ...appOf(3), tenantId: tenantOf(2).id, name: appOf(1).name }
    expect(await conflictOf((each) => each.saveApp(there))).toBeUndefined()
    const here = { ...appOf(4), tenantId: tenantOf(1).id, name: appOf(1).name }
    expect(await conflictOf((each) => each.saveApp(here))).toBe('app_name')
  })

  test('a signing key belongs to one app', async () => {
    await saveUnit(bench.store, 1)
    await saveUnit(bench.store, 2)
    const taken = { ...keyOf(1), appId: appOf(2).id }
    expect(await conflictOf((each) => each.saveSigningKey(taken))).toBe('signing_key')
    const [first] = await bench.store.transaction((each) => each.listSigningKeys())
    expect(first).toEqual(keyOf(1))
  })

  test('an app needs its tenant and a key needs its app', async () => {
    expect(await conflictOf((each) => each.saveApp(appOf(1)))).toBe('unknown_parent')
    expect(await conflictOf((each) => each.saveSigningKey(keyOf(1)))).toBe('unknown_parent')
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
    const result = bench.store.transaction(async (transaction) => {
      await transaction.saveTenant(tenantOf(2))
      await transaction.saveTenant({ ...tenantOf(1), name: 'changed' })
      await transaction.removeSigningKey(keyOf(1).key)
      throw failure
    })
    expect(await result.catch((error: unknown) => error)).toBe(failure)
    await bench.store.transaction(async (transaction) => {
      expect(await transaction.listTenants()).toEqual([tenantOf(1)])
      expect(await transaction.listSigningKeys()).toEqual([keyOf(1)])
    })
  })

  test('a transaction sees its own writes', async () => {
    await bench.store.transaction(async (transaction) => {
      await transaction.saveTenant(tenantOf(1))
      expect(await transaction.findTenant(tenantOf(1).id)).toEqual(tenantOf(1))
      expect(await transaction.listTenants()).toHaveLength(1)
    })
  })

  test('a transaction resolves with what its work returned', async () => {
    expect(await bench.store.transaction(async () => 'answer')).toBe('answer')
  })

  test('a handle kept beyond its transaction writes nothing', async () => {
    const kept = await bench.store.transaction(async (transaction) => transaction)
    const error: unknown = await kept.saveTenant(tenantOf(1)).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(await tenantIds(bench.store)).toEqual([])
  })
}

function testOrder(bench: StoreBench): void {
  test('transactions run one at a time in call order', async () => {
    const steps: string[] = []
    const one = (name: string) =>
      bench.store.transaction(async (transaction) => {
        steps.push(`${name} begins`)
        await transaction.listTenants()
        await new Promise(setImmediate)
        steps.push(`${name} ends`)
      })
    await Promise.all(['a', 'b', 'c'].map(one))
    expect(steps).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]))
  })

  test('concurrent read-modify-write loses no update', async () => {
    await bench.store.transaction((each) => each.saveTenant({ ...tenantOf(1), createdAtMs: 0 }))
    const increment = () =>
      bench.store.transaction(async (transaction) => {
        const tenant = await transaction.findTenant(tenantOf(1).id)
        if (tenant === undefined) throw new Error('the tenant is gone')
        await transaction.saveTenant({ ...tenant, createdAtMs: tenant.createdAtMs + 1 })
      })
    await Promise.all(Array.from({ length: 50 }, increment))
    const tenant = await bench.store.transaction((each) => each.findTenant(tenantOf(1).id))
    expect(tenant?.createdAtMs).toBe(50)
  })

  test('a failed transaction does not stop the ones behind it', async () => {
    const failing = bench.store.transaction(async () => {
      throw new Error('on purpose')
    })
    const next = bench.store.transaction((transaction) => transaction.saveTenant(tenantOf(1)))
    expect(await failing.catch(() => 'failed')).toBe('failed')
    await next
    expect(await tenantIds(bench.store)).toEqual([tenantOf(1).id])
  })

  test('a transaction inside another is refused and does not hang', async () => {
    const nested = bench.store.transaction(() => bench.store.transaction(async () => undefined))
    expect(await nested.catch((error: unknown) => String(error))).toContain('do not nest')
    await bench.store.transaction((transaction) => transaction.saveTenant(tenantOf(1)))
  })
}

function testClosing(bench: StoreBench): void {
  test('an open store answers ping, a closed one is an outage', async () => {
    await bench.store.ping()
    await bench.store.close()
    expect(await outageCode(bench.store.ping())).toBe('store_unavailable')
    const late = bench.store.transaction(async () => undefined)
    expect(await outageCode(late)).toBe('store_unavailable')
  })

  test('close waits for what runs, and closing twice is no error', async () => {
    const running = bench.store.transaction(async (transaction) => {
      await new Promise(setImmediate)
      await transaction.saveTenant(tenantOf(1))
      return 'committed'
    })
    await Promise.all([bench.store.close(), bench.store.close()])
    expect(await running).toBe('committed')
    await bench.store.close()
  })
}

async function tenantIds(store: Store): Promise<string[]> {
  return (await store.transaction((each) => each.listTenants())).map(({ id }) => id)
}

async function outageCode(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.catch((reason: unknown) => reason)
  return error instanceof Error && 'code' in error ? error.code : error
}
