/**
 * Writes the generated pages, docs/config.md and docs/config.example.yaml, from the configuration
 * table. With `--check` writes nothing and ends with 1 when a page is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  APP_FIELDS,
  APP_SETTINGS,
  SIGNING_KEY_COUNT_MAX,
  SIGNING_KEY_FIELDS,
  TENANT_FIELDS,
} from '../packages/server/src/config/app-schema.ts'
import {
  CONFIG_FILE_BYTES_MAX,
  isSecret,
  namesOf,
  SECRET_FILE_BYTES_MAX,
  SETTING_ROWS,
  secretFileKey,
} from '../packages/server/src/config/schema.ts'
import { SECRET_CHARACTERS_MIN } from '../packages/server/src/config/secrets.ts'
import { defaultOf, type Setting, shapeOf } from '../packages/server/src/config/settings.ts'

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
- Variables that container platforms set for a service called \`lockgate\`, such as
  \`LOCKGATE_SERVICE_HOST\` and \`LOCKGATE_PORT\`, are left alone. A \`.env\` file in the working
  directory is not read.
- \`mode: production\` refuses well-known ids, keys and secrets, secrets shorter than
  ${SECRET_CHARACTERS_MIN} characters, and apps that any origin may connect to without
  \`dangerousAnyOrigin: true\`.

## Settings
`

const TENANTS = `
## Tenants and apps

The \`tenants\` list is read from the file only. What it declares is created or brought in line at
each start, so applying the same file again changes nothing.

An app has one \`key\` and \`secret\`, or a list \`keys\` of up to ${SIGNING_KEY_COUNT_MAX}
such pairs, all of which are accepted. The secret of a pair can stand in \`secret\`, in a file that
\`secretFile\` names, or in the environment, which wins: \`LOCKGATE_KEY_<KEY>_SECRET\` or
\`LOCKGATE_KEY_<KEY>_SECRET_FILE\`, where \`<KEY>\` is the public key in uppercase with \`_\`
for \`-\`.
`

const EXAMPLE_HEAD = `# Every setting with its default; docs/config.md explains more.
# Written by scripts/docs.ts.
# Start with it: npx lockgate serve --config config.example.yaml`

const EXAMPLE_VALUES: Readonly<Record<string, string>> = {
  'tenant.id': '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  'tenant.shortId': 'org_k7xm4pqr2n5t',
  'tenant.name': 'Acme',
  'app.id': 'my-app-id',
  'app.name': 'demo',
  'app.key': 'my-app-key',
  'app.secret': 'my-app-secret',
  'tls.certFile': './certificate.pem',
  'tls.keyFile': './private-key.pem',
}

/** @returns path below the root and text of each generated page. */
function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/config.md', reference()],
    ['docs/config.example.yaml', example()],
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
  const groups = [
    ['Fields of a tenant', TENANT_FIELDS],
    ['Fields of an app', { ...APP_FIELDS, ...SIGNING_KEY_FIELDS }],
    ['Settings of an app', APP_SETTINGS],
  ] as const
  const declarations = groups.map(([title, rows]) => {
    const blocks = Object.entries<Setting>(rows).map(([key, row]) => block(key, row, []))
    return `\n### ${title}\n${blocks.join('')}`
  })
  return `${HEAD}${settings.join('')}${TENANTS}${declarations.join('')}`
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

function example(): string {
  const lines: string[] = [EXAMPLE_HEAD]
  let group = ''
  for (const [key, row] of SETTING_ROWS) {
    const [first = '', name] = key.split('.')
    const isNew = name !== undefined && first !== group
    group = name === undefined ? '' : first
    if (name === undefined || isNew) lines.push('')
    const value = defaultOf(row, 'development')
    const isOptional = value === undefined || typeof row.default === 'object'
    const mark = isOptional ? '# ' : ''
    if (isNew) lines.push(`${mark}${first}:`)
    const indent = name === undefined ? '' : '  '
    lines.push(`${isOptional ? '' : indent}# ${row.does} (${shapeOf(row)})`)
    if (isSecret(row)) lines.push(`# ${secretFileKey(key)}: ./master.key`)
    else lines.push(`${mark}${indent}${name ?? first}: ${yamlOf(value ?? EXAMPLE_VALUES[key])}`)
  }
  return `${[...lines, '', ...exampleTenants()].join('\n')}\n`
}

function exampleTenants(): string[] {
  const field = (owner: 'tenant' | 'app', [key, row]: [string, Setting], indent: string) => {
    const value = EXAMPLE_VALUES[`${owner}.${key}`] ?? defaultOf(row, 'development')
    return [`${indent}# ${row.does} (${shapeOf(row)})`, `${indent}${key}: ${yamlOf(value)}`]
  }
  const appRows = { ...APP_FIELDS, ...SIGNING_KEY_FIELDS, ...APP_SETTINGS }
  return [
    '# Tenants and their apps; created or brought in line at each start.',
    '# Production refuses the ids and secrets of this example.',
    'tenants:',
    '  -',
    ...Object.entries<Setting>(TENANT_FIELDS).flatMap((row) => field('tenant', row, '    ')),
    '    apps:',
    '      -',
    ...Object.entries<Setting>(appRows).flatMap((row) => field('app', row, '        ')),
  ]
}

function yamlOf(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z./][\w./-]*$/.test(value)
    ? value
    : JSON.stringify(value)
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
