import { beforeEach, describe, expect, test } from 'bun:test'
import {
  ecPair,
  ecToken,
  encode,
  type ForeignWorld,
  macToken,
  openForeignWorld,
  SOURCE,
} from '../../../../../test/support/foreign-world.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { secretOf } from '../../../../../test/support/token-world.ts'
import type { IssuedCredential } from '../administration/issued.ts'
import { LEEWAY_MS } from '../foreign-keys/token-times.ts'
import { ASSERTION_LIFE_MS_MAX } from './client-assertion.ts'
import { USED_COUNT_MAX, USED_OF_APP_COUNT_MAX, UsedAssertions } from './used-assertions.ts'

const ISSUER = 'https://tokens.example/tenant'
const ENDPOINT = 'https://tokens.example/connect/token'
const AUDIENCES = [ISSUER, ENDPOINT]
const pair = ecPair({ kid: 'their-key' })

let world: ForeignWorld
let made: IssuedCredential
let count = 0
beforeEach(async () => {
  world = await openForeignWorld()
  made = await world.register({ kind: 'client_secret', name: 'key', jwk: pair.jwk })
})

function claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const iat = world.seconds()
  const names = { iss: 'client-app', sub: 'client-app', aud: ISSUER, jti: `id-${count++}` }
  return { ...names, iat, exp: iat + 60, ...changes }
}

async function outcomeOf(assertion: string, clientId?: string): Promise<string> {
  const checked = await world.assertions.check(
    assertion,
    { audiences: AUDIENCES, clientId },
    SOURCE,
  )
  return checked.ok ? checked.value.loaded.app.id : checked.refusal
}

describe('a client that signs with its own key', () => {
  test('is known, by the version it used, once for each assertion', async () => {
    const assertion = ecToken(pair, claims())
    const context = { audiences: AUDIENCES, clientId: 'client-app' }
    const checked = await world.assertions.check(assertion, context, SOURCE)
    expect(checked).toMatchObject({
      ok: true,
      value: { credentialId: made.credential.id, versionId: made.versionId },
    })
    expect(await outcomeOf(assertion)).toBe('client_invalid')
    expect(world.usesOf(made.credential.id)).toEqual({ accepted: 2 })
  })

  test.each([
    ['the issuer', ISSUER],
    ['the endpoint', ENDPOINT],
    ['a list of one', [ISSUER]],
    ['both', [ISSUER, ENDPOINT]],
  ])('may name %s', async (_what, aud) => {
    expect(await outcomeOf(ecToken(pair, claims({ aud })))).toBe('app')
  })

  test('may say which key, and no time of issue', async () => {
    const header = { kid: 'their-key', typ: undefined }
    expect(await outcomeOf(ecToken(pair, claims({ iat: undefined }), header))).toBe('app')
  })

  test('goes on during the overlap of a rotation, and ends with it', async () => {
    const next = ecPair()
    const credentialId = made.credential.id
    const rotation = { credentialId, overlapMs: 60_000, key: { jwk: next.jwk } }
    expect(await world.core.changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
    for (const each of [pair, next]) expect(await outcomeOf(ecToken(each, claims()))).toBe('app')
    world.time.ms += 60_000
    expect(await outcomeOf(ecToken(pair, claims()))).toBe('client_invalid')
    expect(await outcomeOf(ecToken(next, claims()))).toBe('app')
    expect(world.usesOf(credentialId)).toEqual({ accepted: 3, retired: 1 })
  })

  test('may publish its keys at a URL', async () => {
    const published = ecPair({ kid: 'published' })
    const jwksUrl = 'https://keys.example/jwks'
    const body = JSON.stringify({ keys: [published.jwk] })
    world.fetcher.answers(jwksUrl, { status: 200, body })
    await world.register({ kind: 'client_secret', name: 'url', jwksUrl })
    const header = { kid: 'published' }
    expect(await outcomeOf(ecToken(published, claims(), header))).toBe('app')
  })
})

describe('an assertion is refused:', () => {
  test.each<[string, Record<string, unknown>]>([
    ['another subject', { sub: 'client-sibling' }],
    ['another issuer', { iss: 'client-sibling' }],
    ['another client', { iss: 'client-sibling', sub: 'client-sibling' }],
    ['a client that is not there', { iss: 'client-x', sub: 'client-x' }],
    ['a public client', { iss: 'client-page', sub: 'client-page' }],
    ['the app in place of its client id', { iss: 'app', sub: 'app' }],
    ['no subject', { sub: undefined }],
    ['another audience', { aud: 'https://other.example' }],
    ['one audience too many', { aud: [ISSUER, 'https://other.example'] }],
    ['no audience', { aud: undefined }],
    ['an empty list', { aud: [] }],
    ['the beginning of an audience', { aud: 'https://tokens.example' }],
    ['no expiry', { exp: undefined }],
    ['no id', { jti: undefined }],
    ['an empty id', { jti: '' }],
    ['an id that is no text', { jti: 7 }],
    ['a long id', { jti: 'x'.repeat(201) }],
  ])('%s', async (_what, changes) => {
    expect(await outcomeOf(ecToken(pair, claims(changes)))).toBe('client_invalid')
  })

  test('one that lives too long, is over, or has not begun', async () => {
    const at = world.seconds()
    const longest = ASSERTION_LIFE_MS_MAX / 1_000
    expect(await outcomeOf(ecToken(pair, claims({ exp: at + longest })))).toBe('app')
    for (const times of [
      { exp: at + longest + 1 },
      { exp: at + longest + 1, iat: undefined },
      { iat: at - 100, exp: at - LEEWAY_MS / 1_000 },
      { nbf: at + LEEWAY_MS / 1_000 + 1 },
    ]) {
      expect(await outcomeOf(ecToken(pair, claims(times)))).toBe('client_invalid')
    }
  })

  test('one for another client than the request says', async () => {
    expect(await outcomeOf(ecToken(pair, claims()), 'client-sibling')).toBe('client_invalid')
  })

  test('signed with another key, a secret, the public key as a secret, or not at all', async () => {
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' })
    const unsigned = `${encode({ alg: 'none' })}.${encode(claims())}.`
    for (const forged of [
      ecToken(ecPair(), claims()),
      ecToken(ecPair(), claims(), { kid: 'their-key' }),
      macToken(secretOf('app'), claims()),
      macToken(pem, claims()),
      macToken(JSON.stringify(pair.jwk), claims()),
      unsigned,
      `${unsigned}AA`,
      '',
      'x.y.z',
    ]) {
      expect(await outcomeOf(forged)).toBe('client_invalid')
    }
    expect(world.usesOf(made.credential.id)).toEqual({})
  })

  test('signed with a key that is for tokens of users', async () => {
    const other = ecPair()
    await world.register({ name: 'tokens', jwk: other.jwk })
    expect(await outcomeOf(ecToken(other, claims()))).toBe('client_invalid')
    const iat = world.seconds()
    const token = ecToken(pair, { app: 'app', iat, exp: iat + 60 })
    expect((await world.authenticate(token)).ok).toBe(false)
  })

  test('signed with a key that was revoked', async () => {
    const credentialId = made.credential.id
    await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    expect(await outcomeOf(ecToken(pair, claims()))).toBe('client_invalid')
    expect(world.usesOf(credentialId)).toEqual({ revoked: 1 })
  })

  test('a second one with the same id, until the first can only be over', async () => {
    expect(await outcomeOf(ecToken(pair, claims({ jti: 'same' })))).toBe('app')
    expect(await outcomeOf(ecToken(pair, claims({ jti: 'same' })))).toBe('client_invalid')
    world.time.ms += ASSERTION_LIFE_MS_MAX + 2 * LEEWAY_MS - 1
    expect(await outcomeOf(ecToken(pair, claims({ jti: 'same' })))).toBe('client_invalid')
    world.time.ms += 1
    expect(await outcomeOf(ecToken(pair, claims({ jti: 'same' })))).toBe('app')
  })

  test('all but one of those that come at once', async () => {
    const assertion = ecToken(pair, claims())
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcomeOf(assertion)))
    expect(outcomes.filter((each) => each === 'app')).toHaveLength(1)
  })
})

describe('the memory of used assertions', () => {
  test('takes no more of an app than its bound, and others go on', () => {
    const used = new UsedAssertions(1_000)
    for (let at = 0; at < USED_OF_APP_COUNT_MAX; at++) {
      expect(used.take('app', String(at), 0)).toBe(true)
    }
    expect(used.take('app', 'more', 0)).toBe(false)
    expect(used.take('other', 'more', 0)).toBe(true)
    expect(used.take('app', 'more', 1_000)).toBe(true)
    expect(used.size).toBe(1)
  })

  test('takes no more in all than its bound', () => {
    const used = new UsedAssertions(1_000)
    const appCount = USED_COUNT_MAX / USED_OF_APP_COUNT_MAX
    for (let app = 0; app < appCount; app++) {
      for (let at = 0; at < USED_OF_APP_COUNT_MAX; at++) used.take(`app-${app}`, String(at), 0)
    }
    expect(used.size).toBe(USED_COUNT_MAX)
    expect(used.take('new', 'x', 0)).toBe(false)
    expect(used.take('new', 'x', 1_000)).toBe(true)
    expect(used.size).toBe(1)
  })

  test('keeps ids of different apps apart', () => {
    const used = new UsedAssertions(1_000)
    expect(used.take('a', 'b', 0)).toBe(true)
    expect(used.take('b', 'b', 0)).toBe(true)
  })
})
