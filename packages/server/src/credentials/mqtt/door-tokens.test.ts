/** Connection tokens through the door: the forms of user name, and what has ended them. */
import { beforeEach, describe, expect, test } from 'bun:test'
import {
  type ConnectionTokenWorld,
  openConnectionTokenWorld,
  SOURCE,
} from '../../../../../test/support/connection-token-world.ts'
import { guardWorld } from '../../../../../test/support/guard-world.ts'
import { OTHER_SHORT_ID, SHORT_ID } from '../../../../../test/support/mqtt-door-world.ts'
import { OTHER_TENANT_ID, TENANT_ID } from '../../../../../test/support/token-world.ts'
import { Bearers } from '../bearers.ts'
import { CredentialDoor } from './mqtt-door.ts'
import type { MqttCredentials } from './mqtt-identity.ts'

let world: ConnectionTokenWorld
let door: CredentialDoor
beforeEach(async () => {
  world = await openConnectionTokenWorld()
  const { authority, check, recordUse, recordDenial, administration } = world.core
  const { clock } = administration
  const known = { apps: authority.apps, tenants: authority.tenants }
  const shared = { ...known, check, clock, recordUse, recordDenial }
  const bearers = new Bearers({ ...shared, doors: [] })
  const { guard } = guardWorld(clock, ['auth.user 3/1m'])
  door = new CredentialDoor({ ...shared, bearers, guard, tokens: world.tokens })
})

function come(username: string, password: string, more: Partial<MqttCredentials> = {}) {
  const over = { origin: undefined, isWebSocket: false, isTls: false, clientId: 'client' }
  return door.authenticate({ username, password: Buffer.from(password), ...over, ...more }, SOURCE)
}

describe('a connection token', () => {
  test('lets its user in under short id and UUID, at once, pages too', async () => {
    const { password, record } = await world.mint()
    await world.change('app', { allowedOrigins: ['https://app.example.org'] })
    const page = { isWebSocket: true, origin: 'https://app.example.org' }
    for (const organization of [SHORT_ID, TENANT_ID, TENANT_ID.toUpperCase()]) {
      const outcome = come(`${record.username}@${organization}`, password, page)
      expect(outcome).toMatchObject({ ok: true, value: { username: record.username } })
    }
  })

  test('wins over the default app of its organization', async () => {
    const { password, record } = await world.mint({ loaded: world.loaded('sibling') })
    const outcome = come(`${record.username}@${SHORT_ID}`, password)
    expect(outcome).toMatchObject({ value: { loaded: { app: { id: 'sibling' } } } })
  })

  test('is wrong under another name, in another organization, and in none', async () => {
    const { password, record } = await world.mint()
    for (const username of [
      `other@${SHORT_ID}`,
      `${record.username}@${OTHER_SHORT_ID}`,
      `${record.username}@${OTHER_TENANT_ID}`,
      `x@${record.username}@${SHORT_ID}`,
      record.username,
    ]) {
      expect(come(username, password)).toMatchObject({ ok: false, refusal: 'credential_invalid' })
    }
  })

  test('is held to the origins of its app like every page', async () => {
    const { password, record } = await world.mint()
    await world.change('app', { allowedOrigins: ['https://app.example.org'] })
    const page = { isWebSocket: true, origin: 'https://example.com' }
    const outcome = come(`${record.username}@${SHORT_ID}`, password, page)
    expect(outcome).toMatchObject({ refusal: 'origin_refused' })
  })

  test('that was revoked, has expired or is made up says so, and counts as a failure', async () => {
    const revoked = await world.mint()
    const call = { actor: { kind: 'system', id: 'test' }, source: SOURCE, reason: 'left' } as const
    await world.ending.revoke(world.loaded('app'), { id: revoked.record.id }, call)
    const refusalOf = (minted: typeof revoked, password = minted.password) =>
      come(`${minted.record.username}@${SHORT_ID}`, password)
    expect(refusalOf(revoked)).toMatchObject({ refusal: 'credential_revoked' })
    const expired = await world.mint({ ttlMs: 60_000 })
    world.time.ms += 3_600_000
    expect(refusalOf(expired)).toMatchObject({ refusal: 'token_expired' })
    const forged = `${expired.password.slice(0, -3)}AAA`
    for (let count = 0; count < 2; count++) {
      expect(refusalOf(expired, forged)).toMatchObject({ refusal: 'credential_invalid' })
    }
    expect(refusalOf(expired, forged)).toMatchObject({ refusal: 'rate_limited' })
  })
})
