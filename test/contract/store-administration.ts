/** The part of the store contract that the administration rests on. */
import { expect, test } from 'bun:test'
import type { IdempotencyRecord } from '../../packages/server/src/ports/records/installation.ts'
import type { PlanRecord } from '../../packages/server/src/ports/records/plan.ts'
import { tenantOf } from './records.ts'
import type { StoreBench } from './store-bench.ts'

const OPERATOR = `cred_${'a'.repeat(20)}`
const OTHER_OPERATOR = `cred_${'b'.repeat(20)}`

const answerOf = (number: number, operator = OPERATOR): IdempotencyRecord => ({
  id: `${operator}/key-${number}`,
  requestHash: 'ab'.repeat(32),
  state: 'done',
  status: 201,
  sealedAnswer: 'AAECAw==',
  createdAtMs: number * 1_000,
})

const PLAN: PlanRecord = {
  tenantId: undefined,
  name: 'team',
  limits: {
    maxConnections: 9,
    maxDocuments: 8,
    maxUsersPerDoc: 7,
    opsPerMinute: 6,
    rateLimits: ['publish.user 10/1s'],
  },
  isOnePerTenant: true,
  isOpenToTenants: true,
  createdAtMs: 1_000,
}

export function testStoreAdministration(bench: StoreBench): void {
  test('keys of the installation are replaced by name, and go one by one', async () => {
    const { control } = bench.store
    const names = () =>
      control.transaction(async (each) =>
        (await each.listInstallationKeys()).map(({ name, sealed }) => `${name} ${sealed}`),
      )
    const before = await names()
    await control.transaction(async (each) => {
      for (const name of ['one', 'two', 'one']) {
        await each.saveInstallationKey({ name, sealed: `of-${name}`, createdAtMs: 1 })
      }
    })
    expect((await names()).filter((each) => !before.includes(each)).toSorted()).toEqual([
      'one of-one',
      'two of-two',
    ])
    await control.transaction(async (each) => {
      for (const name of ['one', 'nobody']) await each.removeInstallationKey(name)
    })
    expect((await names()).filter((each) => !before.includes(each))).toEqual(['two of-two'])
    await control.transaction((each) => each.removeInstallationKey('two'))
    expect(await names()).toEqual(before)
  })

  test('a plan comes back field for field, open or closed, of a tenant or of all', async () => {
    const tenant = tenantOf(1)
    const own = { ...PLAN, tenantId: tenant.id, isOpenToTenants: false }
    const plans = () => bench.store.control.transaction((each) => each.listPlans())
    await bench.store.control.transaction(async (each) => {
      await each.saveTenant(tenant)
      for (const plan of [own, PLAN]) await each.savePlan(plan)
    })
    expect(await plans()).toEqual([PLAN, own])
    const closed = { ...PLAN, isOpenToTenants: false }
    await bench.store.control.transaction((each) => each.savePlan(closed))
    expect(await plans()).toEqual([closed, own])
    await bench.store.control.transaction((each) => each.removePlan(own))
    expect(await plans()).toEqual([closed])
  })

  const keep = (numbers: readonly number[]) =>
    bench.store.control.transaction(async (each) => {
      for (const number of numbers) await each.saveIdempotency(answerOf(number))
    })
  const kept = async () => {
    const records = await bench.store.control.transaction((each) => each.listIdempotency())
    return records.map(({ createdAtMs }) => createdAtMs / 1_000)
  }

  test('an answer that is kept comes back field for field, and a second save replaces it', async () => {
    const running = { ...answerOf(1), state: 'running' as const, status: 0, sealedAnswer: '' }
    await bench.store.control.transaction((each) => each.saveIdempotency(running))
    await keep([1])
    const found = await bench.store.control.transaction((each) =>
      each.findIdempotency(answerOf(1).id),
    )
    expect(found).toEqual(answerOf(1))
    expect(await kept()).toEqual([1])
  })

  test('an answer that is removed is gone, and one that is not there is no error', async () => {
    await keep([1, 2])
    for (const number of [1, 1, 7]) {
      await bench.store.control.transaction((each) => each.removeIdempotency(answerOf(number).id))
    }
    expect(await kept()).toEqual([2])
  })

  test('a sweep leaves each operator the newest, whatever others keep', async () => {
    await keep([1, 2, 3])
    await bench.store.control.transaction(async (each) => {
      for (const number of [7, 8, 9]) await each.saveIdempotency(answerOf(number, OTHER_OPERATOR))
      await each.sweepIdempotency({ beforeMs: 0, countMax: 2 })
    })
    expect(await kept()).toEqual([2, 3, 8, 9])
  })

  test('a sweep removes old answers, and of the others the oldest beyond the bound', async () => {
    await keep([5, 1, 4, 2, 3])
    const sweep = (beforeMs: number, countMax: number) =>
      bench.store.control.transaction((each) => each.sweepIdempotency({ beforeMs, countMax }))
    await sweep(2_000, 10)
    expect(await kept()).toEqual([2, 3, 4, 5])
    await sweep(0, 2)
    expect(await kept()).toEqual([4, 5])
    await sweep(0, 0)
    expect(await kept()).toEqual([])
  })
}
