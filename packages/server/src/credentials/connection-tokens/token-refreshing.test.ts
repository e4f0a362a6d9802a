import { describe, expect, test } from 'bun:test'
import {
  type ConnectionTokenWorld,
  openConnectionTokenWorld,
  SOURCE,
} from '../../../../../test/support/connection-token-world.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import { REGIONS } from '../../../../../test/contract/records.ts'
import { Outage } from '../../ports/outage.ts'
import type { MintedToken } from './token-minting.ts'

const MINUTE_MS = 60_000

function ask(world: ConnectionTokenWorld, { record, password }: MintedToken) {
  return world.refreshing.refresh({ tokenId: record.id, password }, SOURCE)
}

async function refusalOf(world: ConnectionTokenWorld, minted: MintedToken) {
  const answer = await ask(world, minted)
  return answer.ok ? 'refreshed' : answer.refusal
}

describe('a refresh', () => {
  test('keeps the user name, and moves the end of what is connected', async () => {
    const world = await openConnectionTokenWorld()
    const first = await world.mint({ ttlMs: MINUTE_MS })
    const identity = world.connect(first)
    if (!identity.ok) throw new Error(identity.refusal)
    let newest = first
    for (let count = 1; count <= 10; count++) {
      world.time.ms += MINUTE_MS / 2
      const next = await world.refresh(newest)
      expect(next.record.id).toBe(first.record.id)
      expect(next.record.username).toBe(first.record.username)
      expect(next.record.generation).toBe(count + 1)
      expect(next.password).not.toBe(newest.password)
      expect(identity.value.expiresAtMs()).toBe(world.time.ms + MINUTE_MS)
      newest = next
    }
    expect(world.connect(newest).ok).toBe(true)
  })

  test('leaves every earlier password to the client that was here, and to no other', async () => {
    const world = await openConnectionTokenWorld()
    const first = await world.mint({ ttlMs: MINUTE_MS })
    world.connect(first, { clientId: 'mine' })
    world.time.ms += MINUTE_MS / 2
    const second = await world.refresh(first)
    world.time.ms += MINUTE_MS - 1
    const third = await world.refresh(second)
    // The first password has expired by itself long ago; the lineage lives.
    for (const each of [first, second]) {
      expect(world.connect(each, { clientId: 'mine' }).ok).toBe(true)
      expect(world.connect(each, { clientId: 'thief' })).toMatchObject({
        refusal: 'credential_invalid',
      })
    }
    expect(world.connect(third, { clientId: 'new' }).ok).toBe(true)
    expect(world.connect(first, { clientId: 'new' }).ok).toBe(true)
  })

  test('whose answer was lost is answered again for a minute, alike', async () => {
    const world = await openConnectionTokenWorld()
    const first = await world.mint()
    const second = await world.refresh(first)
    for (const waitMs of [5_000, 5_000, 5_000, 45_000]) {
      world.time.ms += waitMs
      const again = await world.refresh(first)
      expect(again.password).toBe(second.password)
      expect(again.record.generation).toBe(2)
    }
    world.time.ms += 1
    expect(await refusalOf(world, first)).toBe('invalid_token')
    // It is told to the audit, and nothing is ended.
    const denials = await reasonsOf(world)
    expect(denials).toContain('auth.refresh_reused')
    expect(await refusalOf(world, second)).toBe('refreshed')
  })

  test('at once by two tabs gives both the same', async () => {
    const world = await openConnectionTokenWorld()
    const first = await world.mint()
    const answers = await Promise.all([1, 2, 3].map(() => world.refresh(first)))
    expect(new Set(answers.map(({ password }) => password)).size).toBe(1)
    expect(answers[0]?.record.generation).toBe(2)
  })

  test('with an older password than the one before is no repetition', async () => {
    const world = await openConnectionTokenWorld()
    const first = await world.mint()
    const second = await world.refresh(first)
    await world.refresh(second)
    expect(await refusalOf(world, first)).toBe('invalid_token')
  })

  test('of a reused password ends the token where the app wants that', async () => {
    const world = await openConnectionTokenWorld()
    await world.change('app', { tokenReuseRevokes: true })
    const first = await world.mint()
    const second = await world.refresh(first)
    await world.refresh(second)
    expect(await refusalOf(world, first)).toBe('invalid_token')
    expect(await refusalOf(world, second)).toBe('token_revoked')
  })

  test('needs id and password of the same token', async () => {
    const world = await openConnectionTokenWorld()
    const ann = await world.mint()
    const bob = await world.mint({ userEmail: 'bob@example.com' })
    const mixed = { tokenId: ann.record.id, password: bob.password }
    expect(await world.refreshing.refresh(mixed, SOURCE)).toMatchObject({
      refusal: 'invalid_token',
    })
    const none = { tokenId: ann.record.id, password: 'tkn_x' }
    expect(await world.refreshing.refresh(none, SOURCE)).toMatchObject({ refusal: 'invalid_token' })
    const upper = { tokenId: ann.record.id.toUpperCase(), password: ann.password }
    expect((await world.refreshing.refresh(upper, SOURCE)).ok).toBe(true)
  })

  test('is late by half a minute at the most', async () => {
    const world = await openConnectionTokenWorld()
    const [one, two] = [await world.mint(), await world.mint({ userEmail: 'bob@example.com' })]
    world.time.ms = one.record.expiresAtMs + 29_999
    expect(await refusalOf(world, one)).toBe('refreshed')
    world.time.ms += 1
    expect(await refusalOf(world, two)).toBe('token_expired')
  })

  test('leads nowhere beyond the end of the lineage', async () => {
    const world = await openConnectionTokenWorld()
    await world.change('app', { tokenLineageMaxMs: 5 * MINUTE_MS })
    let newest = await world.mint({ ttlMs: 2 * MINUTE_MS })
    const endsAtMs = world.time.ms + 5 * MINUTE_MS
    for (;;) {
      world.time.ms += MINUTE_MS
      const answer = await ask(world, newest)
      if (!answer.ok) {
        expect(answer.refusal).toBe('token_expired')
        break
      }
      newest = answer.value
      expect(newest.record.expiresAtMs).toBeLessThanOrEqual(endsAtMs)
      // No life is so short that it would be refreshed without end.
      expect(newest.record.expiresAtMs - world.time.ms).toBeGreaterThanOrEqual(MINUTE_MS)
    }
    expect(newest.record.expiresAtMs).toBe(endsAtMs)
  })

  test('that is not durable has not happened', async () => {
    const store = openMemoryStore(REGIONS)
    const world = await openConnectionTokenWorld({ store })
    const first = await world.mint()
    const region = world.core.authority.regionOf(world.loaded('app').app)
    const failing = () => Promise.reject(new Outage('store_full', 'full', { port: 'store' }))
    const transaction = region.transaction.bind(region)
    region.transaction = failing
    const failed = await ask(world, first).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(Outage)
    region.transaction = transaction
    expect(world.table.find(first.record.id)?.record.generation).toBe(1)
    expect((await world.refresh(first)).record.generation).toBe(2)
  })
})

test('what was revoked while the refresh waited for its turn is not renewed', async () => {
  const world = await openConnectionTokenWorld()
  const minted = await world.mint()
  const { id } = minted.record
  const call = { actor: { kind: 'app', id: 'app' }, source: SOURCE, reason: 'test' } as const
  const revoking = world.ending.revoke(world.loaded('app'), { id }, call)
  expect(await refusalOf(world, minted)).toBe('token_revoked')
  await revoking
  expect(world.table.find(id)?.record.generation).toBe(1)
})

test('minting and refreshing are in the audit, without a secret', async () => {
  const world = await openConnectionTokenWorld()
  const key = await world.makeKey()
  const first = await world.mint({ keyId: key.keyId })
  const second = await world.refresh(first)
  const region = world.core.authority.regionOf(world.loaded('app').app)
  const { tenantId } = first.record
  const page = { tenantId, afterSeq: 0, countMax: 1_000 }
  const rows = await region.transaction((each) => each.listAudit(page))
  const text = JSON.stringify(rows)
  for (const action of ['connection_token.created', 'connection_token.refreshed']) {
    const row = rows.find(({ entry }) => entry.includes(action))
    const entry = JSON.parse(row?.entry ?? '{}')
    expect(entry).toMatchObject({ action, outcome: 'success', source: SOURCE })
    expect(entry.target.id).toBe(first.record.id)
    expect(entry.after.expiresAt).toBe(new Date(first.record.expiresAtMs).toISOString())
  }
  expect(text).toContain(key.keyId)
  for (const secret of [first.password, second.password, key.value]) {
    expect(text).not.toContain(secret)
  }
})

async function reasonsOf(world: ConnectionTokenWorld): Promise<string> {
  await world.core.denials.finish(world.store)
  const { app, tenant } = world.loaded('app')
  const region = world.core.authority.regionOf(app)
  const page = { tenantId: tenant.id, afterSeq: 0, countMax: 1_000 }
  return JSON.stringify(await region.transaction((each) => each.listAudit(page)))
}
