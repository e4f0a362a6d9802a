import { expect, test } from 'bun:test'
import { appOf, credentialOf, REGIONS } from '../../../../test/contract/records.ts'
import { openMemoryStore } from '../adapters/store-memory/store.ts'
import type { Store } from '../ports/store.ts'
import { namesOfApp, namesOfCredential, reserved } from './app-names.ts'
import { resumeNames } from './name-resumption.ts'

const APP = appOf(1)
const NAMES = [...namesOfApp(APP, false), ...namesOfCredential(credentialOf(1))]

async function reserve(store: Store, names = NAMES): Promise<void> {
  await store.control.transaction((each) => each.reserveNames(reserved(names, APP, 1)))
}

async function make(store: Store): Promise<void> {
  await store.regions.get('local')?.transaction(async (transaction) => {
    await transaction.saveApp(APP)
    await transaction.saveCredential(credentialOf(1))
  })
}

const statesIn = async (store: Store) => {
  const names = await store.control.transaction((each) => each.listNames({}))
  return names.map(({ kind, state }) => `${kind} ${state}`).toSorted()
}

test('names of an app that was never made are given back', async () => {
  const store = openMemoryStore(REGIONS)
  await reserve(store)
  await resumeNames(store)
  expect(await statesIn(store)).toEqual([])
  await reserve(store)
})

test('names of an app that was made are confirmed', async () => {
  const store = openMemoryStore(REGIONS)
  await reserve(store)
  await make(store)
  await resumeNames(store)
  const confirmed = ['app_id', 'app_key', 'app_name', 'client_id'].map(
    (kind) => `${kind} confirmed`,
  )
  expect(await statesIn(store)).toEqual(confirmed)
})

test('of a change that was cut short the new name goes and the old one stays', async () => {
  const store = openMemoryStore(REGIONS)
  await reserve(store)
  await make(store)
  await resumeNames(store)
  const before = await statesIn(store)
  await reserve(store, [{ kind: 'app_name', value: `${APP.tenantId}/renamed` }])
  await resumeNames(store)
  expect(await statesIn(store)).toEqual(before)
})
