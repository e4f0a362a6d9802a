import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  type ConnectionTokenWorld,
  EMAIL,
  openConnectionTokenWorld,
  restsOnKey,
  SOURCE,
} from '../../../../../test/support/connection-token-world.ts'
import { OTHER_TENANT_ID, TENANT_ID } from '../../../../../test/support/token-world.ts'
import { openConnectionTokens } from '../../assembly/connection-tokens.ts'
import { createMemoryBus } from '../../adapters/broker-memory/broker.ts'
import { BOUND_CLIENT_COUNT_MAX } from './lineage.ts'
import { KNOWN_OF_USER_MAX, LINEAGES_OF_USER_MAX } from './lineage-table.ts'
import { TOKEN_CHARACTERS_MAX } from './token-text.ts'

const refusalOf = (result: { ok: boolean; refusal?: string }) => (result.ok ? 'in' : result.refusal)

describe('who is let in', () => {
  test('the password of a new token, under the names of its organization', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint({ acl: { publish: ['a/+'] }, userId: 'ann' })
    const { shortId } = world.loaded('app').tenant
    for (const organization of [TENANT_ID, TENANT_ID.toUpperCase(), shortId]) {
      const identity = world.connect(minted, { organization })
      if (!identity.ok) throw new Error(identity.refusal)
      expect(identity.value).toMatchObject({
        owner: 'user:ann',
        username: minted.record.username,
        userId: 'ann',
        email: EMAIL,
        acl: { publish: ['a/+'] },
      })
      expect(identity.value.expiresAtMs()).toBe(minted.record.expiresAtMs)
    }
  })

  test('nobody under another user name, organization, or without one', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint()
    const other = await world.mint({ userEmail: 'bob@example.com' })
    const uses = [
      { username: other.record.username },
      { username: '' },
      { organization: OTHER_TENANT_ID },
      { organization: 'org_nobody' },
    ]
    for (const use of uses) expect(refusalOf(world.connect(minted, use))).toBe('credential_invalid')
    const use = { username: minted.record.username, organization: undefined, clientId: 'c' }
    const answer = world.tokens.authenticate(minted.password, use, SOURCE)
    expect(refusalOf(answer)).toBe('credential_invalid')
  })

  test('passwords hold in every protocol: safe characters, and bounded', async () => {
    const world = await openConnectionTokenWorld()
    const { password } = await world.mint()
    expect(password).toMatch(/^tkn_[A-Za-z0-9_.-]+$/)
    const topics = Array.from({ length: 50 }, (_, index) => `${'t'.repeat(200)}/${index}`)
    const large = await world.mint({ acl: { publish: topics, subscribe: topics } })
    expect(large.password.length).toBeLessThanOrEqual(TOKEN_CHARACTERS_MAX)
    const identity = world.connect(large)
    expect(identity.ok && identity.value.acl?.subscribe?.length).toBe(50)
  })

  test('no text that was changed, cut or put together lets anybody in', async () => {
    const world = await openConnectionTokenWorld()
    const one = await world.mint()
    const two = await world.mint({ userEmail: 'bob@example.com' })
    const foreign = await world.mint({ loaded: world.loaded('foreign') })
    const [body = '', mac = ''] = one.password.split('.')
    const username = one.record.username
    const tryOut = (text: string) => refusalOf(world.connect(text, { username }))
    expect(tryOut(one.password)).toBe('in')
    const forged = [
      '',
      'tkn_',
      body,
      `${body}.`,
      `${body}.${two.password.split('.')[1]}`,
      `${two.password.split('.')[0]}.${mac}`,
      `${foreign.password.split('.')[0]}.${mac}`,
      `${one.password}=`,
      ` ${one.password}`,
      one.password.replace('tkn_', 'TKN_'),
      one.password.repeat(40),
    ]
    for (const text of forged) expect(tryOut(text)).toBe('credential_invalid')
    fc.assert(
      fc.property(fc.nat(one.password.length * 8 - 1), (bit) => {
        const bytes = Buffer.from(one.password)
        const at = bit >> 3
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
        expect(tryOut(bytes.toString('latin1'))).toBe('credential_invalid')
      }),
    )
    fc.assert(
      fc.property(fc.nat(one.password.length - 1), (length) => {
        expect(tryOut(one.password.slice(0, length))).toBe('credential_invalid')
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tryOut(`tkn_${text}`)).toBe('credential_invalid')
      }),
    )
  })

  test('nobody before everything stored was read', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint()
    Object.defineProperty(world.table, 'isComplete', { value: false })
    expect(refusalOf(world.connect(minted))).toBe('unavailable')
  })
})

describe('what ends a token', () => {
  test('its time, half a minute later for the clocks, and told so', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint({ ttlMs: 60_000 })
    world.time.ms += 60_000 + 29_999
    expect(refusalOf(world.connect(minted))).toBe('in')
    world.time.ms += 1
    expect(refusalOf(world.connect(minted))).toBe('token_expired')
    world.time.ms += 3_600_000
    await world.sweep()
    expect(world.table.size).toBe(0)
    expect(refusalOf(world.connect(minted))).toBe('token_expired')
  })

  const states: readonly [string, string, (world: ConnectionTokenWorld) => Promise<unknown>][] = [
    ['its own revocation', 'credential_revoked', revokeToken],
    [
      'its user',
      'credential_revoked',
      (world) => revoke(world, { kind: 'user', appId: 'app', userId: EMAIL }),
    ],
    ['its app', 'credential_revoked', (world) => revoke(world, { kind: 'app', appId: 'app' })],
    ['a disabled app', 'app_disabled', (world) => world.change('app', { enabled: false })],
    ['its integration', 'credential_revoked', removeIntegration],
  ]
  test.each(states)('%s: %s', async (_what, refusal, end) => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    const minted = await world.mint({ integration: 'web' })
    expect(refusalOf(world.connect(minted))).toBe('in')
    world.time.ms += 1
    await end(world)
    expect(refusalOf(world.connect(minted))).toBe(refusal)
    const refreshed = await world.refreshing.refresh(
      { tokenId: minted.record.id, password: minted.password },
      SOURCE,
    )
    expect(refusalOf(refreshed)).toBe(refusal === 'app_disabled' ? 'app_closed' : 'token_revoked')
  })

  test('a disabled integration for new passwords only', async () => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    const minted = await world.mint({ integration: 'web' })
    await world.integrate({ isEnabled: false })
    expect(refusalOf(world.connect(minted))).toBe('in')
    const asked = { tokenId: minted.record.id, password: minted.password }
    expect(refusalOf(await world.refreshing.refresh(asked, SOURCE))).toBe('token_revoked')
  })

  test('the key that minted it, at once and for ever', async () => {
    const world = await openConnectionTokenWorld()
    const key = await world.makeKey()
    const minted = await world.mint({ restsOn: restsOnKey(key) })
    const identity = world.connect(minted)
    if (!identity.ok) throw new Error(identity.refusal)
    expect(identity.value.reliances).toEqual(expect.arrayContaining([...restsOnKey(key)]))
    const { credentialId } = key
    const revoked = await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    expect(revoked.ok).toBe(true)
    expect(refusalOf(world.connect(minted))).toBe('credential_revoked')
  })

  test('nothing of another app or user', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint()
    await revoke(world, { kind: 'user', appId: 'sibling', userId: EMAIL })
    await revoke(world, { kind: 'user', appId: 'app', userId: 'bob@example.com' })
    await world.ending.revoke(world.loaded('sibling'), { id: minted.record.id }, ENDING)
    expect(refusalOf(world.connect(minted))).toBe('in')
  })

  test('a user who was revoked comes back with a newer token', async () => {
    const world = await openConnectionTokenWorld()
    await world.mint()
    world.time.ms += 1
    await revoke(world, { kind: 'user', appId: 'app', userId: EMAIL })
    world.time.ms += 1
    expect(refusalOf(world.connect(await world.mint()))).toBe('in')
  })
})

describe('replacing', () => {
  test('ends earlier ones of the same user, integration and provider for new connections', async () => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    const first = await world.mint()
    const tagged = await world.mint({ integration: 'web' })
    const bob = await world.mint({ userEmail: 'bob@example.com' })
    const exchanged = await world.mint({ integration: 'web', provider: 'oidc', earlier: 'keep' })
    const open = world.connect(first)
    const second = await world.mint()
    expect(refusalOf(world.connect(first))).toBe('credential_revoked')
    for (const kept of [tagged, bob, exchanged, second]) {
      expect(refusalOf(world.connect(kept))).toBe('in')
    }
    // What is open stays until its own end.
    expect(open.ok && open.value.expiresAtMs()).toBe(first.record.expiresAtMs)
  })

  test('without it tokens add up, to a bound', async () => {
    const world = await openConnectionTokenWorld()
    const minted = []
    for (let count = 0; count < LINEAGES_OF_USER_MAX; count++) {
      minted.push(await world.mint({ earlier: 'keep' }))
    }
    for (const each of minted) expect(refusalOf(world.connect(each))).toBe('in')
    const order = { earlier: 'keep', whenFull: 'refuse' } as const
    const full = await world.mint(order).catch((error: unknown) => String(error))
    expect(full).toContain('user_full')
    // Of exchanges the oldest makes room: who loads a page a hundred times is not locked out.
    world.time.ms += 1
    const more = await world.mint({ earlier: 'keep', whenFull: 'replace_oldest' })
    expect(refusalOf(world.connect(more))).toBe('in')
    const states = minted.map((each) => refusalOf(world.connect(each)))
    expect(states.filter((each) => each !== 'in')).toEqual(['credential_revoked'])
  })
})

describe('an account of a provider', () => {
  const account = (userId: string) => {
    const way = { earlier: 'keep', whenFull: 'replace_oldest' } as const
    return { integration: 'web', provider: 'oidc', userId, ...way }
  }

  test('takes nothing from others that have the same address', async () => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    const own = await world.mint()
    const alike = await world.mint(account('ann'))
    for (let count = 0; count <= LINEAGES_OF_USER_MAX; count++) await world.mint(account('mallory'))
    expect(refusalOf(world.connect(own))).toBe('in')
    expect(refusalOf(world.connect(alike))).toBe('in')
    expect(refusalOf(world.connect(await world.mint({ earlier: 'keep' })))).toBe('in')
  })

  test('does not fill the app with what makes room for itself', async () => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    for (let count = 0; count < KNOWN_OF_USER_MAX; count++) await world.mint(account('mallory'))
    const full = await world.mint(account('mallory')).catch((error: unknown) => String(error))
    expect(full).toContain('user_full')
    expect(refusalOf(world.connect(await world.mint(account('ann'))))).toBe('in')
    world.time.ms += 24 * 3_600_000
    await world.sweep()
    expect(refusalOf(world.connect(await world.mint(account('mallory'))))).toBe('in')
  })

  test('is never the owner of what a user of the app has, however that one is called', async () => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    const ownerOf = (connected: ReturnType<typeof world.connect>) =>
      connected.ok ? connected.value.owner : connected.refusal
    const provided = ownerOf(world.connect(await world.mint(account('ann@example.com'))))
    expect(provided).toBe('provided:web/ann@example.com')
    for (const userId of ['web/ann@example.com', 'ann@example.com']) {
      expect(ownerOf(world.connect(await world.mint({ userId })))).toBe(`user:${userId}`)
    }
  })

  test('is no account of what took the name of its integration later', async () => {
    const world = await openConnectionTokenWorld()
    await world.integrate({})
    const minted = await world.mint(account('ann'))
    await removeIntegration(world)
    await world.integrate({ createdAtMs: world.time.ms + 1 })
    expect(refusalOf(world.connect(minted))).toBe('credential_revoked')
    world.time.ms += 1
    expect(refusalOf(world.connect(await world.mint(account('ann'))))).toBe('in')
  })
})

test('many that are revoked at once leave others their turn', async () => {
  const world = await openConnectionTokenWorld()
  const { record } = await world.mint({ userEmail: 'bob@example.com' })
  for (let index = 0; index < 2_000; index++) {
    world.table.put({ ...record, id: `many-${index}`, integration: 'many' })
  }
  const revoking = world.ending.revoke(world.loaded('app'), { integration: 'many' }, ENDING)
  await world.mint()
  const left = [...world.table.ofApp('app')].filter(({ record: { integration, revokedAtMs } }) => {
    return integration === 'many' && revokedAtMs === undefined
  })
  expect(left.length).toBeGreaterThan(1_000)
  expect(await revoking).toBe(2_000)
})

describe('client ids', () => {
  test('are bound to the newest ones, so many and no more', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint()
    const ids = Array.from({ length: BOUND_CLIENT_COUNT_MAX + 1 }, (_, index) => `tab-${index}`)
    for (const clientId of ids) expect(refusalOf(world.connect(minted, { clientId }))).toBe('in')
    world.time.ms += 1
    await world.refresh(minted)
    expect(refusalOf(world.connect(minted, { clientId: 'tab-0' }))).toBe('credential_invalid')
    for (const clientId of ids.slice(1)) {
      expect(refusalOf(world.connect(minted, { clientId }))).toBe('in')
    }
    // Without an id of its own a client cannot be known again.
    expect(refusalOf(world.connect(minted, { clientId: '' }))).toBe('credential_invalid')
  })
})

describe('other nodes and other starts', () => {
  test('a restart knows every lineage, what has ended and who was bound', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint()
    world.connect(minted, { clientId: 'tab' })
    const revoked = await world.mint({ userEmail: 'bob@example.com' })
    await world.ending.revoke(world.loaded('app'), { id: revoked.record.id }, ENDING)
    await world.refresh(minted)
    const again = await openConnectionTokens(world.core, deafParts())
    const connect = (password: string, username: string, clientId: string) =>
      refusalOf(
        again.tokens.authenticate(
          password,
          { username, clientId, organization: TENANT_ID },
          SOURCE,
        ),
      )
    expect(connect(minted.password, minted.record.username, 'tab')).toBe('in')
    expect(connect(minted.password, minted.record.username, 'other')).toBe('credential_invalid')
    const { password, record } = revoked
    expect(connect(password, record.username, 'tab')).toBe('credential_revoked')
  })

  test('another node follows refreshes, bindings and ends', async () => {
    const world = await openConnectionTokenWorld()
    const parts = { ...deafParts(), broker: world.bus.connect() }
    const other = await openConnectionTokens(world.core, parts)
    const minted = await world.mint()
    const { username } = minted.record
    const use = { username, clientId: 'tab', organization: TENANT_ID }
    const there = () => refusalOf(other.tokens.authenticate(minted.password, use, SOURCE))
    await settled()
    expect(other.table.find(minted.record.id)).toBeDefined()
    world.connect(minted, { clientId: 'tab' })
    await world.refresh(minted)
    await settled()
    expect(there()).toBe('in')
    await world.ending.revoke(world.loaded('app'), { userEmail: EMAIL }, ENDING)
    await settled()
    expect(there()).toBe('credential_revoked')
  })

  test('a bus that lies widens nothing, and what it makes up is passed over', async () => {
    const world = await openConnectionTokenWorld()
    const minted = await world.mint({ acl: { publish: ['a'] }, ttlMs: 60_000 })
    const liar = world.bus.connect()
    const tell = (...records: readonly object[]) =>
      liar.publish('connection-tokens', JSON.stringify({ records }))
    const { record } = minted
    tell(
      { ...record, generation: 7, acl: {}, userId: 'admin', tenantId: OTHER_TENANT_ID },
      { ...record, generation: 8, restsOn: [], expiresAtMs: Number.MAX_SAFE_INTEGER },
    )
    const { restsOn: _restsOn, ...partly } = record
    const junk = [{ clientIds: [1] }, { claims: { a: 1 } }, { acl: [] }, { expiresAtMs: 1e300 }]
    tell({ ...partly, id: 'partly' }, ...junk.map((each) => ({ ...record, ...each, id: 'junk' })))
    await settled()
    const known = world.table.find(record.id)?.record
    const { acl, userId, tenantId, restsOn, endsAtMs } = record
    expect(known).toMatchObject({ acl, userId, tenantId, restsOn, expiresAtMs: endsAtMs })
    expect(world.table.size).toBe(1)
  })

  test('the text vouches for a token whose news is on the way, and for no older one', async () => {
    const world = await openConnectionTokenWorld()
    const deaf = await openConnectionTokens(world.core, deafParts())
    const minted = await world.mint({ claims: { role: 'editor' }, acl: { subscribe: ['a'] } })
    const use = { username: minted.record.username, clientId: 'tab', organization: TENANT_ID }
    const there = () => deaf.tokens.authenticate(minted.password, use, SOURCE)
    world.time.ms += 30_001
    expect(refusalOf(there())).toBe('credential_invalid')
    world.time.ms -= 30_001
    const identity = there()
    if (!identity.ok) throw new Error(identity.refusal)
    expect(identity.value.acl).toEqual({ subscribe: ['a'] })
    expect(identity.value.claims?.get('role')).toBe('editor')
    // A refresh elsewhere moves the end of it here too.
    world.time.ms += 1
    const next = await world.refresh(minted)
    const after = deaf.tokens.authenticate(next.password, use, SOURCE)
    expect(after.ok && after.value.expiresAtMs()).toBe(next.record.expiresAtMs)
  })
})

const ENDING = { actor: { kind: 'app', id: 'app' }, source: SOURCE, reason: 'test' } as const

function deafParts() {
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  return { log, broker: createMemoryBus({ onError: nothing }).connect() }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

async function revokeToken(world: ConnectionTokenWorld) {
  await world.ending.revoke(world.loaded('app'), { userEmail: EMAIL }, ENDING)
}

function revoke(
  world: ConnectionTokenWorld,
  target: Parameters<ConnectionTokenWorld['core']['revocations']['revoke']>[0],
) {
  const place = { tenantId: TENANT_ID, appId: 'appId' in target ? target.appId : undefined }
  return world.core.revocations.revoke(target, { ...place, reason: 'test' }, CALLER)
}

async function removeIntegration({ store, core }: ConnectionTokenWorld) {
  await store.control.transaction((each) =>
    each.removeIntegration({ tenantId: TENANT_ID, name: 'web' }),
  )
  await core.authority.changed({ kind: 'tenant', tenantId: TENANT_ID })
}
