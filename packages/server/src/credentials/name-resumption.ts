/**
 * Finishes what a crash left between taking names and making what they name: a name whose owner is
 * there is confirmed, any other is given back. Runs at the start, before anything else takes names,
 * and for one app after a change of it failed.
 */
import type { DirectoryEntry } from '../ports/records/directory.ts'
import type { PlanRecord } from '../ports/records/plan.ts'
import type { RegionTransaction, Store } from '../ports/store.ts'
import { namesOfApp, namesOfCredential } from './app-names.ts'
import { groupBy } from './loading.ts'
import { findPlanIn } from './tenant-directory.ts'

/** @throws Outage */
export async function resumeNames(store: Store): Promise<void> {
  const reserved = await store.control.transaction((each) => each.listNames({ state: 'reserved' }))
  for (const appId of groupBy(reserved, (entry) => entry.appId).keys()) {
    await settleNamesOf(store, appId)
  }
}

/** Decides about the names of one app that are in doubt. @throws Outage */
export async function settleNamesOf(store: Store, appId: string): Promise<void> {
  const { entries, plans } = await store.control.transaction(async (transaction) => ({
    entries: await transaction.listNames({ appId, state: 'reserved' }),
    plans: await transaction.listPlans(),
  }))
  const held = await heldNames(store, entries, plans)
  const lost = entries.filter((entry) => !held.includes(entry))
  await store.control.transaction(async (transaction) => {
    // First: what is left of the app is confirmed as a whole.
    await transaction.releaseNames(lost)
    await transaction.confirmNames(appId)
  })
}

async function heldNames(
  store: Store,
  entries: readonly DirectoryEntry[],
  plans: readonly PlanRecord[],
): Promise<readonly DirectoryEntry[]> {
  const [first] = entries
  const region = first === undefined ? undefined : store.regions.get(first.region)
  if (first === undefined || region === undefined) return []
  const names = await region.transaction((each) => namesIn(each, { appId: first.appId, plans }))
  return entries.filter(({ kind, value }) =>
    names.some((name) => name.kind === kind && name.value === value),
  )
}

/** What an app as its region has it is named by; empty where it was never made. */
async function namesIn(
  transaction: RegionTransaction,
  { appId, plans }: { readonly appId: string; readonly plans: readonly PlanRecord[] },
) {
  const app = await transaction.findApp(appId)
  if (app === undefined) return []
  const credentials = await transaction.listCredentials({ appId })
  const { subscription, tenantId } = app
  const plan = subscription && findPlanIn(plans, tenantId, subscription.plan)
  return [
    ...namesOfApp(app, plan?.isOnePerTenant === true),
    ...credentials.flatMap(namesOfCredential),
  ]
}
