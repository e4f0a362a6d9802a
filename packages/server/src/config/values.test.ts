import { describe, expect, test } from 'bun:test'
import { loadConfig } from './load.ts'
import { describeConfig } from './secrets.ts'

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
const KEY_FILE = `lockgate-master-key 1\n# kept apart\n1 ${KEY}\n2 ${KEY.replace('AA', 'BB')}`

async function load(
  file: object,
  given: { environment?: Record<string, string>; flags?: Record<string, string> } = {},
) {
  return await loadConfig({
    file: { name: 'c.json', text: JSON.stringify(file) },
    fileFolder: '/etc/lockgate',
    environment: {},
    flags: {},
    workingFolder: '/srv',
    readFile: (path) =>
      path.endsWith('/key')
        ? { ok: true, value: `${KEY_FILE}\n` }
        : { ok: false, refusal: 'missing' },
    ...given,
  })
}

async function configOf(...given: Parameters<typeof load>) {
  const outcome = await load(...given)
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems))
  return outcome.config
}

async function problemsOf(...given: Parameters<typeof load>): Promise<string[]> {
  const outcome = await load(...given)
  return outcome.ok ? [] : outcome.problems.map(({ where, what }) => `${where}: ${what}`)
}

describe('listeners', () => {
  test('those of MQTT can be switched off in every layer, and are written so', async () => {
    const config = await configOf({ listen: { mqtt: 'none', mqtts: 'none' } })
    expect(config.listen).toMatchObject({ mqtt: 'none', mqtts: 'none' })
    expect(describeConfig(config)['listen']).toMatchObject({ mqtt: 'none', mqtts: 'none' })
    const flags = { 'listen-mqtt': 'none' }
    expect((await configOf({}, { flags })).listen.mqtt).toBe('none')
    const environment = { LOCKGATE_LISTEN_MQTT: '127.0.0.1:0' }
    const over = await configOf({ listen: { mqtt: 'none' } }, { environment })
    expect(over.listen.mqtt).toEqual({ hostname: '127.0.0.1', port: 0 })
  })

  test.each(['http', 'https', 'ops'])('%s is needed', async (name) => {
    expect(await problemsOf({ listen: { [name]: 'none' } })).toHaveLength(1)
  })

  test('another word is refused, with what to write', async () => {
    const outcome = await load({ listen: { mqtt: 'off' } })
    expect(outcome.ok ? [] : outcome.problems).toMatchObject([
      { what: 'this is not host and port', next: expect.stringContaining('write none') },
    ])
  })
})

describe('publicUrl', () => {
  test.each([
    'https://realtime.example.com',
    'https://realtime.example.com:8443/lockgate/eu',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
  ])('%s is taken', async (publicUrl) => {
    expect((await configOf({ publicUrl })).publicUrl).toBe(publicUrl)
  })

  test.each([
    '',
    'realtime.example.com',
    '//realtime.example.com',
    'ftp://realtime.example.com',
    'https://',
    'https://realtime.example.com/',
    'https://realtime.example.com/x/',
    'https://realtime.example.com?x',
    'https://realtime.example.com#x',
    'https://realtime.example.com/?',
    'https://user:pass@realtime.example.com',
    'https://Realtime.example.com',
    'HTTPS://realtime.example.com',
    'https://realtime.example.com:443',
    'https://realtime.example.com/a/../b',
    'https://realtime.example.com/a b',
    'https://realtime.example.com\n',
    'https://bücher.example',
    'https:\\\\realtime.example.com',
    `https://example.com/${'x'.repeat(2_000)}`,
    7,
    null,
  ])('%p is refused', async (publicUrl) => {
    expect(await problemsOf({ publicUrl })).toHaveLength(1)
  })

  test('production takes https only', async () => {
    const mode = 'production'
    expect(await problemsOf({ mode, publicUrl: 'https://a.example' })).toEqual([])
    expect(await problemsOf({ mode, publicUrl: 'http://a.example' })).toHaveLength(1)
  })
})

describe('audit.witnessUrl', () => {
  test.each([
    'https://witness.example.com/hook?x=1',
    'http://127.0.0.1:9000/hook',
    'http://localhost:9000/',
    'http://[::1]:9000/hook',
  ])('%s is taken', async (witnessUrl) => {
    expect((await configOf({ audit: { witnessUrl } })).audit.witnessUrl).toBe(witnessUrl)
  })

  test.each(['http://witness.example.com/', 'http://127.0.0.1.example.com/', 'https://u:p@a.b/'])(
    '%s is refused',
    async (witnessUrl) => {
      expect(await problemsOf({ audit: { witnessUrl } })).toHaveLength(1)
    },
  )
})

describe('jwtRoles', () => {
  const problemsOfRoles = (jwtRoles: unknown) => {
    const app = { id: 'a', name: 'a', key: 'k', secret: 's', jwtRoles }
    const id = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
    return problemsOf({ tenants: [{ id, shortId: 'org_k7xm4pqr2n5t', name: 't', apps: [app] }] })
  }

  test('a name and its scopes are taken', async () => {
    expect(await problemsOfRoles(['viewer subscribe:**', 'e-2 publish subscribe:a,b:*'])).toEqual(
      [],
    )
  })

  test.each(['viewer', 'viewer ', ' publish', 'a  publish', 'a:b publish', 'a publish\\', 7, ''])(
    '%p is refused',
    async (role) => {
      expect(await problemsOfRoles(['viewer publish', role])).toHaveLength(1)
    },
  )
})

describe('bridges', () => {
  const problemsOfBridges = (...bridges: unknown[]) => {
    const app = { id: 'a', name: 'a', key: 'k', secret: 's', bridges }
    const id = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
    return problemsOf({ tenants: [{ id, shortId: 'org_k7xm4pqr2n5t', name: 't', apps: [app] }] })
  }
  const ROOMS = 'rooms/+/chat <-> private-room-$1 message'

  test('those that take no message of each other are taken', async () => {
    expect(await problemsOfBridges(ROOMS, 'a -> b c qos=0', 'a <- b d')).toEqual([])
  })

  test.each([
    7,
    '',
    'rooms/+',
    'a/# <-> b c',
    'a <-> private-encrypted-b c',
    'rooms/1/chat -> x e',
  ])('%p is refused beside another', async (bridge) => {
    expect(await problemsOfBridges(ROOMS, bridge)).toHaveLength(1)
  })
})

describe('trustedProxies', () => {
  test.each(['10.0.0.0/8', '192.0.2.7', '192.0.2.7/32', '2001:db8::/32', '::1', 'fe80::/10'])(
    '%s is taken',
    async (entry) => {
      expect((await configOf({ trustedProxies: [entry] })).trustedProxies).toEqual([entry])
    },
  )

  test.each([
    '',
    '*',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '010.0.0.1',
    '2001:db8::/129',
    'fe80::1%eth0',
    '::ffff:10.0.0.0/104',
    '10.0.0.0 /8',
    7,
    null,
  ])('%p is refused', async (entry) => {
    const found = await problemsOf({ trustedProxies: ['10.0.0.1', entry] })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain('entry 2')
  })

  test('a variable and a flag name several, with commas or as JSON', async () => {
    const environment = { LOCKGATE_TRUSTED_PROXIES: '10.0.0.1,10.0.0.2 , ::1' }
    expect((await configOf({}, { environment })).trustedProxies).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '::1',
    ])
    const flags = { 'trusted-proxies': '["10.0.0.1"]' }
    expect((await configOf({}, { environment, flags })).trustedProxies).toEqual(['10.0.0.1'])
    const bad = { environment: { LOCKGATE_TRUSTED_PROXIES: '["10.0.0.1"' } }
    expect(await problemsOf({}, bad)).toHaveLength(1)
  })

  test('at most a hundred are taken', async () => {
    expect(await problemsOf({ trustedProxies: Array(101).fill('::1') })).toHaveLength(1)
  })
})

describe('the master key', () => {
  test('is one key, or a file of versions, and the file is remembered', async () => {
    expect(await configOf({ masterKey: KEY })).toMatchObject({
      masterKey: KEY,
      masterKeyFile: undefined,
    })
    expect((await configOf({ masterKey: KEY_FILE })).masterKey).toBe(KEY_FILE)
    expect((await configOf({ masterKey: KEY_FILE.replaceAll('\n', '\r\n') })).masterKey).toContain(
      '\r\n2 ',
    )
    const config = await configOf({ masterKeyFile: 'key' })
    expect(config).toMatchObject({ masterKey: KEY_FILE, masterKeyFile: '/etc/lockgate/key' })
    const shown = describeConfig(config)
    expect(JSON.stringify(shown)).not.toContain(KEY)
    expect(await configOf(shown)).toEqual(config)
  })

  test('of a later layer takes the place of the file of an earlier one', async () => {
    const environment = { LOCKGATE_MASTER_KEY: KEY }
    const config = await configOf({ masterKeyFile: 'key' }, { environment })
    expect(config).toMatchObject({ masterKey: KEY, masterKeyFile: undefined })
  })

  test.each([
    'lockgate-master-key 1',
    'lockgate-master-key 1\n# none\n',
    `lockgate-master-key 2\n1 ${KEY}`,
    `lockgate-master-key 1\n0 ${KEY}`,
    `lockgate-master-key 1\n1 ${KEY} more`,
    `lockgate-master-key 1\n1 ${KEY.slice(1)}`,
    `${KEY}\n${KEY}`,
    KEY.slice(1),
  ])('in another form (%p) is refused and not shown', async (masterKey) => {
    const found = await problemsOf({ masterKey })
    expect(found).toHaveLength(1)
    expect(found[0]).not.toContain(KEY.slice(4, 12))
  })

  test('with a version that is not random is refused in production', async () => {
    const masterKey = `${KEY_FILE}\n3 ${Buffer.alloc(32, 7).toString('base64')}`
    expect(await problemsOf({ mode: 'production', masterKey: KEY_FILE })).toEqual([])
    expect(await problemsOf({ mode: 'production', masterKey })).toHaveLength(1)
  })

  test('can come from a command, whose program is looked for from the file', async () => {
    const masterKeyCommand = ['./fetch', '--name', 'a b', '']
    expect(await problemsOf({ masterKeyCommand })).toHaveLength(1)
    const config = await configOf({ masterKeyCommand: masterKeyCommand.slice(0, 3) })
    expect(config.masterKeyCommand).toEqual(['/etc/lockgate/fetch', '--name', 'a b'])
    const environment = { LOCKGATE_MASTER_KEY_COMMAND: 'fetch  --name key' }
    const other = await configOf({}, { environment })
    expect(other.masterKeyCommand).toEqual(['fetch', '--name', 'key'])
  })

  test('from a command and from elsewhere is one too many', async () => {
    const found = await problemsOf(
      { masterKeyCommand: ['fetch'] },
      { environment: { LOCKGATE_MASTER_KEY: KEY } },
    )
    expect(found).toHaveLength(1)
    expect(found[0]).toContain('c.json:1 masterKeyCommand')
    expect(await problemsOf({ masterKeyCommand: [] })).toHaveLength(1)
    expect(await problemsOf({ masterKeyCommand: 'fetch it' })).toHaveLength(1)
  })
})

describe('times that contradict each other', () => {
  test.each<[object, string]>([
    [{ tokens: { accessTokenMs: 3_600_000, signingKeyTailMs: 900_000 } }, 'signingKeyTailMs'],
    [{ tokens: { signingKeyDays: 1, signingKeyTailMs: 86_400_001 } }, 'signingKeyTailMs'],
    [{ tokens: { refreshFamilyMs: 1 } }, 'refreshFamilyMs'],
    [{ secrets: { overlapMaxMs: 1_000 } }, 'overlapDefaultMs'],
  ])('%p are refused once', async (file, name) => {
    const found = await problemsOf(file)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(name)
  })

  test('are not looked for in values that are wrong by themselves', async () => {
    expect(await problemsOf({ tokens: { signingKeyTailMs: 'x' } })).toHaveLength(1)
    expect(await problemsOf({ secrets: { overlapMaxMs: 0, overlapDefaultMs: 0 } })).toEqual([])
  })
})

describe('a limit', () => {
  const textsOf = async (file: object) => {
    const outcome = await load(file)
    return outcome.ok ? [] : outcome.problems.map(({ what, next }) => `${what}; ${next}`)
  }

  test('of an unknown name is refused in one sentence that says where the names are', async () => {
    const [problem] = await textsOf({ guard: { limits: ['publish.usr 10/1s'] } })
    expect(problem).toContain('docs/limits.md, then a space; use `publish.user 10/1s`')
  })

  test('of the installation is refused in an app, and nothing like it is proposed there', async () => {
    const secret = 'q8Zr2LmW0xT5vKc7'
    const app = {
      id: '8d1f02',
      name: 'chat',
      key: 'pk-9f2e61',
      secret,
      limits: ['connect.ip 5/1s'],
    }
    const tenant = {
      id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
      shortId: 'org_k7xm4pqr2n5t',
      name: 'Acme',
      apps: [app],
    }
    const problems = await textsOf({ tenants: [tenant] })
    expect(problems).toEqual([
      'connect.ip is decided before the app is known: set it in guard.limits; remove it here',
    ])
  })
})
