/** Adds the commands of the administration to the program. */
import { Argument, type Command, Option } from 'commander'
import { AUDIT_VERIFY } from '../audit/command.ts'
import { type CommandSpec, commandSpecs, positionalName } from './command-spec.ts'
import type { Field } from './field.ts'
import { flagTerm, flagText, hasOpposite } from './flag-text.ts'
import { EVERYWHERE, groupHelp } from './groups.ts'
import { buildInput, type Given } from './input.ts'
import { createReaders } from './readers.ts'
import { type CommonFlags, runOperation } from './run.ts'

const HEADING = 'Administration of a running server:'

/** Commands that can do more than their operation. */
const MORE: Readonly<Record<string, typeof AUDIT_VERIFY | undefined>> = {
  'audit verify': AUDIT_VERIFY,
}

/** @param report takes the exit code of the command that ran. */
export function addAdminCommands(program: Command, report: (exitCode: number) => void): void {
  // `events` is a command and has one below it: what follows that is its own.
  program.enablePositionalOptions()
  for (const group of program.commands) addExamples(group, group.name())
  for (const spec of commandSpecs()) {
    const parent = spec.words.slice(0, -1).reduce(groupIn, program)
    const command = parent.command(spec.words.at(-1) ?? '').description(spec.summary)
    command.enablePositionalOptions()
    if (parent === program) command.helpGroup(HEADING)
    describeCommand(command, spec)
    const more = MORE[spec.words.join(' ')]
    more?.describe(command)
    command.action(async () => {
      report((await more?.run(command)) ?? (await runSpec(command, spec)))
    })
  }
}

/** The group of this name, made when it is not there. */
function groupIn(parent: Command, name: string): Command {
  const known = parent.commands.find((each) => each.name() === name)
  if (known !== undefined) return known
  const { description } = groupHelp(name)
  const group = parent.command(name).description(description).helpGroup(HEADING)
  return addExamples(group, name)
}

function addExamples(command: Command, name: string): Command {
  const { examples } = groupHelp(name)
  if (examples.length === 0) return command
  return command.addHelpText(
    'after',
    `\nExamples:\n${examples.map((each) => `  ${each}\n`).join('')}`,
  )
}

function describeCommand(command: Command, spec: CommandSpec): void {
  const [first, ...others] = spec.variants
  const isOptional = others.some(({ positionals }) => positionals.length === 0)
  for (const field of first.positionals) {
    const name = positionalName(field)
    command.addArgument(new Argument(isOptional ? `[${name}]` : `<${name}>`, field.text))
  }
  const fields = fieldsToOffer(spec)
  for (const field of fields) addFieldFlags(command, field)
  const switches = new Set(fields.flatMap(({ kind, flag }) => (kind === 'boolean' ? [flag] : [])))
  command.configureHelp({
    // Both forms of a switch on one line.
    optionTerm: ({ flags }) => {
      return switches.has(flags.slice(2)) ? flags.replace('--', '--[no-]') : flags
    },
  })
  command.optionsGroup('Common options:')
  command
    .option('--json', 'Print the answer as JSON.')
    .option('-q, --quiet', 'Print new secrets or ids only, and no progress.')
  if (first.operation.method !== 'GET') {
    command.option('--idempotency-key <text>', 'Makes it safe to run the same command again.')
  }
  if (fields.some(({ flag }) => flag === 'cursor')) {
    command.option('--all', 'Print every page.')
  }
  command
    .option('--url <url>', 'Where the server is; else from the configuration. [LOCKGATE_URL]')
    .option('--operator-key-file <file>', 'The operator key. [LOCKGATE_OPERATOR_KEY_FILE]')
    .option('--data-dir <folder>', 'Its operator.key is used unless a key is named.')
    .option('--config <file>', 'The configuration of the server. [LOCKGATE_CONFIG]')
    .option('--timeout <duration>', 'How long to wait for an answer.')
  command.addHelpText('after', EVERYWHERE)
  if (spec.words.length === 1) addExamples(command, spec.words[0] ?? '')
}

/** Flags of all variants, each once. */
function fieldsToOffer({ variants }: CommandSpec): readonly Field[] {
  const byFlag = new Map<string, Field>()
  for (const { flags } of variants) {
    for (const field of flags) {
      const isOfAll = variants.every((each) => each.flags.some(({ flag }) => flag === field.flag))
      const isRequired = field.isRequired && isOfAll
      if (!byFlag.has(field.flag)) byFlag.set(field.flag, { ...field, isRequired })
    }
  }
  return [...byFlag.values()]
}

function addFieldFlags(command: Command, field: Field): void {
  const { flag, kind, choices } = field
  const option = new Option(flagTerm(field), flagText(field))
  // The words of a choice are checked where all of the input is; here they serve help and shells.
  if (choices.length > 0) option.argChoices = [...choices]
  if (kind === 'list') {
    option.argParser((value: string, before: unknown) =>
      Array.isArray(before) ? [...(before as string[]), value] : [value],
    )
  }
  command.addOption(option)
  // Said in the text of the flag itself, or plain; completed by shells all the same.
  if (hasOpposite(field)) command.addOption(new Option(`--no-${flag}`, OPPOSITE).hideHelp())
}

const OPPOSITE = 'The opposite.'

async function runSpec(command: Command, spec: CommandSpec): Promise<number> {
  const positionals = command.args
  const variant = spec.variants.find((each) => each.positionals.length === positionals.length)
  if (variant === undefined) return command.error('error: give every argument, or none')
  const given = givenFlags(command, spec)
  const foreign = [...given.keys()].find(
    (flag) => !variant.flags.some((each) => each.flag === flag),
  )
  if (foreign !== undefined) {
    const how = variant.positionals.length === 0 ? 'without' : 'with'
    return command.error(`error: --${foreign} does nothing ${how} an argument`)
  }
  const built = await buildInput(variant, { positionals, given }, createReaders())
  if (!built.ok) {
    const [first] = spec.variants
    const or =
      variant === first ? '' : `; or name <${first.positionals.map(positionalName).join('> <')}>`
    return command.error(`error: ${built.problem}${or}`)
  }
  const { body } = built.input
  if (variant.operation.method === 'PATCH' && Object.keys(body ?? {}).length === 0) {
    return command.error('error: name what to change')
  }
  return runOperation(variant, built.input, command.opts<CommonFlags>())
}

function givenFlags(command: Command, spec: CommandSpec): ReadonlyMap<string, Given> {
  const values: Readonly<Record<string, Given | undefined>> = command.opts()
  return new Map(
    fieldsToOffer(spec).flatMap(({ flag }) => {
      const value = values[new Option(`--${flag}`).attributeName()]
      return value === undefined ? [] : [[flag, value] as const]
    }),
  )
}
