import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { APP_SETTINGS } from './app-schema.ts'
import { type LoadInput, loadConfig } from './load.ts'
import { namesOf, SETTING_ROWS } from './schema.ts'
import { describeConfig } from './secrets.ts'
import { OPERATOR_KEY_FIELDS, PLAN_FIELDS, REGION_FIELDS } from './section-schema.ts'
import { API_KEY_FIELDS, APP_FIELDS, JWT_SECRET_FIELDS, TENANT_FIELDS } from './tenant-schema.ts'
import { WEBHOOK_FIELDS } from './webhook-schema.ts'

const RUNS = { numRuns: 300 }

const KNOWN_KEYS = [
  ...SETTING_ROWS.flatMap(([key]) => key.split('.')),
  ...Object.keys({ ...TENANT_FIELDS, ...APP_FIELDS, ...APP_SETTINGS }),
  ...Object.keys({ ...OPERATOR_KEY_FIELDS, ...PLAN_FIELDS, ...REGION_FIELDS }),
  ...Object.keys({ ...API_KEY_FIELDS, ...JWT_SECRET_FIELDS, ...WEBHOOK_FIELDS }),
  'webhooks',
  ...['tenants', 'apps', 'keys', 'key', 'secret', 'secretFile', 'masterKeyFile', '__proto__'],
  ...['operatorKeys', 'regions', 'plans', 'apiKeys', 'jwtSecrets', 'valueFile', 'clientSecretFile'],
]
const anyKey = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...KNOWN_KEYS) }, fc.string())
const { anyValue } = fc.letrec((tie) => ({
  anyValue: fc.oneof(
    { depthSize: 'medium' },
    fc.oneof(fc.string(), fc.double(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('anyValue'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(anyKey, tie('anyValue')), { selector: ([key]) => key, maxLength: 6 })
      .map((pairs) => new Map<string, unknown>(pairs)),
  ),
}))

/** JSON of a value with maps in it, which unlike objects keep a key such as `__proto__`. */
function spell(value: unknown): string {
  if (value instanceof Map) {
    const pairs = [...value].map(([key, each]) => `${JSON.stringify(key)}: ${spell(each)}`)
    return `{${pairs.join(', ')}}`
  }
  return Array.isArray(value)
    ? `[${value.map(spell).join(', ')}]`
    : (JSON.stringify(value) ?? 'null')
}

const load = (text: string, given: Partial<LoadInput> = {}, name = 'c.yaml') =>
  loadConfig({
    file: { name, text },
    environment: {},
    flags: {},
    workingFolder: '/srv',
    readFile: () => ({ ok: false, refusal: 'unreadable' }),
    ...given,
  })

test('any document gives a configuration or problems, and never throws', async () => {
  await fc.assert(
    fc.asyncProperty(anyValue, fc.constantFrom('c.yaml', 'c.json'), async (value, name) => {
      const outcome = await load(spell(value), {}, name)
      if (outcome.ok) expect(Object.isFrozen(outcome.config)).toBe(true)
      else expect(outcome.problems.length).toBeGreaterThan(0)
    }),
    RUNS,
  )
})

test('any text gives a configuration or problems, and never throws', async () => {
  const fragment = fc.constantFrom(
    ...[
      'tenants:',
      'listen:',
      '- ',
      '  ',
      '\n',
      '\t',
      ': ',
      '&a ',
      '*a',
      '!t ',
      '[',
      ']',
      '{',
      '}',
    ],
    ...['"', "'", '|', '>', '#', '---', '%YAML 1.1', '<<: ', '? ', ',', 'x', '1', '\uFEFF', '\0'],
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join('')),
  )
  await fc.assert(
    fc.asyncProperty(text, async (each) => {
      const outcome = await load(each)
      if (!outcome.ok) expect(outcome.problems.length).toBeGreaterThan(0)
    }),
    RUNS,
  )
})

test('any variable and any flag gives a configuration or problems, and never throws', async () => {
  const variable = fc.oneof(
    fc.constantFrom(...SETTING_ROWS.map(([key]) => namesOf(key).environment)),
    fc.string().map((suffix) => `LOCKGATE_${suffix}`),
    fc.constantFrom(
      'LOCKGATE_MASTER_KEY_FILE',
      'LOCKGATE_KEY_A_SECRET',
      'LOCKGATE_KEY_A_SECRET_FILE',
    ),
  )
  const flag = fc.oneof(
    fc.constantFrom(...SETTING_ROWS.map(([key]) => namesOf(key).flag ?? 'master-key-file')),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(variable, fc.string()),
      fc.dictionary(flag, fc.oneof(fc.string(), fc.boolean())),
      async (environment, flags) => {
        const outcome = await load('', { environment, flags })
        if (!outcome.ok) expect(outcome.problems.length).toBeGreaterThan(0)
      },
    ),
    RUNS,
  )
})

test('no secret stands in a problem or in what is printed, wherever it was put', async () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9+/!$%&.]{12,40}$/)
  const settingKeys = SETTING_ROWS.map(([key]) => key)
  const place = fc.record({
    setting: fc.constantFrom(...settingKeys),
    variable: fc.constantFrom(
      ...['LOCKGATE_MASTER_KEY', 'LOCKGATE_MASTER_KEY_FILE', 'LOCKGATE_KEY_K_SECRET'],
      ...[
        'LOCKGATE_KEY_K_SECRET_FILE',
        'LOCKGATE_UNKNOWN',
        'LOCKGATE_MODE',
        'LOCKGATE_LISTEN_HTTP',
      ],
      ...['LOCKGATE_PUBLIC_URL', 'LOCKGATE_TRUSTED_PROXIES', 'LOCKGATE_MASTER_KEY_COMMAND'],
    ),
    field: fc.constantFrom(
      'secret',
      'secretFile',
      'plan',
      'id',
      'allowedOrigins',
      'unknown',
      'name',
      ...['region', 'type', 'clientId', 'clientSecret', 'clientSecretFile', 'allowedDomains'],
      ...['apiKeys', 'jwtSecrets'],
    ),
    section: fc.constantFrom('operatorKeys', 'regions', 'plans', 'unknown'),
    sectionField: fc.constantFrom('value', 'valueFile', 'name', 'code', 'dbCode', 'role', 'tenant'),
    wrap: fc.constantFrom(
      (value: unknown) => value,
      (value: unknown) => [value],
      (value: unknown) => ({ value }),
      (value: unknown) => ({ [String(value)]: 1 }),
    ),
    cut: fc.option(fc.nat(400)),
    mode: fc.constantFrom('development', 'production', 'neither'),
  })
  await fc.assert(
    fc.asyncProperty(
      secret,
      place,
      async (value, { setting, variable, field, section, sectionField, wrap, cut, mode }) => {
        const app = { id: 'i', name: 'n', key: 'k', secret: value, [field]: wrap(value) }
        const list = [value, { [sectionField]: wrap(value) }]
        const tenants = [{ id: 'x', shortId: 'y', name: 'z', apps: [app] }]
        const text = JSON.stringify({ mode, [setting]: wrap(value), [section]: list, tenants })
        const outcome = await load(cut === null ? text : text.slice(0, cut), {
          environment: { [variable]: value },
          flags: { 'log-level': value, 'data-dir': '/srv', 'public-url': value },
          readFile: () => ({ ok: true, value: `${value}\n` }),
        })
        expect(outcome.ok).toBe(false)
        expect(JSON.stringify(outcome)).not.toContain(value)
      },
    ),
    RUNS,
  )
})

test('what is printed about a good configuration holds none of its secrets', async () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/)
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(secret, { minLength: 1, maxLength: 8 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      async (secrets, bytes) => {
        const keys = secrets.map((each, index) => ({ key: `k${index}`, secret: each }))
        const masterKey = Buffer.from(bytes).toString('base64')
        const tenant = {
          id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
          shortId: 'org_k7xm4pqr2n5t',
          name: 'Acme',
          apps: [{ id: 'i', name: 'n', keys }],
        }
        const outcome = await load(JSON.stringify({ masterKey, tenants: [tenant] }))
        if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems))
        const printed = JSON.stringify(describeConfig(outcome.config))
        for (const each of [...secrets, masterKey]) expect(printed).not.toContain(each)
      },
    ),
    { numRuns: 100 },
  )
})
