import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import type { LiveEvent } from '../../core/live-events.ts'
import { isWebhookSecret } from '../webhook-secret.ts'
import { CREDENTIAL_COUNT_MAX } from './credential-making.ts'
import { FAILING_AFTER_MS, FAILING_COUNT_MAX, WebhookHealth } from './webhook-health.ts'
import { WEBHOOK_ENDPOINT_COUNT_MAX } from './webhook-making.ts'
import type { NewWebhook } from './webhook-terms.ts'

let world: AdministrationWorld
let tenantId = ''
let appId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
  appId = await newApp()
})

async function newApp(name = 'chat'): Promise<string> {
  const request = { tenantId, name, plan: 'unlimited', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...request, type: 'confidential' }, CALLER))
  return made.loaded.app.id
}

const requestOf = (changes: Partial<NewWebhook> = {}): NewWebhook => ({
  appId,
  name: 'orders',
  url: 'https://hooks.example.org/in?token=receiver-secret',
  format: 'standard',
  events: ['channel.occupied', 'channel.vacated'],
  channelPrefix: '',
  channelSuffix: '',
  ...changes,
})

const create = (changes: Partial<NewWebhook> = {}) =>
  world.webhooks.create(requestOf(changes), CALLER)
const made = (changes: Partial<NewWebhook> = {}) => world.done(create(changes))
const known = () => world.core.authority.apps.findById(appId)?.webhookEndpoints ?? []
const actions = () => world.actions(tenantId, 'local')

/** The audit rows as they are stored. */
async function rows(): Promise<string> {
  const page = { tenantId, afterSeq: 0, countMax: 100 }
  const region = world.store.regions.get('local')
  const found = await region?.transaction((each) => each.listAudit(page))
  return (found ?? []).map(({ entry }) => entry).join('\n')
}

describe('a Standard endpoint', () => {
  test('is made with a secret of its own, which is shown this once and known nowhere else', async () => {
    const { endpoint, secret = '', credential } = await made()
    expect(endpoint).toMatchObject({ name: 'orders', revision: 1, algorithm: 'hmac-sha256' })
    expect(endpoint.id).toMatch(/^whe_[0-9A-Za-z]{20}$/)
    expect(isWebhookSecret(secret)).toBe(true)
    expect(credential).toMatchObject({ id: endpoint.credentialId, kind: 'webhook_secret', appId })
    expect(known()).toEqual([endpoint])
    expect(world.core.authority.apps.findEndpoint(endpoint.id)?.endpoint).toEqual(endpoint)
    const loaded = world.core.authority.apps.findCredential(endpoint.credentialId ?? '')
    expect([...(loaded?.secrets.values() ?? [])].map(String)).toHaveLength(1)
    expect((await actions()).slice(-2)).toEqual(['credential.created', 'webhook.created'])
    expect(await rows()).not.toContain(secret)
    expect(await rows()).not.toContain('receiver-secret')
    expect(await rows()).toContain('https://hooks.example.org/in?***')
  })

  test('with an Ed25519 pair shows nothing: its private half never leaves', async () => {
    const { secret, credential } = await made({ algorithm: 'ed25519' })
    expect(secret).toBeUndefined()
    const { id: credentialId = '' } = credential ?? {}
    const rotated = await world.done(world.core.changes.rotate({ credentialId }, CALLER))
    expect(rotated.value).toBeUndefined()
    const staged = world.core.changes.stage({ credentialId, isForced: true }, CALLER)
    expect((await world.done(staged)).value).toBeUndefined()
    const secrets = world.core.authority.apps.findCredential(credentialId)?.secrets
    for (const bytes of secrets?.values() ?? []) {
      expect(Buffer.from(bytes).toString()).toStartWith('whsk_')
    }
  })

  test('takes a secret of your own that receivers can use, and no other', async () => {
    const secret = `whsec_${Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 73) % 251)).toString('base64')}`
    expect((await made({ secret })).secret).toBe(secret)
    for (const weak of [
      'short',
      'whsec_not-base64-at-all-not-base64-at',
      `whsec_${'A'.repeat(44)}`,
    ]) {
      expect(await create({ name: weak, secret: weak })).toMatchObject({ refusal: 'weak_secret' })
    }
    expect(known()).toHaveLength(1)
  })

  test('is gone with its secret and its app', async () => {
    const { endpoint } = await made()
    await world.done(world.apps.delete({ appId }, CALLER))
    expect(world.core.authority.apps.findEndpoint(endpoint.id)).toBeUndefined()
    const region = world.store.regions.get('local')
    expect(await region?.transaction((each) => each.listWebhookEndpoints())).toEqual([])
  })
})

describe('a Pusher endpoint', () => {
  test('has no secret of its own', async () => {
    const { endpoint, secret, credential } = await made({ format: 'pusher' })
    expect([endpoint.credentialId, secret, credential]).toEqual([undefined, undefined, undefined])
  })

  test.each<[string, Partial<NewWebhook>]>([
    ['a secret', { secret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' }],
    ['Ed25519', { algorithm: 'ed25519' }],
    ['an event that its form does not have', { events: ['auth.failed'] }],
  ])('with %s is refused', async (_, changes) => {
    const refused = await create({ format: 'pusher', ...changes })
    expect(refused).toMatchObject({ refusal: 'input_invalid', detail: expect.any(String) })
    expect(known()).toEqual([])
  })
})

describe('what an endpoint may be', () => {
  test.each<[string, Partial<NewWebhook>]>([
    ['a URL with a password', { url: 'https://user:pw@hooks.example.org/' }],
    ['a URL with a user', { url: 'https://user@hooks.example.org/' }],
    ['a fragment', { url: 'https://hooks.example.org/#x' }],
    ['plain http', { url: 'http://hooks.example.org/' }],
    ['another scheme', { url: 'ftp://hooks.example.org/' }],
    ['a relative URL', { url: '/in' }],
    ['a URL with a line end', { url: 'https://hooks.example.org/\nx' }],
    ['a URL without end', { url: `https://hooks.example.org/${'x'.repeat(2_048)}` }],
    ['no event', { events: [] }],
    ['an unknown event', { events: ['channel.occupied', 'everything'] }],
    ['a filter with a space', { channelPrefix: 'a b' }],
    ['a filter without end', { channelSuffix: 'x'.repeat(201) }],
  ])('does not include %s', async (_, changes) => {
    const before = await world.everything()
    expect(await create(changes)).toMatchObject({ refusal: 'input_invalid' })
    expect(await world.everything()).toEqual(before)
  })

  test('includes plain http where the configuration allows networks', async () => {
    world = await AdministrationWorld.open({ allowedNetworks: ['127.0.0.0/8'] })
    tenantId = await world.tenant()
    appId = await newApp()
    const { endpoint } = await made({ url: 'http://127.1:8080/in' })
    expect(endpoint.url).toBe('http://127.0.0.1:8080/in')
  })

  test('counts: an app has a bounded number, and its secrets are bounded with the others', async () => {
    for (let number = 0; number < WEBHOOK_ENDPOINT_COUNT_MAX; number++) {
      await made({ name: `endpoint ${number}`, format: 'pusher' })
    }
    expect(await create()).toMatchObject({ refusal: 'count_full' })
    const { id } = known()[0] ?? { id: '' }
    await world.done(world.webhooks.remove({ endpointId: id }, CALLER))
    const credentials = world.core.authority.apps.findById(appId)?.credentials.length ?? 0
    for (let count = credentials; count < CREDENTIAL_COUNT_MAX; count++) {
      const owner = { tenantId, appId, kind: 'api_key' as const, name: 'k', attributes: {} }
      await world.done(world.core.changes.create(owner, CALLER))
    }
    expect(await create()).toMatchObject({ refusal: 'credentials_full' })
  }, 60_000)
})

describe('a change', () => {
  test('changes what is named and leaves the rest', async () => {
    const { endpoint } = await made()
    world.time.ms += 5
    const request = { endpointId: endpoint.id, events: ['cache_miss', 'cache_miss'] }
    const after = await world.done(world.webhooks.update(request, CALLER))
    const updatedAtMs = endpoint.updatedAtMs + 5
    expect(after).toEqual({ ...endpoint, events: ['cache_miss'], revision: 2, updatedAtMs })
    expect(known()).toEqual([after])
    expect((await actions()).at(-1)).toBe('webhook.updated')
  })

  test.each<[string, object]>([
    ['nothing', {}],
    ['to a URL that may not be', { url: 'http://hooks.example.org/' }],
    ['to no event', { events: [] }],
  ])('of %s is refused', async (_, changes) => {
    const { endpoint } = await made()
    const changed = world.webhooks.update({ endpointId: endpoint.id, ...changes }, CALLER)
    expect(await changed).toMatchObject({ refusal: 'input_invalid' })
    expect(known()).toEqual([endpoint])
  })

  test('to a name that is taken is refused', async () => {
    await made()
    const { endpoint } = await made({ name: 'other' })
    const renamed = world.webhooks.update({ endpointId: endpoint.id, name: 'orders' }, CALLER)
    expect(await renamed).toMatchObject({ refusal: 'name_taken' })
  })

  test('of what is not there is refused', async () => {
    const { endpoint } = await made()
    await world.done(world.webhooks.remove({ endpointId: endpoint.id, reason: 'moved' }, CALLER))
    expect((await actions()).at(-1)).toBe('webhook.removed')
    const gone = { endpointId: endpoint.id }
    for (const refused of [
      world.webhooks.remove(gone, CALLER),
      world.webhooks.enable(gone, CALLER),
      world.webhooks.disable(gone, CALLER),
      world.webhooks.update({ ...gone, name: 'x' }, CALLER),
      world.webhooks.giveUp(endpoint.id, 'gone'),
    ]) {
      expect(await refused).toMatchObject({ refusal: 'not_found' })
    }
    expect(world.core.authority.findCredential(endpoint.credentialId ?? '')).toBeUndefined()
  })
})

describe('an endpoint that is disabled', () => {
  test('says why, is told of once, and works again when it is enabled', async () => {
    const heard: LiveEvent[] = []
    world.core.administration.events.listen({
      wants: (type) => type === 'webhook.disabled',
      hear: (event) => void heard.push(event),
    })
    const { endpoint } = await made()
    const atMs = world.time.ms
    await world.done(world.webhooks.giveUp(endpoint.id, 'gone'))
    await world.done(world.webhooks.giveUp(endpoint.id, 'failing'))
    await world.done(world.webhooks.disable({ endpointId: endpoint.id }, CALLER))
    expect(known()[0]?.disabled).toEqual({ reason: 'gone', atMs })
    const details = { endpointId: endpoint.id, reason: 'gone' }
    expect(heard).toEqual([{ type: 'webhook.disabled', atMs, tenantId, appId, details }])
    for (let times = 0; times < 2; times++) {
      await world.done(world.webhooks.enable({ endpointId: endpoint.id }, CALLER))
    }
    expect(known()[0]?.disabled).toBeUndefined()
    const told = (await actions()).filter((action) => /able/.test(action))
    expect(told).toEqual(['webhook.disabled', 'webhook.enabled'])
  })
})

describe('since when an endpoint fails', () => {
  const open = async () => {
    const { endpoint } = await made()
    let writeCount = 0
    const setFailing = (id: string, sinceMs: number | undefined) => {
      writeCount++
      return world.webhooks.setFailing(id, sinceMs)
    }
    const health = new WebhookHealth(
      { setFailing },
      { nowMs: () => world.time.ms, monotonicMs: () => 0 },
    )
    const note = (isDelivered: boolean) => health.note(known()[0] ?? endpoint, isDelivered)
    return { note, writes: () => writeCount }
  }

  test('is kept once it lasts, from the first failure on, until it works again', async () => {
    const { note, writes } = await open()
    const firstMs = world.time.ms
    for (let failures = 0; failures < 100; failures++) {
      await note(false)
      world.time.ms += FAILING_AFTER_MS / 50
    }
    expect(known()[0]?.failingSinceMs).toBe(firstMs)
    expect(writes()).toBe(1)
    await note(true)
    await note(true)
    expect(known()[0]?.failingSinceMs).toBeUndefined()
    expect(writes()).toBe(2)
    expect((await actions()).at(-1)).toBe('webhook.created')
  })

  test('begins anew for an endpoint that was enabled again', async () => {
    const { note } = await open()
    await note(false)
    world.time.ms += FAILING_AFTER_MS
    const { id: endpointId } = known()[0] ?? { id: '' }
    await world.done(world.webhooks.giveUp(endpointId, 'failing'))
    await world.done(world.webhooks.enable({ endpointId }, CALLER))
    world.time.ms += 1
    await note(false)
    expect(known()[0]?.failingSinceMs).toBeUndefined()
    const firstMs = world.time.ms
    world.time.ms += FAILING_AFTER_MS
    await note(false)
    expect(known()[0]?.failingSinceMs).toBe(firstMs)
  })

  test('is remembered of a bounded number, also when endpoints come and go', async () => {
    const { endpoint } = await made()
    const marked: string[] = []
    const setFailing = async (id: string) => {
      marked.push(id)
      return { ok: true as const, value: endpoint }
    }
    const clock = { nowMs: () => world.time.ms, monotonicMs: () => 0 }
    const health = new WebhookHealth({ setFailing }, clock)
    const note = (id: string) => health.note({ ...endpoint, id }, false)
    for (let number = 0; number <= FAILING_COUNT_MAX; number++) await note(`whe_${number}`)
    world.time.ms += FAILING_AFTER_MS
    for (const number of [0, FAILING_COUNT_MAX]) await note(`whe_${number}`)
    expect(marked).toEqual([`whe_${FAILING_COUNT_MAX}`])
  })

  test('is nobody`s business while it hiccups', async () => {
    const { note, writes } = await open()
    for (let failures = 0; failures < 100; failures++) {
      await note(false)
      world.time.ms += FAILING_AFTER_MS - 1
      await note(true)
    }
    expect(writes()).toBe(0)
  })
})

test('whatever is asked in whatever order, an app never has two endpoints of one name', async () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('create' as const), name }),
    fc.record({ kind: fc.constant('rename' as const), name, at: fc.nat(5) }),
    fc.record({ kind: fc.constant('remove' as const), name, at: fc.nat(5) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      for (const { id: endpointId } of known()) {
        await world.done(world.webhooks.remove({ endpointId }, CALLER))
      }
      // All at once: what is decided must hold against what others do meanwhile.
      await Promise.all(
        steps.map((each) => {
          if (each.kind === 'create') return create({ name: each.name, format: 'pusher' })
          const { id: endpointId = '' } = known()[each.at] ?? {}
          if (each.kind === 'remove') return world.webhooks.remove({ endpointId }, CALLER)
          return world.webhooks.update({ endpointId, name: each.name }, CALLER)
        }),
      )
      const stored = await world.store.regions
        .get('local')
        ?.transaction((each) => each.listWebhookEndpoints({ appId }))
      expect(known()).toEqual(stored ?? [])
      const names = known().map((endpoint) => endpoint.name)
      expect(new Set(names).size).toBe(names.length)
    }),
    { numRuns: 60 },
  )
})
