import { describe, expect, spyOn, test } from 'bun:test'
import { guardWorld } from '../../../../../test/support/guard-world.ts'
import {
  claimsOf,
  credentialsForm,
  openTokenWorld,
} from '../../../../../test/support/token-world.ts'
import { Outage } from '../../ports/outage.ts'

const SOURCE = { ip: '192.0.2.1', agent: 'test', protocol: 'http' }

/** An app with limits, and a token it was given under them. */
async function tokenUnder(limits: readonly string[]) {
  const world = await openTokenWorld()
  const { apps } = world.core.authority
  const limit = (texts: readonly string[]) => {
    const loaded = world.loaded('app')
    const settings = { ...loaded.app.settings, limits: texts }
    apps.put({ ...loaded, app: { ...loaded.app, settings } })
  }
  limit(limits)
  const { body } = await world.call('/connect/token', { form: credentialsForm('app') })
  const token: string = body.access_token
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  const guarded = guardWorld(world.core.administration.clock)
  const publish = async () => {
    const identity = await world.tokens.door.authenticate(token)
    if (!identity.ok) throw new Error(identity.refusal)
    const held = guarded.limitBook.for(identity.value.loaded, identity.value.limits)
    const asker = { user: undefined, connection: undefined, source: SOURCE }
    const items = [{ channels: [{ name: 'a' }], data: 'x' }]
    return guarded.guard.serverPublish(held, asker, items).isAllowed
  }
  return { world, claims, limit, publish }
}

test('a token names the WebSocket region of its server, where there are several', async () => {
  const codeAt = async (regions: readonly string[]) => {
    const documents = { prefixes: [], region: 'eu-central-1', regions }
    const world = await openTokenWorld({ documents })
    const { body } = await world.call('/connect/token', { form: credentialsForm('app') })
    return claimsOf(body.access_token)['regionCode']
  }
  expect(await codeAt([])).toBeUndefined()
  expect(await codeAt(['us-east-1 wss://us.example'])).toBe('eu-central-1')
})

describe('an access token', () => {
  test('carries what holds for its app, and not what everybody knows', async () => {
    const { claims } = await tokenUnder(['publish.channel 5/1m', 'client_events.connection 10/1s'])
    expect(claims.limits.rateLimits).toContain('publish.channel 5/1m')
    expect(claims.limits.rateLimits).not.toContain('client_events.connection 10/1s')
  })

  test('holds its holder to them with the store stopped, and after they were lifted', async () => {
    const { world, limit, publish } = await tokenUnder(['publish.app 2/1m'])
    limit([])
    const { store } = world
    const outage = () => {
      throw new Outage('store_unavailable', 'cut off', { port: 'store' })
    }
    for (const database of [...store.regions.values(), store.control]) {
      spyOn(database, 'transaction').mockImplementation(outage)
    }
    const allowed = []
    for (let count = 0; count < 3; count++) allowed.push(await publish())
    expect(allowed).toEqual([true, true, false])
  })

  test('is narrowed with its app as soon as that is narrowed', async () => {
    const { limit, publish } = await tokenUnder(['publish.app 100/1m'])
    expect(await publish()).toBe(true)
    limit(['publish.app 1/1m'])
    expect(await publish()).toBe(false)
  })
})
