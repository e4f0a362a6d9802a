/** The part of the store contract that the credential core rests on. */
import { expect, test } from 'bun:test'
import type { DirectoryEntry } from '../../packages/server/src/ports/records/directory.ts'
import type { RefreshFamilyRecord } from '../../packages/server/src/ports/records/refresh-family.ts'
import type { UseRecord } from '../../packages/server/src/ports/records/use.ts'
import { USE_SOURCE_COUNT_MAX } from '../../packages/server/src/ports/store.ts'
import { appOf, credentialOf, tenantOf } from './records.ts'
import { ruleOf, testAudit } from './store-audit.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf, saveUnit } from './store-units.ts'

const FAMILY: RefreshFamilyRecord = {
  id: 'family',
  tenantId: tenantOf(1).id,
  appId: appOf(1).id,
  clientId: 'client',
  versionId: 'ver_1',
  scope: 'WireSocket.API offline_access',
  generation: 1,
  rotatedAtMs: 1_000,
  expiresAtMs: 10_000,
  endsAtMs: undefined,
  revokedAtMs: undefined,
  createdAtMs: 1_000,
}

const USE: UseRecord = {
  credentialId: credentialOf(1).id,
  versionId: 'ver_1',
  outcome: 'accepted',
  protocol: 'http',
  ip: '192.0.2.1',
  agent: 'test',
  count: 1,
  firstAtMs: 100,
  lastAtMs: 100,
}

export function testStoreCredentials(bench: StoreBench): void {
  testRevisions(bench)
  testNames(bench)
  testAudit(bench)
  testFamilies(bench)
  testUses(bench)
}

function testRevisions(bench: StoreBench): void {
  test('of two changes made from one revision of a credential, one wins', async () => {
    await saveUnit(bench.store, 1)
    const change = (name: string) =>
      regionOf(bench.store).transaction((each) =>
        each.saveCredential({ ...credentialOf(1), name, revision: 2 }),
      )
    const rules = await Promise.all([change('a'), change('b')].map(ruleOf))
    expect(rules).toEqual([undefined, 'stale_revision'])
    const read = () =>
      regionOf(bench.store).transaction((each) => each.findCredential(credentialOf(1).id))
    expect(await read()).toMatchObject({ name: 'a', revision: 2 })
    const again = regionOf(bench.store).transaction((each) => each.saveCredential(credentialOf(1)))
    expect(await ruleOf(again)).toBe('stale_revision')
  })

  test('credentials are found by tenant and app in both kinds of database', async () => {
    await saveUnit(bench.store, 1)
    await saveUnit(bench.store, 2)
    await regionOf(bench.store).transaction(async (transaction) => {
      const ofApp = await transaction.listCredentials({ appId: appOf(2).id })
      expect(ofApp).toEqual([credentialOf(2)])
      expect(await transaction.listCredentials({ tenantId: tenantOf(1).id })).toEqual([
        credentialOf(1),
      ])
    })
    const operator = {
      ...credentialOf(3),
      kind: 'operator_key' as const,
      tenantId: undefined,
      appId: undefined,
    }
    await bench.store.control.transaction(async (transaction) => {
      await transaction.saveCredential(operator)
      expect(await transaction.listCredentials({})).toEqual([operator])
      await transaction.removeCredential(operator.id)
      expect(await transaction.listCredentials({})).toEqual([])
    })
  })

  test('a removed app takes its credentials and families with it and leaves the others', async () => {
    await saveUnit(bench.store, 1)
    await saveUnit(bench.store, 2)
    await regionOf(bench.store).startFamily(FAMILY)
    await regionOf(bench.store).transaction((each) => each.removeApp(appOf(1).id))
    await regionOf(bench.store).transaction(async (transaction) => {
      expect(await transaction.listApps()).toEqual([appOf(2)])
      expect(await transaction.listCredentials({})).toEqual([credentialOf(2)])
      expect(await transaction.findFamily(FAMILY.id)).toBeUndefined()
    })
  })
}

function testNames(bench: StoreBench): void {
  const name = (value: string, appId: string): DirectoryEntry => ({
    kind: 'app_name',
    value,
    tenantId: 'tenant',
    appId,
    region: 'local',
    state: 'reserved',
    createdAtMs: 1,
  })

  test('a name is taken once, all of a reservation or nothing', async () => {
    const { control } = bench.store
    await control.transaction((each) => each.reserveNames([name('a', 'one')]))
    const second = control.transaction((each) =>
      each.reserveNames([name('b', 'two'), name('a', 'two')]),
    )
    expect(await ruleOf(second)).toBe('app_name')
    expect(await control.transaction((each) => each.listNames({ appId: 'two' }))).toEqual([])
  })

  test('names are confirmed by app and given back', async () => {
    await bench.store.control.transaction(async (transaction) => {
      await transaction.reserveNames([name('a', 'one'), name('b', 'two')])
      await transaction.confirmNames('one')
      expect(await transaction.listNames({ state: 'reserved' })).toEqual([name('b', 'two')])
      await transaction.releaseNames([name('a', 'one'), name('none', 'none')])
      expect(await transaction.findName('app_name', 'a')).toBeUndefined()
    })
  })
}

function testFamilies(bench: StoreBench): void {
  const step = (generation: number, nowMs = 2_000) => ({
    id: FAMILY.id,
    generation,
    nowMs,
    expiresAtMs: nowMs + 9_000,
  })

  test('of many concurrent steps of one generation exactly one advances', async () => {
    const region = regionOf(bench.store)
    await region.startFamily(FAMILY)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => region.advanceFamily(step(1))),
    )
    expect(outcomes.filter(({ isAdvanced }) => isAdvanced)).toHaveLength(1)
    const after = { ...FAMILY, generation: 2, rotatedAtMs: 2_000, expiresAtMs: 11_000 }
    expect(outcomes.every(({ family }) => Bun.deepEquals(family, after))).toBe(true)
  })

  test('the families of an app are listed by id, page by page', async () => {
    const region = regionOf(bench.store)
    for (const id of ['c', 'a', 'B']) await region.startFamily({ ...FAMILY, id })
    await region.startFamily({ ...FAMILY, id: 'b', appId: 'another' })
    const page = async (afterId: string, countMax: number) => {
      const list = { appId: FAMILY.appId, afterId, countMax }
      return (await region.transaction((each) => each.listFamilies(list))).map(({ id }) => id)
    }
    expect(await page('', 2)).toEqual(['B', 'a'])
    expect(await page('a', 2)).toEqual(['c'])
    expect(await page('c', 2)).toEqual([])
  })

  test('an id is given to one family', async () => {
    const region = regionOf(bench.store)
    await region.startFamily(FAMILY)
    expect(await ruleOf(region.startFamily(FAMILY))).toBe('stale_revision')
  })

  test('nothing advances after expiry, end or revocation, or without a family', async () => {
    const region = regionOf(bench.store)
    expect(await region.advanceFamily(step(1))).toEqual({ isAdvanced: false, family: undefined })
    await region.startFamily(FAMILY)
    expect(await region.advanceFamily(step(1, 10_000))).toMatchObject({ isAdvanced: false })
    await region.startFamily({ ...FAMILY, id: 'ending', endsAtMs: 1_500 })
    expect(await region.advanceFamily({ ...step(1), id: 'ending' })).toMatchObject({
      isAdvanced: false,
    })
    const revoke = () =>
      region.transaction((each) =>
        each.revokeFamilies({ by: 'version', versionId: 'ver_1' }, 2_000),
      )
    expect(await revoke()).toBe(1)
    expect(await revoke()).toBe(0)
    expect(await region.advanceFamily(step(1))).toMatchObject({ isAdvanced: false })
  })

  test('a failing step or transaction does its neighbours no harm', async () => {
    const region = regionOf(bench.store)
    const outcomes = await Promise.allSettled([
      region.startFamily(FAMILY),
      region.startFamily(FAMILY),
      region.transaction(async (transaction) => {
        await transaction.saveApp(appOf(1))
        throw new Error('on purpose')
      }),
      region.transaction((transaction) => transaction.saveApp(appOf(2))),
      region.startFamily({ ...FAMILY, id: 'second' }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(await region.transaction((each) => each.listApps())).toEqual([appOf(2)])
  })

  test('revocations keep the latest times and are listed until they are over', async () => {
    const region = regionOf(bench.store)
    const revocation = { reliance: 'token:1', tenantId: 'tenant', atMs: 10, untilMs: 100 }
    await region.transaction(async (transaction) => {
      await transaction.saveRevocation(revocation)
      await transaction.saveRevocation({ ...revocation, atMs: 5, untilMs: 50 })
      expect(await transaction.listRevocations(100)).toEqual([revocation])
      expect(await transaction.listRevocations(101)).toEqual([])
      await transaction.sweepRevocations(101)
      expect(await transaction.listRevocations(0)).toEqual([])
    })
  })
}

function testUses(bench: StoreBench): void {
  const list = () =>
    regionOf(bench.store).transaction((each) => each.listUses({ credentialId: USE.credentialId }))

  test('counts of one source are added up and its times span all of them', async () => {
    await regionOf(bench.store).addUses([USE, { ...USE, count: 2, firstAtMs: 50, lastAtMs: 200 }])
    await regionOf(bench.store).addUses([{ ...USE, outcome: 'retired' }])
    const [first, second] = await list()
    expect(first).toEqual({ ...USE, count: 3, firstAtMs: 50, lastAtMs: 200 })
    expect(second).toEqual({ ...USE, outcome: 'retired' })
  })

  test('sources beyond the bound of a version are added up under one', async () => {
    const many = Array.from({ length: USE_SOURCE_COUNT_MAX + 5 }, (_, number) => ({
      ...USE,
      ip: `192.0.2.${number}`,
    }))
    await regionOf(bench.store).addUses(many)
    const uses = await list()
    expect(uses).toHaveLength(USE_SOURCE_COUNT_MAX + 1)
    expect(uses.find(({ ip }) => ip === '*')).toMatchObject({ count: 5, agent: '' })
  })

  test('operator keys are counted in the control database', async () => {
    await bench.store.control.addUses([USE])
    const { control } = bench.store
    const uses = await control.transaction((each) =>
      each.listUses({ credentialId: USE.credentialId }),
    )
    expect(uses).toEqual([USE])
  })
}
