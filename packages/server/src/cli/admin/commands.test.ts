import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { commandSpecs } from './command-spec.ts'
import { addAdminCommands } from './commands.ts'

let printed = ''
const root = createProgram()

/** The program with these commands only; what it would print is kept. */
function createProgram(): Command {
  const made = new Command('lockgate').exitOverride()
  const output = {
    writeOut: (text: string) => {
      printed += text
    },
    writeErr: (text: string) => {
      printed += text
    },
  }
  made.configureOutput(output)
  addAdminCommands(made, () => undefined)
  const silence = (command: Command): void => {
    for (const each of command.commands) {
      each.exitOverride().configureOutput(output)
      silence(each)
    }
  }
  silence(made)
  return made
}

/** @returns the exit code that commander chose; what it printed is in `printed`. */
async function run(args: readonly string[]): Promise<number> {
  printed = ''
  try {
    await root.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
}

describe('help', () => {
  test.each(commandSpecs().map(({ words, summary }) => [words.join(' '), summary] as const))(
    'lockgate %s --help says what it does, its flags and where the key comes from',
    async (command, summary) => {
      expect(await run([...command.split(' '), '--help'])).toBe(0)
      const text = printed.replaceAll(/\s+/g, ' ')
      for (const part of [summary, '--json', '--operator-key-file', 'LOCKGATE_OPERATOR_KEY']) {
        expect(text).toContain(part)
      }
    },
  )

  test.each(['tenants', 'apps', 'secrets', 'keys', 'audit', 'master-key'])(
    'lockgate %s --help lists its commands with examples',
    async (group) => {
      expect(await run([group, '--help'])).toBe(0)
      expect(printed).toContain('Commands:')
      expect(printed).toContain(`  lockgate ${group} `)
    },
  )
})

test('every command of the reference exists and takes the arguments it shows', async () => {
  const page = readFileSync(join(import.meta.dir, '../../../../../docs/cli.md'), 'utf8')
  const usages = Array.from(page.matchAll(/^### `lockgate (.+)`$/gm), ([, usage = '']) => usage)
  expect(usages).toHaveLength(commandSpecs().length)
  for (const usage of usages) {
    expect(await run([...usage.replaceAll(/ [<[].*/g, '').split(' '), '--help'])).toBe(0)
    expect(printed.replace(' [options]', '')).toContain(`Usage: lockgate ${usage}`)
  }
})

test('help asks for nothing that a credential in front makes needless', async () => {
  expect(await run(['revoke', '--help'])).toBe(0)
  const [, kind = ''] = /--kind([\s\S]*?)--tenant-id/.exec(printed) ?? []
  expect(kind).toContain('"user"')
  expect(kind).not.toContain('required')
})

describe('a wrong command line', () => {
  test.each([
    ['secrets rotate', "missing required argument 'credential-id'"],
    ['secrets rotate a b', 'too many arguments'],
    ['secrets rotate a --overlap', 'argument missing'],
    ['secrets rotate a --overlap soon', '--overlap: use 1h'],
    ['secrets rotate a --value sk_in_the_arguments', "unknown option '--value'"],
    ['secrets create a --kind api_key', 'missing: --name'],
    ['secrets create a --kind car --name b', '--kind: use api_key'],
    ['revoke --reason x', 'missing: --kind; or name <credential-id>'],
    ['revoke cred_1 --kind user --reason x', '--kind does nothing with an argument'],
    ['revoke --version-id v --reason x', '--version-id does nothing without an argument'],
    ['apps update a', 'name what to change'],
    ['audit list --limit many', '--limit: use a whole number'],
  ])('%s: says which part, and sends nothing', async (line, text) => {
    expect(await run(line.split(' '))).not.toBe(0)
    expect(printed).toContain(text)
    expect(printed).not.toContain('sk_in_the_arguments')
  })
})
