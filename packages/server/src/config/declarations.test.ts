import { describe, expect, test } from 'bun:test'
import type { Config } from './config.ts'
import { loadConfig } from './load.ts'
import { describeConfig } from './secrets.ts'

const TENANT = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_k7xm4pqr2n5t',
  name: 'Acme',
}
const OTHER = { ...TENANT, id: TENANT.id.replace('111', '222'), shortId: 'org_222222222222' }
const APP = {
  id: '8d1f02',
  name: 'chat',
  key: 'pk-9f2e61',
  secret: 'q8Zr2LmW0xT5vKc7',
  allowedOrigins: ['https://app.example.com'],
}
const UNLIMITED = 2_147_483_647
const LIMITS = { maxConnections: 5, maxDocuments: 4, maxUsersPerDoc: 3, opsPerMinute: 2 }
const PUBLIC_JWK = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
const STRONG = 'Zk3vQ9xT1mB7nR5sW2yD8fG4hJ6kL0pC'

/** A value in the shape of the key format; `mark` makes its key id. */
const keyOf = (prefix: string, mark: string): string =>
  `${prefix}_${mark.padEnd(16, '0')}_${'aB3dE5gH'.repeat(6)}z`

const withApp = (app: object, top: object = {}) => ({
  ...top,
  tenants: [{ ...TENANT, apps: [{ ...APP, ...app }] }],
})

async function load(file: object, files: Record<string, string> = {}) {
  return await loadConfig({
    file: { name: 'c.json', text: JSON.stringify(file) },
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

async function configOf(file: object, files?: Record<string, string>): Promise<Config> {
  const outcome = await load(file, files)
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems))
  return outcome.config
}

async function problemsOf(file: object, files?: Record<string, string>): Promise<string[]> {
  const outcome = await load(file, files)
  return outcome.ok ? [] : outcome.problems.map(({ where, what }) => `${where}: ${what}`)
}

describe('operator keys', () => {
  const key = { value: keyOf('op', 'one'), role: 'owner' }

  test('are read with their role and tenant, from a value or a file', async () => {
    const valueFile = { valueFile: 'op', role: 'viewer', tenant: TENANT.id.toUpperCase() }
    const { operatorKeys } = await configOf(
      { operatorKeys: [key, valueFile] },
      { '/etc/lockgate/op': `${keyOf('op', 'two')}\n` },
    )
    expect(operatorKeys).toEqual([
      { value: keyOf('op', 'one'), role: 'owner', tenant: undefined },
      { value: keyOf('op', 'two'), role: 'viewer', tenant: TENANT.id },
    ])
  })

  test.each<[string, object, string]>([
    ['no value', { value: undefined }, '`value` is missing'],
    ['no role', { role: undefined }, '`role` is missing'],
    ['an unknown role', { role: 'root' }, 'choice is not known'],
    ['a tenant that is no UUID', { tenant: 'acme' }, 'right form'],
    ['a custom value', { value: 'op_letmein' }, 'right form'],
    ['a key of another kind', { value: keyOf('sk', 'one') }, 'right form'],
    ['a key that was cut', { value: keyOf('op', 'one').slice(0, -1) }, 'right form'],
    ['a key with a line after it', { value: `${keyOf('op', 'one')}\n` }, 'right form'],
    ['value and file', { valueFile: 'op' }, 'are both given'],
    ['a missing file', { value: undefined, valueFile: 'op' }, 'does not exist'],
    ['a mask', { value: '***' }, 'right form'],
    ['an unknown field', { scopes: [] }, 'not known'],
  ])('with %s are refused in one clear problem', async (_, fields, what) => {
    const found = await problemsOf({ operatorKeys: [{ ...key, ...fields }] })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
  })

  test('of one key id are refused, also where the secrets differ', async () => {
    const value = `${key.value.slice(0, -1)}9`
    const found = await problemsOf({ operatorKeys: [key, { ...key, value }] })
    expect(found).toEqual(['c.json:1 operatorKeys[1].value: another entry has a key with this id'])
  })
})

describe('regions', () => {
  const two = [
    { code: 'eu-1', label: 'Europe', dbCode: 'shard-01' },
    { code: 'us-1', label: 'America' },
  ]

  test('without a list there is one on this machine, and apps live there', async () => {
    const config = await configOf(withApp({}))
    expect(config.regions).toEqual([{ code: 'local', label: 'This machine', dbCode: 'local' }])
    expect(config.tenants[0]?.apps[0]?.region).toBe('local')
  })

  test('a database is named after its region unless it is named', async () => {
    const { regions } = await configOf({ regions: two })
    expect(regions.map(({ dbCode }) => dbCode)).toEqual(['shard-01', 'us-1'])
  })

  test('an app lives where it says, else in the first region', async () => {
    const second = { ...APP, id: 'b', name: 'b', key: 'b', region: 'us-1' }
    const { tenants } = await configOf({
      regions: two,
      tenants: [{ ...TENANT, apps: [APP, second] }],
    })
    expect(tenants[0]?.apps.map(({ region }) => region)).toEqual(['eu-1', 'us-1'])
  })

  test.each<[string, object, string]>([
    ['an app in an undeclared one', withApp({ region: 'local' }, { regions: two }), 'no region'],
    ['an app in one that never was', withApp({ region: 'mars' }), 'no region'],
    ['an empty list', { regions: [] }, 'the list is empty'],
    ['no list', { regions: 'eu-1' }, 'not a list'],
    ['a code of a path', { regions: [{ code: '../etc', label: 'x' }] }, 'right form'],
    ['a dbCode of a path', { regions: [{ code: 'a', label: 'x', dbCode: 'a/b' }] }, 'right form'],
    ['a code in uppercase', { regions: [{ code: 'EU', label: 'x' }] }, 'right form'],
    ['a code too long', { regions: [{ code: 'a'.repeat(41), label: 'x' }] }, 'right form'],
    ['no label', { regions: [{ code: 'a' }] }, '`label` is missing'],
    ['two equal codes', { regions: [two[1], two[1]] }, 'has this code'],
    ['two equal dbCodes', { regions: [two[0], { ...two[1], dbCode: 'shard-01' }] }, 'this dbCode'],
    [
      'more than sixteen',
      { regions: Array.from({ length: 17 }, (__, index) => ({ code: `r${index}`, label: 'x' })) },
      'more than 16',
    ],
  ])('%s is one clear problem', async (_, file, what) => {
    const found = await problemsOf(file)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
  })
})

describe('alert rules', () => {
  const rule = { name: 'mine', watch: 'auth_failures', threshold: 5 }

  test('exist without being declared; a declared one joins them, or replaces one by its name', async () => {
    const builtIn = (await configOf({})).alertRules
    expect(new Set(builtIn.map(({ watch }) => watch)).size).toBe(6)
    const own = { ...rule, name: 'auth-failures', windowSeconds: 30, enabled: false }
    const { alertRules } = await configOf({ alertRules: [rule, own] })
    expect(alertRules).toHaveLength(builtIn.length + 1)
    expect(alertRules.filter(({ name }) => name === 'auth-failures')).toEqual([
      {
        name: 'auth-failures',
        watch: 'auth_failures',
        threshold: 5,
        windowMs: 30_000,
        per: 'app',
        to: undefined,
        isEnabled: false,
      },
    ])
  })

  test.each([
    [{ watch: 'everything' }, 'alertRules[0].watch'],
    [{ threshold: 0 }, 'alertRules[0].threshold'],
    [{ windowSeconds: 0 }, 'alertRules[0].windowSeconds'],
    [{ to: ['pager'] }, 'alertRules[0].to'],
    [{ name: 'a b' }, 'alertRules[0].name'],
    [{ note: 'x' }, 'alertRules[0].note'],
  ])('%p is refused where it stands', async (fields, path) => {
    const found = await problemsOf({ alertRules: [{ ...rule, ...fields }] })
    expect(found).toHaveLength(1)
    expect(found[0]).toStartWith(`c.json:1 ${path}`)
  })

  test('names are unique, and e-mail needs a server, a sender and somebody to get it', async () => {
    expect(await problemsOf({ alertRules: [rule, rule] })).toHaveLength(1)
    const byMail = { ...rule, to: ['email'] }
    const smtp = { url: 'smtp://mail.example.com:587', from: 'a@example.com' }
    const alerts = { mailTo: ['ops@example.com'] }
    expect(await problemsOf({ alertRules: [byMail] })).toHaveLength(3)
    expect(await problemsOf({ alerts: { to: ['email'] } })).toHaveLength(3)
    expect(await problemsOf({ alertRules: [byMail], smtp, alerts })).toEqual([])
    const half = await problemsOf({ alerts, smtp: { ...smtp, user: 'lockgate' } })
    expect(half).toEqual(['c.json:1 smtp.user: `smtp.user` is given without `smtp.password`'])
  })

  test.each([
    'ops@example.com\r\nBcc: thief@example.com',
    'Ops <ops@example.com>',
    'ops@',
    'ops',
    'a@b@c',
    'ops@example.com,thief@example.com',
  ])('an address is one address and nothing else: %p', async (address) => {
    expect(await problemsOf({ alerts: { mailTo: [address] } })).toHaveLength(1)
    expect(await problemsOf({ smtp: { from: address } })).toHaveLength(1)
  })
})

describe('plans', () => {
  const plan = { name: 'gold', ...LIMITS }

  test('`free` and `unlimited` exist without being declared', async () => {
    const [free, unlimited] = (await configOf({})).plans
    expect(free).toEqual({
      name: 'free',
      limits: { maxConnections: 40, maxDocuments: 10, maxUsersPerDoc: 3, opsPerMinute: 500 },
      isOnePerTenant: true,
      isOpenToTenants: true,
    })
    expect(new Set(Object.values(unlimited?.limits ?? {}))).toEqual(new Set([UNLIMITED]))
    expect(unlimited).toMatchObject({ isOnePerTenant: false, isOpenToTenants: false })
  })

  test('a declared plan joins them, or replaces the one of its name', async () => {
    const { plans } = await configOf({ plans: [plan, { ...plan, name: 'free' }] })
    expect(plans.map(({ name }) => name)).toEqual(['free', 'unlimited', 'gold'])
    expect(plans[0]).toEqual({
      name: 'free',
      limits: LIMITS,
      isOnePerTenant: false,
      isOpenToTenants: false,
    })
    expect(plans[2]).toEqual({
      name: 'gold',
      limits: LIMITS,
      isOnePerTenant: false,
      isOpenToTenants: false,
    })
  })

  test('are closed to tenants unless they say that they are open, `free` included', async () => {
    const { plans } = await configOf({
      plans: [plan, { ...plan, name: 'free' }, { ...plan, name: 'team', openToTenants: true }],
    })
    const open = plans.filter(({ isOpenToTenants }) => isOpenToTenants)
    expect(open.map(({ name }) => name)).toEqual(['team'])
    expect(await problemsOf({ plans: [{ ...plan, openToTenants: 'yes' }] })).toHaveLength(1)
  })

  test('a tenant has its own beside those of the installation', async () => {
    const apps = [{ ...APP, plan: 'gold' }]
    const { tenants } = await configOf({ tenants: [{ ...TENANT, plans: [plan], apps }] })
    expect(tenants[0]?.plans).toEqual([
      { name: 'gold', limits: LIMITS, isOnePerTenant: false, isOpenToTenants: false },
    ])
    const found = await problemsOf({
      tenants: [
        { ...TENANT, plans: [plan] },
        { ...OTHER, apps },
      ],
    })
    expect(found).toEqual(['c.json:1 tenants[1].apps[0].plan: there is no plan of this name'])
  })

  test('of a kind that is one per tenant are given to one app of a tenant', async () => {
    const apps = (second: string) => [
      { ...APP, plan: 'free' },
      { ...APP, id: 'b', name: 'b', key: 'b', plan: second },
    ]
    const free = (name: string) => ({ ...plan, name, onePerTenant: true })
    const found = await problemsOf({ tenants: [{ ...TENANT, apps: apps('free') }] })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain('tenants[0].apps[1].plan: another app of the tenant')
    const trial = { plans: [free('trial')], tenants: [{ ...TENANT, apps: apps('trial') }] }
    expect(await problemsOf(trial)).toHaveLength(1)
    const own = { ...TENANT, plans: [{ ...plan, name: 'free' }], apps: apps('free') }
    expect(await problemsOf({ tenants: [own] })).toEqual([])
    const apart = [TENANT, OTHER].map((tenant, index) => ({
      ...tenant,
      apps: apps('unlimited').map((app) => ({ ...app, id: app.id + index, key: app.key + index })),
    }))
    expect(await problemsOf({ tenants: apart })).toEqual([])
  })

  test.each<[string, object]>([
    ['without a bound', { maxConnections: undefined }],
    ['with a bound below 0', { maxDocuments: -1 }],
    ['with a bound beyond 31 bits', { opsPerMinute: UNLIMITED + 1 }],
    ['with a bound that is text', { maxUsersPerDoc: '3' }],
    ['with a name of other letters', { name: 'Gold' }],
    ['without a name', { name: undefined }],
    ['with an unknown field', { maxRooms: 3 }],
  ])('%s are refused', async (_, fields) => {
    expect(await problemsOf({ plans: [{ ...plan, ...fields }] })).toHaveLength(1)
    const own = { ...TENANT, plans: [{ ...plan, ...fields }] }
    expect(await problemsOf({ tenants: [own] })).toHaveLength(1)
  })

  test('of one name are refused in one list', async () => {
    expect(await problemsOf({ plans: [plan, plan] })).toHaveLength(1)
    expect(await problemsOf({ tenants: [{ ...TENANT, plans: [plan, plan] }] })).toHaveLength(1)
    expect(await problemsOf({ plans: [plan], tenants: [{ ...TENANT, plans: [plan] }] })).toEqual([])
  })
})

describe('apps', () => {
  const appOf = async (fields: object, files?: Record<string, string>) =>
    (await configOf(withApp(fields), files)).tenants[0]?.apps[0]

  test('are confidential and have nothing but what is declared', async () => {
    const app = await appOf({})
    expect(app).toMatchObject({ type: 'confidential', apiKeys: [], jwtSecrets: [] })
    expect([app?.clientId, app?.clientSecret, app?.allowedDomains]).toEqual([
      undefined,
      undefined,
      [],
    ])
  })

  test('carry their MQTT users, whose passwords may be in files', async () => {
    const mqttUsers = [
      { name: 'ann@example.org', password: 'a-password', ruleSet: 'sensors' },
      { name: 'bob', passwordFile: 'bob' },
    ]
    const files = { '/etc/lockgate/bob': 'of-bob\n' }
    expect((await appOf({ mqttUsers }, files))?.mqttUsers).toEqual([
      { name: 'ann@example.org', password: 'a-password', ruleSet: 'sensors' },
      { name: 'bob', password: 'of-bob', ruleSet: undefined },
    ])
  })

  test.each<[string, object]>([
    ['without a name', { name: undefined }],
    ['with a name that means something in a topic', { name: 'a/b' }],
    ['without a password', { password: undefined }],
    ['with a password that is read as a token', { password: 'tkn_abc' }],
    ['with a rule set that is none', { ruleSet: 'a b' }],
    ['with an unknown field', { scopes: [] }],
  ])('take no MQTT user %s', async (_, fields) => {
    const user = { name: 'bob', password: 'a-password', ...fields }
    expect(await problemsOf(withApp({ mqttUsers: [user] }))).toHaveLength(1)
  })

  test('have one MQTT user of a name, and at most a hundred', async () => {
    const user = { name: 'bob', password: 'a-password' }
    expect(await problemsOf(withApp({ mqttUsers: [user, user] }))).toHaveLength(1)
    const many = Array.from({ length: 101 }, (_, index) => ({ ...user, name: `user-${index}` }))
    expect(await problemsOf(withApp({ mqttUsers: many }))).toHaveLength(1)
  })

  test('carry every declared credential', async () => {
    const fields = {
      clientId: 'prod_chat_abc123',
      clientSecretFile: 'cs',
      apiKeys: [
        { value: keyOf('sk', 'a') },
        { valueFile: 'key', scopes: ['publish', 'subscribe:room:*'] },
        { value: keyOf('rk', 'c'), scopes: [] },
      ],
      jwtSecrets: [
        { value: STRONG, kid: '2030-01' },
        { valueFile: 'jwt' },
        { jwk: PUBLIC_JWK, issuer: 'https://a.example' },
        { jwksUrl: 'https://keys.example/jwks', audience: ['a', 'b'] },
      ],
      allowedDomains: ['https://App.Example.com/', 'bücher.example:8443'],
    }
    const files = {
      '/etc/lockgate/cs': 'a-client-secret\n',
      '/etc/lockgate/key': `${keyOf('pk', 'b')}\r\n`,
      '/etc/lockgate/jwt': 'another-secret',
    }
    expect(await appOf(fields, files)).toMatchObject({
      clientId: 'prod_chat_abc123',
      clientSecret: 'a-client-secret',
      apiKeys: [
        { value: keyOf('sk', 'a'), scopes: undefined },
        { value: keyOf('pk', 'b'), scopes: ['publish', 'subscribe:room:*'] },
        { value: keyOf('rk', 'c'), scopes: [] },
      ],
      jwtSecrets: [
        { value: STRONG, kid: '2030-01' },
        { value: 'another-secret', kid: undefined },
        { value: undefined, jwk: PUBLIC_JWK, issuer: 'https://a.example', audience: undefined },
        { value: undefined, jwksUrl: 'https://keys.example/jwks', audience: ['a', 'b'] },
      ],
      allowedDomains: ['app.example.com', 'xn--bcher-kva.example:8443'],
    })
  })

  test.each<[string, object, string]>([
    ['an unknown type', { type: 'open' }, 'choice is not known'],
    ['a public app with a secret', { type: 'public', clientSecret: STRONG }, 'cannot keep'],
    ['two ways to a client secret', { clientSecret: 'a', clientSecretFile: 'b' }, 'both given'],
    ['a client secret with a space', { clientSecret: 'a b' }, 'right form'],
    ['a client id with a space', { clientId: 'a b' }, 'right form'],
    ['a masked client secret', { clientSecret: '***' }, 'only stands for a secret'],
    ['a masked JWT secret', { jwtSecrets: [{ value: '***' }] }, 'only stands for a secret'],
    ['an API key of an operator', { apiKeys: [{ value: keyOf('op', 'a') }] }, 'right form'],
    ['an API key without value', { apiKeys: [{ scopes: [] }] }, '`value` is missing'],
    ['scopes that are text', { apiKeys: [{ value: keyOf('sk', 'a'), scopes: 'x' }] }, 'wrong type'],
    [
      'a scope with a space',
      { apiKeys: [{ value: keyOf('sk', 'a'), scopes: ['publish', 'a b'] }] },
      'entry 2',
    ],
    [
      'a scope that allows nothing',
      { apiKeys: [{ value: keyOf('sk', 'a'), scopes: ['publish', 'publsih'] }] },
      'this scope allows nothing',
    ],
    [
      'two API keys of one id',
      { apiKeys: [{ value: keyOf('sk', 'a') }, { value: keyOf('sk', 'a') }] },
      'this id',
    ],
    [
      'five JWT secrets',
      { jwtSecrets: [1, 2, 3, 4, 5].map((each) => ({ value: `s${each}` })) },
      'more than 4',
    ],
    ['a JWT secret without anything', { jwtSecrets: [{ kid: 'k' }] }, '`value` is missing'],
    [
      'a JWT secret that is a key too',
      { jwtSecrets: [{ value: 's', jwk: PUBLIC_JWK }] },
      'both given',
    ],
    [
      'a JWT key in two ways',
      { jwtSecrets: [{ jwk: PUBLIC_JWK, jwksUrl: 'https://a.example/' }] },
      'both given',
    ],
    ['a JWT key that is no JSON', { jwtSecrets: [{ jwk: 'key' }] }, 'right form'],
    ['a JWT key that is a map', { jwtSecrets: [{ jwk: { kty: 'EC' } }] }, 'wrong type'],
    [
      'a JWT key that can sign',
      { jwtSecrets: [{ jwk: PUBLIC_JWK.replace('{', '{"d":"AAAA",') }] },
      'right form',
    ],
    ['a JWT key that is a secret', { jwtSecrets: [{ jwk: '{"kty":"oct","k" : "AA"}' }] }, 'form'],
    ['a key set that is no URL', { jwtSecrets: [{ jwksUrl: 'file:///etc' }] }, 'right form'],
    ['a kid with a space', { jwtSecrets: [{ value: 's', kid: 'a b' }] }, 'right form'],
    [
      'one kid twice',
      {
        jwtSecrets: [
          { value: 's', kid: 'k' },
          { value: 't', kid: 'k' },
        ],
      },
      'has this kid',
    ],
    ['four domains', { allowedDomains: ['a.b', 'b.b', 'c.b', 'd.b'] }, 'more than 3'],
    ['a domain with a path', { allowedDomains: ['a.example/b'] }, 'entry 1'],
    ['one domain twice', { allowedDomains: ['a.example', 'https://A.example'] }, 'list twice'],
    ['no list of domains', { allowedDomains: 'a.example' }, 'wrong type'],
  ])('with %s are refused in one clear problem', async (_, fields, what) => {
    const found = await problemsOf(withApp(fields))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
  })

  test('share no client id and no API key, over all tenants', async () => {
    const same = { clientId: 'c', apiKeys: [{ value: keyOf('sk', 'a') }] }
    const second = { ...APP, id: 'b', name: 'b', key: 'b', ...same }
    const found = await problemsOf({
      tenants: [
        { ...TENANT, apps: [{ ...APP, ...same }] },
        { ...OTHER, apps: [second] },
      ],
    })
    expect(found).toHaveLength(2)
  })

  test.each<[string, object]>([
    ['a well-known client id', { clientId: 'client-id' }],
    ['a well-known client secret', { clientSecret: 'your-client-secret' }],
    ['a short client secret', { clientSecret: STRONG.slice(0, 15) }],
    ['a client secret that is the client id', { clientId: STRONG, clientSecret: STRONG }],
    ['a JWT secret of 31 bytes', { jwtSecrets: [{ value: STRONG.slice(1) }] }],
    ['a JWT secret of few characters', { jwtSecrets: [{ value: 'ab'.repeat(20) }] }],
    [
      'a well-known JWT secret',
      { jwtSecrets: [{ value: 'a-string-secret-at-least-256-bits-long' }] },
    ],
  ])('with %s are taken in development, not in production', async (_, fields) => {
    expect(await problemsOf(withApp(fields))).toEqual([])
    expect(await problemsOf(withApp(fields, { mode: 'production' }))).toHaveLength(1)
  })

  test('with good credentials are taken in production', async () => {
    const fields = { clientSecret: STRONG, jwtSecrets: [{ value: `${STRONG}x` }] }
    expect(await problemsOf(withApp(fields, { mode: 'production' }))).toEqual([])
  })
})

test('a tenant signs with ES256 unless it says otherwise', async () => {
  const { tenants } = await configOf({ tenants: [TENANT, { ...OTHER, signingAlgorithm: 'RS256' }] })
  expect(tenants.map(({ signingAlgorithm }) => signingAlgorithm)).toEqual(['ES256', 'RS256'])
  expect(await problemsOf({ tenants: [{ ...TENANT, signingAlgorithm: 'none' }] })).toHaveLength(1)
})

test('what is printed holds no secret, and loads again with them put back', async () => {
  const secrets = {
    operator: keyOf('op', 'one'),
    client: `client-${STRONG}`,
    signing: `signing-${STRONG}`,
    api: keyOf('sk', 'a'),
    jwt: `jwt-${STRONG}`,
    mail: `mail-${STRONG}`,
  }
  const config = await configOf({
    publicUrl: 'https://realtime.example.com/x',
    trustedProxies: ['10.0.0.0/8'],
    masterKeyCommand: ['./key.sh', 'a b'],
    audit: { witnessFile: 'w', witnessUrl: 'https://witness.example.com' },
    operatorKeys: [{ value: secrets.operator, role: 'owner', tenant: TENANT.id }],
    regions: [{ code: 'eu', label: 'Europe' }],
    plans: [{ name: 'gold', ...LIMITS, onePerTenant: true, openToTenants: true }],
    alerts: { to: ['email'], mailTo: ['ops@example.com'] },
    alertRules: [{ name: 'mine', watch: 'auth_failures', threshold: 5, to: ['log'] }],
    smtp: {
      url: 'smtps://mail.example.com:465',
      user: 'lockgate',
      password: secrets.mail,
      from: 'lockgate@example.com',
    },
    ...withApp({
      type: 'confidential',
      clientId: 'c',
      clientSecret: secrets.client,
      secret: secrets.signing,
      apiKeys: [{ value: secrets.api }],
      jwtSecrets: [{ value: secrets.jwt, kid: 'k' }],
      allowedDomains: ['a.example'],
      plan: 'gold',
    }),
  })
  const shown = JSON.stringify(describeConfig(config))
  for (const secret of Object.values(secrets)) expect(shown).not.toContain(secret)
  const restored = shown
    .replace('"value":"***"', `"value":"${secrets.operator}"`)
    .replace('"clientSecret":"***"', `"clientSecret":"${secrets.client}"`)
    .replace('"secret":"***"', `"secret":"${secrets.signing}"`)
    .replace('"value":"***"', `"value":"${secrets.api}"`)
    .replace('"value":"***"', `"value":"${secrets.jwt}"`)
    .replace('"password":"***"', `"password":"${secrets.mail}"`)
  expect(restored).not.toContain('***')
  expect(await configOf(JSON.parse(restored))).toEqual(config)
})
