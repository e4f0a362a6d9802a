import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { macToken } from '../../../../../test/support/foreign-world.ts'
import {
  type DoorWorld,
  openDoorWorld,
  OTHER_SHORT_ID,
  SHORT_ID,
  SOURCE,
} from '../../../../../test/support/mqtt-door-world.ts'
import { OTHER_TENANT_ID, TENANT_ID } from '../../../../../test/support/token-world.ts'
import { ok, refuse } from '@lockgate/protocol/result'
import { systemRandom } from '../../adapters/system/random.ts'
import { generateKey } from '../key-format.ts'

let world: DoorWorld
beforeEach(async () => {
  world = await openDoorWorld()
})

const at = (name: string, organization = SHORT_ID) => `${name}@${organization}`

async function identity(username: string | undefined, password: string) {
  const outcome = await world.come(username, password)
  if (!outcome.ok) throw new Error(outcome.refusal)
  return outcome.value
}

const INVALID = { ok: false, refusal: 'credential_invalid' } as const

describe('the password of an MQTT user', () => {
  test('lets the user in under the short id and the UUID of its organization', async () => {
    const { value = '', credential, versionId } = await world.make('mqtt_user', { name: 'alice' })
    for (const organization of [SHORT_ID, TENANT_ID, TENANT_ID.toUpperCase()]) {
      const known = await identity(at('alice', organization), value)
      expect(known).toMatchObject({
        owner: `credential:${credential.id}`,
        username: 'alice',
        userId: undefined,
        mayPublish: true,
        maySubscribe: true,
        acl: undefined,
      })
      expect(known.loaded.app.id).toBe('app')
      expect(known.reliances.map(String)).toEqual([
        `version:${versionId}`,
        `credential:${credential.id}`,
      ])
      expect(known.expiresAtMs()).toBeUndefined()
    }
    expect(world.usesOf(credential.id)).toEqual({ accepted: 3 })
  })

  test('belongs to a name that may hold an @ itself: the last one ends it', async () => {
    const { value = '' } = await world.make('mqtt_user', { name: 'ann@example.org' })
    expect((await identity(at('ann@example.org'), value)).username).toBe('ann@example.org')
    expect(await world.come(at('ann'), value)).toEqual(INVALID)
    expect(await world.come('ann@example.org', value)).toEqual(INVALID)
  })

  test('is nobody else’s, in no other organization, and none where none is named', async () => {
    const { value = '' } = await world.make('mqtt_user', { name: 'alice' })
    await world.make('mqtt_user', { name: 'bob' })
    for (const username of [
      at('bob'),
      at('nobody'),
      at('ALICE'),
      at(''),
      at('alice', OTHER_SHORT_ID),
      at('alice', OTHER_TENANT_ID),
      at('alice', 'org_nonexistent2'),
      at('alice', ''),
      at('alice', `${SHORT_ID} `),
      at('alice', 'app'),
      'alice',
    ]) {
      expect(await world.come(username, value)).toEqual(INVALID)
    }
  })

  test('is one of several: users of one name in two organizations never meet', async () => {
    const here = await world.make('mqtt_user', { name: 'alice' })
    const there = await world.make('mqtt_user', { name: 'alice', appId: 'foreign' })
    const [ours, theirs] = [here.value ?? '', there.value ?? '']
    expect((await identity(at('alice'), ours)).loaded.app.id).toBe('app')
    expect((await identity(at('alice', OTHER_SHORT_ID), theirs)).loaded.app.id).toBe('foreign')
    expect(await world.come(at('alice'), theirs)).toEqual(INVALID)
    expect(await world.come(at('alice', OTHER_SHORT_ID), ours)).toEqual(INVALID)
  })

  test('names the app of its user, which wins over the default one', async () => {
    const main = await world.make('mqtt_user', { name: 'alice' })
    const other = await world.make('mqtt_user', { name: 'alice', appId: 'sibling' })
    expect((await identity(at('alice'), other.value ?? '')).loaded.app.id).toBe('sibling')
    expect((await identity(at('alice'), main.value ?? '')).loaded.app.id).toBe('app')
  })

  test('is the same in two apps by declaration: then the default app is meant', async () => {
    const { value = '', credential } = await world.make('mqtt_user', { name: 'alice' })
    const sibling = world.loaded('sibling')
    const app = world.loaded('app')
    const copied = app.credentials
      .filter(({ record }) => record.id === credential.id)
      .map((each) => {
        const versions = each.record.versions.map((version) => ({ ...version, id: 'ver_copy' }))
        return { ...each, record: { ...each.record, id: 'cred_copy', appId: 'sibling', versions } }
      })
    world.core.authority.apps.put({ ...sibling, credentials: copied })
    expect((await identity(at('alice'), value)).loaded.app.id).toBe('app')
    world.change('sibling', { organizationDefault: true })
    expect((await identity(at('alice'), value)).loaded.app.id).toBe('sibling')
  })

  test('is wrong where it is near, empty, too long or no text', async () => {
    const { value = '' } = await world.make('mqtt_user', { name: 'alice' })
    const wrong = [value.slice(1), `${value} `, value.toLowerCase(), 'x'.repeat(8_000), '\0']
    for (const password of wrong) expect(await world.come(at('alice'), password)).toEqual(INVALID)
    const none = { ok: false, refusal: 'credential_missing' } as const
    expect(await world.come(at('alice'), '')).toEqual(none)
    expect(await world.come(at('alice'), undefined)).toEqual(none)
    expect(await world.come(at('alice'), 'x'.repeat(8_193))).toEqual(INVALID)
    expect(await world.come(at('a'.repeat(600)), value)).toEqual(INVALID)
    const bytes = Buffer.from([0xff, 0xfe, 0xc0])
    const over = { origin: undefined, isWebSocket: false, isTls: false, clientId: 'client' }
    const given = { username: at('alice'), password: bytes, ...over }
    expect(await world.door.authenticate(given, SOURCE)).toEqual(INVALID)
  })

  test('carries the rule set of its user, as it is now', async () => {
    const attributes = { ruleSet: 'sensors' }
    const { value = '', credential } = await world.make('mqtt_user', { name: 'a', attributes })
    const known = await identity(at('a'), value)
    expect(known.ruleSet).toBe('sensors')
    const change = { credentialId: credential.id, ruleSet: 'other' }
    await world.core.changes.update(change, CALLER)
    expect(known.ruleSet).toBe('other')
    await world.core.changes.update({ ...change, ruleSet: null }, CALLER)
    expect(known.ruleSet).toBeUndefined()
  })

  test('is checked slowly once, and at once from then on', async () => {
    const { value = '' } = await world.make('mqtt_user', { name: 'alice' })
    const over = { origin: undefined, isWebSocket: false, isTls: false, clientId: 'client' }
    const given = { username: at('alice'), password: Buffer.from(value), ...over }
    const first = world.door.authenticate(given, SOURCE)
    expect(first).toBeInstanceOf(Promise)
    expect(await first).toMatchObject({ ok: true })
    expect(world.door.authenticate(given, SOURCE)).toMatchObject({ ok: true })
    const wrong = { ...given, password: Buffer.from('wrong') }
    expect(world.door.authenticate(wrong, SOURCE)).toEqual(INVALID)
  })
})

describe('a password that was good once', () => {
  test('is accepted during the overlap of a rotation, and not after it', async () => {
    const { value = '', credential } = await world.make('mqtt_user', { name: 'alice' })
    const rotation = { credentialId: credential.id, overlapMs: 60_000 }
    const rotated = await world.core.changes.rotate(rotation, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    const fresh = rotated.value.value ?? ''
    const old = await identity(at('alice'), value)
    const young = await identity(at('alice'), fresh)
    expect(old.owner).toBe(young.owner)
    expect(old.reliances[0]).not.toBe(young.reliances[0])
    world.time.ms += 60_000
    expect(await world.come(at('alice'), value)).toEqual(INVALID)
    await identity(at('alice'), fresh)
    expect(world.usesOf(credential.id)).toEqual({ accepted: 3, retired: 1 })
    const [denied] = world.denials
    expect(denied).toMatchObject({ action: 'auth.retired_version', reason: 'retired' })
    expect(denied?.owner.id).toBe('app')
  })

  test('is refused once its user was revoked, which is in the record as such', async () => {
    const { value = '', credential } = await world.make('mqtt_user', { name: 'alice' })
    await identity(at('alice'), value)
    await world.core.changes.revoke({ credentialId: credential.id, reason: 'lost' }, CALLER)
    expect(await world.come(at('alice'), value)).toEqual(INVALID)
    expect(world.usesOf(credential.id)).toEqual({ accepted: 1, revoked: 1 })
  })

  test('is refused when its own life is over, and says until when it is good', async () => {
    const expiresAtMs = world.time.ms + 60_000
    const made = await world.make('mqtt_user', { name: 'alice', expiresAtMs })
    const known = await identity(at('alice'), made.value ?? '')
    expect(known.expiresAtMs()).toBe(expiresAtMs)
    world.time.ms = expiresAtMs
    expect(await world.come(at('alice'), made.value)).toEqual(INVALID)
  })

  test('is refused where the user was revoked while its slow hash was made', async () => {
    const { value = '', credential } = await world.make('mqtt_user', { name: 'alice' })
    const coming = world.come(at('alice'), value)
    const loaded = world.loaded('app')
    const credentials = loaded.credentials.map((each) => {
      if (each.record.id !== credential.id) return each
      const versions = each.record.versions.map((version) => ({
        ...version,
        state: 'revoked' as const,
      }))
      return { ...each, record: { ...each.record, versions } }
    })
    world.core.authority.apps.put({ ...loaded, credentials })
    expect(await coming).toEqual(INVALID)
  })
})

describe('an API key', () => {
  test.each(['server', 'anything', ''])('comes in under the name %j', async (name) => {
    const { value = '', credential } = await world.make('api_key')
    const known = await identity(at(name), value)
    const owner = `credential:${credential.id}`
    expect(known).toMatchObject({ owner, username: '', userId: undefined, acl: undefined })
    expect(known.loaded.app.id).toBe('app')
    expect(world.usesOf(credential.id)).toEqual({ accepted: 1 })
  })

  test('names its app itself: another of its organization, and without one', async () => {
    const { value = '' } = await world.make('api_key', { appId: 'sibling' })
    for (const username of [at('server'), at('server', TENANT_ID), 'server', '', undefined]) {
      expect((await identity(username, value)).loaded.app.id).toBe('sibling')
    }
  })

  test('is as wrong as none in another organization, and in one that does not exist', async () => {
    const { value = '' } = await world.make('api_key')
    for (const organization of [OTHER_SHORT_ID, OTHER_TENANT_ID, 'org_nonexistent2', '']) {
      expect(await world.come(at('server', organization), value)).toEqual(INVALID)
    }
    expect(world.denials.map(({ action, owner }) => [action, owner.id])).toEqual(
      Array.from({ length: 4 }, () => ['auth.denied', 'app']),
    )
  })

  test('is wrong where it was never made, is mistyped, or no key of an app', async () => {
    const { value = '' } = await world.make('api_key')
    const mistyped = `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`
    const made = (['sk', 'op', 'cls', 'mqu'] as const).map(
      (prefix) => generateKey(prefix, systemRandom).value,
    )
    for (const password of [mistyped, ...made]) {
      expect(await world.come(at('server'), password)).toEqual(INVALID)
    }
  })

  test('may do what its scopes say of topics', async () => {
    const attributes = { prefix: 'rk', scopes: ['publish:doc:*', 'subscribe:rooms/+/chat'] }
    const { value = '' } = await world.make('api_key', { attributes })
    expect(await identity(at('server'), value)).toMatchObject({
      mayPublish: true,
      maySubscribe: true,
      acl: { publish: ['doc/+/#'], subscribe: ['rooms/+/chat'] },
    })
  })

  test('may do less as soon as its scopes say less, also where it is connected', async () => {
    const { value = '', credential } = await world.make('api_key')
    const known = await identity(at('server'), value)
    expect(known).toMatchObject({ mayPublish: true, maySubscribe: true, acl: undefined })
    const update = (scopes: readonly string[] | null) =>
      world.core.changes.update({ credentialId: credential.id, scopes }, CALLER)
    await update(['subscribe:doc:*'])
    expect([known.mayPublish, known.maySubscribe]).toEqual([false, true])
    expect(known.acl).toEqual({ publish: [], subscribe: ['doc/+/#'] })
    await update(null)
    expect([known.mayPublish, known.acl]).toEqual([true, undefined])
  })

  test('that is retired or revoked is refused and recorded', async () => {
    const { value = '', credential } = await world.make('api_key')
    const rotation = { credentialId: credential.id, overlapMs: 0 }
    expect(await world.core.changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
    expect(await world.come(at('server'), value)).toEqual(INVALID)
    expect(world.denials.map(({ action }) => action)).toEqual(['auth.retired_version'])
  })

  test('is checked slowly once, and at once from then on', async () => {
    const { value = '' } = await world.make('api_key')
    const over = { origin: undefined, isWebSocket: false, isTls: false, clientId: 'client' }
    const given = { username: at('server'), password: Buffer.from(value), ...over }
    await world.door.authenticate(given, SOURCE)
    expect(world.door.authenticate(given, SOURCE)).toMatchObject({ ok: true })
  })
})

describe('a signed token', () => {
  const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
  const algorithms = ['HS256']

  async function tokenOf(claims: object, appId = 'app') {
    const name = { appId, name: 'jwt' }
    const known = world.loaded(appId).credentials.find(({ record }) => record.kind === 'jwt_secret')
    const value = `${SECRET}${Buffer.from(appId).toString('hex')}`
    if (known === undefined) {
      await world.make('jwt_secret', { ...name, value, attributes: { algorithms } })
    }
    const iat = Math.floor(world.time.ms / 1_000)
    return macToken(value, { app: appId, iat, exp: iat + 600, ...claims })
  }

  const CHANNELS = { channels: { 'users:ann:*': ['subscribe'], news: ['publish'] } }

  test('of the customer says who its user is and what that user may do', async () => {
    const more = { email: 'Ann@Example.org', plan: 'gold', level: 3 }
    const token = await tokenOf({ sub: 'ann', ...CHANNELS, ...more })
    const known = await identity(at('somebody'), token)
    expect(known).toMatchObject({
      owner: 'user:ann',
      username: 'ann',
      userId: 'ann',
      email: 'ann@example.org',
      mayPublish: true,
      maySubscribe: true,
      acl: { publish: ['news'], subscribe: ['users/ann/+/#'] },
    })
    expect(known.claims?.get('plan')).toBe('gold')
    expect(known.claims?.has('level')).toBe(false)
    expect(known.expiresAtMs()).toBe((Math.floor(world.time.ms / 1_000) + 600) * 1_000)
    expect(known.reliances).toContain('user:app:ann' as never)
  })

  test('of the same user by another token has the same owner, of another user another', async () => {
    const tokens = [{ sub: 'ann' }, { sub: 'ann', jti: '2' }, { sub: 'bob' }]
    const owners = await Promise.all(
      tokens.map(async (claims) => (await identity(at('x'), await tokenOf(claims))).owner),
    )
    expect(owners).toEqual(['user:ann', 'user:ann', 'user:bob'])
  })

  test('of nobody is the session of that token alone', async () => {
    const first = await identity(at('x'), await tokenOf({ jti: '1' }))
    const second = await identity(at('x'), await tokenOf({ jti: '2' }))
    expect(first.owner).not.toBe(second.owner)
    expect(first).toMatchObject({ username: '', userId: undefined })
  })

  test('without permissions does nothing', async () => {
    const known = await identity(at('x'), await tokenOf({ sub: 'ann' }))
    expect(known).toMatchObject({ mayPublish: false, maySubscribe: false })
  })

  test('carries no address that its issuer has not verified', async () => {
    const token = await tokenOf({ sub: 'ann', email: 'ann@example.org', email_verified: false })
    const known = await identity(at('x'), token)
    expect([known.email, known.claims?.has('email')]).toEqual([undefined, false])
  })

  test('carries no more claims than rules could name', async () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`claim${n}`, 'x']))
    const known = await identity(
      at('x'),
      await tokenOf({ sub: 'a', long: 'x'.repeat(300), ...many }),
    )
    expect(known.claims?.size).toBe(32)
    expect(known.claims?.has('long')).toBe(false)
  })

  test('of our own is that of its client, which renews it', async () => {
    const [first, second] = [await world.accessToken('app'), await world.accessToken('app')]
    expect(first).not.toBe(second)
    const known = await identity(at('server'), first)
    expect(known).toMatchObject({ owner: 'client:client-app', userId: undefined, acl: undefined })
    expect((await identity(at('server'), second)).owner).toBe(known.owner)
  })

  test('is as wrong as none in another organization, and needs none', async () => {
    const token = await tokenOf({ sub: 'ann' })
    expect(await world.come(at('ann', OTHER_SHORT_ID), token)).toEqual(INVALID)
    expect(await world.come(at('ann', 'org_nonexistent2'), token)).toEqual(INVALID)
    expect((await identity('ann', token)).loaded.app.id).toBe('app')
    expect((await identity(at('ann'), await tokenOf({}, 'sibling'))).loaded.app.id).toBe('sibling')
  })

  test('that has expired says so, and one that is forged does not', async () => {
    const token = await tokenOf({ sub: 'ann' })
    expect(await world.come(at('ann'), `${token.slice(0, -4)}AAAA`)).toEqual(INVALID)
    world.time.ms += 700_000
    expect(await world.come(at('ann'), token)).toMatchObject({ refusal: 'token_expired' })
  })

  test('whose user was revoked is refused', async () => {
    const token = await tokenOf({ sub: 'ann' })
    await identity(at('ann'), token)
    world.time.ms += 1
    const user = { kind: 'user', appId: 'app', userId: 'ann' } as const
    const place = { tenantId: TENANT_ID, appId: 'app', reason: 'left' }
    await world.core.revocations.revoke(user, place, CALLER)
    expect(await world.come(at('ann'), token)).toMatchObject({ refusal: 'credential_revoked' })
  })
})

describe('a connection token', () => {
  test('is handed on with name, organization and client id, as they came', async () => {
    const made = await world.make('mqtt_user', { name: 'alice' })
    world.tokenAnswer = ok(await identity(at('alice'), made.value ?? ''))
    expect(await world.come('a@b@org_x', 'tkn_abc')).toEqual(INVALID)
    expect(await world.come('a@b', 'tkn_abc')).toEqual(INVALID)
    expect(await world.come(at('ann@x'), 'tkn_abc')).toMatchObject({ ok: true })
    const client = (username: string, organization: string) => [
      'tkn_abc',
      { username, organization, clientId: 'client' },
      SOURCE,
    ]
    expect(world.tokenCalls).toEqual([
      client('a@b', 'org_x'),
      client('a', 'b'),
      client('ann@x', SHORT_ID),
    ])
  })

  test('is answered at once, with the refusal it got', () => {
    world.tokenAnswer = refuse('token_expired')
    const over = { origin: undefined, isWebSocket: false, isTls: false, clientId: 'client' }
    const given = { username: at('a'), password: Buffer.from('tkn_abc'), ...over }
    expect(world.door.authenticate(given, SOURCE)).toMatchObject({ refusal: 'token_expired' })
  })
})

describe('nobody', () => {
  test.each([
    [undefined, undefined],
    ['', ''],
    ['', undefined],
    [at('alice'), undefined],
  ])('comes in as %j with the password %j', async (username, password) => {
    const refused = await world.come(username, password)
    expect(refused).toEqual({ ok: false, refusal: 'credential_missing' })
    expect(world.denials).toMatchObject([
      { action: 'auth.failed', target: { kind: 'mqtt_user', id: 'unknown' } },
    ])
  })
})
