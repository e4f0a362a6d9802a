import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  ecPair,
  ecToken,
  encode,
  type ForeignWorld,
  type KeyPair,
  macToken,
  openForeignWorld,
  SOURCE,
} from '../../../../../test/support/foreign-world.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { OTHER_TENANT_ID, TENANT_ID } from '../../../../../test/support/token-world.ts'
import { permits } from '../../core/permissions.ts'
import { LEEWAY_MS } from '../foreign-keys/token-times.ts'
import { VERIFIED_COUNT_MAX } from './verified-tokens.ts'
import type { IssuedCredential } from '../administration/issued.ts'

let world: ForeignWorld
let made: IssuedCredential
let secret = ''
beforeEach(async () => {
  world = await openForeignWorld()
  made = await world.register({ name: 'backend' })
  secret = made.value ?? ''
})

/** What a backend writes at the least, and whatever a test changes. */
function claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const iat = world.seconds()
  return { app: 'app', sub: 'user-1', iat, exp: iat + 600, channels: ['news'], ...changes }
}

const token = (
  changes: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
) => macToken(secret, claims(changes), header)

async function outcomeOf(each: string): Promise<string> {
  const identity = await world.authenticate(each)
  return identity.ok ? `app ${identity.value.loaded.app.id}` : identity.refusal
}

describe('a token of a backend', () => {
  test('has limits of its own, or those of its user where it has no id', async () => {
    const holderOf = async (changes: Readonly<Record<string, unknown>>) => {
      const identity = await world.authenticate(token({ limits: ['publish.app 5/1m'], ...changes }))
      if (!identity.ok) throw new Error(identity.refusal)
      return identity.value.limits?.holder
    }
    const [one, other] = [await holderOf({ jti: 'one' }), await holderOf({ jti: 'other' })]
    expect(one).not.toBe(other)
    const user = await holderOf({})
    expect(await holderOf({ exp: world.seconds() + 60 })).toBe(user)
    expect(await holderOf({ sub: 'user-2' })).not.toBe(user)
    expect(await holderOf({ sub: undefined })).not.toBe(user)
  })

  test('stands for its app and user, may what it says, and rests on what made it', async () => {
    const identity = await world.authenticate(token({ jti: 'one' }))
    if (!identity.ok) throw new Error(identity.refusal)
    const { permissions, expiresAtMs, userId, reliances, loaded } = identity.value
    expect(loaded.app.id).toBe('app')
    expect(userId).toBe('user-1')
    expect(expiresAtMs).toBe((world.seconds() + 600) * 1_000)
    expect(permissions).toEqual({
      rules: [{ pattern: 'news', actions: ['subscribe', 'publish'] }],
    })
    expect(reliances.map(String)).toEqual([
      'token:app/one',
      `version:${made.versionId}`,
      `credential:${made.credential.id}`,
      'user:app:user-1',
    ])
  })

  test.each(['HS256', 'HS384', 'HS512'])('is taken with %s', async (alg) => {
    expect(await outcomeOf(token({}, { alg }))).toBe('app app')
  })

  test('that says nothing of permissions may do nothing', async () => {
    const identity = await world.authenticate(token({ channels: undefined }))
    expect(identity).toMatchObject({ ok: true, value: { permissions: { rules: [] } } })
    if (!identity.ok) return
    for (const action of ['publish', 'subscribe', 'inspect', 'terminate'] as const) {
      expect(permits(identity.value.permissions, action, 'news')).toBe(false)
      expect(permits(identity.value.permissions, action, undefined)).toBe(false)
    }
  })

  test.each([
    ['appId in place of app', { app: undefined, appId: 'app' }],
    ['both', { appId: 'app' }],
    ['clientId in place of sub', { sub: undefined, clientId: 'user-2' }],
    ['neither', { sub: undefined }],
    ['no time of issue', { iat: undefined }],
    ['fractions of seconds', { iat: 1_789_999_999.5 }],
    ['claims of its own', { data: { plan: 'gold' } }],
  ])('may have %s', async (_what, changes) => {
    expect(await outcomeOf(token(changes))).toBe('app app')
  })

  test('names its app by the id of a key as well as by a claim', async () => {
    for (const kid of [made.credential.id, made.versionId]) {
      expect(await outcomeOf(token({ app: undefined }, { kid }))).toBe('app app')
    }
    // Names are not unique over apps.
    expect(await outcomeOf(token({ app: undefined }, { kid: 'backend' }))).toBe(
      'credential_invalid',
    )
    expect(await outcomeOf(token({}, { kid: 'backend' }))).toBe('app app')
  })

  test('is counted for the version that matched, at every use', async () => {
    const one = token()
    for (let count = 0; count < 3; count++) await world.authenticate(one)
    expect(world.usesOf(made.credential.id)).toEqual({ accepted: 3 })
  })

  test('costs no call outside', async () => {
    await outcomeOf(token())
    await outcomeOf(token({}, { kid: 'unknown' }))
    await outcomeOf(ecToken(ecPair(), claims(), { kid: 'x', jku: 'https://evil.example/' }))
    await outcomeOf(ecToken(ecPair(), claims({ iss: 'https://evil.example' })))
    expect(world.fetcher.calls).toEqual([])
  })
})

describe('times:', () => {
  test('it is good until it expires, and for the leeway of clocks after', async () => {
    const one = token({ exp: world.seconds() + 10 })
    world.time.ms = (world.seconds() + 10) * 1_000 + LEEWAY_MS - 1
    expect(await outcomeOf(one)).toBe('app app')
    world.time.ms += 1
    // Remembered and looked at anew alike.
    expect(await outcomeOf(one)).toBe('token_expired')
    expect(await outcomeOf(one)).toBe('token_expired')
  })

  test.each([
    ['no expiry', { exp: undefined }],
    ['an expiry that is text', { exp: '1790000600' }],
    ['an expiry without end', { exp: 1e300 }],
    ['an expiry in milliseconds', { exp: 1_790_000_600_000 }],
    ['a negative expiry', { exp: -1 }],
    ['a life longer than the app allows', { exp: 1_790_003_601, iat: 1_790_000_000 }],
    ['the same without a time of issue', { exp: 1_790_003_601, iat: undefined }],
    ['a start in the future', { nbf: 1_790_000_031 }],
    ['a start that is text', { nbf: 'now' }],
    ['a time of issue in the future', { iat: 1_790_000_031 }],
    ['a time of issue that is none', { iat: null }],
  ])('%s is refused', async (_what, changes) => {
    expect(await outcomeOf(token(changes))).toBe('credential_invalid')
  })

  test('the leeway lets clocks differ', async () => {
    const at = world.seconds() + LEEWAY_MS / 1_000
    expect(await outcomeOf(token({ nbf: at, iat: at }))).toBe('app app')
  })
})

describe('a forged token is refused:', () => {
  const refused = async (each: string) => {
    expect(await outcomeOf(each)).toBe('credential_invalid')
    expect(await outcomeOf(each)).toBe('credential_invalid')
    expect(world.usesOf(made.credential.id)).toEqual({})
  }

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['another app of the tenant', { app: 'sibling' }, {}],
    ['an app of another tenant', { app: 'foreign' }, {}],
    ['no app of this name', { app: 'nothing' }, {}],
    ['an app that is no text', { app: ['app'] }, {}],
    ['two apps', { appId: 'sibling' }, {}],
    ['no app and no key id', { app: undefined }, {}],
    ['no algorithm', {}, { alg: undefined }],
    ['the algorithm none', {}, { alg: 'none' }],
    ['another spelling', {}, { alg: 'hs256' }],
    ['an algorithm of public keys', {}, { alg: 'RS256' }],
    ['an algorithm for keys', {}, { alg: 'A128KW' }],
    ['the type of an access token', {}, { typ: 'at+jwt' }],
    ['another type', {}, { typ: 'JOSE' }],
    ['a type that is no text', {}, { typ: 1 }],
    ['an unknown key id', {}, { kid: 'other' }],
    ['a key id that is a path', {}, { kid: '../../../../dev/null' }],
    ['a key id that is a query', {}, { kid: "x' OR '1'='1" }],
    ['a key id with a line end', {}, { kid: 'backend\n' }],
    ['a key id that is no text', {}, { kid: { a: 1 } }],
    ['an empty key id', {}, { kid: '' }],
    ['a long key id', {}, { kid: 'k'.repeat(201) }],
    ['a key in the header', {}, { jwk: { kty: 'oct', k: 'AA' } }],
    ['a key set to fetch', {}, { jku: 'https://evil.example/jwks' }],
    ['a certificate to fetch', {}, { x5u: 'https://evil.example/x5u' }],
    ['a certificate', {}, { x5c: ['AAAA'] }],
    ['critical extensions', {}, { crit: ['exp'] }],
    ['an unencoded payload', {}, { b64: false }],
    ['compression', {}, { zip: 'DEF' }],
    ['a token inside', {}, { cty: 'JWT' }],
    [
      'too many members in the header',
      {},
      Object.fromEntries(Array.from('abcdefghijklmnop').map((name) => [name, 1])),
    ],
  ])('%s', async (...row) => {
    await refused(token(row[1], row[2]))
  })

  test('unsigned, in every spelling of none', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'HS256']) {
      const start = `${encode({ alg, typ: 'JWT' })}.${encode(claims({ sub: 'admin' }))}`
      for (const end of ['', '.', '.AA', `.${token().split('.')[2]}`]) await refused(start + end)
    }
  })

  test('signed with nothing, with the public names, or with a similar secret', async () => {
    for (const each of [
      '',
      'app',
      made.credential.id,
      made.versionId,
      `${secret} `,
      secret.slice(1),
    ]) {
      await refused(macToken(each, claims()))
    }
    for (const { material } of made.credential.versions) {
      await refused(macToken(JSON.stringify(material), claims()))
    }
  })

  test('an oversized one, one with too many claims, and one that nests deeply', async () => {
    await refused(token({ padding: 'x'.repeat(9_000) }))
    await refused(token(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`c${at}`, at]))))
    let deep: unknown = 1
    for (let count = 0; count < 20; count++) deep = [deep]
    await refused(token({ deep }))
  })

  test('an identity that is no text, too long or holds line ends', async () => {
    for (const identity of [1, '', 'x'.repeat(201), 'a\nb', ['a']]) {
      for (const name of ['sub', 'clientId', 'jti']) {
        expect(await outcomeOf(token({ [name]: identity }))).toBe('credential_invalid')
      }
    }
  })

  test('the signature of another token, or in another encoding', async () => {
    const [head, , signature = ''] = token().split('.')
    await refused(`${head}.${encode(claims({ sub: 'admin' }))}.${signature}`)
    const whole = token()
    await refused(`${whole}=`)
    await refused(whole.slice(0, -4))
    await refused(`${whole}AAAA`)
    await refused(`${whole}.AAAA`)
  })

  test('any change of any character', async () => {
    const honest = token()
    await fc.assert(
      fc.asyncProperty(
        fc.nat(honest.length - 1),
        fc.constantFrom('A', 'B', 'a', 'b', '0', '9', '-', '_', '.'),
        async (at, character) => {
          fc.pre(honest[at] !== character)
          const changed = honest.slice(0, at) + character + honest.slice(at + 1)
          expect(await outcomeOf(changed)).toBe('credential_invalid')
        },
      ),
      { numRuns: 300 },
    )
  })

  test('whatever text it is, nothing is thrown', async () => {
    const part = fc.oneof(fc.base64String(), fc.json().map(encode), fc.string())
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        expect(await outcomeOf(parts.join('.'))).toBe('credential_invalid')
      }),
      { numRuns: 300 },
    )
  })
})

describe('a registered public key', () => {
  let pair: KeyPair
  let key: IssuedCredential
  beforeEach(async () => {
    pair = ecPair({ kid: 'their-key' })
    key = await world.register({ name: 'public', jwk: pair.jwk })
  })

  test('verifies, named in any way or not at all', async () => {
    const { credential, versionId } = key
    for (const kid of [undefined, 'public', 'their-key', credential.id, versionId]) {
      expect(await outcomeOf(ecToken(pair, claims(), { kid }))).toBe('app app')
    }
    expect(await outcomeOf(ecToken(pair, claims(), { kid: 'backend' }))).toBe('credential_invalid')
    expect(await outcomeOf(ecToken(ecPair(), claims()))).toBe('credential_invalid')
  })

  test('is never a secret: neither its text, nor its PEM, nor its parts', async () => {
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' })
    const der = pair.publicKey.export({ format: 'der', type: 'spki' })
    const { x } = pair.jwk
    const texts = [pem, pem.trim(), JSON.stringify(pair.jwk), String(x)]
    for (const each of [...texts, der, Buffer.from(String(x), 'base64url')]) {
      for (const kid of [undefined, 'public', key.versionId, 'their-key']) {
        for (const alg of ['HS256', 'HS384', 'HS512']) {
          expect(await outcomeOf(macToken(each, claims(), { alg, kid }))).toBe('credential_invalid')
        }
      }
    }
  })

  test('and a secret are two credentials: neither rotates into the other', async () => {
    const { changes } = world.core
    const mixed = [
      { credentialId: key.credential.id },
      { credentialId: key.credential.id, value: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' },
      { credentialId: made.credential.id, key: { jwk: ecPair().jwk } },
      { credentialId: key.credential.id, value: 'x', key: { jwk: ecPair().jwk } },
    ]
    for (const each of mixed) {
      for (const change of ['rotate', 'stage'] as const) {
        expect(await changes[change](each, CALLER)).toMatchObject({ refusal: 'input_invalid' })
      }
    }
    expect(await outcomeOf(ecToken(pair, claims()))).toBe('app app')
    expect(await outcomeOf(token())).toBe('app app')
  })

  test('in the header of a token is not a registered one', async () => {
    const own = ecPair()
    const forged = ecToken(own, claims(), { jwk: own.jwk })
    expect(await outcomeOf(forged)).toBe('credential_invalid')
    expect(await outcomeOf(ecToken(pair, claims(), { jwk: pair.jwk }))).toBe('credential_invalid')
  })

  test('rotates with an overlap like a secret, and what was revoked is told apart', async () => {
    const next = ecPair()
    const { changes } = world.core
    const credentialId = key.credential.id
    const rotation = { credentialId, overlapMs: 60_000, key: { jwk: next.jwk } }
    expect(await changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
    for (const each of [pair, next])
      expect(await outcomeOf(ecToken(each, claims()))).toBe('app app')
    await changes.revoke({ credentialId, versionId: key.versionId, reason: 'leaked' }, CALLER)
    expect(await outcomeOf(ecToken(pair, claims()))).toBe('credential_invalid')
    expect(await outcomeOf(ecToken(next, claims()))).toBe('app app')
    expect(world.usesOf(credentialId)).toEqual({ accepted: 3, revoked: 1 })
  })
})

describe('issuer and audience of a key', () => {
  beforeEach(async () => {
    const fields = { issuer: 'https://a.example', audience: ['one', 'two'], name: 'strict' }
    const strict = await world.register(fields)
    secret = strict.value ?? ''
  })
  const held = { iss: 'https://a.example', aud: 'one' }

  test.each([
    ['the one', {}],
    ['among others', { aud: ['x', 'two'] }],
  ])('are held: %s', async (_what, changes) => {
    expect(await outcomeOf(token({ ...held, ...changes }))).toBe('app app')
  })

  test.each([
    ['another issuer', { iss: 'https://a.example/' }],
    ['no issuer', { iss: undefined }],
    ['issuers', { iss: ['https://a.example'] }],
    ['another audience', { aud: 'three' }],
    ['no audience', { aud: undefined }],
    ['an empty list', { aud: [] }],
    ['a list of lists', { aud: [['one']] }],
    ['a very long list', { aud: [...Array<string>(20).fill('x'), 'one'] }],
  ])('are missed: %s', async (_what, changes) => {
    expect(await outcomeOf(token({ ...held, ...changes }))).toBe('credential_invalid')
  })
})

describe('what is remembered ends at once with', () => {
  const place = { tenantId: TENANT_ID, appId: 'app', reason: 'tested' }
  /** Looks at the same token before and after, so that a memory would show. */
  async function ended(change: () => Promise<unknown>, after: string) {
    const one = token({ jti: 'one' })
    expect(await outcomeOf(one)).toBe('app app')
    await change()
    expect(await outcomeOf(one)).toBe(after)
    expect(await outcomeOf(one)).toBe(after)
  }
  const revoke = (target: Parameters<ForeignWorld['core']['revocations']['revoke']>[0]) => () =>
    world.core.revocations.revoke(target, place, CALLER)

  test('its id, inside its app only', async () => {
    const other = token({ jti: 'two' })
    await ended(revoke({ kind: 'token', tokenId: 'app/one' }), 'credential_revoked')
    expect(await outcomeOf(other)).toBe('app app')
    // The same id in another app, or of our own tokens, is another token.
    await revoke({ kind: 'token', tokenId: 'two' })()
    expect(await outcomeOf(other)).toBe('app app')
  })

  test('its user, until a token that was made clearly later', async () => {
    await ended(revoke({ kind: 'user', appId: 'app', userId: 'user-1' }), 'credential_revoked')
    expect(await outcomeOf(token({ sub: 'user-2' }))).toBe('app app')
    expect(await outcomeOf(token({ iat: undefined }))).toBe('credential_revoked')
    world.time.ms += LEEWAY_MS
    expect(await outcomeOf(token())).toBe('credential_revoked')
    world.time.ms += 1_000
    expect(await outcomeOf(token())).toBe('app app')
    expect(await outcomeOf(token({ iat: undefined }))).toBe('credential_revoked')
  })

  test('its app', async () => {
    await ended(revoke({ kind: 'app', appId: 'app' }), 'credential_revoked')
  })

  test('its user, though the clock was set back before', async () => {
    await ended(async () => {
      world.time.ms -= 3 * LEEWAY_MS
      await revoke({ kind: 'user', appId: 'app', userId: 'user-1' })()
    }, 'credential_invalid')
  })

  test('its tenant', async () => {
    const target = { kind: 'tenant', tenantId: TENANT_ID } as const
    const whole = { ...place, appId: undefined }
    await ended(() => world.core.revocations.revoke(target, whole, CALLER), 'credential_revoked')
  })

  test('the version of its secret', async () => {
    const { id: credentialId } = made.credential
    const reason = 'leaked'
    await ended(
      () => world.core.changes.revoke({ credentialId, reason }, CALLER),
      'credential_invalid',
    )
  })

  test('the end of the overlap, and attempts after it are counted apart', async () => {
    const { id: credentialId } = made.credential
    const rotated = await world.core.changes.rotate({ credentialId, overlapMs: 60_000 }, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    const old = token()
    const fresh = macToken(rotated.value.value ?? '', claims())
    for (const each of [old, fresh]) expect(await outcomeOf(each)).toBe('app app')
    world.time.ms += 60_000
    expect(await outcomeOf(old)).toBe('credential_invalid')
    expect(await outcomeOf(token({ sub: 'another' }))).toBe('credential_invalid')
    expect(await outcomeOf(fresh)).toBe('app app')
    expect(world.usesOf(credentialId)).toEqual({ accepted: 3, retired: 2 })
  })

  test('a shorter life for the tokens of its app', async () => {
    const { app } = world.loaded('app')
    const settings = { ...app.settings, jwtTtlMaxMs: 60_000 }
    await ended(async () => {
      const region = world.core.authority.regionOf(app)
      await region.transaction((each) => each.saveApp({ ...app, settings }))
      await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    }, 'credential_invalid')
  })

  test('the plan of its app', async () => {
    const { app } = world.loaded('app')
    await ended(async () => {
      const region = world.core.authority.regionOf(app)
      await region.transaction((each) => each.saveApp({ ...app, subscription: undefined }))
      await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    }, 'plan_missing')
  })
})

test('a revocation of another tenant changes nothing here', async () => {
  const one = token()
  const target = { kind: 'tenant', tenantId: OTHER_TENANT_ID } as const
  const place = { tenantId: OTHER_TENANT_ID, appId: undefined, reason: 'tested' }
  await world.core.revocations.revoke(target, place, CALLER)
  expect(await outcomeOf(one)).toBe('app app')
})

test('more tokens than are remembered are all taken', async () => {
  const first = token({ jti: 'first' })
  await world.authenticate(first)
  for (let count = 0; count <= VERIFIED_COUNT_MAX; count++) {
    await world.door.authenticate(token({ jti: String(count) }), SOURCE)
  }
  expect(await outcomeOf(first)).toBe('app app')
})

test('an app without the setting of a longest life takes no token', async () => {
  const { app } = world.loaded('app')
  const { jwtTtlMaxMs: _, ...older } = app.settings
  const region = world.core.authority.regionOf(app)
  await region.transaction((each) => each.saveApp({ ...app, settings: older as never }))
  await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
  expect(await outcomeOf(token())).toBe('credential_invalid')
})
