/**
 * Finishes what a crash left between taking names and making what they name: a name whose owner is
 * there is confirmed, any other is given back. Runs at the start, before anything else takes names.
 */
import type { DirectoryEntry } from '../ports/records/directory.ts'
import type { RegionTransaction, Store } from '../ports/store.ts'
import { namesOfApp, namesOfCredential } from './app-names.ts'
import { groupBy } from './loading.ts'

/** @throws Outage */
export async function resumeNames(store: Store): Promise<void> {
  const reserved = await store.control.transaction((each) => each.listNames({ state: 'reserved' }))
  for (const [appId, entries] of groupBy(reserved, (entry) => entry.appId)) {
    const held = await heldNames(store, entries)
    const lost = entries.filter((entry) => !held.includes(entry))
    await store.control.transaction(async (transaction) => {
      // First: what is left of the app is confirmed as a whole.
      await transaction.releaseNames(lost)
      await transaction.confirmNames(appId)
    })
  }
}

async function heldNames(
  store: Store,
  entries: readonly DirectoryEntry[],
): Promise<readonly DirectoryEntry[]> {
  const [first] = entries
  const region = first === undefined ? undefined : store.regions.get(first.region)
  if (first === undefined || region === undefined) return []
  const names = await region.transaction((transaction) => namesIn(transaction, first.appId))
  return entries.filter(({ kind, value }) =>
    names.some((name) => name.kind === kind && name.value === value),
  )
}

/** What an app as its region has it may be named by; empty where it was never made. */
async function namesIn(transaction: RegionTransaction, appId: string) {
  const app = await transaction.findApp(appId)
  if (app === undefined) return []
  const credentials = await transaction.listCredentials({ appId })
  // Whether its plan is one that a tenant has once is decided where the plan is assigned.
  return [...namesOfApp(app, true), ...credentials.flatMap(namesOfCredential)]
}
