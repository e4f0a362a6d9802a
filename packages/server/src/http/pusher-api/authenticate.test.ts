import { describe, expect, test } from 'bun:test'
import { createHash, createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import {
  KEY,
  pusherWorld,
  SECOND_KEY,
  SECOND_SECRET,
  SECRET,
} from '../../../../../test/support/pusher-world.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import { createPasswordHash } from '../../adapters/system/password-hash.ts'
import {
  type DeniedAttempt,
  type DenialOwner,
  NO_OWNER,
} from '../../credentials/audit/denied-access.ts'
import { Bearers } from '../../credentials/bearers.ts'
import { SecretCheck } from '../../credentials/secret-check.ts'
import { type AuthenticateDeps, authenticate, type SignedCall } from './authenticate.ts'
import { REMEMBERED_SIGNATURE_COUNT_MAX, ReplayMemory } from './replay-memory.ts'

const SOURCE = () => ({ ip: '192.0.2.1', agent: 'test' })
const WINDOW_MS = 600_000
const BODY = new TextEncoder().encode('{"name":"e","channel":"c","data":"d"}')
const PATH = '/apps/app/events'

function world(overrides: Partial<AppSettings> = {}) {
  const { directory, clock, time, loaded } = pusherWorld(overrides)
  const replays = new ReplayMemory(WINDOW_MS)
  const recordUse = () => {}
  const denials: { attempt: DeniedAttempt; owner: DenialOwner }[] = []
  const recordDenial = (attempt: DeniedAttempt, owner: DenialOwner) =>
    void denials.push({ attempt, owner })
  const passwordHash = createPasswordHash({ cost: 4 })
  const check = new SecretCheck({ fingerprintKey: createSecretKey(Buffer.alloc(32)), passwordHash })
  const bearers = new Bearers({ apps: directory, check, clock, recordUse, recordDenial, doors: [] })
  const authTimestampWindowMs = WINDOW_MS
  const base = { directory, clock, replays, authTimestampWindowMs }
  const deps: AuthenticateDeps = { ...base, recordUse, recordDenial, bearers }
  return { deps, time, denials, loaded }
}

interface Signing {
  readonly key?: string
  readonly secret?: string
  readonly timestamp?: string
  readonly version?: string
  readonly digest?: string | undefined
  readonly path?: string
}

/** @returns a call signed as an SDK signs it, with the given parts changed before signing. */
function signed(nowMs: number, changes: Signing = {}): SignedCall {
  const digest = 'digest' in changes ? changes.digest : createHash('md5').update(BODY).digest('hex')
  const parts = [
    `auth_key=${changes.key ?? KEY}`,
    `auth_timestamp=${changes.timestamp ?? Math.floor(nowMs / 1000)}`,
    `auth_version=${changes.version ?? '1.0'}`,
    ...(digest === undefined ? [] : [`body_md5=${digest}`]),
  ]
  const text = `POST\n${changes.path ?? PATH}\n${parts.join('&')}`
  const signature = createHmac('sha256', changes.secret ?? SECRET)
    .update(text)
    .digest('hex')
  const query = [...parts, `auth_signature=${signature}`].join('&')
  return { appId: 'app', method: 'POST', fullPath: PATH, query, body: BODY, source: SOURCE }
}

describe('a signed call', () => {
  test('is accepted under every key of the app and in any order of parameters', () => {
    const { deps, time } = world()
    expect(authenticate(signed(time.ms), deps).ok).toBe(true)
    const second = signed(time.ms, { key: SECOND_KEY, secret: SECOND_SECRET })
    expect(authenticate(second, deps).ok).toBe(true)
    const query = second.query.split('&').reverse().join('&')
    expect(authenticate({ ...second, query }, deps).ok).toBe(true)
  })

  test('is accepted up to the edge of the time window and not beyond', () => {
    const { deps, time } = world()
    const at = (offsetS: number) => ({ timestamp: String(time.ms / 1000 + offsetS) })
    for (const offsetS of [-600, 0, 600]) {
      expect(authenticate(signed(time.ms, at(offsetS)), deps).ok).toBe(true)
    }
    for (const offsetS of [-601, 601, -1e9]) {
      expect(authenticate(signed(time.ms, at(offsetS)), deps)).toMatchObject(UNAUTHENTICATED)
    }
  })

  const wrong: Record<string, Signing> = {
    'with an unknown key': { key: 'nobody' },
    'with the secret of another key': { secret: SECOND_SECRET },
    'for another path': { path: '/apps/app/batch_events' },
    'with a wrong digest': { digest: '0'.repeat(32) },
    'without a digest': { digest: undefined },
    'of another version': { version: '2.0' },
    'without a time': { timestamp: '' },
    'with a time that is none': { timestamp: '1e3' },
    'with a negative time': { timestamp: '-1' },
  }
  test.each(Object.keys(wrong))('%s is refused', (what) => {
    const { deps, time } = world()
    expect(authenticate(signed(time.ms, wrong[what]), deps)).toEqual(UNAUTHENTICATED)
  })

  test('of an unknown app is refused with the same answer', () => {
    const { deps, time } = world()
    const call = { ...signed(time.ms), appId: 'other' }
    expect(authenticate(call, deps)).toEqual(UNAUTHENTICATED)
  })

  test('is refused when any part of the query is changed, doubled or cut', () => {
    const { deps, time } = world()
    const good = signed(time.ms)
    const change = fc.record({
      at: fc.nat(good.query.length - 1),
      text: fc.string({ maxLength: 3 }),
    })
    fc.assert(
      fc.property(change, ({ at, text }) => {
        const query = good.query.slice(0, at) + text + good.query.slice(at + 1)
        const isSame = decodeURIComponentOr(query).toLowerCase() === good.query.toLowerCase()
        if (!isSame) expect(authenticate({ ...good, query }, deps)).toEqual(UNAUTHENTICATED)
      }),
      { numRuns: 1_000 },
    )
    const doubled = { ...good, query: `${good.query}&auth_key=${KEY}` }
    expect(authenticate(doubled, deps)).toEqual(UNAUTHENTICATED)
  })

  test('of any bytes never throws and is never accepted', () => {
    const { deps } = world()
    const any = fc.record({
      appId: fc.constantFrom('app', 'x', '__proto__'),
      method: fc.constantFrom('GET', 'POST'),
      fullPath: fc.string({ unit: 'binary' }),
      query: fc.oneof(fc.string({ unit: 'binary' }), fc.webQueryParameters()),
      body: fc.uint8Array(),
      source: fc.constant(SOURCE),
    })
    fc.assert(
      fc.property(any, (call) => {
        expect(authenticate(call, deps)).toEqual(UNAUTHENTICATED)
      }),
    )
  })

  test('of a disabled app is told so only after its signature held', () => {
    const { deps, time } = world({ enabled: false })
    expect(authenticate(signed(time.ms), deps)).toMatchObject({ refusal: 'app_disabled' })
    expect(authenticate(signed(time.ms, { secret: 'x' }), deps)).toEqual(UNAUTHENTICATED)
  })

  test('is accepted once where the app refuses replays, for as long as it could be replayed', () => {
    const { deps, time } = world({ rejectReplays: true })
    const call = signed(time.ms, { timestamp: String((time.ms + WINDOW_MS) / 1000) })
    expect(authenticate(call, deps).ok).toBe(true)
    expect(authenticate(call, deps)).toMatchObject({ refusal: 'replayed' })
    time.ms += 2 * WINDOW_MS - 1
    expect(authenticate(call, deps)).toMatchObject({ refusal: 'replayed' })
    time.ms += 2_000
    expect(authenticate(call, deps)).toEqual(UNAUTHENTICATED)
  })
})

describe('the audit learns of a refused call', () => {
  test('in the chain of the app that was addressed, with address and reason', () => {
    const { deps, time, denials, loaded } = world()
    authenticate(signed(time.ms, { secret: 'x' }), deps)
    expect(denials).toEqual([
      {
        attempt: {
          action: 'auth.failed',
          reason: 'unauthenticated',
          target: { kind: 'signing_secret', id: `cred_${KEY}`, name: KEY },
          source: { ip: '192.0.2.1', agent: 'test', protocol: 'http' },
        },
        owner: loaded.app,
      },
    ])
  })

  test('in that of the installation where the app is nobody`s', () => {
    const { deps, time, denials } = world()
    authenticate({ ...signed(time.ms), appId: 'other' }, deps)
    expect(denials[0]?.owner).toEqual(NO_OWNER)
  })

  test('without anything the caller sent: a secret where the key belongs is not written down', () => {
    const { deps, time, denials } = world()
    const query = `auth_key=${SECRET}&auth_signature=${KEY}&body_md5=${SECRET}`
    authenticate({ ...signed(time.ms), appId: SECRET, query }, deps)
    authenticate({ ...signed(time.ms), query }, deps)
    expect(denials).toHaveLength(2)
    expect(JSON.stringify(denials.map(({ attempt }) => attempt))).not.toContain(SECRET)
  })

  test('as a use of a retired version where one signed', () => {
    const { deps, time, denials, loaded } = world()
    const [credential] = loaded.credentials
    if (credential === undefined) throw new Error('no credential')
    const [version] = credential.record.versions
    if (version === undefined) throw new Error('no version')
    const versions = [{ ...version, state: 'revoked' as const }]
    const record = { ...credential.record, versions }
    deps.directory.put({ ...loaded, credentials: [{ ...credential, record }] })
    expect(authenticate(signed(time.ms), deps)).toEqual(UNAUTHENTICATED)
    expect(denials.at(-1)?.attempt).toMatchObject({
      action: 'auth.retired_version',
      reason: 'revoked',
      target: { kind: 'version', id: version.id },
      after: { credentialId: credential.record.id },
    })
  })

  test('as a denial where who asks is known and may not', () => {
    const { deps, time, denials } = world({ enabled: false })
    authenticate(signed(time.ms), deps)
    expect(denials.at(-1)?.attempt).toMatchObject({ action: 'auth.denied', reason: 'app_disabled' })
  })

  test('and an accepted call leaves nothing', () => {
    const { deps, time, denials } = world()
    expect(authenticate(signed(time.ms), deps).ok).toBe(true)
    expect(denials).toEqual([])
  })
})

describe('the memory of replays', () => {
  test('refuses when it is full instead of forgetting, and frees what has expired', () => {
    const replays = new ReplayMemory(1_000)
    for (let index = 0; index < REMEMBERED_SIGNATURE_COUNT_MAX; index++) {
      expect(replays.remember(String(index), 0)).toBe('new')
    }
    expect(replays.remember('one more', 1_999)).toBe('replay_memory_full')
    expect(replays.remember('one more', 2_000)).toBe('new')
  })
})

const UNAUTHENTICATED = { ok: false, refusal: 'unauthenticated' } as const

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
