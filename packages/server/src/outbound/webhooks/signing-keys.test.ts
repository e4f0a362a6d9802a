import { beforeEach, describe, expect, test } from 'bun:test'
import { createHmac, type KeyObject } from 'node:crypto'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import { webhookKeyOf } from '../../credentials/webhook-secret.ts'
import { newestKeyOf, signingKeysOf } from './signing-keys.ts'

const HOUR_MS = 3_600_000

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

const app = () => {
  const loaded = world.core.authority.apps.findById('app')
  if (loaded === undefined) throw new Error('the app is not there')
  return loaded
}

async function makeSecret(prefix?: string) {
  const owner = { tenantId: TENANT_ID, appId: 'app' }
  const attributes = prefix === undefined ? {} : { prefix }
  const request = { ...owner, kind: 'webhook_secret' as const, name: 'hooks', attributes }
  const made = await world.core.changes.create(request, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  const { credential, value = '' } = made.value
  return { value, endpoint: { format: 'standard' as const, credentialId: credential.id } }
}

const bytesOf = (key: KeyObject) => key.export().toString('base64')
const keyOfText = (value: string) => bytesOf(webhookKeyOf(value).key)

describe('what goes to a Standard endpoint', () => {
  const keysOf = (endpoint: { format: 'standard'; credentialId: string }) => {
    const keys = signingKeysOf(app(), endpoint, world.time.ms)
    return keys?.format === 'standard' ? keys.keys.map(({ key }) => bytesOf(key)) : keys
  }

  test('is signed by both versions during an overlap, the newest first, and by one after it', async () => {
    const { value: first, endpoint } = await makeSecret()
    const { credentialId } = endpoint
    expect(keysOf(endpoint)).toEqual([keyOfText(first)])
    const rotated = await world.core.changes.rotate({ credentialId, overlapMs: HOUR_MS }, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    const second = keyOfText(rotated.value.value ?? '')
    expect(keysOf(endpoint)).toEqual([second, keyOfText(first)])
    world.time.ms += HOUR_MS
    expect(keysOf(endpoint)).toEqual([second])
  })

  test('is not signed by a version that is pending, which only a probe may use', async () => {
    const { value: first, endpoint } = await makeSecret()
    const { credentialId } = endpoint
    const staged = await world.core.changes.stage({ credentialId }, CALLER)
    if (!staged.ok) throw new Error(staged.refusal)
    expect(keysOf(endpoint)).toEqual([keyOfText(first)])
    const newest = newestKeyOf(app(), endpoint, world.time.ms)
    expect(newest?.versionId).toBe(staged.value.versionId)
    expect(newest && bytesOf(newest.key)).toBe(keyOfText(staged.value.value ?? ''))
  })

  test('has no key once everything was revoked, and none without its secret', async () => {
    const { endpoint } = await makeSecret()
    const { credentialId } = endpoint
    await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    expect(keysOf(endpoint)).toBeUndefined()
    expect(newestKeyOf(app(), endpoint, world.time.ms)).toBeUndefined()
    expect(keysOf({ ...endpoint, credentialId: 'cred_none' })).toBeUndefined()
  })

  test('is signed by an Ed25519 pair where that is what was made', async () => {
    const { endpoint } = await makeSecret('whsk')
    const { credentialId } = endpoint
    const rotated = await world.core.changes.rotate({ credentialId, overlapMs: HOUR_MS }, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    const keys = signingKeysOf(app(), endpoint, world.time.ms)
    expect(keys).toMatchObject({
      format: 'standard',
      keys: [{ algorithm: 'ed25519' }, { algorithm: 'ed25519' }],
    })
  })
})

describe('what goes to a Pusher endpoint', () => {
  const endpoint = { format: 'pusher' as const, credentialId: undefined }
  const signed = () => {
    const keys = signingKeysOf(app(), endpoint, world.time.ms)
    if (keys?.format !== 'pusher') return undefined
    return { appKey: keys.appKey, hex: createHmac('sha256', keys.key).update('x').digest('hex') }
  }
  const hexBy = (secret: string) => createHmac('sha256', secret).update('x').digest('hex')
  const credential = () => {
    const found = app().credentials.find(({ record }) => record.kind === 'signing_secret')
    if (found === undefined) throw new Error('there is no signing secret')
    return found
  }

  test('is signed by the oldest accepted signing secret under its app key, and moves with time', async () => {
    const { record, secrets } = credential()
    const first = Buffer.from([...secrets.values()][0] ?? []).toString()
    const { appKey } = record.attributes
    if (appKey === undefined) throw new Error('there is no app key')
    expect(signed()).toEqual({ appKey, hex: hexBy(first) })
    const request = { credentialId: record.id, overlapMs: HOUR_MS }
    const rotated = await world.core.changes.rotate(request, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    expect(signed()).toEqual({ appKey, hex: hexBy(first) })
    world.time.ms += HOUR_MS
    expect(signed()).toEqual({ appKey, hex: hexBy(rotated.value.value ?? '') })
  })

  test('goes by the next app key when the first has no accepted version left, else by none', async () => {
    const owner = { tenantId: TENANT_ID, appId: 'app' }
    world.time.ms += 1
    const further = await world.core.changes.create(
      { ...owner, kind: 'signing_secret', name: 'second', attributes: { appKey: 'second-key' } },
      CALLER,
    )
    if (!further.ok) throw new Error(further.refusal)
    const reason = 'leaked'
    expect(signed()?.appKey).not.toBe('second-key')
    await world.core.changes.revoke({ credentialId: credential().record.id, reason }, CALLER)
    expect(signed()).toEqual({ appKey: 'second-key', hex: hexBy(further.value.value ?? '') })
    const { id: credentialId } = further.value.credential
    await world.core.changes.revoke({ credentialId, reason }, CALLER)
    expect(signed()).toBeUndefined()
  })
})
