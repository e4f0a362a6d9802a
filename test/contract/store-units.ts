/**
 * Units of a durability test: unit N is tenant, app and key N, committed together. Runs in the test
 * and in the processes it kills.
 */
import { Outage } from '../../packages/server/src/ports/outage.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import { appOf, keyOf, tenantOf } from './records.ts'

const FAILURE_COUNT_MAX = 2

export async function saveUnit(
  store: Store,
  number: number,
  changes: { readonly createdAtMs?: number } = {},
): Promise<void> {
  await store.transaction(async (transaction) => {
    await transaction.saveTenant({ ...tenantOf(number), ...changes })
    await transaction.saveApp({ ...appOf(number), ...changes })
    await transaction.saveSigningKey({ ...keyOf(number), ...changes })
  })
}

/** @returns N when exactly the units 0 to N-1 are there, as written; anything else throws. */
export async function countWholeUnits(store: Store): Promise<number> {
  const { tenants, apps, keys } = await store.transaction(async (transaction) => ({
    tenants: await transaction.listTenants(),
    apps: await transaction.listApps(),
    keys: await transaction.listSigningKeys(),
  }))
  const numbers = Array.from(tenants, (_, number) => number)
  const isWhole =
    Bun.deepEquals(tenants, numbers.map(tenantOf)) &&
    Bun.deepEquals(apps, numbers.map(appOf)) &&
    Bun.deepEquals(keys, numbers.map(keyOf))
  if (isWhole) return numbers.length
  const counts = `${tenants.length} tenants, ${apps.length} apps, ${keys.length} keys`
  throw new Error(`the units are not whole: ${counts}`)
}

/**
 * Commits unit after unit with an `ack` line after each, until the process is killed. After an
 * outage it tries once more, then says what it can still read, and closes.
 */
export async function commitUnits(store: Store, writeLine: (line: string) => void): Promise<void> {
  let count = await countWholeUnits(store)
  let failureCount = 0
  while (failureCount < FAILURE_COUNT_MAX) {
    try {
      await saveUnit(store, count)
      writeLine(`ack ${count++}`)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      writeLine(`outage ${error.code}`)
      failureCount++
    }
  }
  writeLine(`readable ${await countWholeUnits(store)}`)
  await store.close()
}
