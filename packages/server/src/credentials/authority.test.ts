import { expect, test } from 'bun:test'
import { appOf, endpointOf, REGIONS, tenantOf } from '../../../../test/contract/records.ts'
import { createMemoryBus } from '../adapters/broker-memory/broker.ts'
import { openMemoryStore } from '../adapters/store-memory/store.ts'
import { systemRandom } from '../adapters/system/random.ts'
import type { IntegrationRecord, RuleSetRecord } from '../ports/records/rule-set.ts'
import { Authority } from './authority.ts'
import { createMasterKeyFile, parseMasterKey } from './master-key.ts'

const CHANGE = { kind: 'app', region: 'local', appId: appOf(1).id } as const

const RULE_SET: RuleSetRecord = {
  tenantId: tenantOf(1).id,
  name: 'default',
  rules: [{ effect: 'allow', actions: ['publish'], filter: '#' }],
  revision: 1,
  createdAtMs: 1,
  updatedAtMs: 1,
}

const INTEGRATION: IntegrationRecord = {
  tenantId: tenantOf(1).id,
  name: 'web',
  appId: undefined,
  ruleSet: 'default',
  provider: undefined,
  isEnabled: true,
  revision: 1,
  createdAtMs: 1,
  updatedAtMs: 1,
}

/** Two nodes over one store and one bus; the app is there before they start. */
async function openNodes() {
  const store = openMemoryStore(REGIONS)
  const region = store.regions.get('local')
  const masterKey = parseMasterKey(createMasterKeyFile(systemRandom))
  if (region === undefined || !masterKey.ok) throw new Error('there is no world')
  await store.control.transaction(async (each) => {
    for (const number of [1, 2]) await each.saveTenant(tenantOf(number))
    await each.saveRuleSet(RULE_SET)
    await each.saveIntegration(INTEGRATION)
  })
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
  return { store, region, nodes: [await open(), await open()] as const }
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

test('rules and integrations are known from the start, and follow a change on every node', async () => {
  const { store, nodes } = await openNodes()
  const [first, second] = nodes
  const known = (node: Authority, number: number) => {
    const { ruleSets, integrations } = node.tenants.find(tenantOf(number).id) ?? {}
    return { ruleSets, integrations }
  }
  const before = { ruleSets: [RULE_SET], integrations: [INTEGRATION] }
  expect(nodes.map((node) => known(node, 1))).toEqual([before, before])
  expect(known(first, 2)).toEqual({ ruleSets: [], integrations: [] })
  const changed = { ...RULE_SET, revision: 2, rules: [] }
  const heard = new Promise<unknown>((resolve) => second.onChange(resolve))
  await store.control.transaction(async (each) => {
    await each.saveRuleSet(changed)
    await each.removeIntegration(INTEGRATION)
  })
  await first.changed({ kind: 'tenant', tenantId: tenantOf(1).id })
  expect(known(first, 1)).toEqual({ ruleSets: [changed], integrations: [] })
  expect(await heard).toEqual({ kind: 'tenant', tenantId: tenantOf(1).id })
  expect(known(second, 1)).toEqual({ ruleSets: [changed], integrations: [] })
  expect(known(first, 2)).toEqual({ ruleSets: [], integrations: [] })
})
