/** The text of docs/cli.md: the commands of the administration, from the table of operations. */
import type { Operation } from '../packages/admin-api/src/operation.ts'
import {
  type CommandSpec,
  commandSpecs,
  positionalName,
} from '../packages/server/src/cli/admin/command-spec.ts'
import type { Field } from '../packages/server/src/cli/admin/field.ts'
import { flagTerm, flagText } from '../packages/server/src/cli/admin/flag-text.ts'
import { groupHelp } from '../packages/server/src/cli/admin/groups.ts'

const HEAD = `<!-- Written by scripts/docs.ts from the table of operations: npm run fix. -->

# Command line

\`npx lockgate serve\` runs the server and \`npx lockgate check-config\` checks its configuration
([config.md](config.md)). Every other command here speaks to a running server through \`/admin/v1\`, and
each command is one operation of it, with the same names: \`GET /admin/v1/openapi.json\` has the shapes.
\`npx lockgate keys generate --type sk\` needs no server: it prints one well-formed value; and
\`npx lockgate audit verify --offline\` reads the files of one ([audit.md](audit.md)).

\`\`\`sh
APP=chat

# A key for a backend. With --quiet its value is all that is printed, this once.
npx lockgate keys create $APP --name backend --quiet > backend.key
KEY=$(npx lockgate keys list $APP --quiet)

# A new value; the old one works for another hour. Who still uses it?
npx lockgate rotate $KEY --overlap 1h --quiet > backend-new.key
npx lockgate secrets readiness $KEY

# Leaked: everything that came by it ends now, and a sentence says how much that was.
npx lockgate revoke $KEY --reason "found in a public repository"

# What was done, by whom; and that nobody changed the log since.
npx lockgate audit list --limit 20
npx lockgate audit verify
\`\`\`

## Which server, and as whom

The first that is there counts:

- The address: \`--url\`; \`LOCKGATE_URL\`; \`listen.http\` and \`pathPrefix\` of the configuration;
  \`http://127.0.0.1:8080\`.
- The operator key: \`--operator-key-file\`; \`operator.key\` in \`--data-dir\`;
  \`LOCKGATE_OPERATOR_KEY_FILE\`; \`LOCKGATE_OPERATOR_KEY\`; \`operator.key\` in the configured \`dataDir\`.
- A key file that other users can read is refused.
- No secret is an argument, because other users of the machine can read arguments: the operator key comes
  from a file or a variable, a value of your own from \`--value-file FILE\` or, with \`-\`, from standard
  input.
- An address that is neither https nor loopback brings a warning: the operator key travels in clear.

## What comes back

- Answers are tables, records and sentences, fitted to the terminal. \`--json\` prints the answer of the
  operation as it is; \`--quiet\` prints new secrets or ids only, one in each line.
- A new secret is on a line of its own on standard output, once, with a warning on standard error.
- A list shows one page and says how to go on; \`--all\` shows every page. \`audit export\` prints JSON
  lines as they come.
- Problems are one line on standard error: what is wrong, what to do, and the code in parentheses.
- Exit codes: 0 done; 1 refused or failed, a log that is not sound included; 2 wrong command line or
  configuration, nothing was sent.

## The audit log without the server

\`lockgate audit verify --offline --data-dir DIR\` reads the files of a data directory and changes none of
them. \`--witness FILE\` compares the rows with the checkpoints that somebody outside keeps, and
\`--public-key FILE\` says under which key, as \`lockgate audit public-key --json\` printed it once.

## Flags

- Durations are \`1h\`, \`30m\`, \`90s\`, \`7d\`, \`1h30m\` or a number of seconds; times are RFC 3339.
- A switch is turned off with \`--no-\` before its name. A flag that can be given several times takes one
  value each time; \`--no-\` before its name is an empty list.
- A call that changes something carries an idempotency key, the same for all its attempts, so a lost reply
  is asked for again without doing the work twice. \`--idempotency-key\` keeps that across runs of a script.
- \`lockgate COMMAND --help\` describes every flag. \`lockgate completion bash\`, \`zsh\` or \`fish\` prints a
  script that completes commands, flags and values.

Every command below takes \`--json\`, \`--quiet\`, \`--url\`, \`--operator-key-file\`, \`--data-dir\`,
\`--config\` and \`--timeout\`, lists with pages \`--all\`, and what changes something \`--idempotency-key\`.
`

export function cliReference(): string {
  const specs = commandSpecs()
  const groups = [...new Set(specs.map(({ words: [first = ''] }) => first))]
  const sections = groups.map((group) => {
    return section(
      group,
      specs.filter(({ words }) => words[0] === group),
    )
  })
  return [HEAD, ...sections].join('')
}

function section(group: string, specs: readonly CommandSpec[]): string {
  const { description, examples } = groupHelp(group)
  const intro = description === '' ? '' : `\n${description}\n`
  const shown = examples.map((each) => each.replace(/^lockgate/, 'npx lockgate'))
  const block = shown.length === 0 ? '' : `\n\`\`\`sh\n${shown.join('\n')}\n\`\`\`\n`
  return `\n## ${group}\n${intro}${block}${specs.map(entry).join('')}`
}

function entry(spec: CommandSpec): string {
  const { words, summary, variants } = spec
  const [first, second] = variants
  const names = first.positionals.map((field) => {
    return second === undefined ? `<${positionalName(field)}>` : `[${positionalName(field)}]`
  })
  const usage = ['lockgate', ...words, ...names].join(' ')
  const operations = variants.map(({ name, operation }) => operationText(name, operation))
  const flags = second === undefined ? flagList(first.flags) : variants.map(variantFlags).join('')
  return `\n### \`${usage}\`\n\n${summary} ${operations.join(' ')}\n${flags}`
}

function operationText(name: string, { method, path, permission }: Operation): string {
  return `Operation \`${name}\`, \`${method} ${path}\`, permission \`${permission}\`.`
}

function variantFlags({ positionals, flags }: CommandSpec['variants'][number]): string {
  const [field] = positionals
  const how = field === undefined ? 'Without it' : `With <${positionalName(field)}>`
  return `\n${how}:\n${flagList(flags)}`
}

function flagList(flags: readonly Field[]): string {
  if (flags.length === 0) return ''
  return `\n${flags.map(flagLine).join('')}`
}

function flagLine(field: Field): string {
  const text = flagText(field)
  const choices = field.choices.map((each) => `\`${each}\``).join(', ')
  const parts = [text, choices === '' ? '' : `One of ${choices}.`].filter((each) => each !== '')
  return `- \`${flagTerm(field)}\`${parts.length === 0 ? '' : `: ${parts.join(' ')}`}\n`
}
