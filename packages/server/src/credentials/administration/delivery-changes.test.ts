import { beforeEach, expect, test } from 'bun:test'
import { REGIONS } from '../../../../../test/contract/records.ts'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import { DeliveryChanges } from './delivery-changes.ts'

const MESSAGE_ID = `msg_${'0'.repeat(27)}`

let world: AdministrationWorld
let changes: DeliveryChanges
let endpointId = ''
let followedCount = 0
beforeEach(async () => {
  const store = openMemoryStore(REGIONS)
  world = await AdministrationWorld.open({}, { store })
  const tenantId = await world.tenant()
  const app = { tenantId, name: 'chat', plan: 'unlimited', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...app, type: 'confidential' }, CALLER))
  const { id: appId } = made.loaded.app
  const terms = { name: 'hooks', url: 'https://hooks.example.org/', events: ['cache_miss'] }
  const filters = { channelPrefix: '', channelSuffix: '' }
  const endpoint = { appId, ...terms, ...filters, format: 'standard' } as const
  endpointId = (await world.done(world.webhooks.create(endpoint, CALLER))).endpoint.id
  await store.regions.get('local')?.addDeliveries([
    {
      id: MESSAGE_ID,
      endpointId,
      appId,
      body: '{}',
      eventTypes: ['cache_miss'],
      createdAtMs: 1,
      attemptCount: 7,
      dueAtMs: 1,
      state: 'dead',
      lastOutcome: '500',
      isTaken: false,
    },
  ])
  followedCount = 0
  changes = new DeliveryChanges(world.core.administration, {
    isFull: () => false,
    follow: async () => void followedCount++,
  })
})

test('a replay that changes nothing costs no look at what waits for everybody', async () => {
  expect(await world.done(changes.replay({ endpointId }, CALLER))).toBe(1)
  expect(followedCount).toBe(1)
  for (let count = 0; count < 5; count++) {
    expect(await world.done(changes.replay({ endpointId }, CALLER))).toBe(0)
    expect(await world.done(changes.discard({ endpointId }, CALLER))).toBe(0)
  }
  expect(followedCount).toBe(1)
})

test('one delivery of an endpoint is not there for another one, and is posted again by its own', async () => {
  const other = { endpointId: 'whe_other', deliveryId: MESSAGE_ID }
  expect(await changes.find(other)).toBeUndefined()
  expect(await changes.replay(other, CALLER)).toMatchObject({ refusal: 'not_found' })
  const own = { endpointId, deliveryId: MESSAGE_ID }
  expect(await changes.find(own)).toMatchObject({ state: 'dead' })
  expect(await world.done(changes.replay(own, CALLER))).toBe(1)
  expect(await changes.find(own)).toMatchObject({ state: 'waiting', attemptCount: 0 })
  expect(await changes.discard(own, CALLER)).toMatchObject({ refusal: 'not_found' })
})
