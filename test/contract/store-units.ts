/**
 * Units of a durability test: unit N is tenant N in the control database, then app and credential N
 * together in the region's. Runs in the test and in the processes it kills.
 */
import { Outage } from '../../packages/server/src/ports/outage.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import { appOf, credentialOf, tenantOf } from './records.ts'

const FAILURE_COUNT_MAX = 2

export function regionOf(store: Store) {
  const region = store.regions.get('local')
  if (region === undefined) throw new Error('the store has no region')
  return region
}

export async function saveUnit(
  store: Store,
  number: number,
  changes: { readonly createdAtMs?: number } = {},
): Promise<void> {
  await store.control.transaction((each) => each.saveTenant({ ...tenantOf(number), ...changes }))
  await regionOf(store).transaction(async (transaction) => {
    await transaction.saveApp({ ...appOf(number), ...changes })
    await transaction.saveCredential({ ...credentialOf(number), ...changes })
  })
}

/**
 * @returns N when the units 0 to N-1 are there, as written, and at most the tenant of the next one;
 * anything else throws.
 */
export async function countWholeUnits(store: Store): Promise<number> {
  const tenants = await store.control.transaction((each) => each.listTenants())
  const { apps, credentials } = await regionOf(store).transaction(async (transaction) => ({
    apps: await transaction.listApps(),
    credentials: await transaction.listCredentials({}),
  }))
  const numbers = Array.from(apps, (_, number) => number)
  const isWhole =
    Bun.deepEquals(tenants.slice(0, apps.length), numbers.map(tenantOf)) &&
    Bun.deepEquals(
      tenants.slice(apps.length),
      [tenantOf(apps.length)].slice(0, tenants.length - apps.length),
    ) &&
    Bun.deepEquals(apps, numbers.map(appOf)) &&
    Bun.deepEquals(credentials, numbers.map(credentialOf))
  if (isWhole && tenants.length - apps.length <= 1) return numbers.length
  const counts = `${tenants.length} tenants, ${apps.length} apps, ${credentials.length} credentials`
  throw new Error(`the units are not whole: ${counts}`)
}

/** What a durability test writes and looks for. */
export interface Units {
  readonly save: (store: Store, number: number) => Promise<void>
  /** @returns N as {@link countWholeUnits} does. */
  readonly countWhole: (store: Store) => Promise<number>
}

export const RECORD_UNITS: Units = { save: saveUnit, countWhole: countWholeUnits }

/**
 * Commits unit after unit with an `ack` line after each, until the process is killed. After an
 * outage it tries once more, then says what it can still read, and closes.
 */
export async function commitUnits(
  store: Store,
  { save, countWhole }: Units,
  writeLine: (line: string) => void,
): Promise<void> {
  let count = await countWhole(store)
  let failureCount = 0
  while (failureCount < FAILURE_COUNT_MAX) {
    try {
      await save(store, count)
      writeLine(`ack ${count++}`)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      writeLine(`outage ${error.code}`)
      failureCount++
    }
  }
  writeLine(`readable ${await countWhole(store)}`)
  await store.close()
}
