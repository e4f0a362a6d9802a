import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import type { CredentialKind } from '../../ports/records/credential.ts'
import { resumeNames } from '../name-resumption.ts'
import { newWebhookSecret } from '../webhook-secret.ts'
import { FOREIGN_LENGTH_MAX, FOREIGN_LENGTH_MIN } from './version-making.ts'

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

const create = (kind: CredentialKind, value?: string, appId = 'app') =>
  world.core.changes.create(
    {
      tenantId: TENANT_ID,
      appId,
      kind,
      name: 'made',
      attributes: kind === 'signing_secret' ? { appKey: 'further-key' } : {},
      value,
    },
    CALLER,
  )

const appKeyName = () =>
  world.store.control.transaction((each) => each.findName('app_key', 'further-key'))

/** What a provider hands out: long, with line ends, and no secret by our measure. */
const ACCOUNT = JSON.stringify({ type: 'service_account', key: 'x\n'.repeat(900) }, null, 2)

describe('a webhook secret', () => {
  test('is generated in the form of Standard Webhooks and kept so that it signs', async () => {
    const made = await create('webhook_secret')
    if (!made.ok) throw new Error(made.refusal)
    expect(made.value.value).toMatch(/^whsec_[0-9A-Za-z+/]{48}$/)
    const loaded = world.core.authority.apps.findCredential(made.value.credential.id)
    const opened = loaded?.secrets.get(made.value.versionId)
    expect(Buffer.from(opened ?? []).toString()).toBe(made.value.value ?? '')
  })

  test('takes a value of your own that is hard to guess, and no other', async () => {
    expect(await create('webhook_secret', 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa')).toMatchObject({
      ok: true,
    })
    expect(await create('webhook_secret', 'a'.repeat(40))).toMatchObject({ refusal: 'weak_secret' })
    const noBase64 = 'whsec_k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa'
    expect(await create('webhook_secret', noBase64)).toMatchObject({ refusal: 'weak_secret' })
  })

  test('that `keys generate` made is taken once', async () => {
    const value = newWebhookSecret(systemRandom)
    expect(await create('webhook_secret', value)).toMatchObject({ ok: true, value: { value } })
    expect(await create('webhook_secret', value)).toMatchObject({ refusal: 'weak_secret' })
  })
})

describe('a credential of a provider', () => {
  test('is kept sealed as it was brought, and no other is made for it', async () => {
    const made = await create('provider_credential', ACCOUNT)
    if (!made.ok) throw new Error(made.refusal)
    const { credential, versionId } = made.value
    const secrets = world.core.authority.apps.findCredential(credential.id)?.secrets
    expect(Buffer.from(secrets?.get(versionId) ?? []).toString()).toBe(ACCOUNT)
    expect(JSON.stringify(credential)).not.toContain('service_account')
    const { changes } = world.core
    for (const change of ['rotate', 'stage'] as const) {
      const refused = await changes[change]({ credentialId: credential.id }, CALLER)
      expect(refused).toMatchObject({ refusal: 'input_invalid' })
    }
    const rotation = { credentialId: credential.id, value: `${ACCOUNT} ` }
    expect(await changes.rotate(rotation, CALLER)).toMatchObject({ ok: true })
  })

  test('needs a value, within its bounds', async () => {
    expect(await create('provider_credential')).toMatchObject({ refusal: 'input_invalid' })
    for (const length of [FOREIGN_LENGTH_MIN - 1, FOREIGN_LENGTH_MAX + 1]) {
      const refused = await create('provider_credential', 'v'.repeat(length))
      expect(refused).toMatchObject({ refusal: 'weak_secret' })
    }
  })

  test('may be the same in two apps: accounts are shared', async () => {
    for (const appId of ['app', 'spa']) {
      expect(await create('provider_credential', ACCOUNT, appId)).toMatchObject({ ok: true })
    }
  })
})

describe('a further app key', () => {
  test('is found at once, and its name is taken over all regions', async () => {
    const made = await create('signing_secret')
    if (!made.ok) throw new Error(made.refusal)
    const found = world.core.authority.apps.findByAppKey('further-key')
    expect(found?.credential.record.id).toBe(made.value.credential.id)
    expect(await appKeyName()).toMatchObject({ appId: 'app', state: 'confirmed' })
  })

  test('that is refused gives its name back', async () => {
    expect(await create('signing_secret', 'weak')).toMatchObject({ refusal: 'weak_secret' })
    expect(await appKeyName()).toBeUndefined()
    for (let count = 0; count < 100; count++) await create('webhook_secret')
    expect(await create('signing_secret')).toMatchObject({ refusal: 'credentials_full' })
    expect(await appKeyName()).toBeUndefined()
  })

  test('whose name nobody confirmed is confirmed at the next start, where it was made', async () => {
    await create('signing_secret')
    const { control } = world.store
    const [name] = await control.transaction((each) => each.listNames({ appId: 'app' }))
    const key = { kind: 'app_key' as const, value: 'further-key' }
    await control.transaction(async (each) => {
      await each.releaseNames([key])
      if (name !== undefined) await each.reserveNames([{ ...name, ...key, state: 'reserved' }])
    })
    await resumeNames(world.store)
    expect(await appKeyName()).toMatchObject({ state: 'confirmed' })
  })
})
