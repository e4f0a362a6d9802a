import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { CredentialAttributes } from '../../ports/records/credential.ts'
import { parseKey } from '../key-format.ts'
import { MQTT_USER_COUNT_MAX } from './mqtt-users.ts'
import { readUses } from './readiness.ts'

/** Of 43 random characters, so that the policy for values of people's own takes it. */
const STRONG = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
const OVERLAP_MS = 3_600_000

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

interface Made {
  readonly name?: string
  readonly appId?: string
  readonly value?: string
  readonly attributes?: CredentialAttributes
}

function create({ name = 'alice', appId = 'app', value, attributes = {} }: Made = {}) {
  const owner = { tenantId: TENANT_ID, appId }
  const request = { ...owner, kind: 'mqtt_user' as const, name, attributes, value }
  return world.core.changes.create(request, CALLER)
}

async function made(of: Made = {}) {
  const result = await create(of)
  if (!result.ok) throw new Error(`${result.refusal}: ${result.detail}`)
  return result.value
}

const found = (name: string) =>
  world.core.authority.apps.findUsers(TENANT_ID, name).map(({ loaded }) => loaded.app.id)

describe('an MQTT user', () => {
  test('gets a password of the key format, kept as a hash only', async () => {
    const { credential, value = '' } = await made()
    const parsed = parseKey(value)
    expect(parsed.ok && parsed.value.prefix).toBe('mqu')
    expect(credential.versions[0]?.material.storage).toBe('hashed')
    expect(JSON.stringify(credential)).not.toContain(value.slice(-20))
  })

  test('takes a strong password of your own, and no other', async () => {
    expect((await made({ value: STRONG })).value).toBe(STRONG)
    const weak = await create({ name: 'bob', value: 'password-password-password-password' })
    expect(weak).toMatchObject({ refusal: 'weak_secret' })
    expect(await create({ name: 'bob', value: STRONG })).toMatchObject({ refusal: 'weak_secret' })
  })

  test('has no password that is read as a connection token, now or later', async () => {
    const value = `tkn_${STRONG}`
    expect(await create({ value })).toMatchObject({ refusal: 'input_invalid' })
    const { credential } = await made()
    const rotation = { credentialId: credential.id, value }
    const refused = await world.core.changes.rotate(rotation, CALLER)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
  })

  test.each(['a', 'ann@example.org', 'aa:bb:cc:00', 'x'.repeat(100), 'A.b_c-d~e=f'])(
    'may be called %s',
    async (name) => {
      await made({ name })
      expect(found(name)).toEqual(['app'])
    },
  )

  test.each(['', 'x'.repeat(101), 'a/b', 'a+b', 'a#', 'a b', 'ä', 'a\0', '$SYS'])(
    'may not be called %j',
    async (name) => {
      expect(await create({ name })).toMatchObject({ refusal: 'input_invalid' })
    },
  )

  test('is not renamed: the name is what clients send', async () => {
    const { id: credentialId } = (await made()).credential
    const refused = await world.core.changes.update({ credentialId, name: 'bob' }, CALLER)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
  })
})

describe('the name of an MQTT user', () => {
  test('is one of its app alone, and free again once the user was revoked', async () => {
    const { credential } = await made()
    expect(await create()).toMatchObject({ refusal: 'name_taken' })
    await made({ appId: 'spa' })
    expect(found('alice').toSorted()).toEqual(['app', 'spa'])
    const request = { credentialId: credential.id, reason: 'lost' }
    expect(await world.core.changes.revoke(request, CALLER)).toMatchObject({ ok: true })
    await made()
  })

  test('may be that of a credential of another kind', async () => {
    const owner = { tenantId: TENANT_ID, appId: 'app', attributes: {} }
    const key = { ...owner, kind: 'api_key' as const, name: 'alice' }
    expect(await world.core.changes.create(key, CALLER)).toMatchObject({ ok: true })
    await made()
  })

  test('finds those of the default app first, whichever app that is', async () => {
    await made({ appId: 'app' })
    await made({ appId: 'spa' })
    const { apps } = world.core.authority
    expect(found('alice')[0]).toBe('app')
    const spa = apps.findById('spa')
    if (spa === undefined) throw new Error('there is no app')
    const settings = { ...spa.app.settings, organizationDefault: true }
    apps.put({ ...spa, app: { ...spa.app, settings } })
    expect(found('alice')).toEqual(['spa', 'app'])
    apps.remove('spa')
    expect(found('alice')).toEqual(['app'])
    apps.remove('app')
    expect(found('alice')).toEqual([])
  })
})

describe('the rule set of an MQTT user', () => {
  test('is changed and taken off, and is nothing of other kinds', async () => {
    const { id: credentialId } = (await made({ attributes: { ruleSet: 'sensors' } })).credential
    const ruleSet = () =>
      world.core.authority.apps.findCredential(credentialId)?.record.attributes.ruleSet
    const update = (to: string | null, id = credentialId) =>
      world.core.changes.update({ credentialId: id, ruleSet: to }, CALLER)
    expect(ruleSet()).toBe('sensors')
    expect(await update('other')).toMatchObject({ ok: true })
    expect(ruleSet()).toBe('other')
    expect(await update(null)).toMatchObject({ ok: true })
    expect(ruleSet()).toBeUndefined()
    const owner = { tenantId: TENANT_ID, appId: 'app', attributes: {} }
    const key = { ...owner, kind: 'api_key' as const, name: 'key' }
    const other = await world.core.changes.create(key, CALLER)
    if (!other.ok) throw new Error(other.refusal)
    const refused = await update('sensors', other.value.credential.id)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
  })
})

describe('MQTT users', () => {
  test('are rotated with an overlap, in which readiness names who is late', async () => {
    const { credential } = await made()
    const { changes, uses } = world.core
    const [first] = credential.versions
    if (first === undefined) throw new Error('there is no version')
    const rotation = { credentialId: credential.id, overlapMs: OVERLAP_MS }
    expect(await changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
    const use = { credentialId: credential.id, versionId: first.id, outcome: 'accepted' as const }
    const app = world.core.authority.apps.findById('app')?.app
    if (app === undefined) throw new Error('there is no app')
    const source = { ip: '192.0.2.8', agent: 'sensor', protocol: 'mqtt' }
    uses.record(use, source, world.core.authority.regionOf(app))
    const current = world.core.authority.findCredential(credential.id) ?? credential
    const late = (await readUses(current, world.core.useReport)).readiness()
    expect(late.canDisable).toBe(false)
    expect(JSON.stringify(late)).toContain('192.0.2.8')
  })

  test('are bounded for themselves: they keep no other credential from an app', async () => {
    const { credential } = await made()
    const region = world.store.regions.get('local')
    await region?.transaction(async (transaction) => {
      for (let count = 1; count < MQTT_USER_COUNT_MAX; count++) {
        const id = `cred_${String(count).padStart(20, '0')}`
        const versions = credential.versions.map((each) => ({ ...each, id: `ver_${id.slice(5)}` }))
        const copy = { ...credential, id, name: `user-${count}`, versions, revision: 1 }
        await transaction.saveCredential(copy)
      }
    })
    await world.core.authority.changed({ kind: 'app', region: 'local', appId: 'app' })
    expect(await create({ name: 'one-more' })).toMatchObject({ refusal: 'credentials_full' })
    const owner = { tenantId: TENANT_ID, appId: 'app', attributes: {} }
    const key = { ...owner, kind: 'api_key' as const, name: 'key' }
    expect(await world.core.changes.create(key, CALLER)).toMatchObject({ ok: true })
  })
})
