/**
 * The example of the configuration file, docs/config.example.yaml, from the configuration table.
 */
import { APP_SETTINGS } from '../packages/server/src/config/app-schema.ts'
import {
  ALERT_RULE_FIELDS,
  BUILT_IN_ALERT_RULES,
} from '../packages/server/src/config/alert-schema.ts'
import { isSecret, SETTING_ROWS, secretFileKey } from '../packages/server/src/config/schema.ts'
import {
  BUILT_IN_PLANS,
  DEFAULT_REGIONS,
  OPERATOR_KEY_FIELDS,
  PLAN_FIELDS,
  REGION_FIELDS,
} from '../packages/server/src/config/section-schema.ts'
import {
  INTEGRATION_FIELDS,
  RULE_FIELDS,
  RULE_SET_FIELDS,
} from '../packages/server/src/config/rule-schema.ts'
import { defaultOf, type Setting, shapeOf } from '../packages/server/src/config/settings.ts'
import {
  API_KEY_FIELDS,
  APP_FIELDS,
  JWT_SECRET_FIELDS,
  MQTT_USER_FIELDS,
  SIGNING_KEY_FIELDS,
  TENANT_FIELDS,
} from '../packages/server/src/config/tenant-schema.ts'
import { WEBHOOK_FIELDS } from '../packages/server/src/config/webhook-schema.ts'

const EXAMPLE_HEAD = `# Every setting with its default; docs/config.md explains more.
# Written by scripts/docs.ts.
# Start with it: npx lockgate serve --config config.example.yaml`

const EXAMPLE_VALUES: Readonly<Record<string, unknown>> = {
  'tenant.id': '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  'tenant.shortId': 'org_k7xm4pqr2n5t',
  'tenant.name': 'Acme',
  'ruleSet.name': 'sensors',
  'rule.effect': 'allow',
  'rule.actions': ['publish'],
  'rule.filter': 'sensors/${username}/#',
  'rule.users': ['sensor-*'],
  'integration.name': 'web',
  'integration.app': 'my-app-id',
  'integration.provider': 'supabase',
  'integration.project': 'abcdefghijklmnop',
  'mqttUser.name': 'sensor-1',
  'app.id': 'my-app-id',
  'app.name': 'demo',
  'app.key': 'my-app-key',
  'app.secret': 'my-app-secret',
  publicUrl: 'https://realtime.example.com',
  masterKeyCommand: ['/usr/local/bin/fetch-secret', 'lockgate/master-key'],
  'audit.witnessFile': './witness.ndjson',
  'audit.witnessUrl': 'https://witness.example.com/checkpoints',
  'alerts.app': 'my-app-id',
  'smtp.url': 'smtp://mail.example.com:587',
  'smtp.user': 'lockgate',
  'smtp.from': 'lockgate@example.com',
  'tls.certFile': './certificate.pem',
  'tls.keyFile': './private-key.pem',
}

const SECRET_FILES: Readonly<Record<string, string>> = {
  masterKey: './master.key',
  'smtp.password': './smtp-password',
}

/** Shown in comments, for keys that have no default. */
const LEFT_OUT_VALUES: Readonly<Record<string, unknown>> = {
  role: 'auditor',
  tenant: EXAMPLE_VALUES['tenant.id'],
  region: 'local',
  clientId: 'my-client-id',
  scopes: ['publish'],
  kid: '2030-01',
  ruleSet: 'sensors',
}

/** @returns the text of docs/config.example.yaml. */
export function configExample(): string {
  const lines: string[] = [EXAMPLE_HEAD]
  let group = ''
  for (const [key, row] of SETTING_ROWS) {
    const [first = '', name] = key.split('.')
    const isNew = name !== undefined && first !== group
    group = name === undefined ? '' : first
    if (name === undefined || isNew) lines.push('')
    const value = defaultOf(row, 'development')
    const isOptional = isLeftOut(row)
    const indent = name === undefined ? '' : '  '
    if (isNew) {
      const rows = SETTING_ROWS.filter(([each]) => each.startsWith(`${first}.`))
      lines.push(`${rows.every(([, each]) => isLeftOut(each)) ? '# ' : ''}${first}:`)
    }
    lines.push(`${indent}# ${row.does} (${shapeOf(row)})`)
    if (isSecret(row))
      lines.push(`${indent}# ${secretFileKey(name ?? first)}: ${SECRET_FILES[key]}`)
    else {
      const text = yamlOf(value ?? EXAMPLE_VALUES[key])
      lines.push(`${indent}${isOptional ? '# ' : ''}${name ?? first}: ${text}`)
    }
  }
  return `${[...lines, '', ...exampleSections(), '', ...exampleTenants()].join('\n')}\n`
}

/** Whether the example shows the row as a comment: it has no default, or one for each mode. */
function isLeftOut(row: Setting): boolean {
  return row.default === undefined || (row.type === 'boolean' && typeof row.default === 'object')
}

/**
 * Keys of the administration, regions and plans; only what equals the defaults is not a comment.
 */
function exampleSections(): string[] {
  const [plan] = BUILT_IN_PLANS
  const values: Readonly<Record<string, unknown>> = {
    ...DEFAULT_REGIONS[0],
    ...plan?.limits,
    name: plan?.name,
    onePerTenant: plan?.isOnePerTenant,
    openToTenants: plan?.isOpenToTenants,
  }
  const entry = (rows: Readonly<Record<string, Setting>>) =>
    Object.entries(rows).flatMap(([key, row]) =>
      field(key, row, { indent: '    ', value: values[key] }),
    )
  return [
    '# Keys of the administration.',
    'operatorKeys: []',
    ...commented(['  -', ...entry(OPERATOR_KEY_FIELDS)]),
    '',
    '# Where records of apps live.',
    'regions:',
    '  -',
    ...entry(REGION_FIELDS),
    '',
    '# Plans of the installation.',
    'plans:',
    '  -',
    ...entry(PLAN_FIELDS),
    '',
    '# When alerts are raised, beside the built-in rules.',
    'alertRules: []',
    ...commented(['  -', ...ruleLines()]),
  ]
}

function ruleLines(): string[] {
  const [rule] = BUILT_IN_ALERT_RULES
  const values: Readonly<Record<string, unknown>> = { ...rule, to: ['log', 'email'] }
  return Object.entries(ALERT_RULE_FIELDS).flatMap(([key, row]) =>
    field(key, row, { indent: '    ', value: values[key] }),
  )
}

function exampleTenants(): string[] {
  const fields = (
    owner: 'tenant' | 'ruleSet' | 'rule' | 'integration' | 'app' | 'mqttUser' | 'webhook',
    rows: Readonly<Record<string, Setting>>,
    indent: string,
  ) =>
    Object.entries(rows).flatMap(([key, row]) =>
      field(key, row, { indent, value: EXAMPLE_VALUES[`${owner}.${key}`] }),
    )
  const appRows = { ...APP_FIELDS, ...SIGNING_KEY_FIELDS, ...APP_SETTINGS }
  return [
    '# Tenants and their apps; created or brought in line at each start.',
    '# Production refuses the ids and secrets of this example.',
    'tenants:',
    '  -',
    ...fields('tenant', TENANT_FIELDS, '    '),
    '    # Plans of this tenant, as those of the installation.',
    '    plans: []',
    '    # What clients may do on topics; without one named default the built-in one holds.',
    '    ruleSets: []',
    ...commented([
      '      -',
      ...fields('ruleSet', RULE_SET_FIELDS, '        '),
      '        rules:',
      '          -',
      ...fields('rule', RULE_FIELDS, '            '),
    ]),
    '    # What tokens name: a rule set, an identity provider, or both.',
    '    integrations: []',
    ...commented(['      -', ...fields('integration', INTEGRATION_FIELDS, '        ')]),
    '    apps:',
    '      -',
    ...fields('app', appRows, '        '),
    '        apiKeys: []',
    ...commented(['          -', ...fields('app', API_KEY_FIELDS, '            ')]),
    '        jwtSecrets: []',
    ...commented(['          -', ...fields('app', JWT_SECRET_FIELDS, '            ')]),
    '        mqttUsers: []',
    ...commented(['          -', ...fields('mqttUser', MQTT_USER_FIELDS, '            ')]),
    '        webhooks: []',
    ...commented(['          -', ...fields('webhook', WEBHOOK_FIELDS, '            ')]),
  ]
}

/** One key of an entry under its explanation; a comment where it has neither value nor default. */
function field(
  key: string,
  row: Setting,
  { indent, value }: { readonly indent: string; readonly value: unknown },
): string[] {
  const shown = value ?? defaultOf(row, 'development')
  const name = isSecret(row) && shown === undefined ? secretFileKey(key) : key
  const text = shown ?? (isSecret(row) ? './secret' : LEFT_OUT_VALUES[key])
  return [
    `${indent}# ${row.does} (${shapeOf(row)})`,
    `${indent}${shown === undefined ? '# ' : ''}${name}: ${yamlOf(text)}`,
  ]
}

const commented = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/^( *)(?:# )?/, '$1# '))

function yamlOf(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z./][\w./-]*$/.test(value)
    ? value
    : JSON.stringify(value)
}
