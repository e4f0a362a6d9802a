/**
 * Writes what is generated: docs/config.md and docs/config.example.yaml from the configuration
 * table; docs/cli.md and the routes of the administration from its table of operations;
 * docs/webhook-events.md from the table of webhook events. With `--check` writes nothing and ends
 * with 1 when one of them is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  ALERT_RULE_FIELDS,
  BUILT_IN_ALERT_RULES,
} from '../packages/server/src/config/alert-schema.ts'
import { APP_SETTINGS } from '../packages/server/src/config/app-schema.ts'
import {
  CONFIG_FILE_BYTES_MAX,
  isSecret,
  namesOf,
  SECRET_FILE_BYTES_MAX,
  SETTING_ROWS,
  secretFileKey,
} from '../packages/server/src/config/schema.ts'
import { SECRET_CHARACTERS_MIN } from '../packages/server/src/config/secrets.ts'
import {
  BUILT_IN_PLANS,
  DEFAULT_REGIONS,
  OPERATOR_KEY_FIELDS,
  PLAN_FIELDS,
  REGION_COUNT_MAX,
  REGION_FIELDS,
} from '../packages/server/src/config/section-schema.ts'
import { defaultOf, type Setting, shapeOf } from '../packages/server/src/config/settings.ts'
import {
  INTEGRATION_FIELDS,
  RULE_FIELDS,
  RULE_SET_FIELDS,
} from '../packages/server/src/config/rule-schema.ts'
import {
  API_KEY_FIELDS,
  APP_FIELDS,
  JWT_SECRET_COUNT_MAX,
  JWT_SECRET_FIELDS,
  MQTT_USER_COUNT_MAX,
  MQTT_USER_FIELDS,
  SIGNING_KEY_COUNT_MAX,
  SIGNING_KEY_FIELDS,
  TENANT_FIELDS,
} from '../packages/server/src/config/tenant-schema.ts'
import { WEBHOOK_FIELDS } from '../packages/server/src/config/webhook-schema.ts'
import { adminRoutes } from './admin-routes.ts'
import { cliReference } from './cli-reference.ts'
import { configExample } from './config-example.ts'
import { webhookEventsPage } from './webhook-events-page.ts'

const ROOT = resolve(import.meta.dirname, '..')

const HEAD = `<!-- Written by scripts/docs.ts from the configuration table: npm run fix. -->

# Configuration

Every setting has a key in the configuration file, an environment variable and a flag. Defaults
come first, then the file, then the environment, then the flags; the later one wins.

- The file is YAML or JSON, at most ${CONFIG_FILE_BYTES_MAX} bytes, and is named with
  \`--config\` or \`LOCKGATE_CONFIG\`; [config.example.yaml](config.example.yaml) is an example.
  Relative paths in it start at its folder; all others start at the working directory.
- An unknown key, variable or flag, a wrong type and a value out of range are refused, and nothing
  starts. Every problem is reported at once, with the line, the variable or the flag it is in.
- \`npx lockgate check-config --config FILE\` prints the effective configuration, or every problem
  and exit code 2. With \`--json\` it prints one object, \`{"ok": true, "config": …}\` or
  \`{"ok": false, "problems": [{"where", "what", "next"}]}\`.
- Secrets print as \`***\`. Each can come from a file of at most ${SECRET_FILE_BYTES_MAX} bytes:
  its variable with \`_FILE\`, or its key with \`File\` at the end. One line end after the
  secret is left out. No secret is a flag, because other users of the machine can read flags.
- A list in a variable or a flag is separated by commas, a command by spaces; either can also be
  written as a JSON list.
- Variables that container platforms set for a service called \`lockgate\`, such as
  \`LOCKGATE_SERVICE_HOST\` and \`LOCKGATE_PORT\`, are left alone. A \`.env\` file in the working
  directory is not read.
- \`mode: production\` refuses well-known ids, keys and secrets, secrets shorter than
  ${SECRET_CHARACTERS_MIN} characters, apps that any origin may connect to without
  \`dangerousAnyOrigin: true\`, and a \`publicUrl\` without TLS.

## Settings
`

const PLANS = BUILT_IN_PLANS.map(({ name, limits, isOnePerTenant, isOpenToTenants }) => {
  const numbers = Object.entries(limits).map(([limit, value]) => `${limit} ${value}`)
  const rules = [
    numbers.join(', '),
    ...(isOnePerTenant ? ['one app per tenant'] : []),
    ...(isOpenToTenants ? ['open to tenants'] : []),
  ]
  return `  - \`${name}\`: ${rules.join('; ')}`
})

const RULES = BUILT_IN_ALERT_RULES.map(({ name, watch, threshold, windowMs, per }) => {
  const seconds = windowMs / 1_000
  return `  - \`${name}\`: ${threshold} of \`${watch}\` in ${seconds} seconds, by ${per}`
})

const SECTIONS = `
## Operator keys, regions, plans and alert rules

The lists \`operatorKeys\`, \`regions\`, \`plans\` and \`alertRules\` are read from the file only.

- Without \`regions\` there is one, \`${DEFAULT_REGIONS[0]?.code}\`; there can be
  ${REGION_COUNT_MAX}. The first is where an app lives that names none.
- \`plans\` at the top is for every tenant, \`plans\` in a tenant for that one. These plans exist
  without being declared:
${PLANS.join('\n')}
- \`alertRules\` says when alerts are raised ([alerts.md](alerts.md)). These exist without being declared:
${RULES.join('\n')}
`

const TENANTS = `
## Tenants and apps

The \`tenants\` list is read from the file only. What it declares is created or brought in line at
each start, so applying the same file again changes nothing.

An app has one \`key\` and \`secret\`, or a list \`keys\` of up to ${SIGNING_KEY_COUNT_MAX}
such pairs, all of which are accepted. It can also have \`apiKeys\`, and up to
${JWT_SECRET_COUNT_MAX} \`jwtSecrets\` and ${MQTT_USER_COUNT_MAX} \`mqttUsers\`. The secret of a pair
can stand in \`secret\`, in a file that
\`secretFile\` names, or in the environment, which wins: \`LOCKGATE_KEY_<KEY>_SECRET\` or
\`LOCKGATE_KEY_<KEY>_SECRET_FILE\`, where \`<KEY>\` is the public key in uppercase with \`_\`
for \`-\`.
`

/** @returns path below the root and text of each generated page. */
function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/config.md', reference()],
    ['docs/config.example.yaml', configExample()],
    ['docs/cli.md', cliReference()],
    ['docs/webhook-events.md', webhookEventsPage()],
    ['packages/admin-api/src/generated/routes.ts', adminRoutes()],
  ])
}

function reference(): string {
  const settings = SETTING_ROWS.map(([key, row]) => {
    const { environment, environmentFile, flag, flagFile } = namesOf(key)
    const names = [environment, environmentFile, flag && `--${flag}`, flagFile && `--${flagFile}`]
    return block(
      key,
      row,
      names.flatMap((name) => (name === undefined ? [] : [`\`${name}\``])),
    )
  })
  const sections = [
    group('Fields of an operator key', OPERATOR_KEY_FIELDS),
    group('Fields of a region', REGION_FIELDS),
    group('Fields of a plan', PLAN_FIELDS),
    group('Fields of an alert rule', ALERT_RULE_FIELDS),
  ]
  const tenants = [
    group('Fields of a tenant', TENANT_FIELDS),
    group('Fields of an entry of `ruleSets`, beside its `rules`', RULE_SET_FIELDS),
    group('Fields of an entry of `rules`', RULE_FIELDS),
    group('Fields of an entry of `integrations`', INTEGRATION_FIELDS),
    group('Fields of an app', { ...APP_FIELDS, ...SIGNING_KEY_FIELDS }),
    group('Fields of an entry of `apiKeys`', API_KEY_FIELDS),
    group('Fields of an entry of `jwtSecrets`', JWT_SECRET_FIELDS),
    group('Fields of an entry of `mqttUsers`', MQTT_USER_FIELDS),
    group('Fields of an entry of `webhooks`', WEBHOOK_FIELDS),
    group('Settings of an app', APP_SETTINGS),
  ]
  return [HEAD, ...settings, SECTIONS, ...sections, TENANTS, ...tenants].join('')
}

function group(title: string, rows: Readonly<Record<string, Setting>>): string {
  const blocks = Object.entries(rows).map(([key, row]) => block(key, row, []))
  return `\n### ${title}\n${blocks.join('')}`
}

function block(key: string, row: Setting, names: readonly string[]): string {
  const files = isSecret(row) ? [`or \`${secretFileKey(key)}\``] : []
  const facts = [shapeOf(row), `default ${showDefault(row)}`, ...files, ...names]
  return `\n**\`${key}\`**: ${facts.join('; ')}.\n${row.does}\n${row.prevents}\n`
}

function showDefault(row: Setting): string {
  if (row.type === 'boolean' && typeof row.default === 'object') {
    return `\`${row.default.development}\`, in production \`${row.default.production}\``
  }
  const value = defaultOf(row, 'development')
  return value === undefined || value === ''
    ? 'none'
    : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

const isCheck = process.argv.includes('--check')
const stale = [...pages()].filter(([path, text]) => {
  const file = resolve(ROOT, path)
  return !existsSync(file) || readFileSync(file, 'utf8') !== text
})
for (const [path, text] of stale) {
  if (isCheck) console.log(`${path}: stale; run npm run fix`)
  else {
    mkdirSync(dirname(resolve(ROOT, path)), { recursive: true })
    writeFileSync(resolve(ROOT, path), text)
    console.log(`${path}: written`)
  }
}
process.exitCode = isCheck && stale.length > 0 ? 1 : 0
