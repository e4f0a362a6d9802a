import { expect, test } from 'bun:test'
import { appOf, endpointOf, REGIONS, tenantOf } from '../../../../test/contract/records.ts'
import { createMemoryBus } from '../adapters/broker-memory/broker.ts'
import { openMemoryStore } from '../adapters/store-memory/store.ts'
import { systemRandom } from '../adapters/system/random.ts'
import { Authority } from './authority.ts'
import { createMasterKeyFile, parseMasterKey } from './master-key.ts'

const CHANGE = { kind: 'app', region: 'local', appId: appOf(1).id } as const

/** Two nodes over one store and one bus; the app is there before they start. */
async function openNodes() {
  const store = openMemoryStore(REGIONS)
  const region = store.regions.get('local')
  const masterKey = parseMasterKey(createMasterKeyFile(systemRandom))
  if (region === undefined || !masterKey.ok) throw new Error('there is no world')
  await store.control.transaction((each) => each.saveTenant(tenantOf(1)))
  await region.transaction(async (each) => {
    await each.saveApp(appOf(1))
    await each.saveWebhookEndpoint(endpointOf(1))
  })
  const fail = (error: unknown) => {
    throw error
  }
  const bus = createMemoryBus({ onError: fail })
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: fail }
  const open = async () => {
    const node = new Authority({
      store,
      masterKey: masterKey.value,
      broker: bus.connect(),
      clock: { nowMs: () => 0, monotonicMs: () => 0 },
      log,
    })
    expect(await node.load()).toMatchObject({ ok: true })
    return node
  }
  return { region, nodes: [await open(), await open()] as const }
}

const endpointsOf = (node: Authority) => node.apps.findById(appOf(1).id)?.webhookEndpoints

test('webhook endpoints are known from the start, and follow a change on every node', async () => {
  const { region, nodes } = await openNodes()
  const [first, second] = nodes
  expect(nodes.map(endpointsOf)).toEqual([[endpointOf(1)], [endpointOf(1)]])
  const changed = endpointOf(1, { revision: 2, disabled: { reason: 'operator', atMs: 5 } })
  const added = endpointOf(2, { appId: appOf(1).id })
  const followed = new Promise<void>((resolve) => second.onChange(() => resolve()))
  await region.transaction(async (each) => {
    await each.saveWebhookEndpoint(changed)
    await each.saveWebhookEndpoint(added)
  })
  await first.changed(CHANGE)
  expect(endpointsOf(first)).toEqual([changed, added])
  await followed
  expect(endpointsOf(second)).toEqual([changed, added])
})

test('a change of a tenant or of plans leaves the endpoints of its apps as they are', async () => {
  const { nodes } = await openNodes()
  await nodes[0].changed({ kind: 'tenant', tenantId: tenantOf(1).id })
  await nodes[0].changed({ kind: 'plans' })
  expect(endpointsOf(nodes[0])).toEqual([endpointOf(1)])
})
