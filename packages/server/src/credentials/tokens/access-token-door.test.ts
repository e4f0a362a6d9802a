import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { beforeEach, describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  claimsOf,
  credentialsForm,
  openTokenWorld,
  OTHER_TENANT_ID,
  TENANT_ID,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'
import { Bearers } from '../bearers.ts'
import { AccessTokenDoor } from './access-token-door.ts'
import { readPlanLimits } from './plan-claim.ts'
import { tokenIdOf } from './token-id.ts'

let world: TokenWorld
let token = ''
beforeEach(async () => {
  world = await openTokenWorld()
  token = await tokenOf('app')
})

const SOURCE = { ip: '192.0.2.1', agent: 'test', protocol: 'http' }

async function tokenOf(appId: string, scope = 'WireSocket.API offline_access'): Promise<string> {
  const form = credentialsForm(appId, { scope })
  return (await world.call('/connect/token', { form })).body.access_token
}

function bearers(): Bearers {
  const { core, tokens } = world
  const { check, recordUse, recordDenial, authority, administration } = core
  const { apps } = authority
  const { clock } = administration
  return new Bearers({ apps, check, clock, recordUse, recordDenial, doors: [tokens.door] })
}

async function outcomeOf(each: string): Promise<string> {
  const identity = await bearers().authenticate(each, SOURCE)
  return identity.ok ? `app ${identity.value.loaded.app.id}` : identity.refusal
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The private key and header of the tenant itself: what only we can sign with. */
function signing(tenantId = TENANT_ID) {
  const key = world.tokens.keys.signer(tenantId, world.time.ms)
  if (key === undefined) throw new Error('there is no key')
  const header = { alg: key.pair.algorithm, typ: 'at+jwt', kid: key.pair.kid }
  return { header, privateKey: key.pair.privateKey, jwk: key.pair.jwk, pair: key.pair }
}

/** A token with the given header and claims, signed by `privateKey` in the way of ES256. */
function signed(header: unknown, claims: unknown, privateKey: KeyObject): string {
  const input = `${encode(header)}.${encode(claims)}`
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

function resigned(changes: Record<string, unknown>, headerChanges: Record<string, unknown> = {}) {
  const { header, privateKey } = signing()
  return signed({ ...header, ...headerChanges }, { ...claimsOf(token), ...changes }, privateKey)
}

describe('an access token', () => {
  test('stands for its app, may publish and subscribe there, and rests on what gave it', async () => {
    const identity = await bearers().authenticate(token, SOURCE)
    if (!identity.ok) throw new Error(identity.refusal)
    const claims = claimsOf(token)
    expect(identity.value).toMatchObject({
      reliances: [
        `token:app/${String(claims['jti'])}`,
        `version:${String(claims['version'])}`,
        `family:${String(claims['family'])}`,
      ],
      userId: undefined,
      expiresAtMs: Number(claims['exp']) * 1000,
      issuedAtMs: Number(claims['iat_ms']),
      planLimits: readPlanLimits(claims['limits']),
    })
    expect(identity.value.planLimits).toBeDefined()
    const actions = identity.value.permissions.rules.flatMap(({ actions: each }) => each)
    expect(actions.toSorted()).toEqual(['history', 'presence', 'publish', 'subscribe'])
    expect(identity.value.loaded.app.id).toBe('app')
  })

  test('is good until the second it expires', async () => {
    const end = Number(claimsOf(token)['exp']) * 1000
    world.time.ms = end - 1
    expect(await outcomeOf(token)).toBe('app app')
    world.time.ms = end
    expect(await outcomeOf(token)).toBe('token_expired')
  })

  test('signed with RSA is taken where the tenant signs so', async () => {
    world = await openTokenWorld({ algorithm: 'RS256' })
    const other = await tokenOf('app')
    expect(signing().header.alg).toBe('RS256')
    expect(await outcomeOf(other)).toBe('app app')
    const [head, payload] = other.split('.')
    expect(await outcomeOf(`${head}.${payload}.${'A'.repeat(342)}`)).toBe('credential_invalid')
  })

  test('needs no database, known or not', async () => {
    const spies = [...world.store.regions.values(), world.store.control].map((each) =>
      spyOn(each, 'transaction'),
    )
    expect(await outcomeOf(token)).toBe('app app')
    expect(await outcomeOf(token)).toBe('app app')
    expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([])
  })
})

describe('a forged token is refused:', () => {
  const refused = async (forged: string) => {
    expect(await outcomeOf(forged)).toBe('credential_invalid')
    // A refusal is not remembered as anything.
    expect(await outcomeOf(forged)).toBe('credential_invalid')
  }

  test('the honest copy is not (so the forgeries fail for what they change)', async () => {
    expect(await outcomeOf(resigned({}))).toBe('app app')
  })

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['another audience', { aud: 'other' }, {}],
    ['a list of audiences', { aud: ['WireSocket.API'] }, {}],
    ['no audience', { aud: undefined }, {}],
    ['another issuer', { iss: 'https://evil.example' }, {}],
    ['the issuer of another tenant', { iss: `https://tokens.example/${OTHER_TENANT_ID}` }, {}],
    ['the issuer of no tenant', { iss: 'https://tokens.example/x' }, {}],
    ['a path in the issuer', { iss: `https://tokens.example/${TENANT_ID}/x` }, {}],
    ['another tenantid', { tenantid: OTHER_TENANT_ID }, {}],
    ['no tenantid', { tenantid: undefined }, {}],
    ['an app of another tenant', { appId: 'foreign', client_id: 'client-foreign' }, {}],
    ['the client of another app', { client_id: 'client-sibling' }, {}],
    ['an app that is not there', { appId: 'nothing' }, {}],
    ['no app', { appId: undefined }, {}],
    ['no expiry', { exp: undefined }, {}],
    ['an expiry that is text', { exp: '9999999999' }, {}],
    ['an expiry without end', { exp: null }, {}],
    ['no time of issue', { iat: undefined }, {}],
    ['a time of issue from the future', { iat_ms: 9_000_000_000_000 }, {}],
    ['no scope', { scope: undefined }, {}],
    ['the scope of something else', { scope: 'WireSocket.APIs' }, {}],
    ['no token id', { jti: undefined }, {}],
    ['no version', { version: undefined }, {}],
    ['a family that is none', { family: 7 }, {}],
    ['the type of an ID token', {}, { typ: 'JWT' }],
    ['no type', {}, { typ: undefined }],
    ['another spelling of the type', {}, { typ: 'AT+JWT' }],
    ['no algorithm', {}, { alg: undefined }],
    ['the algorithm none', {}, { alg: 'none' }],
    ['another algorithm', {}, { alg: 'RS256' }],
    ['a symmetric algorithm', {}, { alg: 'HS256' }],
    ['no key id', {}, { kid: undefined }],
    ['an unknown key id', {}, { kid: 'x' }],
    ['a key id that is a path', {}, { kid: '../../dev/null' }],
    ['a key id that is no text', {}, { kid: ['x'] }],
    ['critical extensions', {}, { crit: ['b64'], b64: false }],
    ['a key set to fetch', {}, { jku: 'https://evil.example/jwks' }],
    ['a certificate to fetch', {}, { x5u: 'https://evil.example/x5u' }],
    ['a certificate', {}, { x5c: ['AAAA'] }],
    ['compression', {}, { zip: 'DEF' }],
  ])('%s', async (...row) => {
    const [, claims, header] = row
    await refused(resigned(claims, header))
  })

  test('a key of its own in the header', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' })
    const { header } = signing()
    await refused(signed({ ...header, jwk }, claimsOf(token), privateKey))
    await refused(signed(header, claimsOf(token), privateKey))
  })

  test('unsigned, in every spelling of none', async () => {
    const { header } = signing()
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      const start = `${encode({ ...header, alg })}.${encode(claimsOf(token))}`
      for (const end of ['', '.', '.AA', `.${token.split('.')[2]}`]) await refused(start + end)
    }
  })

  test('the public key used as an HMAC secret', async () => {
    const { header, jwk, pair } = signing()
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' })
    for (const secret of [pem, JSON.stringify(jwk), jwk.x ?? '']) {
      const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claimsOf(token))}`
      const mac = createHmac('sha256', secret).update(input).digest('base64url')
      await refused(`${input}.${mac}`)
    }
  })

  test('signed by the key of another tenant', async () => {
    const other = signing(OTHER_TENANT_ID)
    await refused(signed(other.header, claimsOf(token), other.privateKey))
    await refused(signed(signing().header, claimsOf(token), other.privateKey))
    const crossed = { ...claimsOf(token), iss: `https://tokens.example/${OTHER_TENANT_ID}` }
    await refused(signed(other.header, crossed, other.privateKey))
    await refused(signed(other.header, { ...crossed, tenantid: OTHER_TENANT_ID }, other.privateKey))
  })

  test('an oversized one is not even read', async () => {
    await refused(resigned({ padding: 'x'.repeat(9_000) }))
  })

  test('a signature in another encoding, or of another length', async () => {
    const { header, pair } = signing()
    const input = `${encode(header)}.${encode(claimsOf(token))}`
    const der = sign('sha256', Buffer.from(input), createPrivateKey(pemOf(pair.privateKey)))
    await refused(`${input}.${der.toString('base64url')}`)
    await refused(`${input}.${Buffer.alloc(64).toString('base64url')}`)
    await refused(`${input}.${Buffer.alloc(0).toString('base64url')}`)
  })

  test('any change of any character', async () => {
    const positions = fc.nat(token.length - 1)
    const characters = fc.constantFrom('A', 'B', 'b', '0', '9', '-', '_', '.')
    await fc.assert(
      fc.asyncProperty(positions, characters, async (at, character) => {
        fc.pre(token[at] !== character)
        // The last character of a signature has bits that mean nothing.
        fc.pre(at !== token.length - 1)
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        expect(await outcomeOf(changed)).toBe('credential_invalid')
      }),
      { numRuns: 300 },
    )
  })
})

describe('an access token ends at once, remembered or not, with', () => {
  const place = { tenantId: TENANT_ID, appId: 'app', reason: 'tested' }
  const ended = async (revoke: () => Promise<unknown>, refusal = 'credential_revoked') => {
    expect(await outcomeOf(token)).toBe('app app')
    world.time.ms += 5
    await revoke()
    expect(await outcomeOf(token)).toBe(refusal)
    world.time.ms += 5
  }
  const revocations = () => world.core.revocations

  test('its id', async () => {
    const tokenId = tokenIdOf('app', String(claimsOf(token)['jti']))
    await ended(() => revocations().revoke({ kind: 'token', tokenId }, place, CALLER))
    expect(await outcomeOf(await tokenOf('app'))).toBe('app app')
  })

  test('its family', async () => {
    const familyId = String(claimsOf(token)['family'])
    await ended(() => revocations().revoke({ kind: 'family', familyId }, place, CALLER))
    expect(await outcomeOf(await tokenOf('app'))).toBe('app app')
  })

  test('its app, for what was given before, in the same second too', async () => {
    await ended(() => revocations().revoke({ kind: 'app', appId: 'app' }, place, CALLER))
    expect(await outcomeOf(await tokenOf('app'))).toBe('app app')
    expect(await outcomeOf(token)).toBe('credential_revoked')
    expect(await outcomeOf(await tokenOf('sibling'))).toBe('app sibling')
  })

  test('its app, though the clock was set back before', async () => {
    await ended(async () => {
      world.time.ms -= 120_000
      await revocations().revoke({ kind: 'app', appId: 'app' }, place, CALLER)
    }, 'credential_invalid')
  })

  test('its tenant', async () => {
    const target = { kind: 'tenant' as const, tenantId: TENANT_ID }
    await ended(() => revocations().revoke(target, { ...place, appId: undefined }, CALLER))
    expect(await outcomeOf(await tokenOf('app'))).toBe('app app')
  })

  test('the version of the secret that bought it, when that is revoked', async () => {
    const credential = world
      .loaded('app')
      .credentials.find(({ record }) => record.kind === 'client_secret')
    const credentialId = credential?.record.id ?? ''
    await ended(() => world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER))
  })

  test('the plan of its app', async () => {
    expect(await outcomeOf(token)).toBe('app app')
    const { app } = world.loaded('app')
    const region = world.core.authority.regionOf(app)
    await region.transaction((each) => each.saveApp({ ...app, subscription: undefined }))
    await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    expect(await outcomeOf(token)).toBe('plan_missing')
  })

  test('the key that signed it', async () => {
    const [credential] = world.core.authority.tenants.find(TENANT_ID)?.credentials ?? []
    const credentialId = credential?.record.id ?? ''
    const revoke = () => world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    // Nothing is left that could tell it from a forgery.
    await ended(revoke, 'credential_invalid')
  })

  test('but not the secret that was regenerated: it lives out its minutes (seed 000)', async () => {
    const credential = world
      .loaded('app')
      .credentials.find(({ record }) => record.kind === 'client_secret')
    const credentialId = credential?.record.id ?? ''
    await world.core.changes.rotate({ credentialId, overlapMs: 0 }, CALLER)
    expect(await outcomeOf(token)).toBe('app app')
  })
})

test('what was verified is remembered up to the bound, the newest first', async () => {
  const { authority, administration } = world.core
  const { apps, revocations } = authority
  const { keys, issuer } = world.tokens
  const deps = { apps, keys, issuer, revocations, clock: administration.clock, knownCountMax: 3 }
  const door = new AccessTokenDoor(deps)
  const all = [token]
  for (let count = 0; count < 4; count++) all.push(await tokenOf('app'))
  for (const each of all) await door.authenticate(each)
  const isKnown = all.map((each) => door.recall(each) !== undefined)
  expect(isKnown).toEqual([false, false, true, true, true])
})

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' })
}
