import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'bun:test'
import {
  type ConnectionTokenWorld,
  openConnectionTokenWorld,
  providerOf,
  SOURCE,
} from '../../../../../test/support/connection-token-world.ts'
import {
  ecPair,
  ecToken,
  type KeyPair,
  macToken,
} from '../../../../../test/support/foreign-world.ts'
import { ScriptedFetcher } from '../../../../../test/support/scripted-fetcher.ts'
import { TENANT_ID } from '../../../../../test/support/token-world.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { createForeignTokens } from '../../assembly/foreign-tokens.ts'
import type { ProviderRecord } from '../../ports/records/rule-set.ts'
import { COOLDOWN_MS } from '../foreign-keys/remote-keys.ts'
import { TokenExchange } from './token-exchange.ts'

const ISSUER = 'https://idp.example'
const KEYS_URL = `${ISSUER}/.well-known/jwks.json`
const SHARED = randomBytes(40).toString('base64url')

let world: ConnectionTokenWorld
let fetcher: ScriptedFetcher
let exchange: TokenExchange
let pair: KeyPair

beforeEach(async () => {
  fetcher = new ScriptedFetcher()
  world = await openConnectionTokenWorld({ fetcher })
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const { remote } = createForeignTokens(world.core, log)
  const { authority, administration, recordUse, recordDenial } = world.core
  const { apps, tenants } = authority
  const records = { recordUse, recordDenial }
  const { clock } = administration
  exchange = new TokenExchange({ apps, tenants, remote, clock, ...records })
  pair = ecPair({ kid: 'one' })
  publish(pair)
  await world.integrate({ provider: provider() })
})

function publish(...pairs: readonly KeyPair[]) {
  fetcher.answers(KEYS_URL, {
    status: 200,
    body: JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) }),
  })
}

const provider = (fields: Partial<ProviderRecord> = {}) => providerOf(ISSUER, fields)

const seconds = () => Math.floor(world.time.ms / 1_000)

const claims = (more: Readonly<Record<string, unknown>> = {}) => ({
  iss: ISSUER,
  sub: 'user-7',
  email: 'Ann@Example.com',
  exp: seconds() + 300,
  iat: seconds(),
  ...more,
})

const signed = (more?: Readonly<Record<string, unknown>>, header: object = { kid: 'one' }) =>
  ecToken(pair, claims(more), { ...header })

async function outcome(token: string, more: { integration?: string; provider?: string } = {}) {
  const wanted = { tenantId: TENANT_ID, token, integration: undefined, provider: undefined }
  const proved = await exchange.prove({ ...wanted, ...more }, SOURCE)
  return proved.ok ? 'proved' : proved.refusal
}

describe('who is proved', () => {
  test('the user of a good token: address, id and text claims', async () => {
    const token = signed({ role: 'editor', org: { deep: 1 }, jti: 'x' })
    const wanted = { tenantId: TENANT_ID, token, integration: undefined, provider: undefined }
    const proved = await exchange.prove(wanted, SOURCE)
    if (!proved.ok) throw new Error(proved.refusal)
    expect(proved.value).toMatchObject({
      email: 'ann@example.com',
      userId: 'user-7',
      claims: { sub: 'user-7', email: 'Ann@Example.com', role: 'editor' },
      integration: { name: 'web' },
    })
    expect(Object.keys(proved.value.claims)).not.toContain('jti')
  })

  test('an access token that says what it is', async () => {
    expect(await outcome(signed({}, { kid: 'one', typ: 'at+jwt' }))).toBe('proved')
    expect(await outcome(signed({}, { kid: 'one', typ: 'dpop+jwt' }))).toBe('invalid_token')
  })

  test('a claim under a name that is a URL, or inside another one', async () => {
    const emailClaim = 'https://app.example/email'
    await world.integrate({ provider: provider({ emailClaim, requiredClaims: [] }) })
    expect(await outcome(signed({ email: undefined, [emailClaim]: 'a@b.c' }))).toBe('proved')
    expect(await outcome(signed())).toBe('missing_claim')
    const nested = { emailClaim: 'user.mail', requiredClaims: ['user.mail'] }
    await world.integrate({ provider: provider(nested) })
    expect(await outcome(signed({ user: { mail: 'a@b.c' } }))).toBe('proved')
  })
})

describe('addresses', () => {
  async function proved(more: Readonly<Record<string, unknown>>) {
    const wanted = { tenantId: TENANT_ID, integration: undefined, provider: undefined }
    const result = await exchange.prove({ ...wanted, token: signed(more) }, SOURCE)
    if (!result.ok) throw new Error(result.refusal)
    return result.value
  }

  test.each([[false], ['false'], ['False'], [null], [0]])(
    'that nobody has proved stand for nobody in rules: %p',
    async (email_verified) => {
      const many = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`c${at}`, 'x']))
      const { claims: kept } = await proved({ ...many, email_verified })
      expect(kept['email_verified']).toBe('false')
      expect(Object.values(kept)).not.toContain('Ann@Example.com')
      await world.integrate({ provider: provider({ emailClaim: 'mail' }) })
      const named = await proved({ mail: 'Ann@Example.com', email_verified })
      expect(Object.values(named.claims)).not.toContain('Ann@Example.com')
    },
  )

  test('that are proved are kept', async () => {
    for (const email_verified of [true, 'true', undefined]) {
      const { claims: kept } = await proved({ email_verified })
      expect(kept['email']).toBe('Ann@Example.com')
      expect(kept['email_verified']).not.toBe('false')
    }
  })

  test('with letters that only look alike are others', async () => {
    // U+212A, the sign for Kelvin, is a `k` to toLowerCase.
    expect((await proved({ email: '\u212Aim@Example.com' })).email).toBe('\u212Aim@example.com')
    expect((await proved({ email: 'Kim@Example.com' })).email).toBe('kim@example.com')
  })
})

test('the audit is told of tokens that prove nobody, and not of keys that cannot be had', async () => {
  const reasons = async () => {
    await world.core.denials.finish(world.store)
    const { app, tenant } = world.loaded('app')
    const region = world.core.authority.regionOf(app)
    const page = { tenantId: tenant.id, afterSeq: 0, countMax: 1_000 }
    const rows = await region.transaction((each) => each.listAudit(page))
    return rows
      .map(({ entry }) => JSON.parse(entry))
      .filter(({ target }) => target.kind === 'identity_provider')
      .map(({ action, reason }) => `${action} ${reason}`)
  }
  fetcher.answers(KEYS_URL, 'outage')
  expect(await outcome(signed())).toBe('provider_unavailable')
  expect(await reasons()).toEqual([])
  expect(await outcome(signed({ iss: 'https://evil.example' }))).toBe('provider_not_found')
  expect(await outcome(signed({ exp: seconds() - 60 }, { kid: 'one', alg: 'none' }))).toBe(
    'invalid_token',
  )
  expect(await reasons()).toEqual(['auth.failed provider_not_found', 'auth.failed invalid_token'])
})

const ROWS: readonly [string, string, () => string | Promise<string>][] = [
  ['no JWT', 'malformed', () => 'abc'],
  ['expired', 'token_expired', () => signed({ exp: seconds() - 31 })],
  ['expired a moment ago: leeway', 'proved', () => signed({ exp: seconds() - 29 })],
  ['without an end', 'invalid_token', () => signed({ exp: undefined })],
  ['not yet valid', 'invalid_token', () => signed({ nbf: seconds() + 31 })],
  ['made in the future', 'invalid_token', () => signed({ iat: seconds() + 31 })],
  ['another issuer', 'provider_not_found', () => signed({ iss: `${ISSUER}/` })],
  ['no issuer', 'provider_not_found', () => signed({ iss: undefined })],
  ['an unknown key', 'invalid_token', () => signed({}, { kid: 'two' })],
  ['a key of somebody else', 'invalid_token', () => ecToken(ecPair(), claims(), { kid: 'one' })],
  ['no signature', 'invalid_token', () => signed({}, { kid: 'one', alg: 'none' })],
  ['a public key as a secret', 'invalid_token', publicKeyAsSecret],
  ['a key that comes along', 'invalid_token', () => signed({}, { kid: 'one', jwk: pair.jwk })],
  ['a key elsewhere', 'invalid_token', () => signed({}, { kid: 'one', jku: 'https://evil/k' })],
  ['no address', 'missing_claim', () => signed({ email: undefined })],
  ['an empty address', 'missing_claim', () => signed({ email: '' })],
  ['no address at all', 'missing_claim', () => signed({ email: 'ann' })],
  ['no user', 'missing_claim', () => signed({ sub: undefined })],
]

test.each(ROWS)('%s: %s', async (_what, expected, make) => {
  expect(await outcome(await make())).toBe(expected)
})

function publicKeyAsSecret() {
  const pem = pair.publicKey.export({ format: 'pem', type: 'spki' })
  return macToken(pem, claims(), { kid: 'one' })
}

test('a changed or cut token proves nobody', async () => {
  const token = signed()
  const [head = '', body = '', signature = ''] = token.split('.')
  const other = Buffer.from(JSON.stringify(claims({ sub: 'admin' }))).toString('base64url')
  const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
  for (const forged of [`${head}.${other}.${signature}`, `${head}.${body}.${flipped}`]) {
    expect(await outcome(forged)).toBe('invalid_token')
  }
})

describe('what an integration asks for', () => {
  test.each([
    [{ audience: ['web'] }, { aud: 'web' }, 'proved'],
    [{ audience: ['web', 'app'] }, { aud: ['x', 'app'] }, 'proved'],
    [{ audience: ['web'] }, { aud: 'other' }, 'invalid_token'],
    [{ audience: ['web'] }, {}, 'invalid_token'],
    [{ authorizedParties: ['https://a.example'] }, { azp: 'https://a.example' }, 'proved'],
    [{ authorizedParties: ['https://a.example'] }, { azp: 'https://b.example' }, 'invalid_token'],
    [{ authorizedParties: ['https://a.example'] }, {}, 'invalid_token'],
    [{ requiredClaims: ['email', 'org'] }, {}, 'missing_claim'],
    [{ requiredClaims: ['email', 'org'] }, { org: 'acme' }, 'proved'],
  ] as const)('%j of %j: %s', async (fields, more, expected) => {
    await world.integrate({ provider: provider(fields) })
    expect(await outcome(signed(more))).toBe(expected)
  })

  test('Firebase users have signed in at some time, and have an id', async () => {
    const firebase = { type: 'firebase', audience: ['project'], jwksUrl: KEYS_URL } as const
    await world.integrate({ provider: provider({ ...firebase, userIdClaim: 'user_id' }) })
    const good = { aud: 'project', user_id: 'u', auth_time: seconds() }
    expect(await outcome(signed(good))).toBe('proved')
    expect(await outcome(signed({ ...good, auth_time: seconds() + 31 }))).toBe('invalid_token')
    expect(await outcome(signed({ ...good, auth_time: undefined }))).toBe('invalid_token')
    expect(await outcome(signed({ ...good, sub: '' }))).toBe('invalid_token')
  })

  test('HS256 holds with the secret it names, and with no other', async () => {
    const { tenant } = world.loaded('app')
    const place = { tenantId: tenant.id, appId: 'app', kind: 'jwt_secret' as const }
    const made = await world.core.changes.create(
      { ...place, name: 'supabase', attributes: {}, value: SHARED },
      CALLER,
    )
    expect(made.ok).toBe(true)
    expect(await outcome(macToken(SHARED, claims()))).toBe('invalid_token')
    await world.integrate({ provider: provider({ jwtSecret: 'other', jwksUrl: undefined }) })
    expect(await outcome(macToken(SHARED, claims()))).toBe('invalid_token')
    await world.integrate({ provider: provider({ jwtSecret: 'supabase', jwksUrl: undefined }) })
    expect(await outcome(macToken(SHARED, claims()))).toBe('proved')
    // A project with a secret may still name a key.
    expect(await outcome(macToken(SHARED, claims(), { kid: 'x' }))).toBe('proved')
    expect(await outcome(macToken(`${SHARED}!`, claims()))).toBe('invalid_token')
    const long = SHARED.repeat(2)
    expect(await outcome(macToken(long, claims(), { alg: 'HS512' }))).toBe('invalid_token')
    expect(await outcome(signed())).toBe('invalid_token')
  })

  test('the one that is named, and nothing that only narrows', async () => {
    await world.integrate({ name: 'tag' })
    await world.integrate({ name: 'second', provider: provider({ audience: ['second'] }) })
    await world.integrate({ name: 'off', provider: provider(), isEnabled: false })
    expect(await outcome(signed(), { integration: 'web' })).toBe('proved')
    expect(await outcome(signed(), { integration: 'second' })).toBe('invalid_token')
    // It would leave out the rules of the provider's own integration.
    expect(await outcome(signed(), { integration: 'tag' })).toBe('provider_not_found')
    for (const integration of ['off', 'nobody']) {
      expect(await outcome(signed(), { integration })).toBe('integration_not_found')
    }
    expect(await outcome(signed({ aud: 'second' }), { provider: 'custom' })).toBe('proved')
    expect(await outcome(signed(), { provider: 'clerk' })).toBe('provider_not_found')
  })

  test('of two with one issuer the one whose audience it is', async () => {
    await world.integrate({ provider: provider({ audience: ['first'] }) })
    await world.integrate({ name: 'second', provider: provider({ audience: ['second'] }) })
    const wanted = { tenantId: TENANT_ID, integration: undefined, provider: undefined }
    const proved = await exchange.prove({ ...wanted, token: signed({ aud: 'second' }) }, SOURCE)
    expect(proved.ok && proved.value.integration.name).toBe('second')
  })

  test('without any there is no provider', async () => {
    await world.integrate({ isEnabled: false })
    expect(await outcome(signed())).toBe('provider_not_found')
  })
})

describe('keys', () => {
  test('are fetched from the address of the integration only, whatever a token names', async () => {
    await outcome(signed({ iss: 'https://169.254.169.254' }))
    await outcome(signed({ iss: 'http://127.0.0.1/' }, { kid: 'one', jku: 'http://127.0.0.1/' }))
    expect(fetcher.calls).toEqual([])
    await outcome(signed())
    expect(fetcher.calls.map(({ url }) => url)).toEqual([KEYS_URL])
  })

  test('are fetched once for many tokens, and again for a new one after a while', async () => {
    await Promise.all(Array.from({ length: 20 }, () => outcome(signed())))
    expect(fetcher.calls).toHaveLength(1)
    const next = ecPair({ kid: 'two' })
    publish(pair, next)
    const token = ecToken(next, claims(), { kid: 'two' })
    expect(await outcome(token)).toBe('invalid_token')
    expect(fetcher.calls).toHaveLength(1)
    world.time.ms += COOLDOWN_MS
    expect(await outcome(token)).toBe('proved')
    expect(fetcher.calls).toHaveLength(2)
  })

  test('that cannot be had are no proof against the token', async () => {
    fetcher.answers(KEYS_URL, 'outage')
    expect(await outcome(signed())).toBe('provider_unavailable')
    fetcher.answers(KEYS_URL, { status: 500, body: '' })
    world.time.ms += COOLDOWN_MS
    expect(await outcome(signed())).toBe('provider_unavailable')
  })

  test('an integration that is switched off while they come proves nobody', async () => {
    let open = () => {}
    fetcher.gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const asking = outcome(signed())
    await world.integrate({ provider: provider(), isEnabled: false })
    open()
    expect(await asking).toBe('provider_not_found')
  })
})
