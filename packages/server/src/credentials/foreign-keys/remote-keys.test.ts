import { beforeEach, describe, expect, test } from 'bun:test'
import {
  ecPair,
  ecToken,
  type ForeignWorld,
  type KeyPair,
  macToken,
  openForeignWorld,
} from '../../../../../test/support/foreign-world.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import type { IssuedCredential } from '../administration/issued.ts'
import { REMOTE_VERIFIED_MS } from '../customer-tokens/customer-tokens.ts'
import { ScriptedFetcher } from '../../../../../test/support/scripted-fetcher.ts'
import { Outage } from '../../ports/outage.ts'
import {
  COOLDOWN_MS,
  FETCHES_OF_TENANT_MAX,
  FRESH_MS,
  REMOTE_SET_COUNT_MAX,
  RemoteKeys,
  STALE_MS_MAX,
} from './remote-keys.ts'

const URL_OF_KEYS = 'https://keys.example/jwks?tenant=private'

let world: ForeignWorld
let made: IssuedCredential
const one = ecPair({ kid: 'one' })
const two = ecPair({ kid: 'two' })

beforeEach(async () => {
  world = await openForeignWorld()
  made = await world.register({ name: 'remote', jwksUrl: URL_OF_KEYS })
  publish(one)
})

function publish(...pairs: readonly KeyPair[]): void {
  const body = JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) })
  world.fetcher.answers(URL_OF_KEYS, { status: 200, body })
}

const token = (pair: KeyPair, header: Readonly<Record<string, unknown>> = {}) => {
  const iat = world.seconds()
  const claims = { app: 'app', iat, exp: iat + 3_600, jti: String(Math.floor(world.time.ms)) }
  return ecToken(pair, claims, { kid: pair.jwk['kid'], ...header })
}

async function outcomeOf(text: string): Promise<string> {
  try {
    const identity = await world.authenticate(text)
    return identity.ok ? 'taken' : identity.refusal
  } catch (error) {
    if (error instanceof Outage) return error.code
    throw error
  }
}

const callCount = () => world.fetcher.calls.length

describe('a key set at a URL', () => {
  test('is fetched when a token needs it, and kept', async () => {
    expect(callCount()).toBe(0)
    for (let count = 0; count < 5; count++) {
      expect(await outcomeOf(token(one))).toBe('taken')
      world.time.ms += 1_000
    }
    expect(world.fetcher.calls).toEqual([{ url: URL_OF_KEYS, content: undefined }])
    expect(world.usesOf(made.credential.id)).toEqual({ accepted: 5 })
  })

  test('is fetched once for all that come at the same time', async () => {
    let open = () => {}
    world.fetcher.gate = new Promise((resolve) => {
      open = resolve
    })
    const running = Array.from({ length: 20 }, () => outcomeOf(token(one)))
    open()
    expect(new Set(await Promise.all(running))).toEqual(new Set(['taken']))
    expect(callCount()).toBe(1)
  })

  test('rotates without a refused token: a new kid is looked for at once', async () => {
    expect(await outcomeOf(token(one))).toBe('taken')
    world.time.ms += COOLDOWN_MS
    publish(one, two)
    expect(await outcomeOf(token(two))).toBe('taken')
    expect(await outcomeOf(token(one))).toBe('taken')
    expect(callCount()).toBe(2)
  })

  test('that drops a key stops taking it within its time, and at once after a look', async () => {
    expect(await outcomeOf(token(one))).toBe('taken')
    publish(two)
    world.time.ms += FRESH_MS
    expect(await outcomeOf(token(one))).toBe('taken') // Nobody waits: the look is behind this one.
    await Promise.resolve()
    expect(await outcomeOf(token(two))).toBe('taken')
    expect(await outcomeOf(token(one))).toBe('credential_invalid')
  })

  test('that drops a key stops taking what was verified by it before', async () => {
    const leaked = token(one)
    expect(await outcomeOf(leaked)).toBe('taken')
    publish(two)
    world.time.ms += COOLDOWN_MS
    expect(await outcomeOf(token(two))).toBe('taken')
    world.time.ms += REMOTE_VERIFIED_MS
    expect(await outcomeOf(leaked)).toBe('credential_invalid')
  })

  test('is asked for no made-up kid more often than the cooldown lets', async () => {
    await outcomeOf(token(one))
    for (let count = 0; count < 100; count++) {
      const forged = token(ecPair({ kid: `made-up-${count}` }))
      expect(await outcomeOf(forged)).toBe('credential_invalid')
      world.time.ms += 1_000
    }
    expect(callCount()).toBe(Math.ceil(100_000 / COOLDOWN_MS))
  })

  test('is not asked for tokens of secrets, of other keys, or of other apps', async () => {
    const secret = await world.register({ name: 'secret' })
    const iat = world.seconds()
    const claims = { app: 'app', iat, exp: iat + 60 }
    expect(await outcomeOf(macToken(secret.value ?? '', claims))).toBe('taken')
    expect(await outcomeOf(macToken('x'.repeat(40), claims))).toBe('credential_invalid')
    const fixed = ecPair()
    await world.register({ name: 'fixed', jwk: fixed.jwk })
    expect(await outcomeOf(ecToken(fixed, claims))).toBe('taken')
    const elsewhere = { ...claims, app: 'sibling', iss: URL_OF_KEYS }
    expect(await outcomeOf(ecToken(one, elsewhere, { kid: 'one' }))).toBe('credential_invalid')
    expect(callCount()).toBe(0)
  })

  test('takes no token of another key under a kid of its own', async () => {
    expect(await outcomeOf(token(two, { kid: 'one' }))).toBe('credential_invalid')
    const { x } = one.jwk
    const iat = world.seconds()
    const claims = { app: 'app', iat, exp: iat + 60 }
    const forged = macToken(Buffer.from(String(x), 'base64url'), claims, { kid: 'one' })
    expect(await outcomeOf(forged)).toBe('credential_invalid')
  })

  test('takes a token without a kid, if one of its keys signed it', async () => {
    publish(one, two)
    expect(await outcomeOf(token(two, { kid: undefined }))).toBe('taken')
    expect(await outcomeOf(token(ecPair(), { kid: undefined }))).toBe('credential_invalid')
  })

  test('ends with its version, and is then not fetched any more', async () => {
    const text = token(one)
    expect(await outcomeOf(text)).toBe('taken')
    const credentialId = made.credential.id
    const jwksUrl = 'https://next.example/jwks'
    world.fetcher.answers(jwksUrl, { status: 200, body: JSON.stringify({ keys: [two.jwk] }) })
    const rotation = { credentialId, overlapMs: 0, key: { jwksUrl } }
    expect(await world.core.changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
    expect(await outcomeOf(text)).toBe('credential_invalid')
    expect(await outcomeOf(token(two))).toBe('taken')
    expect(world.fetcher.calls.map(({ url }) => url)).toEqual([URL_OF_KEYS, jwksUrl])
  })

  test('that was revoked while it was fetched lets nobody in', async () => {
    let open = () => {}
    world.fetcher.gate = new Promise((resolve) => {
      open = resolve
    })
    const waiting = outcomeOf(token(one))
    const credentialId = made.credential.id
    await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    open()
    expect(await waiting).toBe('credential_invalid')
  })
})

describe('while the key set cannot be had', () => {
  test.each([
    ['nothing is there', 'outage'],
    ['it leads inside', 'address_refused'],
    ['it points elsewhere', 'redirected'],
    ['it is too long', 'answer_large'],
    ['it is refused', { status: 403, body: '{"keys":[]}' }],
    ['it is a page', { status: 200, body: '<html>' }],
  ] as const)('a token is neither taken nor called invalid: %s', async (_what, script) => {
    world.fetcher.answers(URL_OF_KEYS, script)
    expect(await outcomeOf(token(one))).toBe('fetch_unavailable')
    expect(await outcomeOf(token(one))).toBe('fetch_unavailable')
    expect(callCount()).toBe(1)
    expect(world.warnings).toMatchObject([{ event: 'key_set_unavailable', host: 'keys.example' }])
    expect(JSON.stringify(world.warnings)).not.toContain('private')
    publish(one)
    world.time.ms += COOLDOWN_MS
    expect(await outcomeOf(token(one))).toBe('taken')
  })

  test('known keys are good for their time, and tried again no more often than the cooldown', async () => {
    expect(await outcomeOf(token(one))).toBe('taken')
    world.fetcher.answers(URL_OF_KEYS, 'outage')
    const end = world.time.ms + STALE_MS_MAX
    for (; world.time.ms < end; world.time.ms += 10_000) {
      expect(await outcomeOf(token(one))).toBe('taken')
    }
    expect(callCount()).toBeLessThanOrEqual(1 + (STALE_MS_MAX - FRESH_MS) / COOLDOWN_MS)
    expect(await outcomeOf(token(one))).toBe('fetch_unavailable')
  })

  test('an empty set is a set: it takes nothing', async () => {
    publish()
    expect(await outcomeOf(token(one))).toBe('credential_invalid')
  })

  test('another set of the app that has the key is enough', async () => {
    world.fetcher.answers(URL_OF_KEYS, 'outage')
    const other = 'https://other.example/jwks'
    world.fetcher.answers(other, { status: 200, body: JSON.stringify({ keys: [one.jwk] }) })
    await world.register({ name: 'other', jwksUrl: other })
    expect(await outcomeOf(token(one))).toBe('taken')
  })
})

const isOutage = (outcome: PromiseSettledResult<unknown>) =>
  outcome.status === 'rejected' && outcome.reason instanceof Outage

const ANY = { isWanted: () => true, tenantId: 'tenant' }

function remoteKeys(fetcher: ScriptedFetcher): RemoteKeys {
  const clock = { nowMs: () => 0, monotonicMs: () => 0 }
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  return new RemoteKeys({ fetcher, clock, log })
}

test('a tenant whose key sets never answer leaves room for those of others', async () => {
  const fetcher = new ScriptedFetcher()
  const remote = remoteKeys(fetcher)
  fetcher.gate = new Promise(() => {})
  const urls = Array.from({ length: 100 }, (_, at) => `https://hangs.example/${at}`)
  const beyond = urls.map((url) => remote.find(url, ANY)).slice(FETCHES_OF_TENANT_MAX)
  const outcomes = await Promise.allSettled(beyond)
  expect(outcomes.every(isOutage)).toBe(true)
  expect(fetcher.calls).toHaveLength(FETCHES_OF_TENANT_MAX)
  fetcher.gate = Promise.resolve()
  const url = 'https://a.example/jwks'
  fetcher.answers(url, { status: 200, body: JSON.stringify({ keys: [one.jwk] }) })
  expect(await remote.find(url, { ...ANY, tenantId: 'other' })).toHaveLength(1)
})

test('a tenant has its room again when its calls have ended, however they end', async () => {
  const fetcher = new ScriptedFetcher()
  const remote = remoteKeys(fetcher)
  for (let count = 0; count < 2 * FETCHES_OF_TENANT_MAX; count++) {
    const outcomes = await Promise.allSettled([remote.find(`https://out.example/${count}`, ANY)])
    expect(outcomes.every(isOutage)).toBe(true)
  }
  expect(fetcher.calls).toHaveLength(2 * FETCHES_OF_TENANT_MAX)
})

test('sets are remembered up to the bound, the newest', async () => {
  const fetcher = new ScriptedFetcher()
  const remote = remoteKeys(fetcher)
  const urls = Array.from(
    { length: REMOTE_SET_COUNT_MAX + 1 },
    (_, at) => `https://a.example/${at}`,
  )
  const body = JSON.stringify({ keys: [one.jwk] })
  for (const url of urls) {
    fetcher.answers(url, { status: 200, body })
    expect(await remote.find(url, ANY)).toHaveLength(1)
  }
  expect(fetcher.calls).toHaveLength(urls.length)
  await remote.find(urls.at(-1) ?? '', ANY)
  expect(fetcher.calls).toHaveLength(urls.length)
  await remote.find(urls[0] ?? '', ANY)
  expect(fetcher.calls).toHaveLength(urls.length + 1)
})
