import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  appOf,
  claimsOf,
  clientIdOf,
  credentialsForm,
  declare,
  openTokenWorld,
  refreshForm,
  TENANT_ID,
  tenantOf,
  type TokenWorld,
} from '../../../../../test/support/token-world.ts'
import { acceptedVersions } from '../engine/reading.ts'

let world: TokenWorld
beforeEach(async () => {
  world = await openTokenWorld()
})

const HOUR_MS = 3_600_000

async function tokensOf(appId = 'app', secret?: string) {
  const changes = secret === undefined ? {} : { client_secret: secret }
  const { body } = await world.call('/token', { form: credentialsForm(appId, changes) })
  return body as { access_token: string; refresh_token: string }
}

const refreshStatus = async (token: string, appId = 'app') =>
  (await world.call('/token', { form: refreshForm(appId, token) })).status

const secretStatus = async (secret: string, appId = 'app') =>
  (await world.call('/token', { form: credentialsForm(appId, { client_secret: secret }) })).status

const isGood = (token: string) => world.tokens.door.verify(token).ok

async function regenerate(overlapMs = 0, appId = 'app') {
  const made = await world.tokens.changes.regenerateSecret({ appId, overlapMs }, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  return made.value
}

function currentCount(appId: string): number {
  const versions = world
    .loaded(appId)
    .credentials.filter(({ record }) => record.kind === 'client_secret')
    .flatMap(({ record }) => record.versions)
  return versions.filter(({ state }) => state === 'current').length
}

describe('a regenerated secret', () => {
  test('ends the old one and its refresh tokens at once, and works itself (seed 000)', async () => {
    const old = await tokensOf()
    const { value = '', receipt } = await regenerate()
    expect(await secretStatus(appOf('app').clientSecret ?? '')).toBe(401)
    expect(await refreshStatus(old.refresh_token)).toBe(401)
    expect(receipt?.familyCount).toBe(1)
    // Access tokens live out their minutes.
    expect(isGood(old.access_token)).toBe(true)
    const fresh = await tokensOf('app', value)
    expect(await refreshStatus(fresh.refresh_token)).toBe(200)
  })

  test('leaves the old one its overlap where one is asked for', async () => {
    const old = await tokensOf()
    const { value = '' } = await regenerate(HOUR_MS)
    const before = appOf('app').clientSecret ?? ''
    expect([await secretStatus(before), await secretStatus(value)]).toEqual([200, 200])
    expect(await refreshStatus(old.refresh_token)).toBe(200)
    world.time.ms += HOUR_MS
    expect([await secretStatus(before), await secretStatus(value)]).toEqual([401, 200])
  })

  test('ends everything older, also what was in an overlap or staged', async () => {
    const before = appOf('app').clientSecret ?? ''
    const { value: second = '', credential } = await regenerate(HOUR_MS)
    const { value: third = '' } = await regenerate(0)
    for (const each of [before, second]) expect(await secretStatus(each)).toBe(401)
    const staged = await world.core.changes.stage({ credentialId: credential.id }, CALLER)
    if (!staged.ok) throw new Error(staged.refusal)
    const { value: fourth = '' } = await regenerate(0)
    for (const each of [third, staged.value.value ?? '']) expect(await secretStatus(each)).toBe(401)
    expect(await secretStatus(fourth)).toBe(200)
  })

  test('is the first one where there was none', async () => {
    const bare = appOf('bare', { clientSecret: undefined })
    await declare(world, [tenantOf(TENANT_ID, { apps: [appOf('app'), bare] })])
    const { value = '' } = await regenerate(0, 'bare')
    expect(await secretStatus(value, 'bare')).toBe(200)
  })

  test.each(['app', 'bare'])('of %s is one, of several asked for at once', async (appId) => {
    const bare = appOf('bare', { clientSecret: undefined })
    await declare(world, [tenantOf(TENANT_ID, { apps: [appOf('app'), bare] })])
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () =>
        world.tokens.changes.regenerateSecret({ appId, overlapMs: 0 }, CALLER),
      ),
    )
    const values = outcomes.flatMap((each) => (each.ok ? [each.value.value ?? ''] : []))
    const refusals = outcomes.flatMap((each) => (each.ok ? [] : [each.refusal]))
    expect(values).toHaveLength(1)
    expect(new Set(refusals)).toEqual(new Set(['changed_meanwhile']))
    expect(currentCount(appId)).toBe(1)
    expect(await secretStatus(values[0] ?? '', appId)).toBe(200)
  })

  test('is refused to public apps, and where it is not clear which one', async () => {
    const regenerating = (appId: string) =>
      world.tokens.changes.regenerateSecret({ appId, overlapMs: 0 }, CALLER)
    expect(await regenerating('page')).toMatchObject({ refusal: 'public_client' })
    expect(await regenerating('nothing')).toMatchObject({ refusal: 'not_found' })
    const kind = 'client_secret' as const
    const second = { tenantId: TENANT_ID, appId: 'app', kind, name: 'second', attributes: {} }
    await world.core.changes.create(second, CALLER)
    expect(await regenerating('app')).toMatchObject({ refusal: 'input_invalid' })
  })
})

describe('the families of an app', () => {
  test('are listed page by page, those of other apps are not', async () => {
    const own = new Set<string>()
    for (let count = 0; count < 5; count++) {
      own.add(String(claimsOf((await tokensOf()).access_token)['family']))
    }
    await tokensOf('sibling')
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await world.tokens.changes.families({ appId: 'app', cursor, countMax: 2 })
      if (!page.ok) throw new Error(page.refusal)
      seen.push(...page.value.families.map(({ id }) => id))
      cursor = page.value.nextCursor
    } while (cursor !== undefined)
    expect(seen).toHaveLength(5)
    expect(new Set(seen)).toEqual(own)
  })

  test('end by their id, with what they gave out', async () => {
    const tokens = await tokensOf()
    const familyId = String(claimsOf(tokens.access_token)['family'])
    const request = { appId: 'app', familyId, reason: 'tested' }
    expect(await world.tokens.changes.revoke(request, CALLER)).toMatchObject({
      value: { familyCount: 1 },
    })
    expect(isGood(tokens.access_token)).toBe(false)
    expect(await refreshStatus(tokens.refresh_token)).toBe(401)
  })

  test('of another app are not there, and live on', async () => {
    const tokens = await tokensOf('foreign')
    const familyId = String(claimsOf(tokens.access_token)['family'])
    for (const id of [familyId, 'nothing']) {
      const request = { appId: 'app', familyId: id, reason: 'tested' }
      expect(await world.tokens.changes.revoke(request, CALLER)).toMatchObject({
        refusal: 'not_found',
      })
    }
    expect(isGood(tokens.access_token)).toBe(true)
    expect(await refreshStatus(tokens.refresh_token, 'foreign')).toBe(200)
  })
})

test('one access token ends by its id, and the others live on', async () => {
  const [first, second] = [await tokensOf(), await tokensOf()]
  const tokenId = String(claimsOf(first.access_token)['jti'])
  await world.tokens.changes.revoke({ appId: 'app', tokenId, reason: 'tested' }, CALLER)
  expect([isGood(first.access_token), isGood(second.access_token)]).toEqual([false, true])
})

test('the id of a token ends nothing in another app, whoever has read it', async () => {
  const { access_token: token } = await tokensOf('foreign')
  const tokenId = String(claimsOf(token)['jti'])
  for (const appId of ['app', 'sibling']) {
    await world.tokens.changes.revoke({ appId, tokenId, reason: 'tested' }, CALLER)
  }
  expect(isGood(token)).toBe(true)
})

test.each([{}, { tokenId: 'a', familyId: 'b' }])('%o names not one thing', async (names) => {
  const request = { appId: 'app', reason: 'tested', ...names }
  expect(await world.tokens.changes.revoke(request, CALLER)).toMatchObject({
    refusal: 'input_invalid',
  })
})

test('a restart forgets nothing: families, keys and revocations are where they were', async () => {
  const tokens = await tokensOf()
  const revoked = await tokensOf()
  const tokenId = String(claimsOf(revoked.access_token)['jti'])
  await world.tokens.changes.revoke({ appId: 'app', tokenId, reason: 'tested' }, CALLER)
  const { store, keyText, time } = world
  const next = await openTokenWorld({ kept: { store, keyText: keyText() } })
  next.time.ms = time.ms
  expect(next.tokens.door.verify(tokens.access_token).ok).toBe(true)
  expect(next.tokens.door.verify(revoked.access_token).ok).toBe(false)
  const form = refreshForm('app', tokens.refresh_token)
  expect((await next.call('/token', { form })).status).toBe(200)
  const [credential] = next.loaded('app').credentials
  expect(acceptedVersions(credential?.record ?? { versions: [] }, time.ms)).not.toEqual([])
  expect(clientIdOf('app')).toBe(next.loaded('app').app.clientId)
})
