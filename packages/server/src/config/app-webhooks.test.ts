import { describe, expect, test } from 'bun:test'
import { checkWebhookSecret } from '../credentials/webhook-secret.ts'
import { loadConfig } from './load.ts'
import { describeConfig } from './secrets.ts'
import { WEBHOOK_COUNT_MAX } from './webhook-schema.ts'

const SECRET = `whsec_${'Zk3vQ9xT1mB7nR5sW2yD8fG4hJ6kL0pC'.repeat(2).slice(0, 48)}`
const base64 = (length: number) => Buffer.alloc(length, 'q').toString('base64')
const WEBHOOK = {
  name: 'orders',
  url: 'https://shop.example/in?token=1',
  events: ['channel.occupied', 'presence.enter'],
  secret: SECRET,
}

const load = (
  webhooks: readonly object[],
  top: object = {},
  files: Record<string, string> = {},
) => {
  const app = {
    id: '8d1f02',
    name: 'chat',
    key: 'pk-9f2e61',
    secret: 'q8Zr2LmW0xT5vKc7',
    allowedOrigins: ['https://app.example.com'],
    webhooks,
  }
  const tenant = {
    id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
    apps: [app],
  }
  return loadConfig({
    file: { name: 'c.json', text: JSON.stringify({ ...top, tenants: [tenant] }) },
    fileFolder: '/etc/lockgate',
    environment: {},
    flags: {},
    workingFolder: '/srv',
    readFile(path) {
      const text = files[path]
      return text === undefined ? { ok: false, refusal: 'missing' } : { ok: true, value: text }
    },
  })
}

async function problemsOf(...args: Parameters<typeof load>): Promise<string[]> {
  const outcome = await load(...args)
  return outcome.ok ? [] : outcome.problems.map(({ where, what }) => `${where}: ${what}`)
}

test('webhooks are read with their defaults, and a secret from a value or a file', async () => {
  const { secret: _, ...rest } = { ...WEBHOOK, name: 'files', secretFile: 'hook' }
  const pusher = {
    name: 'old',
    url: 'https://a.example/',
    events: ['cache_miss'],
    format: 'pusher',
  }
  const outcome = await load([WEBHOOK, rest, pusher], {}, { '/etc/lockgate/hook': `${SECRET}\n` })
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems))
  const { webhooks = [] } = outcome.config.tenants[0]?.apps[0] ?? {}
  const filled = { channelPrefix: '', channelSuffix: '', algorithm: 'hmac-sha256' as const }
  const standard = { ...WEBHOOK, ...filled, format: 'standard' as const }
  expect(webhooks).toEqual([
    standard,
    { ...standard, name: 'files' },
    { ...filled, ...pusher, format: 'pusher', secret: undefined },
  ])
  const printed = JSON.stringify(describeConfig(outcome.config))
  expect(printed).not.toContain(SECRET)
  expect(printed).not.toContain('token=1')
  expect(printed).toContain('https://shop.example/in?***')
})

describe('a webhook', () => {
  test.each<[string, object, string]>([
    ['no name', { name: undefined }, '`name` is missing'],
    ['no URL', { url: undefined }, '`url` is missing'],
    ['no event', { events: undefined }, '`events` is missing'],
    ['an empty list of events', { events: [] }, 'the list is empty'],
    ['an unknown event', { events: ['everything'] }, 'no event of this name'],
    ['an event twice', { events: ['cache_miss', 'cache_miss'] }, 'in the list twice'],
    ['plain http', { url: 'http://shop.example/in' }, 'in clear text'],
    ['a password', { url: 'https://u:p@shop.example/in' }, 'user and password'],
    ['a fragment', { url: 'https://shop.example/in#x' }, 'https URL without `#`'],
    ['a masked query', { url: 'https://shop.example/in?***' }, 'is not printed'],
    ['no secret', { secret: undefined }, 'there is no secret'],
    ['two secrets', { secretFile: 'hook' }, 'are both given'],
    ['a secret in the Pusher form', { format: 'pusher' }, 'signed by the secret of the app'],
    [
      'an event the Pusher form has not',
      { format: 'pusher', secret: undefined, events: ['message.published'] },
      'has no message.published',
    ],
    ['the secret of the other algorithm', { algorithm: 'ed25519' }, 'nothing could be signed'],
    ['an unknown form', { format: 'xml' }, 'choice is not known'],
    ['a filter with a space', { channelPrefix: 'a b' }, 'right form'],
    ['an unknown field', { headers: {} }, 'not known'],
  ])('with %s is refused in one clear problem', async (_, fields, what) => {
    const found = await problemsOf([{ ...WEBHOOK, ...fields }])
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
    expect(found[0]).not.toContain(SECRET)
  })

  test('with an Ed25519 pair needs no secret: its public half is shown at any time', async () => {
    const { secret: _, ...rest } = WEBHOOK
    expect(await problemsOf([{ ...rest, algorithm: 'ed25519' }])).toEqual([])
  })

  test.each([
    ...[22, 23, 24, 25, 26, 63, 64, 65, 66].map((length) => `whsec_${base64(length)}`),
    ...[
      'whsec_',
      'whsec_zzz',
      `whsec_${base64(25).slice(0, -1)}`,
      'whsk_',
      'whpk_',
      'raw-secret-of-a-receiver',
    ],
  ])('is refused for its secret exactly when no server would start with it: %s', async (secret) => {
    const found = await problemsOf([{ ...WEBHOOK, secret }])
    expect(found.length === 0).toBe(checkWebhookSecret(secret, 'hmac-sha256').ok)
  })

  test('may be called over http where networks are allowed', async () => {
    const outbound = { allowedNetworks: ['127.0.0.0/8'] }
    const local = { ...WEBHOOK, url: 'http://127.0.0.1:9000/in' }
    expect(await problemsOf([local], { outbound })).toEqual([])
  })

  test('has a name of its own inside the app, and an app has a bounded number', async () => {
    const twice = await problemsOf([WEBHOOK, WEBHOOK])
    expect(twice[0]).toContain('another webhook of the app has this name')
    const many = Array.from({ length: WEBHOOK_COUNT_MAX + 1 }, (_, number) => ({
      ...WEBHOOK,
      name: `webhook ${number}`,
    }))
    expect(await problemsOf(many)).toHaveLength(1)
  })

  test('with a secret that is easy to guess is refused in production', async () => {
    const found = await problemsOf([{ ...WEBHOOK, secret: 'secret' }], {
      mode: 'production',
      publicUrl: 'https://rt.example.com',
    })
    expect(found.filter((problem) => problem.includes('webhooks[0]'))).toHaveLength(1)
  })
})
