import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  appOf,
  claimsOf,
  credentialsForm,
  declare,
  openTokenWorld,
  OTHER_TENANT_ID,
  refreshForm,
  TENANT_ID,
  tenantOf,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'
import { PUBLISHED_BEFORE_USE_MS } from '../tokens/key-schedule.ts'

let world: TokenWorld
beforeEach(async () => {
  world = await openTokenWorld()
})

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const CACHE_MS = 300_000

const publishedIds = (tenantId = TENANT_ID) =>
  world.tokens.keys.keySet(tenantId, world.time.ms)?.keys.map((each) => String(Object(each).kid))

const signerId = () => world.tokens.keys.signer(TENANT_ID, world.time.ms)?.pair.kid

async function tokensNow() {
  const { status, body } = await world.call('/token', { form: credentialsForm('app') })
  expect(status).toBe(200)
  return body as { access_token: string; refresh_token: string }
}

/** The rows of the tenant's signing key, after the one that made it. */
async function keyRows() {
  const page = { tenantId: TENANT_ID, afterSeq: 0, countMax: 100 }
  const rows = await world.store.control.transaction((each) => each.listAudit(page))
  const entries = rows.map(({ entry }) => JSON.parse(entry))
  const changes = entries.filter(({ target }) => target.kind === 'tenant_signing_key')
  return changes.filter(({ action }) => action !== 'credential.created')
}

const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')).kid

test('every step of a key has its row: who, why, and the states before and after', async () => {
  const reason = 'the auditor asked'
  await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID, reason }, CALLER)
  world.time.ms += PUBLISHED_BEFORE_USE_MS
  await world.tokens.signingKeys.follow()
  const rows = await keyRows()
  expect(rows).toMatchObject([
    { ...CALLER, tenantId: TENANT_ID, action: 'secret.staged', reason },
    { action: 'signing_key.rotated', actor: { kind: 'system' } },
  ])
  const statesIn = (side: { versions: { state: string }[] }) =>
    side.versions.map(({ state }) => state)
  expect(rows.map(({ before, after }) => [statesIn(before), statesIn(after)])).toEqual([
    [['current'], ['current', 'pending']],
    [
      ['current', 'pending'],
      ['previous', 'current'],
    ],
  ])
  for (const { before, after } of rows) expect(after.revision).toBe(before.revision + 1)
})

test('a step that is refused changes nothing and has no row', async () => {
  await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
  const again = await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
  expect(again.ok).toBe(false)
  expect(await keyRows()).toHaveLength(1)
})

describe('the schedule', () => {
  test('in a year publishes before use, at most two, and no token outlives its key', async () => {
    const firstSeenMs = new Map<string, number>()
    const signedSinceMs = new Map<string, number>()
    const alive: { token: string; expiresAtMs: number }[] = []
    const endMs = world.time.ms + 365 * DAY_MS
    while (world.time.ms < endMs) {
      await world.tokens.signingKeys.follow()
      const ids = publishedIds() ?? []
      expect(ids.length).toBeWithin(1, 3)
      for (const id of ids) if (!firstSeenMs.has(id)) firstSeenMs.set(id, world.time.ms)
      const { access_token: token } = await tokensNow()
      const kid = kidOf(token)
      if (!signedSinceMs.has(kid)) signedSinceMs.set(kid, world.time.ms)
      alive.push({ token, expiresAtMs: Number(claimsOf(token)['exp']) * 1000 })
      for (const each of alive.splice(0)) {
        if (each.expiresAtMs <= world.time.ms) continue
        expect(world.tokens.door.verify(each.token)).toMatchObject({ ok: true })
        alive.push(each)
      }
      // Minutes while a key waits to sign, hours else: a year is many steps.
      const isWaiting = world.tokens.keys
        .all(TENANT_ID)
        .some(({ version }) => version.state === 'pending')
      world.time.ms += isWaiting ? MINUTE_MS : 7 * HOUR_MS
    }
    const starts = [...signedSinceMs.values()]
    expect(starts.length).toBeWithin(12, 14)
    for (const [kid, sinceMs] of [...signedSinceMs].slice(1)) {
      expect(sinceMs - (firstSeenMs.get(kid) ?? sinceMs)).toBeGreaterThanOrEqual(CACHE_MS)
    }
    for (const [index, sinceMs] of starts.slice(1).entries()) {
      const daysBetween = (sinceMs - (starts[index] ?? 0)) / DAY_MS
      expect(daysBetween).toBeWithin(29, 32)
    }
  })

  test('keeps the old key for a day, by the clock and not by the schedule', async () => {
    const old = (await tokensNow()).access_token
    await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
    world.time.ms += PUBLISHED_BEFORE_USE_MS
    await world.tokens.signingKeys.follow()
    expect(kidOf((await tokensNow()).access_token)).not.toBe(kidOf(old))
    world.time.ms += DAY_MS - 1
    expect(publishedIds()).toHaveLength(2)
    world.time.ms += 1
    expect(publishedIds()).toHaveLength(1)
  })

  test('erases a private key once its tail is over', async () => {
    await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
    world.time.ms += PUBLISHED_BEFORE_USE_MS
    await world.tokens.signingKeys.follow()
    world.time.ms += DAY_MS
    await world.tokens.signingKeys.follow()
    const [credential] = world.core.authority.tenants.find(TENANT_ID)?.credentials ?? []
    const states = credential?.record.versions.map(({ state, material }) => [state, material])
    expect(states).toEqual([
      ['removed', { storage: 'erased' }],
      ['current', expect.objectContaining({ storage: 'sealed' })],
    ])
  })

  test('gives a tenant with another algorithm another key, published first', async () => {
    const [before] = publishedIds() ?? []
    await declare(world, [tenantOf(TENANT_ID, { algorithm: 'RS256', apps: [appOf('app')] })])
    await world.tokens.signingKeys.follow()
    const set = world.tokens.keys.keySet(TENANT_ID, world.time.ms)
    expect(set?.keys.map(({ alg }) => alg)).toEqual(['ES256', 'RS256'])
    expect(signerId()).toBe(before)
    world.time.ms += PUBLISHED_BEFORE_USE_MS
    await world.tokens.signingKeys.follow()
    const { access_token: token } = await tokensNow()
    expect(world.tokens.keys.signer(TENANT_ID, world.time.ms)?.pair.algorithm).toBe('RS256')
    expect(world.tokens.door.verify(token)).toMatchObject({ ok: true })
    const [credential] = world.core.authority.tenants.find(TENANT_ID)?.credentials ?? []
    expect(credential?.record.attributes.algorithms).toEqual(['RS256'])
    const changed = (await keyRows()).find(({ after }) => after.algorithms !== undefined)
    expect(changed).toMatchObject({
      before: { algorithms: ['ES256'] },
      after: { algorithms: ['RS256'] },
    })
  })

  test('makes a key where every one was revoked, and tokens are refused until then', async () => {
    const { refresh_token: refresh } = await tokensNow()
    const [credential] = world.core.authority.tenants.find(TENANT_ID)?.credentials ?? []
    const credentialId = credential?.record.id ?? ''
    await world.core.changes.revoke({ credentialId, reason: 'tested' }, CALLER)
    expect(publishedIds()).toEqual([])
    const refused = await world.call('/token', { form: credentialsForm('app') })
    expect([refused.status, refused.body.error]).toEqual([503, 'temporarily_unavailable'])
    // The refresh token is as good as it was: nothing was advanced.
    expect((await world.call('/token', { form: refreshForm('app', refresh) })).status).toBe(503)
    await world.tokens.signingKeys.follow()
    world.time.ms += HOUR_MS
    expect((await world.call('/token', { form: refreshForm('app', refresh) })).status).toBe(200)
  })

  test('run twice at once makes one key', async () => {
    world.time.ms += 30 * DAY_MS
    await Promise.all([world.tokens.signingKeys.follow(), world.tokens.signingKeys.follow()])
    expect(publishedIds()).toHaveLength(2)
    expect(publishedIds(OTHER_TENANT_ID)).toHaveLength(2)
  })
})

describe('an operator who rotates', () => {
  test('publishes a key that signs after verifiers can have seen it', async () => {
    const before = signerId()
    const rotated = await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
    expect(rotated).toMatchObject({ ok: true })
    await world.tokens.signingKeys.follow()
    expect(signerId()).toBe(before)
    expect(publishedIds()).toHaveLength(2)
  })

  test('is refused a third key', async () => {
    await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
    expect(await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)).toMatchObject({
      ok: false,
      refusal: 'too_many_active_secrets',
    })
  })

  test('of two at once, one has done it', async () => {
    const rotate = () => world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
    const outcomes = await Promise.all([rotate(), rotate(), rotate()])
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    expect(publishedIds()).toHaveLength(2)
  })

  test('cannot put another kind of value in the place of a key pair', async () => {
    const [credential] = world.core.authority.tenants.find(TENANT_ID)?.credentials ?? []
    const credentialId = credential?.record.id ?? ''
    for (const change of ['rotate', 'stage'] as const) {
      const outcome = await world.core.changes[change]({ credentialId }, CALLER)
      expect(outcome).toMatchObject({ ok: false, refusal: 'input_invalid' })
    }
    expect((await tokensNow()).access_token).toEqual(expect.any(String))
  })
})

describe('in an emergency', () => {
  const revoke = (tenantId = TENANT_ID) =>
    world.tokens.signingKeys.revoke({ tenantId, reason: 'the key leaked' }, CALLER)

  test.each(['alone', 'beside a published one', 'beside a previous one'])(
    'a key %s is gone at once, and a new one signs',
    async (where) => {
      if (where !== 'alone') await world.tokens.signingKeys.rotate({ tenantId: TENANT_ID }, CALLER)
      if (where === 'beside a previous one') {
        world.time.ms += PUBLISHED_BEFORE_USE_MS
        await world.tokens.signingKeys.follow()
      }
      const before = publishedIds() ?? []
      const { access_token: token, refresh_token: refresh } = await tokensNow()
      world.time.ms += 1
      const revoked = await revoke()
      if (!revoked.ok) throw new Error(revoked.refusal)
      expect(revoked.value.receipt.familyCount).toBe(1)
      expect(publishedIds()).toHaveLength(1)
      expect(before).not.toContain(publishedIds()?.[0] ?? '')
      expect(world.tokens.door.verify(token)).toMatchObject({ ok: false })
      expect((await world.call('/token', { form: refreshForm('app', refresh) })).status).toBe(401)
      world.time.ms += 1
      const after = (await tokensNow()).access_token
      expect(world.tokens.door.verify(after)).toMatchObject({ ok: true })
    },
  )

  test('nothing of another tenant is touched', async () => {
    const before = publishedIds(OTHER_TENANT_ID)
    const { body } = await world.call('/token', { form: credentialsForm('foreign') })
    await revoke()
    expect(publishedIds(OTHER_TENANT_ID)).toEqual(before as string[])
    expect(world.tokens.door.verify(body.access_token)).toMatchObject({ ok: true })
    const form = refreshForm('foreign', body.refresh_token)
    expect((await world.call('/token', { form })).status).toBe(200)
  })

  test('it is written down why, and by whom', async () => {
    await revoke()
    const page = { tenantId: TENANT_ID, afterSeq: 0, countMax: 100 }
    const rows = await world.store.control.transaction((each) => each.listAudit(page))
    const row = rows.map(({ entry }) => JSON.parse(entry)).at(-1)
    expect(row).toMatchObject({
      action: 'secret.revoked',
      reason: 'the key leaked',
      actor: { id: 'cred_operator' },
    })
  })

  test('it can be done again after that', async () => {
    expect(await revoke()).toMatchObject({ ok: true })
    expect(await revoke()).toMatchObject({ ok: true })
    expect(publishedIds()).toHaveLength(1)
  })

  test('of a tenant that is not there, it is said so', async () => {
    expect(await revoke('99999999-2d9e-4c3e-a1f1-3b2c99e6b111')).toMatchObject({
      refusal: 'not_found',
    })
  })
})
