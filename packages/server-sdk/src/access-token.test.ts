import { beforeAll, describe, expect, test } from 'bun:test'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { AccessTokenVerifier, type TokenRefusal } from './access-token.ts'
import { KeysUnavailable } from './key-set.ts'
import { SYSTEM } from './system.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const ISSUER = `https://lockgate.example/${TENANT}`
const AUDIENCE = 'WireSocket.API'
const START_MS = Date.UTC(2026, 0, 1)

interface Signer {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

async function signer(kid: string, alg: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

let es: Signer
let rs: Signer
let foreign: Signer
beforeAll(async () => {
  es = await signer('es', 'ES256')
  rs = await signer('rs', 'RS256')
  foreign = await signer('es', 'ES256')
})

/** An issuer that publishes some keys, and a verifier that asks it. */
function verifying(published: () => unknown = () => ({ keys: [es.jwk, rs.jwk] })) {
  const state = { nowMs: START_MS, askCount: 0 }
  const urls: string[] = []
  const verifier = new AccessTokenVerifier({
    issuer: ISSUER,
    system: {
      ...SYSTEM,
      now: () => state.nowMs,
      fetch: (url) => {
        state.askCount += 1
        urls.push(url)
        const answer = published()
        if (answer instanceof Error) return Promise.reject(answer)
        return Promise.resolve(answer instanceof Response ? answer : Response.json(answer))
      },
    },
  })
  return { verifier, state, urls }
}

const CLAIMS: JWTPayload = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'client',
  jti: 'token-1',
  scope: `${AUDIENCE} offline_access`,
  tenantid: TENANT,
  appId: 'app',
  iat: START_MS / 1_000,
  exp: START_MS / 1_000 + 900,
}

interface Given {
  readonly by?: Signer
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
}

function token({ by = es, claims = {}, header = {} }: Given = {}): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ alg: by.alg, kid: by.kid, typ: 'at+jwt', ...header })
    .sign(by.privateKey)
}

async function refusalOf(given: string | Given): Promise<TokenRefusal | undefined> {
  const { verifier } = verifying()
  const text = typeof given === 'string' ? given : await token(given)
  const result = await verifier.verify(text)
  return result.ok ? undefined : result.refusal
}

describe('a token of the issuer', () => {
  test('is accepted with its claims, by whichever key it names', async () => {
    const { verifier, urls } = verifying()
    for (const by of [es, rs]) {
      const result = await verifier.verify(await token({ by }))
      expect(result).toMatchObject({ ok: true, value: { sub: 'client', appId: 'app' } })
    }
    expect(urls).toEqual([`${ISSUER}/.well-known/jwks`])
  })

  test('is accepted with its audience in a list of one', async () => {
    expect(await refusalOf({ claims: { aud: [AUDIENCE] } })).toBeUndefined()
  })

  test('expires, with half a minute for clocks that differ', async () => {
    const { verifier, state } = verifying()
    const text = await token()
    state.nowMs = START_MS + 929_000
    expect(await verifier.verify(text)).toMatchObject({ ok: true })
    state.nowMs = START_MS + 931_000
    expect(await verifier.verify(text)).toEqual({ ok: false, refusal: 'token_expired' })
  })
})

describe('what is no token of the issuer is refused', () => {
  const claims: [string, Record<string, unknown>][] = [
    ['another issuer', { iss: 'https://lockgate.example/other' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'Other.API' }],
    ['several audiences', { aud: [AUDIENCE, 'Other.API'] }],
    ['no audience', { aud: undefined }],
    ['another scope', { scope: 'WireSocket.APIx' }],
    ['no scope', { scope: undefined }],
    ['a scope that is no text', { scope: [AUDIENCE] }],
    ['another tenant', { tenantid: '11111111-2d9e-4c3e-a1f1-3b2c99e6b111' }],
    ['no tenant', { tenantid: undefined }],
    ['an empty tenant', { tenantid: '' }],
    ['no app', { appId: undefined }],
    ['no subject', { sub: undefined }],
    ['no id', { jti: undefined }],
    ['no expiry', { exp: undefined }],
    ['no time of issue', { iat: undefined }],
    ['a start in the future', { nbf: START_MS / 1_000 + 3_600 }],
  ]
  test.each(claims)('%s', async (_, given) => {
    expect(await refusalOf({ claims: given })).toBe('token_invalid')
  })

  const headers: [string, Record<string, unknown>][] = [
    ['an id token', { typ: 'JWT' }],
    ['no type', { typ: undefined }],
    ['a key of its own by URL', { jku: 'https://evil.example/keys' }],
    ['a certificate of its own by URL', { x5u: 'https://evil.example/cert' }],
    ['an extension nobody knows', { crit: ['x'], x: 1 }],
    ['a key nobody published', { kid: 'other' }],
  ]
  test.each(headers)('%s', async (_, header) => {
    const { verifier } = verifying()
    // The library does not make a token with an extension it does not know.
    const text = await token({ header: 'crit' in header ? {} : header })
    const [, payload, signature] = text.split('.')
    const forged = Buffer.from(
      JSON.stringify({ alg: 'ES256', kid: 'es', typ: 'at+jwt', ...header }),
    )
    const given =
      'crit' in header ? `${forged.toString('base64url')}.${payload}.${signature}` : text
    const result = await verifier.verify(given)
    expect(result.ok).toBe(false)
  })

  test('a key in the header, though it is the right one', async () => {
    expect(await refusalOf({ header: { jwk: es.jwk } })).toBe('token_invalid')
  })

  test('a signature of another key under the name of a published one', async () => {
    expect(await refusalOf({ by: foreign })).toBe('token_invalid')
  })

  test('an algorithm other than that of the key, none, and the public key as a secret', async () => {
    expect(await refusalOf({ by: { ...es, kid: 'rs' } })).toBe('token_invalid')
    expect(await refusalOf({ by: { ...rs, kid: 'es' } })).toBe('token_invalid')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const none = `${part({ alg: 'none', kid: 'es', typ: 'at+jwt' })}.${part(CLAIMS)}.`
    expect(await refusalOf(none)).toBe('token_invalid')
    const secret = new TextEncoder().encode(JSON.stringify(rs.jwk))
    const swapped = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'HS256', kid: 'rs', typ: 'at+jwt' })
      .sign(secret)
    expect(await refusalOf(swapped)).toBe('token_invalid')
  })

  test('any changed part', async () => {
    const good = await token()
    const parts = good.split('.')
    for (const index of [0, 1, 2]) {
      const bytes = Buffer.from(parts[index] ?? '', 'base64url')
      bytes[9] = (bytes[9] ?? 0) ^ 1
      const changed = parts.with(index, bytes.toString('base64url')).join('.')
      expect(await refusalOf(changed)).toBeDefined()
    }
  })

  test('text that is no token; what is too long for one asks nobody', async () => {
    const part = Buffer.from('{}').toString('base64url')
    const texts = ['', 'a', 'a.b', 'a.b.c', `${part}.${part}.${part}`, 'ä.ö.ü', '.'.repeat(9)]
    for (const text of texts) expect(await refusalOf(text)).toBe('token_malformed')
    const { verifier, state } = verifying()
    expect(await verifier.verify('x'.repeat(8_193))).toMatchObject({ refusal: 'token_malformed' })
    expect(state.askCount).toBe(0)
  })
})

describe('the keys', () => {
  test('are asked for once for many tokens, and again when they are old', async () => {
    const { verifier, state } = verifying()
    const text = await token({ claims: { exp: START_MS / 1_000 + 9_000 } })
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(text)))
    expect(state.askCount).toBe(1)
    state.nowMs += 299_000
    await verifier.verify(text)
    expect(state.askCount).toBe(1)
    state.nowMs += 1_000
    await verifier.verify(text)
    expect(state.askCount).toBe(2)
  })

  test('a new key is fetched when a token names it, and at most once in a while', async () => {
    let keys = [rs.jwk]
    const { verifier, state } = verifying(() => ({ keys }))
    const text = await token()
    expect(await verifier.verify(text)).toEqual({ ok: false, refusal: 'token_invalid' })
    keys = [es.jwk, rs.jwk]
    expect(await verifier.verify(text)).toEqual({ ok: false, refusal: 'token_invalid' })
    expect(state.askCount).toBe(1)
    state.nowMs += 35_000
    expect(await verifier.verify(text)).toMatchObject({ ok: true })
    expect(state.askCount).toBe(2)
  })

  test('tokens with invented key names stay below what the issuer answers', async () => {
    const { verifier, state } = verifying()
    const text = await token({ header: { kid: 'invented' } })
    for (let second = 0; second < 600; second += 1) {
      await verifier.verify(text)
      state.nowMs += 1_000
    }
    expect(state.askCount).toBeLessThan(20)
  })

  test('a removed key stops counting once the keys are asked for again', async () => {
    let keys = [es.jwk]
    const { verifier, state } = verifying(() => ({ keys }))
    const text = await token()
    expect(await verifier.verify(text)).toMatchObject({ ok: true })
    keys = [rs.jwk]
    state.nowMs += 300_000
    expect(await verifier.verify(text)).toMatchObject({ refusal: 'token_invalid' })
  })

  test('an outage is bridged for an hour and is then an outage, not a judgement', async () => {
    let isDown = false
    const { verifier, state } = verifying(() => (isDown ? new Error('down') : { keys: [es.jwk] }))
    const text = await token({ claims: { exp: START_MS / 1_000 + 99_000 } })
    await verifier.verify(text)
    isDown = true
    state.nowMs += 3_599_000
    expect(await verifier.verify(text)).toMatchObject({ ok: true })
    state.nowMs += 2_000
    const failure: unknown = await verifier.verify(text).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KeysUnavailable)
    isDown = false
    state.nowMs += 35_000
    expect(await verifier.verify(text)).toMatchObject({ ok: true })
  })

  const answers: [string, () => unknown][] = [
    ['no connection', () => new TypeError('fetch failed')],
    ['no key set', () => ({})],
    ['no JSON', () => new Response('<html>')],
    ['a status of 429', () => new Response('{"keys":[]}', { status: 429 })],
    [
      'a redirect',
      () => new Response('', { status: 302, headers: { location: 'https://a.example' } }),
    ],
    ['keys without end', () => ({ keys: Array.from({ length: 33 }, () => es.jwk) })],
    ['a body without end', () => new Response(`{"keys":[],"x":"${'x'.repeat(140_000)}"}`)],
  ]
  test.each(answers)('that are answered with %s are not taken', async (_, published) => {
    const { verifier } = verifying(published)
    const failure: unknown = await verifier.verify(await token()).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KeysUnavailable)
  })

  test('without an algorithm of their own are not used', async () => {
    const { alg: _, ...bare } = es.jwk
    const { verifier } = verifying(() => ({ keys: [bare, null, 7] }))
    expect(await verifier.verify(await token())).toMatchObject({ refusal: 'token_invalid' })
  })

  test('do not come from an address without TLS', () => {
    expect(() => new AccessTokenVerifier({ issuer: 'http://lockgate.example/t' })).toThrow(
      TypeError,
    )
  })
})
