import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  type DoorWorld,
  openDoorWorld,
  OTHER_SHORT_ID,
  SHORT_ID,
  SOURCE,
} from '../../../../../test/support/mqtt-door-world.ts'
import { TENANT_ID } from '../../../../../test/support/token-world.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { generateKey } from '../key-format.ts'

const USER = `alice@${SHORT_ID}`
const PAGE = { isWebSocket: true, origin: 'https://app.example.org' }

let world: DoorWorld
beforeEach(async () => {
  world = await openDoorWorld()
})

/** The password of alice, who belongs to `app`. */
const alice = async () => (await world.make('mqtt_user', { name: 'alice' })).value ?? ''

describe.each(['mqtt_user', 'api_key'] as const)('a right %s', (kind) => {
  const right = async () => (await world.make(kind, { name: 'alice' })).value ?? ''

  test('is refused, and recorded, where its app may not be used', async () => {
    const value = await right()
    world.change('app', { enabled: false })
    expect(await world.come(USER, value)).toMatchObject({ refusal: 'app_disabled' })
    world.change('app', { enabled: true })
    const { apps } = world.core.authority
    const loaded = world.loaded('app')
    apps.put({ ...loaded, tenant: { ...loaded.tenant, state: 'suspended' } })
    expect(await world.come(USER, value)).toMatchObject({ refusal: 'tenant_inactive' })
    apps.put({ ...loaded, limits: undefined })
    expect(await world.come(USER, value)).toMatchObject({ refusal: 'plan_missing' })
    expect(world.denials.map(({ action, reason }) => [action, reason])).toEqual([
      ['auth.denied', 'app_disabled'],
      ['auth.denied', 'tenant_inactive'],
      ['auth.denied', 'plan_missing'],
    ])
    expect(world.denials.every(({ owner }) => owner.id === 'app')).toBe(true)
  })

  test('does not connect a page, unless its app lets it', async () => {
    const value = await right()
    expect(await world.come(USER, value, PAGE)).toMatchObject({ refusal: 'password_in_browser' })
    expect(world.denials).toMatchObject([
      { action: 'auth.denied', reason: 'password_in_browser', owner: { id: 'app' } },
    ])
    world.change('app', { mqttUsersInBrowsers: 'allow' })
    expect(await world.come(USER, value, PAGE)).toMatchObject({ ok: true })
  })

  test('is held to TLS and origins of its app', async () => {
    const value = await right()
    world.change('app', { requireTls: true, allowedOrigins: ['https://other.example.org'] })
    expect(await world.come(USER, value)).toMatchObject({ refusal: 'tls_required' })
    expect(await world.come(USER, value, { isTls: true })).toMatchObject({ ok: true })
    const page = { ...PAGE, isTls: true }
    expect(await world.come(USER, value, page)).toMatchObject({ refusal: 'origin_refused' })
  })
})

describe('a page', () => {
  test.each([
    ['pk', true],
    ['rk', false],
    ['sk', false],
  ])('connects with a key of type %s: %p', async (prefix, isLetIn) => {
    const { value } = await world.make('api_key', { attributes: { prefix } })
    expect((await world.come(USER, value, PAGE)).ok).toBe(isLetIn)
  })

  test('connects with a token of ours', async () => {
    expect(await world.come(USER, await world.accessToken('app'), PAGE)).toMatchObject({ ok: true })
  })
})

describe('failures', () => {
  const wrong = generateKey('mqu', systemRandom).value

  test('of an organization that does not exist and of a wrong password are one answer', async () => {
    const value = await alice()
    const answers = [
      await world.come(USER, wrong),
      await world.come(`nobody@${SHORT_ID}`, wrong),
      await world.come('alice@org_nonexistent2', value),
      await world.come(`alice@${OTHER_SHORT_ID}`, value),
    ]
    expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  test('are in the chain of whom they concern, and name nothing that was sent', async () => {
    const value = await alice()
    const secrets = [wrong, 'my-secret-as-a-name', value]
    await world.come(USER, wrong)
    await world.come(`my-secret-as-a-name@${SHORT_ID}`, wrong)
    await world.come(`my-secret-as-a-name@org_nonexistent2`, value)
    expect(world.denials.map(({ target, owner }) => [target.name, owner.tenantId])).toEqual([
      ['alice', TENANT_ID],
      [undefined, TENANT_ID],
      [undefined, undefined],
    ])
    for (const secret of secrets) expect(JSON.stringify(world.denials)).not.toContain(secret)
  })

  test('over the limit of an address are told so, and a right password still passes', async () => {
    world = await openDoorWorld(['auth.ip 2/1m'])
    const value = await alice()
    const fail = (name: string) => world.come(`${name}@${SHORT_ID}`, wrong)
    expect(await fail('a')).toMatchObject({ refusal: 'credential_invalid' })
    expect(await world.come(undefined, undefined)).toMatchObject({ refusal: 'credential_missing' })
    expect(await fail('c')).toMatchObject({ refusal: 'rate_limited', reading: { remaining: 0 } })
    expect(await world.come(USER, value)).toMatchObject({ ok: true })
    const source = { ...SOURCE, ip: '192.0.2.10' }
    const elsewhere = await world.come(USER, wrong, { source })
    expect(elsewhere).toMatchObject({ refusal: 'credential_invalid' })
    world.time.ms += 120_000
    expect(await fail('a')).toMatchObject({ refusal: 'credential_invalid' })
  })

  test('over the limit of a user name, from any address, leave other names alone', async () => {
    world = await openDoorWorld(['auth.user 1/1m'])
    const fail = (username: string, index: number) =>
      world.come(username, wrong, { source: { ...SOURCE, ip: `192.0.2.${index}` } })
    expect(await fail(USER, 1)).toMatchObject({ refusal: 'credential_invalid' })
    expect(await fail(USER, 2)).toMatchObject({ refusal: 'rate_limited' })
    expect(await fail(`bob@${SHORT_ID}`, 3)).toMatchObject({ refusal: 'credential_invalid' })
    expect(await fail(`alice@${OTHER_SHORT_ID}`, 4)).toMatchObject({
      refusal: 'credential_invalid',
    })
  })

  test('with one key count as that key’s, whatever name they come under', async () => {
    world = await openDoorWorld(['auth.user 1/1m'])
    const key = generateKey('sk', systemRandom).value
    expect(await world.come('a@x', key)).toMatchObject({ refusal: 'credential_invalid' })
    expect(await world.come('b@y', key)).toMatchObject({ refusal: 'rate_limited' })
  })

  test('with tokens that have ended are charged as well', async () => {
    world = await openDoorWorld(['auth.ip 1/1m'])
    const token = await world.accessToken('app')
    world.time.ms += 3_600_000
    expect(await world.come(USER, token)).toMatchObject({ refusal: 'token_expired' })
    expect(await world.come(USER, token)).toMatchObject({ refusal: 'rate_limited' })
  })

  test('of an app that may not be used are charged to nobody', async () => {
    world = await openDoorWorld(['auth.ip 1/1m'])
    const value = await alice()
    world.change('app', { enabled: false })
    for (let count = 0; count < 3; count++) {
      expect(await world.come(USER, value)).toMatchObject({ refusal: 'app_disabled' })
    }
  })

  test('under names of any length and kind are counted by address alone', async () => {
    world = await openDoorWorld(['auth.user 1/1m'])
    for (const name of ['x'.repeat(400), 'a b', 'ä', '\n']) {
      for (let count = 0; count < 2; count++) {
        const refused = await world.come(`${name}@${SHORT_ID}`, wrong)
        expect(refused).toMatchObject({ refusal: 'credential_invalid' })
      }
    }
  })
})

describe('a user that is rotated', () => {
  test('leaves those with the old password known by name, until it is disabled', async () => {
    const { credential, value = '' } = await world.make('mqtt_user', { name: 'alice' })
    const rotation = { credentialId: credential.id, overlapMs: 3_600_000 }
    expect(await world.core.changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
    expect(await world.come(USER, value)).toMatchObject({ ok: true })
    const [first] = credential.versions
    const request = { credentialId: credential.id, versionId: first?.id ?? '' }
    const early = await world.core.changes.disable(request, CALLER)
    expect(early).toMatchObject({ refusal: 'still_in_use' })
    const forced = { ...request, isForced: true, reason: 'leaked' }
    expect(await world.core.changes.disable(forced, CALLER)).toMatchObject({ ok: true })
    expect(await world.come(USER, value)).toMatchObject({ refusal: 'credential_invalid' })
  })
})
