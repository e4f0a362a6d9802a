import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { type DoorWorld, openDoorWorld } from '../../../../../test/support/mqtt-door-world.ts'
import { OTHER_TENANT_ID, TENANT_ID } from '../../../../../test/support/token-world.ts'
import { RuleBook } from './rule-book.ts'

let world: DoorWorld
let told: string[]
beforeEach(async () => {
  world = await openDoorWorld()
})

/** Begins to listen now. */
function listen(): void {
  told = []
  new RuleBook(world.core.authority).onChange((tenantId) => told.push(tenantId))
}

const update = (credentialId: string, terms: object) =>
  world.core.changes.update({ credentialId, ...terms }, CALLER)

describe('a rule book tells', () => {
  test('of another rule set of an MQTT user, and of none any more', async () => {
    const { id } = (await world.make('mqtt_user', { name: 'alice' })).credential
    listen()
    await update(id, { ruleSet: 'sensors' })
    await update(id, { ruleSet: null })
    expect(told).toEqual([TENANT_ID, TENANT_ID])
  })

  test('of other scopes of a key, for the tenant whose it is', async () => {
    listen()
    const { id } = (await world.make('api_key', { appId: 'foreign' })).credential
    expect(told).toEqual([])
    await update(id, { scopes: ['publish:news'] })
    await update(id, { scopes: ['publish:news'] })
    await update(id, { scopes: [] })
    expect(told).toEqual([OTHER_TENANT_ID, OTHER_TENANT_ID])
  })
})

test('a rule book tells nothing where nobody who is connected is narrowed', async () => {
  listen()
  const { id } = (await world.make('mqtt_user', { name: 'alice' })).credential
  await world.make('mqtt_user', { name: 'bob', attributes: { ruleSet: 'sensors' } })
  await update(id, { policy: { maxAgeDays: 1 } })
  await world.core.changes.rotate({ credentialId: id, overlapMs: 60_000 }, CALLER)
  await world.core.changes.revoke({ credentialId: id, reason: 'lost' }, CALLER)
  const { apps } = world.core.authority
  apps.remove('app')
  await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'nowhere' })
  expect(told).toEqual([])
})
