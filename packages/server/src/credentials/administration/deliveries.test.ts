import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { CredentialKind } from '../../ports/records/credential.ts'

const HOUR_MS = 3_600_000

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

async function offer(kind: CredentialKind) {
  const owner = { tenantId: TENANT_ID, appId: 'app' }
  const request = { ...owner, kind, name: 'made', attributes: {} }
  const made = await world.core.changes.create(request, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  const credentialId = made.value.credential.id
  const waitsUntilMs = world.time.ms + HOUR_MS
  const staged = await world.core.changes.stage({ credentialId, waitsUntilMs }, CALLER)
  if (!staged.ok) throw new Error(staged.refusal)
  // The value is not in the answer.
  expect(staged.value.value).toBeUndefined()
  return { credentialId, versionId: staged.value.versionId, first: made.value.versionId }
}

const fetchOf = (place: { readonly credentialId: string; readonly versionId: string }) =>
  world.core.deliveries.fetch(place, CALLER)

async function rowsOf(action: string) {
  const region = world.store.regions.get('local')
  const page = { tenantId: TENANT_ID, afterSeq: 0, countMax: 200 }
  const rows = (await region?.transaction((each) => each.listAudit(page))) ?? []
  return rows.map(({ entry }) => JSON.parse(entry)).filter((entry) => entry.action === action)
}

async function storedText(): Promise<string> {
  const region = world.store.regions.get('local')
  return JSON.stringify(await region?.transaction((each) => each.listCredentials({})))
}

describe.each(['client_secret', 'jwt_secret'] as const)('the waiting value of a %s', (kind) => {
  test('is given to exactly one of many who ask, and every one of them is audited', async () => {
    const place = await offer(kind)
    const answers = await Promise.all(Array.from({ length: 5 }, () => fetchOf(place)))
    const values = answers.filter(({ ok }) => ok)
    expect(values).toHaveLength(1)
    for (const answer of answers.filter(({ ok }) => !ok)) {
      expect(answer).toMatchObject({ refusal: 'already_fetched' })
    }
    const rows = await rowsOf('secret.fetched')
    expect(rows.filter(({ outcome }) => outcome === 'success')).toHaveLength(1)
    expect(rows.filter(({ outcome }) => outcome === 'denied')).toHaveLength(4)
    for (const row of rows)
      expect(row).toMatchObject({
        ...CALLER,
        tenantId: TENANT_ID,
        after: { versionId: place.versionId },
      })
    const [answer] = values
    const value = answer?.ok === true ? (answer.value.value ?? '') : ''
    expect(value.length).toBeGreaterThan(30)
    expect(JSON.stringify(rows)).not.toContain(value)
    expect(await storedText()).not.toContain(value)
  })

  test('survives a rotation of the master key while it waits', async () => {
    const place = await offer(kind)
    const rotated = await world.core.masterKeyChanges.rotate(CALLER)
    expect(rotated).toMatchObject({ ok: true, value: { currentVersion: 2, outdatedCount: 0 } })
    const next = await openCoreWorld({ store: world.store, keyText: world.keyText() })
    const fetched = await next.core.deliveries.fetch(place, CALLER)
    if (!fetched.ok) throw new Error(fetched.refusal)
    const { credential, value = '' } = fetched.value
    const match = next.core.check.match(value, credential.versions, next.time.ms)
    expect(match?.version.id).toBe(place.versionId)
  })

  test('is erased with its version when that is given up or revoked', async () => {
    const place = await offer(kind)
    await world.core.changes.discard({ credentialId: place.credentialId }, CALLER)
    expect(await fetchOf(place)).toMatchObject({ refusal: 'fetch_expired' })
    const other = await offer(kind)
    await world.core.changes.revoke({ ...other, reason: 'tested' }, CALLER)
    expect(await fetchOf(other)).toMatchObject({ refusal: 'fetch_expired' })
    const text = await storedText()
    expect(text).toContain('"delivery":{')
    expect(text).not.toContain('"delivery":{"sealed":"')
  })
})

test('of a hashed kind nothing is kept sealed once the value was fetched', async () => {
  const place = await offer('client_secret')
  expect(await storedText()).toMatch(/"sealed":"[^"]/)
  await fetchOf(place)
  const [region] = [world.store.regions.get('local')]
  const record = await region?.transaction((each) => each.findCredential(place.credentialId))
  expect(JSON.stringify(record)).not.toMatch(/"sealed":"[^"]/)
})

test('a version whose value left in its answer has nothing to fetch', async () => {
  const { credentialId, first } = await offer('client_secret')
  const refused = await fetchOf({ credentialId, versionId: first })
  expect(refused).toMatchObject({ refusal: 'invalid_transition' })
  expect(await fetchOf({ credentialId, versionId: 'ver_none' })).toMatchObject({
    refusal: 'not_found',
  })
})
