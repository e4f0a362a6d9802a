/** The part of the store contract that webhooks rest on. */
import { expect, test } from 'bun:test'
import type { WebhookEndpointRecord } from '../../packages/server/src/ports/records/webhook.ts'
import { Conflict } from '../../packages/server/src/ports/store.ts'
import { appOf, endpointOf } from './records.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf, saveUnit } from './store-units.ts'

export function testStoreWebhooks(bench: StoreBench): void {
  const save = (endpoint: WebhookEndpointRecord) =>
    regionOf(bench.store).transaction((each) => each.saveWebhookEndpoint(endpoint))
  const list = (filter?: { readonly appId: string }) =>
    regionOf(bench.store).transaction((each) => each.listWebhookEndpoints(filter))
  const ruleOf = async (endpoint: WebhookEndpointRecord) => {
    const error: unknown = await save(endpoint).catch((reason: unknown) => reason)
    return error instanceof Conflict ? error.rule : error
  }

  test('an endpoint comes back field for field, with and without what may be missing', async () => {
    const full = endpointOf(1, {
      name: 'Größe "x" \u{1f600} \'; --',
      disabled: { reason: 'gone', atMs: 7 },
      failingSinceMs: 6,
    })
    const bare = endpointOf(2, { format: 'pusher', credentialId: undefined })
    await save(full)
    await save(bare)
    await regionOf(bench.store).transaction(async (each) => {
      expect(await each.findWebhookEndpoint(full.id)).toEqual(full)
      expect(await each.findWebhookEndpoint(bare.id)).toEqual(bare)
      expect(await each.findWebhookEndpoint('whe_none')).toBeUndefined()
    })
  })

  test('endpoints are listed by app or all of them, oldest first', async () => {
    const appId = appOf(1).id
    await save(endpointOf(3, { appId, createdAtMs: 30 }))
    await save(endpointOf(1, { createdAtMs: 30 }))
    await save(endpointOf(2, { createdAtMs: 10 }))
    const numbers = (found: readonly WebhookEndpointRecord[]) => found.map(({ id }) => id)
    expect(numbers(await list())).toEqual([endpointOf(2).id, endpointOf(1).id, endpointOf(3).id])
    expect(numbers(await list({ appId }))).toEqual([endpointOf(1).id, endpointOf(3).id])
    expect(await list({ appId: 'none' })).toEqual([])
  })

  test('of two changes of one revision the second is refused', async () => {
    await save(endpointOf(1))
    await save(endpointOf(1, { revision: 2, url: 'https://first.example.org/' }))
    const late = endpointOf(1, { revision: 2, url: 'https://second.example.org/' })
    expect(await ruleOf(late)).toBe('stale_revision')
    expect(await ruleOf(endpointOf(1))).toBe('stale_revision')
    expect(await ruleOf(endpointOf(2, { revision: 2 }))).toBe('stale_revision')
    expect((await list()).map(({ url }) => url)).toEqual(['https://first.example.org/'])
  })

  test('a name is free in another app only, whoever comes first', async () => {
    await save(endpointOf(1, { name: 'orders' }))
    expect(await ruleOf(endpointOf(2, { name: 'orders' }))).toBeUndefined()
    const here = endpointOf(3, { appId: appOf(1).id, name: 'orders' })
    expect(await ruleOf(here)).toBe('webhook_name')
    await save({ ...here, name: 'other' })
    expect(await ruleOf({ ...here, revision: 2 })).toBe('webhook_name')
    const racing = [4, 5, 6].map((number) =>
      ruleOf(endpointOf(number, { appId: appOf(1).id, name: 'raced' })),
    )
    const outcomes = await Promise.all(racing)
    expect(outcomes.filter((rule) => rule === undefined)).toHaveLength(1)
  })

  test('a removed endpoint is gone, its name is free, and removing it again is no error', async () => {
    await save(endpointOf(1, { name: 'orders' }))
    for (let times = 0; times < 2; times++) {
      await regionOf(bench.store).transaction((each) =>
        each.removeWebhookEndpoint(endpointOf(1).id),
      )
    }
    expect(await list()).toEqual([])
    await save(endpointOf(2, { appId: appOf(1).id, name: 'orders' }))
  })

  test('a removed app takes its endpoints with it and leaves those of others', async () => {
    await saveUnit(bench.store, 1)
    await save(endpointOf(1))
    await save(endpointOf(2))
    await regionOf(bench.store).transaction((each) => each.removeApp(appOf(1).id))
    expect((await list()).map(({ id }) => id)).toEqual([endpointOf(2).id])
  })
}
