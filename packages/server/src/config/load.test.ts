import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type LoadInput, type LoadOutcome, loadConfig } from './load.ts'
import type { Problem } from './problem.ts'
import { describeConfig } from './secrets.ts'

const MASTER_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
const EXAMPLE = `listen: { http: "127.0.0.1:8080", mqtt: "127.0.0.1:1883", ops: "127.0.0.1:9090" }
dataDir: ./data
tenants:
  - id: 3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111
    shortId: org_k7xm4pqr2n5t
    name: Acme
    apps:
      - { id: app-id, name: demo, key: app-key, secret: app-secret, plan: unlimited, region: local,
          clientMessages: true, subscriptionCount: true, allowedOrigins: [] }
`

interface Given extends Partial<Pick<LoadInput, 'environment' | 'flags'>> {
  name?: string
  files?: Record<string, string>
}

function load(text: string | undefined, given: Given = {}): Promise<LoadOutcome> {
  const { name = 'lockgate.yaml', files = {}, environment = {}, flags = {} } = given
  return loadConfig({
    file: text === undefined ? undefined : { name, text },
    fileFolder: '/etc/lockgate',
    environment,
    flags,
    workingFolder: '/srv',
    readFile(path) {
      const content = files[path]
      return content === undefined
        ? { ok: false, refusal: 'missing' }
        : { ok: true, value: content }
    },
  })
}

async function configOf(text: string | undefined, given?: Given) {
  const outcome = await load(text, given)
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems))
  return outcome.config
}

async function problemsOf(text: string | undefined, given?: Given): Promise<readonly Problem[]> {
  const outcome = await load(text, given)
  return outcome.ok ? [] : outcome.problems
}

const app = (fields: string): string => EXAMPLE.replace('key: app-key, secret: app-secret', fields)

describe('layers', () => {
  test('flags win over environment, environment over file, file over defaults', async () => {
    const text = 'drainMs: 1\nlogLevel: warn\nstore: memory\n'
    const environment = { LOCKGATE_DRAIN_MS: '2', LOCKGATE_LOG_LEVEL: 'error' }
    const config = await configOf(text, { environment, flags: { 'drain-ms': '3' } })
    expect(config).toMatchObject({
      drainMs: 3,
      logLevel: 'error',
      store: 'memory',
      pathPrefix: '',
    })
  })

  test('a bad value is reported even where a later layer wins', async () => {
    const problems = await problemsOf('drainMs: soon\n', { flags: { 'drain-ms': '3' } })
    expect(problems.map(({ where }) => where)).toEqual(['lockgate.yaml:1 drainMs'])
  })

  test('the mode of any layer decides the default of the demo', async () => {
    expect((await configOf(undefined)).demo).toBe(true)
    const environment = { LOCKGATE_MODE: 'production' }
    expect((await configOf(undefined, { environment })).demo).toBe(false)
    expect((await configOf('demo: true', { environment })).demo).toBe(true)
  })

  test('paths in the file start at its folder, others at the working directory', async () => {
    expect((await configOf('dataDir: ./data')).dataDir).toBe('/etc/lockgate/data')
    expect((await configOf('{}')).dataDir).toBe('/srv/data')
    expect((await configOf(undefined, { flags: { 'data-dir': 'x' } })).dataDir).toBe('/srv/x')
    const environment = { LOCKGATE_DATA_DIR: '/var/lib/lockgate' }
    expect((await configOf('dataDir: ./data', { environment })).dataDir).toBe('/var/lib/lockgate')
  })

  test('the configuration cannot be changed afterwards', async () => {
    const config = await configOf(EXAMPLE)
    const everything = [
      config,
      config.listen.http,
      config.limits,
      config.tenants,
      config.tenants[0]?.apps[0]?.settings.allowedOrigins,
      config.tenants[0]?.apps[0]?.signingKeys[0],
    ]
    expect(everything.map((each) => Object.isFrozen(each))).toEqual(everything.map(() => true))
  })

  test('variables that container platforms set for the service are left alone', async () => {
    const environment = {
      LOCKGATE_SERVICE_HOST: '10.0.0.1',
      LOCKGATE_SERVICE_PORT: '8080',
      LOCKGATE_SERVICE_PORT_HTTP: '8080',
      LOCKGATE_PORT: 'tcp://10.0.0.1:8080',
      LOCKGATE_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      LOCKGATE_PORT_8080_TCP_PROTO: 'tcp',
      LOCKGATE_OPS_SERVICE_HOST: '10.0.0.1',
      LOCKGATE_CONFIG: 'lockgate.yaml',
      LOCKGATE_LAUNCHER_PID: '1',
      OTHER: 'x',
    }
    expect(await problemsOf(undefined, { environment })).toEqual([])
    const typo = await problemsOf(undefined, { environment: { LOCKGATE_PORT: 'on' } })
    expect(typo).toMatchObject([{ where: 'LOCKGATE_PORT' }])
  })
})

describe('the file', () => {
  test('the documented example declares what it says', async () => {
    const config = await configOf(EXAMPLE)
    expect(config.tenants).toMatchObject([
      {
        id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
        shortId: 'org_k7xm4pqr2n5t',
        name: 'Acme',
        apps: [
          {
            id: 'app-id',
            signingKeys: [{ key: 'app-key', secret: 'app-secret' }],
            plan: 'unlimited',
            region: 'local',
            settings: { enabled: true, clientMessages: true, subscriptionCount: true },
          },
        ],
      },
    ])
  })

  test('JSON says the same as YAML, and is told by its name or its first character', async () => {
    const { parse } = await import('yaml')
    const json = JSON.stringify(parse(EXAMPLE), null, '\t')
    const expected = await configOf(EXAMPLE)
    expect(await configOf(json, { name: 'lockgate.json' })).toEqual(expected)
    expect(await configOf(json, { name: 'lockgate.conf' })).toEqual(expected)
    const [problem] = await problemsOf('{"drainMs": 1,}', { name: 'lockgate.conf' })
    expect(problem?.what).toBe('this is not valid JSON')
  })

  test('the example page loads, and holds every default', async () => {
    const path = resolve(import.meta.dir, '../../../../docs/config.example.yaml')
    const config = await configOf(readFileSync(path, 'utf8'))
    const { tenants: _, dataDir: __, ...given } = config
    const { tenants: ___, dataDir: ____, ...defaults } = await configOf(undefined)
    expect(given).toEqual(defaults)
  })

  test('an empty file is no file', async () => {
    expect(await configOf('# nothing\n')).toEqual(await configOf(undefined))
  })

  test('anchors and aliases can be used', async () => {
    const text = 'drainMs: &d 7\nlimits: { activityTimeoutMs: 7000 }\n'
    expect((await configOf(text)).drainMs).toBe(7)
    const shared = `${EXAMPLE}  - id: 3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b112
    shortId: org_k7xm4pqr2n5u
    name: &n Other
    apps: [{ id: b, name: *n, key: b, secret: b }]
`
    expect((await configOf(shared)).tenants[1]?.apps[0]?.name).toBe('Other')
  })

  test.each([
    ['a duplicate key', 'drainMs: 1\ndrainMs: 2\n', 'lockgate.yaml:2'],
    ['a second document', 'drainMs: 1\n---\ndrainMs: 2\n', 'lockgate.yaml:2'],
    ['an open quote', 'logLevel: "info\n', 'lockgate.yaml:2'],
    ['a tab', 'listen:\n\thttp: "127.0.0.1:1"\n', 'lockgate.yaml:2'],
    ['a tag', 'drainMs: !number 1\n', 'lockgate.yaml:1'],
    ['an alias without anchor', 'drainMs: *none\n', 'lockgate.yaml:1'],
    ['an alias of itself', 'listen: &a { http: *a }\n', 'lockgate.yaml:1'],
    ['a key that is no text', '1: 2\n', 'lockgate.yaml:1'],
    ['a list', '- drainMs\n', 'lockgate.yaml:1'],
    ['a text', 'drainMs', 'lockgate.yaml:1'],
    ['a group without keys', 'drainMs: 1\nlisten:\n', 'lockgate.yaml:2 listen'],
    ['too many levels', `tenants: ${'['.repeat(30)}${']'.repeat(30)}\n`, 'lockgate.yaml:1'],
    ['a mile of brackets', `tenants: ${'['.repeat(20_000)}`, 'lockgate.yaml'],
    ['a mebibyte and more', `# ${'x'.repeat(1024 * 1024)}`, 'lockgate.yaml'],
  ])('%s is refused with its line', async (_, text, where) => {
    expect((await problemsOf(text))[0]?.where).toStartWith(where)
  })

  test('an alias bomb is refused before it unfolds', async () => {
    const levels = Array.from({ length: 12 }, (_, index) =>
      index === 0
        ? 'l0: &l0 [x, x, x, x, x, x, x, x]'
        : `l${index}: &l${index} [${`*l${index - 1}, `.repeat(8)}]`,
    )
    const [problem] = await problemsOf(levels.join('\n'))
    expect(problem?.what).toBe('there are too many aliases')
  })

  test('a file of 20,000 unknown keys is refused at once, with a bounded list', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`)
    const problems = await problemsOf(lines.join('\n'))
    expect(problems).toHaveLength(100)
    expect(problems.at(-1)?.what).toBe('there are more problems than are listed')
  })

  test('an unknown key is refused, with the nearest known one', async () => {
    expect(await problemsOf('listen: { htp: "127.0.0.1:1" }\nunheard_of_setting: 1\n')).toEqual([
      {
        where: 'lockgate.yaml:1 listen.htp',
        what: 'this key is not known',
        next: 'did you mean `listen.http`?',
      },
      {
        where: 'lockgate.yaml:2 unheard_of_setting',
        what: 'this key is not known',
        next: 'remove it; docs/config.md lists every key',
      },
    ])
    expect(await problemsOf('__proto__: { mode: production }\nconstructor: 1\n')).toHaveLength(2)
  })

  test('every problem of every layer is reported at once', async () => {
    const text = `mode: staging
drainMs: "5"
listen: { http: 8080, ops: ":9090" }
tenants:
  - id: one
    apps:
      - { id: 12, name: x, key: k, allowedOrigins: ["*", "https://ok.example"], enabeld: true }
`
    const environment = { LOCKGATE_STORE: 'redis', LOCKGATE_DRAINMS: '1' }
    const problems = await problemsOf(text, { environment, flags: { 'log-level': 'loud' } })
    expect(problems.map(({ where }) => where)).toEqual([
      'lockgate.yaml:1 mode',
      'lockgate.yaml:2 drainMs',
      'lockgate.yaml:3 listen.http',
      'lockgate.yaml:3 listen.ops',
      'LOCKGATE_STORE',
      'LOCKGATE_DRAINMS',
      '--log-level',
      'lockgate.yaml:5 tenants[0].id',
      'lockgate.yaml:5 tenants[0]',
      'lockgate.yaml:5 tenants[0]',
      'lockgate.yaml:7 tenants[0].apps[0].enabeld',
      'lockgate.yaml:7 tenants[0].apps[0].id',
      'lockgate.yaml:7 tenants[0].apps[0]',
      'lockgate.yaml:7 tenants[0].apps[0].allowedOrigins',
    ])
    expect(problems.every(({ what, next }) => what !== '' && next !== '')).toBe(true)
  })
})

describe('secrets', () => {
  const secret = 'a-signing-secret-7Qx2'

  test.each([
    ['variable', { environment: { LOCKGATE_MASTER_KEY: MASTER_KEY } }, undefined],
    ['variable with a file', { environment: { LOCKGATE_MASTER_KEY_FILE: 'k' } }, undefined],
    ['flag with a file', { flags: { 'master-key-file': '/srv/k' } }, undefined],
    ['file', {}, `masterKey: ${MASTER_KEY}`],
    ['file of the file', {}, 'masterKeyFile: ../../srv/k'],
  ])('the master key can come from a %s', async (_, given, text) => {
    const config = await configOf(text, { ...given, files: { '/srv/k': `${MASTER_KEY}\r\n` } })
    expect(config.masterKey).toBe(MASTER_KEY)
  })

  test.each([
    ['`secret`', `key: my-Key, secret: ${secret}`, {}],
    ['`secretFile`', 'key: my-Key, secretFile: s', {}],
    ['a variable', 'key: my-Key', { LOCKGATE_KEY_MY_KEY_SECRET: secret }],
    ['a variable with a file', 'key: my-Key', { LOCKGATE_KEY_MY_KEY_SECRET_FILE: 's' }],
    ['a variable over the file', 'key: my-Key, secret: x', { LOCKGATE_KEY_MY_KEY_SECRET: secret }],
    ['`keys`', `keys: [{ key: my-Key, secret: ${secret} }]`, {}],
    ['`keys` with a file', 'keys: [{ key: my-Key, secretFile: s }]', {}],
    ['`keys` with a variable', 'keys: [{ key: my-Key }]', { LOCKGATE_KEY_MY_KEY_SECRET: secret }],
  ])('a signing secret can come from %s', async (_, fields, environment) => {
    const files = { '/etc/lockgate/s': `${secret}\n`, '/srv/s': `${secret}\n` }
    const config = await configOf(app(fields), { environment, files })
    expect(config.tenants[0]?.apps[0]?.signingKeys).toEqual([{ key: 'my-Key', secret }])
  })

  test('several pairs keep their order', async () => {
    const config = await configOf(app('keys: [{ key: b, secret: x }, { key: a, secret: y }]'))
    expect(config.tenants[0]?.apps[0]?.signingKeys.map(({ key }) => key)).toEqual(['b', 'a'])
  })

  test.each([
    ['no secret', 'key: k', {}, 'there is no secret'],
    ['no key', 'secret: s', {}, '`key` is missing'],
    ['value and file', 'key: k, secret: s, secretFile: f', {}, 'are both given'],
    ['pair and list', 'key: k, secret: s, keys: [{ key: l, secret: s }]', {}, 'are both given'],
    ['an empty list', 'keys: []', {}, 'the list is empty'],
    ['a missing file', 'key: k, secretFile: f', {}, 'does not exist'],
    ['an empty file', 'key: k, secretFile: empty', {}, 'is empty'],
    ['a secret with a space', 'key: k, secret: "a b"', {}, 'does not have the right form'],
    ['a number', 'key: k, secret: 12345', {}, 'wrong type (number)'],
    ['a mask', 'key: k, secret: "***"', {}, 'only stands for a secret'],
    [
      'a variable of no key',
      'key: k, secret: s',
      { LOCKGATE_KEY_X_SECRET: 's' },
      'no app declares',
    ],
    [
      'a variable of two keys',
      'keys: [{ key: a-b }, { key: a_b }]',
      { LOCKGATE_KEY_A_B_SECRET: 's' },
      'share this variable',
    ],
    [
      'a variable twice',
      'key: k',
      { LOCKGATE_KEY_K_SECRET: 's', LOCKGATE_KEY_K_SECRET_FILE: 's' },
      'given twice',
    ],
    [
      'a variable with a missing file',
      'key: k',
      { LOCKGATE_KEY_K_SECRET_FILE: 's' },
      'does not exist',
    ],
  ])('%s is one clear problem', async (...row) => {
    const [, fields, environment, what] = row
    const files = { '/etc/lockgate/empty': '\n' }
    const problems = await problemsOf(app(fields), { environment, files })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.what).toContain(what)
  })

  test('a master key given twice in one layer is refused', async () => {
    const text = `masterKey: ${MASTER_KEY}\nmasterKeyFile: k\n`
    const [problem] = await problemsOf(text, { files: { '/etc/lockgate/k': MASTER_KEY } })
    expect(problem?.where).toBe('lockgate.yaml:2 masterKeyFile')
  })

  test('what is printed has `***` for secrets, and loads again with them put back', async () => {
    const text = `masterKey: ${MASTER_KEY}
listen: { http: "[::1]:8080" }
tls: { certFile: c.pem, keyFile: k.pem }
${app(`keys: [{ key: k, secret: ${secret} }]`).replace(/^listen.*\n/, '')}`
    const config = await configOf(text)
    const shown = JSON.stringify(describeConfig(config))
    expect(shown).not.toContain(secret)
    expect(shown).not.toContain(MASTER_KEY)
    const restored = shown
      .replace('"masterKey":"***"', `"masterKey":"${MASTER_KEY}"`)
      .replace('"secret":"***"', `"secret":"${secret}"`)
    expect(await configOf(restored, { name: 'shown.json' })).toEqual(config)
  })
})
