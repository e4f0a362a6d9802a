import { describe, expect, test } from 'bun:test'
import { REGIONS } from '../../../../../test/contract/records.ts'
import {
  type ConnectionTokenWorld,
  openConnectionTokenWorld,
  SOURCE,
} from '../../../../../test/support/connection-token-world.ts'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { TENANT_ID } from '../../../../../test/support/token-world.ts'
import { createMemoryBus } from '../../adapters/broker-memory/broker.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import { openConnectionTokens } from '../../assembly/connection-tokens.ts'
import { INSTALLATION } from '../audit/entry.ts'
import type { MintedToken } from '../connection-tokens/token-minting.ts'
import { loadInstallationKeys } from '../installation-keys.ts'
import { TOKEN_KEY_COUNT_MAX } from './token-key-changes.ts'

const MINUTE_MS = 60_000

const refusalOf = (result: { ok: boolean; refusal?: string }) => (result.ok ? 'in' : result.refusal)

function versionOf({ password }: MintedToken): number {
  const [body = ''] = password.slice('tkn_'.length).split('.')
  return JSON.parse(Buffer.from(body, 'base64url').toString()).k
}

const shown = (world: ConnectionTokenWorld) =>
  world.keyChanges
    .status()
    .versions.map(({ version, tokenCount, restingCount }) => [version, tokenCount, restingCount])

async function rotate(world: ConnectionTokenWorld) {
  world.time.ms += 1
  const rotated = await world.keyChanges.rotate({ reason: 'yearly' }, CALLER)
  if (!rotated.ok) throw new Error(rotated.refusal)
  return rotated.value
}

/** Forgets what is over, and looks at all that is left. */
async function pass(world: ConnectionTokenWorld, ms: number) {
  world.time.ms += ms
  await world.sweep()
}

/** What a process that starts now reads of the store. */
async function restart({ core, store }: ConnectionTokenWorld) {
  const { masterKey, random, clock } = core.administration
  const keys = await loadInstallationKeys(store.control, { masterKey, random, clock })
  if (!keys.ok) throw new Error(keys.refusal)
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const broker = createMemoryBus({ onError: nothing }).connect()
  const administration = { ...core.administration, keys: keys.value }
  return openConnectionTokens({ ...core, administration }, { broker, log })
}

describe('a rotation', () => {
  test('cuts nobody off, signs what is new, and follows refreshes', async () => {
    const world = await openConnectionTokenWorld()
    const old = await world.mint({ ttlMs: MINUTE_MS })
    expect(refusalOf(world.connect(old))).toBe('in')
    await rotate(world)
    expect(refusalOf(world.connect(old))).toBe('in')
    const made = await world.mint({ userEmail: 'bob@example.com' })
    expect([versionOf(old), versionOf(made)]).toEqual([1, 2])
    expect(refusalOf(world.connect(made))).toBe('in')
    expect(world.keyChanges.status()).toMatchObject({
      versions: [
        { version: 1, tokenCount: 1, restingCount: 1, useCount: 2 },
        { version: 2, tokenCount: 1, restingCount: 1, useCount: 1 },
      ],
      stragglers: [{ appId: 'app', tokenCount: 1 }],
    })
    const next = await world.refresh(old)
    expect(versionOf(next)).toBe(2)
    // Its first password still opens connections for its client, so the first key stays.
    expect(shown(world)).toEqual([
      [1, 0, 1],
      [2, 2, 2],
    ])
    expect(world.keyChanges.status().stragglers).toEqual([])
    expect(refusalOf(world.connect(old))).toBe('in')
    expect(refusalOf(world.connect(next))).toBe('in')
  })

  test('gives a lost answer again as it was', async () => {
    const world = await openConnectionTokenWorld()
    const first = await world.mint()
    const second = await world.refresh(first)
    await rotate(world)
    expect((await world.refresh(first)).password).toBe(second.password)
  })

  test('keeps the old version until the last token that rests on it is over', async () => {
    const world = await openConnectionTokenWorld()
    let token = await world.mint({ ttlMs: MINUTE_MS })
    await rotate(world)
    await world.sweep()
    for (let count = 0; count < 30; count++) {
      world.time.ms += MINUTE_MS / 2
      token = await world.refresh(token)
      await world.sweep()
    }
    expect(shown(world).map(([version]) => version)).toEqual([1, 2])
    await pass(world, 2 * MINUTE_MS)
    expect(shown(world).map(([version]) => version)).toEqual([1, 2])
    await pass(world, 10 * MINUTE_MS)
    await pass(world, MINUTE_MS)
    expect(shown(world)).toEqual([[2, 0, 0]])
    const later = await world.mint()
    expect(refusalOf(world.connect(later))).toBe('in')
    const again = await restart(world)
    expect(again.keyChanges.status().versions).toMatchObject([{ version: 2 }])
  })

  test('outlives the process, under another master key too', async () => {
    const store = openMemoryStore(REGIONS)
    const world = await openConnectionTokenWorld({ store })
    const old = await world.mint()
    await rotate(world)
    const made = await world.mint({ userEmail: 'bob@example.com' })
    expect((await world.core.masterKeyChanges.rotate(CALLER)).ok).toBe(true)
    const again = await restart(world)
    for (const { password, record } of [old, made]) {
      const use = { username: record.username, organization: TENANT_ID, clientId: 'c' }
      expect(refusalOf(again.tokens.authenticate(password, use, SOURCE))).toBe('in')
    }
  })

  test('has an end to how many versions there are', async () => {
    const world = await openConnectionTokenWorld()
    await world.mint()
    for (let count = 1; count < TOKEN_KEY_COUNT_MAX; count++) await rotate(world)
    const full = await world.keyChanges.rotate({}, CALLER)
    expect(refusalOf(full)).toBe('too_many_active_secrets')
  })

  test('that cannot be written changes nothing', async () => {
    const world = await openConnectionTokenWorld()
    const { control } = world.store
    const transaction = control.transaction.bind(control)
    control.transaction = () => Promise.reject(new Error('gone'))
    const failed = await world.keyChanges.rotate({}, CALLER).catch(String)
    control.transaction = transaction
    expect(failed).toContain('gone')
    expect(versionOf(await world.mint())).toBe(1)
    await rotate(world)
    expect(versionOf(await world.mint())).toBe(2)
  })
})

describe('an emergency', () => {
  test('ends every token, refreshed ones too, and lets new ones in', async () => {
    const world = await openConnectionTokenWorld()
    const old = await world.mint()
    await rotate(world)
    const next = await world.refresh(old)
    world.time.ms += 1
    const revoked = await world.keyChanges.revoke({ reason: 'leaked' }, CALLER)
    expect(revoked).toMatchObject({ ok: true, value: { versions: [{ version: 3 }] } })
    for (const each of [old, next]) {
      expect(refusalOf(world.connect(each))).toBe('credential_invalid')
      const asked = { tokenId: each.record.id, password: each.password }
      expect(refusalOf(await world.refreshing.refresh(asked, SOURCE))).toBe('invalid_token')
    }
    expect(world.table.size).toBe(0)
    expect(refusalOf(world.connect(await world.mint()))).toBe('in')
    const again = await restart(world)
    expect(again.table.size).toBe(1)
    const use = { username: next.record.username, organization: TENANT_ID, clientId: 'c' }
    expect(refusalOf(again.tokens.authenticate(next.password, use, SOURCE))).toBe(
      'credential_invalid',
    )
  })
})

test('every step is in the audit, without the key', async () => {
  const world = await openConnectionTokenWorld()
  await rotate(world)
  await pass(world, 10 * MINUTE_MS)
  await pass(world, MINUTE_MS)
  await world.keyChanges.revoke({ reason: 'leaked' }, CALLER)
  const page = { tenantId: INSTALLATION, afterSeq: 0, countMax: 100 }
  const rows = await world.store.control.transaction((each) => each.listAudit(page))
  const told = rows
    .map(({ entry }) => JSON.parse(entry))
    .filter(({ target }) => target.kind === 'connection_token_key')
  expect(told).toMatchObject([
    { action: 'connection_token_key.rotated', reason: 'yearly', after: { versions: [1, 2] } },
    { action: 'connection_token_key.retired', after: { versions: [2] } },
    { action: 'connection_token_key.revoked', reason: 'leaked', after: { versions: [3] } },
  ])
})
