import { describe, expect, test } from 'bun:test'
import { APP_SETTINGS, DEFAULT_APP_SETTINGS } from './app-schema.ts'
import { type LoadOutcome, loadConfig } from './load.ts'
import { namesOf, SETTING_ROWS, SETTINGS } from './schema.ts'
import { defaultOf, environmentName, flagName, type Setting } from './settings.ts'

const NO_FILES = () => ({ ok: false, refusal: 'missing' }) as const

interface Layers {
  file?: unknown
  environment?: Record<string, string>
  flags?: Record<string, string>
}

function load({ file, environment = {}, flags = {} }: Layers): Promise<LoadOutcome> {
  return loadConfig({
    file: file === undefined ? undefined : { name: 'lockgate.json', text: JSON.stringify(file) },
    environment,
    flags,
    workingFolder: '/srv',
    readFile: NO_FILES,
  })
}

function nest(key: string, value: unknown): unknown {
  return key
    .split('.')
    .reverse()
    .reduce((inner, name) => ({ [name]: inner }), value)
}

function at(outcome: LoadOutcome, key: string): unknown {
  expect(outcome).toMatchObject({ ok: true })
  return key.split('.').reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], {
    ...(outcome.ok ? outcome.config : {}),
  })
}

/** Of those that take no value of the others of their type. */
const OTHER_VALUES: Readonly<Record<string, string>> = {
  'alerts.to': 'webhook, log',
  'alerts.app': 'app-1',
  'alerts.mailTo': 'a@example.com, b@example.com',
  'smtp.url': 'smtps://mail.example.com:465',
  'smtp.user': 'somebody',
  'smtp.password': 'a password of theirs',
  'smtp.from': 'lockgate@example.com',
  'documents.region': 'eu-central-1',
  'documents.regions': 'eu-central-1 wss://eu.example.com, us-east-1 wss://us.example.com',
}

/** A good value that is not the default, as text. */
function otherValue(key: string, row: Setting): string {
  const own = OTHER_VALUES[key]
  if (own !== undefined) return own
  switch (row.type) {
    case 'integer':
      return String(row.default === row.max ? row.min : row.max)
    case 'boolean':
      return 'false'
    case 'choice':
      return row.values.find((value) => value !== row.default) ?? ''
    case 'address':
      return '[::1]:4321'
    case 'path':
      return '/elsewhere/file'
    case 'text':
      return row.isSecret ? 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=' : '/realtime'
    case 'url':
      return 'https://elsewhere.example/path'
    case 'list':
      if (row.of === 'domains') return 'lockgate, admin.example.com:9000'
      if (row.of === 'limits') return 'connect.ip 600/1m shadow, publish.user 10/1s'
      if (row.of === 'paths') return '/docs, /a/b'
      return row.of === 'words' ? '/bin/key --of server' : '10.0.0.0/8, ::1'
  }
}

function native(row: Setting, text: string): unknown {
  if (row.type === 'integer' || row.type === 'boolean') return JSON.parse(text)
  return row.type === 'list' ? text.split(row.of === 'words' ? ' ' : ', ') : text
}

/** One setting of `tls` alone is a problem of its own. */
const companion = (key: string, value: unknown): Record<string, unknown> =>
  key.startsWith('tls.')
    ? { tls: { certFile: 'c', keyFile: 'k', clientCaFile: 'a', [key.slice('tls.'.length)]: value } }
    : {}

/** The default of the overlap is more than the smallest maximum. */
const withRoom = (key: string, file: unknown): unknown =>
  key === 'secrets.overlapMaxMs'
    ? { secrets: { ...(file as { secrets: object }).secrets, overlapDefaultMs: 0 } }
    : file

test('names follow from the key', () => {
  expect(environmentName('listen.http')).toBe('LOCKGATE_LISTEN_HTTP')
  expect(flagName('listen.http')).toBe('listen-http')
  expect(environmentName('limits.webSocketFrameBytesMax')).toBe(
    'LOCKGATE_LIMITS_WEB_SOCKET_FRAME_BYTES_MAX',
  )
  expect(flagName('dataDir')).toBe('data-dir')
})

test('no two settings share a variable or a flag', () => {
  const names = SETTING_ROWS.map(([key]) => namesOf(key))
  const variables = names.flatMap((each) => [each.environment, each.environmentFile ?? []].flat())
  const flags = names.flatMap((each) => [each.flag ?? [], each.flagFile ?? []].flat())
  expect(new Set(variables).size).toBe(variables.length)
  expect(new Set(flags).size).toBe(flags.length)
})

test('a secret is never a flag', () => {
  expect(namesOf('masterKey')).toEqual({
    environment: 'LOCKGATE_MASTER_KEY',
    flag: undefined,
    environmentFile: 'LOCKGATE_MASTER_KEY_FILE',
    flagFile: 'master-key-file',
  })
})

test('nothing given is a complete configuration with the documented defaults', async () => {
  const outcome = await load({})
  expect(outcome).toMatchObject({
    ok: true,
    config: {
      mode: 'development',
      listen: {
        http: { hostname: '127.0.0.1', port: 8080 },
        https: { hostname: '127.0.0.1', port: 8443 },
        mqtt: { hostname: '127.0.0.1', port: 1883 },
        mqtts: { hostname: '127.0.0.1', port: 8883 },
        ops: { hostname: '127.0.0.1', port: 9090 },
      },
      store: 'sqlite',
      dataDir: '/srv/data',
      masterKey: undefined,
      tls: undefined,
      pathPrefix: '',
      demo: true,
      tenants: [],
    },
  })
})

test('the defaults of an app are complete and frozen', () => {
  expect(Object.keys(DEFAULT_APP_SETTINGS)).toEqual(Object.keys(APP_SETTINGS))
  expect(DEFAULT_APP_SETTINGS).toMatchObject({
    enabled: true,
    clientMessages: false,
    allowedOrigins: [],
    missingOrigin: 'allow',
    connectionCountMax: 100_000,
    eventDataBytesMax: 10_240,
  })
  expect(Object.isFrozen(DEFAULT_APP_SETTINGS.allowedOrigins)).toBe(true)
})

describe.each(SETTING_ROWS.map(([key, row]) => ({ key, row })))('$key', ({ key, row }) => {
  const text = otherValue(key, row)
  const { environment, flag } = namesOf(key)

  test('reads the same from file, environment and flag', async () => {
    const value = native(row, text)
    const file = { ...(nest(key, value) as object), ...companion(key, value) }
    const fromFile = at(await load({ file }), key)
    const base = { file: companion(key, row.type === 'choice' ? row.values[0] : '/other') }
    const fromEnvironment = await load({ ...base, environment: { [environment]: text } })
    expect(at(fromEnvironment, key)).toEqual(fromFile)
    if (flag === undefined) return
    expect(at(await load({ ...base, flags: { [flag]: text } }), key)).toEqual(fromFile)
  })

  test('names itself where a value of the wrong type stands', async () => {
    for (const wrong of [{ a: 1 }, [[1]], null]) {
      const outcome = await load({ file: nest(key, wrong) })
      const problems = outcome.ok ? [] : outcome.problems
      expect(problems[0]?.where).toBe(`lockgate.json:1 ${key}`)
    }
    const takesAnyText = row.type === 'path' || (row.type === 'list' && row.of === 'words')
    const bad = takesAnyText ? '' : 'no good value\u0007'
    const outcome = await load({ environment: { [environment]: bad } })
    expect(outcome.ok ? undefined : outcome.problems[0]?.where).toBe(environment)
  })
})

describe.each(
  [...SETTING_ROWS, ...Object.entries<Setting>(APP_SETTINGS)].flatMap(([key, row]) =>
    row.type === 'integer' ? [{ key, row }] : [],
  ),
)('bounds of $key', ({ key, row }) => {
  const isTop = key in SETTINGS
  const app = { id: 'a', name: 'a', key: 'a', secret: 'a' }
  const tenant = {
    id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
  }
  const fileWith = (value: number) =>
    isTop
      ? withRoom(key, nest(key, value))
      : { tenants: [{ ...tenant, apps: [{ ...app, [key]: value }] }] }

  test.each([row.min, row.max, defaultOf(row, 'development')])('takes %p', async (value) => {
    expect(await load({ file: fileWith(Number(value)) })).toMatchObject({ ok: true })
  })

  test.each([row.min - 1, row.max + 1, row.min + 0.5, 2 ** 60])('refuses %p', async (value) => {
    const outcome = await load({ file: fileWith(value) })
    expect(outcome.ok ? [] : outcome.problems).toHaveLength(1)
  })
})
