import { beforeEach, describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { WebhookChanges } from '../administration/webhook-changes.ts'
import { WEBHOOK_ENDPOINT_COUNT_MAX } from '../administration/webhook-making.ts'
import { newWebhookPair, newWebhookSecret } from '../webhook-secret.ts'
import { applyDeclarations } from './declare.ts'
import type { DeclaredWebhook } from './declared.ts'

const HOOK: DeclaredWebhook = {
  name: 'orders',
  url: 'https://shop.example/in',
  format: 'standard',
  events: ['channel.occupied'],
  channelPrefix: '',
  channelSuffix: '',
  algorithm: 'hmac-sha256',
  secret: newWebhookSecret(systemRandom),
}
const PUSHER: DeclaredWebhook = { ...HOOK, name: 'old', format: 'pusher', secret: undefined }

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
})

function declare(...webhooks: readonly DeclaredWebhook[]) {
  world.time.ms += 1_000
  const { administration, revocations } = world.core
  const limits = { maxConnections: 9, maxDocuments: 9, maxUsersPerDoc: 9, opsPerMinute: 9 }
  const app = {
    id: 'app',
    name: 'app',
    type: 'public' as const,
    region: 'local',
    plan: 'unlimited',
    clientId: 'client',
    clientSecret: undefined,
    signingKeys: [{ key: 'key', secret: 'secret' }],
    apiKeys: [],
    jwtSecrets: [],
    allowedDomains: [],
    settings: SETTINGS,
    webhooks,
  }
  const tenant = {
    id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
    signingAlgorithm: 'ES256' as const,
    plans: [],
    apps: [app],
  }
  const plans = [{ name: 'unlimited', limits, isOnePerTenant: false, isOpenToTenants: false }]
  const declarations = { plans, tenants: [tenant], operatorKeys: [] }
  return applyDeclarations(declarations, { administration, revocations })
}

const changed = async (...webhooks: readonly DeclaredWebhook[]) => {
  const applied = await declare(...webhooks)
  return applied.ok ? applied.value.changeCount : (applied.detail ?? applied.refusal)
}
/** By name: those of one moment have no order of their own. */
const endpoints = () =>
  [...(world.core.authority.apps.findById('app')?.webhookEndpoints ?? [])].sort((a, b) =>
    a.name < b.name ? 1 : -1,
  )
const changes = () => new WebhookChanges(world.core.administration, { isHttpAllowed: false })

/** The values that sign for an endpoint, oldest first. */
function secretsOf(name: string): readonly string[] {
  const { credentialId = '' } = endpoints().find((each) => each.name === name) ?? {}
  const loaded = world.core.authority.apps.findCredential(credentialId)
  return [...(loaded?.secrets.values() ?? [])].map((bytes) => Buffer.from(bytes).toString())
}

test('endpoints are made once with the secret that is declared, and the same again writes nothing', async () => {
  await changed(HOOK, PUSHER)
  const before = endpoints()
  expect(before).toMatchObject([
    { name: 'orders', isDeclared: true, format: 'standard' },
    { name: 'old', isDeclared: true, format: 'pusher', credentialId: undefined },
  ])
  expect(secretsOf('orders')).toEqual([HOOK.secret ?? ''])
  expect(await changed(HOOK, PUSHER)).toBe(0)
  expect(endpoints()).toEqual(before)
})

test('what is declared otherwise is changed in place; the endpoint stays the one it is', async () => {
  await changed(HOOK)
  const [before] = endpoints()
  const after = { ...HOOK, url: 'https://other.example/', channelPrefix: 'private-' }
  expect(await changed(after)).toBe(1)
  expect(endpoints()).toMatchObject([
    { id: before?.id, revision: 2, url: after.url, channelPrefix: 'private-' },
  ])
})

test('another secret becomes current, and the one before signs for its overlap', async () => {
  await changed(HOOK)
  const secret = newWebhookSecret(systemRandom)
  expect(await changed({ ...HOOK, secret })).toBe(1)
  expect(secretsOf('orders')).toEqual([HOOK.secret ?? '', secret])
  const [endpoint] = endpoints()
  const record = world.core.authority.findCredential(endpoint?.credentialId ?? '')
  expect(record?.versions.map(({ state }) => state)).toEqual(['previous', 'current'])
  expect(await changed({ ...HOOK, secret })).toBe(0)
  // A value that was rotated away stays away.
  expect(await changed(HOOK)).toBe(0)
})

test('another form or algorithm is another endpoint', async () => {
  await changed(HOOK)
  const [before] = endpoints()
  await changed({ ...HOOK, format: 'pusher', secret: undefined })
  const [pusher] = endpoints()
  expect(pusher?.id).not.toBe(before?.id ?? '')
  expect(world.core.authority.findCredential(before?.credentialId ?? '')).toBeUndefined()
  await changed({ ...HOOK, algorithm: 'ed25519', secret: undefined })
  expect(endpoints()).toMatchObject([{ name: 'orders', algorithm: 'ed25519' }])
  expect(secretsOf('orders')[0]).toStartWith('whsk_')
  expect(await changed({ ...HOOK, algorithm: 'ed25519', secret: undefined })).toBe(0)
})

describe('what the configuration names no longer', () => {
  test('goes with its secret; what people made stays', async () => {
    const terms = { ...HOOK, name: 'by hand', secret: undefined }
    await changed(HOOK)
    const byHand = await changes().create({ ...terms, appId: 'app' }, CALLER)
    if (!byHand.ok) throw new Error(byHand.refusal)
    const [declared] = endpoints()
    expect(await changed()).toBe(1)
    expect(endpoints().map(({ name }) => name)).toEqual(['by hand'])
    expect(world.core.authority.findCredential(declared?.credentialId ?? '')).toBeUndefined()
    expect(await changed()).toBe(0)
  })

  test('was taken over by name, and goes too', async () => {
    await changed()
    const byHand = await changes().create({ ...HOOK, appId: 'app', secret: undefined }, CALLER)
    if (!byHand.ok) throw new Error(byHand.refusal)
    await changed(HOOK)
    expect(endpoints()).toMatchObject([{ id: byHand.value.endpoint.id, isDeclared: true }])
    expect(secretsOf('orders').at(-1)).toBe(HOOK.secret)
    await changed()
    expect(endpoints()).toEqual([])
  })
})

test('one that was disabled stays so', async () => {
  await changed(HOOK)
  await changes().giveUp(endpoints()[0]?.id ?? '', 'gone')
  expect(await changed(HOOK)).toBe(0)
  expect(endpoints()[0]?.disabled?.reason).toBe('gone')
})

test.each<[string, readonly DeclaredWebhook[]]>([
  ['a secret that receivers could not use', [{ ...HOOK, secret: 'whsec_short' }]],
  ['halves of two pairs', [{ ...HOOK, algorithm: 'ed25519', secret: mixedPair() }]],
  ['an event that its form does not have', [{ ...PUSHER, events: ['auth.failed'] }]],
  ['too many', Array.from({ length: WEBHOOK_ENDPOINT_COUNT_MAX + 1 }, () => PUSHER)],
])('%s is refused before anything is written', async (_, webhooks) => {
  const refused = await declare(...webhooks)
  expect(refused).toMatchObject({ ok: false, refusal: 'webhook_invalid' })
  expect(world.core.authority.apps.findById('app')).toBeUndefined()
  if (refused.ok) return
  for (const { secret } of webhooks) expect(refused.detail).not.toContain(secret ?? 'nothing')
})

function mixedPair(): string {
  const bytes = () => Buffer.from(newWebhookPair(systemRandom).slice('whsk_'.length), 'base64')
  return `whsk_${Buffer.concat([bytes().subarray(0, 32), bytes().subarray(32)]).toString('base64')}`
}
