import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { generateKey } from '../key-format.ts'
import {
  letIn,
  type MessageDoorWorld,
  openMessageDoorWorld,
} from '../../../../../test/support/message-door-world.ts'

let world: MessageDoorWorld
beforeEach(async () => {
  world = await openMessageDoorWorld()
})

const CHANNELS = { channels: { 'chat:*': ['subscribe'] } }
const PAGE = { origin: 'https://app.example.org' }

describe('a key', () => {
  test('stands for its app, rests on its version, and is nobody', async () => {
    const { value = '', credential, versionId } = await world.make('api_key')
    const known = letIn(await world.show({ key: value }))
    expect(known).toMatchObject({ clientId: undefined, userId: undefined, username: '' })
    expect(known.loaded.app.id).toBe('app')
    expect(known.owner).toBe(`credential:${credential.id}`)
    expect(known.reliances.map(String)).toEqual([
      `version:${versionId}`,
      `credential:${credential.id}`,
    ])
    expect(known.expiresAtMs()).toBeUndefined()
    expect(world.usesOf(credential.id)).toEqual({ accepted: 1 })
  })

  test('that was used before is decided at once: a storm of connections waits for nothing', async () => {
    const key = await world.keyOf()
    await world.show({ key })
    const upgrade = { query: `key=${key}`, origin: undefined, isTls: false }
    const again = world.messages.authenticate(upgrade, { ip: '', agent: '', protocol: 'wsocket' })
    expect(again).not.toBeInstanceOf(Promise)
  })

  test('of a server may say as whom it acts, and no other may', async () => {
    const key = await world.keyOf()
    expect(letIn(await world.show({ key, clientId: 'bot' })).clientId).toBe('bot')
    const page = await world.make('api_key', { name: 'page', attributes: { prefix: 'pk' } })
    expect(await world.show({ key: page.value ?? '', clientId: 'bot' })).toMatchObject({
      refusal: 'operation_denied',
    })
  })

  test('of a server is not for pages, unless the app says so; one of pages is', async () => {
    const key = await world.keyOf()
    expect(await world.show({ key }, PAGE)).toMatchObject({ refusal: 'password_in_browser' })
    const page = await world.make('api_key', { name: 'page', attributes: { prefix: 'pk' } })
    expect((await world.show({ key: page.value ?? '' }, PAGE)).ok).toBe(true)
    world.change('app', { mqttUsersInBrowsers: 'allow' })
    expect((await world.show({ key }, PAGE)).ok).toBe(true)
  })

  test('keeps the scopes it has now, not those it came with', async () => {
    const key = await world.keyOf(['subscribe:a'])
    const known = letIn(await world.show({ key }))
    expect(known.permissions().rules).toEqual([{ pattern: 'a', actions: ['subscribe'] }])
    expect(known.permissions()).toBe(known.permissions())
    const loaded = world.loaded('app')
    const credentials = loaded.credentials.map((each) => {
      const attributes = { ...each.record.attributes, scopes: ['publish:b'] }
      return { ...each, record: { ...each.record, attributes } }
    })
    world.core.authority.apps.put({ ...loaded, credentials })
    expect(known.permissions().rules).toEqual([{ pattern: 'b', actions: ['publish'] }])
  })

  test.each([
    ['garbage', 'sk_garbage'],
    ['empty', ''],
    ['made up', generateKey('sk', systemRandom).value],
    ['of an operator', generateKey('op', systemRandom).value],
  ])('that is %s lets nobody in, and is charged and recorded', async (_what, key) => {
    expect(await world.show({ key })).toMatchObject({ refusal: 'credential_invalid' })
    expect(world.denials.at(-1)).toMatchObject({
      action: 'auth.failed',
      reason: 'credential_invalid',
    })
    expect(JSON.stringify(world.denials)).not.toContain(key === '' ? 'no text' : key)
  })

  test('that may do nothing here is told so at the door', async () => {
    const key = await world.keyOf(['inspect'])
    expect(await world.show({ key })).toMatchObject({ refusal: 'operation_denied' })
  })
})

describe('a token', () => {
  test('says who its user is: the claim clientId, else its subject, else nobody', async () => {
    const nameOf = async (claims: object) => {
      const known = letIn(
        await world.show({ token: await world.tokenOf({ ...CHANNELS, ...claims }) }),
      )
      return [known.clientId, known.userId, known.owner]
    }
    expect(await nameOf({ sub: 'ann', clientId: 'ann on her phone' })).toEqual([
      'ann on her phone',
      'ann',
      'user:ann',
    ])
    expect(await nameOf({ sub: 'ann' })).toEqual(['ann', 'ann', 'user:ann'])
    expect((await nameOf({}))[0]).toBeUndefined()
  })

  test('ends when it says, and rests on the key that signed it and on its user', async () => {
    const token = await world.tokenOf({ ...CHANNELS, sub: 'ann', jti: 'one' })
    const known = letIn(await world.show({ token }))
    expect(known.expiresAtMs()).toBe(Math.floor(world.time.ms / 1_000) * 1_000 + 600_000)
    const kinds = known.reliances.map((each) => each.split(':')[0])
    expect(kinds).toEqual(['token', 'version', 'credential', 'user'])
  })

  test('decides alone where a key came along, which only names the app', async () => {
    const token = await world.tokenOf({ ...CHANNELS, sub: 'ann' })
    const key = await world.keyOf(['publish'])
    const known = letIn(await world.show({ key, token }))
    expect(known.clientId).toBe('ann')
    expect(known.permissions().rules).toEqual([{ pattern: 'chat:*', actions: ['subscribe'] }])
  })

  test('is not touched by what became of that key', async () => {
    const token = await world.tokenOf({ ...CHANNELS, sub: 'ann' })
    const { value: key = '', credential } = await world.make('api_key')
    await world.core.changes.rotate({ credentialId: credential.id, overlapMs: 0 }, CALLER)
    expect(await world.show({ key })).toMatchObject({ refusal: 'credential_invalid' })
    expect((await world.show({ key, token })).ok).toBe(true)
  })

  test('is refused with the key of another app, or with none that is known', async () => {
    const token = await world.tokenOf({ ...CHANNELS, sub: 'ann' })
    const others = [
      await world.keyOf(undefined, 'sibling'),
      await world.keyOf(undefined, 'foreign'),
      generateKey('pk', systemRandom).value,
      'garbage',
    ]
    for (const key of others) {
      expect(await world.show({ key, token })).toMatchObject({ refusal: 'credential_invalid' })
    }
  })

  test('that does not hold is never made good by a key', async () => {
    const key = await world.keyOf()
    const good = await world.tokenOf({ ...CHANNELS })
    const bad = ['', 'x', 'a.b.c', key, `${good}x`, good.slice(0, -2)]
    for (const token of bad) {
      expect(await world.show({ key, token })).toMatchObject({ refusal: 'credential_invalid' })
    }
  })

  test('that has expired says so', async () => {
    const token = await world.tokenOf({ ...CHANNELS })
    world.time.ms += 3_600_000
    expect(await world.show({ token })).toMatchObject({ refusal: 'token_expired' })
  })

  test('without permissions is told so at the door', async () => {
    const token = await world.tokenOf({ sub: 'ann' })
    expect(await world.show({ token })).toMatchObject({ refusal: 'operation_denied' })
    expect(world.denials.at(-1)).toMatchObject({
      action: 'auth.denied',
      reason: 'operation_denied',
      owner: { id: 'app' },
    })
  })

  test('may come from pages, and has one name only', async () => {
    const token = await world.tokenOf({ ...CHANNELS, sub: 'ann' })
    expect((await world.show({ token }, PAGE)).ok).toBe(true)
    expect(await world.show({ token, clientId: 'bob' })).toMatchObject({
      refusal: 'credential_invalid',
    })
  })

  test('of ours may do what an API key without scopes may', async () => {
    const known = letIn(await world.show({ token: await world.accessToken('app') }))
    const actions = known.permissions().rules.flatMap((rule) => rule.actions)
    expect(actions).toEqual(['publish', 'subscribe', 'presence', 'history'])
  })
})

describe('whoever it is', () => {
  test('the app decides on origins and TLS', async () => {
    const token = await world.tokenOf({ ...CHANNELS })
    world.change('app', { allowedOrigins: ['https://app.example.org'], requireTls: true })
    const other = { origin: 'https://example.com', isTls: true }
    expect(await world.show({ token }, other)).toMatchObject({ refusal: 'origin_refused' })
    expect(await world.show({ token }, PAGE)).toMatchObject({ refusal: 'tls_required' })
    expect((await world.show({ token }, { ...PAGE, isTls: true })).ok).toBe(true)
  })

  test('who shows nothing is asked for a credential', async () => {
    expect(await world.show({})).toMatchObject({ refusal: 'credential_missing' })
  })

  test('wrong keys are limited by key, and a right one passes all the same', async () => {
    world = await openMessageDoorWorld(['auth.user 2/1m'])
    const wrong = generateKey('sk', systemRandom).value
    const outcomes: unknown[] = []
    for (let count = 0; count < 3; count++) outcomes.push(await world.show({ key: wrong }))
    expect(outcomes).toMatchObject([
      { refusal: 'credential_invalid' },
      { refusal: 'credential_invalid' },
      { refusal: 'rate_limited', reading: { rule: { name: 'auth.user' } } },
    ])
    expect((await world.show({ key: await world.keyOf() })).ok).toBe(true)
  })
})
